"""A sweep over seeds on paper and as JSON: a row for each setting."""

import json
from decimal import Decimal

import jsonschema

from autoscaler.replay.sweep import SweptPoint
from autoscaler.report.replay_json import replay_text
from autoscaler.report.seeds import render_seeds
from autoscaler.report.sweep import sweep_document, sweep_schema
from planner.report.screen import Screen
from policies.scaling import ScalingPolicy
from tests.autoscaler.report.replays import a_replayed, a_world

POINTS = [
    SweptPoint(
        settings={"scaling.hold_s": hold, "seed": seed},
        replayed=a_replayed(bill_usd=Decimal(bill), unserved_ratio=unserved),
    )
    for hold, seed, bill, unserved in (
        ("300", "0", "1.00", 0.0),
        ("300", "1", "2.00", 0.0015),
        ("600", "0", "1.20", 0.004),
        ("600", "1", "1.20", 0.004),
    )
]


def test_the_table_has_a_row_for_each_setting_and_the_sentence_what_to_expect() -> None:
    text = render_seeds(POINTS, a_world(), max_unserved_ratio=0.001)
    rows = [line.split() for line in text.splitlines() if line.startswith("baseload")]
    assert [row[1:6] for row in rows] == [["300", "2", "1.50", "1.00", "2.00"], ["600", "2", "1.20", "1.20", "1.20"]]
    assert "2 seeds from 0 to 1" in text
    assert (
        "baseload, hold_s=300, 1.50 USD on average, 1.00 to 2.00 at the least and the most; 1 of 2 seeds leave" in text
    )


def test_where_no_setting_serves_enough_on_average_it_is_said() -> None:
    assert "None leaves as little as 0.00 %" in render_seeds(POINTS, a_world(), max_unserved_ratio=0.0)


def test_a_narrow_terminal_keeps_the_rows_whole() -> None:
    text = render_seeds(POINTS, a_world(), max_unserved_ratio=0.001, screen=Screen(width=90))
    assert max(map(len, text.splitlines())) <= 90


def test_the_document_holds_the_rows_beside_every_point() -> None:
    document = json.loads(replay_text(sweep_document(POINTS, a_world(), ScalingPolicy())))
    assert list(jsonschema.Draft202012Validator(sweep_schema()).iter_errors(document)) == []
    assert [row["bill_usd"] for row in document["over_seeds"]] == ["1.500000", "1.200000"]
    assert len(document["points"]) == 4
    assert json.loads(replay_text(sweep_document(POINTS[:1], a_world(), ScalingPolicy())))["over_seeds"] == []
