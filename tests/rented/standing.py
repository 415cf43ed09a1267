"""A rented world whose time stands until it is moved: three clouds, nodes, metrics, and one `once` after another.

Each tick is a process of its own. What it finds is what the one before left in the database, at the clouds and in the
files of the serving side, and nothing else.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from autoscaler.fleet import Controls
from autoscaler.records import open_records
from tests.autoscaler.providers.ovh.kube import CLUSTER
from tests.rented.books import Books, Ledger, Limits
from tests.rented.clouds import Clouds, Machine, rented_clouds
from tests.rented.in_cluster import InCluster
from tests.rented.nodes import Nodes
from tests.rented.world import (
    DECODE_TOK_S,
    FLEET,
    MODEL,
    PREFILL_TOK_S,
    ROOT,
    START,
    WITHOUT_CLUSTER,
    environment_of,
    interruptions,
    plan_words,
    queue_of,
    write_files,
)
from tests.servers.prometheus_double import Asked, PrometheusDouble, matrix, prometheus_double, vector
from tests.servers.vllm_simulator import SimulatedFleet

INTERVAL_S = 120.0
LEASE_S = 180.0
LOAD_S = 60.0
COOLDOWN_S = 480.0
MAX_NODES = 6
MAX_USD_HOUR = Decimal("1.30")
"""Two of Hetzner, a spot instance and three of OVH are 1.28 an hour; the next cheapest would be 1.52."""
SAMPLES_S = (300, 240, 180, 120, 60, 0)


@dataclass
class StandingTime:
    """A clock that is told what time it is."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    @property
    def now(self) -> datetime:
        """For doubles that ask so."""
        return self.at


class Forge:
    """The process that daemons are forked from, and the one of them that lives."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rented.killed_process"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> int | None:
        """How the daemon ended: its exit code, or less than 0 the signal that ended it; None: it sleeps."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline().split()
        assert said, "the forge itself ended"
        return None if said[0] == "sleeps" else int(said[1])

    def close(self) -> None:
        self._process.communicate(timeout=60)


