"""Limits on the base counts N, and which cells of a dispatch break a limit. Pure (numpy only)."""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from planner.errors import InputError
from planner.optimize.problem import Floats, Ints, Problem

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """sum coefficient * N <= most, over the base columns."""

    name: str
    coefficient: Floats
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLimits:
    """Box and rows the base counts obey. C base columns."""

    lower: Floats
    upper: Floats
    rows: tuple[CountRow, ...]

    def allow(self, counts: Floats) -> bool:
        """Whether the counts obey the box and every row."""
        inside = bool(np.all(counts >= self.lower - TOLERANCE) and np.all(counts <= self.upper + TOLERANCE))
        return inside and all(float(row.coefficient @ counts) <= row.most + TOLERANCE for row in self.rows)


def count_limits(problem: Problem) -> CountLimits:
    """What N may be: minimum and maximum counts, groups, the budget, and no more nodes than the peak could use."""
    refuse_impossible(problem)
    columns = problem.base_columns()
    usd = problem.base_cost_usd()
    lower, upper = np.zeros(len(columns)), most_useful_counts(problem).astype(np.float64)
    rows: list[CountRow] = []
    for b, option in enumerate(problem.base):
        mine = np.array([float(column == b) for _, column in columns])
        if option.max_count is not None:
            rows.append(CountRow(name=f"max_count_{b}", coefficient=mine, most=float(option.max_count)))
        if option.min_count > 0:
            lower = np.where(mine > 0, option.min_count if mine.sum() == 1 else 0, lower)
            rows.append(CountRow(name=f"min_count_{b}", coefficient=-mine, most=-float(option.min_count)))
    for number, (group, most) in enumerate(problem.group_max.items()):
        mine = np.array([float(problem.base[b].count_group == group) for _, b in columns])
        if mine.any():
            rows.append(CountRow(name=f"group_{number}", coefficient=mine, most=float(most)))
    if problem.budget_usd is not None:
        fees = np.array([usd[b] for _, b in columns], dtype=np.float64)
        rows.append(CountRow(name="budget", coefficient=fees, most=problem.budget_usd))
    return CountLimits(lower=lower, upper=np.maximum(upper, lower), rows=tuple(rows))


def refuse_impossible(problem: Problem) -> None:
    """Raises InputError, naming the option, where no base counts obey minimum, maximum, group and budget together.

    Otherwise a plan exists: the minimum counts, no burst, everything unserved.
    """
    usable = {b for _, b in problem.base_columns()}
    for b, option in enumerate(problem.base):
        if option.max_count is not None and option.min_count > option.max_count:
            raise InputError(
                f"offer {option.key}: min_count {option.min_count} is above max_count {option.max_count}; "
                "expected min_count <= max_count"
            )
        if option.min_count > 0 and b not in usable:
            raise InputError(f"offer {option.key}: min_count is {option.min_count}, but no model can be served from it")
    for group, most in problem.group_max.items():
        least = sum(option.min_count for option in problem.base if option.count_group == group)
        if least > most:
            raise InputError(
                f"count_group {group}: the minimum counts of its offers sum to {least}; expected at most {most}"
            )
    least_usd = sum(
        float(cost) * option.min_count for cost, option in zip(problem.base_cost_usd(), problem.base, strict=True)
    )
    if problem.budget_usd is not None and least_usd > problem.budget_usd * (1 + 1e-12):
        raise InputError(
            f"max_usd_month: {problem.policy.max_usd_month} is too little; the minimum counts of base offers alone "
            f"cost {least_usd:.2f} USD of the {problem.budget_usd:.2f} USD for the horizon"
        )


def most_useful_counts(problem: Problem) -> Ints:
    """(C,) count of each base column beyond which a further node cannot serve anything.

    Enough to carry the peak at the target utilization after losing as many nodes as the plan survives; more only where
    `min_count` asks for it.
    """
    tau, spare = problem.policy.target_utilization, problem.policy.survive_base_losses
    counts = []
    for m, b in problem.base_columns():
        work = problem.base_work[:, b] if m is None else problem.base_work[m : m + 1, b]
        asked = problem.has_demand if m is None else problem.has_demand[m : m + 1]
        # Rounded for each model apart: shared nodes are given to models whole.
        nodes = np.ceil(np.where(asked & np.isfinite(work), work, 0.0) / tau - 1e-9)
        most = int(nodes.sum(axis=0).max(initial=0.0)) + spare
        option = problem.base[b]
        if option.max_count is not None:
            most = min(most, option.max_count)
        if option.count_group is not None:
            most = min(most, problem.group_max[option.count_group])
        counts.append(max(most, option.min_count))
    return np.array(counts, dtype=np.int64)


