"""The cost curve: USD per million tokens against load, of one node of each offer and of the whole plan. Pure.

One number misleads: a node costs the same idle and full, so a million tokens at a hundredth of its capacity costs a
hundred times as much as at full load.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.dispatch import work_nodes
from planner.economics.load import LoadPoint, PlanLoad
from planner.economics.quote import Machine
from planner.economics.spend import ModelSpend, Spend
from planner.economics.unit import exact
from planner.plan import Plan
from policies.units import MTOK_PER_TOK_S_HOUR

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Loads of a node, share of what it sustains."""
FACTORS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Loads of a plan, multiples of the traffic it serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePoint:
    """One node at one load."""

    load_ratio: float
    """Of what it sustains at full load."""
    tok_s: float
    cost_usd_mtok: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCurve:
    """One node of an offer serving one model at the model's mix."""

    name: str
    """Id of the offer, or the machine quoted."""
    model: str
    price_usd_hour: Decimal
    """A base node's fee and setup over the horizon's hours, or the burst price."""
    capacity_tok_s: float
    """Input and output at full load."""
    is_used: bool = True
    """Whether the plan rents it."""
    points: tuple[NodePoint, ...]

    @property
    def spread_ratio(self) -> Decimal:
        """Dearest over cheapest point: how far one number can mislead."""
        return spread_ratio([point.cost_usd_mtok for point in self.points])


@dataclass(frozen=True, slots=True, kw_only=True)
class HourSpread:
    """The plan's own hours: what a million tokens costs in the cheapest and the dearest of them."""

    least_usd_mtok: Decimal
    most_usd_mtok: Decimal

    @property
    def spread_ratio(self) -> Decimal:
        """Dearest over cheapest hour."""
        return spread_ratio([self.least_usd_mtok, self.most_usd_mtok])


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCurve:
    """All curves of one subject."""

    nodes: tuple[NodeCurve, ...]
    plan: tuple[LoadPoint, ...]
    """Empty where there is no plan."""
    burst_scale: Decimal | None = None
    """What the plan's burst by the rule was multiplied by to meet its bill; None: no plan."""
    hours: HourSpread | None
    """None: no plan, or nothing served."""

    @property
    def plan_spread_ratio(self) -> Decimal | None:
        """Dearest over cheapest load of the plan; None without one, or where a load costs nothing."""
        costs = [point.cost_usd_mtok for point in self.plan if point.cost_usd_mtok]
        return spread_ratio(costs) if costs else None


def spread_ratio(costs_usd_mtok: Sequence[Decimal]) -> Decimal:
    """The largest over the smallest."""
    return max(costs_usd_mtok) / min(costs_usd_mtok)


def node_curve(
    *,
    name: str,
    model: str,
    price_usd_hour: Decimal,
    capacity_tok_s: float,
    egress_usd_mtok: Decimal = Decimal(0),
    is_used: bool = True,
    shares: Sequence[float] = SHARES,
) -> NodeCurve:
    """USD per million tokens = price / (tok/s x 3600) x 1,000,000 at each share of capacity, and egress on top.

    `egress_usd_mtok` is per million tokens of the mix.
    """
    return NodeCurve(
        name=name,
        model=model,
        price_usd_hour=price_usd_hour,
        capacity_tok_s=capacity_tok_s,
        is_used=is_used,
        points=tuple(
            NodePoint(
                load_ratio=share,
                tok_s=share * capacity_tok_s,
                cost_usd_mtok=price_usd_hour / exact(share * capacity_tok_s * MTOK_PER_TOK_S_HOUR) + egress_usd_mtok,
            )
            for share in shares
        ),
    )


def machine_curves(machines: Sequence[Machine]) -> CostCurve:
    """A curve per machine quoted; there is no plan."""
    nodes = tuple(
        node_curve(name=one.name, model=one.name, price_usd_hour=one.price_usd_hour, capacity_tok_s=float(one.tok_s))
        for one in machines
    )
    return CostCurve(nodes=nodes, plan=(), hours=None)


def plan_curves(plan: Plan, spend: Spend, *, factors: Sequence[float] = FACTORS) -> CostCurve:
    """A curve per model and offer of the plan, cheapest at full load first; and the plan's, by multiples of traffic."""
    nodes = [
        curve
        for model in spend.models
        for offer in plan.offers
        if (curve := _offer_curve(plan, model, offer)) is not None
    ]
    order = {model.model: at for at, model in enumerate(spend.models)}
    nodes.sort(key=lambda curve: (order[curve.model], curve.points[-1].cost_usd_mtok, curve.name))
    load = PlanLoad(plan)
    return CostCurve(
        nodes=tuple(nodes), plan=load.curve(factors), burst_scale=load.burst_scale, hours=_hour_spread(plan)
    )


def _offer_curve(plan: Plan, model: ModelSpend, offer: str) -> NodeCurve | None:
    """None where the offer has no rate or the model serves nothing."""
    terms, offered = plan.models[model.model], plan.offers[offer]
    tokens = model.input_tokens + model.output_tokens
    if offer not in terms.rates or tokens <= 0:
        return None
    price = hourly_usd(plan, offer)
    if price is None or price <= 0:  # an owned server whose fee is sunk costs nothing at any load
        return None
    input_part, output_part = model.input_tokens / tokens, model.output_tokens / tokens
    # One token per second of the mix keeps so many nodes busy; the inverse is what one node sustains.
    capacity = 1 / work_nodes(input_part, output_part, terms.cache_hit_ratio, terms.rates[offer])
    return node_curve(
        name=offer,
        model=model.model,
        price_usd_hour=price,
        capacity_tok_s=capacity,
        egress_usd_mtok=offered.egress_usd_mtok * exact(output_part),
        is_used=any(
            hour.by_model[model.model].base.get(offer, 0) or hour.by_model[model.model].burst.get(offer, 0)
            for hour in plan.hours_detail
            if model.model in hour.by_model
        ),
    )


def hourly_usd(plan: Plan, offer: str) -> Decimal | None:
    """Price of a node-hour: a base node's fee and setup over the horizon's hours, or the burst price."""
    terms = plan.offers[offer]
    if terms.role != "base":
        return terms.rate_usd_hour
    if terms.fee_usd_horizon is None:
        return None
    return (terms.fee_usd_horizon + (terms.setup_usd_horizon or Decimal(0))) / plan.hours


def _hour_spread(plan: Plan) -> HourSpread | None:
    """Cost of each hour as dispatched (base spread evenly, burst by the hour) over the tokens it serves."""
    base = (plan.cost.base_fees_usd + plan.cost.setup_usd) / plan.hours
    costs = []
    for hour in plan.hours_detail:
        tok_s = sum(
            (part.input_tok_s + part.output_tok_s) * (1 - part.unserved_ratio) for part in hour.by_model.values()
        )
        burst = sum(
            (count * (plan.offers[o].rate_usd_hour or Decimal(0)) for o, count in hour.burst.items()), Decimal(0)
        )
        if tok_s > 0 and base + burst > 0:
            costs.append((base + burst) / exact(tok_s * MTOK_PER_TOK_S_HOUR))
    return HourSpread(least_usd_mtok=min(costs), most_usd_mtok=max(costs)) if costs else None
