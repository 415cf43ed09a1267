"""What an account says of its settings before anything is ordered: reads, and launches and ends that are dry runs.

A dry run is answered by AWS with whether it would have been allowed; nothing is made and nothing ends.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from autoscaler.providers.aws import pages, request, tags
from autoscaler.providers.aws.clients import Clients, connect
from autoscaler.providers.aws.errors import sorted_errors
from autoscaler.providers.aws.notices import RECEIVES
from autoscaler.providers.check import Finding
from autoscaler.providers.provider import Order, Permanent, Product, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from boto3 import Session

    from planner.fleet.daemon.aws import AwsSettings

ALLOWED = "DryRunOperation"
DENIED = ("UnauthorizedOperation", "AccessDenied", "AuthFailure")
SCRIPT = "#!/bin/sh\n"


def check_aws(
    settings: AwsSettings,
    products: Mapping[str, Product],
    *,
    fleet: str,
    timeout_s: float,
    session: Session | None = None,
) -> tuple[Finding, ...]:
    """What was found of credentials, image, subnets, types, queue and rights; only the first where it is refused."""
    try:
        clients = connect(settings, timeout_s=timeout_s, session=session)
        who = _identity(clients)
    except Permanent as error:
        return (_finding("credentials", False, str(error)),)
    except ProviderError as error:
        return (_finding("credentials", None, str(error)),)
    findings = [who]
    looks: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
        ("image and types", lambda: _image_and_types(clients, settings, products)),
        ("subnets", lambda: _subnets(clients, settings)),
        ("types by zone", lambda: _offerings(clients, settings, products)),
        ("launches", lambda: _launches(clients, settings, products, fleet)),
        ("ends", lambda: [_end(clients, fleet)]),
        ("queue", lambda: [_queue(clients, settings)]),
    )
    for what, look in looks:
        try:
            findings += look()
        except Permanent as error:
            findings.append(_finding(what, False, str(error)))
        except ProviderError as error:
            findings.append(_finding(what, None, str(error)))
    return tuple(findings)


def _finding(what: str, is_ok: bool | None, detail: str) -> Finding:
    return Finding(what=f"aws: {what}", is_ok=is_ok, detail=detail)


def _identity(clients: Clients) -> Finding:
    with sorted_errors("who am I"):
        said = clients.identity.get_caller_identity()
    return _finding("credentials", True, f"{said['Arn']} in account {said['Account']}")


def _image_and_types(clients: Clients, settings: AwsSettings, products: Mapping[str, Product]) -> list[Finding]:
    """Whether the image is there, and every type is made for its architecture."""
    with sorted_errors(f"image {settings.image_id}"):
        images = clients.ec2.describe_images(ImageIds=[settings.image_id])["Images"]
    if not images:
        return [_finding(f"image {settings.image_id}", False, "there is no such image in the region")]
    state, architecture = images[0].get("State"), images[0].get("Architecture")
    found = [
        _finding(f"image {settings.image_id}", state == "available", f"it is {state}, for {architecture}"),
    ]
    names = sorted({product.name for product in products.values()})
    for name in names:
        try:
            with sorted_errors(f"type {name}"):
                (kind,) = clients.ec2.describe_instance_types(
                    InstanceTypes=[name]  # type: ignore[list-item]  # the stubs list the types of their day
                )["InstanceTypes"]
        except Permanent as error:
            found.append(_finding(f"type {name}", False, str(error)))
            continue
        able = list(kind.get("ProcessorInfo", {}).get("SupportedArchitectures", []))
        found.append(_finding(f"type {name}", architecture in able, f"it runs {', '.join(able)}"))
    return found


def _subnets(clients: Clients, settings: AwsSettings) -> list[Finding]:
    """Whether every subnet is in its zone and has addresses left."""
    if not settings.subnets:
        return [_finding("subnets", None, "none is named: the default VPC of the region is used")]
    found = []
    for zone, subnet in sorted(settings.subnets.items()):
        what = f"subnet {subnet} in {zone}"
        try:
            with sorted_errors(what):
                (row,) = clients.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        except Permanent as error:
            found.append(_finding(what, False, str(error)))
            continue
        there, left = row.get("AvailabilityZone"), row.get("AvailableIpAddressCount", 0)
        if there != zone:
            found.append(_finding(what, False, f"it is in {there}"))
        else:
            found.append(_finding(what, left > 0, f"{left} addresses left"))
    return found


def _offerings(clients: Clients, settings: AwsSettings, products: Mapping[str, Product]) -> list[Finding]:
    """Whether each pool's type is sold where its nodes may start."""
    names = sorted({product.name for product in products.values()})
    with sorted_errors("types by zone"):
        reply = clients.ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": names}]
        )
        sold = {(row["InstanceType"], row["Location"]) for page in reply for row in page["InstanceTypeOfferings"]}
    found = []
    for pool, product in sorted(products.items()):
        try:
            zones = [place.zone for place in request.places(product, settings) if place.zone is not None]
        except Permanent as error:
            found.append(_finding(pool, False, str(error)))
            continue
        lacking = [zone for zone in zones if (product.name, zone) not in sold]
        if not lacking:
            found.append(_finding(pool, True, f"{product.name} is sold in {', '.join(zones) or 'the region'}"))
        else:
            none = len(lacking) == len(zones)
            found.append(_finding(pool, False if none else None, f"{product.name} is not sold in {', '.join(lacking)}"))
    return found


