"""A plan as series over its hours: demand, who serves it, base capacity, nodes. Pure: rearranges, decides nothing.

Two measures: tok/s (input + output), which people know, and work in nodes, which a node's capacity is constant in.
Work is counted in nodes of each model's reference offer, the one that serves most of its tokens.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from planner.dispatch import Rented, served_shares, work_nodes
from planner.plan import HourDetail, ModelHour, Plan

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Demand and who serves it, in one unit; H hours."""

    demand: Floats
    served: dict[str, Floats]
    """By offer, base offers first, those that serve most before others."""
    unserved: Floats
    base_capacity: Floats
    """What the base can serve at target utilization; NaN in an hour without demand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSeries:
    """The hours of a plan's shown scenario, as arrays of H values."""

    hours: tuple[datetime, ...]
    tok_s: Measure
    work_nodes: Measure
    references: dict[str, str]
    """Model -> offer whose nodes its work is counted in."""
    nodes: dict[str, NDArray[np.int64]]
    """Rented nodes by offer: base as rented for the horizon, burst as dispatched."""
    base: tuple[str, ...]
    """Which of the offers are base."""

    def served_ratio(self, offer: str) -> float:
        """Share of all tokens that the offer serves."""
        total = float(self.tok_s.demand.sum())
        return float(self.tok_s.served[offer].sum()) / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Cell:
    """One model in one hour."""

    hour: int
    model: str
    tok_s: float
    work: dict[str, float]
    shares: dict[str, float]
    unserved: float
    base: dict[str, int]


def plan_series(plan: Plan) -> PlanSeries:
    """The series of the plan's shown scenario."""
    cells = [
        cell
        for index, hour in enumerate(plan.hours_detail)
        for model, part in hour.by_model.items()
        if (cell := _cell(plan, index, model, part)) is not None
    ]
    references = _references(cells)
    used = _used(plan, cells)
    target = plan.policy.target_utilization
    length = len(plan.hours_detail)
    work = [cell.work.get(references[cell.model], 0.0) for cell in cells]
    return PlanSeries(
        hours=tuple(hour.hour for hour in plan.hours_detail),
        tok_s=_measure(length, cells, [cell.tok_s for cell in cells], used, target),
        work_nodes=_measure(length, cells, work, used, target),
        references=references,
        nodes={offer: _nodes(plan, offer) for offer in used},
        base=tuple(offer for offer in used if plan.offers[offer].role == "base"),
    )


def _cell(plan: Plan, index: int, model: str, part: ModelHour) -> _Cell | None:
    """The model's hour; None where nothing is asked for."""
    tok_s = part.input_tok_s + part.output_tok_s
    if tok_s <= 0:
        return None
    terms = plan.models[model]
    work = {
        offer: work_nodes(part.input_tok_s, part.output_tok_s, terms.cache_hit_ratio, rates)
        for offer, rates in terms.rates.items()
    }
    rented = [
        Rented(
            offer=offer,
            is_base=offered.role == "base",
            nodes=count,
            work_nodes=work[offer],
            egress_usd_mtok=float(offered.egress_usd_mtok),
            rate_usd_hour=float(offered.rate_usd_hour or 0),
        )
        for offer, offered in plan.offers.items()
        if offer in work and (count := part.base.get(offer, 0) + part.burst.get(offer, 0))
    ]
    shares = served_shares(
        rented, target_utilization=plan.policy.target_utilization, unserved_ratio=part.unserved_ratio
    )
    base = {pool.offer: pool.nodes for pool in rented if pool.is_base}
    return _Cell(index, model, tok_s, work, shares, part.unserved_ratio, base)


def _references(cells: list[_Cell]) -> dict[str, str]:
    """Model -> the offer that serves most of its tokens; the first that could where nothing is served."""
    tokens: dict[str, dict[str, float]] = {}
    for cell in cells:
        by_offer = tokens.setdefault(cell.model, dict.fromkeys(cell.work, 0.0))
        for offer, share in cell.shares.items():
            by_offer[offer] += share * cell.tok_s
    return {model: max(by_offer, key=lambda o: by_offer[o], default="") for model, by_offer in tokens.items()}


def _used(plan: Plan, cells: list[_Cell]) -> list[str]:
    """Offers that are rented, base first, each kind by tokens served."""
    tokens: dict[str, float] = {offer: 0.0 for offer, count in plan.base.items() if count}
    for hour in plan.hours_detail:
        tokens.update({offer: 0.0 for offer, count in hour.burst.items() if count and offer not in tokens})
    for cell in cells:
        for offer, share in cell.shares.items():
            tokens[offer] = tokens.get(offer, 0.0) + share * cell.tok_s
    return sorted(tokens, key=lambda offer: (plan.offers[offer].role != "base", -tokens[offer], offer))


def _measure(length: int, cells: list[_Cell], size: list[float], used: list[str], target: float) -> Measure:
    """Sums over models of each cell's `size`, split by who serves it."""
    demand, unserved, capacity = np.zeros(length), np.zeros(length), np.full(length, np.nan)
    served = {offer: np.zeros(length) for offer in used}
    for cell, amount in zip(cells, size, strict=True):
        demand[cell.hour] += amount
        unserved[cell.hour] += cell.unserved * amount
        for offer, share in cell.shares.items():
            served[offer][cell.hour] += share * amount
        room = sum(target * count / cell.work[offer] for offer, count in cell.base.items() if cell.work[offer] > 0)
        capacity[cell.hour] = np.nansum([capacity[cell.hour], room * amount])
    return Measure(demand=demand, served=served, unserved=unserved, base_capacity=capacity)


def _nodes(plan: Plan, offer: str) -> NDArray[np.int64]:
    def count(hour: HourDetail) -> int:
        return plan.base.get(offer, 0) if plan.offers[offer].role == "base" else hour.burst.get(offer, 0)

    return np.array([count(hour) for hour in plan.hours_detail], dtype=np.int64)
