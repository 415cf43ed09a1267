"""What a tick of the daemon costs at a thousand nodes over three providers, besides what providers take to answer.

All is the daemon's own, built from a fleet.toml as `baseload autoscale run` builds it: client libraries, guarded calls
in their lanes, records in SQLite, prices in force, served hours, log, metrics, status. Three things answer from memory:
the providers' calls, the model servers' probes, and the body of Prometheus' answers, which is read as any other.

`python -m benchmarks.daemon_tick` prints this alone; `make bench` has it among the others.
"""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child, peak_mb

if TYPE_CHECKING:
    import httpx

    from autoscaler.daemon.serve import Running
    from autoscaler.daemon.setup import Setup
    from autoscaler.daemon.start.build import Given
    from autoscaler.providers.provider import Listing, Machine, Order
    from autoscaler.serving.plain.probe import Probe
    from autoscaler.serving.plain.router import Endpoint

NODES = 1000
START = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
INTERVAL_S = 60.0
SCRAPE_S = 15.0
PREFILL_TOK_S, DECODE_TOK_S = 4000.0, 500.0
INPUT_TOKENS, OUTPUT_TOKENS = 400.0, 50.0
"""Of a request; half of its work is reading, half is writing."""
PROVIDERS = {
    "aws": ("second", ("c7a.4xlarge", "c7a.8xlarge", "m7a.4xlarge", "m7a.8xlarge", "r7a.4xlarge", "r7a.8xlarge")),
    "ovh": ("started_hour", ("b3-32", "b3-64", "b3-128", "c3-32", "c3-64", "r3-64")),
    "hetzner-cloud": ("started_hour", ("ccx33", "ccx43", "ccx53", "ccx63", "cpx51", "cpx62")),
}
"""Billing and products of the burst offers, cheapest first."""
POOL_MOST = 60
MOODS = {"holds": 0.76, "ends nodes": 0.45, "launches": 0.95}
"""Work per node."""
ACTS = {"holds": None, "ends nodes": "drain", "launches": "launch"}
"""What each does; None: nothing."""
PATIENCE_S = 300.0
MOST_BEFORE = 15
"""Ticks in which a mood shows."""
CATALOG = """\
provider = "bench"
price_date = 2026-10-01
currency = "USD"
net_of_vat = true
source = "made for size"

[defaults]
role = "burst"
region = "nowhere"
vcpu = 16
memory_gib = 64
lead_time_s = 120
"""
OFFER = """
[[offer]]
provider = "{provider}"
product = "{product}"
billing = "{billing}"
price_usd_hour = {price}
max_count = {most}
"""
PROFILE = """\
name = "bench-chat"
source = "made for size"
date = 2026-10-01
basis = "measured"
"""
MACHINE = """
[[machine]]
server = "{provider}/{product}"
prefill_tok_s = {prefill}
decode_tok_s = {decode}
concurrency = 16
"""
FLEET = """\
[[model]]
name = "chat"
profile = "bench-chat"
load_time_s = 60

[catalog]
shipped = false
files = ["catalog.toml"]

[profiles]
files = ["profile.toml"]

[policy.scaling]
max_usd_hour = 2000.0
max_usd_month = 2000000.0
min_nodes = { chat = 10 }

[database]
url = "ledger.sqlite"

[autoscale]
fleet = "bench"
plan = "plan.json"

[metrics]
prometheus_url = "http://127.0.0.1:9"
engine = "vllm"

[router]
kind = "file"
endpoints_file = "endpoints.json"
targets_file = "targets.json"

[server]
command = { chat = "exec vllm serve chat" }

[providers.aws]
region = "us-east-1"
image_id = "ami-0123456789abcdef0"
endpoint_url = "http://127.0.0.1:9"
subnets = { us-east-1a = "subnet-0123456789abcdef0" }

[providers.ovh]
project = "0123456789abcdef0123456789abcdef"
region = "GRA11"
image = "Debian 12"
endpoint = "http://127.0.0.1:9/1.0"

[providers.hetzner_cloud]
location = "fsn1"
endpoint_url = "http://127.0.0.1:9/v1"
"""
SECRETS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none-at-all",
    "HCLOUD_TOKEN": "none-at-all",
    "OVH_APPLICATION_KEY": "none-at-all",
    "OVH_APPLICATION_SECRET": "none-at-all",
    "OVH_CONSUMER_KEY": "none-at-all",
}
"""Nobody is called with them."""


