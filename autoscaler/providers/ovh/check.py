"""What OVH says of the settings before anything is ordered: reads, and nothing else."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from autoscaler.providers.check import Finding
from autoscaler.providers.ovh.api import Errand, OvhApi, Refused
from autoscaler.providers.ovh.pool_of_one import is_astray, tag_of
from autoscaler.providers.ovh.products import is_for_linux, memory_gb, why_not
from autoscaler.providers.ovh.rights import Right, missing, rights_of, superfluous
from autoscaler.providers.provider import NodeNotFound, Permanent, Product, ProviderError
from planner.fleet.daemon.ovh import OvhSettings

SOON = timedelta(days=14)
"""A credential that ends sooner is said to."""
SHOWN = 3
"""Rights named in one finding."""


def check_ovh(api: OvhApi, settings: OvhSettings, products: Sequence[Product], *, now: datetime) -> tuple[Finding, ...]:
    """What was found of credentials and rights, project, region, flavors, quota, and of image or cluster.

    All looks share the time of one errand: what there was no time for is left open.
    """
    errand = api.errand()
    regions = sorted(_regions(settings, products))
    looks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("credentials", partial(_credentials, errand, settings, regions, now)),
        (f"project {settings.project}", partial(_project, errand)),
        *((f"region {region}", partial(_region, errand, region)) for region in regions),
    ]
    if settings.backend == "instances":
        looks.append((f"image {settings.image}", partial(_named, errand, settings, "image", settings.image)))
        if settings.ssh_key is not None:
            looks.append((f"SSH key {settings.ssh_key}", partial(_named, errand, settings, "sshkey", settings.ssh_key)))
        looks.append(("flavors", partial(_flavors, errand, settings, products)))
    else:
        looks.append((f"cluster {settings.cluster}", partial(_cluster, errand, settings)))
        looks.append(("flavors", partial(_cluster_flavors, errand, settings, products)))
        looks.append(("node pools", partial(_node_pools, errand, settings)))
    return tuple(finding for what, look in looks for finding in _looked(what, look))


def _looked(what: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of one look; where it fails, that."""
    try:
        return list(look())
    except Refused as refused:
        error = refused.sorted()
    except ProviderError as raised:
        error = raised
    is_ok = False if isinstance(error, (Permanent, NodeNotFound)) else None  # else it cannot be told today
    return [_finding(what, is_ok, str(error))]


def _finding(what: str, is_ok: bool | None, detail: str) -> Finding:
    return Finding(what=f"ovh: {what}", is_ok=is_ok, detail=detail)


def _credentials(errand: Errand, settings: OvhSettings, regions: Sequence[str], now: datetime) -> Iterable[Finding]:
    said = errand.get("/auth/currentCredential")
    until = said["expiration"] and datetime.fromisoformat(said["expiration"])
    if said["status"] != "validated":
        yield _finding("credentials", False, f"the consumer key is {said['status']}; expected a validated one")
    elif until and until - now < SOON:
        yield _finding("credentials", None, f"they are valid, and end on {until:%Y-%m-%d %H:%M} UTC")
    else:
        yield _finding("credentials", True, "they are valid")
    needed = rights_of(settings, regions)
    given = [Right(method=rule["method"], path=rule["path"]) for rule in said["rules"]]
    lacking = missing(needed, given)
    beyond = superfluous(needed, given)
    if lacking:
        detail = f"lacks {_listed(lacking)}; make a key with the rules of infra/ovh/{settings.backend}.json"
        yield _finding("rights", False, detail)
    elif beyond:
        detail = f"allows more than is needed: {_listed(beyond)}; infra/ovh/{settings.backend}.json has the least"
        yield _finding("rights", None, detail)
    else:
        yield _finding("rights", True, "as needed, and no more")


def _listed(rights: Sequence[Right]) -> str:
    shown = ", ".join(f"{right.method} {right.path}" for right in rights[:SHOWN])
    return shown if len(rights) <= SHOWN else f"{shown} and {len(rights) - SHOWN} more"


def _project(errand: Errand) -> Iterable[Finding]:
    said = errand.get(errand.of_project())
    is_ok = said["status"] == "ok" and not said["expiration"]
    ends = f", and ends on {said['expiration'][:10]}" if said["expiration"] else ""
    yield _finding(f"project {said['project_id']}", is_ok, f"it is {said['status']}{ends}")


