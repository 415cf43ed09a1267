"""Reading facts: what holds of a span of time. Retracted batches are not seen; of a lease the newest version holds."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from planner.ledger import (
    Batch,
    BatchKind,
    InterruptionClass,
    Lease,
    OtherCost,
    PlanRecord,
    PriceInForce,
    PublishedPrice,
    ServedHours,
    SpotMean,
    SpotPrice,
    Tags,
)
from planner.store import records, tables
from planner.store.nodes import node_leases

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
_CHUNK_ROWS = 50_000
_NONE = -1
"""Stands for NULL while tokens are columns of integers; no count is negative."""

Ints = NDArray[np.int64]


def hour_number(moment: datetime) -> int:
    """Hours from 1970-01-01T00:00Z to the hour that holds a moment."""
    return (moment - EPOCH) // HOUR


def moment_of(hour: int) -> datetime:
    """Start of the hour with a number."""
    return EPOCH + hour * HOUR


def retracted() -> Select[tuple[int]]:
    """Batches that were taken back."""
    return select(tables.retraction.c.batch_id)


def batches(connection: Connection) -> tuple[Batch, ...]:
    """Every batch, retracted ones too, in the order they came."""
    both = tables.batch.outerjoin(tables.retraction, tables.retraction.c.batch_id == tables.batch.c.id)
    query = select(tables.batch, tables.retraction.c.retracted_at, tables.retraction.c.why).select_from(both)
    return tuple(records.batch_of(row) for row in connection.execute(query.order_by(tables.batch.c.id)).mappings())


def held_leases() -> Select[Any]:
    """The version of each lease that holds."""
    lease = tables.lease
    newest = (
        select(lease.c.lease_id, func.max(lease.c.batch_id).label("newest"))
        .where(lease.c.batch_id.not_in(retracted()))
        .group_by(lease.c.lease_id)
        .subquery()
    )
    return select(lease).join(newest, and_(lease.c.lease_id == newest.c.lease_id, lease.c.batch_id == newest.c.newest))


def leases(connection: Connection, start: datetime | None, end: datetime | None) -> tuple[Lease, ...]:
    """Leases that overlap [start, end), by start and id, imported ones and nodes'; None: without that limit."""
    imported = imported_leases(connection, start, end)
    nodes = node_leases(connection, start, end, imported=imported)
    return tuple(sorted((*imported, *nodes.leases), key=lambda lease: (lease.start, lease.id)))


def unpriced_machines(connection: Connection, start: datetime, end: datetime) -> tuple[str, ...]:
    """Ids of a daemon's machines of the span whose price nobody knows."""
    return node_leases(connection, start, end, imported=imported_leases(connection, start, end)).unpriced


def imported_leases(connection: Connection, start: datetime | None, end: datetime | None) -> list[Lease]:
    """The version that holds of each imported lease that overlaps [start, end); None: without that limit."""
    column, query = tables.lease.c, held_leases()
    if start is not None:
        running = or_(column.end_at.is_(None), column.end_at > start)
        query = query.where(or_(running, and_(column.start_at >= start, column.end_at == column.start_at)))
    if end is not None:
        query = query.where(column.start_at < end)
    return [records.lease_of(row) for row in connection.execute(query).mappings()]


def other_costs(connection: Connection, start: datetime | None, end: datetime | None) -> tuple[OtherCost, ...]:
    """Other costs that overlap [start, end), by start and id; of one id the newest batch holds."""
    cost = tables.other_cost
    newest = (
        select(cost.c.cost_id, func.max(cost.c.batch_id).label("newest"))
        .where(cost.c.batch_id.not_in(retracted()))
        .group_by(cost.c.cost_id)
        .subquery()
    )
    query = select(cost).join(newest, and_(cost.c.cost_id == newest.c.cost_id, cost.c.batch_id == newest.c.newest))
    if start is not None:
        query = query.where(
            or_(cost.c.end_at > start, and_(cost.c.start_at >= start, cost.c.end_at == cost.c.start_at))
        )
    if end is not None:
        query = query.where(cost.c.start_at < end)
    found = [records.cost_of(row) for row in connection.execute(query).mappings()]
    return tuple(sorted(found, key=lambda one: (one.start, one.id)))


def prices(connection: Connection) -> tuple[PriceInForce, ...]:
    """Every price in force, by offer and date (unknown first); of one offer and date the newest batch holds."""
    query = select(tables.price).where(tables.price.c.batch_id.not_in(retracted()))
    query = query.order_by(tables.price.c.batch_id, tables.price.c.row)
    held = {
        (price.offer, price.effective_from): price
        for price in map(records.price_of, connection.execute(query).mappings())
    }
    return tuple(
        held[key] for key in sorted(held, key=lambda key: (key[0], key[1] is not None, key[1] or EPOCH.date()))
    )


