"""An additive model of trend and Fourier seasons, by the library Prophet, which is installed on request.

S. J. Taylor and B. Letham, Forecasting at Scale, The American Statistician 72, 2018. In ln(tok/s + a tenth of a mean),
on the local clock, with the holidays and events of the history as its holidays.
"""

import warnings
from contextlib import redirect_stderr
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from planner.demand.local_time import LocalTime
from planner.demand.methods.method import Demand, Method
from planner.demand.methods.series import whole_series
from planner.errors import InputError

_MOST_H = 2 * 366 * 24
_LEAST_H = 48
_YEAR_H = 8760


def _predict(past: Demand, local: LocalTime) -> Demand:
    try:
        # What a library deprecates is not ours to mend; on stderr it asks for plotly, which is for its pictures.
        with warnings.catch_warnings(), redirect_stderr(None):
            warnings.simplefilter("ignore")
            import pandas as pd
            from cmdstanpy.utils import get_logger
            from prophet import Prophet
    except ImportError as error:
        raise InputError("method prophet: it is not installed; install baseload[prophet]") from error
    get_logger().disabled = True  # two lines a fit
    held = past.shape[-1]
    found = np.zeros((*past.shape[:2], local.hours - held))
    clock = _clock(local)
    for direction, model, values in whole_series(past, local, _MOST_H):
        if len(values) < _LEAST_H or np.ptp(values) == 0:
            found[direction, model] = np.median(values)
            continue
        offset = max(0.1 * float(values.mean()), 1e-9)
        logs = np.log(values + offset)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = Prophet(
                daily_seasonality=True,
                weekly_seasonality=len(values) >= 2 * 168,
                yearly_seasonality=len(values) >= _YEAR_H,
                holidays=_holidays(local, pd),
                uncertainty_samples=0,
            )
            fitted.fit(pd.DataFrame({"ds": clock[held - len(values) : held], "y": logs}))
            ahead = np.asarray(fitted.predict(pd.DataFrame({"ds": clock[held:]}))["yhat"], dtype=float)
        highest = 3 * np.ptp(logs) + logs.max()
        found[direction, model] = np.maximum(np.exp(np.minimum(ahead, highest)) - offset, 0)
    return found


def _clock(local: LocalTime) -> list[datetime]:
    """What the clock on the wall shows at each hour, without a zone, as Prophet wants it."""
    midnights = [datetime.combine(date.fromordinal(day), time()) for day in local.day.tolist()]
    return [day + timedelta(hours=hour) for day, hour in zip(midnights, local.hour_of_day.tolist(), strict=True)]


def _holidays(local: LocalTime, pd: Any) -> Any:
    """Its table of holidays; None without one."""
    days = {(name, day) for name, day in zip(local.event, local.day.tolist(), strict=True) if name}
    if not days:
        return None
    ordered = sorted(days)
    return pd.DataFrame(
        {
            "holiday": [name for name, _ in ordered],
            "ds": [datetime.combine(date.fromordinal(day), time()) for _, day in ordered],
        }
    )


PROPHET = Method(name="prophet", predict=_predict, is_slow=True)
