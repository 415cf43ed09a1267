"""A status on the screen and as JSON: complete, narrow enough, and read back as it was."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from autoscaler.daemon.status import Decision, Lead, ProviderStatus, Status
from autoscaler.fleet import Controls
from autoscaler.report.status_json import read_status, status_schema, status_text
from autoscaler.report.status_tables import ago, render_status
from planner.errors import InputError
from planner.report.screen import Screen
from policies.scaling import ScalingPolicy
from tests.autoscaler.daemon.rig import Rig


@pytest.fixture
def status(tmp_path: Path) -> Status:
    rig = Rig(tmp_path, policy=ScalingPolicy(max_nodes=20, max_usd_hour=Decimal(8), max_usd_month=Decimal(900)))
    rig.world.demand(75.0)
    for _ in range(3):
        rig.turn()
    rig.world.demand(300.0)
    rig.turn()
    return replace(rig.status, plan=replace(rig.status.plan, written_at=rig.status.at) if rig.status.plan else None)


def shown(status: Status, width: int | None = 80, **other: bool) -> str:
    now = status.at + timedelta(seconds=12)
    return render_status(status, now, told_by="http://127.0.0.1:9464", screen=Screen(width=width), **other)


def test_a_status_is_read_back_as_it_was(status: Status) -> None:
    assert read_status(status_text(status), source="x") == status


def test_the_text_says_first_what_it_is(status: Status) -> None:
    assert status_text(status).startswith(
        '{\n  "schema": "baseload.status/1",\n  "currency": "USD",\n  "fleet": "blue",'
    )


def test_the_document_keeps_to_its_schema(status: Status) -> None:
    jsonschema.validate(json.loads(status_text(status)), status_schema())
    jsonschema.Draft202012Validator.check_schema(status_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(status_text(status)), "more": 1}, status_schema())


def test_money_is_written_as_decimal_strings_and_unknown_as_null(status: Status) -> None:
    document = json.loads(status_text(status))
    assert document["schema"] == "baseload.status/1"
    assert document["spend"]["max_usd_month"] == "900"
    assert document["lead"]["problem"] == ""
    assert document["plan"]["next_start"] is None


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "baseload.plan/1"}', '{"schema": "baseload.status/1"}'])
def test_what_is_no_status_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(InputError, match="the daemon at x: ") as caught:
        read_status(text, source="the daemon at x")
    assert "\n" not in str(caught.value)


def test_it_fits_80_columns(status: Status) -> None:
    assert max(len(line) for line in shown(status).splitlines()) <= 80


def test_it_says_who_leads_what_is_spent_and_what_comes(status: Status) -> None:
    text = " ".join(shown(status).split())
    assert "Fleet blue: pod-1 leads, epoch 1" in text
    assert "12 s ago" in text
    assert "2.40 USD/h of at most 8.00; 8 nodes of at most 20." in text
    assert "This month: 0.60 USD charged, with what is committed 2.40 USD of at most 900.00." in text
    assert "01:00 m: ovh/b3-64 0 → 1" in text
    assert "launch 6 nodes in ovh/b3-64: done; load: 6.00 nodes of work" in text
    assert "renews" in text


def test_who_led_when_it_was_saved_is_not_said_to_lead_once_its_lease_is_over(status: Status) -> None:
    now = status.at + timedelta(seconds=12)
    for ends_at, said in ((now, "pod-1 led, epoch 1"), (now + timedelta(seconds=1), "pod-1 leads, epoch 1")):
        saved = replace(status, lead=replace(status.lead, lease_ends_at=ends_at))
        assert said in shown(saved, None, is_saved=True)
        assert "pod-1 leads, epoch 1" in shown(saved, None)  # asked of itself, it has renewed it since


def test_one_node_is_one_node(status: Status) -> None:
    spend = status.spend
    assert spend is not None
    alone = replace(status, spend=replace(spend, nodes=1, max_nodes=None))
    assert "; 1 node (no cap)." in shown(alone, None)


def test_alike_decisions_are_one_line_and_each_its_own_in_full(status: Status) -> None:
    assert shown(status, None).count("launch") == 2
    assert shown(status, None, is_full=True).count(" launch ") == 8


def test_what_an_operator_must_not_miss_is_said(status: Status) -> None:
    plan = status.plan
    assert plan is not None
    bad = replace(
        status,
        lead=Lead(role="unknown", holder="pod-1", problem="the database is locked"),
        controls=Controls(is_paused=True, min_nodes={"m": 2}),
        plan=replace(plan, problem="plan.json: not readable", end=status.at),
        providers=(ProviderStatus(name="aws", is_reachable=False, listed_at=None, problem="no answer"),),
        problems=("aws: no list",),
    )
    text = " ".join(shown(bad).split())
    for said in (
        "Who leads is not known: the database is locked",
        "PAUSED",
        "By hand: m at least 2.",
        "Plan kept: plan.json: not readable",
        "it has ended",
        "aws: NOT REACHABLE, never listed: no answer",
        "Problems aws: no list",
    ):
        assert said in text


def test_a_decision_that_failed_says_so(status: Status) -> None:
    failed = Decision(
        at=status.at, action="launch", node_id=None, pool="aws/m", model="m", reason="load", result="no_capacity"
    )
    assert "launch a node in aws/m: no_capacity; load" in shown(replace(status, decisions=(failed,)))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d"), (-5, "0 s")]
)
def test_ages_are_in_a_unit_that_says_enough(seconds: float, said: str) -> None:
    assert ago(timedelta(seconds=seconds)) == said
