"""Series for libraries that want every hour: each direction of each model, its gaps filled from like hours. Pure."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from planner.demand.local_time import LocalTime
from planner.demand.methods.method import Demand

_WEEK_H = 168


def whole_series(past: Demand, local: LocalTime, most_hours: int) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """(direction, model, hours) of the last `most_hours`; a gap holds the median of its local hour of the week.

    A series that was never measured is left out.
    """
    held = past.shape[-1]
    first = max(0, held - most_hours)
    hour = local.hour_of_week[first:held]
    for direction in range(past.shape[0]):
        for model in range(past.shape[1]):
            values = past[direction, model, first:].copy()
            known = ~np.isnan(values)
            if not known.any():
                continue
            usual = np.full(_WEEK_H, np.median(values[known]))
            for one in np.unique(hour[~known]):
                like = values[known & (hour == one)]
                if like.size:
                    usual[one] = np.median(like)
            values[~known] = usual[hour[~known]]
            yield direction, model, values