@dataclass
class StandingWorld:
    """What a test looks at and moves."""

    folder: Path
    time: StandingTime
    clouds: Clouds
    nodes: Nodes
    traffic: SimulatedFleet
    forge: Forge
    books: Books
    database: str
    side: InCluster | None
    queue_url: str = ""
    lives: Iterator[int] = field(default_factory=lambda: iter(()))
    """Of the daemons to come: the step each is killed at; where there are no more, none is."""
    counts_all: bool = False
    """Whether what is kept beside the journal counts as a step."""
    killed_at: list[str] = field(default_factory=list)
    """The steps that were somebody's last."""
    is_alive: bool = False
    """Whether a daemon is there, asleep."""
    code: int | None = None
    """How the last one ended."""

    @property
    def work(self) -> float:
        """Nodes busy full time with what is asked for."""
        return self.books.work

    @work.setter
    def work(self, nodes: float) -> None:
        self.books.work = nodes

    @property
    def fleet(self) -> Path:
        return self.folder / "fleet.toml"

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """A daemon that ticks once and sleeps, or is killed at a step before; when is the next of `lives`."""
        self._begin("autoscale", "run", "-c", str(self.fleet), ends_at=next(self.lives, None))
        self.books.look()

    def _begin(self, *words: str, ends_at: int | None = None) -> None:
        self.steps_path.unlink(missing_ok=True)
        asked = {
            "at": self.time().isoformat(),
            "ends_at": ends_at,
            "steps": str(self.steps_path),
            "log": str(self.folder / "daemon.log"),
            "words": words,
            "is_of_all": self.counts_all,
        }
        self._heard(self.forge.ask(json.dumps(asked)))

    def until(self, holds: Callable[[], bool], what: str, *, ticks: int = 120) -> None:
        """Ticks until it is so, once at least."""
        for _ in range(ticks):
            self.tick()
            if holds() and self.is_alive:
                return
        raise AssertionError(f"{what} after {ticks} ticks\n{self.story()}")

    def story(self) -> str:
        """What daemons did and where they died, for a failure."""
        told = [line for line in self.log.splitlines() if " event=tick " not in line]
        return "\n".join([f"killed at {self.killed_at}", *told[-60:]])

    def ask(self, controls: Controls) -> None:
        """What an operator wants from now on."""
        with open_records(self.database, fleet=FLEET) as records:
            records.set_controls(controls, at=self.time(), by="a test")

    def plan(self) -> None:
        """Makes the plan the daemon keeps to."""
        self._begin(*plan_words(self.folder))

    def once(self) -> None:
        """One tick by a process of its own, which gives the lease back, as a timer starts it."""
        self._begin("autoscale", "once", "-c", str(self.fleet))
        assert self.code == 0, self.log
        self.books.look()

    def tick(self, seconds: float = INTERVAL_S) -> None:
        """The tick of so many seconds later. A daemon that was killed by then is followed by a new one."""
        if not self.is_alive:
            seconds = max(seconds, LEASE_S)
        self.pass_s(seconds)
        if not self.is_alive:
            self.start()
        else:
            self._heard(self.forge.ask(self.time().isoformat()))
            self.books.look()

    def end(self) -> None:
        """Lets the daemon end by SIGTERM."""
        if self.is_alive:
            self._heard(self.forge.ask("end"))
        assert self.code == 0, self.log

    def leave(self) -> None:
        """Lets a daemon that is there after a failure end."""
        while self.is_alive:
            self._heard(self.forge.ask("end"))

    def _heard(self, code: int | None) -> None:
        self.is_alive, self.code = code is None, code
        assert code in (None, 0, -signal.SIGKILL), self.log
        if code == -signal.SIGKILL:
            self.killed_at.append(self.steps[-1])
            self.books.deaths += 1

    @property
    def steps(self) -> list[str]:
        """What the last daemon has done, in order."""
        return self.steps_path.read_text(encoding="utf-8").splitlines()

    @property
    def steps_path(self) -> Path:
        return self.folder / "steps"

    def pass_s(self, seconds: float) -> None:
        """Moves the clock, and lets clouds and machines live."""
        self.time.at += timedelta(seconds=seconds)
        self.clouds.aws.wait(0)
        self.nodes.step()
        if self.side is not None:
            self.side.settle(self.nodes)
            self.nodes.step()
        self.books.ever_served |= set(self.nodes.served)

    def running(self) -> list[Machine]:
        """Machines whose end nobody asked for."""
        return self.books.running()

    def left_nodes(self) -> set[str]:
        """Node objects of machines that are gone."""
        return set() if self.side is None else self.side.left(self.nodes)

    def skip_to_ends(self) -> None:
        """Lets time pass until the first hour that is paid is nearly over."""
        oldest = min(one.made_at for one in self.running())
        left = oldest + timedelta(minutes=52) - self.time()
        if left > timedelta(0):
            self.tick(left.total_seconds())


@contextmanager
def forging() -> Iterator[Forge]:
    """What daemons are forked from, for as many worlds as there are while the block runs."""
    forge = Forge(environment_of({}))
    try:
        yield forge
    finally:
        forge.close()


