"""RobotServer: a dedicated server as Robot lists it, and as a Machine. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from autoscaler.providers.provider import Machine, MachineState

MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotServer:
    """One server of the account."""

    number: int
    name: str
    """May be empty, and need not be the only one."""
    product: str
    """Such as AX102, or Server Auction."""
    datacenter: str
    is_ready: bool
    is_cancelled: bool
    """Its cancellation is booked; it runs and bills until then."""
    paid_until: date | None
    address: str | None


def server_of(row: Mapping[str, Any]) -> RobotServer:
    """A row of GET /server. Raises KeyError and its kind where it cannot be read."""
    paid_until = row.get("paid_until")
    return RobotServer(
        number=int(row["server_number"]),
        name=str(row.get("server_name") or ""),
        product=str(row["product"]),
        datacenter=str(row.get("dc") or ""),
        is_ready=row["status"] == "ready",
        is_cancelled=bool(row["cancelled"]),
        paid_until=None if not paid_until else date.fromisoformat(paid_until),
        address=row.get("server_ip") or None,
    )


def machines_of(
    servers: Iterable[RobotServer],
    *,
    base: Mapping[str, str],
    offers: Mapping[int, str],
    fleet: str,
    ordered_on: Mapping[str, date],
    as_of: datetime,
) -> tuple[Machine, ...]:
    """The servers as machines: those of `base` (number -> model) with our tag, the others without.

    `offers`: by number. `ordered_on`: by offer; Robot does not say when a server was ordered.
    """
    rows = tuple(servers)
    names = [one.name for one in rows if str(one.number) in base]
    return tuple(
        Machine(
            id=str(one.number),
            node_id=_node_id(one, names) if (model := base.get(str(one.number))) is not None else None,
            fleet=None if model is None else fleet,
            pool=offers[one.number],
            model=model,
            state=MachineState.RUNNING if one.is_ready else MachineState.PENDING,
            created_at=_since(one, ordered_on.get(offers[one.number]), as_of),
            is_base=model is not None,
            address=one.address,
        )
        for one in rows
    )


def _node_id(server: RobotServer, names: list[str]) -> str:
    """The server's name where it is the only one of that name: a cluster knows the node by it."""
    if server.name and names.count(server.name) == 1:
        return server.name
    return f"{server.name or 'hetzner'}-{server.number}"


def _since(server: RobotServer, ordered_on: date | None, as_of: datetime) -> datetime:
    """When it was ordered, as the fleet says; else the start of the month it is paid for; else the list's time."""
    if ordered_on is not None:
        return min(datetime.combine(ordered_on, time(), UTC), as_of)
    if server.paid_until is not None:
        return min(datetime.combine(server.paid_until, time(), UTC) - MONTH, as_of)
    return as_of
