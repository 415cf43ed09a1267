"""The daemon as a real process: it starts, tells, obeys, and ends as it is told to. A second of its clock is 1/60 s."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.cli import baseload, run
from planner.report.plan_json import plan_text
from tests.autoscaler.daemon.rig import launchable

ROOT = Path(__file__).parents[3]
SCALE = 60
"""An interval of 60 s takes a second."""
PATIENCE_S = 60.0


class Process:
    """One daemon."""

    def __init__(self, folder: Path, call_timeout_s: float) -> None:
        self.folder = folder
        self.log_path = folder / f"log-{time.monotonic_ns()}"
        with self.log_path.open("w") as log:
            self.popen = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.autoscaler.daemon.process",
                    str(folder),
                    str(SCALE),
                    f"{call_timeout_s:g}",
                ],
                cwd=ROOT,
                stderr=log,
                stdout=log,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self.address = self.wait(lambda: next(iter(self.events("starts")), None))["listens"]

    def lines(self) -> list[dict[str, Any]]:
        text = self.log_path.read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("}\n")]

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    def wait(self, look: Callable[[], Any]) -> Any:
        """What `look` finds, once it finds something."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            assert self.popen.poll() is None, self.log_path.read_text()
            time.sleep(0.02)
        raise AssertionError(f"nothing in {PATIENCE_S:g} s; {self.log_path.read_text()}")

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        code, text = self.get("/status")
        return json.loads(text) if code == 200 else {}

    def ended(self, number: int) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE_S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.json").write_text(plan_text(launchable()))
    (tmp_path / "demand").write_text("75")
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(call_timeout_s: float = 1.0) -> Process:
        started.append(Process(folder, call_timeout_s))
        return started[-1]

    yield begin
    for one in started:
        if one.popen.poll() is None:
            one.popen.kill()
            one.popen.wait()


def a_fleet(folder: Path, listen: str) -> Path:
    path = folder / "fleet.toml"
    path.write_text(
        f"""
[[model]]
name = "m"
profile = "llama-7b-q4"

[autoscale]
fleet = "blue"
plan = "plan.json"
listen = "{listen}"

[database]
url = "ledger.sqlite"
"""
    )
    return path


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(baseload(), ["autoscale", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_daemon_starts_serves_its_port_obeys_and_ends_by_sigterm(
    start: Callable[[], Process], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start()
    daemon.wait(lambda: [one for one in daemon.status().get("models", ()) if one["ready"] == 2])
    assert daemon.get("/readyz") == (200, "ok: leads\n")
    assert daemon.get("/healthz")[0] == 200
    families = {family.name: family for family in text_string_to_metric_families(daemon.get("/metrics")[1])}
    assert families["baseload_leader"].samples[0].value == 1.0
    assert families["baseload_utilization_ratio"].samples[0].value == pytest.approx(0.75)
    assert sum(sample.value for sample in families["baseload_launches"].samples if "total" in sample.name) == 2.0

    fleet = str(a_fleet(folder, daemon.address))
    code, out, _ = asked(capsys, "status", "-c", fleet)
    assert code == 0
    assert f"leads, epoch {daemon.status()['lead']['epoch']}" in out
    assert "max_nodes" not in out
    assert "2 nodes of at most 20" in out

    assert asked(capsys, "pause", "-c", fleet, "--why", "a test")[0] == 0
    daemon.wait(lambda: daemon.status()["controls"]["is_paused"])
    (folder / "demand").write_text("300")
    ticks = len(daemon.events("tick"))
    daemon.wait(lambda: len(daemon.events("tick")) >= ticks + 3)
    assert len(daemon.events("launch")) == 2  # six nodes are missing, and nothing is done
    assert "PAUSED" in asked(capsys, "status", "-c", fleet)[1]
    assert asked(capsys, "resume", "-c", fleet)[0] == 0
    daemon.wait(lambda: len(daemon.events("launch")) >= 8)  # and one more where the jump looks like a rise

    assert daemon.ended(signal.SIGTERM) == 0
    assert daemon.events("ended")
    code, out, err = asked(capsys, "status", "-c", fleet, "--json")
    assert code == 0
    assert json.loads(out)["fleet"] == "blue"
    assert "this is what was saved last" in err


def test_of_two_daemons_one_acts_and_the_other_takes_over(start: Callable[[], Process], folder: Path) -> None:
    first = start()
    first.wait(lambda: len(first.events("launch")) == 2)
    second = start()
    second.wait(lambda: second.status().get("lead", {}).get("role") == "stands by")
    assert second.get("/readyz") == (200, "ok: stands by\n")
    assert first.ended(signal.SIGTERM) == 0
    second.wait(lambda: second.status()["lead"]["role"] == "leads")
    assert second.status()["lead"]["epoch"] > 1
    assert second.ended(signal.SIGTERM) == 0


def test_a_second_interrupt_ends_it_at_once_though_a_provider_hangs(
    start: Callable[..., Process], folder: Path
) -> None:
    daemon = start(call_timeout_s=50.0)
    daemon.wait(lambda: daemon.events("tick"))
    (folder / "hang").touch()
    daemon.wait((folder / "hanging").exists)
    ticks = len(daemon.events("tick"))
    daemon.popen.send_signal(signal.SIGINT)
    time.sleep(0.5)  # two signals at once would be heard as one
    began = time.monotonic()
    assert daemon.ended(signal.SIGINT) == 130
    assert time.monotonic() - began < 25  # of the 50 that the tick would still wait
    assert len(daemon.events("tick")) == ticks


def test_a_provider_that_hangs_lets_the_daemon_tick_on(start: Callable[[], Process], folder: Path) -> None:
    daemon = start()
    daemon.wait(lambda: daemon.events("tick"))
    (folder / "hang").touch()
    problem = daemon.wait(lambda: [one for one in daemon.events("problem") if "still waiting" in one["what"]])
    assert "its list" in problem[0]["what"]
    (said, *_) = daemon.events("said")
    assert (said["by"], said["what"], said["level"]) == ("cloud", "it hangs", "warning")
    assert daemon.get("/healthz")[0] == 200
    (folder / "hang").unlink()
    daemon.wait(lambda: all(one["is_reachable"] for one in daemon.status()["providers"]))
    assert daemon.ended(signal.SIGTERM) == 0
