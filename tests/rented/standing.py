"""A rented world whose time stands until it is moved: three clouds, nodes, metrics, and one `once` after another.

Each tick is a process of its own. What it finds is what the one before left in the database, at the clouds and in the
files of the serving side, and nothing else.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from autoscaler.fleet import Controls
from autoscaler.records import open_records
from tests.autoscaler.providers.aws.double import tags_of
from tests.rented.clouds import Clouds, Machine, rented_clouds
from tests.rented.nodes import Nodes
from tests.rented.world import (
    DECODE_TOK_S,
    FLEET,
    MODEL,
    PREFILL_TOK_S,
    PRICES,
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
    queue_url: str
    work: float = 0.0
    """Nodes busy full time with what is asked for."""
    was_over: list[str] = field(default_factory=list)
    """What was wrong after some process, in words."""
    ever_served: set[str] = field(default_factory=set)
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
    def fleet(self) -> Path:
        return self.folder / "fleet.toml"

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """A daemon that ticks once and sleeps, or is killed at a step before; when is the next of `lives`."""
        self._begin("autoscale", "run", "-c", str(self.fleet), ends_at=next(self.lives, None))
        self.look()

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
        raise AssertionError(f"{what} after {ticks} ticks; killed at {self.killed_at}\n{self.log[-8000:]}")

    def ask(self, controls: Controls) -> None:
        """What an operator wants from now on."""
        with open_records(str(self.folder / "ledger.sqlite"), fleet=FLEET) as records:
            records.set_controls(controls, at=self.time(), by="a test")

    def plan(self) -> None:
        """Makes the plan the daemon keeps to."""
        self._begin(*plan_words(self.folder))

    def once(self) -> None:
        """One tick by a process of its own, which gives the lease back, as a timer starts it."""
        self._begin("autoscale", "once", "-c", str(self.fleet))
        assert self.code == 0, self.log
        self.look()

    def tick(self, seconds: float = INTERVAL_S) -> None:
        """The tick of so many seconds later. A daemon that was killed by then is followed by a new one."""
        if not self.is_alive:
            seconds = max(seconds, LEASE_S)
        self.pass_s(seconds)
        if not self.is_alive:
            self.start()
        else:
            self._heard(self.forge.ask(self.time().isoformat()))
            self.look()

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
        self.ever_served |= set(self.nodes.served)

    def machines(self) -> list[Machine]:
        """Every machine that was ever made for us."""
        return self.clouds.machines()

    def running(self) -> list[Machine]:
        """Machines whose end nobody asked for."""
        return [one for one in self.machines() if one.ended_at is None]

    def skip_to_ends(self) -> None:
        """Lets time pass until the first hour that is paid is nearly over."""
        oldest = min(one.made_at for one in self.running())
        left = oldest + timedelta(minutes=52) - self.time()
        if left > timedelta(0):
            self.tick(left.total_seconds())

    # --- the books

    def look(self) -> None:
        """Notes what may never be, not even for a moment."""
        running = self.running()
        usd_hour = sum((PRICES[one.offer] for one in running), Decimal(0))
        if len(running) > MAX_NODES or usd_hour > MAX_USD_HOUR:
            self.was_over.append(f"S1 {self.time()}: {len(running)} nodes at {usd_hour} USD/h")
        if self.ever_served and not running:
            self.was_over.append(f"S2 {self.time()}: no node is left")
        forgotten = self._rows("SELECT machine_id FROM ledger_end") & {one.id for one in self._there()}
        self.was_over += [f"S9 {self.time()}: {one} was forgotten and is there" for one in sorted(forgotten)]
        self.was_over += [f"S3 {self.time()}: {one} is not ours and is gone" for one in sorted(self.clouds.touched())]

    def is_calm(self) -> bool:
        """Whether the journal has open what the clouds have, and nothing else."""
        return not self.forgets_or_misses()

    def forgets_or_misses(self) -> set[str]:
        """Nodes that only one of journal and clouds has."""
        there = {one.id for one in self._there()}
        return self.open_nodes() ^ {name for machine, name in self.tags().items() if machine in there}

    def tags(self) -> dict[str, str]:
        """By machine that was ever made for us: the node it is."""
        clouds = self.clouds
        found = {one.id: tags_of(one).get("baseload:node", "") for one in clouds.aws.life.ever.values()}
        found |= {one.id: one.body["name"].split("__")[0] for one in clouds.ovh.cloud.instances.values()}
        found |= {str(one.id): one.labels.get("baseload-node", "") for one in clouds.hetzner.ever.values()}
        return {machine: name for machine, name in found.items() if machine not in clouds.foreign}

    def node_ids(self) -> Counter[str]:
        """By node: the machines that were made for it."""
        return Counter(self.tags().values())

    def intended(self) -> set[str]:
        """Nodes that the journal has an intent to launch of."""
        return self._rows("SELECT node_id FROM ledger_intent WHERE kind = 'launch'")

    def open_nodes(self) -> set[str]:
        """Nodes that the journal does not know to be gone or never made."""
        made_nothing = "('no_capacity', 'refused', 'withdrawn')"
        return self.intended() - self._rows(
            "SELECT node_id FROM ledger_end UNION SELECT i.node_id FROM ledger_intent i JOIN ledger_outcome o"
            f" ON o.fleet = i.fleet AND o.key = i.key WHERE i.kind = 'launch' AND o.result IN {made_nothing}"
        )

    def ready_nodes(self) -> set[str]:
        """Nodes that some daemon heard serve."""
        return self._rows(
            "SELECT i.node_id FROM ledger_intent i JOIN ledger_outcome o ON o.fleet = i.fleet AND o.key = i.key"
            " WHERE o.result = 'ready'"
        )

    def _rows(self, query: str) -> set[str]:
        path = self.folder / "ledger.sqlite"
        if not path.exists():
            return set()
        with closing(sqlite3.connect(path)) as ledger:
            try:
                return {row[0] for row in ledger.execute(query)}
            except sqlite3.OperationalError:  # killed before its tables were made
                return set()

    def _there(self) -> list[Machine]:
        """Machines that their clouds have yet, ended or not."""
        ovh, now = self.clouds.ovh.cloud, self.time()
        return [
            one
            for one in self.machines()
            if (one.provider == "ovh" and ovh.is_there(ovh.instances[one.id]))
            or (one.provider == "hetzner-cloud" and int(one.id) in self.clouds.hetzner.servers)
            or (one.provider == "aws" and (one.ended_at is None or now < one.ended_at))
        ]


@contextmanager
def forging() -> Iterator[Forge]:
    """What daemons are forked from, for as many worlds as there are while the block runs."""
    forge = Forge(environment_of({}))
    try:
        yield forge
    finally:
        forge.close()


@contextmanager
def standing_world(folder: Path, forge: Forge, *, plan: Path | None = None) -> Iterator[StandingWorld]:
    """The world while the block runs; its plan is made, or another world's."""
    time = StandingTime()
    with ExitStack() as stack:
        clouds = stack.enter_context(rented_clouds(time))  # type: ignore[arg-type]
        # Who waits for a server to be made would wait in vain where time stands.
        clouds.hetzner.making_s = clouds.hetzner.starting_s = 0.0
        prometheus = stack.enter_context(prometheus_double())
        traffic = stack.enter_context(
            SimulatedFleet(model=MODEL, prefill_tok_s=PREFILL_TOK_S, decode_tok_s=DECODE_TOK_S)
        )
        nodes = Nodes(clouds=clouds, fleet=traffic, load_s=LOAD_S)
        world = StandingWorld(
            folder=folder, time=time, clouds=clouds, nodes=nodes, traffic=traffic, forge=forge, queue_url=""
        )
        world.queue_url = interruptions(queue_of(clouds))
        clouds.add_foreign()
        prometheus.answer = lambda asked: metrics_of(world, asked)
        write(world, prometheus)
        if plan is None:
            world.plan()
        else:
            shutil.copy(plan, folder / "plan.json")
        yield world
        world.leave()


