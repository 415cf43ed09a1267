"""The log: one line per event, and no secret in any of them."""

import io
import json
from pathlib import Path

import pytest

from autoscaler.daemon.telemetry.log import WARNING, Form, logger_to
from autoscaler.settings import Secrets
from tests.autoscaler.daemon.clocks import SetClock
from tests.autoscaler.daemon.rig import Rig
from tests.planner.report.plans import POOL

SECRETS = ("hunter-2-hunter-2", 'with "quotes" and \\', "two words and a = b")


def lines(form: Form, **event: object) -> str:
    secrets = Secrets({})
    for one in SECRETS:
        secrets.known(one, where="a test")
    err = io.StringIO()
    log = logger_to(err, clean=secrets.hidden, now=SetClock().now, form=form)
    log.info("tick", **event)
    return err.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_gets_into_a_line(form: Form, secret: str) -> None:
    said = lines(form, what=f"token {secret}!", many=[secret], deep={"a": (secret,)}, number=3)
    assert said.count("\n") == 1
    assert secret not in said
    assert secret.split(maxsplit=1)[0].strip('"') not in said
    assert said.count("***") == 3


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_gets_in_by_a_value_that_is_no_text(form: Form) -> None:
    said = lines(form, error=ValueError(f"token {SECRETS[0]}"))
    assert SECRETS[0] not in said
    assert "token ***" in said


def test_text_is_key_value_with_time_level_and_event_first() -> None:
    said = lines("text", reason="load: 2 nodes", pool="aws/m")
    assert said.startswith("at=2026-12-01T00:00:00.000+00:00 level=info event=tick ")
    assert 'reason="load: 2 nodes"' in said
    assert "pool=aws/m" in said


def test_json_is_one_document_a_line() -> None:
    event = json.loads(lines("json", reason="load", nodes=2))
    assert event == {
        "at": "2026-12-01T00:00:00.000+00:00",
        "level": "info",
        "event": "tick",
        "reason": "load",
        "nodes": 2,
    }


def test_below_the_least_level_nothing_is_said() -> None:
    err = io.StringIO()
    log = logger_to(err, clean=str, now=SetClock().now, least=WARNING)
    log.info("tick")
    assert err.getvalue() == ""
    log.warning("problem", what="x")
    assert "event=problem" in err.getvalue()


def test_a_tick_is_one_line_and_so_is_each_action(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(75.0)
    rig.turn(0)
    assert [line["event"] for line in rig.log if line["event"] in ("launch", "tick")] == ["launch", "launch", "tick"]
    launch = rig.logged("launch")[0]
    assert launch["node"].startswith("blue-1-")
    assert launch["pool"] == POOL
    assert launch["reason"].startswith("load: 1.50 nodes of work")


def test_a_problem_is_a_warning(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.serving.is_down = True
    rig.turn(0)
    assert [line["what"] for line in rig.logged("problem")] == ["serving: no answer"]
    assert rig.logged("problem")[0]["level"] == "warning"
