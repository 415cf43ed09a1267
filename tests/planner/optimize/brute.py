"""Two ways of solving small planning problems that share nothing with the product but `Problem` itself.

`brute_force` tries every whole-node plan. `independent_optimum` is a second model for scipy's solver, written with busy
nodes in place of shares and with base counts as sums of unary steps.
"""

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from planner.optimize.problem import Problem
from policies.planning import Sharing

Floats = NDArray[np.float64]
Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BruteForce:
    """The best whole-node plan before launch overhead: its total and its base counts by column."""

    total_usd: float
    counts: Counts


def brute_force(problem: Problem) -> BruteForce | None:
    """The best of all whole-node plans; None where no base counts fit. Refuses what one cell alone cannot decide."""
    best: BruteForce | None = None
    base_usd = [float(problem.base_cost_usd()[b]) for _, b in problem.base_columns()]
    for counts in possible_counts(problem):
        fees = sum(usd * count for usd, count in zip(base_usd, counts, strict=True))
        dispatch = brute_dispatch_usd(problem, counts)
        if dispatch is not None and (best is None or fees + dispatch < best.total_usd):
            best = BruteForce(total_usd=fees + dispatch, counts=counts)
    return best


def brute_dispatch_usd(problem: Problem, counts: Counts) -> float | None:
    """Expected cost of the best whole-node dispatch for base counts, fees apart; None where the budget is exceeded."""
    if problem.budget_usd is None:
        return sum(float(problem.weight[t]) * brute_cell_usd(problem, counts, t) for t in range(problem.cells))
    fees = sum(float(problem.base_cost_usd()[b]) * n for (_, b), n in zip(problem.base_columns(), counts, strict=True))
    left = problem.budget_usd - fees
    if left < 0:
        return None
    assert not problem.base_egress_usd().any(), "with egress in the bill a cell's choices are not finitely many"
    assert not problem.burst_egress_usd().any(), "with egress in the bill a cell's choices are not finitely many"
    front = [(0.0, 0.0)]
    for t in range(problem.cells):
        bill, cost = _cell_choices(problem, counts, t)
        weight = float(problem.weight[t])
        merged = sorted(
            (spent + weight * b, total + weight * c)
            for spent, total in front
            for b, c in _pareto(list(zip(bill.tolist(), cost.tolist(), strict=True)))
            if spent + weight * b <= left * (1 + 1e-12)
        )
        front = _pareto(merged)
    return min(total for _, total in front)


def brute_cell_usd(problem: Problem, counts: Counts, t: int) -> float:
    """Cost of the best whole-node dispatch of one cell, before its probability."""
    return float(_cell_choices(problem, counts, t)[1].min())


def possible_counts(problem: Problem) -> list[Counts]:
    """All base counts within minimum, maximum and group, up to where a further node serves nothing."""
    tau, spare = problem.policy.target_utilization, problem.policy.survive_base_losses
    columns = problem.base_columns()
    ranges = []
    for m, b in columns:
        models = range(len(problem.models)) if m is None else [m]
        peak = 0
        for t in range(problem.cells):
            works = [problem.base_work[i, b, t] for i in models if problem.has_demand[i, t]]
            peak = max(peak, sum(math.ceil(work / tau - 1e-9) for work in works if math.isfinite(work)))
        ranges.append(range(max(peak + spare, problem.base[b].min_count) + 1))
    return [counts for counts in itertools.product(*ranges) if _counts_allowed(problem, counts)]


def _counts_allowed(problem: Problem, counts: Counts) -> bool:
    columns = problem.base_columns()
    for b, option in enumerate(problem.base):
        total = sum(n for n, (_, base) in zip(counts, columns, strict=True) if base == b)
        if total < option.min_count or (option.max_count is not None and total > option.max_count):
            return False
    return all(
        sum(n for n, (_, b) in zip(counts, columns, strict=True) if problem.base[b].count_group == group) <= most
        for group, most in problem.group_max.items()
    )


