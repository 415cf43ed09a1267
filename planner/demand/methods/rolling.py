"""Rolling origins: what a method would have said at moments of the past, beside what came. Pure.

A forecast from an origin sees only what was measured before it (R. J. Hyndman and G. Athanasopoulos, Forecasting:
Principles and Practice, 3rd ed., section 5.10).
"""

from collections.abc import Sequence

import numpy as np

from planner.demand.bands.day_class import hour_class
from planner.demand.bands.held_out import HeldOut
from planner.demand.local_time import LocalTime
from planner.demand.methods.method import Demand, Predict, hours_of

_DAY_H = 24
_LEAST_H = 48
_YEAR_DAYS = 364


def origins_of(held: int, hours: int, count: int) -> tuple[int, ...]:
    """Up to `count` origins, whole days before the end of `held` hours, so that an hour ahead is the same hour of day.

    Evenly over the younger half of the history, or from its third day on where that leaves too few; of what is older
    than a year, only as much as the hours ahead need.
    """
    days = (held - _LEAST_H) // _DAY_H
    if days < 1:
        return ()
    reach = min(days, max(count, min(days // 2, _YEAR_DAYS), hours // _DAY_H + 14))
    back = np.unique(np.linspace(1, reach, min(count, reach)).round().astype(int))
    return tuple(int(held - _DAY_H * one) for one in back[::-1])


def rolling(predict: Predict, past: Demand, local: LocalTime, hours: int, origins: Sequence[int]) -> HeldOut:
    """What `predict` would have said up to `hours` ahead from each origin; series are input, then output of models."""
    held = past.shape[-1]
    shape = (len(origins), *past.shape[:2], hours)
    predicted, actual = np.full(shape, np.nan), np.full(shape, np.nan)
    classes = hour_class(local)
    ahead_class = np.zeros((len(origins), hours), dtype=np.int64)
    for row, origin in enumerate(origins):
        ahead = min(hours, held - origin)
        predicted[row, ..., :ahead] = predict(past[..., :origin], hours_of(local, 0, origin + ahead))
        actual[row, ..., :ahead] = past[..., origin : origin + ahead]
        ahead_class[row] = classes[origin : origin + hours]
    flat = (len(origins), past.shape[0] * past.shape[1], hours)
    return HeldOut(
        predicted=predicted.reshape(flat),
        actual=actual.reshape(flat),
        hour_class=ahead_class,
        age_days=(held - np.asarray(origins, dtype=float)) / _DAY_H,
    )
