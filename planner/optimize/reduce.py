"""Fewer scenarios, and what that can change: a distance of scenarios in dollars, and a bound on the least cost. Pure.

The distance c(i, j) bounds |Q_i(N) - Q_j(N)|, the recourse of two scenarios, for every base count N: what serves j
serves of i the share r = min over options of w(j) / w(i) in every hour with the same nodes; the rest is served by a
burst pool without limits, or left unserved, and egress is paid for what output i has more. Each w is linear in the
hour's input and output, so the least ratio is that of one of the two options that weigh input most and least. Hours do
not depend on one another and cost the same whenever they come, so those of i are held against those of j hour by hour
or in order of size, whichever is nearer. If every scenario's probability goes to the nearest one kept, the least
expected cost moves by at most sum p_i c(i, nearest): Kantorovich's distance of the two distributions. Scenarios to keep
are chosen by fast forward selection (Heitsch and Römisch 2003), then exchanged while that brings them nearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.errors import InputError
from planner.optimize.aim import aim_of
from planner.optimize.bill import exact
from planner.optimize.decompose import CLOSE, column_cost_usd, solve_relaxed
from planner.optimize.foresight import with_reference
from planner.optimize.limits import count_limits
from planner.optimize.merit import burst_cost_of_share
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.plan import Plan, ScenarioReduction
from policies.planning import Aim
from policies.units import MTOK_PER_TOK_S_HOUR

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """Which scenarios stay for which."""

    kept: tuple[int, ...]
    """In rising order."""
    nearest: tuple[int, ...]
    """For each scenario the kept one that stands for it."""
    probability: tuple[float, ...]
    """Of the kept ones; sums to 1."""
    distance_usd: float
    """sum p_i c(i, nearest): no base counts cost more or less than this differently, in expectation."""
    farthest_usd: float
    """The largest c(i, nearest)."""

    def bound_usd(self, problem: Problem) -> float:
        """By how much the least aim may differ from that of all scenarios, burst in fractions of nodes."""
        aim = aim_of(replace(problem, reference_usd=(0.0,) * len(problem.scenarios)))
        if aim.aim is Aim.REGRET:
            return 2 * self.farthest_usd  # a scenario's own optimum moves with it
        if aim.aim is Aim.CVAR:
            return self.distance_usd * (1 - aim.cvar_weight + aim.cvar_weight / (1 - aim.cvar_level))
        return self.distance_usd


def reduce_scenarios(problem: Problem, count: int) -> Reduction:
    """The `count` scenarios that stand best for all, each with the probability of those nearest to it."""
    if problem.budget_usd is not None:
        raise InputError("--reduce-scenarios: a budget (max_usd_month) binds all scenarios together; expected none")
    if problem.policy.aim is Aim.SERVICE:
        raise InputError("--reduce-scenarios: does not go with aim service, whose few scenarios may be those left out")
    if count < 2:
        raise InputError(f"--reduce-scenarios: expected 2 or more, got {count}")
    chance = np.array(problem.probability)
    distance = cost_distance_usd(problem)
    kept = select_forward(distance, chance, min(count, len(chance)))
    nearest = kept[distance[:, kept].argmin(axis=1)]
    reach = distance[np.arange(len(chance)), nearest]
    probability = np.array([chance[nearest == j].sum() for j in kept])
    return Reduction(
        kept=tuple(kept.tolist()),
        nearest=tuple(nearest.tolist()),
        probability=tuple((probability / probability.sum()).tolist()),
        distance_usd=float(chance @ reach),
        farthest_usd=float(reach.max()),
    )


def select_forward(distance: Floats, probability: Floats, count: int) -> Places:
    """Scenarios in rising order that make sum p_i min c(i, chosen) small: added one by one, then exchanged."""
    reach = np.full(len(probability), np.inf)
    kept: list[int] = []
    for _ in range(count):
        trial = probability @ np.minimum(reach[:, None], distance)
        trial[kept] = np.inf
        kept.append(int(trial.argmin()))
        reach = np.minimum(reach, distance[:, kept[-1]])
    while _exchange(distance, probability, kept):
        pass
    return np.array(sorted(kept), dtype=np.int64)


def _exchange(distance: Floats, probability: Floats, kept: list[int]) -> bool:
    """Replaces the kept scenario whose replacement brings all nearest; False where none does."""
    best = float(probability @ distance[:, kept].min(axis=1)) * (1 - CLOSE)
    swap: tuple[int, int] | None = None
    for place in range(len(kept)):
        others = kept[:place] + kept[place + 1 :]
        reach = distance[:, others].min(axis=1, initial=np.inf)
        trial = probability @ np.minimum(reach[:, None], distance)
        if trial.min() < best:
            best, swap = float(trial.min()), (place, int(trial.argmin()))
    if swap is not None:
        kept[swap[0]] = swap[1]
    return swap is not None


def cost_distance_usd(problem: Problem) -> Floats:
    """(S, S) c(i, j) >= |Q_i(N) - Q_j(N)| for every base count N, symmetric, 0 on the diagonal."""
    shape = (len(problem.scenarios), problem.hours)
    sides = [_side(problem, m) for m in range(len(problem.models))]
    by_hour = np.broadcast_to(np.arange(problem.hours), shape)
    by_size = np.argsort(sum(side.rest_usd for side in sides), axis=1, kind="stable")
    one_way = np.minimum(_excess_usd(sides, by_hour), _excess_usd(sides, by_size))
    return np.maximum(one_way, one_way.T)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What one model's part of the distance is made of; all (S, H)."""

    rest_usd: Floats
    """Serving an hour's whole demand on top of anything, or leaving it."""
    weighed: tuple[Floats, ...]
    """Demand in the two mixes that matter."""
    egress_usd: Floats
    """Of serving all of it from the dearest option by egress."""


