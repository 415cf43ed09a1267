"""A back-test: forecasts from origins of the past, each from nothing but the hours before it, and their scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.demand.backtest.value import Backtest, Run
from planner.demand.bands.scores import LEVELS, coverage, interval_score, pinball
from planner.demand.history import History
from planner.demand.local_time import LocalTime
from planner.demand.methods.choose import RIVALS
from planner.demand.methods.fan import fan_of
from planner.errors import InputError

COVERED = (0.5, 0.8, 0.9, 0.95)
_QUANTILES = tuple(sorted({*LEVELS, *(round((1 + side * one) / 2, 3) for one in COVERED for side in (-1, 1))}))
_DAY_H = 24
_ORIGINS = 8
_LEAST_H = 72
When = Callable[[datetime, int], LocalTime]
Target = Literal["input", "output"]


def backtest(
    history: History,
    when: When,
    *,
    horizon: int,
    origins: int | None = None,
    method: str = "auto",
    target: Target = "output",
    seed: int = 0,
) -> Backtest:
    """How good forecasts of `horizon` hours would have been; InputError where the history is too short for one.

    `origins`: how many, whole days before the end of the history, evenly spread over its younger half; None: 8 or as
    many as fit.
    """
    firsts = origins_within(history.hours, horizon, origins)
    runs = tuple(_run(history, when, first, horizon, method, target, seed) for first in firsts)
    rivals = {name: [_run(history, when, first, horizon, name, target, seed) for first in firsts] for name in RIVALS}
    return scored(runs, rivals, method=method, target=target, horizon=horizon)


def origins_within(held: int, horizon: int, count: int | None) -> tuple[int, ...]:
    """Hours of history before each origin, the youngest as late as its horizon allows."""
    latest = held - horizon
    days = (latest - max(_LEAST_H, latest // 2)) // _DAY_H
    if latest < _LEAST_H:
        raise InputError(
            f"the history has {held} hours; a back-test of {horizon} hours ahead needs {horizon + _LEAST_H} or more"
        )
    wanted = _ORIGINS if count is None else count
    if wanted < 1:
        raise InputError(f"origins is {wanted}; expected 1 or more")
    back = np.unique(np.linspace(0, days, min(wanted, days + 1)).round().astype(int))
    return tuple(int(latest - _DAY_H * one) for one in back[::-1])


def scored(
    runs: Sequence[Run], rivals: Mapping[str, Sequence[Run]], *, method: str, target: str, horizon: int
) -> Backtest:
    """The scores of `runs` beside those of the rivals from the same origins."""
    size = _size(runs)
    errors = {name: _per_model(_errors(found)) / size for name, found in rivals.items()}
    better = min(errors, key=lambda name: float(errors[name].mean()))
    rival = float(errors[better].mean())
    intervals, rival_intervals = _interval(runs) / size, _interval(rivals[better]) / size
    covered = {one: float(np.mean([_covered(runs, model, one) for model in range(len(size))])) for one in COVERED}
    width = np.stack([_band(run, 0.95) - _band(run, 0.05) for run in runs])
    return Backtest(
        method=method,
        target=target,
        horizon_hours=horizon,
        origins=len(runs),
        mase_vs_seasonal_naive=float((_per_model(_errors(runs)) / size).mean()) / rival if rival > 0 else None,
        pinball=float(np.mean([_pinball(runs, model) for model in range(len(size))] / size)),
        coverage=covered,
        mean_width_ratio=float(np.mean(width.mean(axis=(0, 2)) / size)),
        interval_score=float(intervals.mean()),
        interval_score_vs_seasonal_naive=(
            float(intervals.mean() / rival_intervals.mean()) if rival_intervals.mean() > 0 else None
        ),
        peak_error_ratio=_peak_error(runs),
        quantiles=_QUANTILES,
        runs=tuple(runs),
    )


def _run(history: History, when: When, first: int, horizon: int, method: str, target: Target, seed: int) -> Run:
    """The forecast from hour `first`, which sees none of the hours from there on."""
    past = replace(
        history, input_tok_s=history.input_tok_s[:, :first].copy(), output_tok_s=history.output_tok_s[:, :first].copy()
    )
    made = fan_of(past, when, hours=horizon, quantiles=_QUANTILES, method=method, seed=seed)
    is_input = target == "input"
    actual = (history.input_tok_s if is_input else history.output_tok_s)[:, first : first + horizon].copy()
    return Run(
        origin=history.start + timedelta(hours=first),
        method=made.method,
        actual=actual,
        mean=(made.fan.mean.input_tok_s if is_input else made.fan.mean.output_tok_s)[0],
        bands=made.fan.input_tok_s if is_input else made.fan.output_tok_s,
    )


def _band(run: Run, level: float) -> NDArray[np.float64]:
    band: NDArray[np.float64] = run.bands[_QUANTILES.index(level)]
    return band


def _size(runs: Sequence[Run]) -> NDArray[np.float64]:
    """(models,) mean demand of the hours forecast; one never asked for counts as 1."""
    mean = _per_model([run.actual for run in runs])
    return np.where(mean > 0, mean, 1.0)


def _errors(runs: Sequence[Run]) -> list[NDArray[np.float64]]:
    return [np.abs(run.actual - _band(run, 0.5)) for run in runs]


def _per_model(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(models,) mean over runs and measured hours; 0 without one."""
    every = np.concatenate(values, axis=1)
    known = ~np.isnan(every)
    total: NDArray[np.float64] = np.where(known, every, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return total


def _interval(runs: Sequence[Run]) -> NDArray[np.float64]:
    """(models,) interval score of the 90 % band."""
    models = len(runs[0].actual)
    return np.array(
        [
            np.mean(
                [interval_score(0.9, _band(run, 0.05)[one], _band(run, 0.95)[one], run.actual[one]) for run in runs]
            )
            for one in range(models)
        ]
    )


def _covered(runs: Sequence[Run], model: int, level: float) -> float:
    low, high = round((1 - level) / 2, 3), round((1 + level) / 2, 3)
    return float(
        np.mean([coverage(_band(run, low)[model], _band(run, high)[model], run.actual[model]) for run in runs])
    )


def _pinball(runs: Sequence[Run], model: int) -> float:
    rows = [_QUANTILES.index(level) for level in LEVELS]
    return float(np.mean([pinball(LEVELS, run.bands[rows, model], run.actual[model]) for run in runs]))


def _peak_error(runs: Sequence[Run]) -> float:
    """Of the highest hour of each run and model."""
    found = []
    for run in runs:
        actual = np.nanmax(run.actual, axis=1)
        said = _band(run, 0.5).max(axis=1)
        found += [abs(a - b) / a for a, b in zip(actual, said, strict=True) if a > 0]
    return float(np.mean(found)) if found else 0.0
