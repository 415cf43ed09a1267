"""Regret: the plan one would have made had the month's traffic been known, against what was paid. Solves one plan.

Both sides are what a plan can decide: leases, egress, and the setup fees of servers ordered in the month, spread over
the policy's tenure. Servers that ran when the month began are owned: their setup fee is sunk, and hindsight may keep or
cancel them at their prices in force. Burst is at what it cost in the month.
"""

from collections.abc import Iterable
from decimal import Decimal

import numpy as np

from planner.case import Case, solve_case
from planner.economics.bill import LeaseCharge
from planner.errors import InputError
from planner.month.demand import Asked
from planner.month.facts import Reckoning
from planner.month.servers import held_at, in_force, is_of_fleet, with_owned
from planner.month.value import Regret
from planner.optimize.walk import Effort
from planner.plan import Plan
from policies.billing import horizon_fee_usd, months_in

ZERO = Decimal(0)
EGRESS_WORDS = ("egress", "traffic", "bandwidth", "data transfer")
"""Other costs that a plan knows too, by what they are called."""


def regret(month: Reckoning, came: Asked | None, effort: Effort | None = None) -> tuple[Regret | None, tuple[str, ...]]:
    """The regret of the month; or None, and why."""
    if came is None or not month.bill.leases:
        lacking = "usage of a model of the fleet" if came is None else "lease"
        return None, (f"no {lacking} is recorded in the month: nothing to judge in hindsight",)
    facts = month.facts
    ours = [one for one in facts.leases if is_of_fleet(one, facts.fleet)]
    before = held_at((one for one in ours if one.start < facts.start), facts.start, facts.catalog)
    case = Case(
        fleet=with_owned(facts.fleet, before.owned),
        catalog=in_force(facts.catalog, month.bill.leases),
        forecast=came.forecast,
        profiles=facts.profiles,
    )
    try:
        plan = solve_case(case, effort).plan
    except InputError as error:
        return None, (f"no plan in hindsight: {error}",)
    judged = [one for one in month.bill.leases if is_of_fleet(one.lease, facts.fleet)]
    is_over = facts.known_until == facts.end
    actual = sum((_lease_usd(one, is_over=is_over) for one in judged), ZERO)
    actual += _setup_usd(month, judged, plan.policy.tenure_months)
    actual += sum((one.amount_usd for one in month.bill.others if is_egress(one.cost.what)), ZERO)
    remarks = [*came.remarks, *_said(plan, month, is_over=is_over)]
    if before.unknown:
        remarks.append(
            f"{_names(lease.offer for lease in before.unknown)}: not among the catalog's base offers, so "
            "hindsight cannot keep it and plans without"
        )
    return Regret(hindsight=plan, hindsight_usd=plan.bill_usd, actual_usd=actual, remarks=tuple(remarks)), ()


def is_egress(what: str) -> bool:
    """Whether another cost is traffic out of a cloud, by its name."""
    return any(word in what.casefold() for word in EGRESS_WORDS)


def _lease_usd(one: LeaseCharge, *, is_over: bool) -> Decimal:
    """The charge; in a month that is not over, the part of a base fee that belongs to the time held, as a plan's."""
    tariff = one.lease.price.tariff
    if is_over or not one.lease.is_base or tariff.fee_usd_month is None:
        return one.amount_usd
    return horizon_fee_usd(tariff, one.held_from, one.held_until)


def _setup_usd(month: Reckoning, judged: Iterable[LeaseCharge], tenure_months: int) -> Decimal:
    """Setup fees of the month's orders, the part of their tenure that falls into it."""
    span = months_in(month.facts.start, month.facts.known_until)
    share = min(span / tenure_months, Decimal(1))
    return sum((one.setup_usd * share for one in judged), ZERO)


def _said(plan: Plan, month: Reckoning, *, is_over: bool) -> list[str]:
    said = []
    if not is_over:
        said.append(
            f"the month is not over: its first {month.facts.past_hours} hours are judged, base fees by the time held"
        )
    if month.bill.setup_usd or plan.cost.setup_usd:
        said.append(
            f"setup fees of servers ordered in the month count one of {plan.policy.tenure_months} months on both "
            "sides; those paid before are sunk"
        )
    hot = _hot_hours(month, plan.policy.target_utilization)
    if hot:
        said.append(
            f"in {hot} hours nodes were busier than the {plan.policy.target_utilization:.0%} the policy plans for; the "
            "plan in hindsight keeps to it, so it may cost more than was paid"
        )
    if plan.unserved_ratio > plan.policy.max_unserved_ratio:
        said.append(f"the plan in hindsight leaves {plan.unserved_ratio:.2%} of tokens unserved")
    return said


def _hot_hours(month: Reckoning, target: float) -> int:
    """Hours in which the fleet was busier than the policy plans for."""
    used = month.hours.fleet_utilization[: month.facts.past_hours]
    return int((used[~np.isnan(used)] > target + 1e-9).sum())


def _names(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
