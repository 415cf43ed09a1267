"""What the autoscaler keeps to: target and band, holds, caps, floors, spot; and the sums that follow. Pure.

Standard library only. Work and capacity are in reference nodes (autoscaler.fleet).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import floor, isfinite
from typing import Any

_NOISE = 1e-9
"""Floats this close are equal: 0.29 x 100 is 28.999999999999996."""
_RULES: tuple[tuple[tuple[str, ...], str, Callable[[Any], bool]], ...] = (
    (("max_unserved_ratio", "max_spot_share", "max_pool_share"), "in [0, 1]", lambda value: 0 <= value <= 1),
    (("min_saving_ratio",), "in [0, 1)", lambda value: 0 <= value < 1),
    (
        (
            "hold_s",
            "plan_hold_s",
            "zero_after_s",
            "cooldown_s",
            "drain_timeout_s",
            "orphan_after_s",
            "settle_s",
            "broken_after_s",
            "blind_for_s",
            "backoff_first_s",
            "return_to_spot_after_s",
            "exchange_after_s",
        ),
        "0 or more",
        lambda value: value >= 0,
    ),
    (
        ("queue_clear_s", "launch_timeout_s", "list_fresh_s", "stale_after_s", "renewal_margin_s"),
        "above 0",
        lambda value: value > 0,
    ),
    (("max_launches_per_tick", "max_drains_per_tick"), "1 or more", lambda value: value >= 1),
    (
        ("max_nodes", "max_usd_hour", "max_usd_month"),
        "0 or more (left out: no limit)",
        lambda value: isfinite(value) and value >= 0,
    ),
)
"""Keys, the rule they keep, and its check; a key that is None has no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    """The numbers a controller obeys. Ratios are 0-1, durations seconds, money USD net of VAT."""

    target_utilization: float = 0.75
    """Work over ready capacity aimed at."""
    low_utilization: float = 0.6
    """Below it, nodes are too many."""
    high_utilization: float = 0.85
    """Above it, nodes are too few."""
    queue_clear_s: float = 120.0
    """What waits is to be worked off within this time: a queue counts as its work over this long."""
    max_unserved_ratio: float = 0.001
    """Share of tokens that may go unserved; the outlook's margin is steered by it."""
    is_predictive: bool = True
    """Launch for what is expected within one lead time; prediction never removes."""
    hold_s: float = 120.0
    """What was wanted within this time, margin included, is kept: a node goes when it was not for longer."""
    zero_after_s: float = 300.0
    """A model measured for this long to be asked for nothing gives up its last node, unless `min_nodes` keeps it."""
    plan_hold_s: float = 540.0
    """No node goes this long into an hour the plan raised; then measured work rules."""
    cooldown_s: float = 300.0
    """No scale-in within this time of a scale-out of the same model; scale-out is never delayed."""
    drain_timeout_s: float = 600.0
    """After this long a draining node is ended even if requests are in flight."""
    launch_timeout_s: float = 1200.0
    """A node that is not ready this long after its order has failed; before it, it is never ended (S8)."""
    orphan_after_s: float = 900.0
    """A machine with our tag and no intent is ended after this long (S5)."""
    settle_s: float = 300.0
    """Longest that a machine just made is in no list of its provider, or one that ended is still in one (S9)."""
    list_fresh_s: float = 60.0
    """A list of a provider older than this is stale: nothing is launched or ended there until it is fresh again."""
    broken_after_s: float = 120.0
    """A node that served and says for this long that it does not has failed; shorter, it may recover."""
    stale_after_s: float = 180.0
    """A measurement older than this is stale: hold (S4)."""
    blind_for_s: float = 600.0
    """After this long without a fresh measurement, rise to the plan's level, never fall (S4)."""
    renewal_margin_s: float = 120.0
    """An idle node of a paid hour is drained this long before the hour ends; one tick at least."""
    max_launches_per_tick: int = 10
    max_drains_per_tick: int = 5
    """Scale-in only; what a cap or a notice asks for is not counted."""
    max_nodes: int | None = None
    """Burst nodes at most, all models; None: no limit."""
    max_usd_hour: Decimal | None = None
    """Burst prices of running nodes per hour at most; None: no limit."""
    max_usd_month: Decimal | None = None
    """Burst charges per calendar month (UTC) at most, committed cost included; None: no limit."""
    min_nodes: Mapping[str, int] = field(default_factory=dict)
    """By model: burst nodes never fewer."""
    max_spot_share: float = 1.0
    """Spot nodes at most this share of burst nodes + 1; 0: none."""
    max_pool_share: float = 1.0
    """Nodes of one pool at most this share of burst nodes + 1; 0: none."""
    backoff_first_s: float = 60.0
    """A pool that had no capacity is left alone this long, twice as long after each further refusal."""
    backoff_most_s: float = 1800.0
    return_to_spot_after_s: float = 1800.0
    """On-demand nodes are replaced by spot this long after spot last failed (no flapping)."""
    exchange_after_s: float = 1800.0
    """A large node gives way to smaller ones only where no node was launched for this long (no flapping)."""
    min_saving_ratio: float = 0.1
    """A running node is replaced by cheaper ones only if that saves this share of its price."""

    def __post_init__(self) -> None:
        if not 0 < self.low_utilization <= self.target_utilization <= self.high_utilization <= 1:
            raise ValueError(
                "expected 0 < low_utilization <= target_utilization <= high_utilization <= 1, got "
                f"{self.low_utilization}, {self.target_utilization}, {self.high_utilization}"
            )
        for names, rule, holds in _RULES:
            for name in names:
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise ValueError(f"{name} must be {rule}, got {value}")
        if self.backoff_most_s < self.backoff_first_s:
            raise ValueError(f"backoff_most_s must be backoff_first_s or more, got {self.backoff_most_s}")
        for model, least in self.min_nodes.items():
            if least < 0:
                raise ValueError(f"min_nodes.{model} must be 0 or more, got {least}")


