"""What a month costs by its traffic, for break-even: of a spend, a plan, a quoted machine, a scenario. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from planner.economics.breakeven import TrafficCost, linear_cost
from planner.economics.load import PlanLoad
from planner.economics.profit import SECONDS, ProfitScenario
from planner.economics.spend import Spend, SpendBasis
from planner.economics.true_cost import TrueCost, true_cost
from planner.economics.unit import exact
from planner.plan import Plan
from policies.hidden import HiddenCost
from policies.units import TOKENS_PER_MTOK

ZERO = Decimal(0)
FACTORS = tuple(step / 20 for step in range(61))
"""Loads at which cost is taken: up to three times the traffic there is, in twentieths of it."""
STEP = 1.05
"""From one load to the next beyond them."""

Points = Sequence[tuple[Decimal, Decimal]]
"""(million tokens, USD), rising."""


def constant_cost(spend: Spend, hidden: Sequence[HiddenCost] = ()) -> TrafficCost:
    """The month's cost as if none of it grew with traffic: the guide's view."""
    cost = _monthly(spend, hidden)
    return linear_cost(cost[0] + cost[1] * _mtok_month(spend), ZERO, note="all cost held constant")


def growing_cost(spend: Spend, hidden: Sequence[HiddenCost] = ()) -> TrafficCost:
    """Fixed lines once, growing ones per million tokens; a quoted machine serves no more than its rate allows."""
    fixed, growing = _monthly(spend, hidden)
    capacity = capacity_mtok(spend)
    note = "fixed lines, and growing ones in proportion to traffic"
    if capacity is not None:
        note += ", up to what the machine serves"
    return linear_cost(fixed, growing, capacity_mtok=capacity, note=note)


def plan_cost(plan: Plan, spend: Spend, hidden: Sequence[HiddenCost] = ()) -> TrafficCost:
    """A plan's cost by load: base fees first, burst where its hours outgrow the base, hidden lines beside.

    Its hours keep their shape. Where the base is full in every hour and all is still served, the last slope goes on.
    """
    months = spend.months
    load = PlanLoad(plan)
    points: list[tuple[Decimal, Decimal]] = []
    is_full = False
    for factor in loads_until(load.full_factor):
        at = load.at(factor)
        mtok = at.mtok / months
        if not points or mtok > points[-1][0]:
            points.append((mtok, at.cost_usd / months))
        if at.unserved_ratio > 0 and factor > 1:
            is_full = True
            break
    beyond = None if is_full or len(points) < 2 else last_slope(points)
    note = "the plan's cost by load: base first, then burst by the hour"
    return with_hidden(TrafficCost(points=tuple(points), beyond_usd_mtok=beyond, note=note), spend, hidden)


def loads_until(full_factor: float) -> tuple[float, ...]:
    """Loads, multiples of the traffic there is, up to twice the one at which the base is full in every hour."""
    loads = list(FACTORS)
    while loads[-1] < 2 * full_factor:
        loads.append(loads[-1] * STEP)
    return tuple(loads)


def last_slope(points: Points) -> Decimal:
    """USD per further million tokens over the upper half of the traffic, where the base of `loads_until` is full."""
    last, last_usd = points[-1]
    half, half_usd = next(point for point in points if 2 * point[0] >= last)
    return (last_usd - half_usd) / (last - half)


def with_hidden(cost: TrafficCost, spend: Spend, hidden: Sequence[HiddenCost]) -> TrafficCost:
    """A month's direct cost by traffic with the hidden lines beside it, fixed ones once, growing ones by traffic."""
    if not hidden:
        return cost
    fixed, growing = _hidden(true_cost(spend, hidden))
    return TrafficCost(
        points=tuple((mtok, usd + fixed + growing * mtok) for mtok, usd in cost.points),
        beyond_usd_mtok=None if cost.beyond_usd_mtok is None else cost.beyond_usd_mtok + growing,
        note=cost.note,
    )


def scenario_costs(scenario: ProfitScenario) -> tuple[TrafficCost, TrafficCost]:
    """A scenario's cost with burst held at its budget, and with burst growing from where the servers are full."""
    budget = sum((one.budget_usd_month for one in scenario.bursts), ZERO)
    constant = linear_cost(scenario.standing_usd + budget, ZERO, note="burst held at its budget")
    owned = scenario.owned_tok_s * SECONDS / TOKENS_PER_MTOK
    burst = scenario.cheapest_burst
    points = [(ZERO, scenario.standing_usd)]
    if owned:
        points.append((owned, scenario.standing_usd))
    note = "servers up to full load, every hour alike"
    if burst is not None:
        note += f", then {burst.name} at full load"
    return constant, TrafficCost(
        points=tuple(points), beyond_usd_mtok=None if burst is None else burst.usd_mtok, note=note
    )


def capacity_mtok(spend: Spend) -> Decimal | None:
    """What a quoted machine serves in a month at full load; None: a plan or a month, or no rate is known."""
    if spend.basis is not SpendBasis.QUOTE or len(spend.models) != 1:
        return None
    (model,) = spend.models
    if not model.utilization:
        return None
    return _mtok_month(spend) / exact(model.utilization)


def _monthly(spend: Spend, hidden: Sequence[HiddenCost]) -> tuple[Decimal, Decimal]:
    """(USD a month that stands still, USD per million tokens that grows)."""
    cost = true_cost(spend, hidden)
    if not cost.months > 0:
        raise ValueError("the span has no length, so no month's cost is known")
    fixed = sum((row.amount_usd for row in cost.rows if not row.grows_with_traffic), ZERO) / cost.months
    growing = sum((row.usd_mtok or ZERO for row in cost.rows if row.grows_with_traffic), ZERO)
    return fixed, growing


def _hidden(cost: TrueCost) -> tuple[Decimal, Decimal]:
    rows = [row for row in cost.rows if row.is_hidden]
    fixed = sum((row.usd_month or ZERO for row in rows if not row.grows_with_traffic), ZERO)
    return fixed, sum((row.usd_mtok or ZERO for row in rows if row.grows_with_traffic), ZERO)


def _mtok_month(spend: Spend) -> Decimal:
    return exact(spend.tokens) / TOKENS_PER_MTOK / spend.months
