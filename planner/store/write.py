"""Adding facts in one transaction: the batch, then its rows. What is held already is refused by name.

The connection's transaction is the only writer (engine.writing), so what is looked up here still holds at the insert.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, func, insert, select

from planner.errors import InputError
from planner.ledger import (
    Batch,
    BatchKind,
    Lease,
    Origin,
    OtherCost,
    PriceInForce,
    PublishedPrice,
    ServedHours,
    SpotFacts,
    SpotPrice,
    Tags,
)
from planner.store import read, records, tables
from planner.store.columns import tags_text

_CHUNK_ROWS = 20_000
_SERIES = 1 << 24
"""More than there are series: hour and series make one key."""


def add_leases(connection: Connection, leases: Sequence[Lease], origin: Origin, *, newer: bool) -> Batch:
    """A batch of leases; those held already just as they are are left out. `newer`: they replace the version held."""
    _refuse_same_text(connection, BatchKind.LEASES, origin)
    _refuse_twice("lease", [lease.id for lease in leases], origin)
    held = _held(connection, read.held_leases(), records.lease_of, lambda lease: lease.id)
    added = [lease for lease in leases if held.get(lease.id, (0, None))[1] != lease]
    if not newer:
        clashes = ((lease.id, held[lease.id][0]) for lease in added if lease.id in held)
        _refuse_held(connection, "lease", clashes, origin)
    starts = [lease.start for lease in added]
    ends = [lease.end for lease in added]
    batch = _add_batch(
        connection,
        BatchKind.LEASES,
        origin,
        rows=len(added),
        start=min(starts, default=None),
        end=None if None in ends or not ends else max(end for end in ends if end is not None),
    )
    _insert(connection, tables.lease, ({"batch_id": batch.id, **records.lease_row(lease)} for lease in added))
    return batch


def add_other_costs(connection: Connection, costs: Sequence[OtherCost], origin: Origin, *, newer: bool) -> Batch:
    """A batch of other costs; those held already just as they are are left out. `newer`: they replace what is held."""
    _refuse_same_text(connection, BatchKind.COSTS, origin)
    _refuse_twice("cost", [cost.id for cost in costs], origin)
    query = select(tables.other_cost).where(tables.other_cost.c.batch_id.not_in(read.retracted()))
    held = _held(connection, query, records.cost_of, lambda cost: cost.id)
    added = [cost for cost in costs if held.get(cost.id, (0, None))[1] != cost]
    if not newer:
        clashes = ((cost.id, held[cost.id][0]) for cost in added if cost.id in held)
        _refuse_held(connection, "cost", clashes, origin)
    batch = _add_batch(
        connection,
        BatchKind.COSTS,
        origin,
        rows=len(added),
        start=min((cost.start for cost in added), default=None),
        end=max((cost.end for cost in added), default=None),
    )
    _insert(connection, tables.other_cost, ({"batch_id": batch.id, **records.cost_row(cost)} for cost in added))
    return batch


def add_prices(
    connection: Connection,
    prices: Sequence[PriceInForce],
    origin: Origin,
    *,
    spot: SpotFacts,
) -> Batch:
    """A batch of prices, and what is known of spot beside them; of one offer and date the newest batch holds.

    A change of a spot price that is held already is not added again.
    """
    _refuse_same_text(connection, BatchKind.PRICES, origin)
    batch = _add_batch(connection, BatchKind.PRICES, origin, rows=len(prices), start=None, end=None)
    rows = (
        {"batch_id": batch.id, "row": row, "offer": one.offer, "provider": one.provider, **records.price_row(one)}
        for row, one in enumerate(prices, start=1)
    )
    _insert(connection, tables.price, rows)
    for table, facts in ((tables.interruption, spot.interruptions), (tables.spot_mean, spot.means)):
        _insert(connection, table, ({"batch_id": batch.id, **asdict(one)} for one in facts))
    added = enumerate(_new_spot_prices(connection, spot.prices), start=1)
    _insert(connection, tables.spot_price, ({"batch_id": batch.id, "row": row, **asdict(one)} for row, one in added))
    return batch


def _new_spot_prices(connection: Connection, prices: Sequence[SpotPrice]) -> Iterator[SpotPrice]:
    """Those that are not held yet, each once."""
    if not prices:
        return
    table = tables.spot_price
    query = select(table.c.provider, table.c.product, table.c.zone, table.c.since).where(
        table.c.batch_id.not_in(read.retracted()), table.c.since >= min(one.since for one in prices)
    )
    held = {tuple(row) for row in connection.execute(query)}
    for one in prices:
        key = (one.provider, one.product, one.zone, one.since)
        if key not in held:
            held.add(key)
            yield one


def add_published(connection: Connection, prices: Sequence[PublishedPrice], origin: Origin) -> Batch:
    """A batch of prices published at a gateway."""
    batch = _add_batch(connection, BatchKind.PUBLISHED, origin, rows=len(prices), start=None, end=None)
    rows = ({"batch_id": batch.id, "row": row, **records.published_row(one)} for row, one in enumerate(prices, start=1))
    _insert(connection, tables.published, rows)
    return batch


def add_plan(
    connection: Connection,
    document: str,
    origin: Origin,
    *,
    start: datetime,
    end: datetime,
    forecast: str | None,
    forecast_source: str | None,
) -> Batch:
    """A batch of one plan, with the text of its forecast."""
    batch = _add_batch(connection, BatchKind.PLAN, origin, rows=1, start=start, end=end)
    text = None if forecast is None else forecast.encode()
    row = {
        "batch_id": batch.id,
        "start_at": start,
        "end_at": end,
        "saved_at": origin.added_at,
        "document_gz": gzip.compress(document.encode(), mtime=0),
        "forecast_gz": None if text is None else gzip.compress(text, mtime=0),
        "forecast_sha256": None if text is None else hashlib.sha256(text).hexdigest(),
        "forecast_source": forecast_source,
    }
    _insert(connection, tables.plan, [row])
    return batch


def add_served(connection: Connection, usage: ServedHours, origin: Origin, *, adds: bool) -> Batch:
    """A batch of usage, one row per hour, model and tags. `adds`: to what is held of the same hour, model and tags."""
    _refuse_same_text(connection, BatchKind.USAGE, origin)
    numbers = _series_numbers(connection, usage)
    first = read.hour_number(usage.start)
    keys, columns = _summed(usage, numbers, first)
    if not adds:
        _refuse_served(connection, keys, first, first + usage.hours, origin)
        _refuse_otherwise_tagged(connection, keys, first, first + usage.hours, origin)
    batch = _add_batch(
        connection, BatchKind.USAGE, origin, rows=len(keys), start=usage.start, end=usage.at(usage.hours)
    )
    names = ("hour", "series_id", "batch_id", "input_tokens", "output_tokens", "cached_input_tokens", "unserved_tokens")
    batch_column = np.full(len(keys), batch.id)
    bulk_insert(connection, tables.served, names, [keys // _SERIES, keys % _SERIES, batch_column, *columns])
    _insert(connection, tables.gap, [{"hour": first + gap, "batch_id": batch.id} for gap in sorted(usage.gaps)])
    return batch


def retract(connection: Connection, batch_id: int, *, why: str, at: datetime) -> Batch:
    """Takes a batch back; its facts stay in the database and are not read any more."""
    known = {batch.id: batch for batch in read.batches(connection)}
    if batch_id not in known:
        raise InputError(f"batch {batch_id}: the ledger has no such batch; `baseload ledger list` shows them")
    if known[batch_id].retracted_at is not None:
        raise InputError(f"batch {batch_id}: was retracted already, at {known[batch_id].retracted_at:%Y-%m-%d %H:%M}Z")
    if not why.strip():
        raise InputError(f"batch {batch_id}: a retraction needs its reason; expected --why TEXT")
    _insert(connection, tables.retraction, [{"batch_id": batch_id, "retracted_at": at, "why": why.strip()}])
    return {batch.id: batch for batch in read.batches(connection)}[batch_id]


def bulk_insert(connection: Connection, table: Table, names: Sequence[str], columns: Sequence[Any]) -> None:
    """Inserts columns of integers (None: a column of NULL): COPY on PostgreSQL, prepared rows on SQLite."""
    count = next((len(column) for column in columns if column is not None), 0)
    for start in range(0, count, _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, count)
        parts = [[None] * (stop - start) if one is None else one[start:stop].tolist() for one in columns]
        rows = list(zip(*parts, strict=True))
        if connection.dialect.name == "postgresql":
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.close()
        else:
            marks = ", ".join("?" for _ in names)
            # names of our own tables and columns
            connection.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608


def _add_batch(
    connection: Connection, kind: BatchKind, origin: Origin, *, rows: int, start: datetime | None, end: datetime | None
) -> Batch:
    number = (connection.execute(select(func.max(tables.batch.c.id))).scalar() or 0) + 1
    row = {
        "id": number,
        "kind": kind.value,
        "source": origin.source,
        "sha256": origin.sha256,
        "added_at": origin.added_at,
        "tags": json.dumps(list(origin.tags), ensure_ascii=False),
        "row_count": rows,
        "span_start": start,
        "span_end": end,
    }
    connection.execute(insert(tables.batch), row)
    return Batch(id=number, kind=kind, origin=origin, rows=rows, start=start, end=end)


def _refuse_same_text(connection: Connection, kind: BatchKind, origin: Origin) -> None:
    for batch in read.batches(connection):
        if batch.retracted_at is None and batch.kind is kind and batch.origin.sha256 == origin.sha256:
            raise InputError(
                f"{origin.source}: the same text is in the ledger already, as batch {batch.id} ({batch.origin.source},"
                f" {batch.origin.added_at:%Y-%m-%d %H:%M}Z); `baseload ledger retract {batch.id}` takes that back"
            )


def _refuse_twice(what: str, ids: Sequence[str], origin: Origin) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise InputError(f"{origin.source}: {what} {one!r} appears twice; expected each id once")
        seen.add(one)


def _refuse_held(connection: Connection, what: str, clashes: Iterable[tuple[str, int]], origin: Origin) -> None:
    for one, batch_id in clashes:
        raise InputError(
            f"{origin.source}: {what} {one!r} is in the ledger with other figures,"
            f" from {_batch_named(connection, batch_id)};"
            f" --add makes this the version that holds, `baseload ledger retract {batch_id}` takes the other back"
        )


def _held(
    connection: Connection, query: Any, value: Callable[[Any], Any], key: Callable[[Any], str]
) -> dict[str, tuple[int, Any]]:
    """What is held by id: the batch, and the value; the newest batch wins."""
    held: dict[str, tuple[int, Any]] = {}
    for row in connection.execute(query.order_by("batch_id")).mappings():
        one = value(row)
        held[key(one)] = (row["batch_id"], one)
    return held


def _refuse_served(connection: Connection, keys: read.Ints, first: int, last: int, origin: Origin) -> None:
    """Raises InputError where a row's hour, model and tags are held by another batch."""
    known = {number: (model, tags) for number, model, tags in read.series_held(connection)}
    for chunk in read.served_rows(connection, first, last):
        taken = np.isin(chunk[:, 1] * _SERIES + chunk[:, 2], keys)
        if taken.any():
            batch_id, hour, series = chunk[int(np.argmax(taken)), :3].tolist()
            model, tags = known[series]
            raise InputError(
                f"{origin.source}: the ledger holds usage of {_named(model, tags)} in the hour"
                f" {read.moment_of(hour):%Y-%m-%dT%H:%MZ} already, from {_batch_named(connection, batch_id)};"
                f" --add adds to it, `baseload ledger retract {batch_id}` takes it back"
            )


