"""Local days as rows of 24 hours: the hour a clock skips is a gap, the one it repeats counts once, as a mean. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.demand.local_time import LocalTime

HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DayGrid:
    """Series on local days, and where the hours to come stand beside them."""

    values: NDArray[np.float64]
    """(series, days, 24); NaN: not measured, skipped by the clock, or a day of an event."""
    eventful: NDArray[np.float64]
    """The same with days of events, too."""
    weekday: NDArray[np.int64]
    """(days,) 0 Monday to 6 Sunday."""
    event: tuple[str, ...]
    """(days,) name of the day's event; empty: none."""
    age: NDArray[np.float64]
    """(days,) days before the first hour to come."""
    past_cell: NDArray[np.int64]
    """(past hours,) day x 24 + hour of each."""
    next_day: NDArray[np.int64]
    """(hours to come,) row its day would have."""
    next_hour: NDArray[np.int64]
    next_weekday: NDArray[np.int64]
    next_event: tuple[str, ...]

    @property
    def days(self) -> int:
        """Days of the past, the one begun included."""
        return len(self.weekday)


def day_grid(series: NDArray[np.float64], local: LocalTime) -> DayGrid:
    """`series` (series, past hours) and the hours of `local` after them, on local days."""
    held = series.shape[-1]
    row = local.day - local.day[0]
    days = int(row[held - 1]) + 1
    cell = row[:held] * HOURS + local.hour_of_day[:held]
    known = ~np.isnan(series)
    total, count = np.zeros((len(series), days * HOURS)), np.zeros((len(series), days * HOURS))
    for one in range(len(series)):
        total[one] = np.bincount(cell, np.where(known[one], series[one], 0), days * HOURS)
        count[one] = np.bincount(cell, known[one], days * HOURS)
    values = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0).reshape(-1, days, HOURS)
    first_hour = np.searchsorted(row[:held], np.arange(days))
    event = tuple(local.event[hour] for hour in first_hour)
    quiet = np.array([name == "" for name in event])
    return DayGrid(
        values=np.where(quiet[:, None], values, np.nan),
        eventful=values,
        weekday=(local.day[0] + np.arange(days) - 1) % 7,
        event=event,
        age=(row[held] - np.arange(days)).astype(float),
        past_cell=cell,
        next_day=row[held:],
        next_hour=local.hour_of_day[held:],
        next_weekday=local.day_of_week[held:],
        next_event=local.event[held:],
    )
