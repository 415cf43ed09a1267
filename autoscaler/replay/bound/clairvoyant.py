"""The clairvoyant bound: no controller pays less at the same share served. Which method, and what each proves. Pure.

- One pool by the second, one model, no waiting: whole nodes in layers (layers.py). Exact at 100 % served.
"""

from autoscaler.replay.bound.case import BoundCase
from autoscaler.replay.bound.layers import Layers
from autoscaler.replay.bound.lines import SAFETY_RATIO
from policies.billing import Billing


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
        if not has_whole_layers(case):
            raise ValueError("a bound needs one model, one pool billed by the second, and no waiting")
        self._burst = Layers(case)

    @property
    def least_unserved_ratio(self) -> float:
        """Share that even perfect foresight leaves unserved; below it the bound is inf."""
        return self._burst.least_unserved_tokens / self._tokens if self._tokens > 0 else 0.0

    def usd(self, unserved_ratio: float) -> float:
        """A lower bound on every bill that leaves at most that share unserved, base included; inf: nobody can."""
        if not 0 <= unserved_ratio <= 1:
            raise ValueError(f"unserved_ratio must be in [0, 1], got {unserved_ratio}")
        return self._case.base_usd + self._burst.usd(unserved_ratio * self._tokens) * (1 - SAFETY_RATIO)


def has_whole_layers(case: BoundCase) -> bool:
    """Whether the fleet falls apart into layers: one model, one pool by the second, work served at once."""
    one = case.models == 1 and len(case.pools) == 1 and case.patience_s == 0
    return one and case.pools[0].billing is Billing.SECOND
