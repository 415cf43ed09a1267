"""The demand factors at which base counts change: the relaxed optimum of the problem at other demand. Pure.

A grid of factors from 1/4 to 4, each step the same ratio; where base counts differ between two of them, the step is
halved until it is about 2 % wide, or as fine as the work allowed reaches. Whole base nodes, burst in fractions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

from planner.explain.effort import Meter, relaxed_units
from planner.optimize.assemble import base_counts
from planner.optimize.decompose import solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.solve import Solved
from planner.optimize.walk import Report
from planner.plan import SwitchingPoint

LEAST, MOST = 0.25, 4.0
STEPS = 16
"""Steps of the grid, each 19 %."""
FINE_HALVINGS = 3
"""Halvings of a step: to 2.2 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """Where base counts change, by offer and factor, and how finely that is known."""

    points: tuple[SwitchingPoint, ...]
    remarks: tuple[str, ...]


def find_switching(solved: Solved, meter: Meter, on_progress: Report) -> Switching:
    """The factors in [0.25, 4] at which the relaxed optimum's base counts change."""
    if not solved.problem.base_columns():
        return Switching(points=(), remarks=())
    steps, halvings = _grid(meter.left / relaxed_units(solved))
    known: dict[float, dict[str, int]] = {}

    def count(factor: float) -> dict[str, int]:
        if factor not in known:
            known[factor] = _counts_at(solved.problem, factor)
            on_progress("explaining: base counts at other demand", min(len(known) / (steps * 2**halvings + 1), 1.0))
        return known[factor]

    grid = [float(LEAST * (MOST / LEAST) ** (i / steps)) for i in range(steps + 1)]
    for low, high in pairwise(grid):
        _refine(count, low, high, halvings)
    factors = sorted(known)
    points = [
        SwitchingPoint(offer=key, factor=sqrt(low * high), count_below=known[low][key], count_above=known[high][key])
        for key in known[factors[0]]
        for low, high in pairwise(factors)
        if known[low][key] != known[high][key]
    ]
    width = (MOST / LEAST) ** (1 / (steps * 2**halvings)) - 1
    return Switching(points=tuple(points), remarks=_remarks(solved, known, width, bool(points)))


def scaled(problem: Problem, factor: float) -> Problem:
    """The problem at `factor` times its demand; limits on counts and the budget stay."""
    return replace(
        problem,
        input_tok_s=problem.input_tok_s * factor,
        output_tok_s=problem.output_tok_s * factor,
        base_work=problem.base_work * factor,
        burst_work=problem.burst_work * factor,
        unserved_usd=problem.unserved_usd * factor,
    )


def _counts_at(problem: Problem, factor: float) -> dict[str, int]:
    """Base counts of the relaxed optimum at the factor."""
    at = scaled(problem, factor)
    return base_counts(at, solve_relaxed(at, Recourse(at), count_limits(at)).counts)


def _refine(count: Callable[[float], dict[str, int]], low: float, high: float, halvings: int) -> None:
    """Counts between the two factors wherever they differ."""
    below, above = count(low), count(high)
    if halvings and below != above:
        middle = sqrt(low * high)
        _refine(count, low, middle, halvings - 1)
        _refine(count, middle, high, halvings - 1)


def _grid(solves: float) -> tuple[int, int]:
    """Steps and halvings that at most so many solves allow; four steps at least."""
    for steps, halvings in [*((STEPS, h) for h in range(FINE_HALVINGS, -1, -1)), (8, 0), (4, 0)]:
        if steps * 2**halvings + 1 <= solves:
            return steps, halvings
    return 4, 0


def _remarks(solved: Solved, known: dict[float, dict[str, int]], width: float, any_point: bool) -> tuple[str, ...]:
    """How fine the figures are, and where the relaxed counts differ from the plan's."""
    if not any_point:
        return ()
    remarks = [
        f"switching points are of the relaxed optimum (whole base nodes, burst in fractions of nodes), each to "
        f"{100 * width:.0f} % of the factor"
    ]
    relaxed = {key: n for key, n in known.get(1.0, {}).items() if n}
    if relaxed and relaxed != dict(solved.plan.base):
        mix = " + ".join(f"{n} {key}" for key, n in relaxed.items())
        remarks.append(f"at demand × 1 the relaxed optimum has {mix}")
    return tuple(remarks)
