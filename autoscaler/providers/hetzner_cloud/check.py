"""What a project of Hetzner Cloud says of its settings before anything is ordered: reads, and one deletion of nothing.

Whether a token may write cannot be read. So the deletion of a server that cannot exist is asked for: a token that may
only read is refused before anybody looks for the server. Nothing can come of it but an error.
"""

from collections.abc import Callable, Mapping
from typing import Any

from autoscaler.providers.check import Finding
from autoscaler.providers.hetzner_cloud.api import Api, TokenIsReadOnly, pages
from autoscaler.providers.provider import NodeNotFound, Permanent, Product, ProviderError
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings

NOBODYS = 9007199254740991
"""The highest id the API's description allows; ids are counted up from 1."""

Json = dict[str, Any]


def check_hetzner_cloud(
    api: Api, settings: HetznerCloudSettings, products: Mapping[str, Product], *, timeout_s: float = 25.0
) -> tuple[Finding, ...]:
    """What was found of token, location, types, image, networks and keys; only the token where it is refused."""
    deadline_s = api.now_s() + timeout_s
    try:
        locations = {str(row["name"]) for row in pages(api, "/locations", "locations", deadline_s=deadline_s)}
    except Permanent as error:
        return (_finding("token", False, f"{error}; expected the token of a project"),)
    except ProviderError as error:
        return (_finding("token", None, str(error)),)
    findings = [
        _finding("token", True, "it is valid"),
        _scope(api, deadline_s),
        *_places(settings, products, locations),
    ]
    looks: tuple[Callable[[], list[Finding]], ...] = (
        lambda: _types(api, settings, products, deadline_s),
        lambda: [_image(api, settings.image, deadline_s)],
        lambda: _named(api, "/networks", "networks", [str(one) for one in settings.networks], deadline_s),
        lambda: _named(api, "/ssh_keys", "ssh_keys", list(settings.ssh_keys), deadline_s),
    )
    for look in looks:
        try:
            findings += look()
        except ProviderError as error:
            findings.append(_finding("API", None, str(error)))
    return tuple(findings)


def _finding(what: str, is_ok: bool | None, detail: str) -> Finding:
    return Finding(what=f"hetzner-cloud: {what}", is_ok=is_ok, detail=detail)


def _scope(api: Api, deadline_s: float) -> Finding:
    """Whether the token may launch and end servers."""
    what = "token may write"
    try:
        api.call("DELETE", f"/servers/{NOBODYS}", deadline_s=deadline_s)
    except NodeNotFound:
        return _finding(what, True, "read and write")
    except TokenIsReadOnly:
        return _finding(what, False, "it may only read; expected a token with Read & Write")
    except ProviderError as error:
        return _finding(what, None, f"it cannot be told: {error}")
    return _finding(what, None, "it cannot be told")


def _places(settings: HetznerCloudSettings, products: Mapping[str, Product], known: set[str]) -> list[Finding]:
    """Whether the locations of settings and pools are there."""
    wanted = {settings.location, *(one.zone for one in products.values() if one.zone is not None)}
    return [
        _finding(f"location {one}", True, "it is there")
        if one in known
        else _finding(f"location {one}", False, f"unknown; expected one of {', '.join(sorted(known))}")
        for one in sorted(wanted)
    ]


def _types(
    api: Api, settings: HetznerCloudSettings, products: Mapping[str, Product], deadline_s: float
) -> list[Finding]:
    """Whether each pool's server type is offered in its location, and has stock there now."""
    rows = pages(api, "/server_types", "server_types", deadline_s=deadline_s)
    offered = {str(row["name"]): {str(one["name"]): one for one in row["locations"]} for row in rows}
    return [
        _type(pool, product.name, product.zone or settings.location, offered)
        for pool, product in sorted(products.items())
    ]


def _type(pool: str, name: str, place: str, offered: Mapping[str, Mapping[str, Json]]) -> Finding:
    what = f"{pool}: server type {name} in {place}"
    if name not in offered:
        return _finding(what, False, "there is no such type")
    found = offered[name].get(place)
    if found is None:
        return _finding(what, False, f"not offered there; expected one of {', '.join(sorted(offered[name])) or 'none'}")
    ends = (found.get("deprecation") or {}).get("unavailable_after")
    if ends is not None:
        return _finding(what, None, f"it can be ordered until {ends} only")
    if not found["available"]:
        return _finding(what, None, "offered there, and sold out now")
    return _finding(what, True, "offered there, in stock now")


def _image(api: Api, name: str, deadline_s: float) -> Finding:
    rows = api.get("/images", deadline_s=deadline_s, params={"name": name, "status": "available"}).get("images") or []
    if rows:
        return _finding(f"image {name}", True, f"for {', '.join(sorted({str(row['architecture']) for row in rows}))}")
    return _finding(f"image {name}", False, "there is none of this name; expected one such as debian-12")


def _named(api: Api, path: str, key: str, wanted: list[str], deadline_s: float) -> list[Finding]:
    """Whether things that the settings name, by id or name, are in the project."""
    if not wanted:
        return []
    rows = pages(api, path, key, deadline_s=deadline_s)
    known = {str(row["id"]) for row in rows} | {str(row["name"]) for row in rows}
    kind = key.removesuffix("s").replace("_", " ")
    return [
        _finding(f"{kind} {one}", True, "it is there")
        if one in known
        else _finding(f"{kind} {one}", False, "it is not in this project")
        for one in wanted
    ]
