"""The merit order: its value, its slopes, and cuts that stay below the recourse."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.optimize.coupled import CoupledRecourse
from planner.optimize.merit import MeritOrder, only_group
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from policies.planning import PlanningPolicy
from tests.planner.optimize.instances import Kind, a_base, a_burst, a_problem, random_problem


def one_hour(*, unserved_usd_mtok: str = "100") -> Problem:
    """250 tok/s for an hour; a base node and a burst node each do 100 tok/s; burst costs 2 USD/h."""
    return a_problem(
        base=(a_base("base0"),),
        burst=(a_burst("burst0", price_usd_hour="2"),),
        demand_tok_s=[[250.0]],
        unserved_usd_mtok=unserved_usd_mtok,
    )


def test_what_the_base_leaves_goes_to_burst_at_its_price() -> None:
    merit = MeritOrder(one_hour())
    assert merit.evaluate(np.array([1.0])).value_usd.sum() == pytest.approx(1.5 * 2)
    assert merit.evaluate(np.array([3.0])).value_usd.sum() == 0


def test_a_further_base_node_saves_the_burst_it_replaces() -> None:
    value = MeritOrder(one_hour()).evaluate(np.array([1.0]))
    assert value.slope_usd.sum() == pytest.approx(-2.0)
    assert value.marginal_usd.sum() == pytest.approx(2.0 * 2.5)


def test_unserved_is_cheaper_than_a_burst_that_costs_more_than_the_penalty() -> None:
    # 250 tok/s for an hour are 0.9 million tokens: at 1 USD per million, 0.9 USD against 5 USD of burst.
    merit = MeritOrder(one_hour(unserved_usd_mtok="1"))
    assert merit.evaluate(np.array([0.0])).value_usd.sum() == pytest.approx(0.9)


def test_a_full_group_prices_its_nodes() -> None:
    # Two of the group's cheap nodes are left: 2 of 2.5 at 1 USD, the rest at 2 USD.
    problem = a_problem(
        base=(a_base("base0", count_group="account"),),
        burst=(a_burst("cheap", price_usd_hour="1", count_group="account"), a_burst("open", price_usd_hour="2")),
        demand_tok_s=[[250.0]],
        group_max={"account": 2},
    )
    value = MeritOrder(problem, group=only_group(problem)).evaluate(np.array([0.0]))
    assert value.value_usd.sum() == pytest.approx(2 * 1 + 0.5 * 2)
    # A base node of the group serves 1 for nothing (saves 2 USD of open burst) and takes a cheap node (1 USD lost).
    assert value.slope_usd.sum() == pytest.approx(-2.0 + 1.0)


def test_with_no_group_node_left_a_group_node_still_has_its_price() -> None:
    problem = a_problem(
        base=(a_base("base0", count_group="account"), a_base("base1")),
        burst=(a_burst("cheap", price_usd_hour="1", count_group="account"), a_burst("open", price_usd_hour="2")),
        demand_tok_s=[[250.0]],
        group_max={"account": 1},
    )
    value = MeritOrder(problem, group="account").evaluate(np.array([1.0, 0.0]))
    # One more base node of the group would save 2 USD of open burst, one fewer would give a cheap node back.
    assert value.slope_usd[:, 0].tolist() == pytest.approx([-2.0 + 1.0, -2.0])


def grouped(seed: int) -> Problem:
    rng = Random(seed)
    kind = Kind(base=rng.randint(1, 3), burst=rng.randint(1, 4), hours=3, scenarios=2, groups=True, egress=False)
    problem = random_problem(rng, kind)
    base = tuple(replace(option, min_count=0, egress_usd_mtok=Decimal(0)) for option in problem.base)
    return replace(problem, base=base)


@given(seed=st.integers(0, 10_000), at=st.lists(st.floats(0, 4), min_size=3, max_size=3))
def test_a_cut_never_exceeds_the_recourse_elsewhere(seed: int, at: list[float]) -> None:
    problem = grouped(seed)
    recourse = Recourse(problem)
    columns = problem.base_columns()
    where = np.array(at[: len(columns)] + [0.0] * (len(columns) - 3))[: len(columns)]
    group = [problem.base[b].count_group is not None for _, b in columns]
    most = problem.group_max.get("account", 9)
    if not recourse.takes_fractions or where[group].sum() > most:
        where = np.floor(where * 0)
    cut = recourse.evaluate(where)
    for other in np.ndindex(*[4] * len(columns)):
        counts = np.array(other, dtype=np.float64)
        if counts[group].sum() > most:
            continue
        promised = cut.value_usd + float(cut.slope_usd @ (counts - where))
        assert promised <= recourse.evaluate(counts).value_usd + 1e-7


@given(seed=st.integers(0, 10_000))
def test_the_merit_order_with_a_group_equals_the_linear_program(seed: int) -> None:
    problem = grouped(seed)
    group = only_group(problem)
    if group is None:
        return
    columns = problem.base_columns()
    merit = MeritOrder(problem, group=group)
    program = CoupledRecourse(problem, np.arange(problem.cells))
    for other in np.ndindex(*[3] * len(columns)):
        priced = program.evaluate(np.array(other, dtype=np.int64))
        if priced is not None:
            value = merit.evaluate(np.array(other, dtype=np.float64)).value_usd.sum(axis=0)
            assert value == pytest.approx(priced.value_usd, abs=1e-6)


def test_several_models_in_one_group_are_left_to_the_linear_program() -> None:
    problem = a_problem(
        base=(a_base("base0"),),
        burst=(a_burst("cheap", count_group="account"),),
        demand_tok_s=[[250.0], [250.0]],
        group_max={"account": 2},
    )
    assert only_group(problem) is None
    assert not Recourse(problem).takes_fractions


def test_a_policy_of_shares_is_no_plain_group() -> None:
    problem = a_problem(
        base=(a_base("base0"),),
        burst=(a_burst("cheap", count_group="account"),),
        demand_tok_s=[[250.0]],
        group_max={"account": 2},
        policy=PlanningPolicy(max_pool_share=0.5),
    )
    assert only_group(problem) is None
