"""The options that could be used and were not chosen, each with what it would have to cost. Pure."""

from decimal import ROUND_UP, Decimal

import numpy as np

from planner.explain.effort import Meter, examine_units
from planner.explain.price import Option, columns_of, options
from planner.explain.threshold import LEAST_EXAMINED, Known, Threshold, in_fractions, in_whole_nodes
from planner.optimize.assemble import base_counts
from planner.optimize.loads import pay_loads
from planner.optimize.problem import Problem
from planner.optimize.solve import Solved
from planner.optimize.walk import Report
from planner.plan import Rejected

EXACT = Decimal("0.000001")
BASE_WEIGHT = 3.0
"""Work spent on a base option for one of burst: base is bought by people, and for long."""
MANY_NODES = 100
"""Base nodes from which on fractions tell enough, a node being a percent; searching whole nodes takes minutes there."""


def reject_unchosen(solved: Solved, meter: Meter, on_progress: Report) -> tuple[Rejected, ...]:
    """Every option of the problem that the plan does not use in any hour of any scenario, with the reason."""
    problem = solved.problem
    chosen = chosen_keys(solved)
    unchosen = [option for option in options(problem) if option.key not in chosen]
    rejected = []
    is_short = examine_units(solved) * LEAST_EXAMINED * len(unchosen) < meter.left
    for place, option in enumerate(unchosen):
        on_progress("explaining: what offers not chosen would have to cost", place / len(unchosen))
        ruled_out = _ruled_out(solved, option)
        if ruled_out:
            rejected.append(Rejected(offer=option.key, reason=ruled_out))
            continue
        weights = [BASE_WEIGHT if one.is_base and is_short else 1.0 for one in unchosen[place:]]
        share = Meter(meter.left * weights[0] / sum(weights))
        allowed = share.left
        found = _threshold(solved, option, share)
        meter.take(allowed - share.left)
        cut = None if found.cut_usd is None else Decimal(repr(found.cut_usd)).quantize(EXACT, ROUND_UP)
        reason = _reason(solved, option, found, cut)
        rejected.append(Rejected(offer=option.key, reason=reason, cheaper_by_usd=cut))
    return tuple(rejected)


def chosen_keys(solved: Solved) -> set[str]:
    """Keys of the options that the plan rents, in whatever scenario, or would without launches.

    What an option would have to cost is found without launches: one that is chosen there has no such price.
    """
    problem = solved.problem
    keys: set[str] = set()
    for dispatch in (solved.walk.best, solved.dispatch):
        nodes = pay_loads(problem, dispatch).dispatch.nodes
        keys |= {problem.burst[v].key for v in np.flatnonzero(nodes.any(axis=(0, 2)))}
        keys |= {key for key, count in base_counts(problem, dispatch.counts).items() if count}
    return keys


def _threshold(solved: Solved, option: Option, meter: Meter) -> Threshold:
    """In whole nodes where there is room; a budget couples price and choice, so there in fractions."""
    room = LEAST_EXAMINED * examine_units(solved)
    is_large = float(solved.walk.best.counts.sum()) > MANY_NODES
    if solved.problem.budget_usd is None and not is_large and room <= meter.left:
        found = in_whole_nodes(solved, option, meter)
        if found is not None:
            return found
    return in_fractions(solved, option, meter)


def _ruled_out(solved: Solved, option: Option) -> str:
    """The limit that allows none of it at any price; empty if there is none."""
    problem, policy = solved.problem, solved.problem.policy
    if option.is_base:
        if problem.base[option.index].max_count == 0:
            return "max_count is 0"
        columns = columns_of(problem, option)
        return "" if any(solved.limits.upper[c] > 0 for c in columns) else "no demand for it to serve"
    if problem.burst[option.index].max_count == 0:
        return "max_count is 0"
    if policy.max_pool_share == 0:
        return "max_pool_share of the policy is 0: no burst"
    if policy.max_spot_share == 0 and problem.burst[option.index].is_spot:
        return "max_spot_share of the policy is 0: no spot"
    return ""


def _reason(solved: Solved, option: Option, found: Threshold, cut: Decimal | None) -> str:
    """What it would have to cost less, per node and horizon (and month) or per node-hour, and how that is known."""
    full = _full_group(solved, option)
    verb = "kept" if option.is_base and solved.problem.base[option.index].owned_count is not None else "chosen"
    if cut is None:
        return f"would not be {verb} even for a thousandth of its price; {full}{found.known}"
    if cut == 0:
        in_relaxation = found.known in {Known.RELAXED, Known.DUAL}
        same = "the relaxation uses it, in fractions of a node" if in_relaxation else "as cheap as what was chosen"
        return f"{same}; {full}{found.known}"
    if not option.is_base:
        return (
            f"would have to cost USD {_up(cut, '0.0001')} less per node-hour to be on in any hour; {full}{found.known}"
        )
    months = solved.problem.months
    per = "per node and month" if months == 1 else "per node and horizon"
    monthly = "" if months == 1 else f" (USD {_up(cut / months, '0.01')} per month)"
    return f"would have to cost USD {_up(cut, '0.01')} less {per}{monthly} to be {verb}; {full}{found.known}"


def _full_group(solved: Solved, option: Option) -> str:
    """What else keeps it out: base nodes that fill its count group."""
    problem: Problem = solved.problem
    group = (problem.base[option.index] if option.is_base else problem.burst[option.index]).count_group
    if group is None:
        return ""
    counts = zip(solved.dispatch.counts, problem.base_columns(), strict=True)
    used = sum(round(float(n)) for n, (_, b) in counts if problem.base[b].count_group == group)
    most = problem.group_max[group]
    return f"in place of another node, as {group} is full with {used} of {most}; " if used >= most else ""


def _up(usd: Decimal, step: str) -> str:
    """Rounded up, so that the amount is enough."""
    return f"{usd.quantize(Decimal(step), ROUND_UP):,f}"
