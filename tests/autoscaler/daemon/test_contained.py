"""Failures of the world around, contained: a database that is locked or gone, names that do not resolve."""

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.providers.provider import Listing, Machine, Order
from autoscaler.records import Records, open_records
from autoscaler.report.status_json import status_text
from tests.autoscaler.daemon.rig import Rig, World


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with open_records(str(tmp_path / "ledger.sqlite"), fleet="blue", wait_s=0.05) as records:
        yield records


def a_rig(folder: Path, records: Records) -> Rig:
    return Rig(
        folder,
        journal=lambda: records.journal,
        leadership=records.leadership("pod-1", lease_s=60.0, checks_clock=False),
        controls=records.controls,
        save=lambda status: records.save_status(status_text(status), status.at),
    )


def test_a_database_that_is_locked_stops_every_act_until_it_is_free(tmp_path: Path, records: Records) -> None:
    rig = a_rig(tmp_path, records)
    rig.turn(0)
    other = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    rig.world.demand(75.0)
    assert rig.turn(90) is None
    assert rig.world.held() == 0
    assert rig.status.lead.role == "unknown"
    assert "who leads is not known" in rig.status.lead.problem
    assert not rig.board.is_ready
    other.execute("ROLLBACK")
    other.close()
    rig.turn()
    assert rig.world.held() == 2
    assert rig.status.lead.role == "leads"


def test_a_database_that_is_gone_is_said_and_nothing_is_bought(tmp_path: Path, records: Records) -> None:
    rig = a_rig(tmp_path, records)
    rig.turn(0)
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in sorted(tmp_path.glob("ledger.sqlite*")):
        shutil.move(path, kept / path.name)
    rig.world.demand(75.0)
    for _ in range(3):
        assert rig.turn() is None
    assert rig.world.held() == 0
    assert rig.status.lead.role == "unknown"


def test_what_was_kept_is_read_again_by_the_next_daemon(tmp_path: Path, records: Records) -> None:
    first = a_rig(tmp_path, records)
    first.world.demand(75.0)
    first.turn(0)
    first.daemon.end()
    second = Rig(
        tmp_path,
        first.world,
        journal=lambda: records.journal,
        leadership=records.leadership("pod-2", lease_s=60.0, checks_clock=False),
        controls=records.controls,
    )
    second.turn()
    assert second.status.lead.epoch == 2
    assert first.world.held() == 2
    assert len(second.status.leases) == 2


class Unresolvable:
    """A provider whose name does not resolve."""

    name = "aws"

    def machines(self) -> Listing:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    def launch(self, order: Order) -> Machine:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    def terminate(self, machine_id: str) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")


def test_names_that_do_not_resolve_cost_one_provider_and_no_other(tmp_path: Path) -> None:
    world = World()
    rig = Rig(tmp_path, world, providers=(world.clouds["ovh"], Unresolvable()))
    world.demand(75.0)
    rig.turn(0)
    assert world.held() == 2
    assert any("Temporary failure in name resolution" in one for one in rig.status.problems)
    assert rig.metric("provider_reachable", provider="aws") == 0
