"""A simulated fleet of vLLM servers: arrivals, queues, batches, and what vLLM serves of them over HTTP.

Each node is a server of its own (`/health`, `/v1/models`, `/metrics`) on an address of the loopback net, all on one
port as real nodes are. Time is given (`step`) or runs by itself (`running`, scaled if wanted). Names of metrics are
those of vLLM v1, or with `names="old"` those that v1 replaced. Nodes can be told to break: see `Trouble`.

    with SimulatedFleet(model="chat") as fleet:
        fleet.add("n1")                        # http://127.1.0.1:PORT
        fleet.arrivals_per_s = 3.0
        with fleet.running():
            ...
"""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tests.servers.process import free_port

Names = Literal["v1", "old"]
TOKEN_BUCKETS = (100, 200, 500, 1000, 2000, 5000, 10_000)
SECOND_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Trouble(StrEnum):
    """How a node can fail."""

    NONE = ""
    LOADING = "loading"
    """It answers, and has not loaded its model: health 503, no model listed, no metrics of it."""
    ABSENT = "absent"
    """Its metrics page has nothing of vLLM."""
    DOWN = "down"
    """It refuses connections."""
    HANGING = "hanging"
    """It accepts and does not answer."""
    BROKEN = "broken"
    """It answers 500 to everything."""


