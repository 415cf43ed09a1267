"""Two daemons, each a process of its own, that keep their lease in a real cluster: one acts, and is followed."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.journal import Intent, LostLeadership
from autoscaler.records import open_records
from planner.report.plan_json import plan_text
from tests.autoscaler.daemon.clocks import START
from tests.autoscaler.daemon.process import FLEET
from tests.autoscaler.daemon.rig import launchable
from tests.autoscaler.daemon.test_process import Process
from tests.autoscaler.records.entries import an_intent
from tests.cluster.control_plane import Cluster


@pytest.fixture
def folder(tmp_path: Path, cluster: Cluster, daemon_token: str) -> Path:
    (tmp_path / "plan.json").write_text(plan_text(launchable()))
    (tmp_path / "demand").write_text("75")
    shutil.move(cluster.kubeconfig(tmp_path, daemon_token), tmp_path / "kubeconfig")
    return tmp_path


@pytest.fixture
def two(folder: Path) -> Iterator[tuple[Process, Process]]:
    """The first leads."""
    first = Process(folder, 1.0)
    try:
        first.wait(lambda: len(first.events("launch")) == 2)
        second = Process(folder, 1.0)
        try:
            yield first, second
        finally:
            end(second)
    finally:
        end(first)


def end(daemon: Process) -> None:
    daemon.popen.kill()
    daemon.popen.wait()


def test_a_leader_that_is_stopped_beyond_its_lease_is_followed_and_launches_nothing_when_it_goes_on(
    two: tuple[Process, Process], folder: Path
) -> None:
    first, second = two
    second.wait(lambda: second.status().get("lead", {}).get("role") == "stands by")
    assert second.events("launch") == []
    epoch = first.status()["lead"]["epoch"]
    first.popen.send_signal(signal.SIGSTOP)
    second.wait(lambda: second.status()["lead"]["role"] == "leads")
    assert second.status()["lead"]["epoch"] > epoch
    ticks = len(second.events("tick"))
    second.wait(lambda: len(second.events("tick")) > ticks)

    (folder / "demand").write_text("300")  # who acts has more to launch
    first.popen.send_signal(signal.SIGCONT)
    first.wait(lambda: first.status()["lead"]["role"] == "stands by")
    second.wait(lambda: len(second.events("launch")) > 2)
    assert len(first.events("launch")) == 2
    with open_records(str(folder / "ledger.sqlite"), fleet=FLEET) as records:
        epochs = [one.epoch for one in records.journal.entries(START) if isinstance(one, Intent)]
        assert epochs == sorted(epochs)
        with pytest.raises(LostLeadership):
            records.journal.intend(an_intent(epoch=epoch))
