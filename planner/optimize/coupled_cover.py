"""The cheapest whole nodes for each cell under every coupling, given the base counts: one small integer program a cell.

Rows as in model.py, with whole burst nodes n and, where models share base nodes, whole nodes a given to each model.
Cells are independent once the base is fixed; equal cells are solved once; where the linear program is whole already,
no integer program runs. A budget, which joins the cells, is budget.py's. Limits: for a few models and a dozen options a
cell; larger cells stop at the branch limit with a gap.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from planner.optimize.branch import SmallProgram, solve_together
from planner.optimize.coupled import ABSENT, Assembly, CoupledRecourse, pick, work_where_asked
from planner.optimize.problem import Problem
from policies.planning import Sharing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WHOLE = 1e-7
"""A linear program's count this close to a whole number is one."""
SLACK = 1e-9
"""A share left unserved that is smaller is the noise of float division."""
CUT = 1e-3
"""A rounding cut needs a fractional part further than this from 0 and 1, or its numbers grow too large."""
BRANCH_LIMIT = 200
"""Branches a cell may take before its best dispatch so far is used, with the bound proven until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeDispatch:
    """Whole nodes for each cell; costs before the cell's probability. T the cells asked for."""

    nodes: Ints
    """(M, V, T) burst nodes."""
    given: Ints
    """(M, B, T) shared base nodes given to each model; zeros where nodes are not shared."""
    base_share: Floats
    """(M, B, T)"""
    burst_share: Floats
    """(M, V, T)"""
    unserved: Floats
    """(M, T)"""
    cost_usd: Floats
    """(T,) burst price and interruption, egress and penalty."""
    bill_usd: Floats
    """(T,) burst price and egress: what is invoiced."""
    bound_usd: Floats
    """(T,) no whole-node dispatch of the cell costs less, a multiplier on the bill included."""

    def at(self, cells: Ints) -> "WholeDispatch":
        """The same for some of the cells, or with cells repeated."""
        return WholeDispatch(
            nodes=self.nodes[..., cells],
            given=self.given[..., cells],
            base_share=self.base_share[..., cells],
            burst_share=self.burst_share[..., cells],
            unserved=self.unserved[..., cells],
            cost_usd=self.cost_usd[cells],
            bill_usd=self.bill_usd[cells],
            bound_usd=self.bound_usd[cells],
        )


