"""Recourse by merit order: what burst and unserved demand cost once the base counts N are fixed. Pure (numpy only).

Once N is fixed, a cell of one model is a merit order: the base serves first (its egress is within its allowance), the
rest r = max(0, 1 - sum_b N_b * target / w_b) goes to the cheapest burst option, never dearer than leaving it unserved.
The cost is convex and piecewise linear in N; one slope per base column makes a cut. Limits on counts, shares and
survival are left out here, so a value is a lower bound, exact in every cell whose dispatch obeys them; `dispatch` says
what to check. One count group as the only coupling is solved exactly (two rows, a concave envelope).
"""

from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import Floats, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class MeritValue:
    """Recourse of given counts. C base columns, M models, V burst options, T cells."""

    value_usd: Floats
    """(M, T) cost of burst, egress and unserved, not weighted by probability."""
    slope_usd: Floats
    """(C, T) change of the cost per further node of a base column, not weighted."""
    marginal_usd: Floats
    """(M, T) cost of a further share of the cell's demand (per whole demand of the cell)."""
    residual: Floats
    """(M, T) share of the demand left to burst and unserved."""


class MeritOrder:
    """The merit order of every cell, prepared once; `evaluate` prices one vector of counts."""

    def __init__(self, problem: Problem, *, group: str | None = None) -> None:
        """`group`: the count group to honour exactly, in a fleet of one model; see `only_group`."""
        target = problem.policy.target_utilization
        self._columns = [(m, b) for m, b in problem.base_columns() if m is not None]
        demand = problem.has_demand
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.array(
                [np.where(demand[m], target / problem.base_work[m, b], 0.0) for m, b in self._columns],
                dtype=np.float64,
            ).reshape(len(self._columns), problem.cells)
        self.share = np.nan_to_num(share)
        """(C, T) share of the cell's demand that one node of the column serves."""
        self.cost_usd = burst_cost_of_share(problem)
        """(M, V, T) cost of serving the cell's whole demand from one burst option; inf where it cannot."""
        self._model_of = np.array([m for m, _ in self._columns], dtype=np.int64)
        self._demand = demand
        self.group = group
        grouped = np.zeros(len(problem.burst), dtype=bool)
        if self.group is not None:
            grouped = np.array([option.count_group == self.group for option in problem.burst])
        free = np.where(grouped[None, :, None], np.inf, self.cost_usd)
        self._best_option = free.argmin(axis=1) if len(problem.burst) else np.zeros(demand.shape, dtype=np.int64)
        best = np.minimum(problem.unserved_usd, free.min(axis=1, initial=np.inf))
        self._burst_pays = best < problem.unserved_usd
        self.open_cost_usd = np.where(demand, best, 0.0)
        """(M, T) the cheapest of the options without a group and of leaving demand unserved."""
        self._grouped = np.flatnonzero(grouped)
        self._group_max = 0 if self.group is None else problem.group_max[self.group]
        self._in_group = np.array([problem.base[b].count_group == self.group for _, b in self._columns], dtype=bool)
        self._nodes_per_share = problem.burst_work[:, self._grouped] / target

    def evaluate(self, counts: Floats) -> MeritValue:
        """Recourse, slopes and marginal costs of the counts (C,), which may be fractional."""
        residual = self._demand.astype(np.float64)
        for column, m in enumerate(self._model_of):
            residual[m] -= counts[column] * self.share[column]
        np.maximum(residual, 0.0, out=residual)
        marginal = np.where(residual > 0, self.open_cost_usd, 0.0)
        value = residual * self.open_cost_usd
        node_price = np.zeros(value.shape[1])
        if self.group is not None:
            left = self._group_max - float(counts[self._in_group].sum())
            saved, saved_slope, node_price = self._group_saving(residual, max(left, 0.0))
            value -= saved
            marginal = np.maximum(marginal - saved_slope, 0.0)
        slope = -marginal[self._model_of] * self.share if len(self._columns) else np.zeros((0, value.shape[1]))
        slope[self._in_group] += node_price
        return MeritValue(value_usd=value, slope_usd=slope, marginal_usd=marginal, residual=residual)

    def _group_saving(self, residual: Floats, nodes_left: float) -> tuple[Floats, Floats, Floats]:
        """What the group's options save against the open cost, its derivative by residual, and the price of a node.

        With gains g_j = open cost - cost_j and a_j nodes per share, the best use of R nodes for a residual r is
        r * env(R / r), env the concave envelope of (0, 0) and the points (a_j, g_j).
        """
        m = 0  # a group is honoured here in a fleet of one model only
        saved, slope = np.zeros_like(residual), np.zeros_like(residual)
        price = np.zeros(residual.shape[1])
        cells = np.flatnonzero(residual[m] > 0)
        if not len(cells):
            return saved, slope, price
        rest = residual[m, cells]
        per_share = nodes_left / rest
        cost = self.cost_usd[m][self._grouped][:, cells]
        gain = np.maximum(self.open_cost_usd[m, cells] - cost, 0.0)
        nodes = self._nodes_per_share[m][:, cells]
        best, best_price = np.zeros(len(cells)), np.zeros(len(cells))
        zero = np.zeros((1, len(cells)))
        x = np.concatenate([zero, np.where(np.isfinite(nodes), nodes, 0.0)])
        y = np.concatenate([zero, np.where(np.isfinite(nodes), gain, 0.0)])
        for i in range(len(x)):
            point = (x[i] <= per_share) & (y[i] > best)
            best, best_price = np.where(point, y[i], best), np.where(point, 0.0, best_price)
        for i in range(len(x)):
            for j in range(1, len(x)):
                rises = (x[i] <= per_share) & (per_share < x[j]) & (y[j] > y[i])
                step = np.where(rises, (y[j] - y[i]) / np.where(rises, x[j] - x[i], 1.0), 0.0)
                at = y[i] + step * (per_share - x[i])
                # Of equal values the steepest: at a corner of the envelope, and where no node is left, only slopes
                # at least as steep as the way on make a valid cut.
                better = rises & ((at > best) | ((at == best) & (step > best_price)))
                best, best_price = np.where(better, at, best), np.where(better, step, best_price)
        saved[m, cells] = rest * best
        slope[m, cells] = best - per_share * best_price
        price[cells] = best_price
        return saved, slope, price

    def dispatch(self, value: MeritValue, problem: Problem) -> Floats:
        """(M, V, T) fractional nodes of the merit order, the group left out: what limits must be checked against."""
        nodes = np.zeros(self.cost_usd.shape)
        for m in range(len(nodes)):
            cells = np.flatnonzero((value.residual[m] > 0) & self._burst_pays[m])
            best = self._best_option[m, cells]
            work = problem.burst_work[m, best, cells] / problem.policy.target_utilization
            nodes[m, best, cells] = value.residual[m, cells] * work
        return nodes


def burst_cost_of_share(problem: Problem) -> Floats:
    """(M, V, T) USD of serving the cell's whole demand from one burst option at target utilization; inf: cannot."""
    work = np.where(np.isfinite(problem.burst_work), problem.burst_work, 0.0)
    cost = work * (problem.burst_cost_usd() / problem.policy.target_utilization) + problem.burst_egress_usd()
    return np.where(np.isfinite(problem.burst_work), cost, np.inf)


def only_group(problem: Problem) -> str | None:
    """The count group that the merit order can honour exactly: the only coupling of a fleet of one model."""
    groups = {option.count_group for option in problem.burst if option.count_group is not None}
    alone = len(groups) == 1 and len(problem.models) == 1
    policy = problem.policy
    uncoupled = policy.survive_base_losses == 0 and policy.max_pool_share >= 1 and policy.max_spot_share >= 1
    unlimited = all(option.max_count is None for option in problem.burst)
    return next(iter(groups)) if alone and uncoupled and unlimited else None
