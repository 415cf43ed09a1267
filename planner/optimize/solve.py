"""Solve: run the decomposition, walk the base counts in whole nodes, judge, and read the plan.

The one entry to the optimizer. Which recourse ran, whether the base counts are proven and what separates the total from
its bound stand in the plan.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from planner.errors import InputError, SolverError
from planner.optimize.assemble import Origin, assemble, count_money
from planner.optimize.bill import exact
from planner.optimize.commitment.best_base import LaunchesLeftOutError, why_unproven, with_launches
from planner.optimize.commitment.chains import why_not
from planner.optimize.decompose import Relaxed, column_cost_usd, solve_relaxed
from planner.optimize.foresight import billed_usd, relaxed_optimum, with_reference
from planner.optimize.limits import CountLimits, count_limits
from planner.optimize.loads import pay_loads
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.scenarios import expecting
from planner.optimize.service import dispatch_service, short_probability, solve_service
from planner.optimize.spot_loss import losses_of, with_losses
from planner.optimize.walk import Effort, LaunchEffort, Report, Walk, walk
from planner.optimize.whole import Dispatch
from planner.plan import Plan, SpotLossOutcome
from policies.planning import Aim, SpotLoss

BUDGET_ROUNDS = 10
SMALLEST_BUDGET_USD = Decimal("0.000001")
"""A budget must be above 0; this one buys nothing."""
QUICK = Effort(dispatched_cells=1, boxes=1)
"""While a budget is fitted, the base counts of the relaxed optimum are good enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A plan, and what explaining it can reuse."""

    plan: Plan
    problem: Problem
    limits: CountLimits
    recourse: Recourse
    relaxed: Relaxed
    walk: Walk
    """The base counts before launches: what an explanation compares with."""
    dispatch: Dispatch
    """The plan's own nodes and base counts, with launches where they are part of the optimum."""


def solve(
    prepared: Prepared, origin: Origin, effort: Effort | None = None, on_progress: Report | None = None
) -> Solved:
    """The cheapest plan of a prepared problem, with its proof; one that survives lost spot where the policy says so."""
    effort = effort or Effort()
    if prepared.problem.policy.survive_spot_loss is SpotLoss.NONE:
        return _solve(prepared, origin, effort, on_progress)
    # Both plans alike, so that they can be compared: with futures to survive launches stay outside the optimum.
    plain = _solve(prepared, origin, replace(effort, launches=None), on_progress)
    return _surviving(prepared, plain, origin, effort, on_progress)


def _surviving(prepared: Prepared, plain: Solved, origin: Origin, effort: Effort, on_progress: Report | None) -> Solved:
    """The plan over futures in which spot pools that the plain plan uses are lost, and what that costs."""
    problem, outages = prepared.problem, prepared.spot_outages
    if outages is None:
        raise ValueError("survive_spot_loss needs what is known of outages, spot_outages")
    nodes = plain.walk.best.nodes.sum(axis=(0, 2))
    used = [v for v, option in enumerate(problem.burst) if option.is_spot and nodes[v] > 0]
    if not used:
        remark = (
            f"survive_spot_loss = {problem.policy.survive_spot_loss}: the plan uses no spot, so there is none to lose"
        )
        return replace(plain, plan=replace(plain.plan, remarks=(*plain.plan.remarks, remark)))
    losses = losses_of(problem, used, outages, problem.policy.survive_spot_loss)
    if not losses:
        remark = f"survive_spot_loss = {problem.policy.survive_spot_loss}: the spot of the plan is never interrupted"
        return replace(plain, plan=replace(plain.plan, remarks=(*plain.plan.remarks, remark)))
    risky = with_losses(problem, losses, outages.outage_hours)
    solved = _solve(replace(prepared, problem=risky), origin, effort, on_progress)
    assert solved.plan.uncertainty is not None
    outcome = SpotLossOutcome(
        probability=sum(loss.probability for loss in losses),
        outage_hours=outages.outage_hours,
        pools=tuple(problem.burst[v].key for v in used),
        unaware_usd=plain.plan.total_usd,
        ignored_usd=billed_usd(expecting(risky), plain.walk.best.counts),
        worst_unserved_ratio=max(one.unserved_ratio for one in solved.plan.scenarios),
    )
    return replace(solved, plan=replace(solved.plan, uncertainty=replace(solved.plan.uncertainty, spot_loss=outcome)))


