"""The robust multi-seasonal forecast: each direction's log on its own week, their mix within what was seen. Pure.

Profile of the week + what lasts of the level + a share of last year's change, in ln(tok/s + a fifth of its mean): there
the noise of a busy hour is as large as that of a quiet one, levels multiply, and a mean is close to a median of tok/s.
The mix is ln(output / input), the log-odds of a token being output: where both forecasts together would leave what the
history has shown, all tokens stay and the mix is held at its edge.
"""

import numpy as np
from numpy.typing import NDArray

from planner.demand.local_time import LocalTime
from planner.demand.methods.method import Demand, Method
from planner.demand.methods.robust.day_grid import HOURS, DayGrid, day_grid
from planner.demand.methods.robust.level import lasting
from planner.demand.methods.robust.occasions import of_event_days
from planner.demand.methods.robust.profile import weekly_profile
from planner.demand.methods.robust.repeated import leaning_on_weeks
from planner.demand.methods.robust.yearly import last_years_change

_HALF_LIFE_DAYS = 21.0
_MEMORY_DAYS = 84
_HUBER = 1.2
_LEAN_DAYS = 12.0
"""A profile leans by 1 + this / days of history: days in a row err together, so few of them agree too well."""
_OFFSET = 0.2
_MEMORY = ((0.25, 1.1, 1.13), (1.0, 0.2, 4.0), (4.0, 0.6, 1000.0))
_LAST_YEAR = 0.6
_LAST_YEAR_DAYS = 28
"""Days ahead from which on last year's change is taken at its full share; tomorrow is like today."""
_LEVEL_DAYS = 70
"""Found together over all series of benchmarks/forecast_accuracy.py; none of them is sharp."""


def _predict(past: Demand, local: LocalTime) -> Demand:
    recent = past[..., -_MEMORY_DAYS * HOURS :]
    count = (~np.isnan(recent)).sum(axis=-1, keepdims=True)
    offset = np.maximum(_OFFSET * np.nansum(recent, axis=-1, keepdims=True) / np.maximum(count, 1), 1e-9)
    series = np.log(past + offset).reshape(-1, past.shape[-1])
    ahead = _ahead(series, local).reshape(*past.shape[:2], -1)
    tokens = np.maximum(np.exp(ahead) - offset, 0)
    tokens[:, np.isnan(past[0]).all(axis=1)] = 0  # never measured, never asked for
    return _mixed(tokens, past)


def _ahead(series: NDArray[np.float64], local: LocalTime) -> NDArray[np.float64]:
    """(series, hours to come) of (series, past hours), both in logs; 0 for one without a value."""
    grid = day_grid(series, local)
    recent = slice(max(0, grid.days - _MEMORY_DAYS), grid.days)
    values, weekday = grid.values[:, recent], grid.weekday[recent]
    weight = 0.5 ** (grid.age[recent] / _HALF_LIFE_DAYS)
    lean = 1 + _LEAN_DAYS / len(weekday)
    profile = weekly_profile(values, weekday, weight, huber=_HUBER, lean=lean)
    hours = len(grid.next_day)
    share = _LAST_YEAR * np.minimum(1, (np.arange(hours) / HOURS + 1) / _LAST_YEAR_DAYS)
    change = share * last_years_change(grid, huber=_HUBER, lean=lean)
    left, volume = _left(grid, profile, recent)
    lately, stays = lasting(left, volume, hours, _MEMORY[:-1]), lasting(left, volume, hours, _MEMORY[-1:])
    found = leaning_on_weeks(grid, profile[:, grid.next_weekday, grid.next_hour] + stays)
    return of_event_days(grid, profile, found + change) + lately


def _left(
    grid: DayGrid, profile: NDArray[np.float64], recent: slice
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(series, hours) what the last hours were over their profile, and how much each says."""
    first = recent.start * HOURS
    cell = grid.past_cell[-_LEVEL_DAYS * HOURS :]
    cell = cell[cell >= first]
    usual = profile[:, grid.weekday[recent]]
    left = (grid.values[:, recent] - usual).reshape(len(profile), -1)[:, cell - first]
    size = np.exp(0.5 * (usual - usual.max(axis=(1, 2), keepdims=True))).reshape(len(profile), -1)[:, cell - first]
    return left, size / size.mean(axis=1, keepdims=True)


def _mixed(ahead: Demand, past: Demand) -> Demand:
    """The same tokens, their mix held within what 98 % of the history's hours have shown."""
    for model in range(past.shape[1]):
        asked = (past[:, model] > 0).all(axis=0)
        if asked.any():
            seen = np.log(past[1, model, asked] / past[0, model, asked])
            low, high = np.quantile(seen, (0.01, 0.99))
            told = (ahead[:, model] > 0).all(axis=0)
            odds = np.log(ahead[1, model, told] / ahead[0, model, told])
            share = 1 / (1 + np.exp(-np.clip(odds, low, high)))
            is_odd = (odds < low) | (odds > high)
            total = ahead[:, model, told].sum(axis=0)
            held = np.where(is_odd, np.stack((total * (1 - share), total * share)), ahead[:, model, told])
            ahead[:, model, told] = held
    return ahead


ROBUST = Method(name="robust", predict=_predict)
