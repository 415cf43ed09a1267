"""From history to fan: choose the method, calibrate its bands, draw its paths. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from planner.demand.bands.conformal import around, edges_of, spread_of
from planner.demand.bands.day_class import DAY_CLASSES, day_class, doubled, hour_class, unseen
from planner.demand.bands.held_out import HeldOut
from planner.demand.bands.paths import along, drawn_ranks
from planner.demand.fan import Fan
from planner.demand.forecast import Forecast
from planner.demand.history import History
from planner.demand.local_time import LocalTime
from planner.demand.methods.choose import candidates, chosen_of, errors_of
from planner.demand.methods.method import Demand, demand_of, hours_of
from planner.demand.methods.result import FanResult
from planner.demand.methods.rolling import origins_of, rolling

_GRID = tuple(np.round(np.linspace(0.01, 0.99, 99), 2).tolist())
_ORIGINS = 28
_FEW_ORIGINS = 6
"""Where a method takes seconds."""
_SHORT_H = 336


def fan_of(
    history: History,
    when: Callable[[datetime, int], LocalTime],
    *,
    hours: int,
    quantiles: Sequence[float],
    method: str = "auto",
    paths: int = 0,
    seed: int = 0,
) -> FanResult:
    """The fan of the `hours` after the history. `when(start, hours)` gives local time, zone and events bound.

    `method`: a name, or "auto" for the one of least error over rolling origins, or "all" to try what is installed,
    too; ValueError names those there are.
    """
    past = demand_of(history)
    local = when(history.start, history.hours + hours)
    asked = candidates(method)
    origins = origins_of(history.hours, hours, _FEW_ORIGINS if any(one.is_slow for one in asked) else _ORIGINS)
    tried = [(one, rolling(one.predict, past, local, hours, origins)) for one in asked]
    errors = errors_of(tried)
    chosen, held_out = chosen_of(tried, method)
    predicted = chosen.predict(past, local)
    levels = tuple(sorted({*_GRID, *quantiles}))
    bands, scores = _bands(predicted, held_out, hours_of(local, history.hours, local.hours), levels)
    bands, remarks = _widened(levels, bands, predicted, history, local)
    fan = Fan(
        mean=_forecast(history, ("",), _mean(levels, bands)[None]),
        quantiles=tuple(quantiles),
        input_tok_s=bands[[levels.index(one) for one in quantiles], 0],
        output_tok_s=bands[[levels.index(one) for one in quantiles], 1],
        paths=_paths(history, scores, levels, bands, paths, seed) if paths else None,
    )
    return FanResult(fan=fan, method=chosen.name, errors=errors, remarks=(*_short(history), *remarks))


def _bands(
    predicted: Demand, held_out: HeldOut, ahead: LocalTime, levels: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(levels, 2, models, hours) of the calibrated bands, and (origins, series, hours) scores they were made of."""
    flat = predicted.reshape(-1, predicted.shape[-1])
    classes = hour_class(ahead)
    spreads = [spread_of(held_out, series) for series in range(len(flat))]
    bands = [
        around(one, classes, spread.by_class, edges_of(spread, levels))
        for one, spread in zip(flat, spreads, strict=True)
    ]
    scores = np.stack([spread.scores for spread in spreads], axis=1)
    return np.stack(bands, axis=1).reshape(len(levels), *predicted.shape), scores


def _widened(
    levels: Sequence[float], bands: NDArray[np.float64], predicted: Demand, history: History, local: LocalTime
) -> tuple[NDArray[np.float64], list[str]]:
    """The bands, twice as wide on days of a kind the history has never seen, and remarks that name them."""
    classes = day_class(local)[history.hours :]
    found, remarks = bands.copy(), []
    for one in unseen(np.asarray(history.is_measured.any(axis=0)), local):
        remarks.append(f"the history has no {DAY_CLASSES[one]}: its bands are twice as wide")
        inside = classes == one
        found[..., inside] = doubled(levels, bands[..., inside], predicted[..., inside])
    return found, remarks


def _short(history: History) -> list[str]:
    measured = int(history.is_measured.sum(axis=1).min()) if history.models else 0
    if measured >= _SHORT_H:
        return []
    return [f"the history has {measured} measured hours, under two weeks: bands are wide, for little is known"]


def _mean(levels: Sequence[float], bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, models, hours) the mean of the distribution whose quantiles are the bands."""
    edges = np.concatenate(([0.0], (np.asarray(levels)[1:] + np.asarray(levels)[:-1]) / 2, [1.0]))
    mean: NDArray[np.float64] = np.tensordot(np.diff(edges), bands, axes=1)
    return mean


def _forecast(history: History, names: tuple[str, ...], values: NDArray[np.float64]) -> Forecast:
    """(scenarios, 2, models, hours) as a forecast, all alike in probability."""
    return Forecast(
        start=history.end,
        models=history.models,
        scenarios=names,
        probability=(1 / len(names),) * len(names),
        input_tok_s=values[:, 0],
        output_tok_s=values[:, 1],
        source=history.source,
    )


def _paths(
    history: History,
    scores: NDArray[np.float64],
    levels: Sequence[float],
    bands: NDArray[np.float64],
    paths: int,
    seed: int,
) -> Forecast:
    series, hours = scores.shape[1:]
    ranks = drawn_ranks(scores, hours, paths, np.random.default_rng(seed))
    values = along(levels, bands.reshape(len(levels), series, hours), ranks)
    width = len(str(paths))
    names = tuple(f"path-{number:0{width}d}" for number in range(1, paths + 1))
    return _forecast(history, names, values.reshape(paths, *bands.shape[1:]))
