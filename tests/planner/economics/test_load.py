"""A plan at a multiple of its traffic: the base stays, burst grows in whole nodes; held against plans solved anew."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from planner.case import load_case, load_fleet, solve_case
from planner.economics.breakeven import break_even
from planner.economics.load import PlanLoad
from planner.economics.plan_spend import spend_of_plan
from planner.economics.traffic_cost import plan_cost
from planner.plan import Plan
from planner.whatif import Change, changed

ROOT = Path(__file__).parents[3]
_spec = importlib.util.spec_from_file_location("plans", Path(__file__).parents[1] / "report" / "plans.py")
assert _spec is not None
assert _spec.loader is not None
plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plans)


@pytest.fixture(scope="module")
def planned() -> Callable[[str], Plan]:
    """The plan of two weeks of real traffic at a multiple of it, each solved once."""
    fleet, _ = load_fleet(None)
    case = load_case(forecast=ROOT / "examples/forecasts/servegen_m_large_x0.01.csv", fleet=fleet)
    solved: dict[str, Plan] = {}

    def plan(factor: str) -> Plan:
        if factor not in solved:
            solved[factor] = solve_case(changed(case, Change(settings=(f"demand=*{factor}",)))).plan
        return solved[factor]

    return plan


def test_at_its_own_traffic_it_costs_its_bill(planned: Callable[[str], Plan]) -> None:
    for plan in (planned("1"), plans.small_plan(), plans.two_model_plan()):
        point = PlanLoad(plan).at(1.0)
        assert float(point.cost_usd) == pytest.approx(float(plan.bill_usd), rel=1e-12)
        if plan.cost_usd_mtok.blended is not None and len(plan.scenarios) < 2:
            assert float(point.cost_usd_mtok or 0) == pytest.approx(float(plan.cost_usd_mtok.blended), rel=1e-5)


@pytest.mark.parametrize(("factor", "within"), [("0.5", 0.4), ("1.5", 0.02), ("2", 0.04), ("3", 0.06)])
def test_it_is_dearer_than_a_plan_solved_anew_but_not_by_much(
    planned: Callable[[str], Plan], factor: str, within: float
) -> None:
    assert 0.8 < PlanLoad(planned("1")).burst_scale < 1.25
    # Half the traffic would rent a smaller base; that is what the curve does not do.
    anew = float(planned(factor).bill_usd)
    held = float(PlanLoad(planned("1")).at(float(factor)).cost_usd)
    assert anew * 0.99 <= held <= anew * (1 + within)


def test_a_base_that_is_nearly_idle_is_not_endless() -> None:
    """One base node busy at 1/50: full at 40 times its traffic, 1,178 Mtok a month for 335.69; then 0.388."""
    small = plans.small_plan()
    hours = tuple(
        plans.an_hour(index, {"m": plans.model_hour(10.0, 1.0, base={plans.BASE: 1})}) for index in range(small.hours)
    )
    nothing = Decimal(0)
    cost = replace(small.cost, burst_usd=nothing, egress_usd=nothing)
    idle = replace(small, hours_detail=hours, leases=(), cost=cost, bill_usd=cost.base_fees_usd + cost.setup_usd)
    assert PlanLoad(idle).full_factor == pytest.approx(40)
    by_traffic = plan_cost(idle, spend_of_plan(idle))
    assert float(by_traffic.usd(Decimal(1170)) or 0) == pytest.approx(335.69, abs=0.01)
    assert float(by_traffic.beyond_usd_mtok or 0) == pytest.approx(0.388, rel=0.1)  # in whole nodes
    assert break_even(by_traffic, Decimal("0.30")).mtok_month == pytest.approx(Decimal("1118.98"), abs=Decimal("0.01"))
    assert break_even(by_traffic, Decimal("0.15")).why_never.startswith("growing traffic costs more")


def test_without_traffic_the_base_is_paid(planned: Callable[[str], Plan]) -> None:
    plan = planned("1")
    point = PlanLoad(plan).at(0.0)
    assert point.cost_usd == plan.cost.base_fees_usd + plan.cost.setup_usd
    assert (point.mtok, point.cost_usd_mtok) == (0, None)


def test_more_traffic_never_costs_less(planned: Callable[[str], Plan]) -> None:
    points = PlanLoad(planned("1")).curve([k / 4 for k in range(17)])
    costs = [point.cost_usd for point in points]
    assert costs == sorted(costs)
    assert [point.tok_s for point in points] == sorted(point.tok_s for point in points)


def test_a_small_plan_by_hand_at_twice_its_traffic() -> None:
    # Hours of 0.8, 1.2, 1.6, 0.4 base nodes of work, doubled; base serves 0.8 of it. A burst node serves 0.8 of the
    # same work at half the rate, 0.4: left 0.8, 1.6, 2.4, 0.0 are 2, 4, 6 and 0 nodes. At k = 1: 0, 1, 2, 0 nodes.
    plan = plans.small_plan()
    without = replace(plan, offers={key: one for key, one in plan.offers.items() if key != plans.SPOT})
    point = PlanLoad(without).at(2.0)
    burst = (point.cost_usd - plan.cost.base_fees_usd - plan.cost.setup_usd) - 0
    egress = Decimal("0.0216") * burst_tokens_ratio()
    assert float(burst - egress) == pytest.approx(1.50 * 12 / 3)
    assert point.unserved_ratio == 0


def burst_tokens_ratio() -> Decimal:
    """Output served by burst at k = 2 over that at k = 1: 0.5 x 80, 2/3 x 120, 3/4 x 160 against 20 and 40 tok/s."""
    return Decimal(40 + 80 + 120) / Decimal(20 + 40)


def test_what_the_pools_cannot_hold_is_unserved() -> None:
    plan = plans.small_plan()
    limited = {
        key: replace(one, max_count=2) if one.role == "burst" else one
        for key, one in plan.offers.items()
        if key != plans.SPOT
    }
    point = PlanLoad(replace(plan, offers=limited)).at(2.0)
    # Work asked 1.6, 2.4, 3.2, 0.8; served 1.6, 1.6, 1.6, 0.8 of 8.0.
    assert point.unserved_ratio == pytest.approx(1 - 5.6 / 8.0)
    assert float(point.mtok) == pytest.approx(7.92 * 2 * 0.7)


def test_what_the_plan_leaves_unserved_is_no_traffic_of_its_own() -> None:
    plan = plans.two_model_plan()  # a quarter of one hour of "b" is unserved: 25 of 500 tok/s
    load = PlanLoad(replace(plan, scenarios=plan.scenarios[:1]))
    point = load.at(1.0)
    assert point.unserved_ratio == 0
    assert point.tok_s == pytest.approx(475 / 3)
    assert float(point.cost_usd) == pytest.approx(float(plan.bill_usd))


def test_a_base_without_any_burst_serves_what_it_holds() -> None:
    plan = plans.small_plan()
    hours = tuple(
        plans.an_hour(at, {"m": plans.model_hour(tok_s, tok_s / 10, base={plans.BASE: 1})})
        for at, tok_s in enumerate((400.0, 200.0))
    )
    alone = replace(plan, offers={plans.BASE: plan.offers[plans.BASE]}, hours_detail=hours, leases=())
    point = PlanLoad(alone).at(2.0)
    # Work asked 1.6 and 0.8 base nodes; 0.8 is served in each hour.
    assert point.unserved_ratio == pytest.approx(0.8 / 2.4)
    assert point.cost_usd == plan.cost.base_fees_usd + plan.cost.setup_usd


def test_a_shared_limit_counts_the_base_too() -> None:
    # The group holds 3 nodes; one is base, so two burst nodes are left: as with max_count 2.
    plan = plans.small_plan()
    grouped = {key: replace(one, count_group="g", group_max=3) for key, one in plan.offers.items() if key != plans.SPOT}
    assert PlanLoad(replace(plan, offers=grouped)).at(2.0).unserved_ratio == pytest.approx(1 - 5.6 / 8.0)


def test_a_negative_load_is_refused() -> None:
    with pytest.raises(ValueError, match="factor must be 0 or more"):
        PlanLoad(plans.small_plan()).at(-1.0)


def test_cached_input_takes_no_time() -> None:
    # 40, 60, 80 and 20 output tok/s alone: the base node holds them all, and by the rule there is no burst to scale.
    plan = plans.small_plan()
    cached = replace(plan, models={"m": replace(plan.models["m"], cache_hit_ratio=1.0)})
    assert PlanLoad(plan).burst_scale > 1
    assert PlanLoad(cached).burst_scale == 1
