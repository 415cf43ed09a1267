"""The bound as the highest of many lines in the share unserved: how multipliers make one. Pure.

Let cost(x) and unserved(x) be what a controller x pays and leaves unserved. For any price lambda >= 0 of a token,
cost(x) >= min over all controllers of (cost + lambda unserved) - lambda unserved(x): a line below every controller at
its own unserved share, whatever the share. The highest of several lines is below them too, and convex.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAFETY_RATIO = 1e-9
"""Share by which a bound is lowered, so that rounding in floats cannot lift it above what it bounds."""
NEAREST_RATIO = 1e-6
"""Two prices nearer than that are one."""
ROUNDS = 12
POINTS = 8


@dataclass(slots=True)
class Lines:
    """Lagrangian bounds, asked for where they are needed: the highest line at each unserved amount."""

    value: Callable[[Floats], Floats]
    """Least of cost + lambda x unserved for each lambda, USD."""
    least_usd: float
    """A price per token of the order of the cheapest, from which the search starts."""
    _known: dict[float, float] = field(default_factory=dict)

    def usd(self, unserved_tokens: float) -> float:
        """The highest line at that amount, or within rounding of it: max over lambda of value(lambda) - lambda x it.

        value is concave in lambda, so the search closes in on the best lambda seen between its neighbours, until what
        is left to win is within rounding.
        """
        if not self._known:
            self._ask(np.concatenate([[0.0], self.least_usd * np.geomspace(0.25, 4**10, 2 * POINTS)]))
        for _ in range(ROUNDS):
            prices, heights = self._heights(unserved_tokens)
            best = int(np.argmax(heights))
            if best == len(prices) - 1:
                self._ask(prices[best] * np.array([4.0, 64.0, 4096.0]))
                continue
            peaks, most = zip(*(_peak(prices, heights, place) for place in (best - 1, best) if place >= 0), strict=True)
            if max(most) - heights[best] <= SAFETY_RATIO * abs(heights[best]):
                break
            inner = np.linspace(prices[max(best - 1, 0)], prices[best + 1], POINTS)[1:-1]
            self._ask(np.concatenate([inner, peaks]))
        return float(self._heights(unserved_tokens)[1].max())

    def _ask(self, prices: Floats) -> None:
        """Values the prices that are not known; those too near to a known one would only make slopes of rounding."""
        new: list[float] = []
        for price in sorted(prices.tolist()):
            if all(abs(price - known) > NEAREST_RATIO * known for known in [*self._known, *new[-1:]]):
                new.append(price)
        if new:
            self._known.update(zip(new, self.value(np.array(new)).tolist(), strict=True))

    def _heights(self, unserved_tokens: float) -> tuple[Floats, Floats]:
        prices = np.array(sorted(self._known))
        return prices, np.array([self._known[p] for p in prices]) - prices * unserved_tokens


@dataclass(slots=True)
class Tangents:
    """A convex falling function known by value and slope where it was asked for; near those no new value is made."""

    solve: Callable[[float], tuple[float, float]]
    """Value and slope at an amount: the line through it is below the function everywhere."""
    zero_at: float
    """From here on the function is 0."""
    slack_ratio: float
    """Known to that share, a line stands for the value; 0: every value is made."""
    _known: dict[float, tuple[float, float]] = field(default_factory=dict)

    def usd(self, amount: float) -> float:
        """The function's value, or the highest known line where that is at most `slack_ratio` below it."""
        if amount >= self.zero_at:
            return 0.0
        if amount not in self._known:
            line = max((value + slope * (amount - at) for at, (value, slope) in self._known.items()), default=0.0)
            if self.slack_ratio > 0 and self._most(amount) - line <= self.slack_ratio * line:
                return line
            self._known[amount] = self.solve(amount)
        return self._known[amount][0]

    def _most(self, amount: float) -> float:
        """The function is below the chord of the points known on either side."""
        before = [at for at in self._known if at < amount]
        if not before:
            return float("inf")
        left, right = max(before), min((at for at in self._known if at > amount), default=self.zero_at)
        low = self._known[right][0] if right in self._known else 0.0
        return self._known[left][0] + (low - self._known[left][0]) * (amount - left) / (right - left)


def _peak(prices: Floats, heights: Floats, place: int) -> tuple[float, float]:
    """Where a concave function known at some points may be highest between two of them, and how high at most.

    It lies below the lines through the two points to the left and the two to the right, so below their crossing; where
    it is those two lines, as a piecewise linear function between its last kinks is, the crossing is its peak.
    """
    low, high = prices[place], prices[place + 1]
    rise = (heights[place] - heights[place - 1]) / (low - prices[place - 1]) if place > 0 else np.inf
    fall = np.inf
    if place + 2 < len(prices):
        fall = (heights[place + 1] - heights[place + 2]) / (prices[place + 2] - high)
    if not np.isfinite(rise + fall) or rise + fall <= 0:
        return (low + high) / 2, np.inf if rise + fall > 0 else float(max(heights[place], heights[place + 1]))
    at = (heights[place + 1] - heights[place] + rise * low + fall * high) / (rise + fall)
    at = float(min(max(at, low), high))
    return at, float(heights[place] + rise * (at - low))
