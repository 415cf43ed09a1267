"""The clairvoyant bound: no controller pays less at the same share served. Which method, and what each proves. Pure.

- One pool by the second, one model, no waiting: whole nodes in layers (layers.py). Exact at 100 % served, the convex
  envelope of the exact bill elsewhere.
- One pool by the started hour, one model, no waiting: whole leases (leases.py). The same.
- Anything else: a linear relaxation over buckets of time (buckets.py). A lower bound: nodes may be fractions.

All of them suppose foresight of everything, node moves at any second, and utilization up to 1; each says what else it
grants the controller. None grants what the replay's clouds and traffic do not.
"""

from typing import Protocol

from autoscaler.replay.bound.buckets import Buckets
from autoscaler.replay.bound.case import BoundCase
from autoscaler.replay.bound.layers import Layers
from autoscaler.replay.bound.leases import Leases
from autoscaler.replay.bound.lines import SAFETY_RATIO
from policies.billing import Billing

MOST_LEASE_STEPS = 50_000
"""Steps up to which whole leases by the started hour take less than a minute or so."""


ROUNDING = 1e-9
"""How far beyond 0 or 1 a ratio of sums of floats may lie."""


class BurstBound(Protocol):
    """A method: the least that burst can cost."""

    @property
    def least_unserved_tokens(self) -> float:
        """Tokens that nobody can serve."""
        ...

    def usd(self, unserved_tokens: float) -> float:
        """Least burst bill at so many tokens unserved; inf: nobody can leave so few."""
        ...


def bound_usd(case: BoundCase, unserved_ratio: float) -> float:
    """A proven lower bound on the bill of every controller that leaves at most that share of the tokens unserved.

    inf: there is none. Several shares of one case: `ClairvoyantBound` keeps what they have in common.
    """
    return ClairvoyantBound(case).usd(unserved_ratio)


class ClairvoyantBound:
    """The bound of one replay as a function of the share of tokens unserved: convex, falling to the base bill at 1."""

    def __init__(self, case: BoundCase) -> None:
        self._case = case
        self._tokens = float(case.tokens.sum())
        self._burst = burst_bound(case)

    @property
    def method(self) -> str:
        """Which method bounds it, for the reader of a result."""
        return {Layers: "whole nodes", Leases: "whole leases"}.get(type(self._burst), "linear relaxation")

    @property
    def least_unserved_ratio(self) -> float:
        """Share that even perfect foresight leaves unserved, or less; below it the bound is inf."""
        return self._burst.least_unserved_tokens / self._tokens if self._tokens > 0 else 0.0

    def usd(self, unserved_ratio: float) -> float:
        """A lower bound on every bill that leaves at most that share unserved, base included; inf: nobody can."""
        if not -ROUNDING <= unserved_ratio <= 1 + ROUNDING:
            raise ValueError(f"unserved_ratio must be in [0, 1], got {unserved_ratio}")
        unserved_tokens = min(max(unserved_ratio, 0.0), 1.0) * self._tokens
        return self._case.base_usd + self._burst.usd(unserved_tokens) * (1 - SAFETY_RATIO)


def burst_bound(case: BoundCase) -> BurstBound:
    """The tightest method that holds for the case."""
    if case.models == 1 and len(case.pools) == 1 and case.patience_s == 0:
        if case.pools[0].billing is Billing.SECOND:
            return Layers(case)
        if case.steps <= MOST_LEASE_STEPS:
            return Leases(case)
    return Buckets(case)
