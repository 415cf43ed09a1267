"""Paths: whole futures, each hour of which has the band's distribution, and whose hours go together as they did. Pure.

Ranks of past errors are drawn in blocks of whole days, for all models and both directions at once (block bootstrap:
H. R. Künsch, The jackknife and the bootstrap for general stationary observations, 1989), and put onto the bands hour by
hour (the Schaake shuffle: M. Clark et al., Journal of Hydrometeorology 5, 2004), so that marginals are the bands' own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.demand.bands.conformal import bucket_of

_DAY_H = 24
_BLOCK_DAYS = 7


def drawn_ranks(scores: NDArray[np.float64], hours: int, paths: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(paths, series, hours) ranks in (0, 1), for (origins, series, hours) scores of past forecasts.

    Each hour's ranks are spread evenly over the paths. Without past errors all hours of a path have one rank.
    """
    series = scores.shape[1]
    tie = rng.permutation(paths) / paths
    raw = np.tile(tie[:, None, None], (1, series, hours))
    ranks = _ranks(scores)
    starts = _block_starts(ranks)
    if starts:
        raw = np.full((paths, series, hours), np.nan)
        for path in range(paths):
            at = 0
            while at < hours:
                origin, first, end = starts[int(rng.integers(len(starts)))]
                length = min(end - first, hours - at, _BLOCK_DAYS * _DAY_H)
                raw[path, :, at : at + length] = ranks[origin, :, first : first + length]
                at += length
        raw = np.where(np.isnan(raw), 0.5, raw)
    order = np.lexsort((np.broadcast_to(tie[:, None, None], raw.shape), raw), axis=0)
    even = np.empty_like(raw)
    np.put_along_axis(even, order, ((np.arange(paths) + 0.5) / paths)[:, None, None], axis=0)
    return even


def along(levels: Sequence[float], bands: NDArray[np.float64], ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(paths, series, hours) values that stand at `ranks` of (levels, series, hours) bands."""
    at = np.interp(ranks, levels, np.arange(len(levels)))
    below = np.minimum(at.astype(np.int64), len(levels) - 2)
    share = at - below
    low = np.take_along_axis(bands, below, axis=0)
    return low + share * (np.take_along_axis(bands, below + 1, axis=0) - low)


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each score's place among those of its series and bucket of hours ahead."""
    found = np.full_like(scores, np.nan)
    buckets = bucket_of(scores.shape[-1])
    for bucket in np.unique(buckets):
        inside = buckets == bucket
        for series in range(scores.shape[1]):
            values = scores[:, series, inside]
            known = ~np.isnan(values)
            order = values[known].argsort(kind="stable").argsort(kind="stable")
            placed = np.full_like(values, np.nan)
            placed[known] = (order + 0.5) / max(known.sum(), 1)
            found[:, series, inside] = placed
    return found


def _block_starts(ranks: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """(origin, first hour, end hour) of each run of days that can be drawn."""
    found = []
    for origin in range(len(ranks)):
        known = np.flatnonzero(~np.isnan(ranks[origin]).all(axis=0))
        end = int(known[-1]) + 1 if known.size else 0
        found += [(origin, first, end) for first in range(0, end, _DAY_H) if end - first >= _DAY_H]
    return found
