"""What to charge for the month's tokens, and the traffic at which each price would have paid for its fleet. Pure.

Cost against traffic, at f times the month's traffic hour by hour: what does not grow with traffic; the burst that base
nodes at the target utilization leave, sum over hours of max(0, f busy - target x base), in proportion to what burst
cost in the month; and egress times f. It passes through the month's own bill. Without burst in the month it ends where
the busiest hour fills the nodes.
"""

from decimal import Decimal

import numpy as np

from planner.economics.breakeven import TrafficCost, break_even_rows
from planner.economics.market import Market, market_of, size_class
from planner.economics.model_cost import hidden_usd_mtok
from planner.economics.spend import Spend
from planner.economics.tiers import CostPoint, ModelCost, tier_rows
from planner.economics.traffic_cost import last_slope, loads_until, with_hidden
from planner.economics.unit import exact, unit_rows
from planner.month.facts import Floats, Reckoning
from planner.month.hindsight import is_egress
from planner.month.value import BreakEven, PriceRow
from policies.pricing import PricingPolicy
from policies.units import TOKENS_PER_MTOK

ZERO = Decimal(0)


def price_rows(month: Reckoning, spend: Spend) -> tuple[tuple[PriceRow, ...], tuple[str, ...]]:
    """The policy's tiers at each model's cost in the month; and tiers that have no price, said."""
    policy = month.facts.fleet.pricing
    rows: list[PriceRow] = []
    said: list[str] = []
    if not month.bill.leases:
        return (), ()
    costs = {row.model: row.allocation.blended for row in unit_rows(spend)} if spend.models else {}
    market = market_of_month(month, spend)
    reference = policy.reference_usd_mtok if market is None else market.reference_usd_mtok
    beside, why_not = _hidden(policy, spend)
    said += why_not
    for model in spend.models:
        cost = costs[model.model]
        if cost is None or cost <= 0:
            continue
        made_of = ModelCost(
            model=model.model,
            points=(CostPoint(label="", direct_usd_mtok=cost, hidden_usd_mtok=beside),),
            input_tokens=model.input_tokens,
            output_tokens=model.output_tokens,
            input_work_ratio=model.input_work_ratio,
        )
        for row in tier_rows(policy, made_of, reference):
            if row.price is None:
                said.append(f"tier {row.name}: a share of the market, and no reference is given; it has no price here")
                continue
            margin = row.margins[0].true_ratio
            rows.append(
                PriceRow(
                    tier=row.name,
                    model=model.model if len(spend.models) > 1 else None,
                    price_usd_mtok=row.price.price_usd_mtok,
                    input_usd_mtok=None if row.split is None else row.split.input_usd_mtok,
                    output_usd_mtok=None if row.split is None else row.split.output_usd_mtok,
                    margin_ratio=None if margin is None else float(margin),
                )
            )
    return tuple(rows), tuple(dict.fromkeys(said))


def market_of_month(month: Reckoning, spend: Spend) -> Market | None:
    """The market that tiers are shares of, as `baseload price` has it: the first model's class at its mix of tokens.

    None: no tier needs it, no list is at hand, or the policy and the model's name tell no class.
    """
    policy, hosted = month.facts.fleet.pricing, month.facts.hosted
    served = [model for model in spend.models if model.input_tokens + model.output_tokens > 0]
    if hosted is None or not served or all(tier.market_ratio is None for tier in policy.tiers):
        return None
    name = policy.market_class or size_class(served[0].model)
    if name is None:
        return None
    return market_of(
        hosted,
        name,
        input_tokens=exact(served[0].input_tokens),
        output_tokens=exact(served[0].output_tokens),
        quantile=policy.reference_quantile,
        reference_usd_mtok=policy.reference_usd_mtok,
    )


def break_evens(
    month: Reckoning, spend: Spend, rows: tuple[PriceRow, ...]
) -> tuple[tuple[BreakEven, ...], tuple[str, ...]]:
    """The break-even of each price of the table; none where the month is not over or its use is not known."""
    facts = month.facts
    if not rows:
        return (), ()
    if facts.known_until < facts.end:
        return (), ("the month is not over: no break-even is reckoned from a part of its cost",)
    cost = traffic_cost(month, spend)
    if cost is None:
        return (), ("utilization is not known, so no break-even is reckoned",)
    beside, _ = _hidden(facts.fleet.pricing, spend)
    if beside is not None:
        cost = with_hidden(cost, spend, facts.fleet.pricing.hidden)
    prices = sorted({row.price_usd_mtok for row in rows if row.price_usd_mtok > 0})
    return tuple(
        BreakEven(
            price_usd_mtok=row.price_usd_mtok,
            tokens_month=None if row.mtok_month is None else row.mtok_month * TOKENS_PER_MTOK,
            tok_s=row.tok_s,
            why_never=row.why_never,
            until_tokens_month=None if row.until_mtok_month is None else row.until_mtok_month * TOKENS_PER_MTOK,
        )
        for row in break_even_rows(cost, prices)
    ), ()


def _hidden(policy: PricingPolicy, spend: Spend) -> tuple[Decimal | None, list[str]]:
    """The policy's hidden costs per million tokens, or why they are left out."""
    try:
        return hidden_usd_mtok(spend, policy.hidden), []
    except ValueError as error:
        return None, [f"hidden costs of the policy are left out of the prices: {error}"]


def traffic_cost(month: Reckoning, spend: Spend) -> TrafficCost | None:
    """What the month would have cost at other traffic of the same shape; None: use is not known."""
    mtok = exact(spend.tokens) / TOKENS_PER_MTOK
    hours = month.hours
    known = hours.is_measured & ~np.isnan(hours.busy_nodes).any(axis=0)
    if mtok <= 0 or not known.any():
        return None
    busy = hours.busy_nodes[:, known]
    base = hours.nodes[:, [pool.is_base for pool in hours.pools]].sum(axis=1)[:, known]
    burst = sum((one.amount_usd for one in month.bill.leases if not one.lease.is_base), ZERO)
    egress = sum((one.amount_usd for one in month.bill.others if is_egress(one.cost.what)), ZERO)
    target = month.facts.fleet.policy.target_utilization
    needed = _excess(busy, base, target, 1.0)
    fixed = month.bill.bill_usd - egress - (burst if needed > 0 else ZERO)
    if burst and needed > 0:
        points = tuple(
            (
                mtok * exact(factor),
                fixed + egress * exact(factor) + burst * exact(_excess(busy, base, target, factor) / needed),
            )
            for factor in loads_until(_full_factor(busy, base, target))
        )
        return TrafficCost(
            points=points,
            beyond_usd_mtok=last_slope(points),
            note="the month's traffic scaled, burst in proportion to what base nodes leave",
        )
    most = exact(_most(busy, hours.nodes.sum(axis=1)[:, known]))
    return TrafficCost(
        points=((ZERO, fixed), (mtok * most, fixed + egress * most)),
        note="the month's traffic scaled, up to what its nodes serve in the busiest hour",
    )


def _excess(busy: Floats, base: Floats, target: float, factor: float) -> float:
    """Node-hours of work beyond the base nodes at the target."""
    return float(np.maximum(factor * busy - target * base, 0.0).sum())


def _full_factor(busy: Floats, base: Floats, target: float) -> float:
    """The multiple of the traffic from which on the base nodes are at the target in every hour."""
    used = busy > 0
    return float((target * base[used] / busy[used]).max(initial=0.0))


def _most(busy: Floats, nodes: Floats) -> float:
    """What traffic may be multiplied by until some hour fills all nodes."""
    used = busy > 0
    return float((nodes[used] / busy[used]).min()) if used.any() else 1.0