class WholeCover:
    """Whole-node dispatch of some cells for changing base counts; the budget apart."""

    def __init__(self, problem: Problem, cells: Ints) -> None:
        self._problem = problem
        distinct, self._like = _distinct(problem, cells)
        self._cells = cells[distinct]
        self._columns = problem.base_columns()
        self._tau = problem.policy.target_utilization
        self._k = problem.policy.survive_base_losses
        self._shared = problem.policy.sharing == Sharing.HOURLY
        self._asked = problem.has_demand[:, self._cells]
        self._base_work = work_where_asked(problem.base_work[:, :, self._cells], self._asked)
        self._burst_work = work_where_asked(problem.burst_work[:, :, self._cells], self._asked)
        self._base_egress = problem.base_egress_usd()[:, :, self._cells]
        self._burst_egress = problem.burst_egress_usd()[:, :, self._cells]
        self._unserved_usd = problem.unserved_usd[:, self._cells]
        self._assembly = Assembly()
        self._recourse: dict[float, CoupledRecourse] = {}
        self._define()
        self._meet_demand()
        self._limit_counts()
        self._limit_shares()
        self._survive()
        self._slice()

    def cover(
        self,
        counts: Ints,
        *,
        bill_multiplier: float = 0.0,
        most_bill_usd: Floats | None = None,
        only: Ints | None = None,
        branch_limit: int = BRANCH_LIMIT,
    ) -> WholeDispatch:
        """The cheapest whole nodes for base counts (C,), which must respect the groups' maxima.

        `bill_multiplier`: each dollar billed costs that much more in the comparison and in `bound_usd`; `cost_usd` is
        without it. `most_bill_usd` (T,): limit on each cell's bill. `only`: positions of the cells wanted.
        """
        wanted = np.arange(len(self._like)) if only is None else only
        like = self._like[wanted]
        limit = np.full(len(self._cells), np.inf)
        if most_bill_usd is not None:
            # Equal cells with different limits are told apart by solving with the least of them.
            np.minimum.at(limit, like, most_bill_usd[wanted])
        todo = np.unique(like)
        nodes = np.zeros(self._burst_work.shape, dtype=np.int64)
        given = np.zeros(self._base_work.shape, dtype=np.int64)
        floor = np.zeros(self._asked.shape)
        bound = np.zeros(len(self._cells))
        if most_bill_usd is None and self._assembly.columns:
            settled = self._take_relaxation(counts, bill_multiplier, nodes, given, floor, bound)
            todo = todo[~settled[todo]]
        cost = self._objective(bill_multiplier)
        bounds = (cost, *self._bounds(counts))
        capacity, needed = self._own_capacity(counts), self._needed_of_burst(counts)
        todo = todo[[len(self._cell_columns[t]) > 0 for t in todo]]
        programs = [self._program(t, bounds, limit[t], capacity, needed) for t in todo.tolist()]
        for t, found in zip(todo.tolist(), solve_together(programs, branch_limit=branch_limit), strict=True):
            value = self._nothing(t) if found.x is None else found.x
            nodes[..., t] = np.rint(pick(value, self._local(self._nodes, t)))
            given[..., t] = np.rint(pick(value, self._local(self._given, t)))
            floor[..., t] = pick(value, self._local(self._unserved, t))
            bound[t] = max(bound[t], found.bound)
        return self._settle(counts, nodes, given, floor, bound, bill_multiplier, limit).at(like)

    # The program of all cells, sliced by cell when solved.

    def _define(self) -> None:
        assembly, policy = self._assembly, self._problem.policy
        bursts = np.isfinite(self._burst_work)
        for v, option in enumerate(self._problem.burst):
            if policy.max_pool_share == 0 or (policy.max_spot_share == 0 and option.is_spot) or option.max_count == 0:
                bursts[:, v] = False
        bases = np.isfinite(self._base_work)
        self._base_share = assembly.add_columns(bases)
        self._burst_share = assembly.add_columns(bursts)
        self._nodes = assembly.add_columns(bursts)
        self._given = assembly.add_columns(bases & self._shared)
        self._unserved = assembly.add_columns(self._asked)

    def _meet_demand(self) -> None:
        assembly, tau = self._assembly, self._tau
        served = assembly.add_rows(self._asked, 1.0, 1.0)
        for share in (self._base_share, self._burst_share):
            assembly.add_terms(served[:, None, :], share, 1.0)
        assembly.add_terms(served, self._unserved, 1.0)
        # A share is at most 1 and nodes are whole, so a node need not count for more than the whole demand.
        burst_rows = assembly.add_rows(self._burst_share != ABSENT, -np.inf, 0.0)
        assembly.add_terms(burst_rows, self._burst_share, 1.0)
        assembly.add_terms(burst_rows, self._nodes, -np.minimum(tau / self._burst_work, 1.0))
        given_rows = assembly.add_rows(self._given != ABSENT, -np.inf, 0.0)
        assembly.add_terms(given_rows, self._base_share, 1.0)
        assembly.add_terms(given_rows, self._given, -np.minimum(tau / self._base_work, 1.0))
        self._capacity = assembly.add_rows((self._given != ABSENT).any(axis=0), -np.inf, 0.0)
        assembly.add_terms(self._capacity[None], self._given, 1.0)

    def _limit_counts(self) -> None:
        problem, assembly = self._problem, self._assembly
        on = (self._nodes != ABSENT).any(axis=0)
        most = np.array([np.inf if o.max_count is None else o.max_count for o in problem.burst])
        rows = assembly.add_rows(on & np.isfinite(most)[:, None], -np.inf, 0.0)
        assembly.row_upper[-1] = np.broadcast_to(most[:, None], on.shape)[rows != ABSENT]
        assembly.add_terms(rows[None], self._nodes, 1.0)
        self._groups: list[tuple[Ints, NDArray[np.bool_], int]] = []
        for group, group_max in problem.group_max.items():
            members = np.array([option.count_group == group for option in problem.burst], dtype=bool)
            base = np.array([problem.base[b].count_group == group for _, b in self._columns], dtype=bool)
            row = assembly.add_rows((on & members[:, None]).any(axis=0), -np.inf, 0.0)
            assembly.add_terms(np.where(members[None, :, None], row[None, None], ABSENT), self._nodes, 1.0)
            self._groups.append((row, base, group_max))

    def _limit_shares(self) -> None:
        policy, assembly = self._problem.policy, self._assembly
        on = (self._nodes != ABSENT).any(axis=0)
        if 0 < policy.max_pool_share < 1:
            rows = assembly.add_rows(on, -np.inf, 1.0)
            for v, row in enumerate(rows):
                itself = np.arange(len(rows)) == v
                assembly.add_terms(row[None, None], self._nodes, (itself - policy.max_pool_share)[None, :, None])
        if 0 < policy.max_spot_share < 1:
            spot = np.array([option.is_spot for option in self._problem.burst], dtype=bool)
            row = assembly.add_rows((on & spot[:, None]).any(axis=0), -np.inf, 1.0)
            assembly.add_terms(row[None, None], self._nodes, (spot - policy.max_spot_share)[None, :, None])

    def _survive(self) -> None:
        assembly, on = self._assembly, np.isfinite(self._base_work)
        own = on.any(axis=1) & bool(self._k) & (not self._shared)
        self._carried = assembly.add_rows(own, -np.inf, np.inf)
        self._add_at_full(self._carried)
        losses = range(len(self._columns)) if self._k and self._shared else range(0)
        self._losses = list(combinations_with_replacement(losses, self._k)) if losses else []
        self._left_rows: list[Ints] = []
        for _ in self._losses:
            left = assembly.add_columns(on)
            enough = assembly.add_rows(self._asked, 1.0, np.inf)
            assembly.add_terms(enough[:, None, :], left, 1.0)
            self._add_at_full(enough)
            self._left_rows.append(assembly.add_rows(on.any(axis=0), -np.inf, 0.0))
            assembly.add_terms(self._left_rows[-1][None], left, self._base_work)

    def _add_at_full(self, rows: Ints) -> None:
        self._assembly.add_terms(rows[:, None, :], self._nodes, np.minimum(1 / self._burst_work, 1.0))
        self._assembly.add_terms(rows, self._unserved, 1.0)

    def _slice(self) -> None:
        """Cuts the program into cells: its variables, its rows and its part of the matrix with local indices."""
        assembly, cells = self._assembly, len(self._cells)
        column_cell = np.concatenate(assembly.column_cell)
        row_cell = np.concatenate(assembly.row_cell)
        self._cell_columns = _by_cell(column_cell, cells)
        self._cell_rows = _by_cell(row_cell, cells)
        self._position = np.zeros(assembly.columns, dtype=np.int64)
        for columns in self._cell_columns:
            self._position[columns] = np.arange(len(columns))
        self._whole = np.zeros(assembly.columns, dtype=bool)
        for index in (self._nodes, self._given):
            self._whole[index[index != ABSENT]] = True
        row, column, value = assembly.matrix()
        self._matrix = []
        for t, entries in enumerate(_by_cell(row_cell[row], cells)):
            start = np.searchsorted(row[entries], np.append(self._cell_rows[t], assembly.rows))
            self._matrix.append((start, self._position[column[entries]], value[entries]))

    def _local(self, index: Ints, t: int) -> Ints:
        part = index[..., t]
        return np.where(part == ABSENT, ABSENT, self._position[np.maximum(part, 0)]) if len(self._position) else part

    # What depends on the base counts.

    def _objective(self, bill_multiplier: float) -> Floats:
        factor = 1 + bill_multiplier
        cost = np.zeros(self._assembly.columns)
        problem = self._problem
        node_usd = problem.burst_cost_usd_hour() + bill_multiplier * problem.burst_price_usd_hour()
        for index, usd in (
            (self._nodes, np.broadcast_to(node_usd[None, :, None], self._nodes.shape)),
            (self._base_share, factor * self._base_egress),
            (self._burst_share, factor * self._burst_egress),
            (self._unserved, self._unserved_usd),
        ):
            cost[index[index != ABSENT]] = usd[index != ABSENT]
        return cost

    def _bounds(self, counts: Ints) -> tuple[Floats, Floats, Floats]:
        """Upper bounds of variables and rows, and lower bounds of rows."""
        assembly = self._assembly
        upper = np.concatenate(assembly.upper)
        row_upper, row_lower = np.concatenate(assembly.row_upper), np.concatenate(assembly.row_lower)
        for row, base, group_max in self._groups:
            row_upper[row[row != ABSENT]] = group_max - int(counts[base].sum())
        if self._shared:
            for c, (_, b) in enumerate(self._columns):
                row = self._capacity[b]
                row_upper[row[row != ABSENT]] = counts[c]
                for loss, rows in zip(self._losses, self._left_rows, strict=True):
                    row_upper[rows[b][rows[b] != ABSENT]] = counts[c] - min(loss.count(c), int(counts[c]))
            return upper, row_upper, row_lower
        index = self._base_share != ABSENT
        upper[self._base_share[index]] = self._own_capacity(counts)[index]
        index = self._carried != ABSENT
        row_lower[self._carried[index]] = self._needed_of_burst(counts)[index]
        return upper, row_upper, row_lower

    def _own_capacity(self, counts: Ints) -> Floats:
        """(M, B, T) share of the cell's demand that own base nodes serve at the target utilization."""
        capacity = np.zeros(self._base_work.shape)
        for count, (m, b) in zip(counts.tolist(), self._columns, strict=True):
            if m is not None:
                capacity[m, b] = self._tau * count / self._base_work[m, b]
        return capacity

    def _needed_of_burst(self, counts: Ints) -> Floats:
        """(M, T) 1 + worst loss of own base - all own base, at utilization 1."""
        needed = np.ones(self._asked.shape)
        for m in range(len(self._asked)):
            own = [(int(counts[c]), b) for c, (model, b) in enumerate(self._columns) if model == m]
            if not own:
                continue
            carries = [1 / self._base_work[m, b] for count, b in own for _ in range(min(count, self._k))]
            needed[m] -= sum(count / self._base_work[m, b] for count, b in own)
            if carries:
                needed[m] += np.sort(np.array(carries), axis=0)[-self._k :].sum(axis=0)
        return needed

    def _take_relaxation(
        self, counts: Ints, bill_multiplier: float, nodes: Ints, given: Ints, floor: Floats, bound: Floats
    ) -> NDArray[np.bool_]:
        """Fills in the cells whose linear program is whole already, and every cell's bound; says which are filled."""
        if bill_multiplier not in self._recourse:
            self._recourse[bill_multiplier] = CoupledRecourse(
                self._problem, self._cells, bill_multiplier=bill_multiplier
            )
        relaxed = self._recourse[bill_multiplier].evaluate(counts)
        if relaxed is None:
            raise ValueError("base counts break the maximum of a count group")
        bound[:] = relaxed.value_usd
        rounded = np.rint(relaxed.burst_nodes)
        whole = (np.abs(relaxed.burst_nodes - rounded) <= WHOLE).all(axis=(0, 1))
        nodes[:] = rounded
        floor[:] = relaxed.unserved
        if self._shared:
            work = np.where(np.isfinite(self._base_work), self._base_work, 0.0)
            given[:] = np.ceil(relaxed.base_share * work / self._tau - WHOLE)
            rented = np.zeros(len(self._problem.base))
            for count, (_, b) in zip(counts.tolist(), self._columns, strict=True):
                rented[b] += count
            whole = whole & (given.sum(axis=0) <= rented[:, None]).all(axis=0)
        return np.asarray(whole)

    def _coverings(self, t: int, capacity: Floats, needed_of_burst: Floats) -> list[tuple[Ints, int, Floats, float]]:
        """Per model: whole variables x, the unserved share u, and a, r of a row sum a x + u >= r that the cell implies.

        Target utilization: nodes serve what own base leaves; losses: burst at utilization 1 carries what base cannot.
        """
        rows = []
        for m in np.flatnonzero(self._asked[:, t]).tolist():
            unserved = int(self._local(self._unserved, t)[m])
            burst, given = self._local(self._nodes, t)[m], self._local(self._given, t)[m]
            at_full = 1 / self._burst_work[m, burst != ABSENT, t]
            of_base = 1 / self._base_work[m, given != ABSENT, t]
            nodes, own = burst[burst != ABSENT], given[given != ABSENT]
            left = 1.0 - float(capacity[m, :, t].sum())
            rows.append((np.append(nodes, own), unserved, self._tau * np.append(at_full, of_base), left))
            if self._carried[m, t] != ABSENT:
                rows.append((nodes, unserved, at_full, float(needed_of_burst[m, t])))
        return [row for row in rows if len(row[0]) and row[3] > CUT]

    def _program(
        self,
        t: int,
        bounds: tuple[Floats, Floats, Floats, Floats],
        most_bill_usd: float,
        capacity: Floats,
        needed_of_burst: Floats,
    ) -> SmallProgram:
        cost, upper, row_upper, row_lower = bounds
        columns, rows = self._cell_columns[t], self._cell_rows[t]
        start, column, value = self._matrix[t]
        low, high = row_lower[rows], row_upper[rows]
        if np.isfinite(most_bill_usd):
            bill = self._bill_coefficients(t)
            billed = np.flatnonzero(bill)
            start = np.append(start, start[-1] + len(billed))
            column, value = np.concatenate([column, billed]), np.concatenate([value, bill[billed]])
            low, high = np.append(low, -np.inf), np.append(high, most_bill_usd)
        for nodes, unserved, carries, needed in self._coverings(t, capacity, needed_of_burst):
            cuts, least = rounding_cuts(carries, needed)
            start = np.append(start, start[-1] + (len(nodes) + 1) * np.arange(1, len(least) + 1))
            column = np.concatenate([column, np.tile(np.append(nodes, unserved), len(least))])
            value = np.concatenate([value, cuts.ravel()])
            low, high = np.append(low, least), np.append(high, np.full(len(least), np.inf))
        return SmallProgram(
            cost=cost[columns],
            upper=upper[columns],
            row_lower=low,
            row_upper=high,
            start=start,
            column=column,
            value=value,
            whole=self._whole[columns],
        )

    def _nothing(self, t: int) -> Floats:
        """No burst and nothing served: always within every limit."""
        value = np.zeros(len(self._cell_columns[t]))
        unserved = self._local(self._unserved, t)
        value[unserved[unserved != ABSENT]] = 1.0
        return value

    def _bill_coefficients(self, t: int) -> Floats:
        bill = np.zeros(len(self._cell_columns[t]))
        price = np.broadcast_to(self._problem.burst_price_usd_hour(), self._nodes.shape[:2])
        for index, usd in (
            (self._nodes, price),
            (self._base_share, self._base_egress[..., t]),
            (self._burst_share, self._burst_egress[..., t]),
        ):
            local = self._local(index, t)
            bill[local[local != ABSENT]] = usd[local != ABSENT]
        return bill

    def _settle(
        self,
        counts: Ints,
        nodes: Ints,
        given: Ints,
        floor: Floats,
        bound: Floats,
        bill_multiplier: float,
        most_bill_usd: Floats,
    ) -> WholeDispatch:
        """Shares, unserved demand and costs recomputed from the whole nodes: each model fills its cheapest egress."""
        capacity = self._tau * given / self._base_work if self._shared else self._own_capacity(counts)
        capacity = np.concatenate([capacity, self._tau * nodes / self._burst_work], axis=1)
        egress = np.concatenate([self._base_egress, self._burst_egress], axis=1) * (1 + bill_multiplier)
        least = self._least_unserved(counts, nodes, floor)
        worth = egress <= self._unserved_usd[:, None, :]
        limited = np.isfinite(most_bill_usd)
        least = np.where(limited, np.maximum(least, floor), least)
        share, unserved = _fill(np.where(worth, capacity, 0.0), egress, self._asked, least)
        base_share, burst_share = np.split(share, [len(self._problem.base)], axis=1)
        egress_usd = (base_share * self._base_egress).sum(axis=(0, 1)) + (burst_share * self._burst_egress).sum(
            axis=(0, 1)
        )
        bill = (nodes * self._problem.burst_price_usd_hour()[None, :, None]).sum(axis=(0, 1)) + egress_usd
        cost = (
            (nodes * self._problem.burst_cost_usd_hour()[None, :, None]).sum(axis=(0, 1))
            + egress_usd
            + (unserved * self._unserved_usd).sum(axis=0)
        )
        return WholeDispatch(
            nodes=nodes,
            given=given,
            base_share=base_share,
            burst_share=burst_share,
            unserved=unserved,
            cost_usd=cost,
            bill_usd=bill,
            bound_usd=np.minimum(bound, cost + bill_multiplier * bill),
        )

    def _least_unserved(self, counts: Ints, nodes: Ints, floor: Floats) -> Floats:
        """(M, T) share that must stay unserved so that the rest survives the losses."""
        if not self._k:
            return np.zeros(self._asked.shape)
        if self._shared:
            return floor
        at_full = (nodes / self._burst_work).sum(axis=1)
        least = np.maximum(self._needed_of_burst(counts) - at_full, 0.0)
        return np.where(np.isfinite(self._base_work).any(axis=1), least, 0.0)


