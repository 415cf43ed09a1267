"""Seasonal-naive: what was measured last in the same local hour of the day, or of the week. The rival of every other.

Local: when the clocks change, it is the hour on the wall that repeats. Pure.
"""

import numpy as np
from numpy.typing import NDArray

from planner.demand.local_time import LocalTime
from planner.demand.methods.method import Demand, Method


def same_hour(past: Demand, local: LocalTime, season: NDArray[np.int64]) -> Demand:
    """What was measured last in the hour of the same `season` number; NaN where there is none."""
    held = past.shape[-1]
    classes = int(season.max()) + 1
    found = np.full((*past.shape[:2], local.hours - held), np.nan)
    for model in range(past.shape[1]):
        measured = np.flatnonzero(~np.isnan(past[0, model]))
        last = np.full(classes, -1)
        np.maximum.at(last, season[measured], measured)
        at = last[season[held:]]
        found[:, model] = np.where(at >= 0, past[:, model, at], np.nan)
    return found


def filled(found: Demand, past: Demand) -> Demand:
    """The forecast with the median of the past where there is none; 0 for a model that was never measured."""
    for model in range(past.shape[1]):
        measured = past[:, model, ~np.isnan(past[0, model])]
        typical = np.median(measured, axis=1) if measured.size else np.zeros(2)
        gap = np.isnan(found[0, model])
        found[:, model, gap] = typical[:, None]
    return found


def _same_hour_of_day(past: Demand, local: LocalTime) -> Demand:
    return filled(same_hour(past, local, local.hour_of_day), past)


def _same_hour_of_week(past: Demand, local: LocalTime) -> Demand:
    found = same_hour(past, local, local.hour_of_week)
    return filled(np.where(np.isnan(found), same_hour(past, local, local.hour_of_day), found), past)


DAILY = Method(name="seasonal-naive-day", predict=_same_hour_of_day)
WEEKLY = Method(name="seasonal-naive-week", predict=_same_hour_of_week)
