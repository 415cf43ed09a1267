"""Profit scenarios: the guide's three, which of them can be, and what the others would take."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.economics.profit import (
    ExtraCost,
    ProfitScenario,
    ScenarioBurst,
    ScenarioServer,
    Traffic,
    outcome_of,
    traffic_of_series,
)

USD = Decimal


def ax102(count: int) -> ScenarioServer:
    return ScenarioServer(name="AX102", count=count, usd_month=USD(154), tok_s=USD(300))


def ax42(count: int) -> ScenarioServer:
    return ScenarioServer(name="AX42", count=count, usd_month=USD(54), tok_s=USD(80))


def b3_64(budget: int) -> ScenarioBurst:
    return ScenarioBurst(name="b3-64", usd_hour=USD("0.16"), tok_s=USD(150), budget_usd_month=USD(budget))


def a_scenario(price: str = "0.30", mtok: int = 500, **changes: Any) -> ProfitScenario:
    values: dict[str, Any] = {
        "name": "small",
        "price_usd_mtok": USD(price),
        "traffic": Traffic(mtok_month=USD(mtok)),
        "servers": (ax102(1),),
        "bursts": (b3_64(50),),
    }
    return ProfitScenario(**values | changes)


def test_scenario_1_is_a_loss_of_54_and_can_be_served() -> None:
    outcome = outcome_of(a_scenario())
    assert outcome.planned.revenue_usd == 150
    assert outcome.planned.cost_usd == 204
    assert outcome.planned.profit_usd == -54
    assert f"{outcome.planned.margin_ratio:.2f}" == "-0.36"
    assert outcome.feasibility.is_feasible  # 193 tok/s on average, 300 owned
    assert f"{outcome.feasibility.mean_tok_s:.1f}" == "192.9"
    assert outcome.break_even_mtok == 680
    assert f"{outcome.break_even_usd_mtok:.2f}" == "0.41"
    assert outcome.serves_break_even


def test_scenario_1_on_an_ax42_as_the_guide_advises_cannot_be_served() -> None:
    outcome = outcome_of(a_scenario(servers=(ax42(1),)))
    assert not outcome.feasibility.is_feasible  # 193 asked, 80 owned, 65 bought
    assert f"{outcome.feasibility.unserved_tok_s:.0f}" == "48"


def test_scenario_2_needs_430_to_610_of_burst_and_not_200() -> None:
    scenario = a_scenario("0.25", 3000, servers=(ax102(2),), bursts=(b3_64(200),))
    outcome = outcome_of(scenario)
    assert (outcome.planned.profit_usd, f"{outcome.planned.margin_ratio:.2f}") == (242, "0.32")
    assert not outcome.feasibility.is_feasible
    assert f"{outcome.feasibility.mean_tok_s:.0f}" == "1157"
    assert outcome.needed_burst_usd is not None
    assert [f"{usd:.0f}" for usd in outcome.needed_burst_usd] == ["428", "612"]
    assert outcome.needed is not None
    assert [f"{result.profit_usd:.0f}" for result in outcome.needed] == ["14", "-170"]


def test_scenario_3_is_no_67_percent_but_a_loss() -> None:
    scenario = a_scenario(
        "0.20",
        20_000,
        servers=(ax102(4), ax42(2)),
        bursts=(
            b3_64(300),
            ScenarioBurst(name="spot", usd_hour=USD("0.455"), tok_s=USD(200), budget_usd_month=USD(200)),
        ),
        costs=(ExtraCost(what="monitoring", usd_month=USD(100)),),
    )
    outcome = outcome_of(scenario)
    assert (outcome.planned.cost_usd, outcome.planned.profit_usd) == (1324, 2676)
    assert f"{outcome.planned.margin_ratio:.3f}" == "0.669"
    found = outcome.feasibility
    assert (f"{found.mean_tok_s:.0f}", found.owned_tok_s, f"{found.missing_tok_s:.0f}") == ("7716", 1360, "6356")
    assert not found.is_feasible
    assert outcome.needed_burst_usd is not None
    assert [f"{usd:.0f}" for usd in outcome.needed_burst_usd] == ["4881", "6973"]  # about 4,900 to 7,000
    assert outcome.needed is not None
    assert all(result.profit_usd < 0 for result in outcome.needed)
    assert outcome.served.profit_usd < 0


def test_the_peak_without_burst_is_unserved_and_said_so() -> None:
    outcome = outcome_of(a_scenario(bursts=()))
    # 193 tok/s on average is at least 2.3 x that in the busiest hour: 444 against 300.
    assert f"{outcome.feasibility.peak_unserved_ratio:.2f}" == "0.32"
    assert not outcome.feasibility.is_feasible
    assert outcome.needed is not None
    assert outcome.needed[0] == outcome.planned


def test_burst_without_a_budget_serves_no_peak() -> None:
    found = outcome_of(a_scenario(bursts=(b3_64(0),))).feasibility
    assert f"{found.peak_unserved_ratio:.2f}" == "0.32"  # as without any burst: nothing is bought
    assert not found.is_feasible
    assert found.peak_nodes == 3  # 3.2 x 193 = 617 tok/s, 300 owned, 150 each: what it would take


def test_with_burst_the_peak_asks_for_nodes_at_once() -> None:
    found = outcome_of(a_scenario(traffic=Traffic(mtok_month=USD(500), peak_to_mean=USD(3)))).feasibility
    assert found.peak_nodes == 2  # 579 - 300 = 279 tok/s, at 150 each
    assert found.peak_unserved_ratio == 0


def test_missing_capacity_with_nothing_to_rent_has_no_price() -> None:
    outcome = outcome_of(a_scenario(mtok=2000, bursts=()))
    assert outcome.needed is None
    assert outcome.needed_burst_usd is None


def test_a_series_counts_burst_in_the_hours_that_need_it() -> None:
    # Half the hours ask for 500, half for 100: 300 on average, which an AX102 carries only on paper.
    traffic = traffic_of_series([500.0, 100.0], "series")
    outcome = outcome_of(a_scenario(traffic=traffic))
    assert (outcome.feasibility.mean_tok_s, outcome.feasibility.missing_tok_s) == (300, 100)
    assert list(outcome.feasibility.peak_tok_s) == [500, 500]
    assert outcome.needed_burst_usd is not None
    assert f"{outcome.needed_burst_usd[0]:.2f}" == "76.80"  # 100 / 150 nodes x 0.16 x 720
    assert f"{outcome.feasibility.unserved_tok_s:.1f}" == "34.9"  # 50 USD buy 65.1


def test_a_series_without_traffic_is_refused() -> None:
    with pytest.raises(ValueError, match="no traffic in it"):
        traffic_of_series([0.0, 0.0], "f.csv")


@given(st.integers(1, 100_000), st.integers(0, 10), st.integers(0, 5000))
def test_what_is_sold_beyond_what_is_served_is_never_called_feasible(mtok: int, count: int, budget: int) -> None:
    servers = (ax102(count),)
    outcome = outcome_of(a_scenario(mtok=mtok, servers=servers, bursts=(b3_64(budget),)))
    found = outcome.feasibility
    is_peak_met = budget > 0 or found.peak_tok_s[0] <= found.owned_tok_s
    assert found.is_feasible == (found.mean_tok_s <= found.owned_tok_s + found.bought_tok_s and is_peak_met)
    assert outcome.served.revenue_usd <= outcome.planned.revenue_usd
    assert outcome.needed is not None
    assert outcome.needed[1].cost_usd >= outcome.needed[0].cost_usd