def _regions(settings: OvhSettings, products: Sequence[Product]) -> set[str]:
    """Where instances are made; node pools are where their cluster is."""
    if settings.backend == "node-pools":
        return {settings.region}
    return {settings.region, *(product.zone for product in products if product.zone is not None)}


def _region(errand: Errand, region: str) -> Iterable[Finding]:
    said = errand.get(errand.of_project("region", region))
    down = [one["name"] for one in said["services"] if one["status"] != "UP"]
    detail = f"{said['status']}" + (f"; down: {', '.join(sorted(down))}" if down else "")
    yield _finding(f"region {region}", said["status"] == "UP" and "instance" not in down, detail)
    quota = errand.get(errand.of_project("region", region, "quota"))["instance"]
    if quota is None:
        yield _finding(f"quota in {region}", None, "OVH does not say")
        return
    left = quota["maxInstances"] - quota["usedInstances"]
    detail = f"{left} of {quota['maxInstances']} instances and {quota['maxCores'] - quota['usedCores']} vCPU are left"
    yield _finding(f"quota in {region}", left > 0, detail)


def _rows(errand: Errand, kind: str, region: str) -> dict[str, Any]:
    path = f"{errand.of_project(kind)}?{urlencode({'region': region})}"
    return {row["name"]: row for row in errand.get(path) if is_for_linux(row)}


def _named(errand: Errand, settings: OvhSettings, kind: str, name: str | None) -> Iterable[Finding]:
    is_there = name in _rows(errand, kind, settings.region)
    word = "SSH key" if kind == "sshkey" else kind
    yield _finding(f"{word} {name}", is_there, f"{'there' if is_there else 'none of that name'} in {settings.region}")


def _flavors(errand: Errand, settings: OvhSettings, products: Sequence[Product]) -> Iterable[Finding]:
    rows: dict[str, dict[str, Any]] = {}
    for product in products:
        region = product.zone or settings.region
        if region not in rows:
            rows[region] = _rows(errand, "flavor", region)
        what = f"flavor {product.name} in {region}"
        row = rows[region].get(product.name)
        if row is None:
            yield _finding(what, False, "there is none of that name")
            continue
        memory = memory_gb(product.name, row["ram"])
        size = f"{row['vcpus']} vCPU, {'–' if memory is None else f'{memory:g}'} GB"
        why = why_not(row)
        room = f"{row['quota']} fit the quota"
        yield _finding(what, None if why else True, f"{size}; {why or room}")


def _cluster(errand: Errand, settings: OvhSettings) -> Iterable[Finding]:
    said = errand.get(errand.of_project("kube", settings.cluster or ""))
    is_ok = said["status"] == "READY" and said["region"] == settings.region
    detail = f"it is {said['status']} in {said['region']}"
    if said["region"] != settings.region:
        detail += f"; expected region {settings.region}"
    yield _finding(f"cluster {settings.cluster}", is_ok, detail)


def _cluster_flavors(errand: Errand, settings: OvhSettings, products: Sequence[Product]) -> Iterable[Finding]:
    rows = {row["name"]: row for row in errand.get(errand.of_project("kube", settings.cluster or "", "flavors"))}
    for product in products:
        row = rows.get(product.name)
        what = f"flavor {product.name}"
        if row is None:
            yield _finding(what, False, "the cluster may have no such nodes")
        else:
            is_there = row["state"] == "available"
            detail = f"{row['vCPUs']} vCPU, {row['ram']} GB, {row['gpus']} cards; {row['state']}"
            yield _finding(what, True if is_there else None, detail)


def _node_pools(errand: Errand, settings: OvhSettings) -> Iterable[Finding]:
    pools = errand.get(errand.of_project("kube", settings.cluster or "", "nodepool"))
    ours = [pool for pool in pools if tag_of(pool) is not None]
    astray = sorted(pool["name"] for pool in ours if is_astray(pool))
    detail = f"{len(ours)} of {len(pools)} are ours"
    if astray:
        detail += f"; autoscaling is on, or more than one node is wanted, in {', '.join(astray)}: put it off"
    yield _finding("node pools", not astray, detail)
