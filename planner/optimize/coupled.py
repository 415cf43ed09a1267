"""What dispatch costs for given base counts, where cells are no plain merit order: a linear program by highspy.

For shared counts, shares of pools and spot, survived losses, shared base and a budget. The rows are those of model.py
with burst nodes written as n = w (f / tau + s): f the share served, s an idle share, so that capacity rows vanish.
Own base capacity is a bound on f, and only the worst loss of each model and cell gets a row. Only right-hand sides
depend on the base counts, so HiGHS keeps its basis between calls. Limits: continuous burst; base counts are given.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import highspy
import numpy as np
from numpy.typing import NDArray

from planner.errors import SolverError
from planner.optimize.problem import Problem
from policies.planning import Sharing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ABSENT = -1
"""Index of a variable or row that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recourse:
    """The cheapest dispatch for given base counts, and how its cost moves with them. C columns, T the cells asked for.

    For every whole N' with z'_cj = [N'_c >= j] the weighted cost is at least
    sum_t weight_t value_usd + slope_usd . (N' - N) + sum z_slope_usd (z' - z), weights by default the probabilities.
    """

    value_usd: Floats
    """(T,) cost of the cell, before its probability."""
    slope_usd: Floats
    """(C,) USD per further node of the column, weighted and summed over the cells."""
    z_slope_usd: Floats
    """(C, k) USD when a column's j-th node is rented at all, weighted and summed."""
    marginal_usd: Floats
    """(M, T) cost of one more share of the cell's whole demand, before its probability; 0 without demand."""
    burst_nodes: Floats
    """(M, V, T)"""
    base_share: Floats
    """(M, B, T)"""
    burst_share: Floats
    """(M, V, T)"""
    unserved: Floats
    """(M, T)"""


@dataclass(slots=True)
class Assembly:
    """A linear program under construction: blocks of variables, rows and terms as arrays of indices."""

    cost: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    row_lower: list[Floats] = field(default_factory=list)
    row_upper: list[Floats] = field(default_factory=list)
    terms: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    column_cell: list[Ints] = field(default_factory=list)
    row_cell: list[Ints] = field(default_factory=list)
    columns: int = 0
    rows: int = 0

    def add_columns(self, exists: NDArray[np.bool_], cost: Floats | float = 0.0, upper: float = np.inf) -> Ints:
        """Indices of new variables >= 0 in the shape of `exists`; ABSENT elsewhere."""
        index = np.full(exists.shape, ABSENT, dtype=np.int64)
        count = int(exists.sum())
        index[exists] = np.arange(self.columns, self.columns + count)
        self.cost.append(np.broadcast_to(cost, exists.shape)[exists].astype(np.float64))
        self.upper.append(np.full(count, upper))
        self.column_cell.append(_cell(exists))
        self.columns += count
        return index

    def add_rows(self, exists: NDArray[np.bool_] | np.bool_, lower: float, upper: float) -> Ints:
        """Indices of new rows in the shape of `exists`; ABSENT elsewhere."""
        exists = np.asarray(exists)
        index = np.full(exists.shape, ABSENT, dtype=np.int64)
        count = int(exists.sum())
        index[exists] = np.arange(self.rows, self.rows + count)
        self.row_lower.append(np.full(count, lower))
        self.row_upper.append(np.full(count, upper))
        self.row_cell.append(_cell(exists))
        self.rows += count
        return index

    def add_terms(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        """Coefficients, broadcast over indices; pairs with an absent row or variable are left out."""
        row, column, value = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=np.float64))
        exists = (row != ABSENT) & (column != ABSENT)
        self.terms.append((row[exists], column[exists], value[exists]))

    def matrix(self) -> tuple[Ints, Ints, Floats]:
        """Row, variable and value of every coefficient, in the order of rows; repeated ones are summed."""
        row = np.concatenate([part[0] for part in self.terms])
        column = np.concatenate([part[1] for part in self.terms])
        value = np.concatenate([part[2] for part in self.terms])
        place, where = np.unique(row * self.columns + column, return_inverse=True)
        summed: Floats = np.bincount(where, weights=value, minlength=len(place)).astype(np.float64)
        return place // self.columns, place % self.columns, summed


def pass_program(
    solver: highspy.Highs,
    *,
    cost: Floats,
    upper: Floats,
    row_lower: Floats,
    row_upper: Floats,
    start: Ints,
    column: Ints,
    value: Floats,
) -> None:
    """Hands a minimisation over variables >= 0 to HiGHS, its matrix by rows."""
    status = solver.passModel(
        len(cost),
        len(row_lower),
        len(value),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        cost,
        np.zeros(len(cost)),
        upper,
        row_lower,
        row_upper,
        start.astype(np.int32),
        column.astype(np.int32),
        value,
        np.zeros(len(cost), dtype=np.int32),
    )
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the dispatch program")


