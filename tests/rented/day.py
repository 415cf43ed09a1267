"""A day of the daemon in 90 s: its real process, three clouds, traffic that rises and falls, faults, and what it left.

Time runs 960 times as fast as on the wall, so a tick every 15 minutes is one every 0.94 s. Prometheus, which cannot be
scraped so fast, is a double that answers with the counters of the simulated servers themselves; OVH does not hold
signatures to the minute. All else is the rented world's: wire, database, journal, files of the serving side.
"""

import json
import math
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tests.autoscaler.providers.ovh import double as ovh_double
from tests.rented import world as rented
from tests.rented.clock import FastTime
from tests.rented.clouds import Clouds, Machine, rented_clouds
from tests.rented.nodes import Nodes
from tests.rented.world import MODEL, PRICES, START, World, interruptions
from tests.servers.process import free_port
from tests.servers.prometheus_double import Asked, Document, PrometheusDouble, matrix, prometheus_double, vector
from tests.servers.vllm_simulator import SimulatedFleet, SimulatedNode

SCALE = 960.0
HOUR_S = 3600
INTERVAL_S = 900.0
WINDOW_S = 2700.0
MAX_NODES = 6
MAX_USD_HOUR = Decimal(12)
QUIET, BUSY = 0.2, 1.4
"""Requests a second, of 3 s of work each: 0.6 and 4.2 nodes of work, which are 1 and 6 at the target of 75 %."""
RISES_EVERY_H = 8
SLOWER = {
    "interval_s": INTERVAL_S,
    "window_s": WINDOW_S,
    "launch_timeout_s": 7200.0,
    "drain_timeout_s": 2700.0,
    "cooldown_s": 1800.0,
    "renewal_margin_s": 1200.0,
    "hold_s": 1800.0,
}
"""What the rented world sets, and what a tick of a quarter of an hour asks for."""
SLOWER_ALSO = {
    "list_fresh_s": 1800.0,
    "stale_after_s": 2700.0,
    "settle_s": 2700.0,
    "broken_after_s": 2700.0,
    "blind_for_s": 5400.0,
    "orphan_after_s": 5400.0,
}
"""The same of what the rented world leaves at its usual value."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the daemon's process holds at one time."""

    hour: float
    rss_mb: float
    files: int
    threads: int
    connections: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is broken for a while."""

    what: str
    from_hour: float
    to_hour: float
    begin: Callable[[], None]
    mend: Callable[[], None]


@dataclass(kw_only=True)
class Day:
    """What came of it."""

    samples: list[Sample] = field(default_factory=list)
    ticks: float = 0.0
    contained: dict[str, float] = field(default_factory=dict)
    """Problems by what they were about."""
    interruptions: int = 0
    machines: int = 0
    most_nodes: int = 0
    most_usd_hour: Decimal = Decimal(0)
    left: list[str] = field(default_factory=list)
    """Machines that still bill when every node was asked away."""
    bought_twice: list[str] = field(default_factory=list)
    bill_usd: Decimal = Decimal(0)
    """Of the clouds' own books."""
    report_usd: Decimal = Decimal(0)
    """Of the month's report."""
    slack_usd: Decimal = Decimal(0)
    """What the two may differ by, for a tick's time is a little before its calls': `slack_of`."""
    unknown: int = 0
    """Calls that broke off, of which the journal says that they may have happened."""
    cpu_s: float = 0.0
    wall_s: float = 0.0

    def between(self, first: float, last: float) -> list[Sample]:
        """The samples of those hours."""
        return [one for one in self.samples if first <= one.hour < last]

    def grew(self, what: str, *, before: tuple[float, float], after: tuple[float, float]) -> float:
        """By how much the least that was held in some hours is more than the most in hours before."""
        first = [getattr(one, what) for one in self.between(*before)]
        then = [getattr(one, what) for one in self.between(*after)]
        return float(min(then) - max(first))