def _side(problem: Problem, m: int) -> _Side:
    shape = (len(problem.scenarios), problem.hours)
    rest, can_be_left = _rest_usd(problem, m)
    fresh = 1 - problem.models[m].cache_hit_ratio
    mixes = [fresh * rates.decode_tok_s / rates.prefill_tok_s for rates in problem.rates[m].values()]
    if can_be_left or not mixes:
        mixes.append(1.0)  # the penalty counts input and output alike
    egress = [float(o.egress_usd_mtok) for o in problem.base] + [float(o.egress_usd_mtok) for o in problem.burst]
    return _Side(
        rest_usd=rest.reshape(shape),
        weighed=tuple(
            (mix * problem.input_tok_s[m] + problem.output_tok_s[m]).reshape(shape) for mix in (min(mixes), max(mixes))
        ),
        egress_usd=problem.output_tok_s[m].reshape(shape) * (MTOK_PER_TOK_S_HOUR * max(egress, default=0.0)),
    )


def _rest_usd(problem: Problem, m: int) -> tuple[Floats, bool]:
    """(T,) cost of serving a cell's whole demand on top of anything, and whether a best dispatch may leave some."""
    policy, usd = problem.policy, problem.unserved_usd[m]
    if policy.max_pool_share < 1 or policy.max_spot_share < 1 or policy.survive_base_losses > 0:
        return usd, True
    free = [v for v, o in enumerate(problem.burst) if o.max_count is None and o.count_group is None]
    cheapest: Floats = burst_cost_of_share(problem)[m, free].min(axis=0, initial=np.inf)
    return np.minimum(usd, cheapest), bool((cheapest > usd).any())


def _excess_usd(sides: Sequence[_Side], order: Places) -> Floats:
    """(S, S) what scenario i may cost more than j, hours held against each other in the given order (S, H)."""
    size = len(order)
    excess = np.zeros((size, size))
    for side in sides:
        weighed = [np.take_along_axis(work, order, axis=1) for work in side.weighed]
        rest, egress = (np.take_along_axis(usd, order, axis=1) for usd in (side.rest_usd, side.egress_usd))
        for i in range(size):
            served = np.ones(order.shape)
            for work in weighed:
                asked = work[i] > 0
                np.minimum(served, np.where(asked, work / np.where(asked, work[i], 1.0), 1.0), out=served)
            excess[i] += np.einsum("jh,h->j", 1 - served, rest[i])
            if egress.any():
                excess[i] += np.maximum(egress[i] - egress, 0.0).sum(axis=1)
    return excess


def with_reduction(plan: Plan, counts: Floats, whole: Problem, reduction: Reduction) -> Plan:
    """The plan of the kept scenarios with what its base counts (C,) cost over all scenarios, beside the least there is.

    Both in fractions of burst nodes, exact; `whole` is the problem of all scenarios.
    """
    if plan.uncertainty is None:
        return plan
    known = with_reference(whole)
    recourse = Recourse(known)
    least = solve_relaxed(known, recourse, count_limits(known))
    shift = recourse.aim.shift_usd
    paid = float(column_cost_usd(known) @ counts) + recourse.evaluate(counts).value_usd - shift
    outcome = ScenarioReduction(
        scenarios=len(whole.scenarios),
        kept=len(reduction.kept),
        bound_usd=exact(reduction.bound_usd(whole)),
        all_usd=exact(float(max(paid, least.bound_usd - shift))),
        least_usd=exact(float(least.bound_usd - shift)),
    )
    return replace(plan, uncertainty=replace(plan.uncertainty, reduction=outcome))
