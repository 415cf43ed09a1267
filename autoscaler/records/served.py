"""Served hours: rates of the serving side, added up over the ticks and kept as usage when an hour is full.

A reading is the mean of the time before it, of `longest_s` at most; what lies between two readings further apart was
not measured. What is added up is in the database, so a daemon that was killed goes on where it was.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from autoscaler.serving.serving import ModelReading
from planner.store import meter
from planner.store.kept import KeptConnection
from planner.store.read import HOUR, hour_number, moment_of
from planner.store.records import Row


class ServedRecorder:
    """Adds up what is served of each model."""

    def __init__(self, kept: KeptConnection, fleet: str, *, longest_s: float) -> None:
        self._kept = kept
        self._fleet = fleet
        self._longest = timedelta(seconds=longest_s)

    def record(self, readings: Mapping[str, ModelReading], now: datetime) -> tuple[str, ...]:
        """Takes in the readings of a tick and closes hours that are full; why one was not kept. Raises StoreError.

        A reading that was taken in before changes nothing. An hour is closed once no reading of it can come any more.
        """
        first = hour_number(now - self._longest)
        with self._kept.writing() as connection:
            running = meter.running_hours(connection, self._fleet)
            for model, reading in sorted(readings.items()):
                last = max((row["read_at"] for (name, _), row in running.items() if name == model), default=None)
                for row in self._grown(running, model, reading, last, first):
                    meter.put_hour(connection, self._fleet, row)
            return meter.close_hours(connection, self._fleet, first, at=now)

    def _grown(
        self,
        running: Mapping[tuple[str, int], Row],
        model: str,
        reading: ModelReading,
        last: datetime | None,
        first: int,
    ) -> Iterator[Row]:
        """The hours the reading speaks of, with what it adds."""
        begin = max(reading.measured_at - self._longest, moment_of(first))
        if last is not None:
            begin = max(begin, last)
        while begin < reading.measured_at:
            hour = hour_number(begin)
            until = min(reading.measured_at, moment_of(hour) + HOUR)
            row = running.get((model, hour)) or _empty(model, hour)
            yield _added(row, reading, (until - begin).total_seconds(), until)
            begin = until


def _empty(model: str, hour: int) -> Row:
    zero = {"measured_s": 0.0, "input_tokens": 0.0, "output_tokens": 0.0}
    return {"model": model, "hour": hour, **zero, "cached_input_tokens": 0.0, "unserved_tokens": 0.0}


def _added(row: Row, reading: ModelReading, seconds: float, read_at: datetime) -> Row:
    """The row with `seconds` of the reading; what one reading does not say is not known of the hour."""
    missed = reading.unserved_ratio or 0.0
    asked = (reading.input_tok_s + reading.output_tok_s) * seconds
    input_tokens = reading.input_tok_s * (1 - missed) * seconds
    hit, unserved = reading.cache_hit_ratio, reading.unserved_ratio
    cached_so_far, unserved_so_far = row["cached_input_tokens"], row["unserved_tokens"]
    is_cached_known = hit is not None and cached_so_far is not None
    is_unserved_known = unserved is not None and unserved_so_far is not None
    return {
        **row,
        "read_at": read_at,
        "measured_s": row["measured_s"] + seconds,
        "input_tokens": row["input_tokens"] + input_tokens,
        "output_tokens": row["output_tokens"] + reading.output_tok_s * (1 - missed) * seconds,
        "cached_input_tokens": cached_so_far + input_tokens * (hit or 0.0) if is_cached_known else None,
        "unserved_tokens": unserved_so_far + asked * missed if is_unserved_known else None,
    }
