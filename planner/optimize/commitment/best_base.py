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
from planner.optimize.commitment.configurations import EffortSpentError
from planner.optimize.commitment.fixed_base import FixedBase, commit_base, launches_are_cheap
from planner.optimize.decompose import Relaxed, column_cost_usd, solve_relaxed
from planner.optimize.limits import CountLimits
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.walk import Box, BoxProgram, LaunchEffort, Report, Walk, owned_first, split
from planner.optimize.whole import Dispatch, WholeNodes, own_base

MOST_BOXES = 4_000
FIRST_DISPATCHED, FIRST_COMMITTED = 40, 3
"""Base counts covered and solved before all others: the better the best known, the fewer counts are near it."""
PROVEN = 1e-4
"""Relative distance from the bound up to which a total counts as proven."""
SAME = 1e-6
"""Relative distance of totals that count as the same."""


class LaunchesLeftOutError(Exception):
    """Why launches cannot be part of the optimum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
    """Base counts whose total may be below a limit."""

    listed: list[tuple[float, tuple[int, ...]]]
    """Bound and counts, the least first."""
    beyond_usd: float
    """No other counts cost less."""


def with_launches(
    problem: Problem,
    limits: CountLimits,
    walked: Walk,
    effort: LaunchEffort,
    on_progress: Report | None = None,
) -> Walk:
    """The walk's end with launches part of the optimum. Raises LaunchesLeftOutError where they cannot be."""
    counts, each = walked.best.counts, Effort(most_work=effort.most_work)
    try:
        first = commit_base(problem, counts, each)
    except EffortSpentError:
        raise LaunchesLeftOutError("hours have too many combinations of nodes that are nearly the cheapest") from None
    if first.dispatch is None:
        raise LaunchesLeftOutError("the nodes found with them break a limit that joins models")
    if why_unproven(problem, counts) is not None:
        return _unproven(walked, first)
    cells = len(problem.models) * problem.cells
    search = _Search(problem, limits, counts, first, each)
    search.round(
        most_dispatched=min(FIRST_DISPATCHED, effort.dispatched_cells // cells), most_committed=FIRST_COMMITTED
    )
    beyond = search.round(
        most_dispatched=effort.dispatched_cells // cells,
        most_committed=effort.committed_cells // cells,
        on_progress=on_progress,
    )
    total = search.total_usd
    bound = min(total, beyond, *search.bounds.values())
    return replace(
        walked,
        best=_owned_kept(problem, search.best),
        total_usd=total,
        bound_usd=max(bound, min(walked.bound_usd, total)),
        is_proven=total - bound <= PROVEN * abs(total),
        has_launches=True,
    )


def _owned_kept(problem: Problem, best: Dispatch) -> Dispatch:
    """The same with what is owned in place of new servers that cost as much."""
    counts = owned_first(problem, best.counts)
    return replace(best, counts=counts, base_nodes=own_base(problem, counts))


class _Search:
    """The best base counts so far, and what bounds those committed."""

    def __init__(self, problem: Problem, limits: CountLimits, counts: Floats, first: FixedBase, each: Effort) -> None:
        assert first.dispatch is not None
        self._problem, self._limits = problem, limits
        self._fees = column_cost_usd(problem)
        based = float(self._fees @ counts)
        self._at, self._each = first, each
        self.best: Dispatch = first.dispatch
        self.total_usd = based + first.dispatch.cost_usd
        self._prices = [(counts, first.launch_usd)]
        self.bounds = {_key(counts): based + first.bound_usd}
        """No nodes with these base counts cost less."""

    def round(self, *, most_dispatched: int, most_committed: int, on_progress: Report | None = None) -> float:
        """Lists counts at the best's prices of launches and commits the most promising; no others cost less."""
        near = _near(self._problem, self._limits, self._at, self.total_usd, most_dispatched=most_dispatched)
        left = [one for one in near.listed if one[1] not in self.bounds]
        for number, (level, key) in enumerate(left):
            if level >= self._worth_usd or number >= most_committed:
                return min(near.beyond_usd, level)
            if on_progress is not None:
                on_progress("proving the base counts with launches", number / min(len(left), most_committed))
            try:
                self._commit(np.array(key, dtype=np.float64), level)
            except EffortSpentError:
                return min(near.beyond_usd, level)
        return near.beyond_usd

    @property
    def _worth_usd(self) -> float:
        """What costs that much or more is not looked for: no difference that the noise of sums could make."""
        return self.total_usd * (1 - SAME)

    def _nearest(self, counts: Floats) -> tuple[Floats, ...]:
        """Prices of launches of the counts that were committed and differ by the least in fees."""
        return min(self._prices, key=lambda one: float(self._fees @ np.abs(one[0] - counts)))[1]

    def _commit(self, counts: Floats, level_usd: float) -> None:
        based = float(self._fees @ counts)
        found = commit_base(
            self._problem, counts, self._each, start=self._nearest(counts), worth_usd=self._worth_usd - based
        )
        self.bounds[_key(counts)] = max(based + found.bound_usd, level_usd)
        self._prices.append((counts, found.launch_usd))
        if found.dispatch is not None and based + found.dispatch.cost_usd < self.total_usd:
            self._at, self.best, self.total_usd = found, found.dispatch, based + found.dispatch.cost_usd


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


def _near(problem: Problem, limits: CountLimits, at: FixedBase, below_usd: float, *, most_dispatched: int) -> _Near:
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
    while heap and heap[0].bound < below_usd and boxes < MOST_BOXES and dispatched < most_dispatched:
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
