"""The monolithic program: by hand, against scipy, against CBC, and against every whole-node plan there is."""

import re
from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pulp
import pytest
from hypothesis import assume, given, settings

from planner.errors import InputError, SolverError
from planner.optimize.model import build, relaxed_optimum_usd, solve_monolith
from planner.optimize.problem import Problem
from planner.optimize.solver import EXACT_HIGHS
from policies.planning import PlanningPolicy, Sharing
from tests.planner.optimize.brute import brute_force, independent_model, independent_optimum
from tests.planner.optimize.instances import Kind, a_base, a_burst, a_problem, kinds, problems, random_problem


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True)


def close(usd: float) -> object:
    return pytest.approx(usd, rel=1e-6, abs=1e-6)


def test_base_carries_what_recurs_and_burst_the_peak() -> None:
    # 100 tok/s a node: one base node (10 for 10 hours) serves the steady 100; the hour at 300 needs two burst at 3.
    problem = a_problem([[100.0] * 9 + [300.0]], base=(a_base(fee_usd="10"),), burst=(a_burst(price_usd_hour="3"),))
    result = solve_monolith(problem)
    assert result.counts.tolist() == [1]
    assert result.objective_usd == close(16.0)
    assert result.burst_nodes[0, 0].tolist() == pytest.approx([0.0] * 9 + [2.0])


def test_target_utilization_keeps_headroom() -> None:
    problem = a_problem([[100.0]], burst=(a_burst(price_usd_hour="3"),), policy=PlanningPolicy(target_utilization=0.5))
    assert solve_monolith(problem).objective_usd == close(6.0)


def test_unserved_demand_is_priced_and_reported() -> None:
    # 250 tok/s are 0.9 Mtok an hour, 90 USD at 100 USD/Mtok; two nodes of the pool are all there are.
    problem = a_problem([[250.0]], burst=(a_burst(price_usd_hour="3", max_count=2),))
    result = solve_monolith(problem)
    assert result.unserved[0, 0] == pytest.approx(0.2)
    assert result.objective_usd == close(2 * 3 + 0.2 * 90)


def test_surviving_a_loss_rents_one_node_more() -> None:
    problem = a_problem([[200.0]], base=(a_base(fee_usd="10"),))
    survive = replace(problem, policy=replace(problem.policy, survive_base_losses=1))
    assert solve_monolith(problem).counts.tolist() == [2]
    assert solve_monolith(survive).counts.tolist() == [3]


def test_a_loss_of_what_is_not_rented_needs_no_reserve() -> None:
    burst_only = a_problem(
        [[200.0]],
        base=(a_base(fee_usd="1000"),),
        burst=(a_burst(price_usd_hour="3"),),
        policy=PlanningPolicy(target_utilization=1.0, survive_base_losses=2),
    )
    assert solve_monolith(burst_only).objective_usd == close(6.0)


def test_a_pool_share_of_half_takes_a_second_pool_beyond_two_nodes() -> None:
    pools = (a_burst("cheap", price_usd_hour="1"), a_burst("dear", price_usd_hour="2"))
    problem = a_problem([[400.0]], burst=pools, policy=PlanningPolicy(target_utilization=1.0, max_pool_share=0.5))
    result = solve_monolith(problem, whole_burst=True)
    assert result.burst_nodes[0, :, 0].tolist() == [3.0, 1.0]


def test_a_spot_share_of_zero_means_no_spot() -> None:
    pools = (a_burst("spot", price_usd_hour="1", is_spot=True), a_burst("on_demand", price_usd_hour="2"))
    problem = a_problem([[100.0]], burst=pools, policy=PlanningPolicy(target_utilization=1.0, max_spot_share=0.0))
    assert solve_monolith(problem).burst_nodes[0, :, 0].tolist() == [0.0, 1.0]


def test_shared_base_follows_models_that_peak_in_turn() -> None:
    turns = [[200.0, 0.0], [0.0, 200.0]]
    apart = a_problem(turns, base=(a_base(fee_usd="10"),))
    shared = replace(apart, policy=replace(apart.policy, sharing=Sharing.HOURLY))
    assert solve_monolith(apart).objective_usd == close(40.0)
    assert solve_monolith(shared).objective_usd == close(20.0)


