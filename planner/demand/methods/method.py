"""What a method of forecasting is: demand that was, in; the likeliest demand of the hours after it, out. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from planner.demand.history import History
from planner.demand.local_time import LocalTime

Demand: TypeAlias = NDArray[np.float64]
"""(2, models, hours): input, then output, mean tok/s over each hour; NaN in both where not measured."""

Predict: TypeAlias = Callable[[Demand, LocalTime], Demand]
"""The past, and the local time of the past and of what is to be forecast; returns (2, models, hours) of the latter,
each a median, never negative, never NaN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A named way to forecast."""

    name: str
    predict: Predict
    is_slow: bool = False
    """Seconds each time: tried from fewer origins, and only where it is asked for."""


def demand_of(history: History) -> Demand:
    """Input and output of a history in one array."""
    return np.stack((history.input_tok_s, history.output_tok_s))


def hours_of(local: LocalTime, first: int, end: int) -> LocalTime:
    """The local time of a part of the hours."""
    return replace(
        local,
        hour_of_day=local.hour_of_day[first:end],
        day_of_week=local.day_of_week[first:end],
        day=local.day[first:end],
        event=local.event[first:end],
    )
