"""MSTL with an exponential smoothing of its trend, by the library statsforecast, which is installed on request.

K. Bandara, R. J. Hyndman and C. Bergmeir, MSTL: A Seasonal-Trend Decomposition Algorithm for Time Series with Multiple
Seasonal Patterns, 2021. In ln(tok/s + a tenth of their mean), since seasons multiply. It knows no zone: UTC hours.
"""

import warnings

import numpy as np

from planner.demand.local_time import LocalTime
from planner.demand.methods.method import Demand, Method
from planner.demand.methods.series import whole_series
from planner.errors import InputError

_MOST_H = 84 * 24
_DAY_H, _WEEK_H = 24, 168


def _predict(past: Demand, local: LocalTime) -> Demand:
    try:
        from statsforecast.models import MSTL, AutoETS
    except ImportError as error:
        raise InputError("method statsforecast: it is not installed; install baseload[forecast]") from error
    hours = local.hours - past.shape[-1]
    found = np.zeros((*past.shape[:2], hours))
    for direction, model, values in whole_series(past, local, _MOST_H):
        offset = max(0.1 * float(values.mean()), 1e-9)
        logs = np.log(values + offset)
        seasons = [season for season in (_DAY_H, _WEEK_H) if len(logs) >= 2 * season]
        if not seasons or np.ptp(logs) == 0:
            found[direction, model] = np.median(values)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a library: what it deprecates is not ours to mend
            fitted = MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ZZN"))
            ahead = np.asarray(fitted.forecast(y=logs, h=hours)["mean"], dtype=float)
        highest = 3 * np.ptp(logs) + logs.max()
        found[direction, model] = np.maximum(np.exp(np.minimum(ahead, highest)) - offset, 0)
    return found


STATSFORECAST = Method(name="statsforecast", predict=_predict, is_slow=True)
