"""The systemd units: systemd reads them, the daemon has no rights it does not need, and what they run exists."""

import configparser
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.needs import program

UNITS = Path(__file__).parents[2] / "infra" / "systemd"
BINARY = "/opt/baseload/bin/baseload"


def read(name: str) -> configparser.ConfigParser:
    """The unit; a key may stand twice, so the last of each is seen here."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read(UNITS / name, encoding="utf-8")
    return parser


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as installed, with a binary that exists."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace(BINARY, shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", sorted(one.name for one in UNITS.iterdir()))
def test_systemd_finds_nothing_wrong_with_a_unit(installed: Path, name: str) -> None:
    analyze = program("systemd-analyze", "systemd")
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{installed}:"}
    finished = subprocess.run(
        [analyze, "verify", "--man=no", str(installed / name)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in (finished.stdout + finished.stderr).splitlines() if str(installed) in line]
    assert complaints == []
    assert finished.returncode == 0, finished.stderr


def test_the_daemon_is_exposed_to_little() -> None:
    service = read("baseload-autoscale.service")["Service"]
    assert service["User"] == "baseload"
    assert service["CapabilityBoundingSet"] == ""
    for switch in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute"):
        assert service[switch] == "true"
    assert service["ProtectSystem"] == "strict"


def test_stopping_waits_longer_than_a_tick_may_take() -> None:
    service = read("baseload-autoscale.service")["Service"]
    assert int(service["TimeoutStopSec"]) >= 60 + 2 * 25  # a tick's interval, and two calls at their time-out
    assert service["Restart"] == "always"


def test_a_cloud_or_prometheus_that_is_away_does_not_keep_the_daemon_from_starting() -> None:
    service = read("baseload-autoscale.service")["Service"]
    assert [key for key in service if key.startswith("Exec")] == ["ExecStart"]


@pytest.mark.parametrize("name", ["baseload-autoscale.service", "baseload-plan.service"])
def test_what_it_keeps_for_others_is_for_its_group_and_for_nobody_else(name: str) -> None:
    service = read(name)["Service"]
    assert (service["StateDirectoryMode"], service["UMask"]) == ("0750", "0027")


@pytest.mark.parametrize(
    ("today", "planned"),
    [(datetime(2026, 11, 28, tzinfo=UTC), "2026-12"), (datetime(2027, 2, 28, tzinfo=UTC), "2027-03")],
    ids=["of thirty days", "of twenty-eight"],
)
def test_the_plan_is_of_the_month_that_begins_next(today: datetime, planned: str) -> None:
    command = read("baseload-plan.service")["Service"]["ExecStart"]
    (asked,) = re.findall(r'date -u -d "\+5 days" \+%%Y-%%m', command)
    written = asked.replace("%%", "%").replace('"+5 days"', f'"{today:%Y-%m-%d} +5 days"')
    said = subprocess.run(["sh", "-c", written], capture_output=True, text=True, check=True).stdout
    assert said.strip() == planned
    assert "28 05:00:00 UTC" in read("baseload-plan.timer")["Timer"]["OnCalendar"]
