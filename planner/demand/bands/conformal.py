"""Conformal bands: how far actual demand was from forecasts of the past says how far it will be. Pure.

Split conformal prediction (V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005; J. Lei et
al., Distribution-Free Predictive Inference for Regression, 2018, section 5.2 for scores scaled by a local spread): the
errors of held-out forecasts, each over a scale of its hour, have quantiles; a band is forecast plus scale x quantile.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_EDGES_H = (24, 168, 336)
"""Hours ahead at which a new bucket begins: the first day, the first week, the second, what is beyond."""


def scale_of(predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """What an error is measured in: the forecast and a tenth of its mean over the hours ahead."""
    mean: NDArray[np.float64] = np.nanmean(predicted, axis=-1, keepdims=True)
    return predicted + 0.1 * mean + 1e-12


def bucket_of(hours: int) -> NDArray[np.int64]:
    """(hours,) bucket of each hour ahead."""
    return np.searchsorted(_EDGES_H, np.arange(hours), side="right")


def corrected(level: float, count: int) -> float:
    """The level to read off `count` errors so that the band covers `level`: (n + 1) / n further from the middle."""
    return float(np.clip(0.5 + (level - 0.5) * (count + 1) / max(count, 1), 0, 1))


def quantiles_of(
    scores: NDArray[np.float64], levels: Sequence[float], prior: Sequence[float], weight: float
) -> NDArray[np.float64]:
    """(levels, hours) quantiles of (origins, hours) scores by bucket of hours ahead, mixed with a prior.

    `weight`: how many origins the prior counts as.
    """
    hours = scores.shape[-1]
    buckets = bucket_of(hours)
    found = np.tile(np.asarray(prior, dtype=float)[:, None], (1, hours))
    held = found.copy()
    for bucket in np.unique(buckets):
        inside = buckets == bucket
        known = scores[:, inside]
        origins = int((~np.isnan(known)).any(axis=1).sum())
        if origins:
            values = known[~np.isnan(known)]
            read = np.quantile(values, [corrected(level, values.size) for level in levels])
            mixed = (origins * read + weight * np.asarray(prior)) / (origins + weight)
            held = np.tile(mixed[:, None], (1, hours))
        found[:, inside] = held[:, inside]
    return np.sort(found, axis=0)