@contextmanager
def standing_world(
    folder: Path,
    forge: Forge,
    *,
    plan: Path | None = None,
    database: str | None = None,
    side: InCluster | None = None,
    start: datetime = START,
    max_usd_month: Decimal | None = None,
) -> Iterator[StandingWorld]:
    """The world while the block runs; its plan is made, or another world's.

    `database`: other than a SQLite file of its own. `side`: the cluster that serves, to which OVH sells node pools and
    which keeps the leader's Lease; without one there is a file of endpoints.
    """
    time = StandingTime(at=start)
    with ExitStack() as stack:
        clouds = stack.enter_context(rented_clouds(time))  # type: ignore[arg-type]
        # Who waits for a server to be made would wait in vain where time stands.
        clouds.hetzner.making_s = clouds.hetzner.starting_s = 0.0
        prometheus = stack.enter_context(prometheus_double())
        traffic = stack.enter_context(
            SimulatedFleet(model=MODEL, prefill_tok_s=PREFILL_TOK_S, decode_tok_s=DECODE_TOK_S)
        )
        nodes = Nodes(clouds=clouds, fleet=traffic, load_s=LOAD_S)
        if side is not None:
            nodes.cluster, nodes.kubelet = side.admin, side.kubelet
        address = database or str(folder / "ledger.sqlite")
        limits = Limits(
            max_nodes=MAX_NODES,
            max_usd_hour=MAX_USD_HOUR,
            max_usd_month=max_usd_month,
            cooldown_s=COOLDOWN_S,
            interval_s=INTERVAL_S,
            death_s=LEASE_S + 2 * INTERVAL_S,
        )
        world = StandingWorld(
            folder=folder,
            time=time,
            clouds=clouds,
            nodes=nodes,
            traffic=traffic,
            forge=forge,
            books=Books(clouds=clouds, ledger=Ledger(address), limits=limits, clock=time, served=lambda: nodes.served),
            database=address,
            side=side,
            queue_url=interruptions(queue_of(clouds)),
        )
        clouds.add_foreign()
        prometheus.answer = lambda asked: metrics_of(world, asked)
        write(world, prometheus, start=start)
        if plan is None:
            world.plan()
        else:
            shutil.copy(plan, folder / "plan.json")
        try:
            yield world
        finally:
            world.leave()


def metrics_of(world: StandingWorld, asked: Asked) -> Any:
    """What Prometheus has of the nodes that serve: each gets as much as the others."""
    query, now = asked.form["query"], float(asked.form["time"])
    nodes = world.nodes
    served = [one for one in nodes.served.values() if nodes.fleet.routed is None or one.id in nodes.fleet.routed]
    if "max_over_time" in query or "increase" in query or not served or world.books.is_blind:
        return vector() if "max_over_time" in query or "increase" in query else matrix()
    requests_s = world.work / (400 / PREFILL_TOK_S + 100 / DECODE_TOK_S) / len(served)

    def over_the_window(per_s: float, end: float) -> list[tuple[float, str]]:
        return [(now - ago, str(end - per_s * ago)) for ago in SAMPLES_S]

    series = []
    for machine in served:
        here = {"job": "vllm", "instance": f"{machine.address}:{world.traffic.port}"}
        if machine.id in nodes.joined:
            here["node"] = nodes.joined[machine.id]
        named = here | {"model_name": MODEL, "engine": "0"}
        series += [
            ({"__name__": "up", **here}, [(now - ago, "1") for ago in SAMPLES_S]),
            ({"__name__": "vllm:prompt_tokens_total", **named}, over_the_window(400 * requests_s, 1e6)),
            ({"__name__": "vllm:generation_tokens_total", **named}, over_the_window(100 * requests_s, 1e6)),
            ({"__name__": "vllm:num_requests_running", **named}, over_the_window(0, 0)),
            ({"__name__": "vllm:num_requests_waiting", **named}, over_the_window(0, 0)),
        ]
    return matrix(*series)


def write(world: StandingWorld, prometheus: PrometheusDouble, *, start: datetime) -> None:
    """The folder the daemon reads."""
    numbers: dict[str, Any] = {"leadership": "database"}
    side = WITHOUT_CLUSTER.format(targets=world.folder / "targets.json", node_port=world.traffic.port)
    if world.side is not None:
        side, numbers["leadership"] = world.side.side, "cluster"
        numbers["ovh_backend"] = f'backend = "node-pools"\ncluster = "{CLUSTER}"\n'
    month = world.books.limits.max_usd_month
    if month is not None:
        numbers["scaling"] = f"max_usd_month = {month}\n"
    write_files(
        world.folder,
        world.clouds,
        side=side,
        port=0,
        prometheus=prometheus.url,
        queue_url=world.queue_url,
        load_s=LOAD_S,
        max_nodes=MAX_NODES,
        max_usd_hour=MAX_USD_HOUR,
        cooldown_s=COOLDOWN_S,
        lease_s=LEASE_S,
        database=world.database,
        start=start,
        **numbers,
    )
