"""A replay on paper, as JSON and as a picture: golden tables, the published schema, what is drawn."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from autoscaler.report.replay_chart import draw_compared, draw_replay, write_replay_chart
from autoscaler.report.replay_compared import render_compared
from autoscaler.report.replay_json import replay_document, replay_text
from autoscaler.report.replay_schema import replay_schema
from autoscaler.report.replay_series import replay_series
from autoscaler.report.replay_tables import render_replay
from autoscaler.report.schemas import SCHEMAS
from planner.report.numbers import Currency
from planner.report.screen import Screen
from policies.scaling import ScalingPolicy
from tests.autoscaler.report.replays import BASE, DEMAND, SPOT, a_replayed, a_traffic, a_world

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
VALIDATOR = jsonschema.Draft202012Validator(replay_schema(), format_checker=jsonschema.FormatChecker())
THREE = [
    a_replayed("static-plan", bill_usd=Decimal("1.20"), unserved_ratio=0.02),
    a_replayed("hpa", bill_usd=Decimal("1.50")),
    a_replayed(),
]
CONTRACT = (
    *("bill_usd", "base_usd", "base_nodes", "burst_usd", "bound_usd", "bound_at_unserved_usd", "ratio_to_bound"),
    *("unserved_ratio", "launches", "interruptions", "capacity_failures", "wasted_paid_usd"),
    *("ticks", "ticks_per_s", "leases"),
)
"""Keys that design and documentation promise."""
SUMMARIES = {"baseload": "this controller", "hpa": "Kubernetes' formula", "static-plan": "the plan, and nothing else"}


def errors(document: Any) -> list[str]:
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in VALIDATOR.iter_errors(document)]


def test_one_replay_reads_as_the_golden_file() -> None:
    text = render_replay(a_replayed(), a_world(), max_unserved_ratio=0.001, leases=True, hours=True)
    assert text == (GOLDEN / "replay_small.txt").read_text(encoding="utf-8")


def test_a_comparison_reads_as_the_golden_file() -> None:
    text = render_compared(THREE, a_world(), SUMMARIES, max_unserved_ratio=0.001)
    assert text == (GOLDEN / "replay_compared.txt").read_text(encoding="utf-8")


def test_who_misses_the_service_stands_below_however_cheap() -> None:
    text = render_compared(THREE, a_world(), SUMMARIES, max_unserved_ratio=0.001)
    order = [line.split()[0] for line in text.splitlines() if line.split(" ")[0] in SUMMARIES]
    assert order[:3] == ["baseload", "hpa", "static-plan"]
    assert "None keeps to 0.01 % unserved" in render_compared(THREE, a_world(), SUMMARIES, max_unserved_ratio=0.0001)


def test_a_narrow_terminal_keeps_whole_figures_and_says_what_is_gone() -> None:
    text = render_compared(THREE, a_world(), SUMMARIES, max_unserved_ratio=0.001, screen=Screen(width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert "Not shown at this width: interruptions" in text
    assert "1.209" in text


def test_hours_and_leases_keep_to_a_narrow_terminal_and_unused_pools_have_no_column() -> None:
    hours = a_replayed().hours
    one = a_replayed(hours=replace(hours, pools={**hours.pools, "aws/idle": np.zeros(4)}))
    wide = render_replay(one, a_world(), max_unserved_ratio=0.001, hours=True)
    assert "aws/idle" not in wide
    narrow = render_replay(one, a_world(), max_unserved_ratio=0.001, screen=Screen(width=80), hours=True, leases=True)
    assert max(map(len, narrow.splitlines())) <= 80
    assert f"Not shown at this width: {SPOT}" in narrow or f"Not shown at this width: {DEMAND}" in narrow
    assert "hour (UTC)" in narrow
    assert "ordered (UTC)" in narrow


def test_no_lease_is_said_in_a_word() -> None:
    text = render_replay(a_replayed(leases=()), a_world(), max_unserved_ratio=0.001, leases=True)
    assert "Leases of burst nodes: none" in text


def test_a_last_hour_cut_short_has_its_cost_per_hour() -> None:
    cut = a_replayed(minutes=195.0)  # of the last hour a quarter, for 0.20 USD; before it 0.61 USD/h at most
    text = render_replay(cut, a_world(), max_unserved_ratio=0.001)
    assert any(line.startswith("cost ") and line.endswith(" to 0.8 USD/h") for line in text.splitlines())


def test_amounts_come_in_another_currency_with_its_rate() -> None:
    euro = Currency(code="EUR", usd_per_unit=Decimal("1.25"))
    text = render_replay(a_replayed(), a_world(), max_unserved_ratio=0.001, currency=euro)
    assert "baseload cost 1.06 EUR" in text  # 1.33 / 1.25
    assert "0.2 to 0.5 EUR/h" in text  # 0.20 and 0.61 USD
    assert "at 1.25 USD/EUR" in text


def test_without_a_bound_there_is_no_ratio_and_it_is_said() -> None:
    text = render_replay(a_replayed(bound_usd=None, bound_at_unserved_usd=None), a_world(), max_unserved_ratio=0.001)
    assert "No bound was computed." in text
    assert "bill / bound" in text


def test_where_perfect_foresight_pays_nothing_there_is_no_ratio_but_a_bound() -> None:
    free = a_replayed(bound_usd=Decimal(0), bound_at_unserved_usd=Decimal(0))
    text = render_replay(free, a_world(), max_unserved_ratio=0.001)
    assert "baseload cost 1.33 USD, where perfect foresight pays nothing;" in text
    assert "No bound" not in text


def test_limits_that_kept_nodes_from_being_launched_are_named() -> None:
    reasons = {
        "unmet: # nodes missing (a: max_nodes # is reached; b: max_nodes # is reached)": 7,
        "unmet: # nodes missing (a: max_nodes # is reached; b: max_usd_hour # is reached)": 2,
        "launch: load": 5,
    }
    text = render_replay(a_replayed(reasons=reasons), a_world(), max_unserved_ratio=0.001)
    assert "a limit of the policy did not allow: max_nodes 9 times, max_usd_hour 2 times." in text
    assert "limit of the policy" not in render_replay(a_replayed(), a_world(), max_unserved_ratio=0.001)


def test_one_replay_has_the_keys_of_the_contract_at_the_top_and_several_have_them_by_policy() -> None:
    one, several = (replay_document(them, a_world(), ScalingPolicy()) for them in ([a_replayed()], THREE))
    assert errors(one) == errors(several) == []
    assert [key for key in CONTRACT if key not in one] == []
    assert list(several["policies"]) == ["static-plan", "hpa", "baseload"]
    assert [key for key in CONTRACT if any(key not in figures for figures in several["policies"].values())] == []
    assert one["bill_usd"] == "1.33"
    assert one["ticks_per_s"] == 1920  # 240 ticks in 0.125 s
    assert one["ratio_to_bound"] == pytest.approx(1.33 / 1.10)


def test_leases_are_in_order_and_counted_in_minutes() -> None:
    leases = replay_document([a_replayed()], a_world(), ScalingPolicy())["leases"]
    assert [(lease["offer"], lease["start_min"], lease["end_min"]) for lease in leases] == [
        (SPOT, 54, 180),
        (SPOT, 114, 150),
        (DEMAND, 114, 180),
        (DEMAND, 150, 180),
    ]
    assert sum(Decimal(lease["charge_usd"]) for lease in leases) == Decimal("0.53")


def test_what_is_not_known_is_null_and_never_a_number() -> None:
    text = replay_text(replay_document([a_replayed(bound_usd=None, seconds=0.0)], a_world(), ScalingPolicy()))
    document = json.loads(text)
    assert errors(document) == []
    assert document["bound_usd"] is document["ratio_to_bound"] is document["ticks_per_s"] is None
    assert document["hours"][2]["ttft_p95_s"] is None
    assert "NaN" not in text
    assert "Infinity" not in text


def test_the_schema_refuses_what_is_no_replay() -> None:
    document = replay_document([a_replayed()], a_world(), ScalingPolicy())
    for wrong in ({"bill_usd": 1.33}, {"unserved_ratio": 1.5}, {"schema": "baseload.plan/1"}, {"extra": 1}):
        assert errors({**document, **wrong})
    assert errors({key: value for key, value in document.items() if key != "leases"})


@pytest.mark.parametrize("name", SCHEMAS)
def test_published_schemas_are_current(name: str) -> None:
    text = SCHEMAS[name]()
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    assert (ROOT / "docs" / "schemas" / name).read_text(encoding="utf-8") == text, "run `make schemas`"


def test_capacity_follows_from_the_leases_minute_by_minute() -> None:
    series = replay_series(a_replayed(), a_world())
    assert len(series.work) == 240
    assert series.work[[0, 60, 120, 180]].tolist() == [1, 3, 5, 2]  # 100, 300, 500, 200 over 100 tok/s
    assert series.base[0] == 2  # one node of 200 tok/s
    assert (series.coming[53], series.coming[54], series.coming[60]) == (0, 1, 0)
    assert (series.ready[59], series.ready[60], series.ready[149], series.ready[150]) == (2, 3, 5, 4)
    assert series.pools[SPOT][[50, 54, 120, 150, 179]].tolist() == [0, 1, 2, 1, 1]
    assert list(series.pools) == [SPOT, DEMAND]
    assert series.base_nodes[BASE].tolist() == [1] * 240
    assert series.taken_back_s == (9000.0,)


def test_a_long_series_is_drawn_in_means_that_keep_the_work() -> None:
    traffic = a_traffic([100.0 * (n % 7) for n in range(6001)], step_s=60)
    series = replay_series(a_replayed(leases=()), a_world(traffic))
    assert len(series.work) == 2001  # of three steps each, and a last one of one
    assert float((series.work * np.diff(series.edges_s)).sum()) == pytest.approx(
        float(traffic.output_tok_s.sum() * 0.6)
    )


def test_the_picture_has_demand_pools_and_cost_and_misses_where_there_are_any() -> None:
    figure = draw_replay(a_replayed(), a_world())
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles[:3] == ["Demand, and capacity as leased", "Nodes paid for", "Cost per hour, base and burst"]
    assert titles[3:] == ["Unserved, by hour"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "ready capacity",
        "coming capacity",
        "base capacity",
        "demand",
        f"base {BASE}",
        f"burst {SPOT}",
        f"burst {DEMAND}",
        "taken back by the provider",
    }
    served = replace(a_replayed().hours, unserved_tokens=np.zeros(4))
    assert len(draw_replay(a_replayed(hours=served), a_world()).axes) == 3


def test_controllers_are_drawn_on_the_same_axes_the_best_first() -> None:
    figure = draw_compared(THREE, a_world(), 0.001)
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title(loc="left").split(":")[0] for panel in shown] == ["baseload", "hpa", "static-plan"]
    assert len({panel.get_ylim() for panel in shown}) == 1


def test_a_long_title_takes_two_lines_and_stays_within_the_picture() -> None:
    world = a_world(replace(a_traffic(), source=f"{'a_long_name_of_traffic_' * 4}.csv"))
    for figure in (draw_replay(a_replayed("static-peak"), world), draw_compared(THREE, world, 0.001)):
        assert max(text.get_window_extent().x1 for text in figure.texts) <= figure.bbox.x1


def test_the_same_replay_makes_the_same_file(tmp_path: Path) -> None:
    paths = [tmp_path / "a.svg", tmp_path / "b.svg", tmp_path / "c.png"]
    for path in paths:
        write_replay_chart([a_replayed()], a_world(), path, max_unserved_ratio=0.001)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[2].read_bytes().startswith(b"\x89PNG")
