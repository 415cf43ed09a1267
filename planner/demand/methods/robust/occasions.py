"""Holidays and events: how such days stood to the weeks around them, leaning on what a Sunday is like. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.demand.methods.robust.day_grid import DayGrid

_SUNDAY = 6
_OTHER_NAME = 0.3
"""What an event of another name says of this one."""
_LEAN = 1.0
"""How many events the Sunday counts as."""


def of_event_days(grid: DayGrid, profile: NDArray[np.float64], plain: NDArray[np.float64]) -> NDArray[np.float64]:
    """(series, hours to come): `plain` with the hours of event days put where such days stood before.

    Of events on working days those on working days speak, of events on weekends those on weekends.
    """
    if not any(grid.next_event):
        return plain
    found = plain.copy()
    past = [day for day in range(grid.days) if grid.event[day]]
    stood = {day: grid.eventful[:, day] - _around(grid, day) for day in past}
    for day in sorted(set(grid.next_day[_named(grid.next_event)].tolist())):
        at = np.flatnonzero(grid.next_day == day)
        weekday, hour = int(grid.next_weekday[at[0]]), grid.next_hour[at]
        prior = profile[:, min(weekday, _SUNDAY) if weekday > 4 else _SUNDAY, hour] - profile[:, weekday, hour]
        total, weight = _LEAN * prior, np.full_like(prior, _LEAN)
        for one in past:
            if (grid.weekday[one] > 4) == (weekday > 4):
                off = stood[one][:, hour]
                share = (1.0 if grid.event[one] == grid.next_event[at[0]] else _OTHER_NAME) * ~np.isnan(off)
                total = total + share * np.where(np.isnan(off), 0, off)
                weight = weight + share
        found[:, at] = plain[:, at] + total / weight
    return found


def _named(events: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([name != "" for name in events])


def _around(grid: DayGrid, day: int) -> NDArray[np.float64]:
    """(series, 24) mean of the same weekday in the two weeks before and after; NaN where none was measured."""
    near = [one for one in (day - 14, day - 7, day + 7, day + 14) if 0 <= one < grid.days]
    values = grid.values[:, near]
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean
