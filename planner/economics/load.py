"""What a plan costs when the traffic it serves is k times as much: the base stays, burst grows, hours keep their shape.

Pure. An approximation that needs no solver: in every hour of the scenario shown the base serves up to the target, and
what is left is covered with whole nodes of the plan's burst offers in merit order. Launches, started hours, scenarios,
limits shared by several models and shares of pools are not planned anew; burst and egress are scaled so that k = 1
costs exactly the plan's bill. A plan solved anew for k may also rent another base, and is then cheaper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from planner.economics.plan_spend import spend_of_plan
from planner.economics.unit import exact
from planner.plan import ModelTerms, Plan
from policies.units import MTOK_PER_TOK_S_HOUR, TOKENS_PER_MTOK

Floats = NDArray[np.float64]

WHOLE = 1e-9
"""Slack of rounding up to whole nodes: 3.0000000001 nodes are 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPoint:
    """The plan at a multiple of the traffic it serves, over its horizon."""

    factor: float
    tok_s: float
    """Asked for, input and output, mean of the horizon."""
    mtok: Decimal
    """Served."""
    cost_usd: Decimal
    cost_usd_mtok: Decimal | None
    """None: nothing is served."""
    unserved_ratio: float


class PlanLoad:
    """A plan's cost by load; `at` is cheap, so that a curve of many points is too."""

    def __init__(self, plan: Plan) -> None:
        spend = spend_of_plan(plan)
        self._fixed_usd = plan.cost.base_fees_usd + plan.cost.setup_usd
        self._mtok = spend.tokens / TOKENS_PER_MTOK
        self._hours = plan.hours
        self._models = [
            _ModelLoad(plan, name) for name in plan.models if any(name in hour.by_model for hour in plan.hours_detail)
        ]
        covered = [model.cover(1.0) for model in self._models]
        self._burst = _ratio(plan.cost.burst_usd, sum(one.burst_usd for one in covered))
        self._egress = _ratio(plan.cost.egress_usd, sum(one.egress_usd for one in covered))
        self._served_at_1 = 1 - self._unserved_ratio(covered)

    def at(self, factor: float) -> LoadPoint:
        """The plan at `factor` times the traffic it serves."""
        if not factor >= 0:
            raise ValueError(f"factor must be 0 or more, got {factor}")
        covered = [model.cover(factor) for model in self._models]
        burst = exact(sum(one.burst_usd for one in covered)) * self._burst
        egress = exact(sum(one.egress_usd for one in covered)) * self._egress
        unserved = self._unserved_ratio(covered)
        # Expected tokens at k = 1 are the plan's; what is served of k times the demand changes with what is left over.
        asked_mtok = self._mtok / self._served_at_1 if self._served_at_1 > 0 else 0.0
        mtok = exact(asked_mtok * factor * (1 - unserved))
        cost = self._fixed_usd + burst + egress
        return LoadPoint(
            factor=factor,
            tok_s=asked_mtok * factor / (self._hours * MTOK_PER_TOK_S_HOUR),
            mtok=mtok,
            cost_usd=cost,
            cost_usd_mtok=cost / mtok if mtok > 0 else None,
            unserved_ratio=unserved,
        )

    @property
    def full_factor(self) -> float:
        """The multiple of its traffic from which on the base is full in every hour that serves; 0 without base."""
        return max((model.full_factor for model in self._models), default=0.0)

    @property
    def burst_scale(self) -> Decimal:
        """What burst by the rule is multiplied by to be the plan's: how far the rule is from the plan."""
        return self._burst

    def curve(self, factors: Sequence[float]) -> tuple[LoadPoint, ...]:
        """The plan at each factor."""
        return tuple(self.at(factor) for factor in factors)

    def _unserved_ratio(self, covered: "list[_Cover]") -> float:
        asked = sum(one.asked_mtok for one in covered)
        return sum(one.unserved_mtok for one in covered) / asked if asked > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cover:
    """What covering one model's hours takes."""

    burst_usd: float
    egress_usd: float
    asked_mtok: float
    unserved_mtok: float


class _ModelLoad:
    """One model's hours: (H,) demand that the plan serves, and base, (O, H) work on each burst offer."""

    def __init__(self, plan: Plan, name: str) -> None:
        terms = plan.models[name]
        parts = [hour.by_model[name] for hour in plan.hours_detail if name in hour.by_model]
        served = np.array([1 - part.unserved_ratio for part in parts])
        self.input_tok_s = np.array([part.input_tok_s for part in parts]) * served
        self.output_tok_s = np.array([part.output_tok_s for part in parts]) * served
        self.asked_mtok = (self.input_tok_s + self.output_tok_s) * MTOK_PER_TOK_S_HOUR
        self.target = plan.policy.target_utilization
        base = [offer for offer, one in plan.offers.items() if one.role == "base" and offer in terms.rates]
        counts = [[part.base.get(offer, 0) for part in parts] for offer in base]
        self.base_nodes = np.array(counts, dtype=np.float64).reshape(len(base), len(parts))
        self.base_work = self._work(terms, base)
        self.base_egress = np.array([float(plan.offers[offer].egress_usd_mtok) for offer in base])
        self.burst = [
            offer
            for offer, one in plan.offers.items()
            if one.role == "burst" and offer in terms.rates and one.rate_usd_hour is not None
        ]
        self.offers = [plan.offers[offer] for offer in self.burst]
        self.work = self._work(terms, self.burst)
        self.rate = np.array([float(offer.rate_usd_hour or 0) for offer in self.offers])
        self.egress = np.array([float(offer.egress_usd_mtok) for offer in self.offers])
        self.most = np.array([np.inf if one.max_count is None else one.max_count for one in self.offers])
        groups = sorted({one.count_group for one in self.offers if one.count_group is not None})
        none = len(groups)
        of = [none if one.count_group is None else groups.index(one.count_group) for one in self.offers]
        self.group = np.array(of, dtype=np.int64)
        self.room = self._group_room(plan, groups)
        held = _over(self.target * self.base_nodes, self.base_work).sum(axis=0)
        self.full_factor = float(held.max(initial=0.0, where=self.asked_mtok > 0))

    def cover(self, factor: float) -> _Cover:
        """Whole burst nodes over the base at `factor` times the demand, hour by hour."""
        asked = self.asked_mtok * factor
        output_mtok = self.output_tok_s * factor * MTOK_PER_TOK_S_HOUR
        by_base = _over(self.target * self.base_nodes, self.base_work * factor)
        held = by_base.sum(axis=0)
        served = np.minimum(held, 1.0)
        egress = (by_base * self.base_egress[:, None]).sum(axis=0) * _over(served, held) * output_mtok
        left = np.where(asked > 0, 1.0 - served, 0.0)
        burst, burst_egress, unserved = self._burst(left, factor, output_mtok)
        return _Cover(
            burst_usd=float(burst.sum()),
            egress_usd=float(egress.sum() + burst_egress.sum()),
            asked_mtok=float(asked.sum()),
            unserved_mtok=float((unserved * asked).sum()),
        )

    def _burst(self, left: Floats, factor: float, output_mtok: Floats) -> tuple[Floats, Floats, Floats]:
        """Cost, egress and share unserved of each hour.

        Offers are taken in order of their price for the hour's work. The cheapest of these wins: whole nodes of the
        k-th offer for all that the first k - 1, filled with the whole nodes they hold, leave over.
        """
        hours = left.shape[0]
        best, best_egress = np.full(hours, np.inf), np.zeros(hours)
        work = self.work * factor
        price = work * self.rate[:, None] + self.egress[:, None] * output_mtok
        spent, spent_egress, rest = np.zeros(hours), np.zeros(hours), left.copy()
        room = self.room.copy()
        at = np.arange(hours)
        for rank in np.argsort(price, axis=0, kind="stable"):
            exactly = rest * work[rank, at] / self.target
            group = self.group[rank]
            limit = np.minimum(self.most[rank], room[group, at])
            whole = np.ceil(exactly - WHOLE)
            cost = spent + whole * self.rate[rank]
            egress = spent_egress + rest * self.egress[rank] * output_mtok
            wins = (whole <= limit) & (cost + egress < best + best_egress)
            best, best_egress = np.where(wins, cost, best), np.where(wins, egress, best_egress)
            full = np.minimum(np.floor(exactly + WHOLE), limit)
            share = np.minimum(_over(full * self.target, work[rank, at]), rest)
            spent, spent_egress = spent + full * self.rate[rank], spent_egress + share * self.egress[rank] * output_mtok
            rest = rest - share
            room[group, at] -= full
        short = ~np.isfinite(best)
        unserved = np.where(short, np.maximum(rest, 0.0), 0.0)
        return np.where(short, spent, best), np.where(short, spent_egress, best_egress), unserved

    def _group_room(self, plan: Plan, groups: list[str]) -> Floats:
        """(G + 1, H) nodes each group still has for burst beside the base; the last row is of offers without one."""
        room = np.full((len(groups) + 1, len(self.input_tok_s)), np.inf)
        for g, group in enumerate(groups):
            limits = [one.group_max for one in self.offers if one.count_group == group and one.group_max is not None]
            rented = sum(count for offer, count in plan.base.items() if plan.offers[offer].count_group == group)
            if limits:
                room[g] = max(0, min(limits) - rented)
        return room

    def _work(self, terms: ModelTerms, offers: list[str]) -> Floats:
        """(O, H) nodes busy full time with the hour's demand."""
        fresh = self.input_tok_s * (1 - terms.cache_hit_ratio)
        rows = [
            fresh / terms.rates[offer].prefill_tok_s + self.output_tok_s / terms.rates[offer].decode_tok_s
            for offer in offers
        ]
        return np.array(rows).reshape(len(offers), len(fresh))


def _over(part: Floats, whole: Floats) -> Floats:
    """part / whole, 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _ratio(usd: Decimal, approximate: float) -> Decimal:
    """What the approximation is scaled by; 1 where it has nothing to scale."""
    return usd / exact(approximate) if approximate > 0 and usd > 0 else Decimal(1)
