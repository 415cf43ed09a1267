"""The plan for people: the golden table, widths, currency, explanations and comparisons."""

import importlib.util
import io
import os
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from planner.report.comparison import ComparedRow, render_comparison
from planner.report.numbers import Currency, buckets, number, percent, signed, sparkline
from planner.report.reasons import render_explanation
from planner.report.screen import Column, Screen, render_table, screen_of, words
from planner.report.tables import render_plan

HERE = Path(__file__).parent
GOLDEN = HERE.parents[1] / "golden" / "plan_small.txt"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


plans = load(HERE / "plans.py")


def test_the_table_is_the_golden_one() -> None:
    shown = render_plan(plans.small_plan()) + "\n" + render_explanation(plans.small_plan())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(shown, encoding="utf-8")
    assert shown == GOLDEN.read_text(encoding="utf-8"), "run with UPDATE_GOLDEN=1 and read the difference"


def test_with_scenarios_the_lines_still_sum_to_the_expected_bill() -> None:
    shown = render_plan(plans.two_model_plan())
    # 1.00 + 1.00 + 0.65 in the scenario shown, 0.325 less on average
    for line in ("burst over 2 scenarios", "Expected bill USD 2.33 over 2 scenarios", "scenario high", "−0.33"):
        assert line in shown
    assert "not proven optimal (search limit)" in shown
    assert "Owned servers: keep 4 hetzner/ax102; cancel 1 hetzner/ax42." in shown


@pytest.mark.parametrize("width", [80, 100, 132])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    shown = render_plan(plans.small_plan(), screen=Screen(width=width))
    assert max(len(line) for line in shown.splitlines()) <= width
    assert "hetzner/ax102" in shown


def test_a_pipe_gets_complete_ids() -> None:
    long = "provider-with-a-long-name/" + "x" * 200 + "/spot@eu-west-1a"
    assert long in render_table([words("offer"), Column(title="vCPU")], [(long, 4)])


def test_colour_is_for_terminals_without_no_color() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert screen_of(io.StringIO(), {}) == Screen()
    assert screen_of(Terminal(), {}).color
    assert not screen_of(Terminal(), {"NO_COLOR": "1"}).color
    assert not screen_of(Terminal(), {"TERM": "dumb"}).color
    coloured = render_plan(plans.small_plan(), screen=Screen(width=120, color=True))
    assert "\x1b[" in coloured
    assert "\x1b[" not in render_plan(plans.small_plan(), screen=Screen(width=120))


def test_another_currency_is_converted_and_labelled() -> None:
    euro = Currency(code="EUR", usd_per_unit=Decimal("1.2144"), rate_date=date(2026, 11, 1))
    shown = render_plan(plans.small_plan(), currency=euro)
    assert "Bill EUR 2.74: EUR 0.3458 per million tokens" in shown  # 3.3264 / 1.2144, 0.42 / 1.2144
    assert "shown in EUR at 1.2144 USD/EUR of 2026-11-01; JSON stays in USD" in shown
    assert "USD/h" not in shown


def test_a_plan_that_serves_nothing_has_no_unit_cost() -> None:
    plan = plans.small_plan()
    unit = replace(plan.cost_usd_mtok, blended=None, input=None, output=None)
    idle = replace(plan, hours_detail=(), leases=(), base={}, cost_usd_mtok=unit)
    assert "nothing is served" in render_plan(idle)


def test_a_total_on_its_bound_is_said_to_be_the_minimum() -> None:
    plan = plans.small_plan()
    assert "the total is the proven minimum" in render_plan(replace(plan, lower_bound_usd=plan.total_usd))


def test_a_comparison_shows_before_after_and_the_change() -> None:
    rows = [
        ComparedRow(label="bill", unit="USD", values=(Decimal("2.00"), Decimal("2.50"))),
        ComparedRow(label="unserved", is_ratio=True, values=(0.01, 0.002)),
        ComparedRow(label="base", values=("1 a", "2 a")),
        ComparedRow(label="unit cost", unit="USD/Mtok", values=(None, Decimal("0.1"))),
    ]
    shown = render_comparison(["before", "after"], rows, title="demand × 1.5", footer=["Why."])
    lines = [line.split() for line in shown.splitlines()]
    assert ["bill", "USD", "2.00", "2.50", "+0.50", "+25.0"] in lines
    assert ["unserved", "%", "1.00", "0.20", "−0.80"] in lines
    assert ["base", "1", "a", "2", "a", "changed"] in lines
    assert ["unit", "cost", "USD/Mtok", "–", "0.10"] in lines
    assert shown.startswith("demand × 1.5\n")
    assert shown.endswith("Why.\n")


def test_three_cases_stand_side_by_side_without_change() -> None:
    shown = render_comparison(["a", "b", "c"], [ComparedRow(label="bill", values=(1, 2, 3))])
    assert "change" not in shown
    assert ["bill", "1.00", "2.00", "3.00"] in [line.split() for line in shown.splitlines()]


def test_a_row_that_lacks_a_case_is_an_error() -> None:
    with pytest.raises(ValueError, match="bill has 1 values for 2 cases"):
        render_comparison(["a", "b"], [ComparedRow(label="bill", values=(1,))])
    with pytest.raises(ValueError, match="row 1 has 1 cells, expected 2"):
        render_table([words("a"), words("b")], [("x",)])


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (Decimal("1234.565"), 2, "1,234.57"),
        (Decimal("-0.5"), 2, "−0.50"),
        (Decimal("-0.004"), 2, "0.00"),
        (0.1 + 0.2, 4, "0.3000"),
        (None, 2, "–"),
        (float("nan"), 2, "–"),
        (0, 0, "0"),
    ],
)
def test_numbers_as_shown(value: Decimal | float | None, places: int, shown: str) -> None:
    assert number(value, places) == shown


def test_a_tiny_share_is_not_shown_as_none() -> None:
    assert [percent(ratio) for ratio in (0, 0.00001, 0.0005, 0.123, 1)] == ["0.0", "<0.1", "0.1", "12.3", "100.0"]


def test_changes_carry_their_sign() -> None:
    assert [signed(change) for change in (0.5, -0.5, 0.001, None)] == ["+0.50", "−0.50", "±0.00", "–"]


def test_a_sparkline_marks_nothing_and_unknown_apart() -> None:
    assert sparkline([0, 1, 4, 8, float("nan")]) == " ▁▄█·"
    assert sparkline([0.01], top=8) == "▁"
    assert sparkline([]) == ""
    assert sparkline([16], top=8) == "█"


@pytest.mark.parametrize(("length", "width", "sizes"), [(4, 62, [1] * 4), (744, 62, [12] * 62), (7, 3, [3, 3, 1])])
def test_buckets_cover_every_hour_once(length: int, width: int, sizes: list[int]) -> None:
    assert [len(run) for run in buckets(length, width)] == sizes
    assert [hour for run in buckets(length, width) for hour in run] == list(range(length))