def metrics_of(world: StandingWorld, asked: Asked) -> Any:
    """What Prometheus has of the nodes that serve: each gets as much as the others."""
    query, now = asked.form["query"], float(asked.form["time"])
    served = list(world.nodes.served.values())
    if "max_over_time" in query or "increase" in query or not served:
        return vector() if "max_over_time" in query or "increase" in query else matrix()
    requests_s = world.work / (400 / PREFILL_TOK_S + 100 / DECODE_TOK_S) / len(served)

    def over_the_window(per_s: float, end: float) -> list[tuple[float, str]]:
        return [(now - ago, str(end - per_s * ago)) for ago in SAMPLES_S]

    series = []
    for machine in served:
        here = {"job": "vllm", "instance": f"{machine.address}:{world.traffic.port}"}
        named = here | {"model_name": MODEL, "engine": "0"}
        series += [
            ({"__name__": "up", **here}, [(now - ago, "1") for ago in SAMPLES_S]),
            ({"__name__": "vllm:prompt_tokens_total", **named}, over_the_window(400 * requests_s, 1e6)),
            ({"__name__": "vllm:generation_tokens_total", **named}, over_the_window(100 * requests_s, 1e6)),
            ({"__name__": "vllm:num_requests_running", **named}, over_the_window(0, 0)),
            ({"__name__": "vllm:num_requests_waiting", **named}, over_the_window(0, 0)),
        ]
    return matrix(*series)


def write(world: StandingWorld, prometheus: PrometheusDouble) -> None:
    """The folder the daemon reads."""
    side = WITHOUT_CLUSTER.format(targets=world.folder / "targets.json", node_port=world.traffic.port)
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
        lease_s=LEASE_S,
    )
