"""The request that launches one order: where, by which call, and with what in it. Pure.

- One place (the zone of the pool, or the only subnet): RunInstances. A fleet of one machine in one place chooses
  nothing, and would need a launch template that holds the join token for as long as it exists.
- Several places: CreateFleet of type instant, which tries them in one call, spot by price and capacity together.
  Its start-up script cannot be given in the request, so a template is made for the order and removed after it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoscaler.providers.aws import tags
from autoscaler.providers.provider import Order, Permanent, Product
from planner.fleet.daemon.aws import AwsSettings

TOKEN_MOST = 64
"""Characters of a ClientToken."""
USER_DATA_MOST = 16 * 1024
"""Bytes of a start-up script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an instance may be started."""

    zone: str | None = None
    subnet: str | None = None


def places(product: Product, settings: AwsSettings) -> tuple[Place, ...]:
    """Where a pool's instances may start: its zone, or every subnet there is. Raises Permanent: in no subnet."""
    if not settings.subnets:
        return (Place(zone=product.zone),)
    if product.zone is None:
        return tuple(Place(zone=zone, subnet=subnet) for zone, subnet in sorted(settings.subnets.items()))
    subnet = settings.subnets.get(product.zone)
    if subnet is None:
        raise Permanent(f"aws: {product.pool} is in {product.zone}, for which providers.aws.subnets has no subnet")
    return (Place(zone=product.zone, subnet=subnet),)


def token(key: str, attempt: int = 0) -> str:
    """The ClientToken of an order's key. `attempt` counts tries that AWS answered for good with nothing made."""
    text = key if attempt == 0 else f"{key}/{attempt}"
    if len(text) <= TOKEN_MOST and text.isascii():
        return text
    return hashlib.sha256(text.encode()).hexdigest()


def run_instances(
    order: Order, product: Product, settings: AwsSettings, *, place: Place, user_data: str
) -> dict[str, Any]:
    """RunInstances for the order in one place."""
    request = _hardware(product, settings)
    resources = ["instance", "volume"]
    if product.is_spot:
        one_time = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        request["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": one_time}
        resources.append("spot-instances-request")
    else:
        request["InstanceInitiatedShutdownBehavior"] = "terminate"
    if place.subnet is not None:
        request["SubnetId"] = place.subnet
    elif place.zone is not None:
        request["Placement"] = {"AvailabilityZone": place.zone}
    return request | {
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": user_data,  # the client library encodes it here, and not in a template
        "TagSpecifications": tags.specified(tags.of_order(order), *resources),
        "ClientToken": token(order.key),
    }


def template(order: Order, product: Product, settings: AwsSettings, *, user_data: str) -> dict[str, Any]:
    """CreateLaunchTemplate for the order; named by what it holds, so that a repeat finds the same one."""
    data = _hardware(product, settings) | {
        "UserData": base64.b64encode(user_data.encode()).decode(),
        "TagSpecifications": tags.specified(tags.of_order(order), "instance", "volume"),
    }
    held = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    return {
        "LaunchTemplateName": f"baseload-{order.fleet}-{held[:24]}",
        "LaunchTemplateData": data,
        "TagSpecifications": tags.specified({tags.FLEET: order.fleet}, "launch-template"),
    }


def create_fleet(
    order: Order, product: Product, *, where: Sequence[Place], template_name: str, attempt: int
) -> dict[str, Any]:
    """CreateFleet for one machine of the order in one of several places."""
    overrides = [{"InstanceType": product.name, "SubnetId": place.subnet} for place in where]
    strategy: Mapping[str, Any] = (
        {"SpotOptions": {"AllocationStrategy": "price-capacity-optimized"}}
        if product.is_spot
        else {"OnDemandOptions": {"AllocationStrategy": "lowest-price"}}
    )
    return {
        "Type": "instant",
        "LaunchTemplateConfigs": [
            {
                "LaunchTemplateSpecification": {"LaunchTemplateName": template_name, "Version": "1"},
                "Overrides": overrides,
            }
        ],
        "TargetCapacitySpecification": {
            "TotalTargetCapacity": 1,
            "DefaultTargetCapacityType": "spot" if product.is_spot else "on-demand",
        },
        "TagSpecifications": tags.specified({tags.FLEET: order.fleet, tags.KEY: order.key}, "fleet"),
        "ClientToken": token(order.key, attempt),
        **strategy,
    }


def _hardware(product: Product, settings: AwsSettings) -> dict[str, Any]:
    """What every instance of the pool is made of. Its metadata answers only the machine itself, with a session."""
    made_of: dict[str, Any] = {
        "ImageId": settings.image_id,
        "InstanceType": product.name,
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    }
    if settings.security_groups:
        made_of["SecurityGroupIds"] = list(settings.security_groups)
    if settings.instance_profile is not None:
        made_of["IamInstanceProfile"] = {"Name": settings.instance_profile}
    return made_of
