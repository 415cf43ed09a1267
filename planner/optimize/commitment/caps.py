"""Leases that may reach a monthly cap, and the base nodes that stand in for them. Pure.

A chain charges a lease by its hours, so that one at its cap is cheaper than the chain knows. Such a lease is planned as
a base node: one that does as much for the whole horizon at no more than the cap. That is no loss but for one thing: a
base node takes a place of its count group in all hours, the lease only while it lasts. Plans that save a place that
way, in the hours a month has beyond a cap's, are not looked at; nor are they by the search before launches.
"""

import math
from decimal import Decimal

import numpy as np

from planner.optimize.leases import HOUR_S
from planner.optimize.prepare import lead_time_s
from planner.optimize.problem import BaseOption, BurstOption, Problem
from policies.billing import Billing

MONTH_HOURS = 31 * 24
"""Of the longest calendar month."""
NOISE = Decimal("1e-12")
"""Of the division by a month's hours, in a fee of all of its hours."""


def without_stand_in(problem: Problem) -> str | None:
    """Key of a burst option of which a lease may reach the cap, with no base option to stand in for it."""
    for v, option in enumerate(problem.burst):
        if _cap_may_bind(problem, option) and not _has_stand_in(problem, v):
            return option.key
    return None


def _has_stand_in(problem: Problem, v: int) -> bool:
    """Whether a base option does what a node of the burst option does, for the horizon, at its cap or less."""
    cap = problem.burst[v].offer.fee_usd_month
    assert cap is not None
    return any(
        _is_for_sale(option, cap) and bool(np.all(problem.base_work[:, b] <= problem.burst_work[:, v]))
        for b, option in enumerate(problem.base)
    )


def _is_for_sale(option: BaseOption, at_most_usd: Decimal) -> bool:
    """Whether any number can be rented, for that much at most over the horizon and without egress."""
    usd = option.fee_usd + option.setup_usd
    plenty = option.owned_count is None and option.max_count is None
    return plenty and not option.egress_usd_mtok and usd <= at_most_usd * (1 + NOISE)


def _cap_may_bind(problem: Problem, option: BurstOption) -> bool:
    """Whether a lease over a whole month's part of the horizon, lead times included, would cost its cap or more."""
    if option.offer.billing is not Billing.STARTED_HOUR_CAPPED or option.offer.fee_usd_month is None:
        return False
    lead_s = max(lead_time_s(option.offer, model, problem.policy) for model in problem.models)
    hours = min(problem.hours, MONTH_HOURS) + math.ceil(lead_s / HOUR_S)
    return option.price_usd_hour * hours > option.offer.fee_usd_month
