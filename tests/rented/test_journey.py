"""The daemon's journey: a rise of traffic, a spot interruption, a kill, a fall, the ends of paid hours, the bill.

Real: the daemon's process, Prometheus, the API server with its controllers, the database, client libraries and their
wire. Doubles: the clouds, the model servers, the kubelets. Time runs sixty times as fast as on the wall.
"""

import json
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from planner.store import tables
from tests.infra.monitoring import panels
from tests.rented.books import Ledger
from tests.rented.clouds import Machine
from tests.rented.day import longest_tick, slack_of
from tests.rented.in_cluster import in_cluster
from tests.rented.world import MODEL, PLANTED, START, World, rented_world

QUIET, BUSY = 2.0, 10.0
"""Requests a second: 0.6 and 3.0 nodes of work, which are 1 and 4 nodes at the target of 75 %."""
LAST_MINUTES = timedelta(minutes=8, seconds=1)
"""A paid hour's end: the margin of the policy, and what clouds round."""
NEVER = ("cap_month", "pool_refusals")
"""Metrics of what is not here: a cap for the month, and a pool that refuses."""


@pytest.fixture(params=["cluster", "plain"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "plain":
        with rented_world(tmp_path) as world:
            yield world
        return
    with (
        in_cluster(tmp_path) as side,
        rented_world(tmp_path, cluster=side.cluster, kubelet=side.kubelet, kubeconfig=side.kubeconfig) as world,
    ):
        yield world


def test_the_fleet_follows_its_traffic_through_everything_and_the_bill_adds_up(world: World) -> None:
    world.command("autoscale", "check", "-c", str(world.fleet))
    world.start()
    world.until(lambda: len(world.nodes.served) == 1, 60, "no first node")

    world.traffic.arrivals_per_s = BUSY
    world.until(lambda: len(world.nodes.served) >= 4, 90, "no more nodes on a rise")
    assert {one.provider for one in world.running()} >= {"aws", "hetzner-cloud"}

    taken = interrupt(world)
    kill_and_start_again(world)
    world.until(lambda: is_replaced(world, taken), 90, "a spot node that is taken back is not replaced")
    world.until(lambda: silent_panels(world) == [], 30, "a panel of the dashboard shows nothing")

    world.traffic.arrivals_per_s = QUIET
    world.until(lambda: len(by_the_hour(world)) >= 2, 150, "no paid hour ends after a fall")
    paid_hours_were_used(world)

    world.command("autoscale", "ceiling", MODEL, "0", "-c", str(world.fleet), "--why", "the journey ends")
    world.until(lambda: not world.running(), 120, "a ceiling of 0 leaves nodes")
    world.until(lambda: not told_nodes(world), 60, "a node whose machine is gone is still told of")
    (daemon,) = world.spawned
    daemon.terminate()
    assert daemon.wait(120) == 0

    nothing_was_bought_twice_or_left(world)
    no_secret_was_said(world)
    report = json.loads(world.command("report", "-q", "-c", str(world.fleet), "--month", f"{START:%Y-%m}", "--json"))
    apart = abs(Decimal(report["bill_usd"]) - world.bill_usd())
    assert apart <= slack_of(world.clouds.machines(), longest_tick(world.log)), (report["bill_usd"], world.books())
    assert world.nodes.problems == []


def told_nodes(world: World) -> list[dict]:
    return list(world.status()["leases"])


def interrupt(world: World) -> str:
    """EC2 warns of one of its spot instances, and takes it back two minutes later if it is still there."""
    spot = next(one for one in world.running() if one.is_spot and one.id in world.nodes.served)
    world.warn(spot)

    def take() -> None:
        time.sleep(120 / world.fast.scale)
        if any(one.id == spot.id for one in world.running()):
            world.clouds.take_back(spot.id)

    threading.Thread(target=take).start()
    return spot.id


def is_replaced(world: World, machine_id: str) -> bool:
    return machine_id not in world.nodes.served and len(world.nodes.served) >= 4


def kill_and_start_again(world: World) -> None:
    """kill -9, and a new process; what the queue had said and nobody deleted is heard again."""
    world.kill()
    world.clouds.aws.show_messages_again()
    world.start()


def by_the_hour(world: World) -> list[Machine]:
    """Machines that were ended, of clouds that charge started hours."""
    return [one for one in world.clouds.machines() if one.provider != "aws" and one.ended_at is not None]


def paid_hours_were_used(world: World) -> None:
    """What is paid by the hour was given up shortly before one of its hours ended, not in the middle of one.

    It is the time of the decision that counts: on a busy machine the end that follows is a while later.
    """
    ledger = Ledger(str(world.folder / "ledger.sqlite"))
    node_of = {row["machine_id"]: row["node_id"] for row in ledger.rows(tables.outcome)}
    drained_at = {row["node_id"]: row["at"] for row in ledger.rows(tables.intent) if row["kind"] == "drain"}
    for one in by_the_hour(world):
        used = drained_at[node_of[one.id]] - one.made_at
        left = timedelta(hours=math.ceil(used / timedelta(hours=1))) - used
        assert left <= LAST_MINUTES, f"{one.provider} {one.id} threw away {left} of a paid hour"


def nothing_was_bought_twice_or_left(world: World) -> None:
    """Every machine was intended once, and each is ended."""
    with sqlite3.connect(world.folder / "ledger.sqlite") as ledger:
        (launched,) = ledger.execute("SELECT count(*) FROM ledger_intent WHERE kind = 'launch'").fetchone()
    ledger.close()
    machines = world.clouds.machines()
    assert all(one.ended_at is not None for one in machines)
    assert len(machines) <= launched


def no_secret_was_said(world: World) -> None:
    """No planted secret is in the log, the status, the database or a file; the join token is where nodes read it."""
    said = {"log": world.log, "status": json.dumps(world.status())}
    for path in world.folder.iterdir():
        if path.is_file() and path.name not in ("join-token",) and not path.name.startswith("kubeconfig"):
            said[path.name] = path.read_bytes().decode("utf-8", errors="replace")
    for where, text in said.items():
        for secret in PLANTED:
            assert secret not in text, f"a secret is in {where}"


def silent_panels(world: World) -> list[str]:
    """Queries of the dashboard that the real Prometheus, which scrapes the daemon, has no answer to.

    What throughput.yaml records takes minutes of the wall's clock, of which this hour has one: promtool tests it.
    """
    return [
        f"{title}: {one}"
        for title, found in panels().items()
        for one in found
        if not any(name in one for name in (*NEVER, "baseload:")) and not asked(world, one)
    ]


def asked(world: World, expression: str) -> list:
    url = f"{world.prometheus.url}/api/v1/query?{urlencode({'query': expression})}"
    with urlopen(url, timeout=20) as answer:
        document = json.load(answer)
    assert document["status"] == "success"
    return list(document["data"]["result"])
