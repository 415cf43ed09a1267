"""Kinds of days and hours that people live alike: working days, Saturdays, Sundays, and holidays or events. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.demand.local_time import LocalTime

DAY_CLASSES = ("working day", "Saturday", "Sunday", "holiday or event")
HOUR_CLASSES = 48
_LEAST_MEASURED_H = 12


def day_class(local: LocalTime) -> NDArray[np.int64]:
    """(hours,) index into DAY_CLASSES of each hour's local day."""
    weekday = np.clip(local.day_of_week - 4, 0, 2)
    return np.where(local.has_event, 3, weekday)


def hour_class(local: LocalTime) -> NDArray[np.int64]:
    """(hours,) 0-23: an hour of a working day; 24-47: of a day off."""
    return np.where(day_class(local) == 0, 0, 24) + local.hour_of_day


def unseen(is_measured: NDArray[np.bool_], local: LocalTime) -> tuple[int, ...]:
    """Day classes of the hours to come that no day of the past shows; half a day measured shows one."""
    held = len(is_measured)
    classes = day_class(local)
    lived = np.bincount(classes[:held][is_measured], minlength=len(DAY_CLASSES))
    return tuple(one for one in np.unique(classes[held:]).tolist() if lived[one] < _LEAST_MEASURED_H)


def doubled(levels: Sequence[float], bands: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """(levels, ...) bands twice as wide about their `middle` (...): what 0 cuts off below is put on above."""
    level = np.asarray(levels)
    wide = middle + 2 * (bands - middle)
    cut = np.maximum(-wide, 0)
    opposite = np.clip(np.searchsorted(level, 1 - level + 1e-9, side="right") - 1, 0, None)
    above = (level > 0.5).reshape(-1, *[1] * middle.ndim)
    found: NDArray[np.float64] = np.maximum(np.where(above, wide + cut[opposite], wide), 0)
    return found
