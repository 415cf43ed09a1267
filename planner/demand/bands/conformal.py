"""Conformal bands: how far actual demand was from forecasts of the past says how far it will be. Pure.

Split conformal prediction (V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005), with scores
scaled by a local spread (J. Lei et al., Distribution-Free Predictive Inference for Regression, 2018, section 5.2). The
score of an hour is ln((actual + c) / (forecast + c)) over the spread of its class of hours, c a twentieth of the mean
forecast. Its quantiles are read by bucket of hours ahead and by size (quiet, usual and busy hours), errors of long ago
counting less (R. F. Barber et al., Conformal Prediction Beyond Exchangeability, 2023), and put around the forecast.
What few errors speak of leans on what more do.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.demand.bands.day_class import HOUR_CLASSES
from planner.demand.bands.held_out import HeldOut
from planner.demand.bands.weighted import weighted_quantiles, worth_of

_EDGES_H = (24, 72, 168, 336)
"""Hours ahead at which a new bucket begins."""
_OFFSET = 0.05
_CLASS_LEAN_H = 300.0
"""Errors of a class of hours below which its spread leans on that of all hours."""
_BUCKET_LEAN = 4.0
"""Origins of a bucket below which its quantiles lean on those of the bucket before, widened by _GROWTH."""
_GROWTH = 1.15
_FEW_ORIGINS = 10
"""Below it, quantiles lean on a Laplace distribution _FEW_WIDER than the errors seen, as on _FEW_WEIGHT origins."""
_FEW_WIDER, _FEW_WEIGHT = 1.5, 2.0
_NO_SPREAD = 0.35
"""Of that distribution of ln(actual / forecast) without a single error: its 90 % band is from 0.45 to 2.2 times the
forecast."""
_LEAST_SPREAD = 0.02
"""Where no forecast was ever off."""
_SIZES = (0.5, 1.1)
"""Of the mean forecast: what lies below is quiet, what lies above busy."""
_SIZE_LEAN = 4.0
"""Origins' worth of hours of a size below which its quantiles lean on those of all sizes."""
_SIZE_ORIGINS = 14
"""Origins below which sizes are not told apart."""
_DAYS_POWER = 0.1
"""A bucket of many days holds more errors than one of a day, but they are much alike."""
_HALF_LIFE_DAYS = 150.0
"""An error this old says half as much: another season errs otherwise."""
_TINY = 1e-9


class Spread(NamedTuple):
    """Scores of held-out hours, and the spread that each class of hours has."""

    scores: NDArray[np.float64]
    """(origins, hours ahead)"""
    size: NDArray[np.int64]
    """(origins, hours ahead) see `size_of`."""
    by_class: NDArray[np.float64]
    """(HOUR_CLASSES,)"""
    weight: NDArray[np.float64]
    """(origins,) how much the errors of each say."""


def bucket_of(hours: int) -> NDArray[np.int64]:
    """(hours,) bucket of each hour ahead."""
    bucket: NDArray[np.int64] = np.searchsorted(_EDGES_H, np.arange(hours), side="right")
    return bucket


def size_of(predicted: NDArray[np.float64]) -> NDArray[np.int64]:
    """0 quiet, 1 usual, 2 busy: each hour's forecast beside the mean of all hours ahead, (..., hours)."""
    mean = offset_of(predicted) / _OFFSET
    size: NDArray[np.int64] = np.searchsorted(_SIZES, np.where(np.isnan(predicted), 1, predicted / mean))
    return size


