"""The year: how the same weeks of last year stood to the weeks of this date in it. Pure."""

import numpy as np
from numpy.typing import NDArray

from planner.demand.methods.robust.day_grid import DayGrid
from planner.demand.methods.robust.profile import weekly_profile

_YEAR_DAYS = 364
"""52 weeks, so that weekdays meet."""
_WEEKS = 5
_BEFORE_DAYS, _AFTER_DAYS, _HALF_LIFE_DAYS = 21, 21, 10.0


def last_years_change(grid: DayGrid, *, huber: float, lean: float) -> NDArray[np.float64]:
    """(series, hours to come): last year's mean of the hour over the weeks around it, over the profile of this date.

    0 where the history is shorter than a year.
    """
    found = np.zeros((len(grid.values), len(grid.next_day)))
    if grid.days < _YEAR_DAYS:
        return found
    day = grid.next_day - _YEAR_DAYS
    total, count = np.zeros_like(found), np.zeros_like(found)
    for week in range(-_WEEKS, _WEEKS + 1):
        at = day + 7 * week
        value = np.where(
            (at >= 0) & (at < grid.days), grid.values[:, np.clip(at, 0, grid.days - 1), grid.next_hour], np.nan
        )
        known = ~np.isnan(value)
        total += np.where(known, value, 0)
        count += known
    around = slice(max(0, grid.days - _YEAR_DAYS - _BEFORE_DAYS), grid.days - _YEAR_DAYS + _AFTER_DAYS)
    weight = 0.5 ** (np.abs(grid.age[around] - _YEAR_DAYS) / _HALF_LIFE_DAYS)
    of_date = weekly_profile(grid.values[:, around], grid.weekday[around], weight, huber=huber, lean=lean)
    has_date = np.asarray(~np.isnan(grid.values[:, around]).all(axis=(1, 2)))
    change = total / np.maximum(count, 1) - of_date[:, grid.next_weekday, grid.next_hour]
    return np.where((count >= 2) & has_date[:, None], np.clip(change, -1, 1), found)