def _pareto(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    front: list[tuple[float, float]] = []
    for bill, cost in sorted(points):
        if not front or cost < front[-1][1] - 1e-15:
            front.append((bill, cost))
    return front


def _cell_choices(problem: Problem, counts: Counts, t: int) -> tuple[Floats, Floats]:
    """Bill and cost of every choice of whole nodes in a cell, each with its best use of them."""
    nodes = _node_choices(problem, counts, t)
    prices, costs = problem.burst_price_usd_hour(), problem.burst_cost_usd_hour()
    bills, totals = [], []
    for base_nodes in _base_choices(problem, counts):
        bill = nodes.sum(axis=1) @ prices
        cost = nodes.sum(axis=1) @ costs
        for m in np.flatnonzero(problem.has_demand[:, t]):
            egress, penalty = _use(problem, counts, base_nodes, nodes, int(m), t)
            bill, cost = bill + egress, cost + egress + penalty
        bills.append(bill)
        totals.append(cost)
    return np.concatenate(bills), np.concatenate(totals)


def _node_choices(problem: Problem, counts: Counts, t: int) -> Floats:
    """(choices, M, V) all whole burst nodes within the limits of the cell."""
    policy, tau = problem.policy, problem.policy.target_utilization
    shape = problem.burst_work.shape[:2]
    useful = np.zeros(shape, dtype=int)
    for m, v in np.ndindex(*shape):
        work = problem.burst_work[m, v, t]
        if problem.has_demand[m, t] and math.isfinite(work):
            useful[m, v] = math.ceil(work / tau - 1e-9)
    shares = [share for share in (policy.max_pool_share, policy.max_spot_share) if 0 < share < 1]
    if shares:
        # Idle nodes of other pools can be worth their price where they let a pool or spot grow.
        needed = math.ceil(max(useful.sum(axis=1).max(initial=0) - 1, 0) / min(shares))
        useful = np.where(useful > 0, np.maximum(useful, needed), 0)
    ranges = [np.arange(most + 1) for most in useful.ravel()]
    nodes = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, *shape).astype(np.float64)
    total = nodes.sum(axis=(1, 2))
    allowed = np.ones(len(nodes), dtype=bool)
    spot = np.zeros(len(nodes))
    for v, option in enumerate(problem.burst):
        pool = nodes[:, :, v].sum(axis=1)
        allowed &= pool <= (math.inf if option.max_count is None else option.max_count)
        if policy.max_pool_share < 1:
            allowed &= pool <= (0 if policy.max_pool_share == 0 else policy.max_pool_share * total + 1 + 1e-9)
        spot += pool if option.is_spot else 0
    if policy.max_spot_share < 1:
        allowed &= spot <= (0 if policy.max_spot_share == 0 else policy.max_spot_share * total + 1 + 1e-9)
    for group, most in problem.group_max.items():
        of_base = sum(
            n for n, (_, b) in zip(counts, problem.base_columns(), strict=True) if problem.base[b].count_group == group
        )
        members = [v for v, option in enumerate(problem.burst) if option.count_group == group]
        allowed &= nodes[:, :, members].sum(axis=(1, 2)) <= most - of_base
    return nodes[allowed]


def _base_choices(problem: Problem, counts: Counts) -> list[NDArray[np.int64]]:
    """(M, B) whole base nodes per model: one choice of own nodes, or every split of shared ones."""
    models, bases = problem.base_work.shape[:2]
    if problem.policy.sharing == Sharing.NONE:
        own = np.zeros((models, bases), dtype=np.int64)
        for n, (m, b) in zip(counts, problem.base_columns(), strict=True):
            assert m is not None
            own[m, b] = n
        return [own]
    assert problem.policy.survive_base_losses == 0, "losses of shared nodes need a program of their own"
    splits = []
    for n in counts:
        parts = [part for part in itertools.product(range(n + 1), repeat=models) if sum(part) == n]
        splits.append(parts)
    choices = []
    for chosen in itertools.product(*splits):
        given = np.zeros((models, bases), dtype=np.int64)
        for part, (_, b) in zip(chosen, problem.base_columns(), strict=True):
            given[:, b] = part
        choices.append(given)
    return choices


def _use(
    problem: Problem, counts: Counts, base_nodes: NDArray[np.int64], nodes: Floats, m: int, t: int
) -> tuple[Floats, Floats]:
    """Egress and penalty of a model for each choice of burst nodes: cheapest egress first, as much as may be served."""
    tau, k = problem.policy.target_utilization, problem.policy.survive_base_losses
    full: list[tuple[float, Floats]] = []
    carried, losses = np.zeros(len(nodes)), []
    for b in range(len(problem.base)):
        work = float(problem.base_work[m, b, t])
        if math.isfinite(work):
            full.append((float(problem.base_egress_usd()[m, b, t]), np.full(len(nodes), base_nodes[m, b] / work)))
            losses += [1 / work] * int(base_nodes[m, b])
    has_base = any(column[0] == m for column in problem.base_columns())
    for v in range(len(problem.burst)):
        work = float(problem.burst_work[m, v, t])
        if math.isfinite(work):
            full.append((float(problem.burst_egress_usd()[m, v, t]), nodes[:, m, v] / work))
    carried = sum((share for _, share in full), carried)
    must_leave = np.zeros(len(nodes))
    if k and has_base:
        must_leave = np.maximum(1 + sum(sorted(losses)[-k:]) - carried, 0)
    penalty_usd = float(problem.unserved_usd[m, t])
    want, served, egress = 1 - must_leave, np.zeros(len(nodes)), np.zeros(len(nodes))
    for usd, share in sorted(full, key=lambda pair: pair[0]):
        if usd < penalty_usd:
            taken = np.minimum(tau * share, want - served)
            served, egress = served + taken, egress + usd * taken
    return egress, (1 - served) * penalty_usd