def test_a_budget_leaves_demand_unserved_rather_than_exceed_the_bill() -> None:
    problem = a_problem(
        [[100.0, 100.0]],
        burst=(a_burst(price_usd_hour="3", interruption_usd_hour="1"),),
        policy=PlanningPolicy(target_utilization=1.0, max_usd_month=Decimal(3)),
    )
    result = solve_monolith(problem)
    # One of two node-hours: 3 billed + 1 interruption + 0.36 Mtok at 100 USD.
    assert result.objective_usd == close(3 + 1 + 36)


def test_no_demand_costs_nothing() -> None:
    problem = a_problem([[0.0, 0.0]], base=(a_base(),), burst=(a_burst(),))
    assert solve_monolith(problem).objective_usd == 0.0
    assert solve_monolith(a_problem([[0.0]])).objective_usd == 0.0


@pytest.mark.parametrize(
    ("problem", "named"),
    [
        (a_problem([[1.0]], base=(a_base(min_count=3, max_count=2),)), "min_count 3 is above max_count 2"),
        (
            a_problem([[1.0]], base=(a_base(min_count=3, count_group="account"),), group_max={"account": 2}),
            "count_group account",
        ),
        (
            a_problem(
                [[1.0]],
                base=(a_base(fee_usd="10", min_count=1),),
                policy=PlanningPolicy(max_usd_month=Decimal(9)),
            ),
            "max_usd_month: 9",
        ),
    ],
    ids=["minimum above maximum", "minimum above the group's maximum", "budget below the least fees"],
)
def test_impossible_limits_are_refused_by_name(problem: Problem, named: str) -> None:
    with pytest.raises(InputError, match=re.escape(named)):
        solve_monolith(problem)


def test_a_solution_that_breaks_a_row_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(_: pulp.HiGHS, lp: pulp.LpProblem) -> int:
        for variable in lp.variables():
            variable.varValue = 0.0
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
        return pulp.LpStatusOptimal

    monkeypatch.setattr(pulp.HiGHS, "actualSolve", lie)
    with pytest.raises(SolverError, match="breaks row meet_demand_m0_t000"):
        solve_monolith(a_problem([[100.0]], burst=(a_burst(),)))


def test_a_time_limit_is_not_called_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = pulp.HiGHS.actualSolve

    def stopped(solver: pulp.HiGHS, lp: pulp.LpProblem) -> int:
        solve(solver, lp)
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible)
        return pulp.LpStatusOptimal

    monkeypatch.setattr(pulp.HiGHS, "actualSolve", stopped)
    assert solve_monolith(a_problem([[100.0]], burst=(a_burst(),))).status == "limit"


def test_a_time_limit_without_a_solution_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: pulp.HiGHS, lp: pulp.LpProblem) -> int:
        lp.assignStatus(pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound)
        return pulp.LpStatusNotSolved

    monkeypatch.setattr(pulp.HiGHS, "actualSolve", stopped)
    with pytest.raises(SolverError, match="found no solution"):
        solve_monolith(a_problem([[100.0]], burst=(a_burst(),)))


def test_highs_is_run_so_that_its_optima_are_optima() -> None:
    # Six base nodes serve everything for 9.78. With presolve HiGHS 1.15 calls 127.75 optimal for this program.
    # Known cases of the same kind: ERGO-Code/HiGHS issues 3043, 3073, 3094.
    kind = Kind(models=2, base=1, burst=1, hours=1, scenarios=2, sharing=Sharing.HOURLY, survive=2, max_pool_share=0.0)
    rows = independent_model(random_problem(Random(0), kind), whole=True)
    lp = pulp.LpProblem("known", pulp.LpMinimize)
    kinds_of = [pulp.LpInteger if whole else pulp.LpContinuous for whole in rows.whole]
    uppers = [upper if np.isfinite(upper) else None for upper in rows.upper]
    x = [lp.add_variable(f"x{i}", 0, upper, cat) for i, (upper, cat) in enumerate(zip(uppers, kinds_of, strict=True))]
    lp.setObjective(pulp.lpSum(usd * variable for usd, variable in zip(rows.cost, x, strict=True)))
    for r, (low, high) in enumerate(zip(rows.low, rows.high, strict=True)):
        total = pulp.lpSum(value * x[column] for row, column, value in rows.entries if row == r)
        if np.isfinite(low):
            lp.addConstraint(total >= low)
        if np.isfinite(high):
            lp.addConstraint(total <= high)
    lp.solve(pulp.HiGHS(msg=False, **EXACT_HIGHS))
    assert pulp.value(lp.objective) == close(9.7824)


