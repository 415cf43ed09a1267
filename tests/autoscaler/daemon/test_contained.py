"""Failures of the world around, contained: a database that is locked or gone, names that do not resolve."""

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from pydantic import SecretStr

from autoscaler.journal import Intent
from autoscaler.providers.aws.provider import AwsProvider
from autoscaler.providers.hetzner_cloud.provider import HetznerCloudProvider
from autoscaler.providers.provider import Listing, Machine, Order, Provider
from autoscaler.records import Records, open_records
from autoscaler.report.status_json import status_text
from planner.fleet.daemon import AwsSettings, HetznerCloudSettings
from tests import postgres
from tests.autoscaler.daemon.clocks import START
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


def told(records: Records, pragma: str) -> None:
    """Sets a pragma on the one connection there is."""
    with records.journal._kept.reading() as connection:
        connection.exec_driver_sql(f"PRAGMA {pragma}")


def test_a_database_that_is_read_only_buys_nothing_until_it_can_be_written(tmp_path: Path, records: Records) -> None:
    rig = a_rig(tmp_path, records)
    rig.turn(0)
    told(records, "query_only = ON")  # as root writes past any mode of a file
    rig.world.demand(75.0)
    for _ in range(2):
        assert rig.turn() is None
    assert rig.world.held() == 0
    assert "may not be written" in rig.status.lead.problem
    told(records, "query_only = OFF")
    rig.turn()
    assert rig.world.held() == 2


def test_a_disk_that_is_full_buys_nothing_that_is_not_written_down(tmp_path: Path, records: Records) -> None:
    rig = a_rig(tmp_path, records)
    rig.turn(0)
    rig.world.demand(75.0)
    with records.journal._kept.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    told(records, f"max_page_count = {pages}")
    for asked_tok_s in (75.0, 375.0, 675.0, 975.0):
        rig.world.demand(asked_tok_s)
        rig.turn()
    written = {one.node_id for one in records.journal.entries(START) if isinstance(one, Intent)}
    assert {one.node_id for cloud in rig.world.clouds.values() for one in cloud.truth} <= written
    assert any("full" in one for one in (*rig.status.problems, rig.status.lead.problem))
    told(records, "max_page_count = 100000")
    rig.turn()
    assert rig.status.problems == ()
    assert rig.world.held() > 2


def test_a_postgresql_that_stops_in_the_middle_of_a_tick_ends_the_tick_and_buys_nothing_twice(tmp_path: Path) -> None:
    with postgres.running() as server, open_records(server.url, fleet="blue", wait_s=1.0) as records:
        world = World()
        stopping = Stopping(world.clouds["ovh"], server)
        providers = (stopping, world.clouds["aws"])
        rig = Rig(
            tmp_path,
            world,
            providers=providers,
            journal=lambda: records.journal,
            leadership=records.leadership("pod-1", lease_s=600.0, checks_clock=False),
        )
        rig.turn(0)
        world.demand(75.0)
        assert rig.turn() is None  # the first node is made, and what came of it cannot be written
        assert rig.status.problems[0].startswith("tick: ")
        assert world.held() == 1
        assert rig.turn() is None
        assert world.held() == 1
        server.start()
        rig.turn()
        assert world.held() == 2
        ids = [one.node_id for cloud in world.clouds.values() for one in cloud.truth]
        assert len(ids) == len(set(ids))


class Stopping:
    """A cloud that makes a machine as the database is stopped, the first time."""

    def __init__(self, cloud: Provider, server: postgres.Server) -> None:
        self.name = cloud.name
        self.machines, self.terminate = cloud.machines, cloud.terminate
        self._launch, self._stop = cloud.launch, [server.stop]

    def launch(self, order: Order) -> Machine:
        made = self._launch(order)
        while self._stop:
            self._stop.pop()()
        return made


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


def of_no_host(name: str, world: World) -> Provider:
    """A provider over its real client library, at a name that nobody knows."""
    url, clock = "http://cloud.invalid", world.clock.now
    if name == "aws":
        aws = AwsSettings(region="us-east-1", image_id="ami-1", subnets={"us-east-1a": "subnet-1"}, endpoint_url=url)
        session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "not-a-secret", region_name="us-east-1")
        return AwsProvider(
            aws, fleet="blue", products={}, user_data=lambda _: "", clock=clock, timeout_s=5.0, session=session
        )
    hetzner = HetznerCloudSettings(location="fsn1", endpoint_url=url)
    token = SecretStr("not-a-token")
    return HetznerCloudProvider(
        hetzner, token=token, fleet="blue", products={}, user_data=lambda _: "", clock=clock, timeout_s=5.0
    )


@pytest.mark.parametrize("name", ["aws", "hetzner-cloud"])
def test_a_real_client_whose_host_has_no_address_is_unreachable_and_the_others_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[str] = []

    def unknown(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    world = World()
    rig = Rig(tmp_path, world, providers=(world.clouds["ovh"], of_no_host(name, world)))
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    world.demand(75.0)
    report = rig.turn(0)
    assert report is not None
    assert set(asked) == {"cloud.invalid"}
    assert report.seen.unreachable == {name}
    assert world.held() == 2
