"""Whole nodes within a budget: every cell's dispatches at several prices of a billed dollar, and the best mix of them.

A budget joins the cells. The bill is made dearer until it fits; each multiplier proves a bound, each cell's choices
are mixed by most saved per dollar billed, and what is left is spent on the cells of the greatest penalty.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.coupled_cover import SLACK, WholeDispatch
from planner.optimize.problem import Floats, Ints, Problem

NO_BURST = 1e5
"""A multiplier on the bill at which the usual penalty is far cheaper than any node."""
STRIDE = 6.0
"""By how much the multiplier grows until the bill fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetedDispatch:
    """A dispatch of all cells whose expected bill, base fees included, is within the budget."""

    dispatch: WholeDispatch
    cost_usd: float
    """Expected over the cells, without base fees."""
    bill_usd: float
    """Expected over the cells, without base fees."""
    bound_usd: float
    """No whole-node dispatch within the budget costs less for these base counts."""


def cover_within_budget(
    problem: Problem,
    counts: Ints,
    *,
    cover: Callable[[float], WholeDispatch],
    cover_one: Callable[[int, float], WholeDispatch],
    start_multiplier: float,
    rounds: int = 9,
) -> BudgetedDispatch | None:
    """Whole nodes for all cells whose expected bill fits the budget; None where the base fees alone exceed it.

    `cover(multiplier)` covers every cell with the bill made dearer; `cover_one(t, most_bill_usd)` covers one cell
    within a bill. Each multiplier mu proves sum_t pi_t bound_t(mu) - mu (budget - fees) as a bound. What was
    found are each cell's choices; the best mix within the budget is taken by steps of most saved per dollar billed.
    """
    assert problem.budget_usd is not None
    base_usd = problem.base_cost_usd()[[b for _, b in problem.base_columns()]]
    left_usd = problem.budget_usd - float(base_usd @ counts)
    if left_usd < -1e-9 * problem.budget_usd:
        return None
    left_usd = max(left_usd, 0.0)
    weight = problem.weight
    free = cover(0.0)
    bound = float(free.bound_usd @ weight)
    if float(free.bill_usd @ weight) <= left_usd * (1 + 1e-9):
        return BudgetedDispatch(
            dispatch=free,
            cost_usd=float(free.cost_usd @ weight),
            bill_usd=float(free.bill_usd @ weight),
            bound_usd=bound,
        )
    # Dear enough, no burst is worth its penalty, and the base serves on: what a cell falls back to.
    choices = [_nothing_served(problem), cover(NO_BURST), free]
    low, high, multiplier = 0.0, np.inf, max(start_multiplier, 1e-3)
    for _ in range(rounds):
        found = cover(multiplier)
        choices.append(found)
        bound = max(bound, float(found.bound_usd @ weight) - multiplier * left_usd)
        if float(found.bill_usd @ weight) > left_usd:
            low = multiplier
        else:
            high = multiplier
        if high <= low * 1.02 + 1e-6:
            break
        multiplier = low * STRIDE if not np.isfinite(high) else (max(low, start_multiplier / STRIDE) * high) ** 0.5
    chosen = _mix(choices, weight, left_usd)
    dispatch = _combine(choices, chosen)
    dispatch = _spend_rest(dispatch, weight, left_usd, cover_one)
    cost = float(dispatch.cost_usd @ weight)
    return BudgetedDispatch(
        dispatch=dispatch, cost_usd=cost, bill_usd=float(dispatch.bill_usd @ weight), bound_usd=min(bound, cost)
    )


