"""Recourse of given base counts: the merit order where it is exact, an hourly LP where a limit binds.

The cost of burst and unserved demand, scenarios weighed by the aim, with one slope per base column: a Benders cut.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.errors import SolverError
from planner.optimize.aim import aim_of
from planner.optimize.coupled import CoupledRecourse
from planner.optimize.coupled import Recourse as CoupledValue
from planner.optimize.limits import breaking_cells
from planner.optimize.merit import MeritOrder, only_group
from planner.optimize.problem import Floats, Ints, Problem
from policies.planning import Sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """recourse(N, z) >= value + slope . (N - at) + z_slope . (z - z_at), tight at `at`."""

    at: Floats
    """(C,) base counts."""
    value_usd: float
    """The aim of the scenarios' recourse."""
    scenario_usd: Floats
    """(S,) recourse of each scenario."""
    slope_usd: Floats
    """(C,)"""
    z_at: Floats
    """(C, k) z_j = 1 where at least j nodes are rented."""
    z_slope_usd: Floats
    """(C, k)"""

    @property
    def constant_usd(self) -> float:
        """The cut's value at N = 0, z = 0."""
        return float(self.value_usd - self.slope_usd @ self.at - (self.z_slope_usd * self.z_at).sum())


class Recourse:
    """Prices base counts; says by which method, and whether fractional counts may be asked for."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.aim = aim_of(problem)
        self._losses = problem.policy.survive_base_losses
        self.is_linear_program = (
            problem.policy.sharing is Sharing.HOURLY
            or problem.budget_usd is not None
            or any(option.egress_usd_mtok > 0 for option in problem.base)
        )
        self.merit = None
        if not self.is_linear_program:
            self.merit = MeritOrder(problem, group=only_group(problem))
        self._is_exact = self.merit is not None and (self.merit.group is not None or not has_couplings(problem))
        self._hard = np.zeros(problem.cells, dtype=bool)
        self._coupled: CoupledRecourse | None = None
        self._coupled_cells = 0
        self.spent_cells = 0
        """Cells priced by linear program so far: each takes about as long as dispatching a plain one."""

    @property
    def takes_fractions(self) -> bool:
        """Whether `evaluate` may be asked about fractional counts."""
        return self._is_exact

    @property
    def name(self) -> str:
        """How the recourse was computed, for the plan's provenance."""
        if self.merit is None:
            return "hourly LP"
        return "merit order, LP where limits bind" if self._hard.any() else "merit order"

    def evaluate(self, counts: Floats) -> Cut:
        """The cut at the counts (C,): recourse of every scenario, their aim and its slopes."""
        levels = np.arange(1, self._losses + 1)
        z_at = (counts[:, None] >= levels[None, :]).astype(np.float64)
        problem = self._problem
        if self.merit is None:
            self._hard[:] = True
            merit = None
            cell_usd = np.zeros(problem.cells)
        else:
            merit = self.merit.evaluate(counts)
            if not self._is_exact:
                self._find_hard_cells(self.merit, counts)
            cell_usd = merit.value_usd.sum(axis=0)
        cells = np.flatnonzero(self._hard)
        hard = None
        if len(cells):

            def weigh(hard_usd: Floats) -> Floats:
                cell_usd[cells] = hard_usd
                return self._cell_weight(problem.by_scenario(cell_usd))[cells]

            hard = self._price_hard_cells(cells, counts, weigh)
            cell_usd[cells] = hard.value_usd
        scenario_usd = problem.by_scenario(cell_usd)
        slope, z_slope = np.zeros(len(counts)), np.zeros((len(counts), self._losses))
        if merit is not None:
            easy = self._cell_weight(scenario_usd) * ~self._hard
            # einsum: a matrix product would wake BLAS threads for what takes less than waking them.
            slope = np.einsum("ct,t->c", merit.slope_usd, easy)
        if hard is not None:
            slope, z_slope = slope + hard.slope_usd, z_slope + hard.z_slope_usd
        return Cut(
            at=counts.astype(np.float64),
            value_usd=self.aim.value(scenario_usd),
            scenario_usd=scenario_usd,
            slope_usd=slope,
            z_at=z_at,
            z_slope_usd=z_slope,
        )

    def _cell_weight(self, scenario_usd: Floats) -> Floats:
        """(T,) weight of each cell in the aim of these costs of scenarios."""
        return np.repeat(self.aim.weights(scenario_usd), self._problem.hours)

    def floor_usd(self, counts: Floats) -> Floats:
        """(T,) what each cell costs at least with the counts (C,), not weighted; 0 where only the LP could say."""
        if self.merit is None:
            return np.zeros(self._problem.cells)
        floor: Floats = self.merit.evaluate(counts).value_usd.sum(axis=0)
        return floor

    def marginal_usd(self, counts: Floats) -> Floats:
        """(M, T) cost of one more share of the cell's whole demand at the counts (C,), in the relaxation."""
        marginal = np.zeros(self._problem.unserved_usd.shape)
        if self.merit is not None:
            marginal = self.merit.evaluate(counts).marginal_usd
        if self._hard.any():
            cells = np.flatnonzero(self._hard)
            marginal[:, cells] = self._price_hard_cells(cells, counts).marginal_usd
        return marginal

    def _price_hard_cells(
        self, cells: Ints, counts: Floats, weigh: Callable[[Floats], Floats] | None = None
    ) -> CoupledValue:
        """The linear program of the hard cells, built again when there are more of them."""
        if self._coupled is None or self._coupled_cells != len(cells):
            self._coupled = CoupledRecourse(self._problem, cells)
            self._coupled_cells = len(cells)
        self.spent_cells += len(cells)
        priced = self._coupled.evaluate(np.rint(counts).astype(np.int64), weigh)
        if priced is None:
            raise SolverError("base counts beyond the budget were priced")
        return priced

    def _find_hard_cells(self, merit: MeritOrder, counts: Floats) -> None:
        value = merit.evaluate(counts)
        nodes = merit.dispatch(value, self._problem)
        served = nodes.sum(axis=1) > 0
        unserved = np.where(served, 0.0, value.residual)
        self._hard |= breaking_cells(self._problem, counts, nodes, unserved)


def has_couplings(problem: Problem) -> bool:
    """Whether any limit besides demand and capacity could bind in a cell."""
    policy = problem.policy
    return (
        policy.survive_base_losses > 0
        or policy.max_pool_share < 1
        or policy.max_spot_share < 1
        or any(option.max_count is not None or option.count_group is not None for option in problem.burst)
    )
