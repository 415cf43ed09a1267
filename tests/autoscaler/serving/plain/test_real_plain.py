"""A plain fleet whole: the targets file that is kept is what a real Prometheus scrapes, and its readings come back."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from autoscaler.fleet import Node, NodeState
from autoscaler.serving.metrics import metrics_reader
from autoscaler.serving.plain.file_router import FileRouter
from autoscaler.serving.plain.make import plain_serving
from autoscaler.serving.plain.serving import PlainServing
from autoscaler.serving.serving import Readings
from planner.fleet.daemon import DaemonSettings, MetricsSettings, RouterSettings
from tests.servers.real_prometheus import real_prometheus
from tests.servers.vllm_simulator import SimulatedFleet

PATIENCE_S = 40.0


def now() -> datetime:
    return datetime.now(UTC)


def nodes_of(fleet: SimulatedFleet, state: dict[str, NodeState] | None = None) -> list[Node]:
    return [
        Node(
            id=node.id,
            pool="aws/a",
            model="chat",
            state=(state or {}).get(node.id, NodeState.READY),
            since=now(),
            ordered_at=now(),
            address=node.host,
        )
        for node in fleet.nodes.values()
    ]


def until(serving: PlainServing, nodes: list[Node], holds) -> Readings:
    deadline = time.monotonic() + PATIENCE_S
    while not holds(readings := serving.read()):
        assert time.monotonic() < deadline, readings
        serving.follow(nodes)
        time.sleep(0.2)
    return readings


def test_a_rise_is_seen_a_node_joins_and_another_drains_to_its_last_request(tmp_path: Path) -> None:
    endpoints = tmp_path / "endpoints.json"
    with SimulatedFleet(model="served-chat") as fleet, real_prometheus() as server:
        measured = MetricsSettings(
            prometheus_url=server.url, window_s=5.0, served_names={"chat": "served-chat"}, selector='job="vllm"'
        )
        settings = DaemonSettings(
            metrics=measured,
            router=RouterSettings(
                endpoints_file=str(endpoints), targets_file=str(server.targets), port=fleet.port, probe_timeout_s=10.0
            ),
        )
        metrics = metrics_reader(measured, ["chat"], token=None)
        serving = plain_serving(settings, ["chat"], clock=now, metrics=metrics)
        assert isinstance(serving.router, FileRouter)
        fleet.add("n1")
        serving.follow(nodes_of(fleet))
        with fleet.running():
            fleet.routed = {"n1"}
            fleet.arrivals_per_s = 5.0
            readings = until(serving, nodes_of(fleet), lambda found: _near(found, 2000.0))
            assert readings.nodes["n1"].is_ready
            assert readings.nodes["n1"].in_flight is not None
            fleet.add("n2")
            until(serving, nodes_of(fleet, {"n2": NodeState.LOADING}), lambda found: "n2" in found.nodes)
            serving.follow(nodes_of(fleet, {"n2": NodeState.LOADING}))
            fleet.routed = {one["node"] for one in json.loads(endpoints.read_text())["chat"]}
            assert fleet.routed == {"n1", "n2"}
            fleet.arrivals_per_s, fleet.output_tokens = 10.0, 600
            draining = nodes_of(fleet, {"n1": NodeState.DRAINING})
            until(serving, nodes_of(fleet), lambda found: (found.nodes["n1"].in_flight or 0) > 3)
            serving.stop_routing("n1")
            fleet.routed = {one["node"] for one in json.loads(endpoints.read_text())["chat"]}
            assert fleet.routed == {"n2"}
            serving.follow(draining)
            until(serving, draining, lambda found: found.nodes["n1"].in_flight == 0)
            assert fleet.nodes["n1"].engine.in_flight == 0
            assert fleet.refused == 0
        serving.close()
        metrics.prometheus.close()


def _near(found: Readings, input_tok_s: float) -> bool:
    reading = found.models.get("chat")
    return reading is not None and abs(reading.input_tok_s - input_tok_s) < 400