class Samples:
    """The servers' counters as Prometheus would have scraped them, on the fast clock."""

    def __init__(self, fast: FastTime, fleet: SimulatedFleet) -> None:
        self._fast = fast
        self._fleet = fleet
        self._kept: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def scrape(self) -> None:
        """Takes a sample of every server."""
        now = self._fast().timestamp()
        with self._lock:
            for node in list(self._fleet.nodes.values()):
                for name, value in told_by(node).items():
                    self._kept.setdefault((f"{node.host}:{node.port}", name), []).append((now, value))
            for key, points in list(self._kept.items()):
                while points and points[0][0] < now - 2 * WINDOW_S:
                    points.pop(0)
                if not points:
                    del self._kept[key]

    def answer(self, asked: Asked) -> Document:
        """The samples of the window, or what a request is like; of a model long unheard of, nothing."""
        query, at = asked.form["query"], float(asked.form["time"])
        if "increase(" in query:
            parts = {"input_tokens": 4000.0, "output_tokens": 1000.0, "input_requests": 1.0, "output_requests": 1.0}
            return vector(*(({"part": name, "model_name": MODEL}, at, str(100 * each)) for name, each in parts.items()))
        if "timestamp(" in query:
            return vector()
        with self._lock:
            series = [
                (
                    {"__name__": name, "instance": instance, "job": "vllm", "model_name": MODEL},
                    [(when, str(value)) for when, value in points if at - WINDOW_S < when <= at],
                )
                for (instance, name), points in self._kept.items()
            ]
        return matrix(*((labels, points) for labels, points in series if points))


def told_by(node: SimulatedNode) -> dict[str, float]:
    """What a server's page says that the daemon asks for."""
    engine = node.engine
    return {
        "up": 1.0,
        "vllm:prompt_tokens_total": engine.prompt_tokens,
        "vllm:generation_tokens_total": engine.generation_tokens,
        "vllm:request_success_total": engine.succeeded,
        "vllm:num_requests_running": len(engine.running),
        "vllm:num_requests_waiting": len(engine.waiting),
    }


def arrivals_per_s(hour: float) -> float:
    """Requests a second: three rises and falls a day, so that much is bought and ended."""
    return QUIET + (BUSY - QUIET) * (1 - math.cos(math.tau * hour / RISES_EVERY_H)) / 2


def faults_of(clouds: Clouds, prometheus: PrometheusDouble) -> list[Fault]:
    """A day of broken things, one after the other, all over by its 22nd hour."""
    aws, ovh, hetzner = clouds.aws, clouds.ovh, clouds.hetzner

    def of_aws(what: str, *actions: str) -> tuple[Callable[[], None], Callable[[], None]]:
        return (lambda: aws.break_(what, *actions)), aws.mend

    def of_ovh(what: str, method: str, ending: str) -> tuple[Callable[[], None], Callable[[], None]]:
        return (lambda: ovh.broken.update({(method, ending): what})), ovh.broken.clear

    def of_hetzner(method: str, path: str, status: int | None, **rest: Any) -> tuple[Any, Any]:
        return (lambda: hetzner.fault(method, path, status, times=50, **rest)), hetzner.http.faults.clear

    def late(seconds: float) -> None:
        ovh.cloud.late_s = hetzner.late_s = seconds

    def of_prometheus(status: int) -> None:
        prometheus.status = status

    made: list[tuple[str, float, float, tuple[Any, Any]]] = [
        ("AWS launches, and nobody hears of it", 1.0, 3.0, of_aws("timeout after", "RunInstances", "CreateFleet")),
        ("Hetzner's list answers 500", 3.0, 3.7, of_hetzner("GET", "/servers", 500, code="server_error")),
        ("OVH launches, and nobody hears of it", 4.0, 6.0, of_ovh("timeout after", "POST", "/instance")),
        ("AWS limits its list", 6.0, 6.7, of_aws("rate limit", "DescribeInstances")),
        ("Hetzner launches, and nobody hears", 7.0, 9.0, of_hetzner("POST", "/servers", None, is_after=True)),
        ("OVH's list answers 429", 9.0, 9.7, of_ovh("rate limit", "GET", "/instance")),
        ("lists are late by 20 minutes", 10.0, 12.0, ((lambda: late(1200)), (lambda: late(0)))),
        ("Prometheus is gone", 12.5, 13.5, ((lambda: of_prometheus(503)), (lambda: of_prometheus(200)))),
        ("AWS breaks off before it ends any", 14.0, 16.0, of_aws("timeout before", "TerminateInstances")),
        ("OVH ends, and nobody hears of it", 16.0, 18.0, of_ovh("timeout after", "DELETE", "/{instanceId}")),
        ("Hetzner's end answers 500", 18.0, 19.0, of_hetzner("DELETE", "/servers/{id}", 500, code="server_error")),
        ("Prometheus is gone again", 19.5, 20.0, ((lambda: of_prometheus(503)), (lambda: of_prometheus(200)))),
        ("AWS refuses the launch", 20.0, 21.5, of_aws("server error", "RunInstances", "CreateFleet")),
    ]
    return [Fault(what=what, from_hour=a, to_hour=b, begin=begin, mend=mend) for what, a, b, (begin, mend) in made]


