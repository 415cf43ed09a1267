"""A sweep on paper, as JSON and as a picture; a plan's bill and latency to expect beside a replay."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from autoscaler.replay.score.expected import ExpectedOffer
from autoscaler.replay.score.planned import compared
from autoscaler.replay.sweep import SweptPoint
from autoscaler.report.planned_tables import CAUSES, causes_sentence, expected_parts, planned_parts
from autoscaler.report.replay_json import replay_document, replay_text
from autoscaler.report.replay_schema import replay_schema
from autoscaler.report.sweep import draw_sweep, render_sweep, sweep_document, sweep_schema, write_sweep_chart
from planner.profile.latency import Latency
from planner.report.numbers import USD
from planner.report.screen import Screen, render
from policies.scaling import ScalingPolicy
from tests.autoscaler.report.replays import DEMAND, a_replayed, a_world
from tests.planner.report.plans import small_plan


def points(*figures: tuple[str, float, str]) -> list[SweptPoint]:
    """(bill, unserved ratio, value of hold_s) of each."""
    return [
        SweptPoint(
            settings={"scaling.hold_s": value},
            replayed=a_replayed(bill_usd=Decimal(bill), unserved_ratio=unserved_ratio),
        )
        for bill, unserved_ratio, value in figures
    ]


THREE = points(("1.33", 0.0005, "300"), ("1.50", 0.0001, "600"), ("1.60", 0.0002, "900"))


def test_the_table_marks_the_frontier_and_names_the_cheapest_that_serves_enough() -> None:
    text = render_sweep(THREE, a_world(), max_unserved_ratio=0.001)
    rows = {line.split()[1]: line for line in text.splitlines() if line.startswith("baseload")}
    assert [rows[value].endswith("*") for value in ("300", "600", "900")] == [True, True, False]
    assert "Bills from 1.33 to 1.60 USD, 1.48 on average. 0 of 3 points leave more than 0.10 % unserved" in text
    assert "the cheapest that does not: hold_s=300 (baseload)." in text


def test_where_no_point_serves_enough_it_is_said() -> None:
    assert "none serves enough" in render_sweep(THREE, a_world(), max_unserved_ratio=0.0)


def test_a_narrow_terminal_keeps_the_points_whole() -> None:
    text = render_sweep(THREE, a_world(), max_unserved_ratio=0.001, screen=Screen(width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert "Not shown at this width: interruptions" in text


def test_the_document_follows_its_schema_and_has_nothing_that_changes_from_run_to_run() -> None:
    document = json.loads(replay_text(sweep_document(THREE, a_world(), ScalingPolicy(), remarks=["a", "a"])))
    assert list(jsonschema.Draft202012Validator(sweep_schema()).iter_errors(document)) == []
    assert document["frontier"] == [0, 1]
    assert document["remarks"] == ["a"]
    assert document["points"][2]["settings"] == {"scaling.hold_s": "900"}
    assert all("ticks_per_s" not in point for point in document["points"])


def test_the_picture_draws_frontier_and_allowance_and_hides_no_name_behind_another(tmp_path: Path) -> None:
    figure = draw_sweep(THREE, a_world(), 0.001)
    (panel,) = figure.axes
    names = [text for text in panel.texts if text.get_text()]
    assert {text.get_text() for text in names} == {"hold_s=300", "hold_s=600", "hold_s=900"}
    boxes = [text.get_window_extent() for text in names]
    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[at + 1 :])
    assert panel.get_ylabel() == "bill / bound of perfect foresight"
    write_sweep_chart(THREE, a_world(), tmp_path / "s.svg", max_unserved_ratio=0.001)
    assert b"frontier" in (tmp_path / "s.svg").read_bytes()


def test_of_many_points_only_the_frontier_is_named() -> None:
    many = points(*((f"{2 - n / 100:.2f}", 0.0001 * (n + 1), str(n)) for n in range(2)))
    many += points(*((f"{3 + n / 100:.2f}", 0.01, f"x{n}") for n in range(30)))
    (panel,) = draw_sweep(many, a_world(), 0.001).axes
    assert {text.get_text() for text in panel.texts} == {"hold_s=0", "hold_s=1"}


def shown(parts: Sequence[object]) -> str:
    return render(parts, Screen())  # type: ignore[arg-type]  # strings and tables


def test_planned_and_replayed_stand_line_by_line_with_the_causes_of_the_difference() -> None:
    found = compared(small_plan(), a_replayed(), scenario="", replayed_s=4 * 3600)
    text = shown(planned_parts([found], Screen(), USD))
    assert "bill" in text
    assert f"{found.planned_bill_usd:.2f}" in text
    said = causes_sentence(found, USD)
    assert said.startswith("Burst differs by ")
    assert any(cause in said for cause in CAUSES.values())


def test_scenarios_are_weighed_by_their_probability() -> None:
    plan = small_plan()
    found = compared(plan, a_replayed(bill_usd=Decimal(5)), scenario="", replayed_s=4 * 3600)
    two = [
        replace(found, scenario="low", probability=0.75, planned_bill_usd=Decimal(1), replayed_bill_usd=Decimal(2)),
        replace(found, scenario="high", probability=0.25, planned_bill_usd=Decimal(5), replayed_bill_usd=Decimal(10)),
    ]
    row = next(line for line in shown(planned_parts(two, Screen(), USD)).splitlines() if line.startswith("expected"))
    assert row.split()[1:4] == ["100.0", "2.00", "4.00"]


def test_latency_to_expect_stands_beside_cost_and_a_wait_without_end_is_unknown() -> None:
    latency = Latency(utilization=1.0, concurrency=8, ttft_p95_ms=900, wait_p95_ms=float("inf"), tpot_ms=120)
    offer = ExpectedOffer(model="m", offer=DEMAND, price_usd_hour=Decimal("0.2"), cost_usd_mtok=0.55, latency=latency)
    row = next(line for line in shown(expected_parts([offer], 1.0, USD)).splitlines() if DEMAND in line)
    assert row.split() == ["m", DEMAND, "0.2000", "0.5500", "8.0", "900", "–", "120"]
    document = replay_document([a_replayed()], a_world(), ScalingPolicy(), expected=[offer])
    assert list(jsonschema.Draft202012Validator(replay_schema()).iter_errors(document)) == []
    assert document["expected"][0]["wait_p95_ms"] is None


@pytest.mark.parametrize("bill", ["1.33", "0.00"])
def test_a_plan_beside_its_replay_follows_the_schema(bill: str) -> None:
    found = compared(small_plan(), a_replayed(bill_usd=Decimal(bill)), scenario="", replayed_s=2 * 3600)
    document = replay_document([a_replayed()], a_world(), ScalingPolicy(), planned=[found])
    assert list(jsonschema.Draft202012Validator(replay_schema()).iter_errors(json.loads(replay_text(document)))) == []
