"""Leases that follow from what a daemon wrote: one per machine, running or ended, with no import and no copy.

A machine that was imported as a lease is not counted again: one with its id is the lease, and each imported base lease
of an offer that bears another id stands for one base node found of that offer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, and_, or_, select

from planner.catalog.offer_id import OfferId
from planner.ledger import Lease, tags_of
from planner.store import tables
from planner.store.records import Row, price_of, rows_of


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
    rows = _missing([*_ended(connection, start, end, _ALL), *_running(connection, end)], imported)
    taken = {lease.id for lease in imported}
    found, unpriced = [], []
    for row in rows:
        if row["billing"] is None:
            unpriced.append(row["machine_id"])
            continue
        lease = _lease(row)
        if lease.id in taken:  # another provider's machine has this id
            lease = replace(lease, id=f"{lease.provider}/{lease.id}")
        taken.add(lease.id)
        found.append(lease)
    return NodeLeases(leases=tuple(found), unpriced=tuple(sorted(unpriced)))


def node_spans(connection: Connection, *, imported: Sequence[Lease]) -> list[tuple[datetime, datetime | None]]:
    """Start and end of the same leases of all time, without reading the rest of them."""
    rows = _missing([*_ended(connection, None, None, _SPAN), *_running(connection, None)], imported)
    return [(row["billed_from"], row["end_at"]) for row in rows if row["billing"] is not None]


_ALL = tuple(tables.end.columns)
_SPAN = tuple(
    tables.end.c[name] for name in ("provider", "machine_id", "pool", "is_base", "billed_from", "at", "billing")
)


def _missing(rows: Iterable[Row], imported: Sequence[Lease]) -> list[Row]:
    """The rows, one per machine, of which no imported lease speaks."""
    by_machine: dict[tuple[str, str], Row] = {}
    for row in rows:
        by_machine[row["provider"], row["machine_id"]] = row  # buried by mistake and seen again: the last has it all
    known = {(lease.provider, lease.id) for lease in imported}
    missing = [row for key, row in by_machine.items() if key not in known]
    return _without_base_known_by_other_ids(missing, imported, {machine for _, machine in by_machine})


def _ended(
    connection: Connection, start: datetime | None, end: datetime | None, columns: Sequence[Column[Any]]
) -> Iterable[Row]:
    column = tables.end.c
    query = select(*columns).where(column.machine_id.is_not(None), column.billed_from.is_not(None))
    if start is not None:
        query = query.where(or_(column.at > start, and_(column.billed_from >= start, column.at == column.billed_from)))
    if end is not None:
        query = query.where(column.billed_from < end)
    for row in rows_of(connection.execute(query.order_by(column.fleet, column.number))):
        row["end_at"] = row["at"]
        yield row


def _running(connection: Connection, end: datetime | None) -> Iterable[Row]:
    """Machines of open nodes; of a launch whose machine nobody has seen, nothing can be said."""
    opened, outcome = tables.open_node.c, tables.outcome.c
    for fleet in connection.execute(select(opened.fleet).distinct()).scalars().all():
        nodes = select(opened.node_id).where(opened.fleet == fleet)
        made = select(outcome.key, outcome.machine_id, outcome.billed_from).where(
            outcome.fleet == fleet, outcome.node_id.in_(nodes), outcome.machine_id.is_not(None)
        )
        machines: dict[str, Row] = {}
        for row in connection.execute(made.order_by(outcome.number)).mappings():
            machines.setdefault(row["key"], dict(row))
        first = select(opened.since).where(opened.fleet == fleet)
        for table in (tables.intent, tables.found):
            began = select(table).where(table.c.fleet == fleet, table.c.number.in_(first))
            for row in connection.execute(began).mappings():
                machine = _found(row) if table is tables.found else _made(row, machines.get(row["key"]))
                if machine is not None and (end is None or machine["billed_from"] < end):
                    yield {**row, **machine, "end_at": None, "was_taken_back": False}


def _found(row: Mapping[Any, Any]) -> Row:
    return {"billed_from": row["ordered_at"], "is_base": True}


def _made(row: Mapping[Any, Any], machine: Row | None) -> Row | None:
    if machine is None:
        return None
    billed_from = machine["billed_from"] or row["at"]
    return {"machine_id": machine["machine_id"], "billed_from": billed_from, "is_base": False}


def _without_base_known_by_other_ids(rows: Sequence[Row], imported: Sequence[Lease], machines: set[str]) -> list[Row]:
    """The rows less one base node for each imported base lease of its offer and time that names no machine seen."""
    spare = [lease for lease in imported if lease.is_base and lease.id not in machines]
    if not spare:
        return list(rows)
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
    return Lease(
        id=row["machine_id"],
        offer=row["pool"],
        provider=row["provider"],
        start=row["billed_from"],
        end=row["end_at"],
        is_base=row["is_base"],
        model=row["model"] or None,
        region=OfferId.of(row["pool"]).zone,
        tags=tags_of({"fleet": row["fleet"], "node": row["node_id"]}),
        interrupted=row["was_taken_back"] and not row["is_base"],
        price=price_of({**row, "offer": row["pool"]}),
    )
