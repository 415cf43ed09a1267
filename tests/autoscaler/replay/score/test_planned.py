"""Planned against replayed: lines that sum to both bills, causes that sum to each difference."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.result import Replayed, ReplayedLease
from autoscaler.replay.score.planned import BurstCauses, PlannedReplayed, compared
from planner.plan import Plan
from policies.billing import Billing
from tests.autoscaler.report.replays import a_lease, a_replayed
from tests.planner.report.plans import POOL, SPOT, START, small_plan, two_model_plan

BASE_USD = Decimal("1.8048")


def replayed_of(*leases: ReplayedLease, unserved_tokens: float = 0.0) -> Replayed:
    """A replay of the small plan's four hours with these leases, on its base."""
    burst = sum((lease.charge_usd for lease in leases), Decimal(0))
    one = a_replayed()
    hours = replace(one.hours, unserved_tokens=np.array([unserved_tokens, 0, 0, 0]))
    return replace(
        one,
        start=START,
        base_usd=BASE_USD,
        burst_usd=burst,
        egress_usd=Decimal("0.0216"),
        bill_usd=BASE_USD + burst + Decimal("0.0216"),
        leases=leases,
        hours=hours,
        unserved_tokens={"m": unserved_tokens},
    )


def held(start_min: float, end_min: float, charge: str, **changes: object) -> ReplayedLease:
    """A lease of the plan's pool that was ready at once and needed all along."""
    return a_lease(POOL, start_min, end_min, charge, **{"ready_min": start_min, "wasted_usd": Decimal(0), **changes})


AS_PLANNED = (held(50, 180, "0.90"), held(110, 180, "0.60"))


def found(*leases: ReplayedLease, plan: Plan | None = None, **changes: float) -> PlannedReplayed:
    return compared(plan or small_plan(), replayed_of(*leases, **changes), scenario="", replayed_s=4 * 3600)


def causes_of(result: PlannedReplayed, offer: str = POOL) -> BurstCauses:
    (line,) = [line for line in result.lines if line.offer == offer]
    assert line.causes is not None
    assert line.causes.total_usd == line.difference_usd
    return line.causes


def test_a_replay_that_goes_as_planned_differs_in_nothing() -> None:
    result = found(*AS_PLANNED)
    assert [(line.what, line.difference_usd) for line in result.lines] == [
        ("base", 0),
        ("burst", 0),
        ("egress", 0),
        ("unserved", 0),
    ]
    assert causes_of(result) == BurstCauses()
    assert result.replayed_bill_usd == result.planned_bill_usd == Decimal("3.3264")


def test_a_price_that_rose_by_half_is_all_of_the_difference() -> None:
    result = found(held(50, 180, "1.35"), held(110, 180, "0.90"))
    assert causes_of(result) == BurstCauses(price_usd=Decimal("0.75"))


def test_time_until_the_first_work_is_waiting() -> None:
    # 40 of 70 minutes until ready: 40/60 x 0.30; the plan allows for none, so 40 minutes of serving are missing
    lease = held(110, 180, "0.60", ready_min=150, wasted_usd=Decimal("0.60") * 40 / 70)
    causes = causes_of(found(AS_PLANNED[0], lease))
    assert causes.waiting_usd == pytest.approx(Decimal("0.20"))
    assert causes.serving_usd == pytest.approx(Decimal("-0.20"))
    assert causes.idle_usd == pytest.approx(0)


def test_nodes_nobody_needed_are_idle() -> None:
    more = held(60, 180, "0.60", wasted_usd=Decimal("0.60"))
    causes = causes_of(found(*AS_PLANNED, more))
    assert (causes.idle_usd, causes.serving_usd, causes.started_hours_usd) == (Decimal("0.60"), 0, 0)


def test_a_part_of_an_hour_paid_whole_is_started_hours() -> None:
    causes = causes_of(found(*AS_PLANNED, held(60, 80, "0.30")))
    assert causes.serving_usd == Decimal("0.10")
    assert causes.started_hours_usd == Decimal("0.20")


