"""Quantiles and counts of values that do not all say as much. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def weighted_quantiles(
    values: NDArray[np.float64], weight: NDArray[np.float64], levels: NDArray[np.float64] | Sequence[float]
) -> NDArray[np.float64]:
    """(levels,) of (n,) values by (n,) weights, linear between them: of equal weights, what `np.quantile` reads.

    A value stands in the middle of its weight, the least at level 0 and the greatest at 1.
    """
    order = np.argsort(values, kind="stable")
    ranked, share = values[order], weight[order]
    middle = np.cumsum(share) - share / 2
    at = (middle - middle[0]) / max(middle[-1] - middle[0], np.finfo(float).tiny)
    return np.interp(levels, at, ranked)


def worth_of(weight: NDArray[np.float64]) -> float:
    """How many equal ones as many of these weights are worth (L. Kish, Survey Sampling, 1965, section 11.7)."""
    return float(weight.sum() ** 2 / (weight**2).sum())
