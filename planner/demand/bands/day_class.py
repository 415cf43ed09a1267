"""Kinds of days and hours that people live alike: working days, Saturdays, Sundays, and holidays or events. Pure."""

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