def test_spot_taken_back_in_its_first_hour_is_not_charged() -> None:
    plan = small_plan()
    result = found(*AS_PLANNED, replace(held(60, 90, "0"), offer=SPOT, how_it_ended="taken back"), plan=plan)
    causes = causes_of(result, SPOT)
    assert plan.offers[SPOT].billing is Billing.SECOND
    assert (causes.serving_usd, causes.taken_back_usd) == (Decimal("0.25"), Decimal("-0.25"))


def test_a_pool_the_plan_does_not_know_is_time_that_served() -> None:
    causes = causes_of(found(*AS_PLANNED, replace(held(60, 90, "0.40"), offer="new/pool")), "new/pool")
    assert causes == BurstCauses(serving_usd=Decimal("0.40"))


def test_tokens_missed_cost_the_plans_penalty_beside_the_bill() -> None:
    result = found(*AS_PLANNED, unserved_tokens=20_000)
    assert result.lines[-1].what == "unserved"
    assert result.lines[-1].replayed_usd == Decimal(2)  # 0.02 Mtok at 100 USD


def test_what_each_model_missed_costs_that_models_own_penalty() -> None:
    plan = two_model_plan()
    cheap, dear = (replace(plan.models[name], unserved_usd_mtok=Decimal(usd)) for name, usd in (("a", 10), ("b", 100)))
    plan = replace(plan, models={"a": cheap, "b": dear})
    missed = replace(replayed_of(), unserved_tokens={"a": 100_000.0, "b": 10_000.0})
    line = compared(plan, missed, scenario=plan.scenario_shown, replayed_s=plan.hours * 3600).lines[-1]
    assert (line.what, line.replayed_usd) == ("unserved", Decimal(2))  # 0.1 Mtok at 10, 0.01 Mtok at 100
    assert line.planned_usd == Decimal(9)  # 0.09 Mtok of b


def test_traffic_without_scenarios_is_held_against_what_a_plan_of_several_expects() -> None:
    plan = two_model_plan()
    result = compared(plan, replayed_of(), scenario="", replayed_s=plan.hours * 3600)
    assert result.planned_bill_usd == plan.bill_usd
    assert result.lines == ()


def test_half_of_the_horizon_is_held_against_half_of_the_plan() -> None:
    result = compared(small_plan(), replayed_of(*AS_PLANNED), scenario="", replayed_s=2 * 3600)
    assert result.planned_bill_usd == Decimal("1.6632")
    assert result.lines[0].planned_usd == BASE_USD / 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from([POOL, SPOT, "new/pool"]),
            st.integers(0, 200),
            st.integers(1, 120),
            st.integers(0, 100),
            st.sampled_from(["released", "taken back", "failed"]),
            st.decimals("0", "2", places=3),
        ),
        max_size=8,
    )
)
def test_lines_sum_to_the_bills_and_causes_to_every_difference(
    drawn: list[tuple[str, int, int, int, str, Decimal]],
) -> None:
    leases = [
        a_lease(
            offer,
            start,
            start + length,
            str(charge),
            ready_min=start + length * ready / 100,
            how_it_ended=ended,
            wasted_usd=charge * ready / 100,
        )
        for offer, start, length, ready, ended, charge in drawn
    ]
    result = found(*leases)
    bill = [line for line in result.lines if line.what != "unserved"]
    assert sum(line.planned_usd for line in bill) == result.planned_bill_usd
    assert sum(line.replayed_usd for line in bill) == result.replayed_bill_usd
    for line in result.lines:
        if line.causes is not None:
            assert abs(line.causes.total_usd - line.difference_usd) <= Decimal("1e-24")
    assert abs(result.causes.total_usd - sum(line.difference_usd for line in bill if line.what == "burst")) < Decimal(
        "1e-22"
    )
