"""A machine as EC2 describes an instance. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from autoscaler.providers.aws import tags
from autoscaler.providers.provider import Machine, MachineState, Order

STATES = {
    "pending": MachineState.PENDING,
    "shutting-down": MachineState.STOPPING,
    "terminated": MachineState.GONE,
}
"""All others count as running: a stopped instance keeps its disk and can be started, and is ended as one that broke."""


def described(instance: Mapping[str, Any]) -> Machine:
    """The machine of an instance. One whose pool is not written on it is called by its type: it must stop nothing."""
    told = tags.read(instance.get("Tags"))
    return Machine(
        id=instance["InstanceId"],
        node_id=told.get(tags.NODE),
        fleet=told.get(tags.FLEET),
        pool=told.get(tags.POOL) or f"aws/{instance.get('InstanceType', 'unknown')}",
        model=told.get(tags.MODEL),
        state=STATES.get(instance["State"]["Name"], MachineState.RUNNING),
        created_at=instance["LaunchTime"].astimezone(UTC),
        address=instance.get("PrivateIpAddress"),
    )


def ordered(order: Order, instance_id: str, now: datetime) -> Machine:
    """The machine of an order that was just answered with an id alone: right after it a list may not know it yet."""
    return Machine(
        id=instance_id,
        node_id=order.node_id,
        fleet=order.fleet,
        pool=order.pool,
        model=order.model,
        state=MachineState.PENDING,
        created_at=now,
    )
