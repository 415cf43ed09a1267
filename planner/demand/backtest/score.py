"""The scores of a back-test's runs, of all their hours together. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.demand.backtest.value import Backtest, Run
from planner.demand.bands.scores import LEVELS, coverage, interval_score, pinball

COVERED = (0.5, 0.8, 0.9, 0.95)
QUANTILES = tuple(sorted({*LEVELS, *(round((1 + side * one) / 2, 3) for one in COVERED for side in (-1, 1))}))
"""What a run's bands hold."""


class _Hours(NamedTuple):
    """The hours of every run, one after the other."""

    actual: NDArray[np.float64]
    """(models, hours)"""
    bands: NDArray[np.float64]
    """(quantiles, models, hours)"""

    def band(self, level: float) -> NDArray[np.float64]:
        """The quantile of every hour, (models, hours)."""
        found: NDArray[np.float64] = self.bands[QUANTILES.index(round(level, 3))]
        return found


def scored(runs: Sequence[Run], rivals: Mapping[str, Sequence[Run]], *, method: str, target: str) -> Backtest:
    """The scores of `runs` beside those of the rivals from the same origins; each model counts alike."""
    hours = _joined(runs)
    beside = {name: _joined(found) for name, found in rivals.items()}
    models = [model for model in range(len(hours.actual)) if not np.isnan(hours.actual[model]).all()]
    size = {model: float(np.nanmean(hours.actual[model])) or 1.0 for model in models}
    rival = min(beside.values(), key=lambda one: _mean_error(one, size))
    rival_error, rival_interval = _mean_error(rival, size), _interval(rival, size)
    interval = _interval(hours, size)
    rows = [QUANTILES.index(level) for level in LEVELS]
    return Backtest(
        method=method,
        target=target,
        horizon_hours=max(run.actual.shape[1] for run in runs),
        origins=len(runs),
        mase_vs_seasonal_naive=_mean_error(hours, size) / rival_error if rival_error > 0 else None,
        pinball=_mean(pinball(LEVELS, hours.bands[rows, one], hours.actual[one]) / size[one] for one in models),
        coverage={level: _mean(_covered(hours, one, level) for one in models) for level in COVERED},
        mean_width_ratio=_mean(
            float((hours.band(0.95)[one] - hours.band(0.05)[one]).mean()) / size[one] for one in models
        ),
        interval_score=interval,
        interval_score_vs_seasonal_naive=interval / rival_interval if rival_interval > 0 else None,
        peak_error_ratio=_peak_error(runs),
        quantiles=QUANTILES,
        runs=tuple(runs),
    )


def _joined(runs: Sequence[Run]) -> _Hours:
    return _Hours(
        np.concatenate([run.actual for run in runs], axis=1), np.concatenate([run.bands for run in runs], axis=2)
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _mean_error(hours: _Hours, size: Mapping[int, float]) -> float:
    """Mean absolute error of the median, over mean demand."""
    miss = np.abs(hours.actual - hours.band(0.5))
    return _mean(float(np.nanmean(miss[one])) / by for one, by in size.items())


def _interval(hours: _Hours, size: Mapping[int, float]) -> float:
    """Interval score of the 90 % band, over mean demand."""
    low, high = hours.band(0.05), hours.band(0.95)
    return _mean(interval_score(0.9, low[one], high[one], hours.actual[one]) / by for one, by in size.items())


def _covered(hours: _Hours, model: int, level: float) -> float:
    return coverage(hours.band((1 - level) / 2)[model], hours.band((1 + level) / 2)[model], hours.actual[model])


def _peak_error(runs: Sequence[Run]) -> float:
    """Of the highest hour of each run and model."""
    found = []
    for run in runs:
        for model, actual in enumerate(run.actual):
            peak = float(np.nanmax(actual)) if not np.isnan(actual).all() else 0.0
            if peak > 0:
                found.append(abs(float(run.peak[model]) - peak) / peak)
    return _mean(found)