def _solve(prepared: Prepared, origin: Origin, effort: Effort, on_progress: Report | None) -> Solved:
    problem = with_reference(prepared.problem)
    found = _fit_budget(problem, _search(problem, effort, on_progress), on_progress)
    recourse, relaxed, walked = found.recourse, found.relaxed, found.walk
    remarks: tuple[str, ...] = ()
    if effort.launches is not None:
        walked, remarks = _launched(problem, found, effort.launches, on_progress)
    expected = relaxed if recourse.aim.is_expected else relaxed_optimum(expecting(problem))
    paid = pay_loads(problem, walked.best)
    changes = f"base nodes change model {paid.changes} times while busy; their load time is paid"
    plan = assemble(
        problem=problem,
        relaxed=relaxed,
        expected=expected,
        walk=walked,
        dispatch=paid.dispatch,
        marginal_usd=recourse.marginal_usd(walked.best.counts),
        rejected=prepared.rejected,
        origin=origin,
        recourse_name=recourse.name,
        remarks=prepared.remarks + ((changes,) if paid.changes else ()) + remarks + _remarks(problem),
    )
    if prepared.owned_unused:
        changes_of = plan.owned_changes
        cancel = {**changes_of.cancel, **prepared.owned_unused}
        plan = replace(plan, owned_changes=replace(changes_of, cancel=cancel))
    return Solved(
        plan=plan,
        problem=problem,
        limits=found.limits,
        recourse=recourse,
        relaxed=relaxed,
        walk=found.walk,
        dispatch=walked.best,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    limits: CountLimits
    recourse: Recourse
    relaxed: Relaxed
    walk: Walk


def _launched(
    problem: Problem, found: _Found, effort: LaunchEffort, on_progress: Report | None
) -> tuple[Walk, tuple[str, ...]]:
    """The walk's end with launches part of the optimum, where they can be.

    Where they were asked for and cannot, or no bound is known with them: why.
    """
    walked, budget = found.walk, problem.budget_usd
    # What is the best without a budget, and within it, is the best with it.
    free = replace(problem, policy=replace(problem.policy, max_usd_month=None))
    apart = why_apart(free, effort)
    if apart is not None:
        return walked, (f"launches stay outside the optimum: {apart}",) if effort.is_asked else ()
    unbound = why_unproven(free, walked.best.counts)
    try:
        launched = with_launches(free, found.limits, walked, effort, on_progress)
        if budget is not None and _bill_usd(free, launched) > Decimal(budget):
            raise LaunchesLeftOutError("the best plan with them is beyond the budget")
    except LaunchesLeftOutError as error:
        return walked, (f"launches stay outside the optimum: {error}",) if effort.is_asked else ()
    remark = f"base counts and the lower bound are those before launches: {unbound}"
    return _cheaper(problem, walked, launched), (remark,) if effort.is_asked and unbound is not None else ()


def _cheaper(problem: Problem, walked: Walk, launched: Walk) -> Walk:
    """The one that is billed less; where leases may reach a monthly cap the optimum of launches does not know of it."""
    totals = [count_money(problem, one.best).total_usd for one in (walked, launched)]
    return launched if totals[1] <= totals[0] else walked


def why_apart(problem: Problem, effort: LaunchEffort) -> str | None:
    """Why launches stay overhead of the hours' own cover, where they are to be part of the optimum; None: they are."""
    if len(problem.models) * problem.cells > effort.cells:
        return f"the horizon has more than {effort.cells:,} hours over all models"
    return why_not(problem)


def _search(problem: Problem, effort: Effort, on_progress: Report | None) -> _Found:
    """The best whole-node base counts. A budget is looked at only where the best plan without one exceeds it."""
    if problem.policy.max_usd_month is not None:
        count_limits(problem)  # says what is wrong if the budget cannot even hold the minimum counts
        free = replace(problem, policy=replace(problem.policy, max_usd_month=None))
        found = _search(free, effort, on_progress)
        if _bill_usd(problem, found.walk) <= problem.policy.max_usd_month * problem.months:
            return found
    return _walk(problem, effort, on_progress)


def _walk(problem: Problem, effort: Effort, on_progress: Report | None) -> _Found:
    service = problem.policy.aim is Aim.SERVICE
    if problem.budget_usd is not None and (len(problem.scenarios) > 1 or service) and not _is_expected(problem):
        raise InputError(
            f"[policy] max_usd_month: a budget is for the expected bill and goes with aim = expected only; "
            f"got aim = {problem.policy.aim}"
        )
    limits, recourse = count_limits(problem), Recourse(problem)
    relaxed = solve_relaxed(problem, recourse, limits)
    walked = walk(problem, recourse, limits, relaxed, effort, on_progress)
    if service and short_probability(problem, walked.best.unserved) > problem.policy.max_short_probability + 1e-12:
        # The cheapest plan is short too often. Where it is not, it is the cheapest that is not, too.
        kept = solve_service(problem, limits)
        relaxed, walked = kept.relaxed, dispatch_service(problem, kept)
    return _Found(limits=limits, recourse=recourse, relaxed=relaxed, walk=walked)


def _is_expected(problem: Problem) -> bool:
    return problem.policy.aim is Aim.EXPECTED


def _fit_budget(problem: Problem, found: _Found, on_progress: Report | None) -> _Found:
    """Lead times and started hours cost more than the hours themselves: a smaller budget for the hours, until all fits.

    The hours' budget is bisected between what fits and what does not; the plan of least total among those that fit is
    taken. The bounds stay those of the budget as given, which any plan within it obeys. At the low end there is no
    burst, only the minimum counts, so a plan within the budget always exists.
    """
    budget = problem.policy.max_usd_month
    if budget is None or _bill_usd(problem, found.walk) <= budget * problem.months:
        return found
    allowed = budget * problem.months
    least = exact(float(column_cost_usd(problem) @ found.limits.lower)) / problem.months + SMALLEST_BUDGET_USD
    low, high = least, budget
    target = max(budget * allowed / _bill_usd(problem, found.walk), least)
    best: tuple[Decimal, Walk] | None = None
    for number in range(BUDGET_ROUNDS):
        if on_progress is not None:
            on_progress("fitting the bill into the budget", number / BUDGET_ROUNDS)
        tight = replace(problem, policy=replace(problem.policy, max_usd_month=target))
        walked = _walk(tight, QUICK, None).walk
        money = count_money(problem, pay_loads(problem, walked.best).dispatch)
        if money.bill_usd <= allowed:
            low = target
            if best is None or money.total_usd < best[0]:
                best = (money.total_usd, walked)
        else:
            high = target
        if best is not None and high - low <= budget / 200:
            break
        target = least if number == BUDGET_ROUNDS - 2 and best is None else (low + high) / 2
    if best is None:
        raise SolverError("no plan within the budget was found, though one without burst exists")
    return replace(found, walk=replace(best[1], bound_usd=found.walk.bound_usd, is_proven=False))


def _bill_usd(problem: Problem, walked: Walk) -> Decimal:
    return count_money(problem, pay_loads(problem, walked.best).dispatch).bill_usd


def _remarks(problem: Problem) -> tuple[str, ...]:
    """What a reader should know: a penalty so low that leaving demand unserved beats an offer."""
    remarks = []
    if problem.policy.max_usd_month is not None and problem.budget_usd is not None:
        remarks.append(
            f"budget of {problem.policy.max_usd_month} USD a month: {problem.budget_usd:,.2f} USD for these "
            f"{problem.hours} hours ({problem.months:.3f} months); what it cannot pay for is left unserved"
        )
    if problem.policy.aim in {Aim.CVAR, Aim.REGRET} and len(problem.scenarios) == 1:
        remarks.append(f"aim {problem.policy.aim} makes no difference: the forecast has one scenario")
    target = problem.policy.target_utilization
    for m, model in enumerate(problem.models):
        cost = problem.burst_work[m] * (problem.burst_cost_usd_hour()[:, None] / target)
        dear = np.isfinite(cost) & problem.has_demand[m] & (cost > problem.unserved_usd[m])
        for v in np.flatnonzero(dear.any(axis=1)):
            penalty = model.unserved_usd_mtok or problem.policy.unserved_usd_mtok
            remarks.append(
                f"{problem.burst[v].key}: in some hours a million tokens of {model.name} cost more here than the "
                f"penalty of {Decimal(penalty)} USD for leaving them unserved"
            )
    return tuple(remarks)
