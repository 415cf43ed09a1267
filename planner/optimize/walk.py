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
class Effort:
    """How much a walk may do. Counted, not timed, so that the same input gives the same plan."""

    dispatched_cells: int = 300_000
    """Cells dispatched in whole nodes; at least one vector of counts is dispatched."""
    boxes: int = 20_000
    """Boxes of counts bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What the walk found. Totals are expected USD before launch overhead."""

    best: Dispatch
    total_usd: float
    """Whole-node total of the best counts: base, burst, interruptions, egress, unserved."""
    bound_usd: float
    """No whole-node plan costs less."""
    is_proven: bool
    examined: tuple[tuple[tuple[int, ...], float], ...]
    """Counts dispatched in whole nodes, with their totals, cheapest first."""


@dataclass(order=True, slots=True)
class _Box:
    bound: float
    serial: int
    lower: Floats = field(compare=False)
    upper: Floats = field(compare=False)
    point: Floats = field(compare=False)


class _BoxProgram:
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
    cost_usd = column_cost_usd(problem)
    whole = WholeNodes(problem)
    program = _BoxProgram(cost_usd, limits)
    for cut in relaxed.cuts:
        program.add(cut)
    serial = counter()
    best = whole.dispatch(relaxed.counts)
    best_total = float(cost_usd @ best.counts) + best.cost_usd
    covered = float(cost_usd @ best.counts) + best.bound_usd
    examined = {_key(relaxed.counts): (best_total, max(covered, relaxed.bound_usd))}
    boxes, before = 0, recourse.spent_cells
    promised, point = program.bound(limits.lower, limits.upper)
    # No counts are below the relaxed optimum, however little the cuts promise between them.
    heap = [_Box(max(promised, relaxed.bound_usd), next(serial), limits.lower, limits.upper, point)]
    while heap and heap[0].bound < best_total - CLOSE * (1 + abs(best_total)):
        spent = whole.spent_cells + recourse.spent_cells - before
        if spent + problem.cells > effort.dispatched_cells or boxes >= effort.boxes:
            break
        box = heapq.heappop(heap)
        boxes += 1
        if on_progress is not None:
            share = max(spent / effort.dispatched_cells, boxes / effort.boxes)
            on_progress("proving the base counts", min(share, 1.0))
        counts = np.clip(np.rint(box.point), box.lower, box.upper)
        if limits.allow(counts) and _key(counts) not in examined:
            cut = recourse.evaluate(counts)
            program.add(cut)
            level = float(cost_usd @ counts) + cut.value_usd
            examined[_key(counts)] = (np.inf, level)
            if level < best_total:
                based = float(cost_usd @ counts)
                dispatch = whole.dispatch_below(counts, best_total - based, recourse.floor_usd(counts))
                if dispatch is not None:
                    total = based + dispatch.cost_usd
                    examined[_key(counts)] = (total, max(based + dispatch.bound_usd, level))
                    if total < best_total:
                        best, best_total = dispatch, total
                else:
                    examined[_key(counts)] = (np.inf, best_total)
        for lower, upper in _split(box, counts):
            promised, point = program.bound(lower, upper)
            if promised < best_total:
                heapq.heappush(heap, _Box(max(promised, box.bound), next(serial), lower, upper, point))
    open_bound = heap[0].bound if heap else np.inf
    least = min(bound for _, bound in examined.values())
    totals = sorted((key, total) for key, (total, _) in examined.items() if np.isfinite(total))
    return Walk(
        best=best,
        total_usd=best_total,
        bound_usd=min(best_total, open_bound, least),
        is_proven=open_bound >= best_total - CLOSE * (1 + abs(best_total)),
        examined=tuple(sorted(totals, key=lambda item: item[1])),
    )


def _key(counts: Floats) -> tuple[int, ...]:
    return tuple(round(float(count)) for count in counts)


def _split(box: _Box, counts: Floats) -> list[tuple[Floats, Floats]]:
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
