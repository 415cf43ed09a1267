"""What is usual in an hour: the level of its weeks times the shape of its hour of the week. Pure; numpy.

Level: the median over seven days, the hour's own in the middle, of the days' means. Shape: the median over the history
of demand over level in the same hour of the week; under six weeks, in the same hour of a weekday or of a weekend.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.demand.local_time import LocalTime

FLOOR = 0.05
"""Of the level: below it, more or less is no matter."""
LEAST_DAYS = 14
LEAST_SEEN = 4
"""Hours of a kind that must be known, or the kind is not judged."""
_WEEKLY_FROM_DAYS = 42
_LEAST_OF_DAY = 12
"""Known hours that make a day's mean."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What is usual of one series. Arrays of hours."""

    tok_s: Floats
    """NaN where it cannot be told."""
    miss: Floats
    """log((measured + f) / (usual + f)), f a twentieth of the level; NaN where unknown."""
    spread: Floats
    """Of such misses in hours of the kind: a robust standard deviation, never below that of all hours."""


def usual(series: Floats, local: LocalTime, skip: NDArray[np.bool_]) -> Usual | None:
    """What is usual in each hour, told by the hours not in `skip`; None: under two weeks are known."""
    days, index = np.unique(local.day, return_inverse=True)
    known = ~np.isnan(series)
    told = known & ~skip
    level_of_day = _rolling_median(day_means(series, told, index, len(days)))
    if (~np.isnan(day_means(series, told, index, len(days)))).sum() < LEAST_DAYS:
        return None
    level = level_of_day[index]
    is_weekend = local.day_of_week >= 5
    kinds = local.hour_of_week if len(days) >= _WEEKLY_FROM_DAYS else local.hour_of_day + 24 * is_weekend
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(level > 0, series / level, np.nan)
    shape = by_kind(share, kinds, told)
    expected = level * shape
    miss = np.log(
        (series + FLOOR * level) / (expected + FLOOR * level), where=level > 0, out=np.full(len(series), np.nan)
    )
    spread = 1.4826 * by_kind(np.abs(miss), kinds, told)
    overall = 1.4826 * float(np.nanmedian(np.abs(miss[told]))) if (~np.isnan(miss[told])).any() else np.nan
    return Usual(tok_s=expected, miss=miss, spread=np.fmax(spread, overall))


def day_means(series: Floats, told: NDArray[np.bool_], index: NDArray[np.int64], days: int) -> Floats:
    """(days,) mean of each local day's hours; NaN where under twelve are known."""
    count = np.bincount(index[told], minlength=days)
    total = np.bincount(index[told], weights=series[told], minlength=days)
    means: Floats = np.where(count >= _LEAST_OF_DAY, total / np.maximum(count, 1), np.nan)
    return means


def by_kind(values: Floats, kinds: NDArray[np.int64], told: NDArray[np.bool_]) -> Floats:
    """(hours,) the median of the values in hours of the same kind; NaN where too few are known."""
    found = np.full(int(kinds.max()) + 1, np.nan)
    for kind in np.unique(kinds):
        these = values[(kinds == kind) & told]
        these = these[~np.isnan(these)]
        if len(these) >= LEAST_SEEN:
            found[kind] = np.median(these)
    return found[kinds]


def _rolling_median(means: Floats) -> Floats:
    """Of the seven days around each; fewer at the ends; NaN where none is known."""
    padded = np.pad(means, 3, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7)
    found = np.full(len(means), np.nan)
    has_any = (~np.isnan(windows)).any(axis=1)
    found[has_any] = np.nanmedian(windows[has_any], axis=1)
    return found
