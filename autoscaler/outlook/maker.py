"""OutlookMaker: measured demand in, Outlook out. Pure: no clock, no chance; equal measurements, equal outlook.

How much capacity is worth having: a node is worth its price where the chance that demand exceeds what the others carry
is high enough, and that chance is the same at every instant (the newsvendor's rule). So the margin is a quantile of
what may come: wide after a kink or in a wild hour, narrow in a calm one. Which quantile meets `max_unserved_ratio` is
steered by what went unserved so far.
"""

from collections import deque
from math import exp
from statistics import NormalDist

from autoscaler.outlook.budget import Budget
from autoscaler.outlook.exceeded import level_exceeded, rise_in_sds
from autoscaler.outlook.margin import BY_SECOND, Margin
from autoscaler.outlook.season import Season
from autoscaler.outlook.trend import Trend, TrendModel
from autoscaler.outlook.value import Outlook
from policies.units import SECONDS_PER_DAY

_FIRST_INTERVAL_S = 60.0
_INTERVALS = 16
"""Memory of the interval between observations, in observations."""
_MOST_CHANCE = 0.25
_LONGEST_STEP = 3.0
"""Intervals without a measurement after which a zero before them and one after them are not taken for one idle time."""


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
        margin: Margin = BY_SECOND,
        budget_over_s: float = 28.0 * SECONDS_PER_DAY,
        hold_s: float = 120.0,
        zero_after_s: float = 300.0,
        trend: TrendModel | None = None,
    ) -> None:
        """Nothing is known yet.

        `margin`: of the way the model's nodes are billed. `budget_over_s`: memory of what went unserved. `hold_s`:
        nothing is released that was wanted within it, the margin's reference nodes beyond included. `zero_after_s`:
        once every measurement of so long read nothing, nothing is wanted or kept until one reads something again.
        """
        if lead_time_s <= 0 or not 0 < max_unserved_ratio < 1:
            raise ValueError(
                "expected lead_time_s above 0 and max_unserved_ratio in (0, 1), "
                f"got {lead_time_s} and {max_unserved_ratio}"
            )
        self._lead_time_s = lead_time_s
        self._max_unserved_ratio = max_unserved_ratio
        self._chance = margin.exceeded_per_unserved * max_unserved_ratio
        self._margin = margin
        self._hold_s = hold_s
        self._zero_after_s = max(zero_after_s, hold_s)
        self._trend = Trend(trend or TrendModel())
        self._season = Season(lead_time_s=lead_time_s)
        self._budget = Budget(
            max_unserved_ratio=max_unserved_ratio, over_s=budget_over_s, regains_start=margin.regains_start
        )
        self._wanted: deque[tuple[float, float]] = deque()
        self._interval_s = _FIRST_INTERVAL_S
        self._at_s: float | None = None
        self._first_s = 0.0
        self._idle_since_s: float | None = None
        self._level = 0.0
        self._outlook: Outlook | None = None

    def observe(self, at_s: float, work_nodes: float, unserved_ratio: float | None = None) -> None:
        """Take in one measurement, later than the last: work asked for, in reference nodes busy full time.

        `unserved_ratio`: share of the work since the last observation that was not served; None where unknown.
        """
        if not 0 <= work_nodes < float("inf"):
            raise ValueError(f"work_nodes must be 0 or more, got {work_nodes}")
        if self._at_s is None:
            self._first_s = at_s
        else:
            step_s = at_s - self._at_s
            if step_s > _LONGEST_STEP * self._interval_s:
                self._idle_since_s = None  # nobody knows what was asked for meanwhile
            if step_s <= 0:
                raise ValueError(f"observations must rise in time, got {at_s} s after {self._at_s} s")
            self._interval_s += (min(step_s, 2 * self._interval_s) - self._interval_s) / _INTERVALS
            if unserved_ratio is not None:
                is_start = at_s - self._first_s <= self._lead_time_s
                self._budget.spend(work_nodes * step_s, unserved_ratio, step_s, is_start=is_start)
        if work_nodes > 0:
            self._idle_since_s = None
        elif self._idle_since_s is None:
            self._idle_since_s = at_s
        self._trend.observe(at_s, work_nodes)
        self._season.observe(at_s, work_nodes)
        self._at_s = at_s
        self._outlook = self._look(at_s)

    def outlook(self) -> Outlook | None:
        """What is to come after the last observation; None before the first."""
        return self._outlook

    def _look(self, at_s: float) -> Outlook:
        chance = min(self._chance * self._budget.margin(), _MOST_CHANCE)
        trend, lead_s = self._trend, self._lead_time_s
        next_s = min(self._interval_s, lead_s)
        mean, deviation = trend.spread(next_s)
        soon = max(0.0, mean + deviation * NormalDist().inv_cdf(1 - chance))
        expected = max(0.0, trend.expected(lead_s))
        rise = self._season.rise(at_s, trend.level, expected)
        near = self._wanted[-1][1] + trend.level - self._level if self._wanted else expected
        parts = trend.mixture(lead_s)
        kept = wanted = max(0.0, level_exceeded(parts, chance, near=near)) + rise
        if self._margin.chance_per_rise:
            chance = min(chance * exp(self._margin.chance_per_rise * rise_in_sds(parts, trend.level)), _MOST_CHANCE)
            wanted = max(0.0, level_exceeded(parts, chance, near=wanted - rise)) + rise
        self._level = trend.level
        held = self._wanted
        while held and (held[-1][1] <= kept):
            held.pop()
        held.append((at_s, kept))
        while held[0][0] < at_s - self._hold_s:
            held.popleft()
        if self._idle_since_s is not None and at_s - self._idle_since_s >= self._zero_after_s:
            nothing = (0.0, 0.0)
            return Outlook(
                made_at_s=at_s,
                horizons_s=(next_s, lead_s),
                expected_work=nothing,
                wanted_work=nothing,
                keep_work=0.0,
            )
        return Outlook(
            made_at_s=at_s,
            horizons_s=(next_s, lead_s),
            expected_work=(max(0.0, mean), expected + rise),
            wanted_work=(soon, wanted),
            keep_work=held[0][1] + self._margin.release_margin_work,
        )
