"""The last weeks once more: what the hour of the week was in the last three of them. Pure.

A profile leaves out what a repeated week has, such as a level that stays, and the other way round: a share of either
errs less than both (J. M. Bates and C. W. J. Granger, The Combination of Forecasts, 1969).
"""

import numpy as np
from numpy.typing import NDArray

from planner.demand.methods.robust.day_grid import DayGrid

_LEAST_DAYS = 28
_WEEKS = 3
_SHARE = 0.3


def leaning_on_weeks(grid: DayGrid, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(series, hours to come): `found`, three tenths of the way to the median of its hour in the last three weeks.

    The last three in which it was measured, of the last four; days of events are none. Unmoved where the history is
    under four weeks, and where none of the four has the hour.
    """
    if grid.days < _LEAST_DAYS:
        return found
    last = grid.days - 1 - (grid.days - 1 - grid.next_day) % 7
    weeks = np.stack([grid.values[:, last - 7 * back, grid.next_hour] for back in range(_WEEKS + 1)])
    known = ~np.isnan(weeks)
    known &= np.cumsum(known, axis=0) <= _WEEKS
    moved = known.any(axis=0)
    repeated = np.nanmedian(np.where(known, weeks, np.nan)[:, moved], axis=0)
    leaning = found.copy()
    leaning[moved] += _SHARE * (repeated - found[moved])
    return leaning
