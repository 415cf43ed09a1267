"""The profile of the week: what each local hour of it is like, each as sure of itself as its days agree. Pure.

An hour of the week leans on the same hour of its kind of day (working day, Saturday, Sunday), that on the same hour of
any day, that on the mean of all, by n / (n + k), where k is the variance of days about their profile over that of the
cells about what they lean on (an empirical Bayes shrinkage: B. Efron and C. Morris, Stein's Estimation Rule and Its
Competitors, 1973). Days far off count less (P. J. Huber, Robust Estimation of a Location Parameter, 1964).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_KIND = np.clip(np.arange(7) - 4, 0, 2)
"""Of each weekday: working day, Saturday, Sunday."""
_ROUNDS = 3
_PARAMETERS = 72
_LEAST_K = 0.05
_MOST_K = 1e6
_TINY = 1e-12


class _Cells(NamedTuple):
    mean: NDArray[np.float64]
    measured: NDArray[np.float64]


def weekly_profile(
    values: NDArray[np.float64], weekday: NDArray[np.int64], weight: NDArray[np.float64], *, huber: float, lean: float
) -> NDArray[np.float64]:
    """(series, 7, 24) typical values of (series, days, 24), days by `weight`; 0 for a series without a value.

    `huber`: standard deviations from which on a value counts less; `lean`: times the k of the shrinkage.
    """
    known = ~np.isnan(values)
    held = np.where(known, values, 0)
    by_day = weight[:, None] * known
    trust = np.ones_like(held)
    by_kind = np.eye(3)[_KIND[weekday]].T
    by_weekday = np.eye(7)[weekday].T
    from_median = np.minimum(
        np.abs(values - _medians(values, _KIND[weekday])), np.abs(values - _medians(values, weekday))
    )
    measured = known.sum(axis=(1, 2))
    spare = np.maximum(1 - _PARAMETERS / np.maximum(measured, 1), 0.3)
    found = np.zeros((len(values), 7, values.shape[-1]))
    for step in range(_ROUNDS):
        counted = by_day * trust
        flat = _cells(counted, held, (1, 2))
        hour = _cells(counted, held, (1,))
        kind, day = _grouped(by_kind, counted, held), _grouped(by_weekday, counted, held)
        base = kind.mean[:, _KIND[weekday]] if step == 0 else found[:, weekday]
        noise = _spread(counted, held - base) / (spare if step == 0 else 1)
        hours = _shrunk(hour, flat.mean, noise, lean)
        kinds = _shrunk(kind, np.broadcast_to(hours, kind.mean.shape), noise, lean)
        found = _shrunk(day, kinds[:, _KIND], noise, lean)
        off = np.minimum(np.abs(held - found[:, weekday]), from_median)
        trust = _trust(np.where(known, off, np.nan), counted, huber)
    return found


def _medians(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """(series, days, 24) the median of each hour over the days of a group; far off where those are fewer than 3.

    What comes on every such day is no outlier, however far it is from the profile before that has learnt it.
    """
    found = np.full_like(values, np.inf)
    for one in np.unique(group):
        days = values[:, group == one]
        enough = (~np.isnan(days)).sum(axis=1, keepdims=True) >= 3
        middle = np.nanmedian(np.where(enough, days, 0), axis=1, keepdims=True)
        found[:, group == one] = np.where(enough, middle, np.inf)
    return found


def _cells(counted: NDArray[np.float64], held: NDArray[np.float64], axis: tuple[int, ...]) -> _Cells:
    count = counted.sum(axis=axis, keepdims=True)
    return _Cells((counted * held).sum(axis=axis, keepdims=True) / np.maximum(count, _TINY), count)


def _grouped(group: NDArray[np.float64], counted: NDArray[np.float64], held: NDArray[np.float64]) -> _Cells:
    count = group @ counted
    return _Cells((group @ (counted * held)) / np.maximum(count, _TINY), count)


def _spread(counted: NDArray[np.float64], off: NDArray[np.float64]) -> NDArray[np.float64]:
    """(series, 1, 1) weighted variance about the base."""
    total = counted.sum(axis=(1, 2), keepdims=True)[:, 0, 0]
    spread: NDArray[np.float64] = (counted * off**2).sum(axis=(1, 2)) / np.maximum(total, _TINY)
    return spread


def _shrunk(cells: _Cells, parent: NDArray[np.float64], noise: NDArray[np.float64], lean: float) -> NDArray[np.float64]:
    """The cells, leaning on their parents."""
    seen = np.minimum(cells.measured, 1)
    excess = (cells.mean - parent) ** 2 - noise[:, None, None] / np.maximum(cells.measured, 0.3)
    axis = (1, 2)
    between = (seen * np.where(cells.measured > 0, excess, 0)).sum(axis=axis) / np.maximum(seen.sum(axis=axis), _TINY)
    k = np.where(between > _TINY, lean * noise / np.maximum(between, _TINY), _MOST_K)
    k = np.clip(k, _LEAST_K, _MOST_K)[:, None, None]
    mean: NDArray[np.float64] = (cells.measured * cells.mean + k * parent) / (cells.measured + k)
    return mean


def _trust(off: NDArray[np.float64], counted: NDArray[np.float64], huber: float) -> NDArray[np.float64]:
    """Huber's weights, by the median absolute deviation of each series."""
    size = np.abs(np.where(np.isnan(off), 0, off))
    trust = np.ones_like(size)
    for one in range(len(size)):
        inside = size[one][(counted[one] > 0) & ~np.isnan(off[one])]
        if inside.size:
            deviation = max(1.4826 * float(np.median(inside)), 1e-9)
            trust[one] = np.minimum(1, huber * deviation / np.maximum(size[one], _TINY))
    return trust