def offset_of(predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is added to demand before its logarithm: (…, 1) for (…, hours)."""
    known = ~np.isnan(predicted)
    mean = np.where(known, predicted, 0).sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    offset: NDArray[np.float64] = np.maximum(_OFFSET * mean, _TINY)
    return offset


def spread_of(held_out: HeldOut, series: int) -> Spread:
    """The scores of one series."""
    predicted, actual = held_out.predicted[:, series], held_out.actual[:, series]
    offset = offset_of(predicted)
    errors = np.log((actual + offset) / (predicted + offset))
    known = ~np.isnan(errors)
    by_class = np.ones(HOUR_CLASSES)
    weight = 0.5 ** (held_out.age_days / _HALF_LIFE_DAYS)
    if known.any():
        off = np.abs(np.where(known, errors, 0))
        typical = float(off.sum() / known.sum())
        if typical < _TINY:
            return Spread(np.where(known, 0.0, np.nan), size_of(predicted), _LEAST_SPREAD * by_class, weight)
        total = np.bincount(held_out.hour_class[known], off[known], HOUR_CLASSES)
        count = np.bincount(held_out.hour_class[known], known[known], HOUR_CLASSES)
        by_class = _leaning(total, count, typical)
    return Spread(errors / by_class[held_out.hour_class], size_of(predicted), by_class, weight)


def _leaning(total: NDArray[np.generic], count: NDArray[np.generic], typical: float) -> NDArray[np.float64]:
    """Mean error of each class, its neighbours' hours beside it, leaning on its hour of day, that on all hours."""
    errors, hours = np.asarray(total, dtype=float).reshape(2, 24), np.asarray(count, dtype=float).reshape(2, 24)
    lean = _CLASS_LEAN_H
    hour = (_smooth(errors.sum(axis=0)) + 2 * lean * typical) / (_smooth(hours.sum(axis=0)) + 2 * lean)
    found: NDArray[np.float64] = (_smooth(errors) + lean * hour) / (_smooth(hours) + lean)
    return found.ravel()


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (np.roll(values, 1, axis=-1) + 2 * values + np.roll(values, -1, axis=-1)) / 4
    return found


def quantiles_of(spread: Spread, levels: Sequence[float]) -> NDArray[np.float64]:
    """(levels, sizes, hours) quantiles of scores by bucket of hours ahead and size.

    With n errors a level is read (n + 1) / n further from the middle (the finite-sample correction of split conformal
    prediction), n what the origins are worth times a power of the bucket's days: hours of a day err together. A bucket
    of few origins leans on the one before; the first, on a wide prior.
    """
    hours = spread.scores.shape[-1]
    level = np.asarray(levels)
    buckets = bucket_of(hours)
    found = np.empty((len(level), len(_SIZES) + 1, hours))
    held: NDArray[np.float64] | None = None
    for bucket in range(int(buckets[-1]) + 1):
        inside = buckets == bucket
        before = _few(level, spread) if held is None else held * _GROWTH
        lean = _BUCKET_LEAN
        origins = int((~np.isnan(spread.scores[:, inside])).any(axis=1).sum())
        if held is None:
            lean = _FEW_WEIGHT * max(0.0, 1 - origins / _FEW_ORIGINS)
        now = _bucket(spread, inside, origins, level, before, lean)
        if held is not None:  # what is further ahead is hardly better known
            further = np.where(level[:, None] < 0.5, np.minimum(now, held), np.maximum(now, held))
            now = (now + further) / 2
        held = now
        found[:, :, inside] = now[:, :, None]
    return found


def _bucket(
    spread: Spread,
    inside: NDArray[np.bool_],
    origins: int,
    level: NDArray[np.float64],
    before: NDArray[np.float64],
    lean: float,
) -> NDArray[np.float64]:
    """(levels, sizes) of one bucket."""
    if not origins:
        return before
    values, size = spread.scores[:, inside], spread.size[:, inside]
    known = ~np.isnan(values)
    told = spread.weight[known.any(axis=1)]
    weight = np.broadcast_to(spread.weight[:, None] / told.mean(), values.shape)
    effective = worth_of(told)
    count = effective * max(1.0, inside.sum() / 24) ** _DAYS_POWER
    wanted = np.clip(0.5 + (level - 0.5) * (count + 1) / count, 0, 1)
    every = weighted_quantiles(values[known], weight[known], wanted)
    found = np.empty((len(level), len(_SIZES) + 1))
    for one in range(len(_SIZES) + 1):
        of_size = known & (size == one)
        share = weight[of_size].sum() / (len(told) * inside.sum())
        worth = effective * share if origins >= _SIZE_ORIGINS else 0
        read = weighted_quantiles(values[of_size], weight[of_size], wanted) if worth else every
        found[:, one] = (worth * read + _SIZE_LEAN * every) / (worth + _SIZE_LEAN)
    mixed: NDArray[np.float64] = (effective * found + lean * before) / (effective + lean)
    return mixed


def _few(level: NDArray[np.float64], spread: Spread) -> NDArray[np.float64]:
    """Quantiles to go by where few errors of the past are known, or none."""
    wide = _NO_SPREAD if np.isnan(spread.scores).all() else _FEW_WIDER
    side = np.minimum(level, 1 - level)
    prior: NDArray[np.float64] = -np.sign(level - 0.5) * np.log(2 * np.maximum(side, 1e-3)) * wide
    return np.tile(prior[:, None], (1, len(_SIZES) + 1))


def edges_of(spread: Spread, levels: Sequence[float]) -> NDArray[np.float64]:
    """(levels, sizes, hours) how far from the forecast each level of the band lies, in spreads; the median, not at all.

    What past errors were off in the middle moves the median by nothing, so that it stays the forecast that was judged,
    and an edge by the more the further out it is. Where lower edges pass the median, `around` puts them in order.
    """
    read = quantiles_of(spread, [*levels, 0.5])
    level = np.asarray(levels)
    found: NDArray[np.float64] = read[:-1] - read[-1] * (1 - np.abs(2 * level - 1))[:, None, None]
    return found


def around(
    predicted: NDArray[np.float64],
    hour_class: NDArray[np.int64],
    by_class: NDArray[np.float64],
    edges: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(levels, ..., hours) of the band of a series' forecasts (..., hours), never below 0."""
    offset = offset_of(predicted)
    far = edges[:, size_of(predicted), np.arange(predicted.shape[-1])] * by_class[hour_class]
    band = (predicted + offset) * np.exp(np.clip(far, -20, 20)) - offset
    found: NDArray[np.float64] = np.maximum(np.sort(band, axis=0), 0)
    return found
