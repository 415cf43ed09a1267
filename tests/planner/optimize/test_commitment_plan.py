"""Commitment in a plan: what is charged, base counts that are the best with launches, where it does not apply."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.assemble import Origin, count_money
from planner.optimize.commitment import best_base
from planner.optimize.commitment.best_base import PROVEN, LaunchesLeftOutError, with_launches
from planner.optimize.commitment.caps import without_stand_in
from planner.optimize.commitment.chains import chains_of, why_no_bound, why_not
from planner.optimize.commitment.fixed_base import commit_base
from planner.optimize.decompose import column_cost_usd, solve_relaxed
from planner.optimize.limits import breaking_cells, count_limits
from planner.optimize.prepare import Prepared
from planner.optimize.problem import BaseOption, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.solve import solve
from planner.optimize.walk import Effort, LaunchEffort, Walk, walk
from policies.billing import Billing
from policies.planning import PlanningPolicy, Sharing
from tests.planner.optimize.brute import possible_counts
from tests.planner.optimize.chains import brute_total_usd
from tests.planner.optimize.instances import Kind, a_base, a_burst, a_problem, random_problem, two_futures

ORIGIN = Origin(catalog="test", forecast="test", policy="test", price_basis="test", version="test")


def walked(problem: Problem) -> Walk:
    limits, recourse = count_limits(problem), Recourse(problem)
    return walk(problem, recourse, limits, solve_relaxed(problem, recourse, limits), Effort())


def billed(problem: Problem, billing: Billing, lead_time_s: int) -> Problem:
    """The problem with every burst offer billed so, and nodes that take so long from the order to the first token."""
    burst = tuple(
        replace(
            o, offer=replace(o.offer, billing=billing, price_usd_hour=o.price_usd_hour, lead_time_s=float(lead_time_s))
        )
        for o in problem.burst
    )
    models = tuple(replace(model, load_time_s=0.0) for model in problem.models)
    return replace(problem, burst=burst, models=models)


def best_by_brute_force(problem: Problem) -> float:
    """The least total, launches included, over all base counts and all nodes of every hour."""
    fees = column_cost_usd(problem)
    return min(
        float(fees @ np.array(counts)) + brute_total_usd(chain)
        for counts in possible_counts(problem)
        for (chain,) in [chains_of(problem, np.array(counts, dtype=np.float64))]
    )


@pytest.mark.parametrize("billing", [Billing.SECOND, Billing.STARTED_HOUR])
@pytest.mark.parametrize("lead_time_s", [151, 2520, 3600, 5400])
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_the_optimum_is_what_its_leases_are_charged(seed: int, lead_time_s: int, billing: Billing) -> None:
    problem = billed(random_problem(Random(seed), Kind(base=1, hours=8)), billing, lead_time_s)
    counts = np.zeros(len(problem.base_columns()))
    found = commit_base(problem, counts).dispatch
    assert found is not None
    assert float(count_money(problem, found).total_usd) == pytest.approx(found.cost_usd, abs=1e-5)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), groups=st.booleans(), started=st.booleans())
def test_base_counts_are_the_best_of_all_with_launches(seed: int, groups: bool, started: bool) -> None:
    kind = Kind(base=2, hours=5, peak_nodes=2.0, groups=groups)
    problem = billed(
        random_problem(Random(seed), kind), Billing.STARTED_HOUR if started else Billing.SECOND, lead_time_s=2520
    )
    before = walked(problem)
    found = with_launches(problem, count_limits(problem), before, LaunchEffort())
    least = best_by_brute_force(problem)
    assert found.bound_usd <= least + 1e-7
    assert found.total_usd <= least * (1 + PROVEN) + 1e-7
    assert found.is_proven
    assert not breaking_cells(
        problem, found.best.counts, found.best.nodes.astype(np.float64), found.best.unserved
    ).any()


def test_a_base_node_that_pays_only_by_the_launches_it_saves_is_rented() -> None:
    # Every other hour one node. By the hour burst is 4 x 1.00 = 4.00, the base node 4.50; each of the four launches is
    # 0.70 more: 6.80 in all.
    problem = billed(
        a_problem([[100.0, 0.0] * 4], base=(a_base(fee_usd="4.5"),), burst=(a_burst(price_usd_hour="1"),)),
        Billing.SECOND,
        lead_time_s=2520,
    )
    before = walked(problem)
    assert before.best.counts.tolist() == [0]
    found = with_launches(problem, count_limits(problem), before, LaunchEffort())
    assert found.best.counts.tolist() == [1]
    assert found.total_usd == pytest.approx(4.5)
    assert found.bound_usd == pytest.approx(4.5)


def test_with_dear_launches_nodes_are_held_and_the_bound_is_that_of_the_hours() -> None:
    # An hour is 1.00, a launch 1.50: the node is held through the idle hour, 3.00 + 1.50; the hours' bound is 2.00.
    problem = billed(
        a_problem([[100.0, 0.0, 100.0]], burst=(a_burst(price_usd_hour="1"),)), Billing.SECOND, lead_time_s=5400
    )
    found = with_launches(problem, count_limits(problem), walked(problem), LaunchEffort())
    assert found.best.nodes[0, 0].tolist() == [1, 1, 1]
    assert count_money(problem, found.best).total_usd == Decimal("4.5")
    assert found.bound_usd == pytest.approx(2.0)


def test_losses_of_base_nodes_are_survived_hour_after_hour() -> None:
    # Two base nodes carry all; after losing one, 200 tok/s at utilization 1 need a burst node standing by every hour.
    problem = a_problem(
        [[200.0] * 3],
        base=(a_base(fee_usd="1", max_count=2),),
        burst=(a_burst(price_usd_hour="1"),),
        policy=PlanningPolicy(target_utilization=1.0, survive_base_losses=1),
    )
    found = commit_base(problem, np.array([2.0])).dispatch
    assert found is not None
    assert found.nodes[0, 0].tolist() == [1, 1, 1]


def test_nodes_that_break_a_limit_joining_models_are_refused_and_the_bound_kept() -> None:
    # Each model wants the one node there may be.
    problem = a_problem([[100.0], [100.0]], burst=(a_burst(price_usd_hour="1", max_count=1),))
    found = commit_base(problem, np.zeros(0))
    assert found.dispatch is None
    assert found.bound_usd == pytest.approx(2 * (1 + 420 / 3600))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sharing": Sharing.HOURLY}, "base nodes may change model between hours"),
        ({"max_usd_month": Decimal(1)}, "a budget joins all hours"),
    ],
)
def test_problems_that_are_no_chains_say_why(change: dict[str, object], reason: str) -> None:
    problem = a_problem([[100.0]], burst=(a_burst(),))
    assert why_not(problem) is None
    assert why_not(replace(problem, policy=replace(problem.policy, **change))) == reason  # type: ignore[arg-type] # cases


def test_offers_that_are_no_part_of_chains_say_why() -> None:
    monthly = a_burst()
    monthly = replace(monthly, offer=replace(monthly.offer, billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(9)))
    cases = {
        "base egress depends on which hours the base serves": a_problem(
            [[100.0]], base=(a_base(egress_usd_mtok="1"),), burst=(a_burst(),)
        ),
        "burst offers belong to several count groups": a_problem(
            [[100.0]],
            burst=(a_burst("x", count_group="g"), a_burst("y", count_group="h")),
            group_max={"g": 1, "h": 1},
        ),
        "with several scenarios hours are covered one by one": two_futures(),
    }
    for reason, problem in cases.items():
        assert why_not(problem) == reason
    plain = a_problem([[100.0]], burst=(a_burst(),))
    assert why_not(replace(plain, burst=(monthly,))) == "burst0 is billed by the month"


def test_base_nodes_take_their_places_in_the_group() -> None:
    # Three places: two base nodes leave one for burst, in which 100 of 400 tok/s are served.
    problem = a_problem(
        [[400.0]],
        base=(a_base(count_group="g"),),
        burst=(a_burst(price_usd_hour="1", count_group="g"),),
        group_max={"g": 3},
    )
    (chain,) = chains_of(problem, np.array([2.0]))
    assert chain.group_left.tolist() == [1]
    found = commit_base(problem, np.array([2.0])).dispatch
    assert found is not None
    assert found.nodes[0, 0].tolist() == [1]
    assert found.unserved[0].tolist() == pytest.approx([0.25])


@pytest.mark.parametrize(
    ("effort", "boxes"),
    [(LaunchEffort(committed_cells=0), 4_000), (LaunchEffort(dispatched_cells=0), 4_000), (LaunchEffort(), 0)],
)
def test_where_the_search_is_cut_short_the_bound_is_still_one(
    effort: LaunchEffort, boxes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The best is the base node for 4.50; all burst, from which the search sets out, costs 6.80 with its launches.
    problem = billed(
        a_problem([[100.0, 0.0] * 4], base=(a_base(fee_usd="4.5"),), burst=(a_burst(price_usd_hour="1"),)),
        Billing.SECOND,
        lead_time_s=2520,
    )
    before = walked(problem)
    monkeypatch.setattr(best_base, "MOST_BOXES", boxes)
    monkeypatch.setattr(best_base, "FIRST_COMMITTED", 0)
    found = with_launches(problem, count_limits(problem), before, effort)
    assert found.total_usd == pytest.approx(6.8)
    assert found.bound_usd <= 4.5
    assert not found.is_proven


def capped(problem: Problem, usd: str) -> Problem:
    """The problem with a monthly cap on its first burst option."""
    first = problem.burst[0]
    offer = replace(first.offer, billing=Billing.STARTED_HOUR_CAPPED, fee_usd_month=Decimal(usd))
    return replace(problem, burst=(replace(first, offer=offer), *problem.burst[1:]))


def test_a_monthly_cap_that_a_lease_may_reach_leaves_no_bound() -> None:
    # 3 hours and one for the launch at 1.00 are 4.00.
    problem = billed(a_problem([[100.0] * 3], burst=(a_burst(price_usd_hour="1"),)), Billing.STARTED_HOUR, 300)
    reason = "a long lease of burst0 may reach its monthly cap, and no base offer costs as little for the horizon"
    assert why_no_bound(capped(problem, "4")) is None
    assert why_no_bound(capped(problem, "3.99")) == reason


@pytest.mark.parametrize(
    ("base", "stands_in"),
    [
        (a_base(fee_usd="3.99"), True),
        (a_base(fee_usd="4"), False),
        (a_base(fee_usd="3.50", setup_usd="0.50"), False),
        (a_base(fee_usd="3.99", max_count=9), False),
        (a_base(fee_usd="3.99", egress_usd_mtok="1"), False),
    ],
)
def test_a_base_offer_at_the_cap_stands_in_for_leases_that_reach_it(base: BaseOption, stands_in: bool) -> None:
    problem = billed(
        a_problem([[100.0] * 3], base=(base,), burst=(a_burst(price_usd_hour="1"),)), Billing.STARTED_HOUR, 300
    )
    assert (without_stand_in(capped(problem, "3.99")) is None) is stands_in


def test_a_slower_base_offer_at_the_cap_stands_in_for_nothing() -> None:
    problem = billed(
        a_problem([[100.0] * 3], base=(a_base(fee_usd="3.99"),), burst=(a_burst(price_usd_hour="1"),)),
        Billing.STARTED_HOUR,
        300,
    )
    slower = replace(problem, base_work=problem.base_work * 1.01)
    assert without_stand_in(capped(slower, "3.99")) == "burst0"


def test_with_a_base_offer_at_the_cap_the_plan_is_proven_with_launches() -> None:
    # By the hour 3 x 1.00 and the launch's 1.00 are 4.00, at the cap 3.99, as is the base node; the gap is none.
    problem = billed(
        a_problem([[100.0] * 3], base=(a_base(fee_usd="3.99"),), burst=(a_burst(price_usd_hour="1"),)),
        Billing.STARTED_HOUR,
        300,
    )
    problem = capped(problem, "3.99")
    found = with_launches(problem, count_limits(problem), walked(problem), LaunchEffort())
    assert found.is_proven
    assert found.has_launches
    assert found.best.counts.tolist() == [1]
    assert found.bound_usd == pytest.approx(3.99)


def two_models_in_one_group(*, cheap_usd_hour: str = "1") -> Problem:
    """Two models of one node each for two hours; of the cheap nodes there may be one, the others cost 3.00 an hour."""
    return billed(
        a_problem(
            [[100.0, 100.0], [100.0, 100.0]],
            burst=(
                a_burst("cheap", price_usd_hour=cheap_usd_hour, count_group="g"),
                a_burst("dear", price_usd_hour="3"),
            ),
            group_max={"g": 1},
        ),
        Billing.SECOND,
        lead_time_s=360,
    )


def test_models_that_want_the_same_places_of_a_group_take_turns() -> None:
    # Alone each has the cheap node, 2 x 1.00 + 0.10; together one of them has the dear one, 2 x 3.00 + 0.30.
    problem = two_models_in_one_group()
    found = commit_base(problem, np.zeros(0))
    assert found.dispatch is not None
    assert found.dispatch.nodes.sum(axis=0).tolist() == [[1, 1], [1, 1]]
    assert found.dispatch.cost_usd == pytest.approx(2.1 + 6.3)
    assert found.launches_usd == pytest.approx(0.1 + 0.3)
    assert found.bound_usd == pytest.approx(2 * 2.1)


def test_where_models_take_turns_the_bound_is_that_before_launches() -> None:
    problem = two_models_in_one_group()
    before = walked(problem)
    found = with_launches(problem, count_limits(problem), before, LaunchEffort())
    assert not found.has_launches
    assert found.bound_usd == before.bound_usd
    assert count_money(problem, found.best).total_usd == Decimal("8.4")


def test_hours_of_too_many_combinations_leave_launches_out() -> None:
    problem = billed(a_problem([[100.0] * 3], burst=(a_burst(price_usd_hour="1"),)), Billing.SECOND, lead_time_s=360)
    effort = LaunchEffort(most_work=1)
    with pytest.raises(LaunchesLeftOutError, match="too many combinations"):
        with_launches(problem, count_limits(problem), walked(problem), effort)
    prepared = Prepared(problem=problem, rejected=(), remarks=())
    for is_asked in (False, True):
        plan = solve(prepared, ORIGIN, Effort(launches=replace(effort, is_asked=is_asked))).plan
        assert not plan.has_launches
        assert any("launches stay outside the optimum" in remark for remark in plan.remarks) is is_asked
    assert solve(prepared, ORIGIN, Effort(launches=LaunchEffort())).plan.has_launches


def test_a_budget_that_the_plan_keeps_to_leaves_launches_in_the_optimum() -> None:
    # 3 x 1.00 and a launch of 0.10 are 3.10; the 3 hours count as a month here.
    problem = billed(a_problem([[100.0] * 3], burst=(a_burst(price_usd_hour="1"),)), Billing.SECOND, lead_time_s=360)
    for usd, is_within in (("4", True), ("3", False)):
        policy = replace(problem.policy, max_usd_month=Decimal(usd))
        prepared = Prepared(problem=replace(problem, policy=policy), rejected=(), remarks=())
        plan = solve(prepared, ORIGIN, Effort(launches=LaunchEffort())).plan
        assert plan.has_launches is is_within
        assert plan.bill_usd <= Decimal(usd) * problem.months
