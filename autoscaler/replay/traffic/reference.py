"""The reference world's demand: a published trace as one-minute ticks with noise, at a fixed mean. Pure.

Its figures are those of `benchmarks/`, so that controllers can be compared; nothing here is tuned. The world:
burst nodes of 200 output tok/s at 0.20 USD/h, seven minutes from an order to the first minute served, base nodes of
300 tok/s at 154 USD per 730 hours, demand in output tok/s.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from math import floor

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.world import Floats
from policies.scaling import ScalingPolicy

MEAN_TOK_S = 4000.0
NOISE_RATIO = 0.03
"""Standard deviation of the logarithm of the noise, one draw per minute."""
BURST_TOK_S = 200.0
BASE_TOK_S = 300.0
BASE_USD_HOUR = 154 / 730
BURST_USD_HOUR = 0.20
BASE_BUSY_SHARE = 0.713
"""A base node pays for itself when it is needed this share of the time."""

REFERENCE_POLICY = ScalingPolicy(
    low_utilization=1.0,
    target_utilization=1.0,
    high_utilization=1.0,
    max_launches_per_tick=100,
    max_drains_per_tick=100,
    renewal_margin_s=1.0,
)
"""What counts there is the last token: nodes are filled, the margin is the outlook's alone, and no move is put off.

Ticks fall on the end of a paid hour, and nothing is in flight, so a second before it is early enough.
"""


def reference_policy(policy: ScalingPolicy) -> ScalingPolicy:
    """The policy as the reference world is played: with REFERENCE_POLICY's numbers where it has the default's."""
    default = ScalingPolicy()
    numbers = {
        one.name: getattr(REFERENCE_POLICY, one.name)
        for one in fields(ScalingPolicy)
        if getattr(policy, one.name) == getattr(default, one.name)
    }
    has_own_band = not {"low_utilization", "target_utilization", "high_utilization"} <= numbers.keys()
    if has_own_band:
        numbers = {name: value for name, value in numbers.items() if not name.endswith("_utilization")}
    return replace(policy, **numbers)


def reference_demand(
    rows: Sequence[float] | Floats,
    is_gap: Sequence[bool] | NDArray[np.bool_] | None = None,
    *,
    seed: int = 0,
    minutes_per_row: int = 10,
) -> Floats:
    """Demand of every minute, tok/s, from one value per `minutes_per_row` minutes.

    Rows at zero and rows in `is_gap` are interpolated; minutes lie on straight lines between rows, the last row's value
    is held; each minute is multiplied by exp(N(0, 0.03)) of `numpy.random.default_rng(seed)`; the whole is scaled to a
    mean of 4,000.
    """
    values = np.array(rows, dtype=np.float64)
    missing = values == 0
    if is_gap is not None:
        missing |= np.asarray(is_gap, dtype=np.bool_)
    if missing.all() or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("expected finite rows of 0 or more, one of them above 0 and measured")
    at = np.arange(len(values), dtype=np.float64)
    values[missing] = np.interp(at[missing], at[~missing], values[~missing])
    minutes = len(values) * minutes_per_row
    straight = np.interp(np.arange(minutes), at * minutes_per_row, values)
    noisy = straight * np.exp(np.random.default_rng(seed).normal(0.0, NOISE_RATIO, minutes))
    return np.asarray(noisy * (MEAN_TOK_S / noisy.mean()), dtype=np.float64)


def reference_base_nodes(demand_tok_s: Floats) -> int:
    """Base nodes of the reference world: as many as demand fills for 71.3 % of the minutes."""
    return floor(float(np.quantile(demand_tok_s, 1 - BASE_BUSY_SHARE)) / BASE_TOK_S)
