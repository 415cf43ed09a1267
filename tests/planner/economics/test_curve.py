"""The cost curve: a node at a hundredth of its load costs a hundred times as much per token."""

import importlib.util
from decimal import Decimal
from pathlib import Path

import pytest

from planner.economics.curve import hourly_usd, machine_curves, node_curve, plan_curves
from planner.economics.plan_spend import spend_of_plan
from planner.economics.quote import Machine

_spec = importlib.util.spec_from_file_location("plans", Path(__file__).parents[1] / "report" / "plans.py")
assert _spec is not None
assert _spec.loader is not None
plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plans)


def test_a_node_by_hand() -> None:
    # 0.36 USD/h over 100 tok/s is 1 USD per million tokens; at half the load 2.
    curve = node_curve(name="a", model="m", price_usd_hour=Decimal("0.36"), capacity_tok_s=100, shares=(0.02, 0.5, 1.0))
    assert [point.cost_usd_mtok for point in curve.points] == [50, 2, 1]
    assert [point.tok_s for point in curve.points] == [2, 50, 100]
    assert curve.spread_ratio == 50


def test_the_same_hardware_spans_a_hundred_times() -> None:
    machine = Machine(name="a", price_usd_hour=Decimal("0.36"), tok_s=Decimal(100))
    (curve,) = machine_curves([machine]).nodes
    assert curve.spread_ratio == 100


def test_a_plans_offers_at_its_own_mix_cheapest_first() -> None:
    plan = plans.small_plan()
    curve = plan_curves(plan, spend_of_plan(plan), factors=(0.5, 1.0))
    # 10 input to 1 output: 11 tokens keep a base node busy 10/1,000 + 1/100 s: it sustains 550 tok/s, the others 275.
    base, pool, spot = curve.nodes
    assert [node.name for node in curve.nodes] == [plans.BASE, plans.POOL, plans.SPOT]
    assert [node.capacity_tok_s for node in curve.nodes] == pytest.approx([550, 275, 275])
    # Fee and setup of 1.8048 USD over 4 h; 0.30 and 0.50 USD/h; egress 0.1 USD per Mtok of output, 1/11 of all.
    assert base.price_usd_hour == Decimal("0.4512")
    assert float(base.points[-1].cost_usd_mtok) == pytest.approx(0.4512 / 550 / 3600 * 1e6)
    assert float(pool.points[-1].cost_usd_mtok) == pytest.approx(0.30 / 275 / 3600 * 1e6 + 0.1 / 11)
    assert float(spot.points[0].cost_usd_mtok) == pytest.approx(0.50 / 2.75 / 3600 * 1e6)
    assert [point.factor for point in curve.plan] == [0.5, 1.0]
    # Hours: 0.4512, 0.7512, 1.0512, 0.4512 USD over 1.584, 2.376, 3.168, 0.792 Mtok.
    assert curve.hours is not None
    assert float(curve.hours.least_usd_mtok) == pytest.approx(0.4512 / 1.584)
    assert float(curve.hours.most_usd_mtok) == pytest.approx(0.4512 / 0.792)
    assert float(curve.hours.spread_ratio) == pytest.approx(2.0)


def test_an_hour_costs_by_the_tokens_it_serves_not_by_those_asked_for() -> None:
    plan = plans.small_plan()
    first, *others = plan.hours_detail
    half = {"m": plans.replace(first.by_model["m"], unserved_ratio=0.5)}
    plan = plans.replace(plan, hours_detail=(plans.replace(first, by_model=half, unserved_ratio=0.5), *others[:2]))
    curve = plan_curves(plan, spend_of_plan(plan))
    assert curve.hours is not None
    assert float(curve.hours.most_usd_mtok) == pytest.approx(0.4512 / (1.584 / 2))


def test_a_burst_node_costs_its_hourly_price() -> None:
    assert hourly_usd(plans.small_plan(), plans.POOL) == Decimal("0.30")