@dataclass(slots=True)
class Rows:
    """A program for scipy, written down row by row with names for variables."""

    names: dict[object, int] = field(default_factory=dict)
    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def variable(self, name: object, *, cost: float = 0.0, upper: float = np.inf, whole: bool = False) -> None:
        self.names[name] = len(self.cost)
        self.cost.append(cost)
        self.upper.append(upper)
        self.whole.append(int(whole))

    def row(self, terms: list[tuple[object, float]], low: float, high: float) -> None:
        known = [(self.names[name], value) for name, value in terms if name in self.names]
        self.entries += [(len(self.low), column, value) for column, value in known]
        self.low.append(low)
        self.high.append(high)

    def solve(self) -> float | None:
        if not self.cost:
            return 0.0
        shape = (len(self.low), len(self.cost))
        rows, columns, values = zip(*self.entries, strict=True) if self.entries else ((), (), ())
        matrix = csr_array((values, (rows, columns)), shape=shape)
        result = milp(
            np.array(self.cost),
            integrality=np.array(self.whole),
            bounds=Bounds(0, np.array(self.upper)),
            constraints=LinearConstraint(matrix, np.array(self.low), np.array(self.high)),
            options={"mip_rel_gap": 0.0, "presolve": False},
        )
        if result.status == 2:
            return None
        assert result.status == 0, result.message
        return float(result.fun)


def independent_optimum(
    problem: Problem, *, whole: bool = False, fixed_counts: Counts | None = None, relax_base: bool = False
) -> float | None:
    """The optimum by a second model and scipy; None where there is no plan."""
    return independent_model(problem, whole=whole, fixed_counts=fixed_counts, relax_base=relax_base).solve()


def independent_model(
    problem: Problem, *, whole: bool = False, fixed_counts: Counts | None = None, relax_base: bool = False
) -> "Rows":
    """The second model."""
    page = Rows()
    steps = _independent_base(page, problem, fixed_counts, relax_base)
    bill: list[tuple[object, float]] = []
    for b, usd in enumerate(problem.base_cost_usd()):
        bill += [
            (name, float(usd)) for c, (_, base) in enumerate(problem.base_columns()) if base == b for name in steps[c]
        ]
    for t in range(problem.cells):
        bill += _independent_cell(page, problem, steps, t, whole)
    if problem.budget_usd is not None:
        page.row(bill, -np.inf, problem.budget_usd)
    return page


def _independent_base(
    page: Rows, problem: Problem, fixed_counts: Counts | None, relax_base: bool
) -> list[list[object]]:
    """A column's count as a sum of steps, each at most the one before."""
    columns = problem.base_columns()
    usd = problem.base_cost_usd()
    most = [0] * len(columns) if not columns else [max(counts) for counts in zip(*_bare_counts(problem), strict=True)]
    if fixed_counts is not None:
        most = [max(pair) for pair in zip(most, fixed_counts, strict=True)]
    steps: list[list[object]] = []
    for c, (_, b) in enumerate(columns):
        names: list[object] = [("step", c, j) for j in range(most[c])]
        for name in names:
            page.variable(name, cost=float(usd[b]), upper=1.0, whole=not relax_base)
        for above, below in itertools.pairwise(names):
            page.row([(above, 1), (below, -1)], 0, np.inf)
        if fixed_counts is not None:
            page.row([(name, 1) for name in names], fixed_counts[c], fixed_counts[c])
        steps.append(names)
    for b, option in enumerate(problem.base):
        of_option = [(name, 1.0) for c, (_, base) in enumerate(columns) if base == b for name in steps[c]]
        if of_option or option.min_count:
            page.row(of_option, option.min_count, np.inf if option.max_count is None else option.max_count)
    return steps


def _bare_counts(problem: Problem) -> list[Counts]:
    """Largest counts worth having, each column on its own."""
    tau, spare = problem.policy.target_utilization, problem.policy.survive_base_losses
    tops = []
    for m, b in problem.base_columns():
        models = range(len(problem.models)) if m is None else [m]
        nodes = np.ceil(np.nan_to_num(problem.base_work[list(models), b], posinf=0.0) / tau)
        tops.append(max(int(nodes.sum(axis=0).max(initial=0.0)) + spare, problem.base[b].min_count))
    return [tuple(tops)]