def daemon_tick_rows(runs: int) -> Iterator[Row]:
    """Ticks that hold, launch and end nodes; the first one; the port's pages; memory."""
    with tempfile.TemporaryDirectory() as folder:
        _own("write", folder=folder)
        found = _own("ticks", folder=folder, runs=runs)
    size = f"{NODES:,} nodes, 3 providers"
    yield _row(f"the daemon's first tick, from its journal, {size}", found["first"], at_most=None)
    for mood in MOODS:
        yield _row(f"a tick that {mood}, {size}", found[mood], at_most=1.0, note=found[mood]["note"])
    pages = found["pages"]
    yield _row(f"/metrics as text, {size}", pages["metrics"], at_most=0.1, note=f"{pages['metrics_kb']} kB")
    yield _row("/status as text, the same", pages["status"], at_most=None, note=f"{pages['status_kb']} kB")
    yield Row(
        what="  peak memory of the daemon's process",
        unit="MB",
        measured=Spread.of([found["peak_mb"]]),
        at_most=200,
        note=f"{found['built_mb']:.0f} MB before the first tick; {found['ticks']} ticks",
    )


def _row(what: str, spent: dict[str, Any], *, at_most: float | None, note: str = "") -> Row:
    return Row(
        what=what,
        unit="s",
        measured=Spread.of(spent["wall_s"]),
        processor_s=median(spent["processor_s"]),
        at_most=at_most,
        note=note,
    )


def _own(task: str, **arguments: Any) -> dict[str, Any]:
    found = in_child(task, module="benchmarks.daemon_tick", timeout_s=PATIENCE_S, **arguments)
    if found is None:
        raise MeasurementError(f"{task} of a thousand nodes took more than {PATIENCE_S:g} s")
    return found


# --- the fleet's files, its plan, and a journal in which its nodes were launched


