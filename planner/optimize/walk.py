"""The walk over base counts in order of L: which counts have the cheapest whole-node dispatch, and the proof.

Every whole-node total of counts N is at least L(N), so only counts with L(N) below the best total found can win. Boxes
of counts are searched best first; the cuts bound a box by a small linear program. The walk ends by proof, when no box
is below the best total, or at its limit, and then its bound says what may have been missed.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count as counter

import highspy
import numpy as np

from planner.optimize.decompose import CLOSE, Relaxed, column_cost_usd
from planner.optimize.limits import CountLimits
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Cut, Recourse
from planner.optimize.whole import Dispatch, WholeNodes

Report = Callable[[str, float], None]
"""Told what is being done and which share of the most it may take is done, 0-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchEffort:
    """How much may be done for launches to be part of the optimum."""

    cells: int = 3_000
    """Hours, over all models, up to which it is tried: four months of one model."""
    committed_cells: int = 12_000
    """Hours, over all models and base counts, that are solved one after the other after the first counts' own."""
    dispatched_cells: int = 120_000
    """Cells that are covered in whole nodes at prices of launches, to list base counts."""
    most_work: float = 20e6
    """Of each vector of base counts and model (commitment/commit.py): some seven seconds."""
    is_asked: bool = False
    """Whether a remark says why where launches are no part of the optimum, or no bound is known with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much a walk may do. Counted, not timed, so that the same input gives the same plan."""

    dispatched_cells: int = 350_000
    """Cells dispatched in whole nodes; at least one vector of counts is dispatched."""
    boxes: int = 20_000
    """Boxes of counts bounded."""
    launches: LaunchEffort | None = None
    """What may be done for launches to be part of the optimum (commitment/); None: they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What the walk found. Totals are the aim of the scenarios' totals, USD, before launch overhead."""

    best: Dispatch
    total_usd: float
    """Whole-node total of the best counts: base, burst, interruptions, egress, unserved."""
    bound_usd: float
    """No whole-node plan costs less."""
    is_proven: bool
    examined: tuple[tuple[tuple[int, ...], float], ...]
    """Counts dispatched in whole nodes, with their totals, cheapest first."""
    has_launches: bool = False
    """Whether launches are part of the totals and the bound."""


@dataclass(order=True, slots=True)
class Box:
    """Base counts between `lower` and `upper`, none of which costs less than `bound`."""

    bound: float
    serial: int
    lower: Floats = field(compare=False)
    upper: Floats = field(compare=False)
    point: Floats = field(compare=False)


class BoxProgram:
    """The master's relaxation over a box of counts: minimise cost . N + theta under the cuts."""

    def __init__(self, cost_usd: Floats, limits: CountLimits) -> None:
        self._size = len(cost_usd)
        self._highs = highspy.Highs()
        self._highs.setOptionValue("output_flag", False)
        self._highs.addVars(self._size + 1, np.append(limits.lower, 0.0), np.append(limits.upper, highspy.kHighsInf))
        index = np.arange(self._size + 1, dtype=np.int32)
        self._highs.changeColsCost(self._size + 1, index, np.append(cost_usd, 1.0))
        self._index = index
        for row in limits.rows:
            self._highs.addRow(-highspy.kHighsInf, row.most, self._size, index[:-1], row.coefficient)

    def add(self, cut: Cut) -> None:
        """Level slopes that raise the bound would need binaries: left at 0 they keep the bound valid."""
        constant = cut.constant_usd + float(np.minimum(cut.z_slope_usd, 0.0).sum())
        row = np.append(-cut.slope_usd, 1.0)
        self._highs.addRow(constant, highspy.kHighsInf, self._size + 1, self._index, row)

    def bound(self, lower: Floats, upper: Floats) -> tuple[float, Floats]:
        """The least total the cuts promise in the box, and where; inf if the box is empty."""
        self._highs.changeColsBounds(self._size, self._index[:-1], lower, upper)
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return np.inf, lower
        point = np.array(self._highs.getSolution().col_value[: self._size])
        return float(self._highs.getInfo().objective_function_value), point


def walk(
    problem: Problem,
    recourse: Recourse,
    limits: CountLimits,
    relaxed: Relaxed,
    effort: Effort,
    on_progress: Report | None = None,
) -> Walk:
    """The whole-node optimum over base counts, walked from the relaxed optimum outwards."""
    program = BoxProgram(column_cost_usd(problem), limits)
    for cut in relaxed.cuts:
        program.add(cut)
    record = _Record(problem, recourse, relaxed)
    serial = counter()
    boxes, before = 0, recourse.spent_cells
    promised, point = program.bound(limits.lower, limits.upper)
    # No counts are below the relaxed optimum, however little the cuts promise between them.
    heap = [Box(max(promised, relaxed.bound_usd), next(serial), limits.lower, limits.upper, point)]
    while heap and record.could_win(heap[0].bound):
        spent = record.whole.spent_cells + recourse.spent_cells - before
        if spent + problem.cells > effort.dispatched_cells or boxes >= effort.boxes:
            break
        box = heapq.heappop(heap)
        boxes += 1
        if on_progress is not None:
            on_progress("proving the base counts", max(spent / effort.dispatched_cells, boxes / effort.boxes))
        counts = np.clip(np.rint(box.point), box.lower, box.upper)
        if limits.allow(counts) and _key(counts) not in record.known:
            program.add(record.examine(counts))
        for lower, upper in split(box, counts):
            promised, point = program.bound(lower, upper)
            if promised < record.best_total:
                heapq.heappush(heap, Box(max(promised, box.bound), next(serial), lower, upper, point))
    record.keep_owned()
    return record.result(heap[0].bound if heap else np.inf)


