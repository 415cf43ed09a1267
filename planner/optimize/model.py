"""The planning problem as a linear program in PuLP: sets, variables, one function per family of constraints.

The readable statement of the problem and the cross-check of the decomposition; exact, and slow beyond a few thousand
cells. Limits: duals of the whole-node program are not prices, so none are read here.

Sets: models m, base options b, burst options v, cells t (an hour of a scenario), columns c = (m, b), or (None, b) where
models share base nodes. A variable exists only where there is demand and the option can serve the model. With
`whole_burst` burst nodes are whole, and so are shared base nodes given to a model in an hour; what remains after losing
base nodes is always shared out in fractions.
"""

from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any, Literal, TypeAlias

import numpy as np
import pulp
from numpy.typing import NDArray

from planner.optimize.aim import aim_of
from planner.optimize.limits import most_useful_counts, refuse_impossible
from planner.optimize.problem import Problem
from planner.optimize.solver import SolverName, bound_usd, run
from policies.planning import Aim, Sharing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column: TypeAlias = tuple[int | None, int]
"""(model, base option); model None: shared by all."""
Loss: TypeAlias = tuple[Column, ...]
"""Base nodes lost together, with repetition."""
Expression: TypeAlias = Any  # pulp ships no types that hold through its operators


@dataclass(frozen=True, slots=True, kw_only=True)
class Monolith:
    """The program and its variables, keyed by what they mean. Read values from the dictionaries, never from names."""

    lp: pulp.LpProblem
    problem: Problem
    whole_burst: bool
    base: dict[Column, pulp.LpVariable] = field(default_factory=dict)
    """N: nodes rented over the horizon."""
    rented: dict[tuple[Column, int], pulp.LpVariable] = field(default_factory=dict)
    """z: whether at least j nodes of the column are rented, j = 1 .. survive_base_losses."""
    base_share: dict[tuple[int, int, int], pulp.LpVariable] = field(default_factory=dict)
    """f by (m, b, t): share of the cell's demand served from base."""
    burst_share: dict[tuple[int, int, int], pulp.LpVariable] = field(default_factory=dict)
    """f by (m, v, t)."""
    burst: dict[tuple[int, int, int], pulp.LpVariable] = field(default_factory=dict)
    """n by (m, v, t): burst nodes."""
    unserved: dict[tuple[int, int], pulp.LpVariable] = field(default_factory=dict)
    """u by (m, t)."""
    given: dict[tuple[int, int, int], pulp.LpVariable] = field(default_factory=dict)
    """a by (m, b, t): shared base nodes given to the model in the cell."""
    left: dict[tuple[Loss, int, int, int], pulp.LpVariable] = field(default_factory=dict)
    """g by (loss, m, b, t): share served from shared base at utilization 1 after the loss."""

    def add(self, row: Expression, name: str) -> None:
        """Adds a named row."""
        self.lp.addConstraint(row, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonolithResult:
    """The best solution found. Axes as in `Problem`; 0 where a variable does not exist."""

    counts: Ints
    """(C,) nodes of each base column."""
    objective_usd: float
    """Recomputed from the variables, integers rounded."""
    bound_usd: float | None
    """The solver's proven lower bound; None where it tells none."""
    status: Literal["optimal", "limit"]
    burst_nodes: Floats
    """(M, V, T)"""
    base_share: Floats
    """(M, B, T)"""
    burst_share: Floats
    """(M, V, T)"""
    given_nodes: Floats
    """(M, B, T) shared base nodes given to each model; zeros where nodes are not shared."""
    unserved: Floats
    """(M, T)"""


def build(
    problem: Problem, *, whole_burst: bool = False, relax_base: bool = False, fixed_counts: Ints | None = None
) -> Monolith:
    """The whole program. `whole_burst`: burst in whole nodes; `relax_base`: base counts may be fractions.

    `fixed_counts` (C,): base counts that are given.
    """
    page = Monolith(lp=pulp.LpProblem("baseload", pulp.LpMinimize), problem=problem, whole_burst=whole_burst)
    define_base(page, relax=relax_base, fixed_counts=fixed_counts)
    define_dispatch(page)
    meet_demand(page)
    keep_within_base(page)
    keep_within_burst(page)
    keep_counts(page)
    keep_group_counts(page)
    limit_pool_share(page)
    limit_spot_share(page)
    if problem.policy.survive_base_losses:
        tell_rented(page)
        survive_losses(page)
    keep_budget(page)
    keep_service(page)
    page.lp.setObjective(aimed_usd(page))
    return page


# Variables.


def define_base(page: Monolith, *, relax: bool, fixed_counts: Ints | None) -> None:
    """N_c >= 0, whole; z_cj in {0, 1} for j = 1 .. k."""
    kind = pulp.LpContinuous if relax else pulp.LpInteger
    most = most_useful_counts(page.problem) if fixed_counts is None else fixed_counts
    least = np.zeros_like(most) if fixed_counts is None else fixed_counts
    for column, low, high in zip(page.problem.base_columns(), least.tolist(), most.tolist(), strict=True):
        page.base[column] = page.lp.add_variable(f"base_{_word(column)}", low, high, kind)
        for j in range(1, page.problem.policy.survive_base_losses + 1):
            name = f"rented_{_word(column)}_{j}"
            page.rented[column, j] = page.lp.add_variable(name, 0, 1, kind)


def define_dispatch(page: Monolith) -> None:
    """f, u, n, a >= 0 where there is demand and the work is finite."""
    problem = page.problem
    kind = pulp.LpInteger if page.whole_burst else pulp.LpContinuous
    shared = problem.policy.sharing == Sharing.HOURLY
    for m, t in _pairs(problem.has_demand):
        cell = f"m{m}_t{t:03d}"
        page.unserved[m, t] = page.lp.add_variable(f"unserved_{cell}", 0)
        for b in np.flatnonzero(np.isfinite(problem.base_work[m, :, t])).tolist():
            page.base_share[m, b, t] = page.lp.add_variable(f"base_share_b{b}_{cell}", 0)
            if shared:
                page.given[m, b, t] = page.lp.add_variable(f"given_b{b}_{cell}", 0, None, kind)
        for v in np.flatnonzero(np.isfinite(problem.burst_work[m, :, t])).tolist():
            page.burst_share[m, v, t] = page.lp.add_variable(f"burst_share_v{v}_{cell}", 0)
            page.burst[m, v, t] = page.lp.add_variable(f"burst_v{v}_{cell}", 0, None, kind)


# Rows, a family each.


def meet_demand(page: Monolith) -> None:
    """sum_o f_mot + u_mt = 1: each share of the demand is served by some option or left unserved."""
    served: dict[tuple[int, int], list[pulp.LpVariable]] = {cell: [u] for cell, u in page.unserved.items()}
    for shares in (page.base_share, page.burst_share):
        for (m, _, t), share in shares.items():
            served[m, t].append(share)
    for (m, t), shares_of_cell in served.items():
        page.add(pulp.lpSum(shares_of_cell) == 1, f"meet_demand_m{m}_t{t:03d}")


def keep_within_base(page: Monolith) -> None:
    """f_mbt w_mbt <= tau N_mb; shared: f_mbt w_mbt <= tau a_mbt and sum_m a_mbt <= N_b."""
    tau, work = page.problem.policy.target_utilization, page.problem.base_work
    given: dict[tuple[int, int], list[pulp.LpVariable]] = {}
    for (m, b, t), share in page.base_share.items():
        if (m, b, t) in page.given:
            nodes = page.given[m, b, t]
            given.setdefault((b, t), []).append(nodes)
        else:
            nodes = page.base[m, b]
        page.add(float(work[m, b, t]) * share <= tau * nodes, f"base_capacity_m{m}_b{b}_t{t:03d}")
    for (b, t), nodes_given in given.items():
        page.add(pulp.lpSum(nodes_given) <= page.base[None, b], f"give_base_b{b}_t{t:03d}")


def keep_within_burst(page: Monolith) -> None:
    """f_mvt w_mvt <= tau n_mvt."""
    tau, work = page.problem.policy.target_utilization, page.problem.burst_work
    for (m, v, t), share in page.burst_share.items():
        page.add(float(work[m, v, t]) * share <= tau * page.burst[m, v, t], f"burst_capacity_m{m}_v{v}_t{t:03d}")


def keep_counts(page: Monolith) -> None:
    """min_count_b <= sum_m N_mb <= max_count_b; sum_m n_mvt <= max_count_v."""
    for b, option in enumerate(page.problem.base):
        nodes = [count for (_, base), count in page.base.items() if base == b]
        if nodes and option.min_count > 0:
            page.add(pulp.lpSum(nodes) >= option.min_count, f"base_min_b{b}")
        if nodes and option.max_count is not None:
            page.add(pulp.lpSum(nodes) <= option.max_count, f"base_max_b{b}")
    for (v, t), burst in _by_pool(page).items():
        most = page.problem.burst[v].max_count
        if most is not None:
            page.add(pulp.lpSum(burst) <= most, f"burst_max_v{v}_t{t:03d}")


def keep_group_counts(page: Monolith) -> None:
    """sum of N in the group + sum_{m, v in the group} n_mvt <= group_max, in every cell."""
    for index, (group, most) in enumerate(page.problem.group_max.items()):
        base = [count for (_, b), count in page.base.items() if page.problem.base[b].count_group == group]
        if base:
            page.add(pulp.lpSum(base) <= most, f"group_base_{index}")
        burst: dict[int, list[pulp.LpVariable]] = {}
        for (_, v, t), nodes in page.burst.items():
            if page.problem.burst[v].count_group == group:
                burst.setdefault(t, []).append(nodes)
        for t, nodes_of_cell in burst.items():
            page.add(pulp.lpSum(base + nodes_of_cell) <= most, f"group_{index}_t{t:03d}")


def limit_pool_share(page: Monolith) -> None:
    """sum_m n_mvt <= max_pool_share sum_mv' n_mv't + 1 for every pool v; a share of 0: no burst."""
    share = page.problem.policy.max_pool_share
    if share >= 1:
        return
    total = _by_cell(page)
    for (v, t), nodes in _by_pool(page).items():
        name = f"pool_share_v{v}_t{t:03d}"
        if share == 0:
            page.add(pulp.lpSum(nodes) <= 0, name)
        else:
            page.add(pulp.lpSum(nodes) - share * pulp.lpSum(total[t]) <= 1, name)


def limit_spot_share(page: Monolith) -> None:
    """sum_{m, spot v} n_mvt <= max_spot_share sum_mv n_mvt + 1; a share of 0: no spot."""
    share = page.problem.policy.max_spot_share
    if share >= 1:
        return
    spot: dict[int, list[pulp.LpVariable]] = {}
    for (v, t), nodes in _by_pool(page).items():
        if page.problem.burst[v].is_spot:
            spot.setdefault(t, []).extend(nodes)
    total = _by_cell(page)
    for t, nodes in spot.items():
        if share == 0:
            page.add(pulp.lpSum(nodes) <= 0, f"spot_share_t{t:03d}")
        else:
            page.add(pulp.lpSum(nodes) - share * pulp.lpSum(total[t]) <= 1, f"spot_share_t{t:03d}")


def tell_rented(page: Monolith) -> None:
    """z_cj = [N_c >= j]: N_c >= sum_j z_cj, z_cj >= z_c,j+1, N_c <= (j - 1) + (most_c - j + 1) z_cj."""
    k = page.problem.policy.survive_base_losses
    for column, count in page.base.items():
        rented = [page.rented[column, j] for j in range(1, k + 1)]
        page.add(count >= pulp.lpSum(rented), f"rented_not_above_{_word(column)}")
        for j in range(1, k + 1):
            page.add(
                count <= (j - 1) + max(count.upBound - j + 1, 0) * rented[j - 1], f"rented_told_{_word(column)}_{j}"
            )
            if j < k:
                page.add(rented[j - 1] >= rented[j], f"rented_in_order_{_word(column)}_{j}")


def survive_losses(page: Monolith) -> None:
    """After losing any k rented base nodes the others and the cell's burst carry the served demand at utilization 1.

    Own nodes, for every model m and loss J of k of its columns (a loss of another model's node does it no harm):
        sum_v n_mvt/w_mvt + sum_b N_mb/w_mbt + u_mt >= 1 + sum_{b in J} (z_mb1 + .. + z_mbr)/w_mbt,  r times in J.
    Shared nodes, for every loss J of k columns there are shares g >= 0 with
        sum_b g_mbt + sum_v n_mvt/w_mvt + u_mt >= 1  and  sum_m g_mbt w_mbt <= N_b - (z_b1 + .. + z_br).
    """
    if page.problem.policy.sharing == Sharing.HOURLY:
        _survive_shared(page)
    else:
        _survive_own(page)


def _survive_own(page: Monolith) -> None:
    problem = page.problem
    k = problem.policy.survive_base_losses
    for m in range(len(problem.models)):
        columns = [column for column in page.base if column[0] == m]
        for t in np.flatnonzero(problem.has_demand[m]).tolist():
            carried = [_burst_at_full(page, m, t), page.unserved[m, t]]
            carried += [(1 / float(problem.base_work[m, b, t])) * page.base[m, b] for _, b in columns]
            for index, loss in enumerate(losses(columns, k)):
                lost = [
                    (1 / float(problem.base_work[m, column[1], t])) * page.rented[column, j]
                    for column, times in multiplicities(loss).items()
                    for j in range(1, times + 1)
                ]
                page.add(pulp.lpSum(carried) - pulp.lpSum(lost) >= 1, f"survive_m{m}_t{t:03d}_j{index}")


def _survive_shared(page: Monolith) -> None:
    problem = page.problem
    for index, loss in enumerate(losses(list(page.base), problem.policy.survive_base_losses)):
        used: dict[tuple[int, int], list[Expression]] = {}
        kept: dict[tuple[int, int], list[pulp.LpVariable]] = {cell: [] for cell in page.unserved}
        for m, b, t in page.base_share:
            share = page.lp.add_variable(f"left_j{index}_m{m}_b{b}_t{t:03d}", 0)
            page.left[loss, m, b, t] = share
            used.setdefault((b, t), []).append(float(problem.base_work[m, b, t]) * share)
            kept[m, t].append(share)
        times = multiplicities(loss)
        for (b, t), work in used.items():
            lost = [page.rented[(None, b), j] for j in range(1, times.get((None, b), 0) + 1)]
            page.add(
                pulp.lpSum(work) <= page.base[None, b] - pulp.lpSum(lost),
                f"left_capacity_j{index}_b{b}_t{t:03d}",
            )
        for (m, t), shares in kept.items():
            page.add(
                pulp.lpSum(shares) + _burst_at_full(page, m, t) + page.unserved[m, t] >= 1,
                f"survive_j{index}_m{m}_t{t:03d}",
            )


def keep_budget(page: Monolith) -> None:
    """sum base_cost N + sum_t pi_t (sum price n + egress) <= budget: the bill, without interruption and penalty."""
    budget_usd = page.problem.budget_usd
    if budget_usd is not None:
        weight = page.problem.weight.tolist()
        bill = [weight[t] * usd for t, usd in _cell_bills(page, page.problem.burst_price_usd_hour())]
        page.add(pulp.lpSum(_base_terms(page) + bill) <= budget_usd, "budget")


def keep_service(page: Monolith) -> None:
    """Aim service: sum asked u <= (tolerance + short_s) sum asked, sum pi_s short_s <= max_short_probability."""
    problem, policy = page.problem, page.problem.policy
    if policy.aim is not Aim.SERVICE:
        return
    asked = problem.input_tok_s + problem.output_tok_s
    left: list[list[Expression]] = [[] for _ in problem.scenarios]
    for (m, t), u in page.unserved.items():
        left[t // problem.hours].append(float(asked[m, t]) * u)
    shorts = []
    for s, total in enumerate(problem.by_scenario(asked.sum(axis=0)).tolist()):
        short = page.lp.add_variable(f"short_s{s:03d}", 0, 1, pulp.LpInteger)
        page.add(pulp.lpSum(left[s]) <= policy.max_unserved_ratio * total + total * short, f"service_s{s:03d}")
        shorts.append(problem.probability[s] * short)
    page.add(pulp.lpSum(shorts) <= policy.max_short_probability + 1e-12, "service")


def aimed_usd(page: Monolith) -> Expression:
    """What is made least, of the costs q_s of scenarios beyond the base.

    expected: sum base_cost N + sum_s pi_s q_s.
    cvar (Rockafellar and Uryasev): base + (1 - l) sum pi q + l (eta + sum pi x / (1 - level)), x_s >= q_s - eta.
    regret: base + r, r >= q_s - least_s, with the least total of each scenario planned for alone.
    """
    aim = aim_of(page.problem)
    base, chance = _base_terms(page), aim.probability.tolist()
    costs = scenario_usd(page)
    expected = pulp.lpSum(pi * q for pi, q in zip(chance, costs, strict=True))
    if aim.is_expected:
        return pulp.lpSum(base) + expected
    if aim.reference_usd is not None:
        regret = page.lp.add_variable("regret")
        for s, (q, least) in enumerate(zip(costs, aim.reference_usd.tolist(), strict=True)):
            page.add(regret >= q - least, f"regret_s{s:03d}")
        return pulp.lpSum(base) + regret
    eta = page.lp.add_variable("value_at_risk")
    beyond = []
    for s, (pi, q) in enumerate(zip(chance, costs, strict=True)):
        excess = page.lp.add_variable(f"excess_s{s:03d}", 0)
        page.add(excess >= q - eta, f"excess_s{s:03d}")
        beyond.append(pi / (1 - aim.cvar_level) * excess)
    weight = aim.cvar_weight
    return pulp.lpSum(base) + (1 - weight) * expected + weight * (eta + pulp.lpSum(beyond))


def scenario_usd(page: Monolith) -> list[Expression]:
    """q_s = sum_{t in s} (sum burst_cost n + egress f + unserved_usd u)."""
    problem = page.problem
    costs: list[list[Expression]] = [[] for _ in problem.scenarios]
    for t, usd in _cell_bills(page, problem.burst_cost_usd_hour()):
        costs[t // problem.hours].append(usd)
    for (m, t), u in page.unserved.items():
        costs[t // problem.hours].append(float(problem.unserved_usd[m, t]) * u)
    return [pulp.lpSum(terms) for terms in costs]


def _base_terms(page: Monolith) -> list[Expression]:
    base_usd = page.problem.base_cost_usd()
    return [float(base_usd[b]) * count for (_, b), count in page.base.items()]


def _cell_bills(page: Monolith, burst_usd_hour: Floats) -> list[tuple[int, Expression]]:
    """(cell, USD) of burst and egress, before the cell's probability."""
    problem = page.problem
    base_egress, burst_egress = problem.base_egress_usd(), problem.burst_egress_usd()
    terms: list[tuple[int, Expression]] = [
        (t, float(burst_usd_hour[v]) * nodes) for (_, v, t), nodes in page.burst.items()
    ]
    terms += [(t, float(base_egress[m, b, t]) * f) for (m, b, t), f in page.base_share.items()]
    terms += [(t, float(burst_egress[m, v, t]) * f) for (m, v, t), f in page.burst_share.items()]
    return terms


def losses(columns: list[Column], k: int) -> list[Loss]:
    """Every choice of k columns with repetition; smaller choices ask for less, so they need no rows of their own."""
    return list(combinations_with_replacement(columns, k))


def multiplicities(loss: Loss) -> dict[Column, int]:
    """How often each column is lost."""
    return {column: loss.count(column) for column in dict.fromkeys(loss)}


def _burst_at_full(page: Monolith, m: int, t: int) -> Expression:
    work = page.problem.burst_work
    pools = range(len(page.problem.burst))
    return pulp.lpSum((1 / float(work[m, v, t])) * page.burst[m, v, t] for v in pools if (m, v, t) in page.burst)


def _by_pool(page: Monolith) -> dict[tuple[int, int], list[pulp.LpVariable]]:
    pools: dict[tuple[int, int], list[pulp.LpVariable]] = {}
    for (_, v, t), nodes in page.burst.items():
        pools.setdefault((v, t), []).append(nodes)
    return pools


def _by_cell(page: Monolith) -> dict[int, list[pulp.LpVariable]]:
    cells: dict[int, list[pulp.LpVariable]] = {}
    for (_, _, t), nodes in page.burst.items():
        cells.setdefault(t, []).append(nodes)
    return cells


def _pairs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return [(int(m), int(t)) for m, t in np.argwhere(mask)]


def _word(column: Column) -> str:
    m, b = column
    return f"b{b}" if m is None else f"m{m}_b{b}"


# Solving: run it, read it.


def solve_monolith(
    problem: Problem,
    *,
    solver: SolverName = "highs",
    whole_burst: bool = False,
    fixed_counts: Ints | None = None,
    time_limit_s: float | None = None,
    gap: float = 0.0,
) -> MonolithResult:
    """The cheapest solution found within the limits, checked row by row. `fixed_counts` (C,) fixes the base counts."""
    refuse_impossible(problem)
    page = build(problem, whole_burst=whole_burst, fixed_counts=fixed_counts)
    status = run(page.lp, solver, time_limit_s, gap)
    return _read(page, status, bound_usd(page.lp, solver, proven=status == "optimal" and gap == 0))


def relaxed_optimum_usd(problem: Problem, *, solver: SolverName = "highs") -> float:
    """The optimum where base counts, too, may be fractions: a lower bound on every plan."""
    refuse_impossible(problem)
    page = build(problem, relax_base=True)
    run(page.lp, solver, None, 0.0)
    return float(pulp.value(page.lp.objective) or 0.0)


def _read(page: Monolith, status: Literal["optimal", "limit"], bound_usd: float | None) -> MonolithResult:
    problem = page.problem
    base_shape, burst_shape = problem.base_work.shape, problem.burst_work.shape
    return MonolithResult(
        counts=np.array([round(_value(count)) for count in page.base.values()], dtype=np.int64),
        objective_usd=float(pulp.value(page.lp.objective) or 0.0),
        bound_usd=bound_usd,
        status=status,
        burst_nodes=_array(page.burst, burst_shape),
        base_share=_array(page.base_share, base_shape),
        burst_share=_array(page.burst_share, burst_shape),
        given_nodes=_array(page.given, base_shape),
        unserved=_array(page.unserved, problem.has_demand.shape),
    )


def _array(variables: dict[Any, pulp.LpVariable], shape: tuple[int, ...]) -> Floats:
    values = np.zeros(shape)
    for key, variable in variables.items():
        values[key] = _value(variable)
    return values


def _value(variable: pulp.LpVariable) -> float:
    """The checked value; a variable that stands in no row and costs nothing never reached the solver."""
    return float(variable.lowBound if variable.varValue is None else variable.varValue)