def write(folder: str) -> dict[str, Any]:
    """Writes all that the daemon finds: files, a plan for a thousand nodes, and the journal of their launches."""
    from subprocess import run

    at = Path(folder)
    catalog, profile = CATALOG, PROFILE
    for provider, (billing, products) in PROVIDERS.items():
        for number, product in enumerate(products):
            named = {"provider": provider, "product": product}
            catalog += OFFER.format(**named, billing=billing, price=price_of(number), most=POOL_MOST)
            profile += MACHINE.format(**named, prefill=PREFILL_TOK_S, decode=DECODE_TOK_S)
    (at / "catalog.toml").write_text(catalog, encoding="utf-8")
    (at / "profile.toml").write_text(profile, encoding="utf-8")
    (at / "fleet.toml").write_text(FLEET, encoding="utf-8")
    work = MOODS["holds"] * NODES / 2
    asked = f"{work * PREFILL_TOK_S:.0f},{work * DECODE_TOK_S:.0f}"
    rows = [f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{asked}" for hour in range(4)]
    text = "\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows, ""])
    (at / "forecast.csv").write_text(text, encoding="utf-8")
    baseload = str(Path(sys.executable).with_name("baseload"))
    words = ["plan", "-q", "-c", "fleet.toml", "-f", "forecast.csv", "-o", "plan.json"]
    done = run([baseload, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"baseload {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    _launch_all(at)
    return {}


def _launch_all(folder: Path) -> None:
    """Writes down that every node was ordered and served, as a daemon before this one would have."""
    from decimal import Decimal

    from autoscaler.journal import Intent, IntentKind, Outcome, Result
    from autoscaler.records import open_records
    from autoscaler.records.rows import intent_row, outcome_row
    from planner.catalog.offer_id import OfferId
    from planner.store import journal as store
    from planner.store.address import read_url
    from planner.store.kept import KeptConnection
    from policies.billing import Billing, Tariff

    url = read_url(f"sqlite:///{folder / 'ledger.sqlite'}", source="benchmark")
    with open_records(url, fleet="bench") as records:
        leadership = records.leadership("before", lease_s=60.0)
        term = leadership.lead(START)
        assert term is not None  # nobody else is there
        records.journal.lead(term.epoch)
        leadership.resign()
    kept = KeptConnection(url, wait_s=10.0)
    with kept.writing() as connection:  # at once: a transaction for each would take minutes on a busy disk
        for machine in _machines():
            named = OfferId.of(machine.pool)
            billing, products = PROVIDERS[named.provider]
            intent = Intent(
                key=f"launch/{machine.node_id}",
                kind=IntentKind.LAUNCH,
                at=machine.created_at,
                node_id=machine.node_id or "",
                pool=machine.pool,
                model="chat",
                reason="work is above the band",
                provider=named.provider,
                tariff=Tariff(
                    billing=Billing(billing), price_usd_hour=Decimal(price_of(products.index(named.product)))
                ),
                epoch=term.epoch,
            )
            store.add_intent(connection, "bench", intent_row(intent, lambda _: None, str))
            for result, later_s in ((Result.DONE, 2), (Result.READY, 150)):
                outcome = Outcome(
                    key=intent.key,
                    at=machine.created_at + timedelta(seconds=later_s),
                    result=result,
                    machine_id=machine.id,
                    billed_from=machine.created_at,
                )
                store.add_outcome(connection, "bench", outcome_row(outcome, term.epoch, str), made_nothing=False)
    kept.close()


def price_of(number: int) -> str:
    """USD per hour of the provider's offer with that number."""
    return f"{0.5 + 0.02 * number:.3f}"


def _machines() -> "tuple[Machine, ...]":
    """The thousand machines, in turn from each pool."""
    from autoscaler.providers.provider import Machine, MachineState

    pools = [f"{provider}/{product}" for provider, (_, products) in PROVIDERS.items() for product in products]
    return tuple(
        Machine(
            id=f"m-{number:05}",
            node_id=f"bench-{number:05}",
            fleet="bench",
            pool=pools[number % len(pools)],
            model="chat",
            state=MachineState.RUNNING,
            created_at=START - timedelta(hours=2, seconds=29 * number),
            address=address_of(number),
        )
        for number in range(NODES)
    )


def address_of(number: int) -> str:
    """A private address."""
    return f"10.0.{number // 250}.{number % 250 + 1}"


# --- what answers from memory


@dataclass(slots=True)
class MovedClock:
    """A clock that is moved by hand from tick to tick (autoscaler.daemon.clock.Clock)."""

    seconds: float = 0.0

    def now(self) -> datetime:
        """The wall's."""
        return START + timedelta(seconds=self.seconds)

    def monotonic_s(self) -> float:
        """The same from 0."""
        return self.seconds

    def sleep_until(self, monotonic_s: float) -> None:
        """Is there at once."""
        self.seconds = max(self.seconds, monotonic_s)

    def wake(self) -> None:
        """Nobody sleeps."""


@dataclass(slots=True)
class AtOnce:
    """A provider that answers at once (autoscaler.providers.provider.Provider)."""

    name: str
    clock: MovedClock
    machines_by_id: "dict[str, Machine]"
    numbers: "Iterator[int]"

    def machines(self) -> "Listing":
        """All of them, each row made anew as a real list's is."""
        from autoscaler.providers.provider import Listing

        rows = tuple(replace(one) for one in self.machines_by_id.values())
        return Listing(provider=self.name, as_of=self.clock.now(), is_complete=True, machines=rows)

    def launch(self, order: "Order") -> "Machine":
        """A machine that runs at once."""
        from autoscaler.providers.provider import Machine, MachineState

        number = next(self.numbers)
        made = Machine(
            id=f"m-{number:05}",
            node_id=order.node_id,
            fleet=order.fleet,
            pool=order.pool,
            model=order.model,
            state=MachineState.RUNNING,
            created_at=self.clock.now(),
            address=address_of(number),
        )
        self.machines_by_id[made.id] = made
        return made

    def terminate(self, machine_id: str) -> None:
        """It is gone from the next list on."""
        del self.machines_by_id[machine_id]


@dataclass(slots=True)
class AllWell:
    """A prober whose every server answers (autoscaler.serving.plain.probe.Prober)."""

    def probe(self, endpoints: "Sequence[Endpoint]", *, count: frozenset[str]) -> "dict[str, Probe]":
        """Ready, and idle where it is asked."""
        from autoscaler.serving.plain.probe import Probe

        return {one.node_id: Probe(is_ready=True, in_flight=0 if one.node_id in count else None) for one in endpoints}

    def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class Samples:
    """Prometheus' answers about vLLM on every machine, made before the tick that asks."""

    clock: MovedClock
    providers: tuple[AtOnce, ...]
    window_s: float
    busy: float = MOODS["holds"]
    _tokens: dict[str, float] = field(default_factory=dict)
    """Output tokens of each address so far."""
    _body: bytes = b""
    _means: bytes = b""

    def make(self) -> None:
        """Moves the counters on by one interval of work, and writes the answer down."""
        now = self.clock.now().timestamp()
        served = [one for side in self.providers for one in side.machines_by_id.values()]
        rate = self.busy * NODES / len(served) * DECODE_TOK_S / 2
        series: list[str] = []
        for machine in served:
            instance = f"{machine.address}:8000"
            total = self._tokens.get(instance, 1e6) + rate * INTERVAL_S
            self._tokens[instance] = total
            series += _series(instance, now, total, rate, self.window_s)
        self._body = _document("matrix", series)
        parts = {
            ("input_tokens", "sum"): INPUT_TOKENS,
            ("input_requests", "count"): 1.0,
            ("output_tokens", "sum"): OUTPUT_TOKENS,
            ("output_requests", "count"): 1.0,
        }
        means = [
            json.dumps({"metric": {"part": part, "model_name": "chat"}, "value": [now, str(1e5 * each)]})
            for (part, _), each in parts.items()
        ]
        self._means = _document("vector", means)

    def answer(self, request: "httpx.Request") -> "httpx.Response":
        """The samples, or what requests are like."""
        import httpx

        is_means = b"label_replace" in request.content
        return httpx.Response(200, content=self._means if is_means else self._body)


def _series(instance: str, now: float, total: float, rate: float, window_s: float) -> Iterator[str]:
    """What one server says, as JSON, which is written at once: a tree of it would be in this process's memory."""
    times = [now - SCRAPE_S * back for back in range(int(window_s // SCRAPE_S) - 1, -1, -1)]
    input_share, request_share = INPUT_TOKENS / OUTPUT_TOKENS, 1 / OUTPUT_TOKENS
    rising = {
        "vllm:prompt_tokens_total": input_share,
        "vllm:generation_tokens_total": 1.0,
        "vllm:request_success_total": request_share,
        "vllm:prefix_cache_queries_total": input_share,
    }
    flat = {
        "up": 1.0,
        "vllm:num_requests_running": 4.0,
        "vllm:num_requests_waiting": 0.0,
        "vllm:prefix_cache_hits_total": 0.0,
        "vllm:kv_cache_usage_perc": 0.4,
        "vllm:num_preemptions_total": 0.0,
    }
    labels = f'"instance":"{instance}","job":"vllm","model_name":"chat"'
    for name, share in rising.items():
        values = ",".join(f'[{at:.3f},"{share * (total - rate * (now - at)):.3f}"]' for at in times)
        yield f'{{"metric":{{"__name__":"{name}",{labels}}},"values":[{values}]}}'
    for name, value in flat.items():
        values = ",".join(f'[{at:.3f},"{value}"]' for at in times)
        yield f'{{"metric":{{"__name__":"{name}",{labels}}},"values":[{values}]}}'


def _document(kind: str, result: Sequence[str]) -> bytes:
    return f'{{"status":"success","data":{{"resultType":"{kind}","result":[{",".join(result)}]}}}}'.encode()


# --- the measurement, in a process of its own


def ticks(folder: str, runs: int) -> dict[str, Any]:
    """Seconds of ticks in each mood, of the pages, and the most memory this process held."""
    import gc
    import os

    from autoscaler.daemon.start.build import built, plan_watch_of, secrets_for

    os.environ.update(SECRETS)
    gc.set_threshold(2000, 10, 10)  # as `baseload autoscale run` does
    clock = MovedClock()
    given = _given(Path(folder), clock)
    secrets = secrets_for(given.fleet, given.database, given.environ)
    watch = plan_watch_of(given)
    watch.look(clock.now())
    with built(given, watch, secrets) as parts:
        fleet = _Fleet(_in_memory(parts.setup, clock), clock)
        _call_once(parts.setup)
        built_mb = peak_mb()
        found: dict[str, Any] = {"first": fleet.turns(1, "holds")}
        for mood in MOODS:
            fleet.begin(mood)
            found[mood] = fleet.turns(runs, mood)
        found["pages"] = fleet.pages(runs)
        fleet.running.daemon.end()
    return {**found, "built_mb": built_mb, "peak_mb": peak_mb(), "ticks": fleet.ticks}


def _call_once(setup: "Setup") -> None:
    """Calls the real providers and sources, where nobody listens: what their clients hold is then in the memory."""
    from autoscaler.providers.provider import ProviderError
    from planner.catalog.sources.source import PoolAsked, SourceError

    for provider in setup.providers:
        try:
            provider.machines()
        except ProviderError:
            continue
        raise MeasurementError(f"{provider.name} answered")
    for name, source in setup.sources.items():
        try:
            source.now((PoolAsked(pool=f"{name}/x", product="x", zone=None, is_spot=True),))
        except SourceError:
            continue
        raise MeasurementError(f"{name} answered")


def _given(folder: Path, clock: MovedClock) -> "Given":
    import os

    from autoscaler.daemon.start.build import Given
    from autoscaler.report.status_json import status_text
    from planner.case import load_catalog
    from planner.cli.database import ledger_url
    from planner.fleet import read_fleet_file

    fleet = read_fleet_file(folder / "fleet.toml")
    return Given(
        fleet=fleet,
        catalog=load_catalog(fleet),
        database=ledger_url(folder / "fleet.toml"),
        environ=os.environ,
        clock=clock,
        render=status_text,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """The daemon's parts, and what answers from memory among them."""

    setup: "Setup"
    samples: Samples


def _in_memory(setup: "Setup", clock: MovedClock) -> _Parts:
    """The parts, with what would call out answered from memory."""
    import httpx

    from autoscaler.serving.plain.serving import PlainServing
    from planner.measure.prometheus import Prometheus

    numbers = count(NODES)
    providers = tuple(
        AtOnce(
            name=one.name,
            clock=clock,
            machines_by_id={m.id: m for m in _machines() if m.pool.startswith(f"{one.name}/")},
            numbers=numbers,
        )
        for one in setup.providers
    )
    serving = setup.serving
    assert isinstance(serving, PlainServing)
    assert serving.metrics is not None
    samples = Samples(clock=clock, providers=providers, window_s=serving.metrics.window_s)
    serving.prober.close()
    serving.prober = AllWell()  # type: ignore[assignment]  # has its two methods
    serving.metrics.prometheus.close()
    serving.metrics.prometheus = Prometheus("http://prometheus.invalid", transport=httpx.MockTransport(samples.answer))
    return _Parts(setup=replace(setup, providers=providers, sources={}), samples=samples)


class _Fleet:
    """A daemon that is turned by hand."""

    def __init__(self, parts: _Parts, clock: MovedClock) -> None:
        from autoscaler.daemon.serve import Voice, made
        from autoscaler.report.status_json import status_text

        self._clock = clock
        self._samples = parts.samples
        self._render = status_text
        self.running: Running = made(parts.setup, clock, Voice(stream=io.StringIO(), render=status_text))
        self.ticks = 0

    def begin(self, mood: str) -> None:
        """Ticks until the mood's action is seen: a scale-in waits for what was wanted lately."""
        for _ in range(MOST_BEFORE):
            did, expected = self.turns(1, mood)["did"], ACTS[mood]
            if not did if expected is None else did.get(expected):
                return
        raise MeasurementError(f"{MOST_BEFORE} ticks, and none that {mood}")

    def turns(self, runs: int, mood: str) -> dict[str, Any]:
        """Seconds of so many ticks, an interval apart, and what they did."""
        spent: dict[str, Any] = {"wall_s": [], "processor_s": []}
        did: dict[str, int] = {}
        for _ in range(runs):
            self._clock.seconds += INTERVAL_S
            self._samples.busy = MOODS[mood]
            self._samples.make()
            wall, processor = time.perf_counter(), time.process_time()
            report = self.running.daemon.turn()
            spent["wall_s"].append(time.perf_counter() - wall)
            spent["processor_s"].append(time.process_time() - processor)
            self.ticks += 1
            if report is None or report.problems:
                said = self.running.board.status
                raise MeasurementError(f"a tick went wrong: {said.problems if said is not None else ''}")
            for one in report.acted:
                name = type(one.action).__name__.lower()
                if name != "hold":
                    did[name] = did.get(name, 0) + 1
        each = ", ".join(f"{number / runs:.1f} {name}" for name, number in sorted(did.items())) or "nothing done"
        return {**spent, "did": did, "note": f"{each} a tick; {self._nodes()} nodes after"}

    def _nodes(self) -> int:
        status = self.running.board.status
        assert status is not None
        return len(status.leases)

    def pages(self, runs: int) -> dict[str, Any]:
        """Seconds of the port's two large pages."""
        status = self.running.board.status
        assert status is not None
        known = status
        found: dict[str, Any] = {}
        pages: dict[str, Callable[[], bytes]] = {
            "metrics": self.running.metrics.text,
            "status": lambda: self._render(known).encode(),
        }
        for name, page in pages.items():
            spent: dict[str, list[float]] = {"wall_s": [], "processor_s": []}
            for _ in range(runs):
                wall, processor = time.perf_counter(), time.process_time()
                body = page()
                spent["wall_s"].append(time.perf_counter() - wall)
                spent["processor_s"].append(time.process_time() - processor)
                found[f"{name}_kb"] = len(body) // 1000
            found[name] = spent
        return found


TASKS = {task.__name__: task for task in (write, ticks)}


def main() -> int:
    """Prints the rows; 1 where a promise was missed. With a task's name, does that in this process."""
    if len(sys.argv) > 1:
        print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
        return 0
    from benchmarks.table import render

    began = time.perf_counter()
    rows = list(daemon_tick_rows(7))
    print(render(rows, {}, time.perf_counter() - began))
    return int(any(row.verdict == "missed" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