class _Record:
    """What is known of the counts examined so far, and the best of them."""

    def __init__(self, problem: Problem, recourse: Recourse, relaxed: Relaxed) -> None:
        self._problem = problem
        self.whole = WholeNodes(problem)
        self._recourse = recourse
        self._cost_usd = column_cost_usd(problem)
        self.best = self.whole.dispatch(relaxed.counts)
        based = float(self._cost_usd @ relaxed.counts)
        self.best_total = based + self.best.aimed_usd
        bound = max(based + self.best.aimed_bound_usd, relaxed.bound_usd)
        self.known = {_key(relaxed.counts): (self.best_total, bound)}
        """Counts -> total (inf: given up, it cannot win) and bound."""

    def could_win(self, bound: float) -> bool:
        """Whether counts with this bound may still be better than the best."""
        return bound < self.best_total - CLOSE * (1 + abs(self.best_total))

    def examine(self, counts: Floats) -> Cut:
        """Prices the counts and, where they could win, dispatches them in whole nodes; the cut at the counts."""
        cut = self._recourse.evaluate(counts)
        based = float(self._cost_usd @ counts)
        level = based + cut.value_usd
        total, bound = np.inf, level
        if level < self.best_total:
            floor = self._recourse.floor_usd(counts)
            dispatch = self.whole.dispatch_below(counts, self.best_total - based, floor)
            bound = self.best_total
            if dispatch is not None:
                total, bound = based + dispatch.aimed_usd, max(based + dispatch.aimed_bound_usd, level)
                if total < self.best_total:
                    self.best, self.best_total = dispatch, total
        self.known[_key(counts)] = (total, bound)
        return cut

    def keep_owned(self) -> None:
        """Of counts that cost the same, those that keep what is owned: nobody moves to an equal server for nothing."""
        counts = owned_first(self._problem, self.best.counts)
        if np.array_equal(counts, self.best.counts):
            return
        found = self.known.pop(_key(self.best.counts))
        self.best = self.whole.dispatch(counts)
        self.known[_key(counts)] = found

    def result(self, open_bound: float) -> Walk:
        """The walk's end, `open_bound` below which no unexamined counts lie."""
        totals = [(key, total) for key, (total, _) in self.known.items() if np.isfinite(total)]
        least = min(bound for _, bound in self.known.values())
        best = _key(self.best.counts)
        others = min((bound for key, (_, bound) in self.known.items() if key != best), default=np.inf)
        return Walk(
            best=self.best,
            total_usd=self.best_total,
            bound_usd=min(self.best_total, open_bound, least),
            # A dispatch that was not solved to its end leaves its counts in the race.
            is_proven=not self.could_win(min(open_bound, others)),
            examined=tuple(sorted(totals, key=lambda item: (item[1], item[0]))),
        )


def owned_first(problem: Problem, counts: Floats) -> Floats:
    """The counts with owned servers in place of new ones of the same offer at the same cost: a plan as dear."""
    columns, cost_usd = problem.base_columns(), column_cost_usd(problem)
    moved = counts.copy()
    for new, (model, b) in enumerate(columns):
        for owned, (other, k) in enumerate(columns):
            option, held = problem.base[b], problem.base[k]
            if option.owned_count is not None or held.owned_count is None or other != model:
                continue
            if held.offer.id != option.offer.id or cost_usd[owned] != cost_usd[new]:
                continue
            kept = sum(moved[column] for column, (_, which) in enumerate(columns) if which == k)
            count = max(0.0, min(moved[new] - option.min_count, held.owned_count - kept))
            moved[new] -= count
            moved[owned] += count
    return moved


def _key(counts: Floats) -> tuple[int, ...]:
    return tuple(round(float(count)) for count in counts)


def split(box: Box, counts: Floats) -> list[tuple[Floats, Floats]]:
    """Boxes that together hold all counts of the box but the ones just examined."""
    parts = []
    lower, upper = box.lower.copy(), box.upper.copy()
    for c in np.argsort(-(box.upper - box.lower), kind="stable"):
        if upper[c] > counts[c]:
            above = lower.copy()
            above[c] = counts[c] + 1
            parts.append((above, upper.copy()))
        if lower[c] < counts[c]:
            below = upper.copy()
            below[c] = counts[c] - 1
            parts.append((lower.copy(), below))
        lower[c] = upper[c] = counts[c]
    return parts
