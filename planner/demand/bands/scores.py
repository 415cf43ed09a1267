"""Scores of a band: pinball loss, coverage, interval score. Pure; hours that were not measured count nowhere."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Of the mean pinball loss."""


def pinball(levels: Sequence[float], bands: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """Mean over levels and hours of max(q (y - b), (q - 1)(y - b)); bands (levels, ...), actual (...)."""
    level = np.asarray(levels).reshape(-1, *[1] * actual.ndim)
    miss = actual - bands
    return float(np.nanmean(np.maximum(level * miss, (level - 1) * miss)))


def coverage(low: NDArray[np.float64], high: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """Share of measured hours within [low, high]."""
    known = ~np.isnan(actual)
    return float(((low <= actual) & (actual <= high))[known].mean())


def interval_score(
    level: float, low: NDArray[np.float64], high: NDArray[np.float64], actual: NDArray[np.float64]
) -> float:
    """Mean width plus 2 / (1 - level) times what lies outside.

    T. Gneiting and A. E. Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, section 6.2.
    """
    outside = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return float(np.nanmean(np.where(np.isnan(actual), np.nan, high - low) + 2 / (1 - level) * outside))
