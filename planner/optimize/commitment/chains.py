"""From a problem and base counts to its chains, and which problems are no sum of chains. Pure."""

import math

import numpy as np

from planner.optimize.commitment.caps import without_stand_in
from planner.optimize.commitment.chain import Chain
from planner.optimize.leases import HOUR_S
from planner.optimize.limits import survival_reserve
from planner.optimize.prepare import lead_time_s
from planner.optimize.problem import Floats, Problem
from policies.billing import Billing
from policies.planning import Sharing

STRAIGHT = frozenset({Billing.SECOND, Billing.STARTED_HOUR, Billing.STARTED_HOUR_CAPPED})
"""Rules by which a lease of whole hours costs so much an hour and so much once, below a monthly cap."""


def why_not(problem: Problem) -> str | None:
    """Why the problem is no sum of chains; None where it is one."""
    policy = problem.policy
    if policy.sharing is Sharing.HOURLY:
        return "base nodes may change model between hours"
    if len(problem.scenarios) > 1:
        return "with several scenarios hours are covered one by one"
    if policy.max_usd_month is not None:
        return "a budget joins all hours"
    if any(option.egress_usd_mtok > 0 for option in problem.base):
        return "base egress depends on which hours the base serves"
    if len({option.count_group for option in problem.burst if option.count_group is not None}) > 1:
        return "burst offers belong to several count groups"
    monthly = [option.key for option in problem.burst if option.offer.billing not in STRAIGHT]
    return f"{monthly[0]} is billed by the month" if monthly else None


def why_no_bound(problem: Problem) -> str | None:
    """Why the chains' bound is none for the problem; None where it is one."""
    alone = without_stand_in(problem)
    if alone is not None:
        return f"a long lease of {alone} may reach its monthly cap, and no base offer costs as little for the horizon"
    return why_not(problem)


def chains_of(problem: Problem, counts: Floats) -> list[Chain]:
    """The chains of base counts (C,): by scenario, and in each by model."""
    target = problem.policy.target_utilization
    asked = problem.has_demand
    with np.errstate(divide="ignore"):
        base_share = np.where(asked[:, None] & (problem.base_work > 0), target / problem.base_work, 0.0)
        burst_share = np.where(asked[:, None] & (problem.burst_work > 0), target / problem.burst_work, 0.0)
    left = asked.astype(np.float64)
    for c, (m, b) in enumerate(problem.base_columns()):
        left[m] -= counts[c] * base_share[m, b]
    reserve = np.zeros(left.shape)
    if problem.policy.survive_base_losses:
        reserve = np.array([survival_reserve(problem, m, counts) for m in range(len(problem.models))])
    egress = problem.burst_egress_usd()
    group = next((o.count_group for o in problem.burst if o.count_group is not None), None)
    limits = {
        "max_count": np.array([math.inf if o.max_count is None else float(o.max_count) for o in problem.burst]),
        "in_group": np.array([group is not None and o.count_group == group for o in problem.burst], dtype=bool),
    }
    return [
        Chain(
            price_usd_hour=problem.burst_cost_usd_hour(),
            launch_usd=launch_usd(problem, m),
            share=burst_share[m][:, cells],
            egress_usd=egress[m][:, cells],
            penalty_usd=problem.unserved_usd[m, cells],
            demand=left[m, cells],
            reserve=reserve[m, cells],
            group_left=np.full(problem.hours, _group_left(problem, counts, group)),
            target_utilization=target,
            **limits,
        )
        for cells in (slice(s * problem.hours, (s + 1) * problem.hours) for s in range(len(problem.scenarios)))
        for m in range(len(problem.models))
    ]


def launch_usd(problem: Problem, m: int) -> Floats:
    """(V,) what a lease for the model costs beyond its hours: its lead time, as billed, and interruptions in it."""
    found = []
    for option in problem.burst:
        lead_s = round(lead_time_s(option.offer, problem.models[m], problem.policy))
        billed_h = lead_s / HOUR_S if option.offer.billing is Billing.SECOND else math.ceil(lead_s / HOUR_S)
        usd = float(option.price_usd_hour) * billed_h + float(option.interruption_usd_hour) * lead_s / HOUR_S
        found.append(usd)
    return np.array(found, dtype=np.float64)


def _group_left(problem: Problem, counts: Floats, group: str | None) -> float:
    if group is None:
        return math.inf
    columns = zip(counts, problem.base_columns(), strict=True)
    based = sum(float(n) for n, (_, b) in columns if problem.base[b].count_group == group)
    return max(problem.group_max[group] - based, 0.0)
