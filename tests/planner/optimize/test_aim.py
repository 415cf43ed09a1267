"""Aims over scenarios: numbers checked in the head, the decomposition against the monolith, the walk by brute force."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.optimize.aim import aim_of, conditional_value_at_risk, tail_weights
from planner.optimize.assemble import Origin
from planner.optimize.decompose import Relaxed
from planner.optimize.foresight import foresight, relaxed_optimum, with_foresight, with_reference
from planner.optimize.limits import count_limits
from planner.optimize.model import solve_monolith
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.scenarios import mean_scenario, one_scenario
from planner.optimize.solve import solve
from planner.optimize.walk import Effort, walk
from planner.plan import Plan
from policies.planning import Aim, Sharing
from tests.planner.optimize.brute import brute_cell_usd, possible_counts
from tests.planner.optimize.instances import Kind, kinds, random_problem, two_futures

ORIGIN = Origin(catalog="test", forecast="test", policy="test", price_basis="test", version="test")


def close(usd: float) -> object:
    return pytest.approx(usd, rel=1e-6, abs=1e-6)


def aimed(problem: Problem, **policy: object) -> Problem:
    """The problem under another policy, with the reference a regret needs."""
    return with_reference(replace(problem, policy=replace(problem.policy, **policy)))  # type: ignore[arg-type] # a test


def best(problem: Problem) -> tuple[list[int], float]:
    """The counts of the least aim, and the aim."""
    found: Relaxed = relaxed_optimum(problem)
    return [round(n) for n in found.counts], found.total_usd - aim_of(problem).shift_usd


# 100 tok/s with probability 0.75 or 400 with 0.25, for an hour. N base nodes of 100 tok/s at 0.6 USD, burst at 1 USD:
# N          0     1     2     3     4
# low      1.0   0.6   1.2   1.8   2.4
# high     4.0   3.6   3.2   2.8   2.4


def test_the_expected_aim_buys_for_the_likely_future() -> None:
    assert best(two_futures()) == ([1], close(0.75 * 0.6 + 0.25 * 3.6))


def test_the_conditional_value_at_risk_buys_for_the_dear_one() -> None:
    assert best(aimed(two_futures(), aim=Aim.CVAR, cvar_level=0.75)) == ([4], close(2.4))


def test_a_weight_mixes_expectation_and_tail() -> None:
    # 0.8 x expectation + 0.2 x high: 1.8 at N = 1, 2.0 at 2, 1.92 at 0.
    found = best(aimed(two_futures(), aim=Aim.CVAR, cvar_level=0.75, cvar_weight=0.2))
    assert found == ([1], close(0.8 * 1.35 + 0.2 * 3.6))


def test_a_level_of_0_is_the_expectation() -> None:
    assert best(aimed(two_futures(), aim=Aim.CVAR, cvar_level=0.0)) == ([1], close(1.35))


def test_a_border_outcome_counts_in_part() -> None:
    # The dearest half: all of the 0.25 at 4, and half of it from the 0.75 at 1.
    assert conditional_value_at_risk(np.array([1.0, 4.0]), np.array([0.75, 0.25]), 0.5) == pytest.approx(2.5)
    assert tail_weights(np.array([1.0, 4.0]), np.array([0.75, 0.25]), 0.5).tolist() == pytest.approx([0.5, 0.5])


def test_regret_buys_between_the_futures() -> None:
    # Hindsight pays 0.6 or 2.4: at N = 2 it would have saved 0.6 or 0.8, at N = 1 1.2, at N = 3 1.2.
    assert best(aimed(two_futures(), aim=Aim.REGRET)) == ([2], close(0.8))


def test_foresight_in_numbers_one_can_check() -> None:
    # Waiting and seeing costs 0.75 x 0.6 + 0.25 x 2.4 = 1.05. The mean of 175 tok/s asks for 2 nodes: 1.2 + 0.25 x 2.
    known = foresight(two_futures())
    assert known.alone_usd.tolist() == pytest.approx([0.6, 2.4])
    assert known.evpi_usd(np.array([0.75, 0.25])) == close(1.35 - 1.05)
    assert known.mean_counts.tolist() == [2]
    assert known.vss_usd == close(1.7 - 1.35)


def test_a_regret_asks_for_its_reference() -> None:
    bare = replace(two_futures(), policy=replace(two_futures().policy, aim=Aim.REGRET))
    with pytest.raises(ValueError, match="least total of each scenario"):
        aim_of(bare)


def test_with_one_scenario_every_aim_is_the_expectation() -> None:
    problem = one_scenario(two_futures(), 1)
    for aim in Aim:
        assert best(aimed(problem, aim=aim)) == ([4], close(2.4))


def test_a_budget_that_binds_goes_with_the_expected_aim_only() -> None:
    problem = aimed(two_futures(), aim=Aim.CVAR, max_usd_month=Decimal(1))
    with pytest.raises(InputError, match="max_usd_month"):
        solve(Prepared(problem=problem, rejected=(), remarks=()), ORIGIN)


# Against other ways of solving

AIMS = [
    {"aim": Aim.CVAR, "cvar_level": 0.9},
    {"aim": Aim.CVAR, "cvar_level": 0.5, "cvar_weight": 0.4},
    {"aim": Aim.REGRET},
]
SEEDS = st.integers(0, 2**32)


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True)


@pytest.mark.parametrize("policy", AIMS, ids=lambda policy: "-".join(str(value) for value in policy.values()))
def test_the_decomposition_equals_the_monolith(policy: dict[str, object]) -> None:
    @quick(25)
    @given(kind=kinds(max_models=2, max_scenarios=4, budget=False), seed=SEEDS)
    def agrees(kind: Kind, seed: int) -> None:
        problem = random_problem(Random(seed), replace(kind, scenarios=max(kind.scenarios, 2)))
        try:
            count_limits(problem)
        except InputError:
            assume(False)
        problem = aimed(problem, **policy)
        assert best(problem)[1] == close(solve_monolith(problem).objective_usd)

    agrees()


@pytest.mark.parametrize("policy", AIMS, ids=lambda policy: "-".join(str(value) for value in policy.values()))
def test_the_walk_finds_what_trying_every_whole_plan_finds(policy: dict[str, object]) -> None:
    @quick(15)
    @given(kind=kinds(max_hours=2, max_burst=2, max_scenarios=3, peak_nodes=2.0, budget=False), seed=SEEDS)
    def agrees(kind: Kind, seed: int) -> None:
        kind = replace(kind, scenarios=max(kind.scenarios, 2), sharing=Sharing.NONE)
        problem = random_problem(Random(seed), kind)
        try:
            limits = count_limits(problem)
        except InputError:
            assume(False)
        problem = aimed(problem, **policy)
        recourse, relaxed = Recourse(problem), relaxed_optimum(problem)
        found = walk(problem, recourse, limits, relaxed, Effort())
        least = min(whole_aims(problem))
        assert found.total_usd == close(least)
        assert relaxed.bound_usd <= found.bound_usd + 1e-6 <= least + 2e-6
        assert found.is_proven

    agrees()


def whole_aims(problem: Problem) -> Iterator[float]:
    """The aim of every base count in whole nodes, by brute force."""
    aim, usd = aim_of(problem), problem.base_cost_usd()
    for counts in possible_counts(problem):
        cells = np.array([brute_cell_usd(problem, counts, t) for t in range(problem.cells)])
        fees = sum(float(usd[b]) * n for n, (_, b) in zip(counts, problem.base_columns(), strict=True))
        yield fees + aim.value(problem.by_scenario(cells))


@quick(40)
@given(kind=kinds(max_models=2, max_scenarios=3, budget=False), seed=SEEDS)
def test_knowing_more_never_costs_and_the_mean_never_pays(kind: Kind, seed: int) -> None:
    problem = random_problem(Random(seed), kind)
    try:
        count_limits(problem)
    except InputError:
        assume(False)
    known = foresight(problem)
    slack = 1e-6 * (1 + abs(known.expected_usd))
    assert known.evpi_usd(np.array(problem.probability)) >= -slack
    assert known.vss_usd >= -slack


@quick(40)
@given(
    probability=st.lists(st.floats(0.01, 1), min_size=1, max_size=6),
    level=st.floats(0, 0.99),
    seed=SEEDS,
)
def test_the_tail_is_a_mean_above_the_expectation_and_below_the_worst(
    probability: list[float], level: float, seed: int
) -> None:
    chance = np.array(probability) / sum(probability)
    cost = np.random.default_rng(seed).uniform(0, 100, len(chance))
    weights = tail_weights(cost, chance, level)
    assert weights.sum() == pytest.approx(1)
    assert (weights <= chance / (1 - level) + 1e-12).all()
    assert float(chance @ cost) - 1e-9 <= conditional_value_at_risk(cost, chance, level) <= cost.max() + 1e-9


def test_the_mean_scenario_has_the_mean_of_demand_work_and_penalty() -> None:
    problem = random_problem(Random(3), Kind(scenarios=3, models=2))
    mean, chance = mean_scenario(problem), np.array(problem.probability)
    split = problem.output_tok_s.reshape(2, 3, problem.hours)
    assert mean.output_tok_s == pytest.approx(np.einsum("msh,s->mh", split, chance))
    assert np.isfinite(mean.base_work).tolist() == np.isfinite(problem.base_work[:, :, : problem.hours]).tolist()
    assert mean.cells == problem.hours


# What the plan says


def planned(problem: Problem) -> Plan:
    return solve(Prepared(problem=problem, rejected=(), remarks=()), ORIGIN).plan


def test_the_plan_tells_the_aim_its_bound_and_what_it_costs() -> None:
    plan = planned(aimed(two_futures(), aim=Aim.CVAR, cvar_level=0.75))
    known = plan.uncertainty
    assert known is not None
    assert plan.base == {"base0": 4}
    assert (known.aim, known.worst_scenario) == (Aim.CVAR, "low")
    assert float(known.aimed_usd) == close(2.4)
    assert float(known.aimed_bound_usd) == close(2.4)
    # Expected 2.4 against the cheapest plan's 1.35: all of it is the aim's.
    assert float(plan.lower_bound_usd) == close(1.35)
    assert float(plan.gap.aim_usd) == close(1.05)
    assert plan.gap.rounding_usd + plan.gap.launch_overhead_usd + plan.gap.search_usd == 0


def test_the_plan_tells_what_foresight_is_worth() -> None:
    problem = two_futures()
    plan = with_foresight(planned(problem), problem)
    assert plan.uncertainty is not None
    value = plan.uncertainty.foresight
    assert value is not None
    # A lease begins 300 s to launch and 120 s to load before its hour: 67 minutes.
    total = 0.6 + 0.25 * 3 * 67 / 60
    assert float(plan.total_usd) == close(total)
    assert float(value.perfect_saves_at_most_usd) == close(total - 1.05)
    assert float(value.perfect_whole_usd or 0) == close(total - 1.05)
    assert float(value.perfect_relaxed_usd) == close(0.3)
    assert value.mean_base == {"base0": 2}
    assert float(value.mean_relaxed_usd) == close(0.35)
    assert float(value.mean_whole_usd or 0) == close(1.2 + 0.25 * 2 * 67 / 60 - total)
    assert (value.regret_scenario, float(value.regret_usd)) == ("high", close(0.6 + 3 * 67 / 60 - 2.4))
    assert len(value.alone_usd) == 2


def test_knowing_the_future_never_costs_in_whole_nodes_either() -> None:
    # For 10 tok/s alone burst is best in fractions, 0.1 USD; in whole nodes 67 minutes at 1 USD/h: the plan's node is.
    problem = two_futures(10.0)
    problem = replace(problem, base=(replace(problem.base[0], fee_usd=Decimal("0.9")),))
    plan = with_foresight(planned(problem), problem)
    assert plan.uncertainty is not None
    assert plan.uncertainty.foresight is not None
    assert plan.uncertainty.foresight.perfect_whole_usd == 0


def test_one_scenario_or_a_budget_has_no_value_of_foresight() -> None:
    alone = one_scenario(two_futures(), 0)
    assert with_foresight(planned(alone), alone).uncertainty is None
    budget = aimed(two_futures(), max_usd_month=Decimal(3))
    found = with_foresight(planned(budget), budget).uncertainty
    assert found is not None
    assert found.foresight is None
