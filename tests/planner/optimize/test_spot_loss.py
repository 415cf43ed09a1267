"""Losing spot: what may be lost and how often, the problem that has it inside, what surviving it costs."""

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from planner.optimize.assemble import Origin
from planner.optimize.foresight import relaxed_optimum
from planner.optimize.limits import count_limits
from planner.optimize.model import solve_monolith
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.scenarios import mean_scenario
from planner.optimize.solve import Solved, solve
from planner.optimize.spot_loss import Loss, SpotOutages, losses_of, outage_starts, read_outages, with_losses
from planner.optimize.walk import Effort, walk
from policies.planning import PlanningPolicy, Sharing, SpotLoss
from tests.planner.optimize.brute import brute_force
from tests.planner.optimize.instances import Kind, a_base, a_burst, a_problem, random_problem
from tests.planner.spot_outages import TABLE, counted, measured

ORIGIN = Origin(catalog="test", forecast="test", policy="test", price_basis="test", version="test")
OUTAGES = SpotOutages(outage_hours=2, outages_per_hour=0.1, together_ratio=0.4)


def test_the_table_is_what_the_traces_hold() -> None:
    assert TABLE.read_text(encoding="utf-8").splitlines() == measured()


def test_outages_are_counted_by_the_hour() -> None:
    lost = np.array([[True, True, False, True], [False, True, False, True]])
    # Two pools, four hours; 3 + 2 lost; begun in hours 0, 3 and 1, 3; 3 hours there; hours 1 and 3 lose both.
    assert counted(lost) == (2, 4, 5, 4, 3, 2)


def test_all_groups_make_one_figure() -> None:
    found = read_outages(Path(TABLE).read_text(encoding="utf-8"))
    assert found.outage_hours == 6  # 3,524 lost hours in 557 outages
    assert found.outages_per_hour == pytest.approx(557 / 4108)
    assert found.together_ratio == pytest.approx((4 * 313 + 2 * 202 + 4 * 2) / 3524)


def spiky(policy: PlanningPolicy | None = None, *, on_demand_usd: str = "5") -> Problem:
    """Four hours of 100, 100, 300, 300 tok/s; 100 tok/s a node; base 3.5 USD for all, spot 1 USD/h, on demand dear."""
    return a_problem(
        [[100.0, 100.0, 300.0, 300.0]],
        base=(a_base("base0", fee_usd="3.5"),),
        burst=(
            a_burst("spot0", price_usd_hour="1", is_spot=True),
            a_burst("spot1", price_usd_hour="1.5", is_spot=True),
            a_burst("steady", price_usd_hour=on_demand_usd),
        ),
        policy=policy or PlanningPolicy(target_utilization=1.0),
    )


def test_losses_share_the_probability_of_the_first_outage() -> None:
    # One pool of 0.1 an hour over 4 hours: 1 - e^-0.4; with probability 0.4 all of the provider goes.
    any_lost = 1 - np.exp(-0.4)
    found = losses_of(spiky(), [0], OUTAGES, SpotLoss.PROVIDER)
    assert [(one.name, one.pools) for one in found] == [("spot0", (0,)), ("all test spot", (0, 1))]
    assert [one.probability for one in found] == pytest.approx([0.6 * any_lost, 0.4 * any_lost])
    alone = losses_of(spiky(), [0, 1], OUTAGES, SpotLoss.POOL)
    assert [one.probability for one in alone] == pytest.approx([(1 - np.exp(-0.8)) / 2] * 2)


def test_a_pool_is_lost_as_often_as_its_offer_says() -> None:
    # 0.3 an hour of the first's own beside 0.1 as measured: 1 - e^-1.6 in four hours, three quarters of it the first's.
    problem = spiky()
    first = replace(problem.burst[0], offer=replace(problem.burst[0].offer, interruptions_per_hour=0.3))
    found = losses_of(replace(problem, burst=(first, *problem.burst[1:])), [0, 1], OUTAGES, SpotLoss.POOL)
    assert [one.probability for one in found] == pytest.approx([share * (1 - np.exp(-1.6)) for share in (0.75, 0.25)])


def never_taken_back(problem: Problem) -> Problem:
    """The problem whose pools are known to be interrupted never, which is not the same as not known."""
    burst = tuple(replace(one, offer=replace(one.offer, interruptions_per_hour=0.0)) for one in problem.burst)
    return replace(problem, burst=burst)


def test_a_pool_that_is_never_taken_back_is_not_lost() -> None:
    assert losses_of(never_taken_back(spiky()), [0, 1], OUTAGES, SpotLoss.PROVIDER) == []


