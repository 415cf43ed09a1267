"""By how much an option would have to be cheaper to be chosen. Pure.

In whole nodes: a plan P that uses u of the option (nodes, or expected node-hours) is as cheap as the best plan once the
price is (total(P) - best) / u lower, so the answer is the least of these ratios over all plans. From a plan at hand the
search goes down: solve at the price cut of the best ratio known; either no plan beats the best one there, which is the
proof, or one does and its ratio is lower (Dinkelbach's method; two or three solves).
In fractions of nodes, where whole nodes take too long: the dual of the relaxation, confirmed by solving the relaxation
on both sides of it, or found by bisection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from planner.explain.effort import Meter, dispatch_units, examine_units, price_units, relaxed_units
from planner.explain.price import Option, cheaper, columns_of, nodes_used
from planner.optimize.decompose import column_cost_usd, solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.merit import burst_cost_of_share
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.solve import Solved
from planner.optimize.walk import Effort, Walk, walk
from planner.optimize.whole import Dispatch, WholeNodes

SAME = 1e-8
"""Totals closer than this ratio are equal."""
NEARLY_FREE = 0.999
"""The deepest price cut tried, of the price: a price of 0 would leave counts without a reason."""
SIDE = 0.01
"""A figure of the relaxation is confirmed within this ratio on both sides."""
ROUNDS = 12
LEAST_EXAMINED = 3
"""Base counts a search must have room for."""


class Known(StrEnum):
    """How a price cut is known, in words."""

    PROVEN = "confirmed by re-solving in whole nodes"
    EXAMINED = "re-solved in whole nodes; that less would not do is not proven"
    RELAXED = "of the relaxation, in fractions of nodes; confirmed by re-solving it"
    DUAL = "a dual of the relaxation, in fractions of nodes; not confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The price cut at which an option is chosen."""

    cut_usd: float | None
    """Per node and horizon, or per node-hour; None: not even for a thousandth of its price."""
    known: Known


def in_whole_nodes(solved: Solved, option: Option, meter: Meter) -> Threshold | None:
    """The least price cut that puts the option into the whole-node plan; None if there is no room to find out."""
    problem, best = solved.problem, solved.walk.total_usd
    same = SAME * (1 + abs(best))
    nearest = _nearest_base(solved, option, meter) if option.is_base else _nearest_burst(solved, option, meter)
    cut = NEARLY_FREE * option.price_usd if nearest is None else min(nearest, NEARLY_FREE * option.price_usd)
    seen = nearest is not None and nearest <= cut
    for _ in range(ROUNDS):
        found = _search(solved, cheaper(problem, option, cut), meter)
        if found is None:
            break
        if found.total_usd >= best - same:
            sure = solved.walk.is_proven and found.bound_usd >= best - 100 * same
            return Threshold(cut_usd=cut if seen else None, known=Known.PROVEN if sure else Known.EXAMINED)
        used = nodes_used(problem, option, found.best)
        if used == 0:
            break
        seen = True
        ratio = max(cut + (found.total_usd - best) / (used * option.per_usd), 0.0)
        if ratio >= cut:
            break
        cut = ratio
    return Threshold(cut_usd=cut, known=Known.EXAMINED) if seen else None


def _search(solved: Solved, problem: Problem, meter: Meter) -> Walk | None:
    """The best whole-node plan of a problem like the plan's, as far as the meter goes; None if not far at all."""
    room = int((meter.left - relaxed_units(solved)) / examine_units(solved))
    if room < LEAST_EXAMINED:
        return None
    limits, recourse = count_limits(problem), Recourse(problem)
    relaxed = solve_relaxed(problem, recourse, limits)
    found = walk(problem, recourse, limits, relaxed, Effort(dispatched_cells=room * problem.cells, boxes=2 * room))
    meter.take(min(meter.left, relaxed_units(solved) + len(found.examined) * examine_units(solved)))
    return found


def _nearest_base(solved: Solved, option: Option, meter: Meter) -> float | None:
    """The price cut at which one node more of it, or one in place of another, costs no more than the plan."""
    problem, limits = solved.problem, solved.limits
    counts = solved.walk.best.counts
    cost, whole = column_cost_usd(problem), WholeNodes(problem)
    nearest: float | None = None
    for trial in _with_one_more(problem, option, counts):
        if not limits.allow(trial) or not meter.take(price_units(solved)):
            continue
        level = float(cost @ trial) + solved.recourse.evaluate(trial).value_usd - solved.walk.total_usd
        if (nearest is not None and level >= nearest) or not meter.take(dispatch_units(solved)):
            continue
        more = max(float(cost @ trial) + whole.dispatch(trial).cost_usd - solved.walk.total_usd, 0.0)
        nearest = more if nearest is None else min(nearest, more)
    return nearest