class CoupledRecourse:
    """Dispatch of some cells for changing base counts. With a budget the cells should be all of the problem's."""

    def __init__(self, problem: Problem, cells: Ints, *, bill_multiplier: float | None = None) -> None:
        """`bill_multiplier`: each dollar billed costs that much more, and the budget is no row; None: it is one."""
        self._problem = problem
        factor = 1 + (bill_multiplier or 0.0)
        self._cells = cells
        self._columns = problem.base_columns()
        self._tau = problem.policy.target_utilization
        self._k = problem.policy.survive_base_losses
        self._shared = problem.policy.sharing == Sharing.HOURLY
        self._asked = problem.has_demand[:, cells]
        self._base_work = work_where_asked(problem.base_work[:, :, cells], self._asked)
        self._burst_work = work_where_asked(problem.burst_work[:, :, cells], self._asked)
        self._base_egress = factor * problem.base_egress_usd()[:, :, cells]
        self._burst_egress = factor * problem.burst_egress_usd()[:, :, cells]
        self._burst_cost = problem.burst_cost_usd_hour() + (factor - 1) * problem.burst_price_usd_hour()
        self._unserved_usd = problem.unserved_usd[:, cells]
        self._weight = problem.weight[cells]
        self._budget_usd = problem.budget_usd if bill_multiplier is None else None
        self._assembly = Assembly()
        self._define()
        self._meet_demand()
        self._limit_counts()
        self._limit_shares()
        self._survive()
        self._keep_budget()
        self._solver = highspy.Highs()
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("solver", "simplex")
        # Presolve costs more than it saves here: 744 cells in 30 ms without, 110 ms with.
        self._solver.setOptionValue("presolve", "off")
        self._empty = self._assembly.columns == 0
        if not self._empty:
            self._load()

    def evaluate(self, counts: Ints, weigh: Callable[[Floats], Floats] | None = None) -> Recourse | None:
        """The cheapest dispatch for base counts (C,); None where they alone break a group's maximum or the budget.

        `weigh`: from the cells' cost to the weights of their slopes; with a budget the weights are the probabilities.
        """
        if not self._counts_fit(counts):
            return None
        lost = self._worst_losses(counts) if self._k and not self._shared else None
        if self._empty:
            zeros = np.zeros(0)
            return self._read(zeros, zeros, zeros, lost, weigh)
        self._set_bounds(counts, lost)
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self._solver.clearSolver()
            self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            name = self._solver.modelStatusToString(self._solver.getModelStatus())
            raise SolverError(f"HiGHS found no optimal dispatch: {name}")
        solution = self._solver.getSolution()
        value, reduced, dual = (np.array(a) for a in (solution.col_value, solution.col_dual, solution.row_dual))
        return self._read(value, reduced, dual, lost, weigh)

    def _load(self) -> None:
        assembly = self._assembly
        row, column, value = assembly.matrix()
        pass_program(
            self._solver,
            cost=np.concatenate(assembly.cost),
            upper=np.concatenate(assembly.upper),
            row_lower=np.concatenate(assembly.row_lower),
            row_upper=np.concatenate(assembly.row_upper),
            start=np.searchsorted(row, np.arange(assembly.rows + 1)),
            column=column,
            value=value,
        )

    # The program.

    def _define(self) -> None:
        """f, s, u and, with shared base, g; without the variables that a limit of 0 rules out."""
        problem, assembly = self._problem, self._assembly
        policy = problem.policy
        scale = self._weight if self._budget_usd is not None else np.ones(len(self._cells))
        burst_usd = self._burst_cost[None, :, None] * np.nan_to_num(self._burst_work, posinf=0.0)
        banned = np.array(
            [
                policy.max_pool_share == 0 or (policy.max_spot_share == 0 and option.is_spot) or option.max_count == 0
                for option in problem.burst
            ],
            dtype=bool,
        )
        bursts = np.isfinite(self._burst_work) & ~banned[None, :, None]
        idles = bursts & (self._k > 0 or policy.max_pool_share < 1 or policy.max_spot_share < 1)
        self._base_share = assembly.add_columns(np.isfinite(self._base_work), scale * self._base_egress)
        self._burst_share = assembly.add_columns(bursts, scale * (burst_usd / self._tau + self._burst_egress))
        self._idle_share = assembly.add_columns(idles, scale * burst_usd)
        self._unserved = assembly.add_columns(self._asked, scale * self._unserved_usd)

    def _meet_demand(self) -> None:
        """sum f + u = 1; shared base: sum_m f w <= tau N_b."""
        assembly = self._assembly
        self._served = assembly.add_rows(self._asked, 1.0, 1.0)
        assembly.add_terms(self._served[:, None, :], self._base_share, 1.0)
        assembly.add_terms(self._served[:, None, :], self._burst_share, 1.0)
        assembly.add_terms(self._served, self._unserved, 1.0)
        usable = (self._base_share != ABSENT).any(axis=0)
        self._capacity = assembly.add_rows(usable & self._shared, -np.inf, 0.0)
        assembly.add_terms(self._capacity[None], self._base_share, self._base_work)

    def _add_nodes(self, rows: Ints, factor: Floats | float = 1.0) -> None:
        """Adds factor * n = factor * w (f / tau + s) to rows that broadcast to (M, V, T)."""
        self._assembly.add_terms(rows, self._burst_share, factor * self._burst_work / self._tau)
        self._assembly.add_terms(rows, self._idle_share, factor * self._burst_work)

    def _limit_counts(self) -> None:
        """sum_m n <= max_count_v; sum n in the group <= group_max - sum N in the group."""
        problem, assembly = self._problem, self._assembly
        on = (self._burst_share != ABSENT).any(axis=0)
        most = np.array([np.inf if o.max_count is None else o.max_count for o in problem.burst])
        rows = assembly.add_rows(on & np.isfinite(most)[:, None], -np.inf, 0.0)
        assembly.row_upper[-1] = np.broadcast_to(most[:, None], on.shape)[rows != ABSENT]
        self._add_nodes(rows[None])
        groups = list(problem.group_max)
        self._in_group = np.array([[o.count_group == g for o in problem.burst] for g in groups], dtype=bool)
        self._in_group = self._in_group.reshape(len(groups), len(problem.burst))
        self._base_in_group = np.array(
            [[problem.base[b].count_group == group for _, b in self._columns] for group in groups], dtype=bool
        ).reshape(len(groups), len(self._columns))
        self._group_max = np.array(list(problem.group_max.values()), dtype=np.float64)
        touched = (on[None] & self._in_group[:, :, None]).any(axis=1)
        self._group = assembly.add_rows(touched, -np.inf, 0.0)
        for row, members in zip(self._group, self._in_group, strict=True):
            self._add_nodes(np.where(members[None, :, None], row[None, None, :], ABSENT))

    def _limit_shares(self) -> None:
        """sum_m n_v - share sum n <= 1 for each pool; the same for all spot together."""
        policy = self._problem.policy
        on = (self._burst_share != ABSENT).any(axis=0)
        if 0 < policy.max_pool_share < 1:
            rows = self._assembly.add_rows(on, -np.inf, 1.0)
            for v, row in enumerate(rows):
                itself = np.arange(len(rows)) == v
                self._add_nodes(row[None, None, :], (itself - policy.max_pool_share)[None, :, None])
        if 0 < policy.max_spot_share < 1:
            spot = np.array([option.is_spot for option in self._problem.burst], dtype=bool)
            rows = self._assembly.add_rows((on & spot[:, None]).any(axis=0), -np.inf, 1.0)
            self._add_nodes(rows[None, None, :], (spot - policy.max_spot_share)[None, :, None])

    def _survive(self) -> None:
        """Own base: sum n / w + u >= 1 + worst loss - sum N / w. Shared base: shares g for every loss, see model.py."""
        assembly, on = self._assembly, np.isfinite(self._base_work)
        self._losses = (
            list(combinations_with_replacement(range(len(self._columns)), self._k)) if self._k and self._shared else []
        )
        own = on.any(axis=1) & bool(self._k) & (not self._shared)
        self._carried = assembly.add_rows(own, -np.inf, np.inf)
        self._add_at_full(self._carried)
        self._enough_rows: list[Ints] = []
        self._left_rows: list[Ints] = []
        for _ in self._losses:
            left = assembly.add_columns(on)
            enough = assembly.add_rows(self._asked, 1.0, np.inf)
            self._enough_rows.append(enough)
            assembly.add_terms(enough[:, None, :], left, 1.0)
            self._add_at_full(enough)
            self._left_rows.append(assembly.add_rows(on.any(axis=0), -np.inf, 0.0))
            assembly.add_terms(self._left_rows[-1][None], left, self._base_work)

    def _add_at_full(self, rows: Ints) -> None:
        """Adds sum_v n / w + u, what burst carries at utilization 1, to rows (M, T)."""
        self._assembly.add_terms(rows[:, None, :], self._burst_share, 1 / self._tau)
        self._assembly.add_terms(rows[:, None, :], self._idle_share, 1.0)
        self._assembly.add_terms(rows, self._unserved, 1.0)

    def _keep_budget(self) -> None:
        """sum_t pi_t (sum price n + egress) <= budget - sum base_cost N."""
        self._budget = self._assembly.add_rows(np.array([self._budget_usd is not None]), -np.inf, 0.0)
        if self._budget_usd is not None:
            price_usd = self._problem.burst_price_usd_hour()[None, :, None]
            row = self._budget.reshape(1, 1, 1)
            self._add_nodes(row, price_usd * self._weight)
            self._assembly.add_terms(row, self._base_share, self._weight * self._base_egress)
            self._assembly.add_terms(row, self._burst_share, self._weight * self._burst_egress)

    # What depends on the base counts.

    def _counts_fit(self, counts: Ints) -> bool:
        fits = bool((self._base_in_group @ counts <= self._group_max).all())
        return fits and (self._budget_usd is None or self._left_of_budget(counts) >= -1e-9 * self._budget_usd)

    def _left_of_budget(self, counts: Ints) -> float:
        assert self._budget_usd is not None
        return self._budget_usd - float(self._column_cost() @ counts)

    def _column_cost(self) -> Floats:
        return self._problem.base_cost_usd()[[b for _, b in self._columns]]

    def _worst_losses(self, counts: Ints) -> Ints:
        """(M, C, T) how often each column is lost in the worst loss of k nodes for model m; one not rented is no loss.

        A loss is filled up with the greatest nodes not rented, which makes the cut stronger elsewhere.
        """
        lost = np.zeros((len(self._asked), len(self._columns), len(self._cells)), dtype=np.int64)
        for m in range(len(self._asked)):
            own = [c for c, (model, _) in enumerate(self._columns) if model == m]
            if not own:
                continue
            carries = 1 / self._base_work[m, [self._columns[c][1] for c in own]]
            copies = np.repeat(carries, self._k, axis=0)
            number = np.tile(np.arange(1, self._k + 1), len(own))
            rented = number <= np.repeat(counts[own], self._k)
            keys = (
                np.broadcast_to(number[:, None], copies.shape),
                -copies,
                np.broadcast_to(~rented[:, None], copies.shape),
            )
            worst = np.lexsort(keys, axis=0)[: self._k]
            owner = np.repeat(np.array(own), self._k)[worst]
            for copy in owner:
                lost[m, copy, np.arange(len(self._cells))] += 1
        return lost

    def _set_bounds(self, counts: Ints, lost: Ints | None) -> None:
        tau = self._tau
        rows: list[Ints] = []
        lower: list[Floats] = []
        upper: list[Floats] = []

        def at_most(index: Ints, value: Floats) -> None:
            exists = index != ABSENT
            rows.append(index[exists])
            upper.append(np.broadcast_to(value, index.shape)[exists].astype(np.float64))
            lower.append(np.full(len(upper[-1]), -np.inf))

        if self._shared:
            nodes = self._nodes_by_option(counts)
            at_most(self._capacity, tau * nodes[:, None])
            for loss, left in zip(self._losses, self._left_rows, strict=True):
                gone = np.zeros(len(self._problem.base))
                for c in set(loss):
                    gone[self._columns[c][1]] += min(loss.count(c), int(counts[c]))
                at_most(left, (nodes - gone)[:, None])
        else:
            index: list[Ints] = []
            most: list[Floats] = []
            for c, (m, b) in enumerate(self._columns):
                assert m is not None
                exists = self._base_share[m, b] != ABSENT
                index.append(self._base_share[m, b][exists])
                most.append(tau * counts[c] / self._base_work[m, b][exists])
            if index:
                changed, ceiling = np.concatenate(index), np.concatenate(most)
                self._solver.changeColsBounds(len(changed), changed.astype(np.int32), np.zeros(len(changed)), ceiling)
        at_most(self._group, (self._group_max - self._base_in_group @ counts)[:, None])
        if self._budget_usd is not None:
            at_most(self._budget, np.array([max(self._left_of_budget(counts), 0.0)]))
        if lost is not None:
            exists = self._carried != ABSENT
            rows.append(self._carried[exists])
            lower.append(self._needed_of_burst(counts, lost)[exists])
            upper.append(np.full(len(lower[-1]), np.inf))
        changed = np.concatenate(rows)
        self._solver.changeRowsBounds(
            len(changed), changed.astype(np.int32), np.concatenate(lower), np.concatenate(upper)
        )

    def _needed_of_burst(self, counts: Ints, lost: Ints) -> Floats:
        """(M, T) 1 + worst loss - sum N / w: the share burst must be able to carry at utilization 1."""
        needed = np.ones(self._asked.shape)
        for c, (m, b) in enumerate(self._columns):
            if m is not None:
                needed[m] += (np.minimum(lost[m, c], counts[c]) - counts[c]) / self._base_work[m, b]
        return needed

    def _nodes_by_option(self, counts: Ints) -> Floats:
        nodes = np.zeros(len(self._problem.base))
        for count, (_, b) in zip(counts.tolist(), self._columns, strict=True):
            nodes[b] += count
        return nodes

    # Reading.

    def _read(
        self,
        value: Floats,
        reduced: Floats,
        dual: Floats,
        lost: Ints | None,
        weigh: Callable[[Floats], Floats] | None,
    ) -> Recourse:
        base_share, burst_share = pick(value, self._base_share), pick(value, self._burst_share)
        unserved = pick(value, self._unserved)
        idle = pick(value, self._idle_share)
        work = np.where(np.isfinite(self._burst_work), self._burst_work, 0.0)
        nodes = work * (burst_share / self._tau + idle)
        cost = (
            (nodes * self._burst_cost[None, :, None]).sum(axis=(0, 1))
            + (base_share * self._base_egress).sum(axis=(0, 1))
            + (burst_share * self._burst_egress).sum(axis=(0, 1))
            + (unserved * self._unserved_usd).sum(axis=0)
        )
        weighted = self._budget_usd is not None
        # Duals carry the probability only where the objective does.
        dual_weight = self._weight if weigh is None else weigh(cost)
        if weighted:
            dual_weight = np.ones(len(self._cells))
        slope, z_slope = self._slopes(reduced, dual, dual_weight, lost)
        marginal = pick(dual, self._served) + pick(dual, self._carried)
        for enough in self._enough_rows:
            marginal += pick(dual, enough)
        if weighted:
            marginal = np.divide(marginal, self._weight, out=np.zeros_like(marginal), where=self._weight > 0)
        return Recourse(
            value_usd=cost,
            slope_usd=slope,
            z_slope_usd=z_slope,
            marginal_usd=marginal,
            burst_nodes=nodes,
            base_share=base_share,
            burst_share=burst_share,
            unserved=unserved,
        )

    def _slopes(self, reduced: Floats, dual: Floats, weight: Floats, lost: Ints | None) -> tuple[Floats, Floats]:
        """Dual times the change of each right-hand side per node, and per z; a bound counts by its reduced cost."""
        slope, z_slope = np.zeros(len(self._columns)), np.zeros((len(self._columns), self._k))
        group = pick(dual, self._group) @ weight
        slope -= self._base_in_group.T @ group
        if self._budget_usd is not None:
            slope -= pick(dual, self._budget)[0] * self._column_cost()
        carried = pick(dual, self._carried) * weight
        for c, (m, b) in enumerate(self._columns):
            if m is None:
                slope[c] += self._tau * float(pick(dual, self._capacity[b]) @ weight)
                for loss, rows in zip(self._losses, self._left_rows, strict=True):
                    of_left = float(pick(dual, rows[b]) @ weight)
                    slope[c] += of_left
                    z_slope[c, : loss.count(c)] -= of_left
                continue
            work = self._base_work[m, b]
            slope[c] += float((np.minimum(pick(reduced, self._base_share[m, b]), 0.0) * self._tau / work) @ weight)
            slope[c] -= float((carried[m] / work).sum())
            if lost is not None:
                for j in range(self._k):
                    z_slope[c, j] += float((carried[m] / work)[lost[m, c] > j].sum())
        return slope, z_slope


def _cell(exists: NDArray[np.bool_]) -> Ints:
    return np.broadcast_to(np.arange(exists.shape[-1]), exists.shape)[exists]


def work_where_asked(work: Floats, asked: NDArray[np.bool_]) -> Floats:
    """Work, infinite also where nothing is asked for: neither has a variable."""
    return np.where(asked[:, None, :], work, np.inf)


def pick(values: Floats, index: Ints) -> Floats:
    """Values at the indices; 0 where absent."""
    if len(values) == 0:
        return np.zeros(index.shape)
    return np.where(index == ABSENT, 0.0, values[index])
