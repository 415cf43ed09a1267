"""What moves the bill, on the fleet of `test_whatif` whose bill one can reckon in the head.

A base node 24 USD for the day, a spot node 1.50 an hour, on demand 3; 100 tok/s each. Asked for: 100 tok/s for 12
hours, then 200 for 12. Cheapest: one base node (24) and a spot node for 12 hours (18): 42 USD.
"""

import json
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from planner.case import Case, solve_case
from planner.errors import InputError
from planner.optimize.solve import Solved
from planner.report.screen import Screen
from planner.report.sensitivity.base_map import map_document, render_map
from planner.report.sensitivity.chart import draw_map, draw_ranges, draw_tornado
from planner.report.sensitivity.ranges import ranges_document, render_ranges
from planner.report.sensitivity.tornado import render_tornado, tornado_document
from planner.whatif.base_map import BaseMap, base_map
from planner.whatif.inputs import Uncertain, default_inputs, read_inputs, varied
from planner.whatif.ranges import BaseRanges, base_ranges
from planner.whatif.sweep import PlanPoint, sweep_plans
from planner.whatif.tornado import Bar, Of, Tornado, tornado
from tests.planner.test_whatif import BASE, CATALOG, a_case

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def follows(document: dict, name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []


def bill(point: PlanPoint) -> str:
    return f"{point.figures.bill_usd:.2f}"


def bars(case: Case, *vary: str) -> dict[str, Bar]:
    found = tornado(case, varied((), vary))
    return {bar.name: bar for bar in found.bars}


# Tornado


def test_demand_doubled_costs_less_when_planned_anew_than_with_the_base_node_kept(tmp_path: Path) -> None:
    # Doubled: 200 then 400 tok/s. Two base nodes and two of spot: 48 + 36 = 84. Kept: 24 + 12 h x 1 + 12 h x 3 = 96.
    # Halved: 50 then 100 tok/s, which the base node carries alone.
    bar = bars(a_case(tmp_path), "demand=*0.5,*2")["demand"]
    assert (bill(bar.low.kept), bill(bar.low.anew)) == ("24.00", "24.00")
    assert (bill(bar.high.kept), bill(bar.high.anew)) == ("96.00", "84.00")
    assert dict(bar.high.kept.figures.base) == {BASE: 1}
    assert dict(bar.high.anew.figures.base) == {BASE: 2}


def test_a_price_moves_its_own_line_of_the_bill_until_another_base_is_cheaper(tmp_path: Path) -> None:
    # Spot at half: 24 + 9 = 33, or all spot: 12 h x 0.75 + 12 h x 2 x 0.75 = 27. Twice: 24 + 36 = 60, or two base: 48.
    bar = bars(a_case(tmp_path), "price.aws.spot=*0.5,*2")["price.aws.spot"]
    assert (bill(bar.low.kept), bill(bar.low.anew)) == ("33.00", "27.00")
    assert (bill(bar.high.kept), bill(bar.high.anew)) == ("60.00", "48.00")


def test_the_widest_swing_comes_first_and_a_swing_spans_what_was_given_too(tmp_path: Path) -> None:
    found = tornado(
        a_case(tmp_path), varied((), ["price.aws.on-demand=*0.9,*2", "price.aws.spot=*0.5,*2", "demand=*2,*3"])
    )
    # demand: 84 at twice, 126 at three times, 42 as given; spot: 27 to 48; on demand: never rented.
    assert [(bar.name, f"{bar.swing_usd(Of.BILL, found.before):.2f}") for bar in found.bars] == [
        ("demand", "84.00"),
        ("price.aws.spot", "21.00"),
        ("price.aws.on-demand", "0.00"),
    ]


def test_an_end_that_changes_nothing_has_the_bill_as_given_both_ways(tmp_path: Path) -> None:
    grouped = CATALOG.replace('product = "box"\n', 'product = "box"\ncount_group = "g"\n', 1)
    grouped = grouped.replace("lead_time_s = 0\ninterruptions", 'lead_time_s = 0\ncount_group = "g"\ninterruptions')
    case = a_case(tmp_path, catalog=f"{grouped}\n[group_max]\ng = 2\n")
    bar = bars(case, "demand=*1,*1.5")["demand"]
    # The group of two counts base and spot together: at 1.5 times (150, 300 tok/s) the third node is on demand.
    assert (bill(bar.low.kept), bill(bar.low.anew)) == ("42.00", "42.00")
    # Kept: 24 + 24 h of spot (36) + 12 h on demand (36) = 96. Anew: two base (48) + 12 h on demand (36) = 84.
    assert (bill(bar.high.kept), bill(bar.high.anew)) == ("96.00", "84.00")


def test_planning_anew_never_costs_more_in_total_than_keeping_the_base(tmp_path: Path) -> None:
    found = tornado(a_case(tmp_path), default_inputs(a_case(tmp_path)), Of.TOTAL)
    for bar in found.bars:
        for end in (bar.low, bar.high):
            assert end.anew.figures.total_usd <= end.kept.figures.total_usd


def test_the_default_inputs_are_those_the_case_has(tmp_path: Path) -> None:
    rated = CATALOG.replace("interruptions_per_hour = 0\n", "interruptions_per_hour = 0.1\n")
    found = {one.name: (one.low, one.high) for one in default_inputs(a_case(tmp_path, catalog=rated))}
    assert list(found) == [
        "demand",
        "demand.mix",
        "cache_hit_ratio",
        "throughput_factor",
        "price.aws.on-demand",
        "price.aws.spot",
        "price.hz.base",
        "unserved_usd_mtok",
        "target_utilization",
        "interruptions.spot",
    ]
    assert found["demand"] == ({"demand": "*0.8"}, {"demand": "*1.2"})
    assert found["cache_hit_ratio"] == ({"cache_hit_ratio": "0"}, {"cache_hit_ratio": "0.1"})
    assert found["unserved_usd_mtok"] == ({"unserved_usd_mtok": "50"}, {"unserved_usd_mtok": "200"})
    assert found["target_utilization"] == ({"target_utilization": "0.9"}, {"target_utilization": "1"})


def test_vary_replaces_the_input_of_its_name_and_adds_others() -> None:
    given = (Uncertain(name="demand", low={"demand": "*0.8"}, high={"demand": "*1.2"}),)
    found = varied(given, ["demand=*0.5,*3", "tenure_months=6,24"])
    assert [(one.name, one.low, one.high) for one in found] == [
        ("demand", {"demand": "*0.5"}, {"demand": "*3"}),
        ("tenure_months", {"tenure_months": "6"}, {"tenure_months": "24"}),
    ]


def test_a_file_names_inputs_of_several_settings() -> None:
    (one,) = read_inputs(
        '[[input]]\nname = "cheap"\nlow = ["price.aws=*0.7", "demand=*1"]\nhigh = ["price.aws=*2"]', "i.toml"
    )
    assert one.low == {"price.aws": "*0.7", "demand": "*1"}
    assert (one.name, one.high) == ("cheap", {"price.aws": "*2"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "i.toml: not readable as TOML"),
        ("[[inputs]]\n", "i.toml: unknown key 'inputs'"),
        ("", "i.toml: no input; expected at least one"),
        ('[[input]]\nname = "a"\nlow = ["demand=*1"]\n', "'a' high is None; expected a list"),
        ('[[input]]\nname = "a"\nlow = ["demand"]\nhigh = ["demand=*2"]\n', "'a' low is"),
        ('[[input]]\nlow = ["demand=*1"]\nhigh = ["demand=*2"]\n', "number 1 name is None"),
        ('[[input]]\nname = "a"\nhihg = []\n', "unknown key 'hihg'; expected high"),
        ('[[input]]\nname="a"\nlow=["a=1"]\nhigh=["a=2"]\n' * 2, "the name appears twice"),
    ],
)
def test_a_wrong_file_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"i\.toml") as caught:
        read_inputs(text, "i.toml")
    assert said in str(caught.value)


