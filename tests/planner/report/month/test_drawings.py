"""Pictures: hours where they belong, also when the clock changes; steps that lead on; small, escaped SVG."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.month.value import Hourly
from planner.report.month.axes import Frame, day_labels, ticks
from planner.report.month.bars import Bar, Step, bars, waterfall
from planner.report.month.drawing import Drawing, shortened
from planner.report.month.heat import HeatCell, heat_cells, heat_map
from planner.report.month.lines import demand_and_nodes, past_hours, planned_by_hour, trend
from tests.planner.month.months import START, next_plan, small_hourly, small_plan

BERLIN = ZoneInfo("Europe/Berlin")


def day_of(start: datetime, hours: int, zone: ZoneInfo, day: date) -> list[HeatCell]:
    return [cell for cell in heat_cells(start, np.arange(float(hours)), zone) if cell.day == day]


def test_the_day_summer_time_ends_has_25_hours() -> None:
    cells = day_of(datetime(2026, 10, 1, tzinfo=UTC), 744, BERLIN, date(2026, 10, 25))
    assert [cell.hour for cell in cells] == [0, 1, 2, 2, *range(3, 24)]
    assert [(cell.twice, cell.second) for cell in cells[2:4]] == [(True, False), (True, True)]
    assert [cell.value for cell in cells] == sorted(cell.value for cell in cells)


def test_the_day_summer_time_begins_has_23_hours() -> None:
    cells = day_of(datetime(2026, 3, 1, tzinfo=UTC), 744, BERLIN, date(2026, 3, 29))
    assert [cell.hour for cell in cells] == [0, 1, *range(3, 24)]
    assert not any(cell.twice for cell in cells)


def test_a_month_in_another_zone_begins_late_and_runs_into_the_next() -> None:
    cells = heat_cells(datetime(2026, 12, 1, tzinfo=UTC), np.zeros(744), BERLIN)
    assert len(cells) == 744
    assert (cells[0].day, cells[0].hour) == (date(2026, 12, 1), 1)
    assert (cells[-1].day, cells[-1].hour) == (date(2027, 1, 1), 0)


def boxes(svg: str) -> int:
    """Cells of a heat map: closed sub-paths."""
    return sum(path.count("z") for path in re.findall(r' d="([^"]*z)"', svg))


@pytest.mark.parametrize("width", [720.0, 330.0])
def test_every_hour_is_drawn_once(width: float) -> None:
    drawn = heat_map(datetime(2026, 10, 1, tzinfo=UTC), np.linspace(0, 1, 744), BERLIN, width=width)
    assert boxes(drawn.svg("n", "t", "d")) == 744


def test_hours_without_measurement_have_a_colour_of_their_own() -> None:
    values = np.full(720, 0.5)
    values[:24] = np.nan
    svg = heat_map(START, values, ZoneInfo("UTC"), width=720).svg("n", "t", "d")
    assert re.search(r'<path d="([^"]*)" class="f-gap"', svg)
    assert "not measured" in svg
    assert "not measured" not in heat_map(START, np.full(720, 0.5), ZoneInfo("UTC"), width=720).svg("n", "t", "d")


def test_a_planned_bill_is_spread_to_the_last_cent() -> None:
    planned = planned_by_hour(small_plan(), START, 720)
    assert planned.sum() == pytest.approx(80.0)
    # 72.00 over 720 hours, and 0.08 in each hour of a lease from 10:00 to 15:00.
    assert planned[9] == pytest.approx(0.1)
    assert planned[10] == pytest.approx(0.18)
    assert planned[14] == pytest.approx(0.18)
    assert planned[15] == pytest.approx(0.1)


def test_leases_outside_the_month_fall_into_its_fees() -> None:
    planned = planned_by_hour(next_plan(), START - timedelta(days=400), 720)
    assert planned == pytest.approx(np.full(720, 0.1))


def test_a_waterfall_leads_from_step_to_step() -> None:
    steps = [
        Step(name="planned", start=80, end=80, figure="80"),
        Step(name="more", start=80, end=110, figure="+30"),
        Step(name="less", start=110, end=100, figure="−10"),
        Step(name="actual", start=100, end=100, figure="100"),
    ]
    svg = waterfall(steps, width=720).svg("n", "t", "d")
    rectangles = [(float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)]
    (level, _), (more, more_w), (less, less_w), _ = rectangles
    assert more == pytest.approx(level + 2.5, abs=0.2)
    assert less + less_w == pytest.approx(more + more_w, abs=0.2)
    assert more_w == pytest.approx(3 * less_w, rel=0.01)
    assert svg.count("stroke-dasharray") == 3


def test_bars_share_one_scale() -> None:
    rows = [Bar(name="a", parts=((2.0, "c1"),), figure="2"), Bar(name="b", parts=((1.0, "c1"),), figure="1")]
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="16"', bars(rows, width=720).svg("n", "t", "d"))]
    assert widths[0] + 1 == pytest.approx(2 * (widths[1] + 1), abs=0.2)


def test_a_month_without_a_value_breaks_the_line() -> None:
    whole = trend([("a", 1.0), ("b", 1.0), ("c", 2.0)], unit="u", width=720).svg("n", "t", "d")
    broken = trend([("a", 1.0), ("b", None), ("c", 2.0)], unit="u", width=720).svg("n", "t", "d")
    assert whole.count("<circle") == 3
    assert broken.count("<circle") == 2
    assert whole.count('stroke-width="2.5"') == 1
    assert broken.count('stroke-width="2.5"') == 0


def test_words_in_a_drawing_are_escaped() -> None:
    drawing = Drawing(width=100, height=20)
    drawing.text(0, 10, '<b> & "quotes"')
    svg = drawing.svg("n", "a < b", "d & e")
    tree = ElementTree.fromstring(svg)
    assert [element.text for element in tree] == ["a < b", "d & e", '<b> & "quotes"']


def test_a_line_that_goes_straight_on_needs_two_points() -> None:
    drawing = Drawing(width=100, height=20)
    drawing.line([(0, 1), (1, 1), (2, 1), (2, 5), (2, 9)], "c1")
    assert 'd="M0 1L2 1L2 9"' in drawing.svg("n", "t", "d")


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0, 100, 4, [0, 25, 50, 75, 100]),
        (0, 7, 4, [0, 2, 4, 6, 8]),
        (8710, 9167, 5, [8700, 8800, 8900, 9000, 9100, 9200]),
        (5, 5, 2, [5, 7.5, 10]),
        (0, 0, 2, [0, 0.5, 1]),
    ],
)
def test_ticks_are_round_and_cover_the_values(low: float, high: float, about: int, expected: list[float]) -> None:
    assert ticks(low, high, about) == pytest.approx(expected)


def test_a_long_name_is_cut() -> None:
    assert shortened("abcdefghij", 35) == "abcd…"
    assert shortened("abc", 35) == "abc"


def burst_of(offers: int) -> Hourly:
    hourly = small_hourly()
    return replace(hourly, burst_nodes={f"p/{index}": np.full(720, 1.0 + index) for index in range(offers)})


def test_more_burst_offers_than_colours_share_one() -> None:
    four = demand_and_nodes(burst_of(4), UTC, width=720).svg("n", "t", "d")
    assert [f"burst p/{index}" in four for index in range(4)] == [True] * 4
    nine = demand_and_nodes(burst_of(9), UTC, width=720).svg("n", "t", "d")
    assert "burst p/8" in nine
    assert "burst, 6 other offers" in nine


def test_hours_to_come_are_not_called_unmeasured() -> None:
    hourly = small_hourly()
    future = np.arange(720) >= 500
    running = replace(
        hourly,
        input_tok_s=np.where(future, np.nan, hourly.input_tok_s),
        output_tok_s=np.where(future, np.nan, hourly.output_tok_s),
        utilization=np.where(future, np.nan, hourly.utilization),
        base_nodes=np.where(future, np.nan, hourly.base_nodes),
        cost_usd=np.where(future, np.nan, hourly.cost_usd),
    )
    assert past_hours(running) == 500
    assert 'class="f-gap"' not in demand_and_nodes(running, UTC, width=720).svg("n", "t", "d")


amounts = st.floats(min_value=0, max_value=1e7, allow_nan=False)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=12), st.sampled_from([330.0, 720.0]))
def test_bars_stay_on_their_canvas(values: list[tuple[float, float]], width: float) -> None:
    rows = [
        Bar(name="an offer with a long name", parts=((one, "c1"), (other, "c2")), figure=f"{one + other:,.2f}")
        for one, other in values
    ]
    drawing = bars(rows, width=width)
    for x, y, w, h in rectangles_of(drawing):
        assert x >= 0
        assert x + w <= width
        assert 0 <= y <= y + h <= drawing.height


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=5), amounts)
def test_a_waterfall_stays_on_its_canvas(changes: list[float], start: float) -> None:
    steps, level = [Step(name="planned", start=start, end=start, figure="0.00")], start
    for change in changes:
        steps.append(Step(name="a change", start=level, end=level + change, figure=f"{change:,.2f}"))
        level += change
    for width in (330.0, 720.0):
        drawing = waterfall(steps, width=width)
        for x, y, w, h in rectangles_of(drawing):
            assert -3 <= x <= x + w <= width
            assert 0 <= y <= y + h <= drawing.height


def rectangles_of(drawing: Drawing) -> list[tuple[float, ...]]:
    found = re.findall(
        r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([-\d.]+)" height="([-\d.]+)"', drawing.svg("n", "t", "d")
    )
    return [tuple(map(float, one)) for one in found]


def test_days_are_marked_where_they_begin_by_the_readers_clock() -> None:
    start = datetime(2026, 10, 1, tzinfo=UTC)
    frame = Frame(left=0, right=744, top=0, bottom=10, x_high=744)

    def marks(zone: tzinfo) -> list[float]:
        drawing = Drawing(width=800, height=40)
        day_labels(drawing, frame, start, 744, every=5, zone=zone)
        return [float(x) for x in re.findall(r'd="M([\d.]+) 10L', drawing.svg("n", "t", "d"))]

    assert marks(UTC) == [0, 120, 240, 360, 480, 600, 720]
    # Berlin is two hours ahead until the 25th, one hour after; its first day begins before the month does.
    assert marks(BERLIN) == [0, 118, 238, 358, 478, 599, 719]