def _mix(choices: list[WholeDispatch], weight: Floats, left_usd: float) -> Ints:
    """(T,) which choice each cell takes: up each cell's convex hull of bill and cost, the best step first."""
    bill = np.array([choice.bill_usd for choice in choices])
    cost = np.array([choice.cost_usd for choice in choices])
    steps: list[tuple[float, int, int, int]] = []
    current = np.zeros(len(weight), dtype=np.int64)
    for t in range(len(weight)):
        at, number = int(np.lexsort((cost[:, t], bill[:, t]))[0]), 0
        current[t] = at
        while True:
            more_usd, saved_usd = bill[:, t] - bill[at, t], cost[at, t] - cost[:, t]
            better = np.flatnonzero((saved_usd > 1e-12) & (more_usd > 0))
            if len(better) == 0:
                break
            rate = saved_usd[better] / more_usd[better]
            to = int(better[np.argmax(rate)])
            steps.append((-float(rate.max()), number, t, to))
            at, number = to, number + 1
    spent_usd = float(bill[current, np.arange(len(weight))] @ weight)
    # A step that does not fit is passed over; a later, smaller one of another cell may fit.
    for _, _, t, to in sorted(steps):
        more = weight[t] * (bill[to, t] - bill[current[t], t])
        if cost[to, t] < cost[current[t], t] and spent_usd + more <= left_usd:
            spent_usd += more
            current[t] = to
    return current


def _spend_rest(
    dispatch: WholeDispatch,
    weight: Floats,
    left_usd: float,
    cover_one: Callable[[int, float], WholeDispatch],
    tries: int = 12,
) -> WholeDispatch:
    """The dispatch with the cells of the greatest penalty covered again by what the budget still holds."""
    rest_usd = left_usd - float(dispatch.bill_usd @ weight)
    order = np.argsort(-dispatch.cost_usd * weight, kind="stable")
    for t in order[:tries].tolist():
        if weight[t] <= 0 or rest_usd <= 0 or dispatch.unserved[:, t].max(initial=0.0) <= SLACK:
            continue
        # A little less than the rest: the solver keeps a limit to a tolerance, the budget is exact.
        one = cover_one(t, float(dispatch.bill_usd[t]) + rest_usd / float(weight[t]) * (1 - 1e-6))
        more = float(weight[t] * (one.bill_usd[0] - dispatch.bill_usd[t]))
        if one.cost_usd[0] < dispatch.cost_usd[t] - 1e-12 and more <= rest_usd:
            dispatch = _replace_cell(dispatch, t, one)
            rest_usd -= more
    return dispatch


def _nothing_served(problem: Problem) -> WholeDispatch:
    """No burst, nothing served and nothing billed."""
    asked = problem.has_demand
    return WholeDispatch(
        nodes=np.zeros(problem.burst_work.shape, dtype=np.int64),
        given=np.zeros(problem.base_work.shape, dtype=np.int64),
        base_share=np.zeros(problem.base_work.shape),
        burst_share=np.zeros(problem.burst_work.shape),
        unserved=asked.astype(np.float64),
        cost_usd=np.where(asked, problem.unserved_usd, 0.0).sum(axis=0),
        bill_usd=np.zeros(asked.shape[1]),
        bound_usd=np.zeros(asked.shape[1]),
    )


def _combine(choices: list[WholeDispatch], chosen: Ints) -> WholeDispatch:
    cells = np.arange(len(chosen))

    def of(name: str) -> NDArray[np.generic]:
        stacked = np.stack([getattr(choice, name) for choice in choices])
        return np.moveaxis(np.moveaxis(stacked, -1, 1)[chosen, cells], 0, -1)

    return WholeDispatch(**{name: of(name) for name in WholeDispatch.__slots__})  # type: ignore[arg-type] # by field


def _replace_cell(dispatch: WholeDispatch, t: int, one: WholeDispatch) -> WholeDispatch:
    def of(name: str) -> NDArray[np.generic]:
        values = getattr(dispatch, name).copy()
        values[..., t] = getattr(one, name)[..., 0]
        return values  # type: ignore[no-any-return] # an array of the field's own type

    return WholeDispatch(**{name: of(name) for name in WholeDispatch.__slots__})  # type: ignore[arg-type] # by field
