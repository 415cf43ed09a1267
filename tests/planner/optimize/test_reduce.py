"""Fewer scenarios: the distance bounds what costs differ by, no exchange improves the choice, the error is bounded."""

import itertools
from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.optimize.foresight import relaxed_optimum, with_reference
from planner.optimize.limits import count_limits
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.reduce import Reduction, cost_distance_usd, reduce_scenarios, select_forward
from planner.optimize.scenarios import kept_scenarios
from policies.planning import Aim
from tests.planner.optimize.instances import Kind, kinds, random_problem, two_futures

SEEDS = st.integers(0, 2**32)


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True)


def test_three_burst_nodes_of_difference_are_three_dollars() -> None:
    # 400 tok/s against 100: three quarters of the high hour's demand at 4 USD of burst.
    assert cost_distance_usd(two_futures()).tolist() == [[0, pytest.approx(3)], [pytest.approx(3), 0]]


def test_keeping_the_likely_future_moves_the_optimum_by_at_most_the_distance() -> None:
    found = reduce_scenarios(replace(two_futures(), probability=(0.75, 0.25)), 2)
    assert (found.kept, found.distance_usd) == ((0, 1), 0)
    chosen = select_forward(cost_distance_usd(two_futures()), np.array([0.75, 0.25]), 1)
    assert chosen.tolist() == [0]  # 0.25 x 3 beside 0.75 x 3


def test_the_same_hours_in_another_order_are_no_distance() -> None:
    problem = two_futures(hours=2)
    output = np.array([[100.0, 300.0, 300.0, 100.0]])
    turned = replace(
        problem,
        output_tok_s=output,
        base_work=output[:, None, :] / 100,
        burst_work=output[:, None, :] / 100,
        unserved_usd=output * 0.36,
    )
    assert cost_distance_usd(turned).max() == 0


@quick(60)
@given(kind=kinds(max_models=2, max_scenarios=4, budget=False), seed=SEEDS)
def test_no_base_counts_cost_two_scenarios_further_apart_than_their_distance(kind: Kind, seed: int) -> None:
    problem = random_problem(Random(seed), replace(kind, scenarios=max(2, kind.scenarios)))
    limits = limits_of(problem)
    distance, recourse = cost_distance_usd(problem), Recourse(problem)
    for part in (0.0, 0.5, 1.0):
        counts = np.rint(limits.lower + part * (limits.upper - limits.lower))
        if not limits.allow(counts):
            continue
        usd = recourse.evaluate(counts).scenario_usd
        assert (np.abs(usd[:, None] - usd) <= distance + 1e-6 * (1 + distance)).all()


@pytest.mark.parametrize(
    ("policy", "bound_usd"),
    [
        ({"aim": Aim.EXPECTED}, 0.75),
        ({"aim": Aim.CVAR, "cvar_level": 0.75}, 4 * 0.75),
        ({"aim": Aim.CVAR, "cvar_level": 0.75, "cvar_weight": 0.2}, (0.8 + 0.2 * 4) * 0.75),
        ({"aim": Aim.REGRET}, 2 * 3),
    ],
)
def test_the_bound_of_each_aim(policy: dict, bound_usd: float) -> None:
    # The high future, 3 USD from the low one, goes to it with its 0.25.
    found = Reduction(kept=(0,), nearest=(0, 0), probability=(1.0,), distance_usd=0.75, farthest_usd=3.0)
    problem = two_futures()
    assert found.bound_usd(replace(problem, policy=replace(problem.policy, **policy))) == pytest.approx(bound_usd)


@pytest.mark.parametrize("aim", [Aim.EXPECTED, Aim.CVAR, Aim.REGRET])
def test_the_least_aim_moves_by_at_most_the_bound(aim: Aim) -> None:
    @quick(25)
    @given(kind=kinds(max_models=2, budget=False), seed=SEEDS)
    def moves(kind: Kind, seed: int) -> None:
        problem = random_problem(Random(seed), replace(kind, scenarios=5))
        limits_of(problem)
        problem = replace(problem, policy=replace(problem.policy, aim=aim, cvar_level=0.6))
        found = reduce_scenarios(problem, 2)
        few = kept_scenarios(problem, found.kept, found.probability)
        assert abs(least_usd(problem) - least_usd(few)) <= found.bound_usd(problem) + 1e-5

    moves()


def limits_of(problem: Problem):
    try:
        return count_limits(problem)
    except InputError:
        assume(False)


def least_usd(problem: Problem) -> float:
    known = with_reference(problem)
    return relaxed_optimum(known).total_usd - Recourse(known).aim.shift_usd


@quick(40)
@given(size=st.integers(2, 6), count=st.integers(1, 3), seed=SEEDS)
def test_no_exchange_brings_the_kept_scenarios_nearer(size: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    place, chance = rng.uniform(0, 10, (size, 2)), rng.dirichlet(np.ones(size))
    distance = np.linalg.norm(place[:, None] - place, axis=2)
    kept = select_forward(distance, chance, min(count, size)).tolist()
    assert len(set(kept)) == min(count, size)

    def reach(chosen: tuple[int, ...]) -> float:
        return float(chance @ distance[:, list(chosen)].min(axis=1))

    best = min(reach(chosen) for chosen in itertools.combinations(range(size), len(kept)))
    exchanged = [(*(one for one in kept if one != out), into) for out in kept for into in range(size)]
    assert best - 1e-12 <= reach(tuple(kept)) <= min(map(reach, exchanged)) + 1e-9


def test_probabilities_go_to_the_nearest_and_sum_to_one() -> None:
    problem = random_problem(Random(7), Kind(scenarios=6))
    found = reduce_scenarios(problem, 3)
    assert sum(found.probability) == pytest.approx(1)
    assert set(found.nearest) == set(found.kept)
    for place, j in enumerate(found.kept):
        own = sum(p for p, near in zip(problem.probability, found.nearest, strict=True) if near == j)
        assert found.probability[place] == pytest.approx(own)


def test_a_budget_and_a_single_scenario_are_refused() -> None:
    budget = replace(two_futures(), policy=replace(two_futures().policy, max_usd_month=Decimal(9)))
    with pytest.raises(InputError, match="max_usd_month"):
        reduce_scenarios(budget, 2)
    with pytest.raises(InputError, match="expected 2 or more"):
        reduce_scenarios(two_futures(), 1)