def test_an_outage_begins_where_demand_is_little_usual_or_much() -> None:
    # Windows of two hours ask for 200, 400, 600.
    assert outage_starts(spiky(), 0, 2) == [0, 1, 2]


def test_in_the_lost_hours_the_pool_serves_nothing() -> None:
    problem = with_losses(spiky(), [Loss(name="spot0", pools=(0,), probability=0.3)], 2)
    assert problem.scenarios == (
        "no loss",
        "spot0 lost from 2026-11-01T00:00Z",
        "spot0 lost from 2026-11-01T01:00Z",
        "spot0 lost from 2026-11-01T02:00Z",
    )
    assert problem.probability == pytest.approx((0.7, 0.1, 0.1, 0.1))
    lost = np.isinf(problem.burst_work[0, 0].reshape(4, 4))
    assert lost.astype(int).tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert np.isfinite(problem.burst_work[0, 1:]).all()
    # 2 + 6 = 8 USD of spot without base; each node-hour lost costs 0.5 more on the other pool.
    usd = Recourse(problem).evaluate(np.zeros(1)).scenario_usd
    assert usd.tolist() == pytest.approx([8, 9, 10, 11])
    assert np.isfinite(mean_scenario(problem).burst_work).all()


def solved(mode: SpotLoss, outages: SpotOutages, *, on_demand_usd: str = "5") -> Solved:
    policy = PlanningPolicy(target_utilization=1.0, survive_spot_loss=mode, unknown_lead_time_s=0)
    problem = spiky(policy, on_demand_usd=on_demand_usd)
    return solve(Prepared(problem=problem, rejected=(), remarks=(), spot_outages=outages), ORIGIN)


def test_a_likely_loss_is_worth_base_nodes_and_the_price_is_told() -> None:
    # All spot is gone for the whole horizon with probability 1 - e^-4: on demand at 5 USD, a base node pays from
    # one hour of use; without losses only the first does.
    outages = SpotOutages(outage_hours=4, outages_per_hour=1.0, together_ratio=1.0)
    plan = solved(SpotLoss.PROVIDER, outages).plan
    assert plan.base == {"base0": 3}
    known = plan.uncertainty
    assert known is not None
    loss = known.spot_loss
    assert loss is not None
    assert loss.probability == pytest.approx(1 - np.exp(-4))
    assert loss.pools == ("spot0",)
    assert float(plan.total_usd) == pytest.approx(10.5)
    assert loss.unaware_usd < plan.total_usd < loss.ignored_usd
    assert loss.worst_unserved_ratio == 0


def test_a_seldom_loss_changes_no_base_and_costs_its_burst() -> None:
    outages = SpotOutages(outage_hours=1, outages_per_hour=1e-4, together_ratio=0.0)
    plan = solved(SpotLoss.POOL, outages).plan
    assert plan.base == {"base0": 1}
    assert plan.uncertainty is not None
    loss = plan.uncertainty.spot_loss
    assert loss is not None
    assert loss.ignored_usd == plan.total_usd
    assert 0 < plan.total_usd - loss.unaware_usd < 1


def test_a_plan_without_spot_has_none_to_lose() -> None:
    plan = solved(SpotLoss.POOL, OUTAGES, on_demand_usd="0.2").plan
    assert plan.uncertainty is None
    assert any("the plan uses no spot" in remark for remark in plan.remarks)


def test_a_plan_whose_spot_is_never_taken_back_has_none_to_lose() -> None:
    policy = PlanningPolicy(target_utilization=1.0, survive_spot_loss=SpotLoss.PROVIDER, unknown_lead_time_s=0)
    problem = never_taken_back(spiky(policy))
    plan = solve(Prepared(problem=problem, rejected=(), remarks=(), spot_outages=OUTAGES), ORIGIN).plan
    assert plan.uncertainty is None
    assert any("the spot of the plan is never interrupted" in remark for remark in plan.remarks)


@pytest.mark.parametrize("seed", range(12))
def test_pools_that_are_away_for_hours_are_planned_exactly(seed: int) -> None:
    kind = Kind(models=1 + seed % 2, scenarios=1, hours=2, peak_nodes=2.0, max_spot_share=1.0, survive=seed % 2)
    problem = random_problem(Random(seed), replace(kind, groups=seed % 3 == 0, sharing=Sharing.NONE))
    risky = with_losses(problem, [Loss(name="x", pools=(0,), probability=0.4)], 1)
    relaxed = relaxed_optimum(risky)
    assert relaxed.total_usd == pytest.approx(solve_monolith(risky).objective_usd, rel=1e-6)
    found = walk(risky, Recourse(risky), count_limits(risky), relaxed, Effort())
    best = brute_force(risky)
    assert best is not None
    assert found.total_usd == pytest.approx(best.total_usd, rel=1e-6)