def breaking_cells(problem: Problem, counts: Floats, nodes: Floats, unserved: Floats) -> NDArray[np.bool_]:
    """(T,) cells whose dispatch breaks a count, group, share or survival limit.

    `counts` (C,) base columns; `nodes` (M, V, T) burst nodes, fractional or whole; `unserved` (M, T).
    """
    pool = nodes.sum(axis=0)
    total = pool.sum(axis=0)
    broken = np.zeros(problem.cells, dtype=bool)
    for v, option in enumerate(problem.burst):
        if option.max_count is not None:
            broken |= pool[v] > option.max_count + TOLERANCE
    columns = problem.base_columns()
    for group, most in problem.group_max.items():
        inside = [v for v, option in enumerate(problem.burst) if option.count_group == group]
        based = sum(float(counts[c]) for c, (_, b) in enumerate(columns) if problem.base[b].count_group == group)
        broken |= pool[inside].sum(axis=0) > max(most - based, 0.0) + TOLERANCE
    policy = problem.policy
    for inside, share in [
        *(([v], policy.max_pool_share) for v in range(len(problem.burst))),
        ([v for v, option in enumerate(problem.burst) if option.is_spot], policy.max_spot_share),
    ]:
        if share < 1:
            room = share * total + 1 if share > 0 else np.zeros_like(total)
            broken |= pool[inside].sum(axis=0) > room + TOLERANCE
    if policy.survive_base_losses:
        broken |= _fragile_cells(problem, counts, nodes, unserved)
    return broken


def _fragile_cells(problem: Problem, counts: Floats, nodes: Floats, unserved: Floats) -> NDArray[np.bool_]:
    """(T,) cells where losing some `survive_base_losses` rented nodes of one model leaves served demand uncarried."""
    fragile = np.zeros(problem.cells, dtype=bool)
    target = problem.policy.target_utilization
    with np.errstate(divide="ignore"):
        per_burst = np.where(problem.burst_work > 0, target / problem.burst_work, 0.0)
    for m in range(len(problem.models)):
        carried = (nodes[m] * per_burst[m]).sum(axis=0) + target * unserved[m]
        fragile |= problem.has_demand[m] & (carried < survival_reserve(problem, m, counts) - TOLERANCE)
    return fragile


def survival_reserve(problem: Problem, model: int, counts: Floats) -> Floats:
    """(T,) share, at target utilization, that burst must be able to carry when the worst base nodes are lost.

    Survivors run at utilization 1: sum n/w >= 1 - sum N/w + loss, times the target. 0 where nothing is asked for.
    """
    target = problem.policy.target_utilization
    with np.errstate(divide="ignore"):
        per_node = np.where(problem.base_work[model] > 0, 1 / problem.base_work[model], 0.0)
    mine = [(c, b) for c, (owner, b) in enumerate(problem.base_columns()) if owner == model]
    carried = sum((counts[c] * per_node[b] for c, b in mine), np.zeros(problem.cells))
    worst = np.zeros(problem.cells)
    for lost in losses([round(float(counts[c])) for c, _ in mine], problem.policy.survive_base_losses):
        gone = sum((lost.count(i) * per_node[b] for i, (_, b) in enumerate(mine)), np.zeros(problem.cells))
        worst = np.maximum(worst, gone)
    reserve: Floats = np.where(problem.has_demand[model], np.maximum(target * (1 - carried + worst), 0.0), 0.0)
    return reserve


def losses(counts: list[int], most: int) -> list[tuple[int, ...]]:
    """Every multiset of up to `most` nodes that may be lost, by position, never more of one than are rented."""
    size = min(most, sum(counts))
    return [
        lost
        for lost in combinations_with_replacement(range(len(counts)), size)
        if all(lost.count(i) <= counts[i] for i in set(lost))
    ]
