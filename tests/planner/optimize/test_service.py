"""A service level over scenarios: numbers checked in the head, the monolith with the same rows, whole nodes."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.optimize.assemble import Origin
from planner.optimize.foresight import with_foresight
from planner.optimize.limits import count_limits
from planner.optimize.model import solve_monolith
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Problem
from planner.optimize.reduce import reduce_scenarios
from planner.optimize.service import dispatch_service, short_probability, solve_service
from planner.optimize.solve import Solved, solve
from policies.planning import Aim
from tests.planner.optimize.instances import a_burst, a_problem, kinds, random_problem, two_futures

ORIGIN = Origin(catalog="test", forecast="test", policy="test", price_basis="test", version="test")


def serving(problem: Problem, allowed: float, tolerance: float = 0.0) -> Problem:
    policy = replace(problem.policy, aim=Aim.SERVICE, max_short_probability=allowed, max_unserved_ratio=tolerance)
    return replace(problem, policy=policy)


def careless(most_burst: int | None = 1) -> Problem:
    """100 tok/s (0.75) or 400 (0.25); leaving 100 tok/s unserved for an hour costs 0.36, a base node 0.6, burst 1."""
    problem = two_futures(burst=a_burst("burst0", max_count=most_burst))
    return replace(problem, unserved_usd=problem.unserved_usd / 100)


def solved(problem: Problem) -> Solved:
    return solve(Prepared(problem=problem, rejected=(), remarks=()), ORIGIN)


def test_the_likely_future_is_served_and_the_other_may_be_short() -> None:
    # One base node serves the low future for 0.6; of the high one 300 tok/s are left: 0.25 x 1.08.
    found = solve_service(serving(careless(), 0.25), count_limits(careless()))
    assert found.relaxed.counts.tolist() == [1]
    assert found.relaxed.total_usd == pytest.approx(0.6 + 0.25 * 1.08)
    assert found.may_be_short == (False, True)


def test_where_none_may_be_short_the_burst_helps_in_the_dear_future() -> None:
    # Three base nodes and the one burst node there is: 1.8 + 0.25 x 1.
    found = solve_service(serving(careless(), 0.0), count_limits(careless()))
    assert found.relaxed.counts.tolist() == [3]
    assert found.relaxed.total_usd == pytest.approx(2.05)


def test_a_tolerance_is_left_unserved() -> None:
    # A quarter of the high future may be left: 0.36 in place of the third node, 0.25 of low is no whole node saved.
    found = solve_service(serving(careless(), 0.0, tolerance=0.25), count_limits(careless()))
    assert found.relaxed.counts.tolist() == [2]
    assert found.relaxed.total_usd == pytest.approx(1.2 + 0.25 * (1 + 0.36))


def test_a_plan_keeps_to_its_service_level_in_whole_nodes() -> None:
    plan = solved(serving(careless(), 0.0)).plan
    assert plan.base == {"base0": 3}
    assert plan.uncertainty is not None
    assert plan.uncertainty.short_probability == 0
    assert plan.unserved_ratio == 0
    assert float(plan.lower_bound_usd) == pytest.approx(2.05)


def test_the_cheapest_plan_stays_where_it_is_not_short() -> None:
    plain = two_futures()
    assert solved(serving(plain, 0.0)).plan.base == solved(plain).plan.base == {"base0": 1}
    assert solved(serving(plain, 0.0)).plan.search == "proven"
    strict = serving(plain, 0.0)
    assert with_foresight(solved(strict).plan, strict) == solved(strict).plan  # a level says nothing of one alone


def test_what_no_plan_can_serve_is_refused() -> None:
    problem = careless(0)
    capped = replace(problem, base=(replace(problem.base[0], max_count=2),))
    with pytest.raises(InputError, match="no plan keeps within max_unserved_ratio"):
        solve_service(serving(capped, 0.0), count_limits(capped))


def test_a_level_that_whole_nodes_cannot_keep_is_billed_as_it_is_served() -> None:
    # Each model asks for one and a half nodes of its own pool, and three nodes are all there are: halves of nodes serve
    # all of it for 3 USD, whole ones leave 50 of the 300 tok/s, 0.18 Mtok at 1 USD.
    pools = (a_burst("x", count_group="all"), a_burst("y", count_group="all"))
    problem = a_problem([[150.0], [150.0]], burst=pools, group_max={"all": 3}, unserved_usd_mtok="1")
    problem.burst_work[[0, 1], [1, 0]] = np.inf
    problem = serving(problem, 0.0)
    walked = dispatch_service(problem, solve_service(problem, count_limits(problem)))
    assert short_probability(problem, walked.best.unserved) == 1
    assert walked.total_usd == pytest.approx(3 + 0.18)
    assert walked.bound_usd == pytest.approx(3)
    assert not walked.is_proven


def test_what_a_service_level_does_not_go_with_is_named() -> None:
    policy = replace(careless().policy, survive_base_losses=1)
    with pytest.raises(InputError, match="survive_base_losses"):
        solved(serving(replace(careless(), policy=policy), 0.0))
    with pytest.raises(InputError, match="aim service"):
        reduce_scenarios(serving(careless(), 0.0), 2)
    budget = replace(careless().policy, max_usd_month=Decimal("0.1"))
    with pytest.raises(InputError, match="max_usd_month"):
        solved(serving(replace(careless(), policy=budget), 0.0))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    kind=kinds(max_models=2, max_scenarios=4, budget=False),
    seed=st.integers(0, 2**32),
    allowed=st.sampled_from([0.0, 0.3, 0.6]),
    tolerance=st.sampled_from([0.0, 0.05]),
)
def test_the_decomposition_equals_the_monolith(kind, seed: int, allowed: float, tolerance: float) -> None:
    problem = random_problem(Random(seed), replace(kind, survive=0))
    # Leaving demand unserved is cheap, so that the level binds.
    problem = serving(replace(problem, unserved_usd=problem.unserved_usd / 20), allowed, tolerance)
    try:
        limits = count_limits(problem)
        expected = solve_monolith(problem).objective_usd
    except InputError:
        assume(False)
    found = solve_service(problem, limits)
    assert found.relaxed.total_usd == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_probability_of_being_short_counts_scenarios() -> None:
    problem = serving(careless(), 0.0, tolerance=0.1)
    assert short_probability(problem, np.array([[0.05, 0.2]])) == 0.25
    assert short_probability(problem, np.array([[0.11, 0.2]])) == 1