@dataclass(slots=True, kw_only=True)
class Request:
    """One request on its way."""

    came_s: float
    input_left: float
    output_left: float
    input_tokens: int
    output_tokens: int
    first_token_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Histogram:
    """What was observed, in vLLM's way."""

    buckets: tuple[float, ...]
    seen: list[int] = field(default_factory=list)
    total: float = 0.0
    number: int = 0

    def observe(self, value: float) -> None:
        """Adds one value."""
        self.seen = self.seen or [0] * len(self.buckets)
        self.seen = [n + (value <= edge) for n, edge in zip(self.seen, self.buckets, strict=True)]
        self.total += value
        self.number += 1

    def samples(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper edge."""
        seen = self.seen or [0] * len(self.buckets)
        return [(str(float(e)), float(n)) for e, n in zip(self.buckets, seen, strict=True)] + [("+Inf", self.number)]


@dataclass(slots=True, kw_only=True)
class Engine:
    """One server's queue, batch and counters."""

    prefill_tok_s: float
    decode_tok_s: float
    max_running: int
    waiting: deque[Request] = field(default_factory=deque)
    running: list[Request] = field(default_factory=list)
    prompt_tokens: float = 0.0
    generation_tokens: float = 0.0
    succeeded: int = 0
    cache_queries: float = 0.0
    cache_hits: float = 0.0
    input_of: Histogram = field(default_factory=lambda: Histogram(buckets=TOKEN_BUCKETS))
    output_of: Histogram = field(default_factory=lambda: Histogram(buckets=TOKEN_BUCKETS))
    ttft_of: Histogram = field(default_factory=lambda: Histogram(buckets=SECOND_BUCKETS))
    latency_of: Histogram = field(default_factory=lambda: Histogram(buckets=SECOND_BUCKETS))

    @property
    def in_flight(self) -> int:
        """Requests it has."""
        return len(self.waiting) + len(self.running)

    def step(self, now_s: float, seconds: float, *, cache_hit_ratio: float) -> None:
        """Works for `seconds` that end at `now_s`: prefill first, in order, then decode, shared evenly."""
        while self.waiting and len(self.running) < self.max_running:
            request = self.waiting.popleft()
            request.input_left *= 1 - cache_hit_ratio
            self.cache_queries += request.input_tokens
            self.cache_hits += request.input_tokens * cache_hit_ratio
            self.running.append(request)
        spent = self._prefill(now_s, seconds)
        decoding = [one for one in self.running if one.input_left <= 0]
        budget = self.decode_tok_s * max(seconds - spent, 0.0)
        for left, one in zip(range(len(decoding), 0, -1), sorted(decoding, key=lambda r: r.output_left), strict=True):
            made = min(one.output_left, budget / left)
            one.output_left -= made
            budget -= made
            self.generation_tokens += made
            if one.output_left <= 1e-9:
                self._end(one, now_s)

    def _prefill(self, now_s: float, seconds: float) -> float:
        """Seconds spent on prompts."""
        spent = 0.0
        for one in self.running:
            if one.input_left <= 0 or spent >= seconds:
                continue
            needed = min(one.input_left / self.prefill_tok_s, seconds - spent)
            one.input_left -= needed * self.prefill_tok_s
            spent += needed
            if one.input_left <= 1e-9:
                one.input_left, one.first_token_s = 0.0, now_s
                self.prompt_tokens += one.input_tokens
                self.ttft_of.observe(now_s - one.came_s)
        return spent

    def _end(self, request: Request, now_s: float) -> None:
        self.running.remove(request)
        self.succeeded += 1
        self.input_of.observe(request.input_tokens)
        self.output_of.observe(request.output_tokens)
        self.latency_of.observe(now_s - request.came_s)


class SimulatedNode:
    """One vLLM server on an address of its own."""

    def __init__(self, node_id: str, *, host: str, port: int, model: str, names: Names, engine: Engine) -> None:
        self.id = node_id
        self.host = host
        self.model = model
        self.names: Names = names
        self.engine = engine
        self.trouble = Trouble.NONE
        self.restarts = 0
        self._released = threading.Event()
        self._template = engine
        self._server = ThreadingHTTPServer((host, port), _handler_of(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{self.host}:{self.port}"

    @property
    def is_serving(self) -> bool:
        """Whether a request sent to it would be worked on."""
        return self.trouble in (Trouble.NONE, Trouble.ABSENT)

    def restart(self) -> None:
        """Loses what it had in hand, and counts from 0."""
        old = self.engine
        self.engine = Engine(
            prefill_tok_s=old.prefill_tok_s, decode_tok_s=old.decode_tok_s, max_running=old.max_running
        )
        self.restarts += 1

    def close(self) -> None:
        """Stops its server."""
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def respond(self, path: str) -> tuple[int, str, bytes] | None:
        """Status, content type and body of an answer; None: the connection is closed without one."""
        if self.trouble is Trouble.HANGING:
            self._released.wait(60.0)
        if self.trouble in (Trouble.DOWN, Trouble.HANGING):
            return None
        if self.trouble is Trouble.BROKEN:
            return 500, "text/plain", b"broken"
        if path == "/health":
            return (503 if self.trouble is Trouble.LOADING else 200), "text/plain", b""
        if path == "/v1/models":
            listed = [] if self.trouble is Trouble.LOADING else [{"id": self.model, "object": "model"}]
            return 200, "application/json", json.dumps({"object": "list", "data": listed}).encode()
        if path == "/metrics":
            is_bare = self.trouble in (Trouble.LOADING, Trouble.ABSENT)
            return 200, "text/plain; version=0.0.4", b"" if is_bare else self.metrics()
        return 404, "text/plain", b"not found"

    def metrics(self) -> bytes:
        """The page as vLLM writes it."""
        registry = CollectorRegistry()
        registry.register(_Collector(self))
        return generate_latest(registry)


class SimulatedFleet:
    """Nodes behind a router that sends each request to the node with the fewest in flight."""

    def __init__(
        self,
        *,
        model: str = "chat",
        names: Names = "v1",
        port: int = 0,
        prefill_tok_s: float = 8000.0,
        decode_tok_s: float = 1000.0,
        max_running: int = 16,
    ) -> None:
        """`port`: of every node; 0: one that is free."""
        self.model = model
        self.names: Names = names
        self.port = port or free_port()
        self.nodes: dict[str, SimulatedNode] = {}
        self.routed: set[str] | None = None
        """Nodes the router knows; None: all."""
        self.arrivals_per_s = 0.0
        self.input_tokens = 400
        self.output_tokens = 100
        self.cache_hit_ratio = 0.0
        self.now_s = 0.0
        self.arrived = 0
        self.refused = 0
        """Requests that came while no node could take them."""
        self._prefill_tok_s, self._decode_tok_s, self._max_running = prefill_tok_s, decode_tok_s, max_running
        self._due = 0.0
        self._hosts = count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> "SimulatedFleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops every server."""
        for node_id in list(self.nodes):
            self.remove(node_id)

    def add(self, node_id: str, *, host: str | None = None, trouble: Trouble = Trouble.NONE) -> SimulatedNode:
        """A node that serves from now on; its address is the next one of 127.1.0.0/16 unless `host` is given."""
        engine = Engine(
            prefill_tok_s=self._prefill_tok_s, decode_tok_s=self._decode_tok_s, max_running=self._max_running
        )
        number = next(self._hosts)
        host = host or f"127.1.{number // 250}.{number % 250 + 1}"
        node = SimulatedNode(node_id, host=host, port=self.port, model=self.model, names=self.names, engine=engine)
        node.trouble = trouble
        with self._lock:
            self.nodes[node_id] = node
        return node

    def remove(self, node_id: str) -> None:
        """Ends a node, with what it had in hand."""
        with self._lock:
            node = self.nodes.pop(node_id)
        node.close()

    def step(self, seconds: float) -> None:
        """Lets `seconds` pass."""
        with self._lock:
            self.now_s += seconds
            self._due += self.arrivals_per_s * seconds
            while self._due >= 1:
                self._due -= 1
                self._arrive()
            for node in self.nodes.values():
                if node.is_serving:
                    node.engine.step(self.now_s, seconds, cache_hit_ratio=self.cache_hit_ratio)

    def _arrive(self) -> None:
        self.arrived += 1
        taking = [
            node for node in self.nodes.values() if node.is_serving and (self.routed is None or node.id in self.routed)
        ]
        if not taking:
            self.refused += 1
            return
        request = Request(
            came_s=self.now_s,
            input_left=self.input_tokens,
            output_left=self.output_tokens,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )
        min(taking, key=lambda node: (node.engine.in_flight, node.id)).engine.waiting.append(request)

    @contextmanager
    def running(self, *, scale: float = 1.0, every_s: float = 0.05) -> Iterator[None]:
        """Time passes by itself while the block runs, `scale` times as fast as on the clock, also on a busy machine."""
        stopped = threading.Event()

        def run() -> None:
            last_s = time.monotonic()
            while not stopped.wait(every_s):
                now_s = time.monotonic()
                self.step((now_s - last_s) * scale)
                last_s = now_s

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


class _Collector:
    """One node's numbers in vLLM's names."""

    def __init__(self, node: SimulatedNode) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """Every metric of a page."""
        engine, is_old = self._node.engine, self._node.names == "old"
        labels = ("model_name",) if is_old else ("model_name", "engine")
        values = (self._node.model,) if is_old else (self._node.model, "0")
        prefix = "gpu_" if is_old else ""
        kv_cache = "gpu_cache_usage_perc" if is_old else "kv_cache_usage_perc"
        gauges = {
            "num_requests_running": len(engine.running),
            "num_requests_waiting": len(engine.waiting),
            kv_cache: len(engine.running) / engine.max_running,
        }
        counters = {
            "prompt_tokens": engine.prompt_tokens,
            "generation_tokens": engine.generation_tokens,
            "num_preemptions": 0.0,
            f"{prefix}prefix_cache_queries": engine.cache_queries,
            f"{prefix}prefix_cache_hits": engine.cache_hits,
        }
        histograms = {
            "request_prompt_tokens": engine.input_of,
            "request_generation_tokens": engine.output_of,
            "time_to_first_token_seconds": engine.ttft_of,
            "e2e_request_latency_seconds": engine.latency_of,
        }
        for name, value in gauges.items():
            gauge = GaugeMetricFamily(f"vllm:{name}", name, labels=labels)
            gauge.add_metric(values, value)
            yield gauge
        for name, number in counters.items():
            counter = CounterMetricFamily(f"vllm:{name}", name, labels=labels)
            counter.add_metric(values, number)
            yield counter
        ended = CounterMetricFamily("vllm:request_success", "requests that ended", labels=(*labels, "finished_reason"))
        for reason, n in (("stop", engine.succeeded), ("length", 0), ("abort", 0)):
            ended.add_metric((*values, reason), n)
        yield ended
        for name, seen in histograms.items():
            histogram = HistogramMetricFamily(f"vllm:{name}", name, labels=labels)
            histogram.add_metric(values, buckets=seen.samples(), sum_value=seen.total)
            yield histogram


def _handler_of(node: SimulatedNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = node.respond(self.path.partition("?")[0])
            if answer is None:
                self.close_connection = True
                return
            status, content_type, body = answer
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
