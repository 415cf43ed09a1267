"""A node pool of one as a node: its name, its tag, its state. Pure: OVH's rows in, values out."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from autoscaler.cluster import labels as of_cluster
from autoscaler.providers.ovh.names import Tag
from autoscaler.providers.provider import Machine, MachineState, Order, Permanent

KEY = "baseload.dev/order"
"""Annotation: key of the order."""
FIELDS = {"key": KEY, "node_id": of_cluster.NODE, "fleet": of_cluster.FLEET, "pool": of_cluster.POOL}
SERVING = frozenset({"READY", "UPDATING", "MAINTENANCE", "SUSPENDING", "SUSPENDED"})
"""Of a node: it is a machine that runs, or ran."""
WAITING = frozenset({"FLAVOR_OUT_OF_STOCK_ERROR", "USER_QUOTA_ERROR"})
"""Of a node or pool: OVH has none to give, and keeps trying."""
BROKEN = WAITING | {"ERROR"}
"""Of a node, or of a pool that has none: another pool serves sooner."""
ONE = {"desiredNodes": 1, "minNodes": 1, "maxNodes": 1, "autoscale": False}


def pool_name(order: Order) -> str:
    """The name of an order's pool: short, since node names are made of it, and the same for the same key."""
    return f"baseload-{sha256(f'{order.fleet}/{order.key}'.encode()).hexdigest()[:16]}"


def tag_of(pool: Any) -> Tag | None:
    """What the template of a pool says; None: it is not one of ours."""
    said = ((pool.get("template") or {}).get("metadata") or {}).get("annotations") or {}
    if not all(said.get(name) for name in FIELDS.values()):
        return None
    return Tag(**{field: said[name] for field, name in FIELDS.items()}, model=said.get(of_cluster.MODEL, ""))


def nodes_of(pool: Any, nodes: Sequence[Any]) -> list[Any]:
    """The nodes of a pool that are not gone, the oldest that stays first: one that ends gives way to its successor."""
    found = [node for node in nodes if node["nodePoolId"] == pool["id"] and node["status"] != "DELETED"]
    return sorted(found, key=lambda node: (node["status"] == "DELETING", node["createdAt"], node["id"]))


def instances_of(nodes: Sequence[Any]) -> tuple[str, ...]:
    """The instances that nodes run on: the provider ids of their Node objects name those, not pool or node."""
    return tuple(node["instanceId"] for node in nodes if node["instanceId"])


def is_astray(pool: Any) -> bool:
    """Whether OVH's autoscaling is on, or the pool is no pool of one."""
    return any(pool[name] != wanted for name, wanted in ONE.items())


def is_of(pool: Any, fleet: str) -> bool:
    """Whether the pool is one that this fleet made."""
    tag = tag_of(pool)
    return tag is not None and tag.fleet == fleet


def pool_of(pools: Sequence[Any], order: Order) -> Any | None:
    """The pool of the order. Raises Permanent where its key is that of another one."""
    for pool in pools:
        tag = tag_of(pool)
        if tag is not None and tag.fleet == order.fleet and tag.key == order.key:
            if not tag.is_of(order):
                raise Permanent(f"ovh: key {order.key} is that of {tag.node_id} in {tag.pool}")
            return pool
    return None


def state_of(node: Any) -> MachineState:
    """The state of a node of a pool."""
    if node["status"] == "DELETING":
        return MachineState.STOPPING
    return MachineState.RUNNING if node["status"] in SERVING else MachineState.PENDING


def foreign(node: Any) -> Machine:
    """The machine of a node that is not ours."""
    return Machine(
        id=f"{node['nodePoolId']}/{node['id']}",
        node_id=None,
        fleet=None,
        pool=f"ovh/{node['flavor']}",
        state=state_of(node),
        created_at=datetime.fromisoformat(node["createdAt"]),
    )
