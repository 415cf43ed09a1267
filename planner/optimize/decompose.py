"""The decomposition: a master over base counts, cuts from the recourse, until they meet (Benders, L-shaped).

L(N) = cost of N + recourse(N) is convex where it is priced by cuts; its least value over whole N bounds every plan.
"""

from dataclasses import dataclass

import numpy as np

from planner.errors import SolverError
from planner.optimize.limits import CountLimits
from planner.optimize.master import Master, solver_name
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Cut, Recourse

CLOSE = 1e-9
"""Relative distance at which the master and the recourse have met."""
FRACTION_CLOSE = 1e-5
"""The same while the master's counts are fractions: close enough to go on with whole ones."""
MAX_ROUNDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """The optimum with whole base counts and fractional burst."""

    counts: Floats
    """(C,) whole base counts of least L."""
    total_usd: float
    """L of these counts: fees, setup share, expected recourse."""
    bound_usd: float
    """No counts have a lower L; equal to `total_usd` up to the tolerance."""
    cuts: tuple[Cut, ...]
    rounds: int
    solver: str
    """Which solver ran, with its version."""
    status: str
    """What it said of the last master."""


def column_cost_usd(problem: Problem) -> Floats:
    """(C,) fee and setup share of one node of each base column over the horizon."""
    usd = problem.base_cost_usd()
    return np.array([usd[b] for _, b in problem.base_columns()], dtype=np.float64)


def solve_relaxed(problem: Problem, recourse: Recourse, limits: CountLimits) -> Relaxed:
    """The least L over whole base counts.

    Where the recourse takes fractions, the master is solved in fractions until it has met the recourse, then whole.
    """
    cost_usd = column_cost_usd(problem)
    master = Master(cost_usd, limits, problem.policy.survive_base_losses)
    cuts: dict[bytes, Cut] = {}
    best, best_counts = np.inf, limits.lower
    whole = not recourse.takes_fractions
    counts = limits.lower
    for rounds in range(1, MAX_ROUNDS + 1):
        cut = recourse.evaluate(counts)
        cuts[counts.tobytes()] = cut
        master.add(cut)
        total = float(cost_usd @ counts) + cut.value_usd
        if total < best and bool(np.all(counts == np.rint(counts))) and limits.allow(counts):
            best, best_counts = total, counts
        counts, promised = master.solve(whole=whole)
        # A cut is tight where it was made: a master that comes back to such a point has found its optimum there.
        returned = counts.tobytes() in cuts
        if whole and (returned or best - promised <= CLOSE * (1 + abs(promised))):
            found = tuple(cuts.values())
            return Relaxed(
                counts=best_counts,
                total_usd=best,
                bound_usd=min(promised, best),
                cuts=found,
                rounds=rounds,
                solver=solver_name(),
                status=master.status,
            )
        whole = whole or returned or total - promised <= FRACTION_CLOSE * (1 + abs(promised))
    raise SolverError(f"the decomposition did not settle within {MAX_ROUNDS} rounds")
