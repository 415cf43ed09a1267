"""How a spot price moves in a replay: a mean-reverting walk of its logarithm around an estimate, bounded. Pure.

An Ornstein-Uhlenbeck process in steps: x' = ρ·x + σ·√(1−ρ²)·N(0, 1) with ρ = exp(−step/revert), begun at its long-run
distribution N(0, σ²); the price is mean·exp(x − σ²/2), whose expectation is the mean, cut to the bounds.
"""

from __future__ import annotations

from decimal import Decimal
from math import exp, sqrt
from typing import TYPE_CHECKING

from policies.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from random import Random

    from autoscaler.replay.worlds.settings import PriceWalk

CENT_OF_A_CENT = Decimal("0.0001")
"""The step of AWS's spot prices."""


def walked_prices(
    walk: PriceWalk, mean_usd_hour: Decimal, *, most_usd_hour: Decimal | None, length_s: float, rng: Random
) -> tuple[tuple[float, Decimal], ...]:
    """(from second, USD per hour) over `length_s`; `most_usd_hour`, the on-demand price, is never passed."""
    stays = exp(-walk.step_h / walk.revert_h)
    kick = walk.spread_ratio * sqrt(1 - stays * stays)
    low, high = mean_usd_hour * Decimal(repr(walk.min_ratio)), mean_usd_hour * Decimal(repr(walk.max_ratio))
    if most_usd_hour is not None:
        high = min(high, most_usd_hour)
    deviation = rng.gauss(0.0, walk.spread_ratio)
    prices: list[tuple[float, Decimal]] = []
    at_s = 0.0
    while at_s < length_s:
        price = mean_usd_hour * Decimal(repr(exp(deviation - walk.spread_ratio**2 / 2)))
        price = max(CENT_OF_A_CENT, min(max(price, low), high).quantize(CENT_OF_A_CENT))
        if not prices or prices[-1][1] != price:
            prices.append((at_s, price))
        deviation = stays * deviation + kick * rng.gauss(0.0, 1.0)
        at_s += walk.step_h * SECONDS_PER_HOUR
    return tuple(prices)
