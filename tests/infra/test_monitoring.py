"""Alerts and dashboard: read by Prometheus' own tool, tested by it, and of metrics that the daemon has."""

import re
import subprocess
from pathlib import Path

import pytest

from autoscaler.daemon.telemetry import gauges, metrics
from planner.measure.dialect import DIALECTS
from tests.infra.monitoring import MONITORING, alerts, metrics_in, panels, recorded
from tests.needs import program

SOURCES = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (gauges, metrics))


def promtool(*arguments: str) -> str:
    """What promtool says; a failure shows it."""
    finished = subprocess.run(
        [program("promtool", "prometheus"), *arguments], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_every_alert_fires_when_it_should_and_not_when_it_should_not() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(MONITORING / "alerts.yaml"))
    assert "SUCCESS" in promtool("test", "rules", str(MONITORING / "alerts_test.yaml"))


def test_what_is_recorded_of_measured_traffic_is_right() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(MONITORING / "throughput.yaml"))
    assert "SUCCESS" in promtool("test", "rules", str(MONITORING / "throughput_test.yaml"))


def test_what_is_recorded_is_made_of_names_that_engines_and_the_daemon_have() -> None:
    engines = {name for one in DIALECTS.values() for name in one.names}
    for expression in recorded().values():
        named = set(re.findall(r"\b(?:vllm|llamacpp|sglang):[a-z_]+", expression))
        assert named <= engines, named - engines
        assert set(re.findall(r"\bbaseload:[a-z0-9_:]+", expression)) <= set(recorded())
    everything = " ".join(recorded().values())
    assert all(f"{engine}:" in everything for engine in ("vllm", "llamacpp", "sglang"))


def test_every_alert_is_tested_both_ways() -> None:
    tests = ("alerts_test.yaml", "throughput_test.yaml")
    text = "".join((MONITORING / name).read_text(encoding="utf-8") for name in tests)
    cases = text.split("  - name: ")[1:]
    for name in alerts():
        mine = [case for case in cases if f"alertname: {name}\n" in case]
        assert {"exp_alerts" in case for case in mine} == {True, False}


@pytest.mark.parametrize("name", sorted(alerts()))
def test_every_alert_says_what_it_means_how_urgent_it_is_and_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook_url"].rpartition("#")
    assert page.endswith("/docs/runbook.md")
    assert anchor == name.lower()


def test_alerts_and_panels_speak_of_metrics_the_daemon_has() -> None:
    said = [rule["expr"] for rule in alerts().values()] + [one for found in panels().values() for one in found]
    said += recorded().values()
    names = set().union(*(metrics_in(one) for one in said))
    assert len(names) > 25
    for name in names:
        bare = name.removeprefix("baseload_")
        for end in ("_total", "_bucket"):
            bare = bare.removesuffix(end)
        assert f'"{bare}"' in SOURCES or f'"baseload_{bare}"' in SOURCES, name


def test_every_panel_says_what_it_shows() -> None:
    assert len(panels()) >= 18
    assert all(expressions for expressions in panels().values())
