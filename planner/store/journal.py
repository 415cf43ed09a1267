"""The journal's tables: a leader's entries in their order, each in one transaction with the check of its epoch (S6).

The row of `ledger_leader` holds the epoch and the number of the last entry: taking a number from it, where it still has
one's epoch, is the check, the lock that makes writers of a fleet wait for one another, and the order of the entries.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from planner.errors import StoreError
from planner.store import tables
from planner.store.records import Row, rows_of

INTENT, OUTCOME, FOUND, END = "intent", "outcome", "found", "end"
ENTRIES = {INTENT: tables.intent, OUTCOME: tables.outcome, FOUND: tables.found, END: tables.end}
"""Kind of an entry -> its table."""


BEGINNINGS = frozenset({"launch", "adopt"})
"""Kinds of the first intent about a node."""


class Fenced(StoreError):  # noqa: N818 - what happened
    """A higher epoch has led: nothing was written, and nothing of this one will be."""


def insert_once(connection: Connection, table: Table, row: Row) -> bool:
    """Inserts the row unless one of its key is there; whether it did."""
    made = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    once = made.values(**row).on_conflict_do_nothing().returning(next(iter(table.primary_key.columns)))
    return connection.execute(once).first() is not None


def raise_epoch(
    connection: Connection, fleet: str, epoch: int, *, holder: str = "", at: datetime | None = None
) -> None:
    """Writes down that `epoch` leads, unless it does. Raises Fenced where a higher one has led."""
    leader = tables.leader
    insert_once(connection, leader, {"fleet": fleet, "epoch": -1, "holder": "", "ends_at": None, "written": 0})
    found = select(leader.c.epoch).where(leader.c.fleet == fleet).with_for_update()
    known = int(connection.execute(found).scalar_one())
    if known > epoch:
        raise Fenced(f"epoch {known} leads, this one is {epoch}")
    if known < epoch:
        changed = update(leader).where(leader.c.fleet == fleet)
        connection.execute(changed.values(epoch=epoch, holder=holder, ends_at=None))
        insert_once(connection, tables.term, {"fleet": fleet, "epoch": epoch, "holder": holder, "began_at": at})


def led_by(connection: Connection, fleet: str) -> int | None:
    """The highest epoch that has led; None: none has."""
    return connection.execute(select(tables.leader.c.epoch).where(tables.leader.c.fleet == fleet)).scalar()


def add_intent(connection: Connection, fleet: str, row: Row) -> None:
    """Writes an intent. Raises Fenced; ValueError where its key was used already."""
    number = _next_number(connection, fleet, row["epoch"])
    if not insert_once(connection, tables.intent, {"fleet": fleet, "number": number, **row}):
        raise ValueError(f"intent {row['key']} is written already")
    _open(connection, fleet, row["node_id"], number)


def add_outcome(connection: Connection, fleet: str, row: Row, *, made_nothing: bool) -> None:
    """Writes what came of an intent about an open node; a beginning that made nothing closes it.

    Raises Fenced; ValueError where no such intent is open.
    """
    number = _next_number(connection, fleet, row["epoch"])
    intent, opened = tables.intent, tables.open_node
    of_open = and_(
        opened.c.fleet == intent.c.fleet, opened.c.node_id == intent.c.node_id, opened.c.since <= intent.c.number
    )
    query = select(intent.c.node_id, intent.c.kind).join(opened, of_open)
    asked = connection.execute(query.where(intent.c.fleet == fleet, intent.c.key == row["key"])).first()
    if asked is None:
        raise ValueError(f"no intent {row['key']} is open")
    node_id, kind = asked
    connection.execute(insert(tables.outcome), {"fleet": fleet, "number": number, "node_id": node_id, **row})
    if made_nothing and kind in BEGINNINGS:
        _close(connection, fleet, node_id)


def add_found(connection: Connection, fleet: str, row: Row) -> None:
    """Writes that a base node is there. Raises Fenced."""
    number = _next_number(connection, fleet, row["epoch"])
    connection.execute(insert(tables.found), {"fleet": fleet, "number": number, **row})
    _open(connection, fleet, row["node_id"], number)


def add_end(connection: Connection, fleet: str, row: Row, charges: Sequence[tuple[datetime, Decimal]]) -> None:
    """Writes that a node is gone, with its charges by month. Who it was ordered from is taken from its beginning.

    Raises Fenced.
    """
    number = _next_number(connection, fleet, row["epoch"])
    began = _beginning(connection, fleet, row["node_id"])
    known = {
        "provider": began.get("provider", ""),
        "is_base": began.get("is_base", False),
        "machine_id": row["machine_id"] or began.get("machine_id"),
    }
    if row.get("billing") is None:
        known |= {column: began.get(column) for column in tables.PRICE_COLUMNS}
    connection.execute(insert(tables.end), {**row, "fleet": fleet, "number": number, **known})
    for month, usd in charges:
        connection.execute(insert(tables.charge), {"fleet": fleet, "number": number, "month": month, "usd": usd})
    _close(connection, fleet, row["node_id"])


def entries(connection: Connection, fleet: str, since: datetime) -> list[tuple[str, Row]]:
    """(kind, row) in the order they were written: all about open nodes, and all others from `since` on."""
    found: dict[int, tuple[str, Row]] = {}
    opened = tables.open_node
    of_fleet = select(opened.c.node_id).where(opened.c.fleet == fleet)
    first = {row.node_id: row.since for row in connection.execute(of_fleet.add_columns(opened.c.since))}
    for kind, table in ENTRIES.items():
        whole = select(table).where(table.c.fleet == fleet)
        for row in rows_of(connection.execute(whole.where(table.c.node_id.in_(of_fleet)))):
            if row["number"] >= first[row["node_id"]]:
                found[row["number"]] = (kind, row)
        for row in rows_of(connection.execute(whole.where(table.c.at >= since))):
            found[row["number"]] = (kind, row)
    numbers = [number for number, (kind, _) in found.items() if kind == END]
    charges: dict[int, list[tuple[datetime, Decimal]]] = {number: [] for number in numbers}
    if numbers:
        for number, month, usd in connection.execute(_charges_since(fleet, min(numbers))):
            if number in charges:
                charges[number].append((month, usd))
        for number in numbers:
            found[number][1]["charges"] = tuple(charges[number])
    return [entry for _, entry in sorted(found.items(), key=itemgetter(0))]


def charges_of(connection: Connection, fleet: str, month: datetime, after: int) -> list[tuple[int, Decimal]]:
    """(number of the end, USD) of ended leases in the month that begins at `month`, of ends after a number."""
    charge = tables.charge
    query = select(charge.c.number, charge.c.usd).where(charge.c.fleet == fleet, charge.c.month == month)
    found = connection.execute(query.where(charge.c.number > after).order_by(charge.c.number))
    return [(number, usd) for number, usd in found]


def decisions(connection: Connection, fleet: str, limit: int) -> list[tuple[Row, Row | None]]:
    """The last intents, newest first, each with the last that is known of it."""
    intent, outcome = tables.intent, tables.outcome
    query = select(intent).where(intent.c.fleet == fleet).order_by(intent.c.number.desc()).limit(limit)
    last = [dict(row) for row in connection.execute(query).mappings()]
    if not last:
        return []
    known: dict[str, Row] = {}
    keys = [row["key"] for row in last]
    said = select(outcome).where(outcome.c.fleet == fleet, outcome.c.key.in_(keys)).order_by(outcome.c.number)
    for row in connection.execute(said.where(outcome.c.number > last[-1]["number"])).mappings():
        known[row["key"]] = dict(row)
    return [(row, known.get(row["key"])) for row in last]


def _charges_since(fleet: str, number: int) -> Select[Any]:
    charge = tables.charge
    query = select(charge.c.number, charge.c.month, charge.c.usd)
    return query.where(charge.c.fleet == fleet, charge.c.number >= number).order_by(charge.c.number, charge.c.month)


def _next_number(connection: Connection, fleet: str, epoch: int) -> int:
    """The number of the next entry, where `epoch` leads. Raises Fenced."""
    leader = tables.leader
    step = update(leader).where(leader.c.fleet == fleet, leader.c.epoch == epoch).values(written=leader.c.written + 1)
    number = connection.execute(step.returning(leader.c.written)).scalar()
    if number is None:
        raise_epoch(connection, fleet, epoch)
        number = connection.execute(step.returning(leader.c.written)).scalar_one()
    return int(number)


def _open(connection: Connection, fleet: str, node_id: str, number: int) -> None:
    insert_once(connection, tables.open_node, {"fleet": fleet, "node_id": node_id, "since": number})


def _close(connection: Connection, fleet: str, node_id: str) -> None:
    opened = tables.open_node
    connection.execute(delete(opened).where(opened.c.fleet == fleet, opened.c.node_id == node_id))


def _beginning(connection: Connection, fleet: str, node_id: str) -> Row:
    """What the first entry about an open node says: who sells it, whether it is base, its price."""
    opened = tables.open_node
    query = select(opened.c.since).where(opened.c.fleet == fleet, opened.c.node_id == node_id)
    since = connection.execute(query).scalar()
    for table in (tables.intent, tables.found):
        row = (
            connection.execute(select(table).where(table.c.fleet == fleet, table.c.number == since)).mappings().first()
        )
        if row is not None:
            return {**row, "is_base": table is tables.found}
    return {}
