"""The choice of a method: by its error over rolling origins, against the better seasonal-naive. Pure."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from planner.demand.bands.conformal import around, edges_of, spread_of
from planner.demand.bands.held_out import HeldOut
from planner.demand.bands.scores import LEVELS, coverage, pinball
from planner.demand.methods.by_prophet import PROPHET
from planner.demand.methods.by_statsforecast import STATSFORECAST
from planner.demand.methods.method import Method
from planner.demand.methods.result import MethodError
from planner.demand.methods.robust import ROBUST
from planner.demand.methods.seasonal_naive import DAILY, WEEKLY

METHODS: tuple[Method, ...] = (ROBUST, DAILY, WEEKLY)
"""Always there, and tried by `auto`."""
ON_REQUEST: tuple[Method, ...] = (STATSFORECAST, PROPHET)
"""Of libraries; `all` tries those that are installed beside the rest."""
RIVALS = (DAILY.name, WEEKLY.name)
_BETTER = 0.9


def candidates(method: str) -> tuple[Method, ...]:
    """The methods to try, the rivals always among them; ValueError where there is none of that name."""
    if method == "auto":
        return METHODS
    if method == "all":
        return METHODS + tuple(one for one in ON_REQUEST if find_spec(one.name) is not None)
    rivals = (DAILY, WEEKLY)
    known = {one.name: one for one in METHODS + ON_REQUEST}
    if method == "seasonal-naive" or method in RIVALS:
        return rivals
    if method not in known:
        raise ValueError(f"unknown method {method!r}; expected auto, all, seasonal-naive, {', '.join(known)}")
    return (known[method], *rivals)


def chosen_of(tried: Sequence[tuple[Method, HeldOut]], method: str) -> tuple[Method, HeldOut]:
    """The one asked for, or of all tried the one of least error.

    The robust method gives way to one that is better by more than chance would make it (`_BETTER`).
    """
    named = [pair for pair in tried if pair[0].name == method]
    if named:
        return named[0]
    errors = [mean_error(held_out) for _, held_out in tried]
    known = [
        (error * (_BETTER if one is ROBUST else 1), row)
        for row, ((one, _), error) in enumerate(zip(tried, errors, strict=True))
        if error is not None
    ]
    return tried[min(known)[1]] if known else tried[0]


def errors_of(tried: Sequence[tuple[Method, HeldOut]]) -> tuple[MethodError, ...]:
    """The errors of each method over its held-out hours, the best first."""
    errors = [mean_error(held_out) for _, held_out in tried]
    rivals = [e for (one, _), e in zip(tried, errors, strict=True) if one.name in RIVALS and e is not None]
    rival = min(rivals, default=0.0)
    found = []
    for row in sorted(range(len(tried)), key=lambda row: (np.inf if errors[row] is None else errors[row], row)):
        error = errors[row]
        loss, share = _band_errors(tried[row][1])
        mase = None if error is None or rival == 0 else error / rival
        found.append(MethodError(name=tried[row][0].name, mase=mase, pinball=loss, coverage=share))
    return tuple(found)


def mean_error(held_out: HeldOut) -> float | None:
    """Mean absolute error, each series' over its own mean demand; None without a measured hour."""
    miss = np.abs(held_out.actual - held_out.predicted)
    known = ~np.isnan(miss)
    if not known.any():
        return None
    size = np.where(known, held_out.actual, 0).sum(axis=(0, 2))
    spent = np.where(known, miss, 0).sum(axis=(0, 2))
    return float(np.mean(np.divide(spent, size, out=np.zeros_like(spent), where=size > 0)))


def _band_errors(held_out: HeldOut) -> tuple[float | None, float | None]:
    """Pinball over mean demand, and coverage at 90 %, of every other origin by bands of those between."""
    half = np.arange(len(held_out.actual)) % 2 == 0
    losses, shares = [], []
    for fold in (half, ~half):
        if fold.any() and not fold.all():
            known, judge = held_out.of(fold), held_out.of(~fold)
            for series in range(judge.actual.shape[1]):
                actual = judge.actual[:, series]
                size = float(np.nansum(actual)) / max(int((~np.isnan(actual)).sum()), 1)
                if size > 0:
                    spread = spread_of(known, series)
                    edges = edges_of(spread, LEVELS)
                    bands = around(judge.predicted[:, series], judge.hour_class, spread.by_class, edges)
                    losses.append(pinball(LEVELS, bands, actual) / size)
                    shares.append(coverage(bands[0], bands[-1], actual))
    if not losses:
        return None, None
    return float(np.mean(losses)), float(np.mean(shares))