@pytest.mark.parametrize("written", ["demand", "demand=*1", "demand=*1,*2,*3", "=1,2", "demand=,*2"])
def test_a_wrong_vary_is_refused(written: str) -> None:
    with pytest.raises(InputError, match=r"expected KEY=LOW,HIGH"):
        varied((), [written])


def test_a_wrong_setting_is_said_of_where_it_was_written_before_anything_is_planned(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--vary demnad=\*2: unknown key 'demnad'; did you mean 'demand'"):
        bars(a_case(tmp_path), "demand=*1,*2", "demnad=*2,*3")


@pytest.fixture
def swung(tmp_path: Path) -> Tornado:
    return tornado(a_case(tmp_path), varied((), ["demand=*0.5,*2", "price.aws.spot=*0.5,*2"]))


def test_the_tornado_is_told_and_follows_its_schema(swung: Tornado) -> None:
    follows(tornado_document(swung), "tornado")
    lines = render_tornado(swung).splitlines()
    assert lines[1] == "As given: bill 42.00 USD, base nodes 1 hz/box"
    (demand,) = [line for line in lines if line.startswith("demand  ")]
    assert demand.split()[1:11] == ["×", "0.5", "×", "2", "−18.00", "+54.00", "72.00", "−18.00", "+42.00", "60.00"]
    assert demand.endswith("high: +1 hz/box")
    assert "demand moves the bill most, by 60.00 USD. Planning anew saves most at" in render_tornado(swung)
    assert all(len(line) <= 100 for line in render_tornado(swung, screen=Screen(width=100)).splitlines())


def test_the_picture_has_a_bar_for_each_end(swung: Tornado) -> None:
    (panel,) = draw_tornado(swung).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["demand", "price.aws.spot"]
    widths = [round(float(bar.get_extents().width), 2) > 0 for bar in panel.patches]
    assert widths == [True] * 8
    assert [text.get_text() for text in panel.texts[:2]] == ["× 0.5", "× 2"]


# Points that cannot be compared


def test_a_point_says_whether_it_is_served(tmp_path: Path) -> None:
    # At 1 USD a Mtok the day's 12.96 Mtok are left for 12.96 USD, at 100 they are served for 42.
    found = sweep_plans(a_case(tmp_path), ["unserved_usd_mtok=1,100"])
    assert [point.is_served for point in found.points] == [False, True]


@pytest.mark.parametrize(("left_usd", "is_settled"), [("0.41", True), ("0.43", False)])
def test_a_point_says_whether_more_may_be_left_to_gain_than_the_policy_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_usd: str, is_settled: bool
) -> None:
    # Of 42 USD a hundredth may be left, 0.42.
    def unproven(case: Case, **given: Any) -> Solved:
        solved = solve_case(case, **given)
        gap = replace(solved.plan.gap, search_usd=Decimal(left_usd))
        return replace(solved, plan=replace(solved.plan, search="good enough", gap=gap))

    monkeypatch.setattr("planner.whatif.sweep.solve_case", unproven)
    assert sweep_plans(a_case(tmp_path), ["demand=*1"]).before.is_settled is is_settled


