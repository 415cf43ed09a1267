"""The hours a daemon measures: added up in `ledger_meter` while they run, closed as batches of usage, each once."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from planner.errors import InputError
from planner.ledger import Origin, ServedHours
from planner.store import read, tables, write
from planner.store.records import Row

LEAST_MEASURED_S = 1800.0
"""An hour of a model of which less was measured is not known: a minute would pass for the whole."""


def running_hours(connection: Connection, fleet: str) -> dict[tuple[str, int], Row]:
    """By model and number of the hour: what was measured of hours that are not closed."""
    query = select(tables.meter).where(tables.meter.c.fleet == fleet)
    return {(row["model"], row["hour"]): dict(row) for row in connection.execute(query).mappings()}


def put_hour(connection: Connection, fleet: str, row: Row) -> None:
    """Puts the row in place of what was measured of its model's hour so far."""
    meter = tables.meter.c
    connection.execute(
        delete(tables.meter).where(meter.fleet == fleet, meter.model == row["model"], meter.hour == row["hour"])
    )
    connection.execute(insert(tables.meter), {**row, "fleet": fleet})


def close_hours(connection: Connection, fleet: str, before: int, *, at: datetime) -> tuple[str, ...]:
    """Makes usage of each hour before a number; why one was not taken, such as that its usage was imported."""
    rows = [row for (_, hour), row in sorted(running_hours(connection, fleet).items()) if hour < before]
    problems = []
    for hour in sorted({row["hour"] for row in rows}):
        usage = _usage(hour, [row for row in rows if row["hour"] == hour], fleet)
        text = f"measured/{fleet}/{usage.start.isoformat()}"
        origin = Origin(source=usage.source, sha256=hashlib.sha256(text.encode()).hexdigest(), added_at=at)
        try:
            write.add_served(connection, usage, origin, adds=False)
        except InputError as error:
            problems.append(str(error))
    connection.execute(delete(tables.meter).where(tables.meter.c.fleet == fleet, tables.meter.c.hour < before))
    return tuple(problems)


def _usage(hour: int, rows: Sequence[Row], fleet: str) -> ServedHours:
    known = [row for row in rows if row["measured_s"] >= LEAST_MEASURED_S]
    return ServedHours(
        start=read.moment_of(hour),
        hours=1,
        models=tuple(row["model"] for row in known) or ("",),
        tags=((),),
        hour=np.zeros(len(known), dtype=np.int32),
        model=np.arange(len(known), dtype=np.int32),
        tag=np.zeros(len(known), dtype=np.int32),
        input_tokens=_counts(known, "input_tokens"),
        output_tokens=_counts(known, "output_tokens"),
        cached_input_tokens=_counts_if_known(known, "cached_input_tokens"),
        unserved_tokens=_counts_if_known(known, "unserved_tokens"),
        gaps=frozenset() if known else frozenset({0}),
        source=f"fleet {fleet}, measured",
    )


def _counts(rows: Sequence[Row], name: str) -> read.Ints:
    return np.array([round(row[name]) for row in rows], dtype=np.int64)


def _counts_if_known(rows: Sequence[Row], name: str) -> read.Ints | None:
    return None if any(row[name] is None for row in rows) else _counts(rows, name)
