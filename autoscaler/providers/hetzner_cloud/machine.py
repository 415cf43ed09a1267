"""A server of Hetzner Cloud, as the API lists it, as a Machine. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from autoscaler.providers.hetzner_cloud.labels import order_of
from autoscaler.providers.provider import Machine, MachineState

COMING = frozenset({"initializing", "starting"})
ENDING = frozenset({"deleting"})
"""Every other status is that of a server which is there: one that is off bills like one that runs."""


def machine_of(server: Mapping[str, Any]) -> Machine:
    """The machine; without our tag where its labels are not an order of ours. Raises KeyError and its kind."""
    order = order_of(server["labels"])
    status = server["status"]
    if not isinstance(status, str):
        raise TypeError(f"status is {status!r}")
    state = MachineState.RUNNING
    if status in COMING:
        state = MachineState.PENDING
    elif status in ENDING:
        state = MachineState.STOPPING
    return Machine(
        id=str(int(server["id"])),
        node_id=None if order is None else order.node_id,
        fleet=None if order is None else order.fleet,
        pool=f"hetzner-cloud/{server['server_type']['name']}" if order is None else order.pool,
        model=None if order is None else order.model,
        state=state,
        created_at=_time(server["created"]),
        address=_address(server),
    )


def _address(server: Mapping[str, Any]) -> str | None:
    """Its first private address, else its public IPv4; None: it has neither yet."""
    for network in server["private_net"]:
        if network.get("ip"):
            return str(network["ip"])
    public = server["public_net"]["ipv4"]
    return str(public["ip"]) if public else None


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"created is {text}; expected a time zone")
    return moment
