"""Leases that follow from what a daemon wrote: one per machine, running or ended, with no import and no copy.

A machine that was imported as a lease is not counted again: one with its id is the lease, and each imported base lease
of an offer that bears another id stands for one base node found of that offer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from planner.ledger import Lease, tags_of
from planner.store import tables
from planner.store.records import Row, price_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLeases:
    """Leases of nodes, and those that cannot be one."""

    leases: tuple[Lease, ...]
    unpriced: tuple[str, ...] = ()
    """Ids of machines whose price nobody knew: in no bill until they are imported."""


def node_leases(
    connection: Connection, start: datetime | None, end: datetime | None, *, imported: Sequence[Lease]
) -> NodeLeases:
    """Leases of nodes that overlap [start, end) beside the `imported` ones of that span; None: without that limit."""
    rows: dict[tuple[str, str], Row] = {}
    for row in (*_ended(connection, start, end), *_running(connection, end)):
        rows[row["provider"], row["machine_id"]] = row  # buried by mistake and seen again: the later one has all of it
    known = {(lease.provider, lease.id) for lease in imported}
    missing = [row for key, row in rows.items() if key not in known]
    missing = _without_base_known_by_other_ids(missing, imported, {machine for _, machine in rows})
    taken = {lease.id for lease in imported}
    found, unpriced = [], []
    for row in missing:
        if row["billing"] is None:
            unpriced.append(row["machine_id"])
            continue
        lease = _lease(row)
        if lease.id in taken:  # another provider's machine has this id
            lease = replace(lease, id=f"{lease.provider}/{lease.id}")
        taken.add(lease.id)
        found.append(lease)
    return NodeLeases(leases=tuple(found), unpriced=tuple(sorted(unpriced)))


def _ended(connection: Connection, start: datetime | None, end: datetime | None) -> Iterable[Row]:
    column = tables.end.c
    query = select(tables.end).where(column.machine_id.is_not(None), column.billed_from.is_not(None))
    if start is not None:
        query = query.where(or_(column.at > start, and_(column.billed_from >= start, column.at == column.billed_from)))
    if end is not None:
        query = query.where(column.billed_from < end)
    for row in connection.execute(query.order_by(column.fleet, column.number)).mappings():
        yield {**row, "end_at": row["at"]}


def _running(connection: Connection, end: datetime | None) -> Iterable[Row]:
    """Machines of open nodes; of a launch whose machine nobody has seen, nothing can be said."""
    opened = tables.open_node
    for table in (tables.intent, tables.found):
        began = and_(opened.c.fleet == table.c.fleet, opened.c.since == table.c.number)
        for row in connection.execute(select(table).join(opened, began)).mappings():
            machine = _found(row) if table is tables.found else _made(connection, row)
            if machine is not None and (end is None or machine["billed_from"] < end):
                yield {**row, **machine, "end_at": None, "was_taken_back": False}


def _found(row: Mapping[Any, Any]) -> Row:
    return {"billed_from": row["ordered_at"], "is_base": True}


def _made(connection: Connection, row: Mapping[Any, Any]) -> Row | None:
    outcome = tables.outcome.c
    query = select(outcome.machine_id, outcome.billed_from).where(
        outcome.fleet == row["fleet"],
        outcome.node_id == row["node_id"],
        outcome.number > row["number"],
        outcome.key == row["key"],
        outcome.machine_id.is_not(None),
    )
    made = connection.execute(query.order_by(outcome.number).limit(1)).first()
    if made is None:
        return None
    return {"machine_id": made.machine_id, "billed_from": made.billed_from or row["at"], "is_base": False}


def _without_base_known_by_other_ids(rows: Sequence[Row], imported: Sequence[Lease], machines: set[str]) -> list[Row]:
    """The rows less one base node for each imported base lease of its offer and time that names no machine seen."""
    spare = [lease for lease in imported if lease.is_base and lease.id not in machines]
    left = []
    for row in sorted(rows, key=lambda row: (row["billed_from"], row["machine_id"])):
        twin = next((lease for lease in spare if _is_twin(row, lease)), None) if row["is_base"] else None
        if twin is None:
            left.append(row)
        else:
            spare.remove(twin)
    return left


def _is_twin(row: Row, lease: Lease) -> bool:
    began_before_it_ended = lease.end is None or row["billed_from"] < lease.end
    return (
        lease.offer == row["pool"] and began_before_it_ended and (row["end_at"] is None or lease.start < row["end_at"])
    )


def _lease(row: Row) -> Lease:
    _, at, zone = row["pool"].partition("@")
    return Lease(
        id=row["machine_id"],
        offer=row["pool"],
        provider=row["provider"],
        start=row["billed_from"],
        end=row["end_at"],
        is_base=row["is_base"],
        model=row["model"] or None,
        region=zone.partition("/")[0] if at else None,
        tags=tags_of({"fleet": row["fleet"], "node": row["node_id"]}),
        interrupted=row["was_taken_back"] and not row["is_base"],
        price=price_of({**row, "offer": row["pool"]}),
    )
