"""Delay: estimated time to first token over the tokens served, in a histogram of fixed size. Pure.

The estimate of one token is the wait in the queue plus the measured curve's 95th percentile at the concurrency that the
utilization implies: a node's own spread is taken at its far end, so the median is an upper estimate.
"""

from collections.abc import Sequence
from math import log10

from autoscaler.replay.result import Delay
from planner.profile.curve import Curve
from planner.profile.rated import at_concurrency

PER_DECADE = 40
"""Bins per factor of ten: a delay is known to 3 % of itself."""
_SHORTEST_S = 1e-3
_DECADES = 9
_BINS = PER_DECADE * _DECADES + 2
"""One for no delay at all, one for each step, and the last for what is longer than the longest."""
_STEPS = 100
"""Utilizations a curve is read at in advance."""


class Histogram:
    """Tokens by delay. Adding is cheap and the size does not grow."""

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens = [0.0] * _BINS

    def add(self, tokens: float, delay_s: float) -> None:
        """Counts tokens that all waited `delay_s`."""
        self.tokens[bin_of(delay_s)] += tokens

    def add_between(self, tokens: float, first_s: float, last_s: float) -> None:
        """Counts tokens whose delays run evenly from `first_s` to `last_s`."""
        low, high = bin_of(first_s), bin_of(last_s)
        parts = min(abs(high - low) + 1, 16)
        step = (last_s - first_s) / parts
        for part in range(parts):
            self.tokens[bin_of(first_s + (part + 0.5) * step)] += tokens / parts

    def take(self, other: "Histogram") -> None:
        """Adds what the other counted."""
        self.tokens = [mine + theirs for mine, theirs in zip(self.tokens, other.tokens, strict=True)]

    def percentile_s(self, share: float) -> float | None:
        """The delay that `share` of the tokens did not exceed; None: nothing was counted."""
        total = sum(self.tokens)
        if total <= 0:
            return None
        rest = share * total
        for index, tokens in enumerate(self.tokens):
            if tokens > 0 and rest <= tokens:
                return _within(index, rest / tokens)
            rest -= tokens
        return _within(max(index for index, tokens in enumerate(self.tokens) if tokens > 0), 1.0)

    def delay(self) -> Delay:
        """The three percentiles a report shows."""
        return Delay(p50_s=self.percentile_s(0.5), p95_s=self.percentile_s(0.95), p99_s=self.percentile_s(0.99))


def bin_of(delay_s: float) -> int:
    """Index of the bin that holds a delay."""
    if delay_s < _SHORTEST_S:
        return 0
    return min(int(log10(delay_s / _SHORTEST_S) * PER_DECADE) + 1, _BINS - 1)


def ttft_by_utilization(curve: Curve | None, rated_concurrency: float | None) -> Sequence[float]:
    """Time to first token (p95, seconds) of a node busy 0 %, 1 % … 100 %; without a curve 0.

    A node at utilization u has u times the concurrency of its rated point in flight.
    """
    if curve is None:
        return [0.0] * (_STEPS + 1)
    rated = curve.points[-1].concurrency if rated_concurrency is None else rated_concurrency
    points = [at_concurrency(curve, rated * step / _STEPS) for step in range(_STEPS + 1)]
    return [((point.ttft_p95_ms or point.ttft_ms) or 0.0) / 1000 for point in points]


def step_of(utilization: float) -> int:
    """Index into `ttft_by_utilization`."""
    return _STEPS if utilization >= 1 else int(utilization * _STEPS + 0.5)


def _within(index: int, share: float) -> float:
    """The delay at `share` of a bin, evenly in the logarithm."""
    return 0.0 if index == 0 else float(_SHORTEST_S * 10 ** ((index - 1 + share) / PER_DECADE))
