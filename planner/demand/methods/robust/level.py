"""The level: how far the last hours and days stood from the profile, and how much of it lasts. Pure.

Means of what is left over the profile, over the last hours, day and days (exponential weights), each with a share that
decays with the hours ahead: an autoregression of few numbers, with the same numbers for every series.
"""

import numpy as np
from numpy.typing import NDArray

from planner.demand.methods.robust.day_grid import HOURS

_MOST = 1.5
"""Beyond it what is left over the profile is an outlier, and counts as this much."""


def lasting(
    left: NDArray[np.float64],
    volume: NDArray[np.float64],
    hours: int,
    memory: tuple[tuple[float, float, float], ...],
) -> NDArray[np.float64]:
    """(series, hours) to add to the profile, from what was `left` over it in (series, past hours).

    `memory`: half-life in days of each mean, the share of it that is forecast at once, and the days in which that
    share falls to 1/e. `volume` weighs hours: those of high demand say more of a day's level.
    """
    known = ~np.isnan(left)
    held = np.clip(np.where(known, left, 0), -_MOST, _MOST)
    age = np.arange(left.shape[-1])[::-1] / HOURS
    ahead = np.arange(1, hours + 1) / HOURS
    found = np.zeros((len(left), hours))
    for half_life, share, decay in memory:
        is_slow = half_life >= 1
        weight = 0.5 ** (age / half_life) * known * (volume if is_slow else 1.0)
        doubt = 0.2 * HOURS if is_slow else 0.5
        mean = (weight * held).sum(axis=1) / (weight.sum(axis=1) + doubt)
        found += share * mean[:, None] * np.exp(-ahead / decay)
    return found
