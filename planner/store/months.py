"""Months: how much the ledger holds of each calendar month (UTC)."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from planner.ledger import Batch, BatchKind, MonthOfFacts
from planner.store import read, tables
from planner.store.nodes import node_spans

Month = int
"""Months since year 0."""


def months(connection: Connection) -> tuple[MonthOfFacts, ...]:
    """What is held of each month that leases, usage or other costs speak of, or that lies between two such."""
    imported = read.imported_leases(connection, None, None)
    rented = [(lease.start, lease.end) for lease in imported] + node_spans(connection, imported=imported)
    spans = Counter(_first_and_last(began, ended) for began, ended in rented)
    spoken = {month for one in read.batches(connection) for month in _spoken_of(one)}
    spoken |= {month for first, last in spans for month in _named(first, last)}
    counted = _rows_by_hour(connection)
    found = []
    for month in range(min(spoken, default=0), max(spoken, default=-1) + 1):
        ran = sum(count for (first, last), count in spans.items() if first <= month and (last is None or month <= last))
        if month in spoken or ran:  # else it is between others, and nothing ran
            found.append(_held_of(connection, month, ran, counted))
    return tuple(found)


def _held_of(connection: Connection, month: Month, ran: int, counted: dict[int, int]) -> MonthOfFacts:
    """`ran`: leases that touch it; `counted`: rows of usage by hour."""
    start, end = _instant(month), _instant(month + 1)
    first, last = read.hour_number(start), read.hour_number(end)
    unknown = read.hours_unknown(connection, first, last)
    touching = select(func.count()).select_from(tables.plan).where(read.planned_in(start, end))
    return MonthOfFacts(
        month=f"{start:%Y-%m}",
        leases=ran,
        hours=last - first,
        gap_hours=sum(hour not in counted for hour in unknown),
        usage_rows=sum(counted.get(hour, 0) for hour in range(first, last)),
        other_costs=len(read.other_costs(connection, start, end)),
        plans=connection.execute(touching).scalar_one(),
    )


def _rows_by_hour(connection: Connection) -> dict[int, int]:
    column = tables.served.c
    query = select(column.hour, func.count()).where(column.batch_id.not_in(read.retracted())).group_by(column.hour)
    return {row[0]: row[1] for row in connection.execute(query)}


OF_NO_MONTH = (BatchKind.PRICES, BatchKind.PLAN, BatchKind.PUBLISHED)


def _spoken_of(batch: Batch) -> Iterable[Month]:
    """The months that a batch of leases, usage or costs speaks of."""
    if batch.retracted_at is not None or batch.start is None or batch.kind in OF_NO_MONTH:
        return ()
    return _named(*_first_and_last(batch.start, batch.end))


def _named(first: Month, last: Month | None) -> Iterable[Month]:
    """The months of a span; of one without an end, its first."""
    return range(first, (first if last is None else last) + 1)


def _first_and_last(began: datetime, ended: datetime | None) -> tuple[Month, Month | None]:
    """The first and last month that a span touches; last None: it has no end."""
    first = _month(began)
    if ended is None:
        return first, None
    last = _month(ended)
    if last > first and ended == _instant(last):
        last -= 1  # it ended as the month began
    return first, last


def _month(moment: datetime) -> Month:
    return moment.year * 12 + moment.month - 1


def _instant(month: Month) -> datetime:
    """When the month begins."""
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
