"""Demand of another shape with the same tokens, throughput and interruptions by a factor, base nodes that are given.

The fleet is that of `test_whatif`: a base node 24 USD for the day, a spot node 1.50 an hour, 100 tok/s each; 100 tok/s
asked for 12 hours, then 200 for 12: one base node (24) and a spot node for 12 hours (18), 42 USD.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.case import solve_case
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.whatif import Change, changed
from planner.whatif.reshape import mixed, peaked
from tests.planner.test_whatif import BASE, CATALOG, SPOT, a_case


def a_forecast(given: list[float], made: list[float]) -> Forecast:
    """One model, one scenario."""
    arrays = (np.array(values, dtype=float).reshape(1, 1, -1) for values in (given, made))
    start = datetime(2026, 12, 1, tzinfo=UTC)
    return Forecast(start=start, models=("m",), input_tok_s=next(arrays), output_tok_s=next(arrays))


def both(forecast: Forecast) -> tuple[list[float], list[float]]:
    return forecast.input_tok_s[0, 0].tolist(), forecast.output_tok_s[0, 0].tolist()


def test_a_mix_doubled_has_twice_as_many_input_tokens_for_each_output_token() -> None:
    given, made = both(mixed(a_forecast([60, 0, 30, 0], [30, 50, 0, 0]), [0], 2.0))
    assert given == pytest.approx([72, 0, 30, 0])  # 2 : 1 becomes 4 : 1; one kind alone stays
    assert made == pytest.approx([18, 50, 0, 0])


def test_a_mix_of_nothing_asks_for_output_alone() -> None:
    assert both(mixed(a_forecast([60, 30], [30, 0]), [0], 0.0)) == ([0.0, 30.0], [90.0, 0.0])


def test_peaks_squared_keep_the_mean() -> None:
    # 20 and 60 lie at 0.5 and 1.5 of their mean 40; squared 0.25 and 2.25, mean 1.25: 0.2 and 1.8 of 40.
    given, made = both(peaked(a_forecast([15, 45], [5, 15]), [0], 2.0))
    assert given == pytest.approx([6, 54])
    assert made == pytest.approx([2, 18])


def test_a_power_of_nought_is_flat_and_an_hour_without_demand_stays_so() -> None:
    given, made = both(peaked(a_forecast([10, 30, 0], [0, 0, 0]), [0], 0.0))
    assert given == pytest.approx([20, 20, 0])
    assert made == [0, 0, 0]


AMOUNTS = st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0.01, 1e4)), min_size=1, max_size=6)


@given(AMOUNTS, st.floats(0, 10), st.floats(0.01, 100))
def test_tokens_are_kept_whatever_the_shape(hours: list[tuple[float, float]], power: float, factor: float) -> None:
    before = a_forecast([i for i, _ in hours], [o for _, o in hours])
    total = before.input_tok_s + before.output_tok_s
    other_mix, other_peaks = mixed(before, [0], factor), peaked(before, [0], power)
    assert other_mix.input_tok_s + other_mix.output_tok_s == pytest.approx(total)
    assert (other_peaks.input_tok_s + other_peaks.output_tok_s).mean() == pytest.approx(total.mean())
    same = peaked(before, [0], 1.0)
    assert same.input_tok_s == pytest.approx(before.input_tok_s)
    assert other_peaks.input_tok_s * before.output_tok_s == pytest.approx(
        other_peaks.output_tok_s * before.input_tok_s, rel=1e-6
    )


@pytest.mark.parametrize(
    ("setting", "bill"),
    [
        ("throughput_factor=0.5", "84.00"),  # two base nodes and two spot nodes for half a day: 48 + 36
        ("throughput_factor=2", "24.00"),  # one node carries 200 tok/s
        ("demand.peakiness=0", "48.00"),  # 150 tok/s all day: a second base node (24) beats 24 h of spot (36)
        ("demand.mix=*3", "42.00"),  # one rate for both kinds: the mix does not matter
    ],
)
def test_a_setting_has_the_bill_reckoned_by_hand(tmp_path: Path, setting: str, bill: str) -> None:
    case = changed(a_case(tmp_path), Change(settings=(setting,)))
    assert f"{solve_case(case).plan.bill_usd:.2f}" == bill


def test_interruptions_by_a_factor_cost_as_much_more(tmp_path: Path) -> None:
    # 0.1 an hour, each costing 120 s of work done again at 1.50 USD/h: 0.005 USD an hour, over 12 hours 0.06.
    case = a_case(tmp_path, catalog=CATALOG.replace("interruptions_per_hour = 0\n", "interruptions_per_hour = 0.1\n"))
    case = replace(
        case, fleet=replace(case.fleet, policy=replace(case.fleet.policy, lost_work_s=120.0, unknown_lead_time_s=0.0))
    )
    before, after = (
        solve_case(one).plan.cost.interruption_usd
        for one in (case, changed(case, Change(settings=("interruptions.aws.spot=*3",))))
    )
    assert (round(before, 6), round(after, 6)) == (Decimal("0.06"), Decimal("0.18"))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("demand.mix=2", "expected a factor such as"),
        ("demand.peakiness=*2", r"expected a power from 0 \(flat\)"),
        ("demand.peakiness=11", "to 10, got '11'"),
        ("throughput_factor=0", "throughput_factor must be above 0"),
        ("interruptions.hz=*2", "none of these offers has a rate of interruptions"),
        ("interruptions.aws.spot=2", "expected a factor such as"),
        ("interruptions=*2", "interruptions of what"),
    ],
)
def test_a_wrong_value_is_refused(tmp_path: Path, setting: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        changed(a_case(tmp_path), Change(settings=(setting,)))


@pytest.mark.parametrize(
    ("given", "bill"),
    [
        ({}, "54.00"),  # spot alone: 12 + 24 node-hours
        ({BASE: 1}, "42.00"),
        ({BASE: 2}, "48.00"),
        ({BASE: 5}, "120.00"),  # more than could ever serve
    ],
)
def test_base_nodes_that_are_given_are_rented_as_given(tmp_path: Path, given: dict[str, int], bill: str) -> None:
    plan = solve_case(replace(a_case(tmp_path), base_counts=given)).plan
    assert {key: count for key, count in plan.base.items() if count} == given
    assert f"{plan.bill_usd:.2f}" == bill


def test_a_base_node_that_another_replaces_is_rented_where_it_is_given(tmp_path: Path) -> None:
    dear = '[[offer]]\nproduct = "dear"\nrole = "base"\nbilling = "month_prorated"\nfee_usd_month = 1488\n'
    case = a_case(tmp_path, catalog=CATALOG + dear)
    machines = case.profiles["p"].machines
    held = replace(case.profiles["p"], machines={**machines, "hz/dear": replace(machines["hz/box"], server="hz/dear")})
    case = replace(case, profiles={"p": held})
    assert "dominated" in next(one.reason for one in solve_case(case).plan.rejected if one.offer == "hz/dear")
    plan = solve_case(replace(case, base_counts={"hz/dear": 1})).plan
    assert f"{plan.bill_usd:.2f}" == "66.00"  # 48 for the day, and 18 of spot
    assert SPOT in plan.offers