def test_rows_are_named_in_letters_digits_and_underscores() -> None:
    kind = Kind(
        models=2, survive=2, sharing=Sharing.HOURLY, groups=True, max_counts=True, budget=True, max_pool_share=0.5
    )
    lp = build(random_problem(Random(1), kind)).lp
    names = [row.name for row in lp.constraints()] + [variable.name for variable in lp.variables()]
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert len(set(names)) == len(names)


@quick(35)
@given(problem=problems(kinds(max_models=3, peak_nodes=2.0)))
def test_highs_equals_an_independent_model(problem: Problem) -> None:
    for whole in (False, True):
        expected = independent_optimum(problem, whole=whole)
        result = solve_monolith(problem, whole_burst=whole)
        assert result.status == "optimal"
        assert result.objective_usd == close(expected)  # type: ignore[arg-type] # the minimum counts always fit
        assert result.bound_usd == close(expected)  # type: ignore[arg-type]


@quick(12)
@given(problem=problems(kinds(max_models=3, peak_nodes=2.0)))
def test_highs_equals_cbc(problem: Problem) -> None:
    for whole in (False, True):
        by_cbc = solve_monolith(problem, solver="cbc", whole_burst=whole)
        assert solve_monolith(problem, whole_burst=whole).objective_usd == close(by_cbc.objective_usd)


@quick(40)
@given(problem=problems(kinds(max_burst=2, max_hours=2, max_scenarios=1, peak_nodes=1.5)))
def test_whole_monolith_equals_brute_force(problem: Problem) -> None:
    assume(problem.policy.sharing == Sharing.NONE or problem.policy.survive_base_losses == 0)
    assume(problem.budget_usd is None or not (problem.base_egress_usd().any() or problem.burst_egress_usd().any()))
    best = brute_force(problem)
    assert best is not None
    result = solve_monolith(problem, whole_burst=True)
    assert result.objective_usd == close(best.total_usd)
    assert solve_monolith(problem).objective_usd <= best.total_usd * (1 + 1e-6) + 1e-6


@quick(25)
@given(problem=problems(kinds(max_models=3, peak_nodes=2.0)))
def test_demand_and_limits_times_k_cost_k_times_as_much_relaxed(problem: Problem) -> None:
    # Shares allow one node more whatever the demand, and losses are counted in nodes: neither scales.
    plain = replace(
        problem, policy=replace(problem.policy, survive_base_losses=0, max_pool_share=1.0, max_spot_share=1.0)
    )
    assert relaxed_optimum_usd(_times(plain, 3)) == close(3 * relaxed_optimum_usd(plain))


def _times(problem: Problem, k: int) -> Problem:
    def scaled(count: int | None) -> int | None:
        return None if count is None else count * k

    budget = problem.policy.max_usd_month
    return replace(
        problem,
        base=tuple(replace(o, min_count=o.min_count * k, max_count=scaled(o.max_count)) for o in problem.base),
        burst=tuple(replace(o, max_count=scaled(o.max_count)) for o in problem.burst),
        group_max={group: most * k for group, most in problem.group_max.items()},
        policy=replace(problem.policy, max_usd_month=None if budget is None else budget * k),
        input_tok_s=problem.input_tok_s * k,
        output_tok_s=problem.output_tok_s * k,
        base_work=problem.base_work * k,
        burst_work=problem.burst_work * k,
        unserved_usd=problem.unserved_usd * k,
    )


def test_infinite_work_leaves_no_variable() -> None:
    problem = a_problem([[100.0]], burst=(a_burst("fits"), a_burst("does_not")))
    work = problem.burst_work.copy()
    work[0, 1, 0] = np.inf
    page = build(replace(problem, burst_work=work))
    assert (0, 0, 0) in page.burst
    assert (0, 1, 0) not in page.burst
