"""The Benders master in PuLP: base counts N and the recourse they promise, under cuts.

minimise  sum cost * N + theta
          theta >= value_k + slope_k (N - N_k) + z_slope_k (z - z_k)     for every cut k
          count limits on N; z_j = 1 where N >= j                         (survive k)
"""

import highspy
import numpy as np
import pulp

from planner.optimize.limits import CountLimits
from planner.optimize.problem import Floats
from planner.optimize.recourse import Cut
from planner.optimize.solver import solve_exactly, weighted


class Master:
    """The tiny integer program over base counts; cuts are added as they are found."""

    def __init__(self, cost_usd: Floats, limits: CountLimits, losses: int) -> None:
        """`cost_usd` (C,) per node and horizon; `losses`: base nodes to survive, the depth of z."""
        size = len(cost_usd)
        self._program = pulp.LpProblem("base_counts", pulp.LpMinimize)
        self._count = [
            self._program.add_variable(f"count_{c}", float(limits.lower[c]), float(limits.upper[c]), pulp.LpInteger)
            for c in range(size)
        ]
        self._level = [
            [self._program.add_variable(f"level_{c}_{j}", 0, 1, pulp.LpInteger) for j in range(losses)]
            for c in range(size)
        ]
        self._recourse = self._program.add_variable("recourse", 0)
        self._program += weighted(cost_usd, self._count) + self._recourse, "total_usd"
        for row in limits.rows:
            self._program += weighted(row.coefficient, self._count) <= row.most, row.name
        for c, levels in enumerate(self._level):
            self._mark_levels(c, levels, float(limits.upper[c]))
        self._cuts = 0
        self.status = "not solved"

    def _mark_levels(self, c: int, levels: list[pulp.LpVariable], most: float) -> None:
        """z_j = 1 whenever N >= j: N <= z_1 + ... + z_(k-1) + (most - k + 1) z_k, z falling."""
        if not levels:
            return
        reach = pulp.lpSum(levels[:-1]) + max(most - len(levels) + 1, 1.0) * levels[-1]
        self._program += self._count[c] <= reach, f"levels_reach_{c}"
        self._program += self._count[c] >= pulp.lpSum(levels), f"levels_rented_{c}"
        for j in range(1, len(levels)):
            self._program += levels[j] <= levels[j - 1], f"levels_fall_{c}_{j}"

    def add(self, cut: Cut) -> None:
        """Promise no less than the cut."""
        slopes = pulp.lpSum(
            float(slope) * level
            for levels, row in zip(self._level, cut.z_slope_usd, strict=True)
            for level, slope in zip(levels, row, strict=True)
        )
        self._program += (
            self._recourse >= weighted(cut.slope_usd, self._count) + slopes + cut.constant_usd,
            f"cut_{self._cuts:03d}",
        )
        self._cuts += 1

    def solve(self, *, whole: bool) -> tuple[Floats, float]:
        """The best counts (C,) under the cuts, and the least total they promise, USD."""
        for variable in [*self._count, *(level for levels in self._level for level in levels)]:
            variable.cat = pulp.LpInteger if whole else pulp.LpContinuous
        solve_exactly(self._program, "the master")
        self.status = str(pulp.LpSolution[self._program.sol_status])
        counts = np.array([pulp.value(count) for count in self._count], dtype=np.float64)
        if whole:
            counts = np.rint(counts)
        return counts, float(pulp.value(self._program.objective))


def solver_name() -> str:
    """The solver of the master and of the hourly programs, with versions."""
    return f"HiGHS {highspy.Highs().version()} through PuLP {pulp.__version__}"