def band_around(target_utilization: float) -> tuple[float, float]:
    """Low and high utilization of a band where only its target is given: 0.8 x target; two fifths of the way to 1."""
    return round(0.8 * target_utilization, 9), round(target_utilization + 0.4 * (1 - target_utilization), 9)


def is_above_band(policy: ScalingPolicy, work_nodes: float, capacity_nodes: float) -> bool:
    """Whether `work_nodes` is more than the capacity takes at high_utilization; exactly at it is inside the band."""
    return work_nodes > policy.high_utilization * capacity_nodes + _NOISE


def is_below_band(policy: ScalingPolicy, work_nodes: float, base_nodes: float, burst_nodes: float) -> bool:
    """Whether the burst is less than low_utilization busy, with the base filled to the target first.

    work < target x base + low x burst, in reference nodes; exactly at it is inside the band. Over base and burst
    together, a large base would hide that its burst is idle.
    """
    return work_nodes < policy.target_utilization * base_nodes + policy.low_utilization * burst_nodes - _NOISE


def wanted_capacity(policy: ScalingPolicy, work_nodes: float) -> float:
    """Ready capacity at which `work_nodes` is utilization at the target: work / target, in reference nodes."""
    return work_nodes / policy.target_utilization


def is_enough(capacity_nodes: float, wanted_nodes: float) -> bool:
    """Whether a capacity covers what is wanted, float noise apart."""
    return capacity_nodes >= wanted_nodes - _NOISE


def most_by_share(share: float, burst_nodes: int) -> int | None:
    """Nodes a share allows among `burst_nodes`, these included: floor(share x n) + 1; None: no limit; share 0: none.

    The row of the plan (count <= share x n + 1) in whole nodes, so that a fleet of one or two may exist.
    """
    if share >= 1:
        return None
    return floor(share * burst_nodes + _NOISE) + 1 if share > 0 else 0


def backoff_s(policy: ScalingPolicy, failures: int) -> float:
    """Seconds a pool is left alone after `failures` refusals in a row: first x 2^(n-1), at most backoff_most_s."""
    if failures < 1:
        return 0.0
    return min(policy.backoff_first_s * 2.0 ** min(failures - 1, 60), policy.backoff_most_s)
