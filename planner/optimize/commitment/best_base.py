"""Which base counts are the best once launches are paid for, and the proof.

With launches priced (launch_prices.py) the hours are apart again, at node prices of their own, and one search over
boxes of base counts lists all counts whose priced total is below the best plan known: no other counts can be better.
Those listed are committed one after another, the most promising first, each until it wins or is sure to lose.
"""

import heapq
from dataclasses import dataclass, replace
from itertools import count as counter

import numpy as np

from planner.optimize.commitment.chains import why_no_bound
from planner.optimize.commitment.commit import Effort
from planner.optimize.commitment.fixed_base import FixedBase, commit_base, launches_are_cheap
from planner.optimize.decompose import Relaxed, column_cost_usd, solve_relaxed
from planner.optimize.limits import CountLimits
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.walk import Box, BoxProgram, Report, Walk, split
from planner.optimize.whole import WholeNodes

MOST_BOXES = 4_000
MOST_DISPATCHED = 250
"""Base counts whose hours are covered in whole nodes at prices of launches."""
MOST_COMMITTED = 16
"""Base counts whose chains are solved."""
PROVEN = 1e-4
"""Relative distance from the bound up to which a total counts as proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
    """Base counts whose total may be below a limit."""

    listed: list[tuple[float, tuple[int, ...]]]
    """Bound and counts, the least first."""
    beyond_usd: float
    """No other counts cost less."""


def with_launches(
    problem: Problem, limits: CountLimits, walked: Walk, effort: Effort | None = None, on_progress: Report | None = None
) -> Walk:
    """The walk's end with launches part of the optimum; `walked` where they cannot be."""
    fees = column_cost_usd(problem)
    counts = walked.best.counts
    first = commit_base(problem, counts, effort)
    if first.dispatch is None:
        return walked
    best, total = first, float(fees @ counts) + first.dispatch.cost_usd
    if why_unproven(problem, counts) is not None:
        return _unproven(walked, first)
    bounds = {_key(counts): float(fees @ counts) + first.bound_usd}
    near = _near(problem, limits, first, total)
    left = [one for one in near.listed if one[1] not in bounds]
    beyond = near.beyond_usd
    for number, (level, key) in enumerate(left):
        if level >= total * (1 - PROVEN / 2):
            beyond = min(beyond, level)
            break
        if number >= MOST_COMMITTED:
            beyond = min(beyond, level)
            break
        if on_progress is not None:
            on_progress("proving the base counts with launches", number / min(len(left), MOST_COMMITTED))
        trial = np.array(key, dtype=np.float64)
        based = float(fees @ trial)
        found = commit_base(problem, trial, effort, start=best.launch_usd, worth_usd=total * (1 - PROVEN / 2) - based)
        bounds[key] = max(based + found.bound_usd, level)
        if found.dispatch is not None and based + found.dispatch.cost_usd < total:
            best, total = found, based + found.dispatch.cost_usd
    assert best.dispatch is not None
    bound = min(total, beyond, *bounds.values())
    return replace(
        walked,
        best=best.dispatch,
        total_usd=total,
        bound_usd=max(bound, min(walked.bound_usd, total)),
        is_proven=total - bound <= PROVEN * abs(total),
    )


def why_unproven(problem: Problem, counts: Floats) -> str | None:
    """Why base counts are not searched, and no bound is known, with launches; None where they are, and it is."""
    if not launches_are_cheap(problem, counts):
        return "a launch costs more than an hour of its node"
    if not Recourse(problem).takes_fractions:
        return "limits on counts, shares or base losses join the offers of an hour"
    return why_no_bound(problem)


def _unproven(walked: Walk, found: FixedBase) -> Walk:
    """The found nodes with the walk's own bound: launches stay overhead."""
    assert found.dispatch is not None
    hours_usd = found.dispatch.cost_usd - found.launches_usd
    bound = walked.best.bound_usd
    return replace(
        walked,
        best=replace(found.dispatch, cost_usd=hours_usd, bound_usd=bound, aimed_usd=hours_usd, aimed_bound_usd=bound),
    )


def _near(problem: Problem, limits: CountLimits, at: FixedBase, below_usd: float) -> _Near:
    """All base counts whose hours, launches priced as at `at`, cost less than the limit."""
    priced = replace(problem, launch_prices_usd=at.by_cell(problem))
    recourse, whole, fees = Recourse(priced), WholeNodes(priced), column_cost_usd(priced)
    relaxed: Relaxed = solve_relaxed(priced, recourse, limits)
    program = BoxProgram(fees, limits)
    for cut in relaxed.cuts:
        program.add(cut)
    serial, known = counter(), set[tuple[int, ...]]()
    listed: list[tuple[float, tuple[int, ...]]] = []
    promised, point = program.bound(limits.lower, limits.upper)
    heap = [Box(max(promised, relaxed.bound_usd), next(serial), limits.lower, limits.upper, point)]
    boxes = dispatched = 0
    while heap and heap[0].bound < below_usd and boxes < MOST_BOXES and dispatched < MOST_DISPATCHED:
        box = heapq.heappop(heap)
        boxes += 1
        counts = np.clip(np.rint(box.point), box.lower, box.upper)
        if limits.allow(counts) and _key(counts) not in known:
            known.add(_key(counts))
            cut = recourse.evaluate(counts)
            program.add(cut)
            based = float(fees @ counts)
            if based + cut.value_usd < below_usd:
                dispatched += 1
                found = whole.dispatch_below(counts, below_usd - based, recourse.floor_usd(counts))
                if found is not None:
                    listed.append((max(based + found.bound_usd, based + cut.value_usd), _key(counts)))
        for lower, upper in split(box, counts):
            promised, point = program.bound(lower, upper)
            if promised < below_usd:
                heapq.heappush(heap, Box(max(promised, box.bound), next(serial), lower, upper, point))
    return _Near(listed=sorted(listed), beyond_usd=heap[0].bound if heap else below_usd)


def _key(counts: Floats) -> tuple[int, ...]:
    return tuple(round(float(count)) for count in counts)