def rounding_cuts(carries: Floats, needed: float) -> tuple[Floats, Floats]:
    """Rows (K, x and u) and least values (K,) of mixed-integer rounding of sum a x + u >= r, x whole, one for each a.

    With d the divisor and p the fractional part of r/d: sum (floor(a/d) + min(frac(a/d)/p, 1)) x + u/(d p) >= ceil(r/d)
    (Nemhauser and Wolsey 1990). No whole solution breaks them; fractional ones do, which saves most branches.
    """
    carries = np.minimum(carries, needed)
    divisor = np.unique(carries)
    part = needed / divisor - np.floor(needed / divisor)
    divisor, part = divisor[(part > CUT) & (part < 1 - CUT)], part[(part > CUT) & (part < 1 - CUT)]
    ratio = carries[None, :] / divisor[:, None] + SLACK
    whole = np.floor(ratio)
    rounded = whole + np.minimum((ratio - whole) / part[:, None], 1.0)
    return np.column_stack([rounded, 1 / (divisor * part)]), np.ceil(needed / divisor)


def _fill(capacity: Floats, egress: Floats, asked: NDArray[np.bool_], least: Floats) -> tuple[Floats, Floats]:
    """Shares (M, O, T) and unserved (M, T): options filled in order of egress, all but `least` of the demand."""
    order = np.argsort(egress, axis=1, kind="stable")
    ordered = np.take_along_axis(capacity, order, axis=1)
    want = np.where(asked, 1.0 - least, 0.0)[:, None, :]
    reached = np.minimum(np.cumsum(ordered, axis=1), want)
    share = np.empty_like(capacity)
    np.put_along_axis(share, order, np.diff(reached, axis=1, prepend=0.0), axis=1)
    unserved = np.where(asked, 1.0 - share.sum(axis=1), 0.0)
    return share, np.where(unserved <= SLACK, 0.0, unserved)


def _distinct(problem: Problem, cells: Ints) -> tuple[Ints, Ints]:
    """Positions of cells that differ, and for each cell the number of the one it equals."""
    parts = [problem.base_work, problem.burst_work, problem.base_egress_usd(), problem.burst_egress_usd()]
    flat = [part[:, :, cells].reshape(-1, len(cells)) for part in parts] + [problem.unserved_usd[:, cells]]
    _, first, like = np.unique(np.concatenate(flat).T, axis=0, return_index=True, return_inverse=True)
    return first, like.reshape(-1)


def _by_cell(cell: Ints, cells: int) -> list[Ints]:
    order = np.argsort(cell, kind="stable")
    return np.split(order, np.searchsorted(cell[order], np.arange(1, cells)))