def interruptions(connection: Connection) -> tuple[InterruptionClass, ...]:
    """Every interruption class, by offer and day; of one offer and day the newest batch holds."""
    table = tables.interruption
    query = select(table).where(table.c.batch_id.not_in(retracted())).order_by(table.c.batch_id)
    held = {
        (one.offer, one.said_on): InterruptionClass(
            offer=one.offer, interruption_range=one.interruption_range, said_on=one.said_on, source=one.source
        )
        for one in connection.execute(query)
    }
    return tuple(held[key] for key in sorted(held))


def spot_means(connection: Connection) -> tuple[SpotMean, ...]:
    """Every mean, by offer and day; of one offer and day the newest batch holds."""
    names = [one.name for one in fields(SpotMean)]
    table = tables.spot_mean
    query = select(*(table.c[name] for name in names)).where(table.c.batch_id.not_in(retracted()))
    rows = connection.execute(query.order_by(table.c.batch_id)).mappings()
    held = {(one.offer, one.said_on): one for one in (SpotMean(**{name: row[name] for name in names}) for row in rows)}
    return tuple(held[key] for key in sorted(held))


def spot_prices(connection: Connection, provider: str, start: datetime) -> tuple[SpotPrice, ...]:
    """Changes since then, oldest first, and of each type and zone the one in force at the start."""
    table = tables.spot_price
    known = and_(table.c.provider == provider, table.c.batch_id.not_in(retracted()))
    opening = (
        select(table.c.product, table.c.zone, func.max(table.c.since).label("since"))
        .where(known, table.c.since <= start)
        .group_by(table.c.product, table.c.zone)
        .subquery()
    )
    columns = (table.c.product, table.c.zone, table.c.since, table.c.usd_hour)
    in_force = select(*columns).join(
        opening,
        and_(table.c.product == opening.c.product, table.c.zone == opening.c.zone, table.c.since == opening.c.since),
    )
    found = {
        SpotPrice(provider=provider, product=row.product, zone=row.zone, since=row.since, usd_hour=row.usd_hour)
        for query in (in_force.where(known), select(*columns).where(known, table.c.since > start))
        for row in connection.execute(query)
    }
    return tuple(sorted(found, key=lambda one: (one.since, one.product, one.zone)))


def published(connection: Connection, start: datetime, end: datetime) -> tuple[PublishedPrice, ...]:
    """Published prices that were charged at some time of [start, end), by gateway, name and time."""
    query = select(tables.published).where(
        tables.published.c.batch_id.not_in(retracted()),
        tables.published.c.announced_at.is_(None),
        tables.published.c.is_review.is_(False),
        tables.published.c.effective_at < end,
    )
    query = query.order_by(tables.published.c.effective_at, tables.published.c.batch_id, tables.published.c.row)
    held: dict[tuple[str, str], list[PublishedPrice]] = {}
    for price in map(records.published_of, connection.execute(query).mappings()):
        prices = held.setdefault((price.gateway, price.name), [])
        if prices and price.effective_at <= start:
            prices.clear()  # the one before was over when the span began
        prices.append(price)
    return tuple(price for key in sorted(held) for price in held[key])


def all_published(connection: Connection) -> tuple[PublishedPrice, ...]:
    """Every price that was told, announced or reviewed, in the order it was recorded."""
    query = select(tables.published).where(tables.published.c.batch_id.not_in(retracted()))
    query = query.order_by(tables.published.c.batch_id, tables.published.c.row)
    return tuple(map(records.published_of, connection.execute(query).mappings()))


def announced(connection: Connection) -> tuple[PublishedPrice, ...]:
    """Announcements that were not told yet, the newest of each gateway, name and moment, by moment and name."""
    open_: dict[tuple[str, str, datetime], PublishedPrice] = {}
    for price in all_published(connection):
        if price.announced_at is not None:
            open_[price.gateway, price.name, price.effective_at] = price
            continue
        if price.is_review:
            continue
        for key in list(open_):
            if key[:2] == (price.gateway, price.name) and key[2] <= price.effective_at:
                del open_[key]  # told since, or overtaken by what was
    return tuple(sorted(open_.values(), key=lambda one: (one.effective_at, one.gateway, one.name)))


def reviews(connection: Connection, gateway: str) -> tuple[PublishedPrice, ...]:
    """The newest review of each name of a gateway."""
    found = {one.name: one for one in all_published(connection) if one.gateway == gateway and one.is_review}
    return tuple(found[name] for name in sorted(found))


def plans(connection: Connection, start: datetime, end: datetime) -> tuple[PlanRecord, ...]:
    """Recorded plans whose horizon touches [start, end), by the time they were saved."""
    query = select(tables.plan).where(planned_in(start, end))
    found = [records.plan_of(row) for row in connection.execute(query).mappings()]
    return tuple(sorted(found, key=lambda one: (one.saved_at, one.batch)))


