"""Simulated vLLM servers on loopback; time passes only where a test lets it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.fleet import Node, NodeState
from autoscaler.serving.dry_run import DryRunServing
from autoscaler.serving.metrics import FleetMetrics, InstanceReading, metrics_reader
from autoscaler.serving.plain.file_router import FileRouter
from autoscaler.serving.plain.make import plain_serving
from autoscaler.serving.plain.probe import Prober
from autoscaler.serving.plain.serving import PlainServing
from autoscaler.serving.serving import NodeReading, ServingError
from planner.errors import InputError
from planner.fleet.daemon import DaemonSettings, MetricsSettings, RouterSettings
from planner.measure.dialect import DIALECTS, Dialect
from tests.servers.vllm_simulator import SimulatedFleet, Trouble

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def fleet():
    with SimulatedFleet(model="chat") as fleet:
        yield fleet


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def serving(fleet, folder):
    serving = PlainServing(
        router=FileRouter(path=folder / "endpoints.json", models=("chat",)),
        prober=Prober(timeout_s=2.0),
        clock=lambda: NOON,
        port=fleet.port,
        targets_file=folder / "targets.json",
    )
    yield serving
    serving.close()


def a_node(fleet: SimulatedFleet, name: str, state: NodeState = NodeState.READY, **other) -> Node:
    host = fleet.nodes[name].host if name in fleet.nodes else None
    known = {"address": host, "pool": "aws/a", "model": "chat", "since": NOON, "ordered_at": NOON}
    return Node(id=name, state=state, **{**known, **other})


def routed(folder) -> list[str]:
    return [one["node"] for one in json.loads((folder / "endpoints.json").read_text())["chat"]]


def test_before_the_fleet_is_known_nothing_is_said_of_nodes(serving):
    readings = serving.read()
    assert readings.nodes == {}
    assert readings.remarks == ("no [metrics]: demand is not measured",)


def test_a_node_is_routed_to_from_the_first_probe_that_finds_its_model(serving, fleet, folder):
    fleet.add("n1", trouble=Trouble.LOADING)
    serving.follow([a_node(fleet, "n1", NodeState.LOADING)])
    assert routed(folder) == []
    assert serving.read().nodes == {"n1": NodeReading(is_ready=False)}
    fleet.nodes["n1"].trouble = Trouble.NONE
    assert serving.read().nodes["n1"].is_ready
    serving.follow([a_node(fleet, "n1", NodeState.LOADING)])
    assert routed(folder) == ["n1"]


def test_a_node_whose_address_a_new_process_does_not_know_yet_stays_a_target(serving, fleet, folder):
    """Its provider cannot be asked: what was written before is all there is to go by."""
    for name in ("n1", "n2", "n3"):
        fleet.add(name)
    serving.follow([a_node(fleet, name) for name in ("n1", "n2", "n3")])
    before = json.loads((folder / "targets.json").read_text())
    serving.follow([a_node(fleet, "n1", address=None), a_node(fleet, "n2")])  # and n3 is gone
    assert json.loads((folder / "targets.json").read_text()) == before[:2]
    serving.follow([a_node(fleet, "n1", NodeState.TERMINATING, address=None), a_node(fleet, "n2")])
    assert json.loads((folder / "targets.json").read_text()) == before[1:2]


@pytest.mark.parametrize("held", ["{", "[{}]", "[1]", '{"a": 1}', '[{"targets": [], "labels": 7}]'])
def test_a_file_of_targets_that_is_none_is_written_anew(serving, fleet, folder, held):
    (folder / "targets.json").write_text(held)
    fleet.add("n1")
    serving.follow([a_node(fleet, "n1"), a_node(fleet, "n2", address=None)])
    assert [one["labels"]["node"] for one in json.loads((folder / "targets.json").read_text())] == ["n1"]


def test_a_machine_without_an_address_says_nothing(serving, fleet, folder):
    serving.follow([a_node(fleet, "n1", NodeState.BOOTING)])
    assert serving.read().nodes == {}
    assert json.loads((folder / "targets.json").read_text()) == []


def test_stopped_routing_takes_a_node_out_at_once_and_resumed_puts_it_back(serving, fleet, folder):
    for name in ("n1", "n2"):
        fleet.add(name)
    serving.follow([a_node(fleet, "n1"), a_node(fleet, "n2")])
    serving.stop_routing("n1")
    assert routed(folder) == ["n2"]
    serving.follow([a_node(fleet, "n1", NodeState.DRAINING), a_node(fleet, "n2")])
    assert routed(folder) == ["n2"]
    serving.resume_routing("n1")
    assert routed(folder) == ["n1", "n2"]


def test_routing_is_not_resumed_to_a_node_nobody_knows(serving):
    with pytest.raises(ServingError, match="n9: its address is not known yet"):
        serving.resume_routing("n9")


@pytest.mark.parametrize("state", [NodeState.DRAINING, NodeState.TERMINATING, NodeState.FAILED])
def test_nodes_that_end_are_not_routed_to_though_they_answer(serving, fleet, folder, state):
    for name in ("n1", "n2"):
        fleet.add(name)
    serving.follow([a_node(fleet, "n1"), a_node(fleet, "n2")])
    serving.follow([a_node(fleet, "n1", state), a_node(fleet, "n2")])
    assert routed(folder) == ["n2"]


def test_a_drain_is_over_when_the_server_itself_has_nothing_in_flight(serving, fleet):
    fleet.add("n1")
    fleet.arrivals_per_s, fleet.output_tokens = 4.0, 10_000
    fleet.step(1.0)
    fleet.arrivals_per_s = 0.0
    serving.follow([a_node(fleet, "n1", NodeState.DRAINING)])
    assert serving.read().nodes["n1"].in_flight == 4
    fleet.step(60.0)
    assert serving.read().nodes["n1"] == NodeReading(is_ready=True, in_flight=0)


def test_a_silent_node_is_left_out_until_it_answers(serving, fleet, folder):
    for name in ("n1", "n2"):
        fleet.add(name)
    nodes = [a_node(fleet, "n1"), a_node(fleet, "n2")]
    serving.follow(nodes)
    fleet.nodes["n1"].trouble = Trouble.BROKEN
    readings = serving.read()
    assert readings.nodes["n1"].is_ready is False
    assert "n1: /health answers 500" in readings.remarks
    serving.follow(nodes)
    assert routed(folder) == ["n1", "n2"]  # once may be chance
    serving.read()
    serving.follow(nodes)
    assert routed(folder) == ["n2"]
    fleet.nodes["n1"].trouble = Trouble.NONE
    serving.read()
    serving.follow(nodes)
    assert routed(folder) == ["n1", "n2"]


def test_a_probe_that_fails_everywhere_takes_nobody_out(serving, fleet, folder):
    for name in ("n1", "n2"):
        fleet.add(name)
    nodes = [a_node(fleet, "n1"), a_node(fleet, "n2")]
    serving.follow(nodes)
    for node in fleet.nodes.values():
        node.trouble = Trouble.BROKEN
    for _ in range(4):
        serving.read()
        serving.follow(nodes)
    assert routed(folder) == ["n1", "n2"]


def test_a_node_whose_address_is_lost_stays_where_it_is(serving, fleet, folder):
    fleet.add("n1")
    serving.follow([a_node(fleet, "n1")])
    serving.follow([a_node(fleet, "n1", address=None)])
    assert routed(folder) == ["n1"]
    serving.follow([])
    assert routed(folder) == []


def test_prometheus_is_told_of_every_node_that_has_something_to_say(serving, fleet, folder):
    for name in ("n1", "n2", "n3", "n4"):
        fleet.add(name)
    states = (NodeState.READY, NodeState.LOADING, NodeState.DRAINING, NodeState.TERMINATING)
    serving.follow([a_node(fleet, name, state) for name, state in zip(fleet.nodes, states, strict=True)])
    targets = json.loads((folder / "targets.json").read_text())
    assert [one["labels"]["node"] for one in targets] == ["n1", "n2", "n3"]
    assert targets[0] == {
        "targets": [f"{fleet.nodes['n1'].host}:{fleet.port}"],
        "labels": {"node": "n1", "model": "chat", "pool": "aws/a"},
    }


def test_a_router_that_fails_does_not_blind_prometheus(serving, fleet, folder):
    fleet.add("n1")
    (folder / "endpoints.json").mkdir()
    with pytest.raises(ServingError, match="endpoints_file"):
        serving.follow([a_node(fleet, "n1")])
    assert "n1" in (folder / "targets.json").read_text()


@dataclass
class LateMetrics:
    """Metrics that have not heard of the newest requests."""

    in_flight: int
    dialect: Dialect = DIALECTS["vllm"]

    def read(self, now: datetime, nodes: Sequence[Node] = ()) -> FleetMetrics:
        heard = InstanceReading(
            instance="n1:8000", node_id="n1", model="chat", is_answering=True, in_flight=self.in_flight
        )
        return FleetMetrics(standings={}, models={}, instances={heard.instance: heard})


@pytest.mark.parametrize(
    ("state", "in_flight"),
    [
        pytest.param(NodeState.READY, 0, id="of one that serves, metrics will do"),
        pytest.param(NodeState.DRAINING, 1, id="one that drains is asked, for it ends by the answer"),
    ],
)
def test_what_a_draining_node_has_in_flight_is_asked_of_itself(serving, fleet, state, in_flight):
    fleet.add("n1")
    fleet.arrivals_per_s, fleet.output_tokens = 1.0, 10_000
    fleet.step(1.0)
    serving.follow([a_node(fleet, "n1", state)])
    serving.metrics = LateMetrics(in_flight=0)
    assert serving.read().nodes["n1"].in_flight == in_flight
    serving.metrics = None


def test_done_again_it_changes_nothing(serving, fleet, folder):
    fleet.add("n1")
    serving.follow([a_node(fleet, "n1")])
    stamps = [(folder / name).stat().st_mtime_ns for name in ("endpoints.json", "targets.json")]
    serving.read()
    serving.follow([a_node(fleet, "n1")])
    assert [(folder / name).stat().st_mtime_ns for name in ("endpoints.json", "targets.json")] == stamps


def test_a_dry_run_reads_the_nodes_and_writes_no_file(serving, fleet, folder):
    fleet.add("n1")
    looking_on = DryRunServing(observed=serving)
    looking_on.follow([a_node(fleet, "n1")])
    assert looking_on.read().nodes == {"n1": NodeReading(is_ready=True, in_flight=0)}
    assert list(folder.iterdir()) == []


def test_nodes_are_known_while_prometheus_is_away(fleet, folder):
    settings = DaemonSettings(
        router=RouterSettings(endpoints_file="endpoints.json", port=fleet.port), folder=str(folder)
    )
    metrics = metrics_reader(MetricsSettings(prometheus_url="http://127.0.0.1:1"), ["chat"], token=None)
    serving = plain_serving(settings, ["chat"], clock=lambda: NOON + timedelta(hours=1), metrics=metrics)
    fleet.add("n1")
    serving.follow([a_node(fleet, "n1")])
    readings = serving.read()
    serving.close()
    metrics.prometheus.close()
    assert readings.nodes == {"n1": NodeReading(is_ready=True, in_flight=0)}
    assert readings.models == {}
    assert readings.remarks[0].startswith("http://127.0.0.1:1/api/v1/query: ")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (DaemonSettings(), r"\[router\] is missing"),
        (DaemonSettings(router=RouterSettings(kind="litellm", url="http://x")), "expected url, and its master key"),
    ],
)
def test_what_is_missing_of_the_settings_is_named(settings, said):
    with pytest.raises(InputError, match=said):
        plain_serving(settings, ["chat"], clock=lambda: NOON)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "litellm"}, "url must begin with http"),
        ({"kind": "file"}, "endpoints_file must be given"),
        ({"endpoints_file": "x", "port": 0}, "port must be from 1"),
        ({"endpoints_file": "x", "health_path": "health"}, "health_path must begin with /"),
        ({"endpoints_file": "x", "probe_timeout_s": 0.0}, "probe_timeout_s must be above 0"),
    ],
)
def test_router_settings_are_checked(wrong, said):
    with pytest.raises(ValueError, match=said):
        RouterSettings(**wrong)