# Base nodes over demand


@pytest.fixture
def ranges(tmp_path: Path) -> BaseRanges:
    """100 tok/s all day: a base node costs 24, spot 36, and leaving 1 tok/s unserved 8.64 (0.0864 Mtok at 100 USD)."""
    return base_ranges(a_case(tmp_path, tok_s=(100.0,) * 24), 0.5, 3.4)


def test_the_base_nodes_change_where_a_whole_node_more_is_needed(ranges: BaseRanges) -> None:
    # The next node pays once more than 24 / 8.64 = 2.78 tok/s would go unserved: at 1.0278, 2.0278 and 3.0278.
    found = [(one.low.figures.base.get(BASE, 0), one.low_factor, one.high_factor) for one in ranges.ranges]
    assert [count for count, _, _ in found] == [1, 2, 3, 4]
    for (count, _, high), (_, low, _) in pairwise(found):
        assert high <= count + 24 / 864 <= low <= high * 1.021
    assert [bill(one.high) for one in ranges.ranges] == ["24.00", "48.00", "72.00", "96.00"]


def test_the_ranges_are_told_and_follow_their_schema(ranges: BaseRanges) -> None:
    follows(ranges_document(ranges), "base-ranges")
    text = render_ranges(ranges)
    (now,) = [line for line in text.splitlines() if "hz/box" in line and line.endswith("as forecast")]
    assert now.split()[2:5] == ["1", "hz/box", "1"]
    nodes, _ = draw_ranges(ranges).axes
    assert nodes.get_xlim() == pytest.approx((0.5, 3.4))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (2, 1), (1, 1)])
def test_a_range_that_does_not_rise_is_refused(tmp_path: Path, low: float, high: float) -> None:
    with pytest.raises(InputError, match="expected two rising factors"):
        base_ranges(a_case(tmp_path), low, high)


# Map


@pytest.fixture
def mapped(tmp_path: Path) -> BaseMap:
    return base_map(a_case(tmp_path), ("1", "2"), ("0", "1", "3"))


def test_flat_demand_wants_base_and_peaks_want_burst(mapped: BaseMap) -> None:
    # Flat: 150 tok/s all day, two base nodes; doubled: 300, three. As given: one; doubled: two.
    # Cubed: 1 and 8 parts of the same mean, 33.3 and 266.7 tok/s: one base node (24) + 2 x 12 h of spot (36) = 60,
    # no base: 18 + 54 = 72; doubled: 66.7 and 533.3: one base (24) + 5 x 12 h (90) = 114.
    base = [[point.figures.base.get(BASE, 0) for point in row] for row in mapped.rows]
    assert base == [[2, 3], [1, 2], [1, 1]]
    assert [[bill(point) for point in row] for row in mapped.rows] == [
        ["48.00", "72.00"],
        ["42.00", "84.00"],
        ["60.00", "114.00"],
    ]
    assert [mapped.peak_over_mean(at) for at in range(3)] == pytest.approx([1, 4 / 3, 16 / 9])


def test_the_map_is_told_and_follows_its_schema(mapped: BaseMap) -> None:
    follows(map_document(mapped), "base-map")
    lines = render_map(mapped).splitlines()
    at = lines.index("Base nodes: hz/box")
    assert lines[at + 3].split() == ["0", "1.00", "2", "3"]
    assert lines[at + 5].split() == ["3", "1.78", "1", "1"]
    panel = draw_map(mapped).axes[0]
    assert [text.get_text() for text in panel.texts] == ["2", "3", "1", "2", "1", "1"]


@pytest.mark.parametrize(
    ("demand", "peakiness", "said"),
    [
        (("x",), ("1",), "--demand x: expected a factor"),
        (("1",), ("-1",), "--peakiness -1: expected a power from 0"),
        (("1",) * 200, ("1",) * 200, "a map of 200 x 200: expected at most 10000"),
    ],
)
def test_a_map_of_wrong_values_is_refused(
    tmp_path: Path, demand: tuple[str, ...], peakiness: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said.partition(":")[0]) as caught:
        base_map(a_case(tmp_path), demand, peakiness)
    assert said in str(caught.value)
