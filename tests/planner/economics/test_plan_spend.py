"""The spend of a plan sums to its bill and agrees with its own unit cost."""

import importlib.util
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from planner.case import load_case, load_fleet, solve_case
from planner.economics.plan_spend import spend_of_plan
from planner.economics.unit import unit_rows
from planner.plan import Plan, ScenarioOutcome, UnitCost

_spec = importlib.util.spec_from_file_location("plans", Path(__file__).parents[1] / "report" / "plans.py")
assert _spec is not None
assert _spec.loader is not None
plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plans)


@pytest.fixture(scope="module")
def real_plan() -> Plan:
    """Two weeks of real traffic on the packaged fleet."""
    fleet, _ = load_fleet(None)
    root = Path(__file__).parents[3]
    return solve_case(load_case(forecast=root / "examples/forecasts/servegen_m_large_x0.01.csv", fleet=fleet)).plan


@pytest.mark.parametrize("name", [name for name in dir(plans) if name.endswith("_plan")])
def test_lines_and_models_sum_to_the_bill(name: str) -> None:
    plan = getattr(plans, name)()
    spend = spend_of_plan(plan)
    assert spend.cost_usd == plan.bill_usd
    assert sum(model.cost_usd for model in spend.models) == plan.bill_usd
    assert not any("interruption" in line.what for line in spend.lines)


def test_a_small_plan_by_hand() -> None:
    # Bill 3.3264: fees 1.7048, setup 0.10, burst 1.50, egress 0.0216. 7.92 Mtok served, 2,000 input to 200 output.
    spend = spend_of_plan(plans.small_plan())
    (model,) = spend.models
    assert {line.what: line.amount_usd for line in spend.lines} == {
        "base fees": Decimal("1.7048"),
        "setup over 12 months": Decimal("0.10"),
        "burst": Decimal("1.50"),
        "egress": Decimal("0.0216"),
    }
    assert model.input_tokens == pytest.approx(7.2e6)
    assert model.output_tokens == pytest.approx(0.72e6)
    assert model.input_work_ratio == pytest.approx(0.5)  # 2,000/1,000 against 200/100
    # Busy 5.2 node-hours; paid: 4 on the base, leases of 130 and 70 minutes.
    assert spend.node_hours == pytest.approx(Decimal(4 + 200 / 60))
    assert model.utilization == pytest.approx(5.2 / (4 + 200 / 60))
    # Base 1.8048 x 2.8 of 4 h busy (0.8 thrice, 0.4), burst 1.50 x 2.4 of 3 1/3 h, egress whole.
    assert float(model.usage_usd or 0) == pytest.approx(1.8048 * 2.8 / 4 + 1.5 * 2.4 / (10 / 3) + 0.0216)


def test_what_stays_unserved_is_not_counted_and_what_is_cached_is_no_work() -> None:
    plan = plans.small_plan()
    half = tuple(
        replace(hour, unserved_ratio=0.5, by_model={"m": replace(hour.by_model["m"], unserved_ratio=0.5)})
        for hour in plan.hours_detail
    )
    (model,) = spend_of_plan(replace(plan, hours_detail=half)).models
    assert (model.input_tokens, model.output_tokens) == pytest.approx((3.6e6, 0.36e6))
    cached = replace(plan, models={"m": replace(plan.models["m"], cache_hit_ratio=0.5)})
    (model,) = spend_of_plan(cached).models
    assert model.input_work_ratio == pytest.approx(1 / 3)  # 1,000/1,000 against 200/100


def test_allocation_agrees_with_the_plans_own_unit_cost(real_plan: Plan) -> None:
    (row,) = unit_rows(spend_of_plan(real_plan))
    for kind in ("blended", "input", "output"):
        assert float(getattr(row.allocation, kind)) == pytest.approx(
            float(getattr(real_plan.cost_usd_mtok, kind)), rel=1e-5
        )
    assert row.usage.blended is not None
    assert row.allocation.blended is not None
    assert row.usage.blended < row.allocation.blended


def test_with_scenarios_tokens_are_expected_too(real_plan: Plan) -> None:
    # The bill doubles and so do the tokens, half as much again of them output: a scenario unlike the one shown.
    tokens_in, tokens_out = 3_000.0, 1_000.0
    bill = real_plan.bill_usd * 2
    cost_in, cost_out = float(bill) * 0.6 / tokens_in, float(bill) * 0.4 / tokens_out
    plan = replace(
        real_plan,
        bill_usd=bill,
        cost=replace(real_plan.cost, burst_usd=real_plan.cost.burst_usd + real_plan.bill_usd),
        cost_usd_mtok=UnitCost(blended=bill / 4_000, input=Decimal(repr(cost_in)), output=Decimal(repr(cost_out))),
        scenarios=(
            ScenarioOutcome(name="a", probability=0.5, bill_usd=bill, total_usd=bill, unserved_ratio=0.0),
            ScenarioOutcome(name="b", probability=0.5, bill_usd=bill, total_usd=bill, unserved_ratio=0.0),
        ),
        scenario_shown="a",
    )
    spend = spend_of_plan(plan)
    (model,) = spend.models
    assert model.input_tokens == pytest.approx(tokens_in * 1e6)
    assert model.output_tokens == pytest.approx(tokens_out * 1e6)
    assert model.input_work_ratio == pytest.approx(0.6)
    assert sum(one.cost_usd for one in spend.models) == bill
    assert "expected over 2 scenarios" in spend.remarks[0]


def test_a_plan_that_serves_nothing_has_no_unit_cost() -> None:
    plan = plans.small_plan()
    hours = tuple(plans.an_hour(at, {"m": plans.model_hour(0, 0, base={plans.BASE: 1})}) for at in range(plan.hours))
    (row,) = unit_rows(spend_of_plan(replace(plan, hours_detail=hours)))
    assert row.allocation.blended is None
    assert row.usage.input is None