def _launches(clients: Clients, settings: AwsSettings, products: Mapping[str, Product], fleet: str) -> list[Finding]:
    """Whether launches are allowed: the first pool of each way there is to launch one."""
    found, seen = [], set()
    for pool, product in sorted(products.items()):
        try:
            where = request.places(product, settings)
        except Permanent:
            continue  # said already
        way = (len(where) == 1, product.is_spot)
        if way in seen:
            continue
        seen.add(way)
        order = Order(key="dry-run", node_id="dry-run", fleet=fleet, pool=pool, model="dry-run")
        if len(where) == 1:
            asked = request.run_instances(order, product, settings, place=where[0], user_data=SCRIPT)
            found.append(_dry(f"RunInstances for {pool}", clients.launch.run_instances, asked))
        else:
            template = request.template(order, product, settings, user_data=SCRIPT)
            name = template["LaunchTemplateName"]
            asked = request.create_fleet(order, product, where=where, template_name=name, attempt=0)
            found.append(_dry(f"CreateLaunchTemplate for {pool}", clients.ec2.create_launch_template, template))
            found.append(_dry(f"CreateFleet for {pool}", clients.launch.create_fleet, asked))
    return found


def _end(clients: Clients, fleet: str) -> Finding:
    """Whether the end of a machine is allowed; it takes one to ask."""
    what = "TerminateInstances"
    found, _ = pages.listed(clients.ec2, tags.FLEET, fleet, page_size=pages.PAGE, is_late=lambda: True)
    living = [one["InstanceId"] for one in found if one["State"]["Name"] in ("pending", "running")]
    if not living:
        return _finding(what, None, "can be told once the fleet has a machine")
    return _dry(what, clients.ec2.terminate_instances, {"InstanceIds": living[:1]})


def _dry(what: str, call: Callable[..., Any], asked: Mapping[str, Any]) -> Finding:
    """What AWS answers to a dry run, which is always an error."""
    from botocore.exceptions import ClientError

    with sorted_errors(what):
        try:
            call(**asked, DryRun=True)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == ALLOWED:
                return _finding(what, True, "allowed")
            said = f"{code}: {error.response['Error'].get('Message', '')}".split("Encoded", maxsplit=1)[0]
            return _finding(what, False if code in DENIED else None, said[:300])
    return _finding(what, False, "AWS did not take the dry run for one; look for a machine named dry-run and end it")


def _queue(clients: Clients, settings: AwsSettings) -> Finding:
    """Whether the queue is there, and what cannot be read there goes somewhere."""
    if settings.queue_url is None:
        text = "no queue_url: neither interruption warnings nor rebalance advice are heard"
        return _finding("queue", None, text)
    with sorted_errors("queue"):
        said = clients.queue.get_queue_attributes(
            QueueUrl=settings.queue_url, AttributeNames=["RedrivePolicy", "ApproximateNumberOfMessages"]
        ).get("Attributes", {})
    policy = json.loads(said.get("RedrivePolicy", "null"))
    if policy is None:
        return _finding("queue", False, "it has no redrive policy: what cannot be read comes back for ever")
    receives = int(policy.get("maxReceiveCount", 0))
    if receives < RECEIVES:
        text = (
            f"maxReceiveCount is {receives}; expected {RECEIVES} or more, or good messages end among the dead letters"
        )
        return _finding("queue", False, text)
    waiting = said.get("ApproximateNumberOfMessages", "0")
    return _finding("queue", True, f"about {waiting} messages wait; dead letters after {receives} receives")
