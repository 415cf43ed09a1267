"""From history to fan: choose the method, calibrate its bands, draw its paths. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from planner.demand.bands.conformal import quantiles_of, scale_of
from planner.demand.bands.day_class import DAY_CLASSES, day_class, unseen
from planner.demand.bands.paths import along, drawn_ranks
from planner.demand.fan import Fan
from planner.demand.forecast import Forecast
from planner.demand.history import History
from planner.demand.local_time import LocalTime
from planner.demand.methods.choose import candidates, judged
from planner.demand.methods.method import Demand, demand_of
from planner.demand.methods.result import FanResult
from planner.demand.methods.rolling import Rolling, origins_of, rolling

_GRID = tuple(np.round(np.linspace(0.01, 0.99, 99), 2).tolist())
_ORIGINS = 28
_SHORT_H = 336
_PRIOR_WEIGHT = 2.0


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

    `method`: a name, or "auto" for the one of least error over rolling origins; ValueError names those there are.
    """
    past = demand_of(history)
    local = when(history.start, history.hours + hours)
    origins = origins_of(history.hours, hours, _ORIGINS)
    tried = [(one, rolling(one.predict, past, local, hours, origins)) for one in candidates(method)]
    errors, best = judged(tried)
    chosen, held_out = tried[best]
    predicted = chosen.predict(past, local)
    levels = tuple(sorted({*_GRID, *quantiles}))
    remarks = _short(history)
    bands = _bands(predicted, held_out, levels)
    bands = _doubled(bands, predicted, history, local, remarks)
    fan = Fan(
        mean=_forecast(history, ("",), _mean(levels, bands)[None]),
        quantiles=tuple(quantiles),
        input_tok_s=bands[[levels.index(one) for one in quantiles], 0],
        output_tok_s=bands[[levels.index(one) for one in quantiles], 1],
        paths=_paths(history, held_out, levels, bands, paths, seed) if paths else None,
    )
    return FanResult(fan=fan, method=chosen.name, errors=errors, remarks=tuple(remarks))


def _bands(predicted: Demand, held_out: Rolling, levels: Sequence[float]) -> NDArray[np.float64]:
    """(levels, 2, models, hours) of the calibrated bands, none below 0."""
    scores = (held_out.actual - held_out.predicted) / scale_of(held_out.predicted)
    prior = [float(np.sign(level - 0.5) * -np.log(2 * min(level, 1 - level)) * 0.3) for level in levels]
    scale = scale_of(predicted)
    bands = np.empty((len(levels), *predicted.shape))
    for direction in range(2):
        for model in range(predicted.shape[1]):
            read = quantiles_of(scores[:, direction, model], levels, prior, _PRIOR_WEIGHT)
            bands[:, direction, model] = predicted[direction, model] + scale[direction, model] * read
    return np.maximum(bands, 0)


def _doubled(
    bands: NDArray[np.float64], predicted: Demand, history: History, local: LocalTime, remarks: list[str]
) -> NDArray[np.float64]:
    """The bands, twice as wide on days of a kind the history has never seen; a remark names them."""
    classes = day_class(local)[history.hours :]
    for one in unseen(np.asarray(history.is_measured.any(axis=0)), local):
        remarks.append(f"the history has no {DAY_CLASSES[one]}: its bands are twice as wide")
        inside = classes == one
        middle = predicted[..., inside]
        wide = middle + 2 * (bands[..., inside] - middle)
        cut = np.maximum(-wide, 0)[::-1]
        bands[..., inside] = np.maximum(np.maximum(wide, 0) + np.where(wide > middle, cut, 0), 0)
    return bands


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
    history: History, held_out: Rolling, levels: Sequence[float], bands: NDArray[np.float64], paths: int, seed: int
) -> Forecast:
    hours = bands.shape[-1]
    scores = (held_out.actual - held_out.predicted) / scale_of(held_out.predicted)
    rng = np.random.default_rng(seed)
    ranks = drawn_ranks(scores.reshape(len(scores), 2 * len(history.models), hours), hours, paths, rng)
    values = along(levels, bands.reshape(len(levels), -1, hours), ranks).reshape(paths, 2, len(history.models), hours)
    width = len(str(paths))
    return _forecast(history, tuple(f"path-{number:0{width}d}" for number in range(1, paths + 1)), values)