@contextmanager
def fast_world(folder: Path, *, scale: float = SCALE) -> Iterator[tuple[World, PrometheusDouble]]:
    """The rented world at such a pace, with a double in Prometheus' place."""
    fast = FastTime.beginning(START, scale=scale)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(ovh_double, "OUT_OF_TIME_S", 86_400)
        clouds = stack.enter_context(rented_clouds(fast))
        double = stack.enter_context(prometheus_double())
        traffic = stack.enter_context(
            SimulatedFleet(
                model=MODEL,
                prefill_tok_s=rented.PREFILL_TOK_S,
                decode_tok_s=rented.DECODE_TOK_S,
                max_running=64,
            )
        )
        traffic.input_tokens, traffic.output_tokens, traffic.arrivals_per_s = 4000, 1000, QUIET
        samples = Samples(fast, traffic)
        double.answer = samples.answer
        stack.enter_context(traffic.running(scale=scale))
        stack.enter_context(repeated(samples.scrape, every_s=0.1))
        nodes = stack.enter_context(Nodes(clouds=clouds, fleet=traffic, load_s=60.0))
        named: Any = SimpleNamespace(targets=folder / "targets.json", url=double.url)
        world = World(
            folder=folder,
            fast=fast,
            clouds=clouds,
            traffic=traffic,
            nodes=nodes,
            prometheus=named,
            front=named,
            queue_url="",
            port=free_port(),
        )
        world.queue_url = interruptions(world.queue())
        rented._write(
            world,
            load_s=60.0,
            cluster=None,
            kubeconfig=None,
            max_nodes=MAX_NODES,
            spot_max=2,
            call_timeout_s=25.0,
            lease_s=7200.0,
        )
        world.fleet.write_text(slower(world.fleet.read_text()))
        stack.callback(world.stop)
        yield world, double


def slower(fleet: str) -> str:
    """The rented world's fleet.toml, as a tick of a quarter of an hour asks for it."""
    for name, value in SLOWER.items():
        fleet, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", fleet, flags=re.MULTILINE)
        assert found == 1, f"{name} is set {found} times"
    also = "\n".join(f"{name} = {value}" for name, value in SLOWER_ALSO.items())
    return fleet.replace("[policy.scaling]\n", f"[policy.scaling]\n{also}\n")


@contextmanager
def repeated(work: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Does the work again and again in a thread."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(every_s):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def run_day(
    world: World, prometheus: PrometheusDouble, *, hours: float, faults: list[Fault], spot_every_h: float = 4.0
) -> Day:
    """So many hours of the daemon's process, faults and interruptions included, until everything is given back."""
    day, began_s = Day(), time.monotonic()
    first_s = world.fast.monotonic()

    def hour() -> float:
        return (world.fast.monotonic() - first_s) / HOUR_S

    process = world.start()
    watched = psutil.Process(process.pid)
    begun: set[str] = set()
    mended: set[str] = set()
    next_spot_h = spot_every_h / 2
    try:
        while hour() < hours:
            now_h = hour()
            world.traffic.arrivals_per_s = arrivals_per_s(now_h)
            for fault in faults:
                if fault.what not in begun and now_h >= fault.from_hour:
                    begun.add(fault.what)
                    fault.begin()
                if fault.what in begun - mended and now_h >= fault.to_hour:
                    mended.add(fault.what)
                    fault.mend()
            if now_h >= next_spot_h and interrupt(world):
                day.interruptions += 1
                next_spot_h = now_h + spot_every_h
            assert process.poll() is None, world.log[-4000:]
            day.samples.append(sample_of(watched, now_h))
            time.sleep(0.2)
    finally:
        for fault in faults:
            if fault.what in begun - mended:
                fault.mend()
    world.command("autoscale", "ceiling", MODEL, "0", "-c", str(world.fleet), "--why", "the day ends")
    give_back(world)
    day.left = [f"{one.offer} {one.id}" for one in world.running()]
    told = world.status()
    day.left += [f"told of: {one['node_id']}" for one in told["leases"]]
    used = watched.cpu_times()
    day.cpu_s = used.user + used.system
    process.terminate()
    assert process.wait(120) == 0, world.log[-4000:]
    day.wall_s = time.monotonic() - began_s
    judge(world, day)
    return day


