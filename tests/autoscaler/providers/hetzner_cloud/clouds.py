"""Builders of providers over the double, with sane defaults."""

from typing import Any

from pydantic import SecretStr

from autoscaler.providers.hetzner_cloud.provider import HetznerCloudProvider
from autoscaler.providers.provider import Order, Product
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project

POOL = "hetzner-cloud/cx33@fsn1"


def a_cloud(project: Project, *, token: str = TOKEN, **rest: Any) -> HetznerCloudProvider:
    settings = {"location": "fsn1", "endpoint_url": project.http.url} | rest.pop("settings", {})
    defaults: dict[str, Any] = {
        "fleet": "fleet",
        "products": {POOL: Product(pool=POOL, name="cx33", zone="fsn1")},
        "user_data": lambda order: f"#cloud-config\n# {order.node_id}\n",
        "clock": project.clock,
        "monotonic": project.clock.monotonic,
        "sleep": project.clock.pass_s,
    }
    return HetznerCloudProvider(HetznerCloudSettings(**settings), token=SecretStr(token), **{**defaults, **rest})


def an_order(key: str = "k1", node_id: str | None = None, **rest: Any) -> Order:
    defaults = {"fleet": "fleet", "pool": POOL, "model": "chat"}
    return Order(key=key, node_id=node_id or f"node-{key}", **{**defaults, **rest})