def planned_in(start: datetime, end: datetime) -> ColumnElement[bool]:
    """Whether a recorded plan touches [start, end)."""
    column = tables.plan.c
    return and_(column.batch_id.not_in(retracted()), column.start_at < end, column.end_at > start)


def served(connection: Connection, start: datetime, end: datetime) -> ServedHours:
    """What was served in [start, end), full hours."""
    first, last = hour_number(start), hour_number(end)
    hour, series, counts = _served_columns(connection, first, last)
    known = {number: (model, tags) for number, model, tags in series_held(connection, np.unique(series).tolist())}
    models = tuple(sorted({model for model, _ in known.values()}))
    tag_sets = tuple(sorted({tags for _, tags in known.values()}))
    to_model, to_tag = _lookups(known, models, tag_sets)
    unknown = hours_unknown(connection, first, last) - set(np.unique(hour).tolist())
    return ServedHours(
        start=moment_of(first),
        hours=last - first,
        models=models,
        tags=tag_sets,
        hour=(hour - first).astype(np.int32),
        model=to_model[series],
        tag=to_tag[series],
        input_tokens=counts[0],
        output_tokens=counts[1],
        cached_input_tokens=None if (counts[2] == _NONE).any() else counts[2],
        unserved_tokens=None if (counts[3] == _NONE).any() else counts[3],
        gaps=frozenset(number - first for number in unknown),
        source="ledger",
    )


def tokens_served(connection: Connection, start: datetime, end: datetime) -> int | None:
    """Input and output tokens served in [start, end), full hours; None: no row is held."""
    column = tables.served.c
    query = select(func.sum(column.input_tokens + column.output_tokens)).where(
        column.hour >= hour_number(start), column.hour < hour_number(end), column.batch_id.not_in(retracted())
    )
    total = connection.execute(query).scalar()
    return None if total is None else int(total)


def hours_unknown(connection: Connection, first: int, last: int) -> set[int]:
    """Hours in [first, last) that no batch measured: outside every batch's span, or marked as a gap."""
    unknown = set(range(first, last))
    for batch in batches(connection):
        if batch.kind is not BatchKind.USAGE or batch.retracted_at is not None:
            continue
        if batch.start is None or batch.end is None:
            continue
        spanned = range(max(first, hour_number(batch.start)), min(last, hour_number(batch.end)))
        if spanned:
            unknown -= set(spanned) - gaps_of(connection, batch.id)
    return unknown


def gaps_of(connection: Connection, batch_id: int) -> set[int]:
    """Hours a batch marks as a gap."""
    return set(connection.execute(select(tables.gap.c.hour).where(tables.gap.c.batch_id == batch_id)).scalars())


def series_held(connection: Connection, ids: Sequence[int] | None = None) -> list[tuple[int, str, Tags]]:
    """Number, model and tags of the series named; None: of all."""
    rows = connection.execute(select(tables.series.c.id, tables.series.c.model, tables.series.c.tags))
    wanted = None if ids is None else set(ids)
    return [(row.id, row.model, row.tags) for row in rows if wanted is None or row.id in wanted]


def served_rows(connection: Connection, first: int, last: int) -> Iterator[Ints]:
    """Rows of usage in hours [first, last), in chunks (n, 7): batch, hour, series and the four counts."""
    column = tables.served.c
    query = (
        select(
            *(column.batch_id, column.hour, column.series_id, column.input_tokens, column.output_tokens),
            func.coalesce(column.cached_input_tokens, _NONE),
            func.coalesce(column.unserved_tokens, _NONE),
        )
        .where(column.hour >= first, column.hour < last, column.batch_id.not_in(retracted()))
        .order_by(column.hour, column.series_id, column.batch_id)
    )
    cursor = connection.execute(query).cursor
    assert cursor is not None  # a SELECT has one; its plain tuples cost a third of rows
    while chunk := cursor.fetchmany(_CHUNK_ROWS):
        yield np.array(chunk, dtype=np.int64)


def _served_columns(connection: Connection, first: int, last: int) -> tuple[Ints, Ints, tuple[Ints, ...]]:
    """Hour, series and the four counts of what was served, as columns."""
    chunks = list(served_rows(connection, first, last))
    table = np.concatenate(chunks) if chunks else np.empty((0, 7), dtype=np.int64)
    columns = [np.ascontiguousarray(column) for column in table.T[1:]]
    return columns[0], columns[1], tuple(columns[2:])


def _lookups(
    known: dict[int, tuple[str, Tags]], models: Sequence[str], tag_sets: Sequence[Tags]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Index of the model and of the tags by number of the series."""
    size = max(known, default=0) + 1
    to_model, to_tag = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
    model_at = {name: index for index, name in enumerate(models)}
    tags_at = {tags: index for index, tags in enumerate(tag_sets)}
    for number, (model, tags) in known.items():
        to_model[number], to_tag[number] = model_at[model], tags_at[tags]
    return to_model, to_tag
