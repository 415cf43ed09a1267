"""Whole-node dispatch: limits between models, early ends, budgets, and model changes that are paid for."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.optimize.decompose import column_cost_usd, solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.loads import busy_changes, pay_loads
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.walk import Effort, walk
from planner.optimize.whole import WholeNodes
from policies.planning import PlanningPolicy, Sharing
from tests.planner.optimize.brute import brute_dispatch_usd
from tests.planner.optimize.instances import Kind, a_base, a_burst, a_problem, random_problem


def test_models_share_a_full_group_where_it_saves_most() -> None:
    # Each model wants two nodes. The account has two cheap ones left at 1 USD; elsewhere a node costs 3 USD.
    problem = a_problem(
        burst=(a_burst("cheap", price_usd_hour="1", count_group="account"), a_burst("dear", price_usd_hour="3")),
        demand_tok_s=[[200.0], [200.0]],
        group_max={"account": 2},
    )
    found = WholeNodes(problem).dispatch(np.zeros(0))
    assert found.cost_usd == pytest.approx(2 * 1 + 2 * 3)
    assert found.bound_usd == pytest.approx(8)
    assert found.nodes.sum(axis=0)[0].tolist() == [2]


@given(seed=st.integers(0, 10_000))
def test_the_split_of_a_group_between_models_is_the_best_one(seed: int) -> None:
    problem = random_problem(Random(seed), Kind(models=2, base=1, burst=2, hours=2, groups=True, peak_nodes=2.0))
    counts = tuple(0 for _ in problem.base_columns())
    expected = brute_dispatch_usd(problem, counts)
    assert expected is not None
    assert WholeNodes(problem).dispatch(np.array(counts, dtype=np.float64)).cost_usd == pytest.approx(
        expected, abs=1e-6
    )


def test_a_dispatch_ends_early_only_when_it_cannot_win() -> None:
    problem = a_problem(burst=(a_burst("burst0", price_usd_hour="2"),), demand_tok_s=[[150.0, 150.0]])
    whole, counts = WholeNodes(problem), np.zeros(0)
    floor = Recourse(problem).floor_usd(counts)
    assert floor.tolist() == pytest.approx([3.0, 3.0])  # 1.5 nodes an hour; whole nodes cost 4
    assert whole.dispatch_below(counts, 7.9, floor) is None
    found = whole.dispatch_below(counts, 8.1, floor)
    assert found is not None
    assert found.cost_usd == pytest.approx(8.0)


def budgeted(usd: str) -> Problem:
    """Two hours of 200 tok/s; a base node does 100 tok/s for 1 USD over both, a burst node for 1 USD an hour."""
    problem = a_problem(
        base=(a_base("base0", fee_usd="1", max_count=1),),
        burst=(a_burst("burst0", price_usd_hour="1"),),
        demand_tok_s=[[200.0, 200.0]],
    )
    return replace(problem, policy=replace(problem.policy, max_usd_month=Decimal(usd)))


def walked(problem: Problem) -> tuple[float, float]:
    recourse, limits = Recourse(problem), count_limits(problem)
    found = walk(problem, recourse, limits, solve_relaxed(problem, recourse, limits), Effort())
    return found.total_usd, found.bound_usd


def test_without_money_for_burst_the_base_still_serves() -> None:
    # 1 USD pays the base node: half of 1.44 million tokens stays unserved at 100 USD a million.
    total, bound = walked(budgeted("1"))
    assert total == pytest.approx(1 + 72)
    assert bound == pytest.approx(73)


def test_a_budget_for_one_burst_node_serves_one_hour_in_full() -> None:
    total, bound = walked(budgeted("2"))
    assert total == pytest.approx(2 + 36)
    assert bound <= 38 + 1e-9
    assert walked(budgeted("3"))[0] == pytest.approx(3)


def shared(load_time_s: float) -> Problem:
    """One shared base node; two models that ask for it in turn, for most of an hour each."""
    problem = a_problem(
        base=(a_base("base0", fee_usd="1", max_count=1),),
        burst=(a_burst("burst0", price_usd_hour="5"),),
        demand_tok_s=[[95.0, 0.0, 95.0], [0.0, 95.0, 0.0]],
        policy=PlanningPolicy(target_utilization=1.0, sharing=Sharing.HOURLY),
    )
    models = tuple(replace(model, load_time_s=load_time_s) for model in problem.models)
    return replace(problem, models=models)


def test_a_busy_node_that_changes_model_loses_the_load_time() -> None:
    problem = shared(load_time_s=360)  # a tenth of the hour; 5 % is idle
    dispatch = WholeNodes(problem).dispatch(np.ones(1))
    assert dispatch.cost_usd == pytest.approx(0)
    assert busy_changes(problem, dispatch).sum() == 2
    paid = pay_loads(problem, dispatch)
    assert paid.changes == 2
    assert paid.dispatch.nodes.sum() == 0  # 5 USD is more than 5 % of 0.342 million tokens at 100 USD a million
    assert paid.dispatch.unserved.max() == pytest.approx((95 - 90) / 95)


def test_what_a_long_load_takes_is_bought_as_burst_where_that_is_cheaper() -> None:
    paid = pay_loads(shared(load_time_s=1800), WholeNodes(shared(1800)).dispatch(np.ones(1)))
    assert paid.dispatch.nodes[:, 0].sum(axis=0).tolist() == [0, 1, 1]
    assert paid.dispatch.unserved.max() == 0


def test_a_load_within_the_idle_share_costs_nothing() -> None:
    problem = shared(load_time_s=180)  # a twentieth of the hour, which is idle
    paid = pay_loads(problem, WholeNodes(problem).dispatch(np.ones(1)))
    assert paid.dispatch.nodes.sum() == 0
    assert paid.dispatch.unserved.max() == pytest.approx(0)


def test_the_cost_of_a_column_is_its_fee_and_setup() -> None:
    problem = a_problem(base=(a_base("base0", fee_usd="10", setup_usd="2"),), demand_tok_s=[[50.0]])
    assert column_cost_usd(problem).tolist() == [12.0]
