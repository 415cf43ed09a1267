"""Tags: how an instance says whose it is and what it was ordered for. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from autoscaler.providers.provider import Order

FLEET = "baseload:fleet"
"""Whose it is: infra/aws/iam-policy.json lets only what has this tag be ended."""
NODE = "baseload:node"
POOL = "baseload:pool"
MODEL = "baseload:model"
KEY = "baseload:key"
"""Key of the order, by which a repeat finds what the first try made."""


def of_order(order: Order) -> dict[str, str]:
    """The tags of an order's instance and volumes; Name is what the console shows."""
    return {
        "Name": order.node_id,
        FLEET: order.fleet,
        NODE: order.node_id,
        POOL: order.pool,
        MODEL: order.model,
        KEY: order.key,
    }


def written(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def read(tags: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Tags as EC2 gave them."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def specified(tags: Mapping[str, str], *resources: str) -> list[dict[str, Any]]:
    """TagSpecifications that give each kind of resource the tags."""
    return [{"ResourceType": resource, "Tags": written(tags)} for resource in resources]


def is_same_order(tags: Mapping[str, str], order: Order) -> bool:
    """Whether an instance with these tags is what the order asks for."""
    asked = of_order(order)
    return all(tags.get(key) == asked[key] for key in (FLEET, NODE, POOL, MODEL, KEY))
