"""What the autoscaler keeps to: target and band, holds, caps, floors, spot. Pure; standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

NO_FLOOR: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    """The numbers a controller obeys. Ratios are 0-1, durations seconds, money USD net of VAT."""

    target_utilization: float = 0.75
    """Work over ready capacity aimed at."""
    low_utilization: float = 0.6
    """Below it, nodes are too many."""
    high_utilization: float = 0.85
    """Above it, nodes are too few."""
    max_unserved_ratio: float = 0.001
    """Share of tokens that may go unserved; the outlook's margin is steered by it."""
    is_predictive: bool = True
    """Launch for what is expected within one lead time; prediction never removes."""
    hold_s: float = 540.0
    """A node not needed for this long may go."""
    cooldown_s: float = 300.0
    """No scale-in within this time of a scale-out of the same model; scale-out is never delayed."""
    drain_timeout_s: float = 600.0
    """After this long a draining node is ended even if requests are in flight."""
    launch_timeout_s: float = 1200.0
    """A node that is not ready this long after its order has failed; before it, it is never ended (S8)."""
    orphan_after_s: float = 900.0
    """A machine with our tag and no intent is ended after this long (S5)."""
    stale_after_s: float = 180.0
    """A measurement older than this is stale: hold (S4)."""
    blind_for_s: float = 600.0
    """After this long without a fresh measurement, rise to the plan's level, never fall (S4)."""
    renewal_margin_s: float = 120.0
    """An idle node of a paid hour is drained this long before the hour ends."""
    max_launches_per_tick: int = 10
    max_drains_per_tick: int = 5
    max_nodes: int | None = None
    """Burst nodes at most, all models; None: no limit."""
    max_usd_hour: Decimal | None = None
    """Burst prices of running nodes per hour at most."""
    max_usd_month: Decimal | None = None
    """Burst charges per calendar month (UTC) at most, committed cost included."""
    min_nodes: Mapping[str, int] = field(default_factory=dict)
    """By model: burst nodes never fewer."""
    max_spot_share: float = 1.0
    """Spot nodes at most this share of burst nodes + 1; 0: none."""
    max_pool_share: float = 1.0
    """Nodes of one pool at most this share of burst nodes + 1."""
    backoff_first_s: float = 60.0
    """A pool that had no capacity is left alone this long, twice as long after each further refusal."""
    backoff_most_s: float = 1800.0
    return_to_spot_after_s: float = 1800.0
    """Spot is preferred again this long after its last failure (no flapping)."""
    min_saving_ratio: float = 0.1
    """A running node is replaced by a cheaper one only if that saves this share of its price."""

    def __post_init__(self) -> None:
        if not 0 < self.low_utilization <= self.target_utilization <= self.high_utilization <= 1:
            raise ValueError(
                "expected 0 < low_utilization <= target_utilization <= high_utilization <= 1, got "
                f"{self.low_utilization}, {self.target_utilization}, {self.high_utilization}"
            )