def _independent_cell(
    page: Rows, problem: Problem, steps: list[list[object]], t: int, whole: bool
) -> list[tuple[object, float]]:
    """One cell with busy nodes x = f w; returns its part of the bill."""
    policy, weight = problem.policy, float(problem.weight[t])
    columns = problem.base_columns()
    base_egress, burst_egress = problem.base_egress_usd(), problem.burst_egress_usd()
    asked = [m for m in range(len(problem.models)) if problem.has_demand[m, t]]
    bill: list[tuple[object, float]] = []
    for m in asked:
        page.variable(("u", m, t), cost=weight * float(problem.unserved_usd[m, t]))
        served: list[tuple[object, float]] = [(("u", m, t), 1.0)]
        for side, works, egress in (("x", problem.base_work, base_egress), ("y", problem.burst_work, burst_egress)):
            for o in range(works.shape[1]):
                work = float(works[m, o, t])
                if math.isfinite(work):
                    usd = weight * float(egress[m, o, t]) / work
                    page.variable((side, m, o, t), cost=usd)
                    served.append(((side, m, o, t), 1 / work))
                    bill.append(((side, m, o, t), usd))
        page.row(served, 1, 1)
        for v, option in enumerate(problem.burst):
            if math.isfinite(problem.burst_work[m, v, t]):
                price, risk = float(option.price_usd_hour), float(option.interruption_usd_hour)
                page.variable(("n", m, v, t), cost=weight * (price + risk), whole=whole)
                bill.append((("n", m, v, t), weight * price))
                page.row([(("y", m, v, t), 1), (("n", m, v, t), -policy.target_utilization)], -np.inf, 0)
    _independent_capacity(page, problem, steps, asked, t, whole)
    total: list[tuple[object, float]] = [(("n", m, v, t), 1.0) for m in asked for v in range(len(problem.burst))]
    for v, option in enumerate(problem.burst):
        pool: list[tuple[object, float]] = [(("n", m, v, t), 1.0) for m in asked]
        if option.max_count is not None:
            page.row(pool, -np.inf, option.max_count)
        _share_row(page, pool, total, policy.max_pool_share)
    spot = [(name, one) for name, one in total if problem.burst[name[2]].is_spot]  # type: ignore[index] # ("n", m, v, t)
    _share_row(page, spot, total, policy.max_spot_share)
    for group, most in problem.group_max.items():
        base = [
            (name, 1.0) for c, (_, b) in enumerate(columns) if problem.base[b].count_group == group for name in steps[c]
        ]
        burst = [(("n", m, v, t), 1.0) for m in asked for v, o in enumerate(problem.burst) if o.count_group == group]
        page.row([*base, *burst], -np.inf, most)
    return bill


def _share_row(page: Rows, some: list[tuple[object, float]], total: list[tuple[object, float]], share: float) -> None:
    if share == 0:
        page.row(some, -np.inf, 0)
    elif share < 1:
        among = {name for name, _ in some}
        page.row([(name, (1 if name in among else 0) - share) for name, _ in total], -np.inf, 1)


def _independent_capacity(
    page: Rows, problem: Problem, steps: list[list[object]], asked: list[int], t: int, whole: bool
) -> None:
    """Base capacity, whole shared nodes, and what is left after each loss."""
    tau, k = problem.policy.target_utilization, problem.policy.survive_base_losses
    columns = problem.base_columns()
    for c, (own, b) in enumerate(columns):
        users = [m for m in ([own] if own is not None else asked) if ("x", m, b, t) in page.names]
        if whole and own is None:
            for m in users:
                page.variable(("a", m, b, t), whole=True)
                page.row([(("x", m, b, t), 1), (("a", m, b, t), -tau)], -np.inf, 0)
            page.row([*((("a", m, b, t), 1.0) for m in users), *((s, -1.0) for s in steps[c])], -np.inf, 0)
        elif users:
            page.row([*((("x", m, b, t), 1.0) for m in users), *((s, -tau) for s in steps[c])], -np.inf, 0)
    if not k:
        return
    shared = problem.policy.sharing == Sharing.HOURLY
    for loss in itertools.combinations_with_replacement(range(len(columns)), k):
        for c, (_, b) in enumerate(columns):
            kept = [(s, -1.0) for s in steps[c][loss.count(c) :]]
            users = [m for m in asked if ("x", m, b, t) in page.names and columns[c][0] in (None, m)]
            for m in users:
                page.variable(("g", loss, m, c, t))
            page.row([*((("g", loss, m, c, t), 1.0) for m in users), *kept], -np.inf, 0)
        for m in asked:
            if not shared and any(columns[c][0] != m for c in loss):
                continue
            terms: list[tuple[object, float]] = [(("u", m, t), 1.0)]
            for c, (_, b) in enumerate(columns):
                terms.append((("g", loss, m, c, t), 1 / float(problem.base_work[m, b, t])))
            terms += [(("n", m, v, t), 1 / float(problem.burst_work[m, v, t])) for v in range(len(problem.burst))]
            page.row([term for term in terms if term[0] in page.names], 1, np.inf)
