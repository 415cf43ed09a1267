"""Replayed: what a controller did with a replay, and its bill. Pure: values; report renders them.

Minutes count from the start of the replay. Money is USD in `Decimal`, net of VAT.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedLease:
    """Burst nodes of one pool held over one span, as billed."""

    offer: str
    model: str
    start_min: float
    """Order."""
    end_min: float
    """Ended, or the end of the replay."""
    count: int = 1
    charge_usd: Decimal
    ready_min: float | None
    """First served; None: never."""
    how_it_ended: str
    """"released", "taken back", "failed" or "still running"."""
    wasted_usd: Decimal
    """Of the charge, what was paid for time in which the node was not ready or not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Estimated time to first token over the tokens served, seconds; None: nothing was served."""

    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourSeries:
    """Per hour of the replay, (H,) each."""

    asked_tokens: Floats
    unserved_tokens: Floats
    work_nodes: Floats
    """Mean work asked for, in reference nodes."""
    ready_nodes: Floats
    """Mean ready capacity, base included, in reference nodes."""
    coming_nodes: Floats
    pools: Mapping[str, Floats]
    """Mean nodes paid for, by pool."""
    interruptions: Floats
    cost_usd: Floats
    """Base and burst, as accrued."""
    ttft_p95_s: Floats
    """nan: nothing served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One controller on one replay."""

    policy: str
    """Name of the controller."""
    start: datetime
    minutes: float
    bill_usd: Decimal
    """Base, burst and egress."""
    base_usd: Decimal
    base_nodes: int
    burst_usd: Decimal
    egress_usd: Decimal
    bound_usd: Decimal | None
    """Least bill of perfect foresight at 100 % served; None: not computed."""
    bound_at_unserved_usd: Decimal | None
    """The same at this controller's own unserved ratio."""
    unserved_ratio: float
    unserved_tokens: Mapping[str, float]
    """By model."""
    delay: Delay
    launches: int
    interruptions: int
    capacity_failures: int
    """Launches refused for lack of stock or quota."""
    opposite_moves: int
    """Scale-outs within one hour after a scale-in of the same model, and the reverse."""
    wasted_paid_usd: Decimal
    ticks: int
    seconds: float
    """Wall time of the run, for ticks per second."""
    leases: tuple[ReplayedLease, ...]
    hours: HourSeries
    reasons: Mapping[str, int]
    """How often each kind of reason was given."""

    @property
    def ratio_to_bound(self) -> float | None:
        """Bill over the bound at 100 % served."""
        return None if self.bound_usd is None or self.bound_usd <= 0 else float(self.bill_usd / self.bound_usd)

    @property
    def hour_lengths_h(self) -> Floats:
        """How much of each hour was replayed; the last may be cut short."""
        lengths_h: Floats = np.minimum(1.0, self.minutes / 60 - np.arange(len(self.hours.asked_tokens)))
        return lengths_h

    @property
    def ticks_per_s(self) -> float:
        """Ticks per second of wall time."""
        return self.ticks / self.seconds if self.seconds > 0 else float("inf")