def _with_one_more(problem: Problem, option: Option, counts: Floats) -> list[Floats]:
    """The counts with a node of the option added, and in place of one of another option."""
    trials = []
    for c in columns_of(problem, option):
        added = counts.copy()
        added[c] += 1
        trials.append(added)
        for other in np.flatnonzero(counts > 0):
            if other != c:
                swapped = added.copy()
                swapped[other] -= 1
                trials.append(swapped)
    return trials


def _nearest_burst(solved: Solved, option: Option, meter: Meter) -> float | None:
    """The price cut at which it is on in some hour beside the plan's own base counts."""
    problem, counts = solved.problem, solved.walk.best.counts
    fees = float(column_cost_usd(problem) @ counts)
    free, nearest = NEARLY_FREE * option.price_usd, None
    dual = _dual(solved, option)
    cut = free if dual is None else min(dual * (1 + SIDE), free)
    for _ in range(ROUNDS):
        if not meter.take(dispatch_units(solved)):
            break
        found: Dispatch = WholeNodes(cheaper(problem, option, cut)).dispatch(counts)
        used = nodes_used(problem, option, found)
        if used == 0 and nearest is None and cut < free:
            cut = free
            continue
        if used == 0:
            break
        ratio = max(cut + (fees + found.cost_usd - solved.walk.total_usd) / (used * option.per_usd), 0.0)
        nearest = min(ratio, cut)
        if nearest >= cut * (1 - SAME):
            break
        cut = nearest
    return nearest


# In fractions of nodes.


def in_fractions(solved: Solved, option: Option, meter: Meter) -> Threshold:
    """The least price cut that puts the option into the relaxed optimum; its dual if there is no room to confirm it."""
    dual, free = _dual(solved, option), NEARLY_FREE * option.price_usd
    best = solved.relaxed.total_usd

    def is_chosen(cut_usd: float) -> bool | None:
        if not meter.take(relaxed_units(solved)):
            return None
        problem = cheaper(solved.problem, option, cut_usd)
        total = solve_relaxed(problem, Recourse(problem), count_limits(problem)).total_usd
        return total < best - SAME * (1 + abs(best))

    guess = free if dual is None else min(dual, free)
    unsure = Threshold(cut_usd=guess, known=Known.DUAL)
    low, high = 0.0, free
    above = is_chosen(min(guess * (1 + SIDE), free))
    if above is None:
        return unsure
    if above:
        below = is_chosen(guess * (1 - SIDE)) if guess > 0 else False
        if below is None:
            return unsure
        if not below and guess < free:
            return Threshold(cut_usd=guess, known=Known.RELAXED)
        high = guess * (1 - SIDE) if below else free
    elif guess * (1 + SIDE) >= free or is_chosen(free) is False:
        return Threshold(cut_usd=None, known=Known.RELAXED)
    else:
        low = guess
    return _bisected(low, high, is_chosen, unsure)


def _bisected(low: float, high: float, is_chosen: Callable[[float], bool | None], unsure: Threshold) -> Threshold:
    """The price cut between `low`, not chosen, and `high`, chosen."""
    while high - low > SIDE * high:
        middle = (low + high) / 2
        chosen = is_chosen(middle)
        if chosen is None:
            return unsure
        low, high = (low, middle) if chosen else (middle, high)
    return Threshold(cut_usd=high, known=Known.RELAXED)


def _dual(solved: Solved, option: Option) -> float | None:
    """What the relaxed optimum would cost more with a node of the option, per node or node-hour, or None."""
    problem, counts = solved.problem, solved.relaxed.counts
    if option.is_base:
        cost = column_cost_usd(problem)
        totals = [
            float(cost @ trial) + solved.recourse.evaluate(trial).value_usd
            for trial in _with_one_more(problem, option, counts)
            if solved.limits.allow(trial)
        ]
        return max(min(totals) - solved.relaxed.total_usd, 0.0) if totals else None
    marginal = solved.recourse.marginal_usd(counts)
    dearer = burst_cost_of_share(problem)[:, option.index] - marginal
    share_of_node = problem.policy.target_utilization / problem.burst_work[:, option.index]
    asked = problem.has_demand & np.isfinite(problem.burst_work[:, option.index])
    if not asked.any():
        return None
    return max(float((dearer * share_of_node)[asked].min()) / option.per_usd, 0.0)