def sample_of(watched: psutil.Process, hour: float) -> Sample:
    """What the process holds now."""
    with watched.oneshot():
        return Sample(
            hour=hour,
            rss_mb=watched.memory_info().rss / 1e6,
            files=watched.num_fds(),
            threads=watched.num_threads(),
            connections=len(watched.net_connections(kind="tcp")),
        )


def interrupt(world: World) -> bool:
    """Takes a spot instance back, two minutes after EC2 has said so; False: there is none."""
    spot = next((one for one in world.running() if one.is_spot and one.id in world.nodes.served), None)
    if spot is None:
        return False
    world.warn(spot)
    time.sleep(120 / world.fast.scale)
    if any(one.id == spot.id for one in world.running()):
        world.clouds.take_back(spot.id)
    return True


def give_back(world: World, within_s: float = 240.0) -> None:
    """Waits until no machine bills and no node is told of, or not any longer."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s and (world.running() or world.status()["leases"]):
        time.sleep(0.2)


def judge(world: World, day: Day) -> None:
    """Holds what was done against the clouds' own books."""
    machines = world.clouds.machines()
    day.machines = len(machines)
    for one in machines:
        beside = [other for other in machines if other.made_at <= one.made_at and is_held(other, one)]
        day.most_nodes = max(day.most_nodes, len(beside))
        day.most_usd_hour = max(day.most_usd_hour, sum((PRICES[other.offer] for other in beside), Decimal(0)))
    with closing(sqlite3.connect(world.folder / "ledger.sqlite")) as ledger:
        adopted = ledger.execute("SELECT node_id FROM ledger_intent WHERE kind = 'adopt'").fetchall()
        broken = ledger.execute("SELECT count(*) FROM ledger_outcome WHERE result = 'unknown'").fetchone()
        known = ledger.execute("SELECT DISTINCT machine_id FROM ledger_outcome WHERE result = 'done'").fetchall()
    day.unknown = int(broken[0])
    day.bought_twice = [f"adopted: {node_id}" for (node_id,) in adopted]
    day.bought_twice += [f"not in the journal: {one.id}" for one in machines if (one.id,) not in known]
    day.bill_usd = world.bill_usd()
    month = f"{START:%Y-%m}"
    report = json.loads(world.command("report", "-q", "-c", str(world.fleet), "--month", month, "--json"))
    day.report_usd = Decimal(report["bill_usd"])
    day.slack_usd = slack_of(machines, longest_tick(world.log))
    day.contained, day.ticks = problems_of(world.log), float(world.log.count("event=tick "))


def slack_of(machines: list[Machine], late: timedelta) -> Decimal:
    """What journal and cloud may differ by where an end is answered so much later than the cloud heard of it.

    That much of what is charged by the second; a whole hour of what was ended within that of an hour's beginning.
    """
    slack = Decimal("0.005")
    for one in machines:
        price = PRICES[one.offer]
        if one.provider == "aws":
            slack += price * Decimal(late.total_seconds()) / HOUR_S
        elif one.ended_at is not None and (one.ended_at - one.made_at) % timedelta(hours=1) <= late:
            slack += price
    return slack


def longest_tick(log: str) -> timedelta:
    """Of all that are in the log: within it the cloud heard of an end, and the journal of the answer."""
    return timedelta(seconds=max(float(found) for found in re.findall(r" event=tick .*?seconds=([0-9.]+)", log)))


def is_held(other: Machine, one: Machine) -> bool:
    """Whether `other` was not ended when `one` was made."""
    return other.ended_at is None or other.ended_at > one.made_at + timedelta(seconds=1)


def problems_of(log: str) -> dict[str, float]:
    """How often each kind of trouble is in the log."""
    found: dict[str, float] = {}
    for line in log.splitlines():
        for name in ("event=problem", "event=overrun", "event=leadership", "event=served", "event=status"):
            if name in line:
                found[name.removeprefix("event=")] = found.get(name.removeprefix("event="), 0) + 1
    return found
