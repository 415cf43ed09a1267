"""Cost by traffic: of a quote up to what it serves, of a spend's lines, of a scenario's servers and burst."""

from dataclasses import replace
from decimal import Decimal

import pytest

from planner.economics.breakeven import TrafficCost, break_even
from planner.economics.model_cost import cost_of_machine, costs_of_spend
from planner.economics.profit import ProfitScenario, ScenarioBurst, ScenarioServer, Traffic
from planner.economics.quote import Machine, quote_spend, traffic_spend
from planner.economics.spend import SpendLine
from planner.economics.traffic_cost import constant_cost, growing_cost, scenario_costs, with_hidden
from policies.hidden import HiddenBasis, HiddenCost, HiddenKind

USD = Decimal
MACHINE = Machine(name="AX102", price_usd_hour=USD("0.214"), tok_s=USD(300))
SUPPORT = HiddenCost(kind=HiddenKind.SUPPORT, basis=HiddenBasis.MONTH, price_usd=USD("154.08"))
PER_TOKEN = HiddenCost(kind=HiddenKind.BANDWIDTH, basis=HiddenBasis.MTOK, price_usd=USD("0.01"))


def test_a_machine_costs_the_same_up_to_what_it_serves() -> None:
    cost = growing_cost(quote_spend(MACHINE, USD("0.5"), input_per_output=USD(1), price_basis=""))
    assert (cost.fixed_usd, cost.capacity_mtok) == (USD("154.080"), USD("777.6"))
    assert cost.usd(USD(700)) == USD("154.08")


def test_hidden_lines_stand_still_or_grow_by_their_basis() -> None:
    spend = quote_spend(MACHINE, USD("0.5"), input_per_output=USD(1), price_basis="")
    cost = growing_cost(spend, (SUPPORT, PER_TOKEN))
    assert cost.fixed_usd == USD("308.16")
    assert cost.usd(USD(100)) == pytest.approx(USD("309.16"))
    held = constant_cost(spend, (SUPPORT, PER_TOKEN))
    assert held.fixed_usd == pytest.approx(USD("312.048"))  # at its own 388.8 Mtok


def test_lines_that_grow_with_traffic_are_not_paid_without_it() -> None:
    spend = traffic_spend(name="a", cost_usd_month=USD(300), mtok_month=USD(1000), mix=USD(1), price_basis="")
    lines = (
        SpendLine(what="base", amount_usd=USD(200), grows_with_traffic=False),
        SpendLine(what="burst", amount_usd=USD(100), grows_with_traffic=True),
    )
    cost = growing_cost(replace(spend, lines=lines))
    assert (cost.fixed_usd, cost.beyond_usd_mtok, cost.capacity_mtok) == (200, USD("0.1"), None)
    assert break_even(cost, USD("0.3")).mtok_month == 1000
    assert break_even(constant_cost(replace(spend, lines=lines)), USD("0.3")).mtok_month == 1000


def test_hidden_lines_lie_on_top_of_a_cost_by_load() -> None:
    spend = quote_spend(MACHINE, USD("0.5"), input_per_output=USD(1), price_basis="")
    direct = TrafficCost(points=((USD(0), USD(100)), (USD(1000), USD(100))), beyond_usd_mtok=USD("0.5"))
    cost = with_hidden(direct, spend, (SUPPORT, PER_TOKEN))
    assert cost.fixed_usd == pytest.approx(USD("254.08"))
    assert cost.usd(USD(1000)) == pytest.approx(USD("264.08"))
    assert cost.beyond_usd_mtok == pytest.approx(USD("0.51"))


def test_a_scenarios_burst_begins_where_its_servers_are_full() -> None:
    scenario = ProfitScenario(
        name="a",
        price_usd_mtok=USD("0.3"),
        traffic=Traffic(mtok_month=USD(100)),
        servers=(ScenarioServer(name="s", count=1, usd_month=USD(228), tok_s=USD(380)),),
        bursts=(ScenarioBurst(name="b", usd_hour=USD("0.16"), tok_s=USD(150), budget_usd_month=USD(30)),),
    )
    constant, growing = scenario_costs(scenario)
    assert constant.fixed_usd == 258
    assert break_even(constant, USD("0.1")).mtok_month == 2580  # the guide's, twice what the servers sustain
    assert break_even(growing, USD("0.1")).why_never.startswith("growing traffic costs more")
    assert break_even(growing, USD("0.3")).mtok_month == 760


def test_each_utilization_of_a_machine_is_a_cost_with_its_hidden_part() -> None:
    cost = cost_of_machine(MACHINE, (USD("0.8"), USD("0.5")), input_per_output=USD(3), hidden=(SUPPORT,))
    assert [point.label for point in cost.points] == ["at 80 %", "at 50 %"]
    assert [f"{point.direct_usd_mtok:.4f}" for point in cost.points] == ["0.2477", "0.3963"]
    for point in cost.points:
        assert point.hidden_usd_mtok == pytest.approx(point.direct_usd_mtok)
    assert cost.mix[0] == pytest.approx(3 * cost.mix[1])
    with pytest.raises(ValueError, match="at one utilization at least"):
        cost_of_machine(MACHINE, (), input_per_output=USD(1))


def test_a_model_that_serves_nothing_has_no_cost_to_price() -> None:
    spend = quote_spend(MACHINE, USD(1), input_per_output=USD(1), price_basis="")
    idle = replace(spend, models=(replace(spend.models[0], input_tokens=0.0, output_tokens=0.0),))
    assert costs_of_spend(idle) == ()
    (one,) = costs_of_spend(spend, (SUPPORT,))
    assert one.points[0].true_usd_mtok == pytest.approx(2 * one.points[0].direct_usd_mtok)