def _refuse_otherwise_tagged(connection: Connection, keys: read.Ints, first: int, last: int, origin: Origin) -> None:
    """Raises InputError where an hour of a model is held with other tag names: likely the same tokens once more."""
    others = {
        batch.id: batch.origin.tags
        for batch in read.batches(connection)
        if batch.kind is BatchKind.USAGE and batch.retracted_at is None and set(batch.origin.tags) != set(origin.tags)
    }
    if not others:
        return
    series = read.series_held(connection)
    models = list(dict.fromkeys(model for _, model, _ in series))
    model_of = np.zeros(max(number for number, _, _ in series) + 1, dtype=np.int64)
    model_of[[number for number, _, _ in series]] = [models.index(model) for _, model, _ in series]
    coming = np.unique(keys // _SERIES * _SERIES + model_of[keys % _SERIES])
    for chunk in read.served_rows(connection, first, last):
        taken = np.isin(chunk[:, 0], list(others)) & np.isin(chunk[:, 1] * _SERIES + model_of[chunk[:, 2]], coming)
        if taken.any():
            batch_id, hour, number = chunk[int(np.argmax(taken)), :3].tolist()
            raise InputError(
                f"{origin.source}: the ledger holds usage of {models[model_of[number]]!r} in the hour"
                f" {read.moment_of(hour):%Y-%m-%dT%H:%MZ} already, from {_batch_named(connection, batch_id)}, by"
                f" {_tag_names(others[batch_id])} and not by {_tag_names(origin.tags)}; --add adds to it,"
                f" `baseload ledger retract {batch_id}` takes it back"
            )


def _tag_names(tags: Sequence[str]) -> str:
    return ", ".join(tags) or "no tag"


def _batch_named(connection: Connection, batch_id: int) -> str:
    """A batch as people know it, by its number and the name of its file."""
    source = connection.execute(select(tables.batch.c.source).where(tables.batch.c.id == batch_id)).scalar()
    return f"batch {batch_id} ({source})"


def _named(model: str, tags: Tags) -> str:
    return " ".join([repr(model), *(f"{name}={value}" for name, value in tags)])


def _series_numbers(connection: Connection, usage: ServedHours) -> read.Ints:
    """Number of the series of each row; series that are new are added."""
    known = {(model, tags_text(tags)): number for number, model, tags in read.series_held(connection)}
    pairs, code = np.unique(usage.model.astype(np.int64) * len(usage.tags) + usage.tag, return_inverse=True)
    new: list[records.Row] = []
    numbers = []
    for pair in pairs.tolist():
        model, tags = usage.models[pair // len(usage.tags)], usage.tags[pair % len(usage.tags)]
        key = (model, tags_text(tags))
        if key not in known:
            known[key] = max(known.values(), default=0) + 1
            new.append({"id": known[key], "model": model, "tags": tags})
        numbers.append(known[key])
    _insert(connection, tables.series, new)
    return np.array(numbers, dtype=np.int64)[code]


def _summed(usage: ServedHours, numbers: read.Ints, first: int) -> tuple[read.Ints, list[read.Ints | None]]:
    """Keys hour x _SERIES + series, sorted and each once, and the counts of each."""
    keys, code = np.unique((usage.hour.astype(np.int64) + first) * _SERIES + numbers, return_inverse=True)
    columns: list[read.Ints | None] = []
    for counts in (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.unserved_tokens):
        if counts is None:
            columns.append(None)
            continue
        total = np.zeros(len(keys), dtype=np.int64)
        np.add.at(total, code, counts)
        columns.append(total)
    return keys, columns


def _insert(connection: Connection, table: Table, rows: Iterable[records.Row]) -> None:
    for chunk in _chunks(rows):
        connection.execute(insert(table), chunk)


def _chunks(rows: Iterable[records.Row]) -> Iterator[list[records.Row]]:
    chunk: list[records.Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
