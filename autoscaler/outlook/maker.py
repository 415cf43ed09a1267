"""OutlookMaker: measured demand in, Outlook out. Pure: no clock, no chance; equal measurements, equal outlook.

How much capacity is worth having: a node is worth its price where the chance that demand exceeds what the others carry
is high enough, and that chance is the same at every instant (the newsvendor's rule). So the margin is a quantile of
what may come: wide after a kink or in a wild hour, narrow in a calm one. Which quantile meets `max_unserved_ratio` is
steered by what went unserved so far.
"""

from collections import deque
from dataclasses import dataclass
from math import exp

from autoscaler.outlook.exceeded import level_exceeded
from autoscaler.outlook.trend import Trend, TrendModel
from autoscaler.outlook.value import Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What went unserved of what was asked for, old measurements forgotten."""

    asked: float = 0.0
    unserved: float = 0.0

    def after(self, *, asked: float, unserved_ratio: float, kept: float) -> "Budget":
        """The budget after `asked` more work, of which `unserved_ratio` was not served; `kept` of the past remains."""
        return Budget(
            asked=self.asked * kept + asked,
            unserved=self.unserved * kept + asked * unserved_ratio,
        )


class OutlookMaker:
    """Observes one model's demand and says what is to come within its lead time.

    `lead_time_s` counts from an observation to the first one that a node ordered on it serves. Observations may come at
    any interval, and some may be missing: time passes for the lines of `Trend`, and nothing is taken for zero.
    """

    def __init__(
        self,
        *,
        lead_time_s: float,
        max_unserved_ratio: float,
        exceeded_per_unserved: float = 20.0,
        budget_over_s: float = 5 * 86_400.0,
        hold_s: float = 180.0,
        release_margin_work: float = 0.5,
        trend: TrendModel | None = None,
    ) -> None:
        """Nothing is known yet.

        `exceeded_per_unserved`: chance that demand exceeds capacity at an instant, per share of unserved work.
        `budget_over_s`: memory of what went unserved. `hold_s`, `release_margin_work`: nothing is released that was
        wanted within `hold_s`, and this many reference nodes beyond.
        """
        if lead_time_s <= 0 or not 0 < max_unserved_ratio < 1:
            raise ValueError(
                "expected lead_time_s above 0 and max_unserved_ratio in (0, 1), "
                f"got {lead_time_s} and {max_unserved_ratio}"
            )
        self._lead_time_s = lead_time_s
        self._max_unserved_ratio = max_unserved_ratio
        self._chance = min(exceeded_per_unserved * max_unserved_ratio, _MOST_CHANCE)
        self._budget_over_s = budget_over_s
        self._hold_s = hold_s
        self._release_margin_work = release_margin_work
        self._trend = Trend(trend or TrendModel())
        self._budget = Budget()
        self._wanted: deque[tuple[float, float]] = deque()
        self._interval_s = _FIRST_INTERVAL_S
        self._at_s: float | None = None
        self._outlook: Outlook | None = None

    def observe(self, at_s: float, work_nodes: float, unserved_ratio: float | None = None) -> None:
        """Take in one measurement, later than the last: work asked for, in reference nodes busy full time.

        `unserved_ratio`: share of the work since the last observation that was not served; None where unknown.
        """
        if not 0 <= work_nodes < float("inf"):
            raise ValueError(f"work_nodes must be 0 or more, got {work_nodes}")
        if self._at_s is not None:
            step_s = at_s - self._at_s
            if step_s <= 0:
                raise ValueError(f"observations must rise in time, got {at_s} s after {self._at_s} s")
            self._interval_s += (min(step_s, 2 * self._interval_s) - self._interval_s) / _INTERVALS
            if unserved_ratio is not None:
                self._budget = self._budget.after(
                    asked=work_nodes * step_s,
                    unserved_ratio=unserved_ratio,
                    kept=exp(-step_s / self._budget_over_s),
                )
        self._trend.observe(at_s, work_nodes)
        self._at_s = at_s
        self._outlook = self._look(at_s)

    def outlook(self) -> Outlook | None:
        """What is to come after the last observation; None before the first."""
        return self._outlook

    def _look(self, at_s: float) -> Outlook:
        chance = self._chance * self._thrift()
        last = self._outlook
        horizons_s = (min(self._interval_s, self._lead_time_s), self._lead_time_s)
        expected, wanted = [], []
        for index, ahead_s in enumerate(horizons_s):
            parts = self._trend.mixture(ahead_s)
            total = mean_total = 0.0
            for weight, mean, _ in parts:
                total += weight
                mean_total += weight * mean
            expected.append(max(0.0, mean_total / total))
            near = last.wanted_work[index] if last else expected[-1]
            wanted.append(max(0.0, level_exceeded(parts, chance, near=near)))
        held = self._wanted
        while held and (held[-1][1] <= wanted[-1]):
            held.pop()
        held.append((at_s, wanted[-1]))
        while held[0][0] < at_s - self._hold_s:
            held.popleft()
        return Outlook(
            made_at_s=at_s,
            horizons_s=horizons_s,
            expected_work=tuple(expected),
            wanted_work=tuple(wanted),
            keep_work=held[0][1] + self._release_margin_work,
        )

    def _thrift(self) -> float:
        """Factor of the chance: below 1 when more than may be went unserved, so that the rest of the budget lasts."""
        least = self._max_unserved_ratio * _STEERED_AFTER
        budget = self._budget
        if budget.asked <= 0 or budget.unserved <= least * budget.asked:
            return 1.0
        return max(_LEAST_THRIFT, least * budget.asked / budget.unserved)


_FIRST_INTERVAL_S = 60.0
_INTERVALS = 16
"""Memory of the interval between observations, in observations."""
_MOST_CHANCE = 0.25
_STEERED_AFTER = 0.9
"""Share of the budget that may be spent before margins widen."""
_LEAST_THRIFT = 0.2
