"""The choice of a method: by its error over rolling origins, against the better seasonal-naive. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.demand.bands.conformal import quantiles_of, scale_of
from planner.demand.bands.scores import LEVELS, coverage, pinball
from planner.demand.methods.method import Method
from planner.demand.methods.result import MethodError
from planner.demand.methods.rolling import Rolling
from planner.demand.methods.seasonal_naive import DAILY, WEEKLY

METHODS: tuple[Method, ...] = (DAILY, WEEKLY)
RIVALS = (DAILY.name, WEEKLY.name)


def candidates(method: str) -> tuple[Method, ...]:
    """The methods to try, the rivals among them always; ValueError where there is none of that name."""
    if method == "auto":
        return METHODS
    if method == "seasonal-naive":
        return (DAILY, WEEKLY)
    known = {one.name: one for one in METHODS}
    if method not in known:
        raise ValueError(f"unknown method {method!r}; expected auto, seasonal-naive, {', '.join(known)}")
    return (known[method],)


def judged(tried: Sequence[tuple[Method, Rolling]]) -> tuple[tuple[MethodError, ...], int]:
    """The errors of each method, the best first, and where the best stands in `tried`."""
    mae = [_mae(held_out) for _, held_out in tried]
    rivals = [error for (one, _), error in zip(tried, mae, strict=True) if one.name in RIVALS and error is not None]
    rival = min(rivals, default=None)
    order = sorted(range(len(tried)), key=lambda row: (np.inf if mae[row] is None else mae[row], row))
    found = []
    for row in order:
        one, held_out = tried[row]
        error = mae[row]
        loss, share = _band_errors(held_out)
        found.append(
            MethodError(
                name=one.name,
                mase=None if error is None or not rival else error / rival,
                pinball=loss,
                coverage=share,
            )
        )
    return tuple(found), order[0]


def _mae(held_out: Rolling) -> float | None:
    """Mean absolute error, each model's over its own mean demand; None without a measured hour."""
    miss = np.abs(held_out.actual - held_out.predicted)
    known = ~np.isnan(miss)
    if not known.any():
        return None
    size = np.nansum(np.where(known, held_out.actual, np.nan), axis=(0, 3))
    spent = np.nansum(miss, axis=(0, 3))
    return float(np.mean(np.divide(spent, size, out=np.zeros_like(spent), where=size > 0)))


def _band_errors(held_out: Rolling) -> tuple[float | None, float | None]:
    """Pinball over mean demand, and coverage at 90 %, with bands of every other origin for those between."""
    scores = (held_out.actual - held_out.predicted) / scale_of(held_out.predicted)
    half = np.arange(len(scores)) % 2 == 0
    losses, shares, weights = [], [], []
    for fold in (half, ~half):
        if not fold.any() or fold.all():
            continue
        for direction in range(2):
            for model in range(scores.shape[2]):
                loss, share = _fold(scores[:, direction, model], held_out, direction, model, fold)
                if loss is not None:
                    losses.append(loss)
                    shares.append(share)
                    weights.append(1.0)
    if not losses:
        return None, None
    return float(np.mean(losses)), float(np.mean(shares))


def _fold(
    scores: NDArray[np.float64], held_out: Rolling, direction: int, model: int, fold: NDArray[np.bool_]
) -> tuple[float | None, float]:
    actual = held_out.actual[~fold, direction, model]
    predicted = held_out.predicted[~fold, direction, model]
    size = np.nanmean(actual) if (~np.isnan(actual)).any() else 0.0
    if not size > 0:
        return None, 0.0
    read = quantiles_of(scores[fold], LEVELS, [0.0] * len(LEVELS), 0)
    bands = np.maximum(predicted + scale_of(predicted) * read[:, None], 0)
    return pinball(LEVELS, bands, actual) / float(size), coverage(bands[0], bands[-1], actual)
