import time

import pytest
from pydantic import SecretStr

from autoscaler.serving.plain.probe import Probe, Prober, in_flight_on
from autoscaler.serving.plain.router import Endpoint
from tests.servers.redirecting import redirecting
from tests.servers.vllm_simulator import SimulatedFleet, Trouble


@pytest.fixture
def fleet():
    with SimulatedFleet(model="chat") as fleet:
        yield fleet


def probed(fleet: SimulatedFleet, *, model: str = "chat", timeout_s: float = 3.0, **other) -> dict[str, Probe]:
    prober = Prober(timeout_s=timeout_s, **{key: value for key, value in other.items() if key != "count"})
    endpoints = [
        Endpoint(node_id=node.id, model=model, pool="p", host_port=f"{node.host}:{node.port}")
        for node in fleet.nodes.values()
    ]
    try:
        return prober.probe(endpoints, count=frozenset(other.get("count", ())))
    finally:
        prober.close()


def test_a_node_is_ready_once_its_model_answers(fleet):
    fleet.add("n1")
    assert probed(fleet) == {"n1": Probe(is_ready=True)}


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (Trouble.LOADING, "/health answers 503"),
        (Trouble.BROKEN, "/health answers 500"),
        (Trouble.DOWN, "/health: RemoteProtocolError"),
    ],
)
def test_a_node_that_does_not_serve_says_why(fleet, trouble, why):
    fleet.add("n1", trouble=trouble)
    assert probed(fleet) == {"n1": Probe(is_ready=False, why=why)}


def test_a_node_that_serves_another_model_is_not_ready(fleet):
    fleet.add("n1")
    assert probed(fleet, model="code")["n1"].why == "serves chat; expected code"
    assert probed(fleet, model="code", served_names={"code": "chat"})["n1"].is_ready


def test_a_node_that_hangs_holds_nobody_up(fleet):
    fleet.add("n1", trouble=Trouble.HANGING)
    for number in range(2, 12):
        fleet.add(f"n{number}")
    began = time.monotonic()
    found = probed(fleet, timeout_s=0.5)
    assert time.monotonic() - began < 5
    assert found.pop("n1") == Probe(is_ready=False, why="/health does not answer in time")
    assert all(probe.is_ready for probe in found.values())
    assert len(found) == 10


def test_a_node_that_sends_elsewhere_is_not_ready_and_is_not_followed():
    with redirecting() as (host_port, asked):
        prober = Prober(key=SecretStr("planted-node-key"))
        found = prober.probe([Endpoint(node_id="n1", model="m", pool="p", host_port=host_port)])
        prober.close()
    assert found["n1"] == Probe(is_ready=False, why="/health answers 307")
    assert asked == ["/health"]


def test_a_proxy_of_the_environment_is_not_asked_about_nodes(fleet, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    fleet.add("n1")
    with redirecting() as (proxy, asked):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        assert probed(fleet) == {"n1": Probe(is_ready=True)}
    assert asked == []


def test_nobody_there_is_not_ready(fleet):
    prober = Prober()
    found = prober.probe([Endpoint(node_id="n1", model="m", pool="p", host_port=f"127.0.0.1:{fleet.port}")])
    assert found["n1"] == Probe(is_ready=False, why="/health: ConnectError")
    prober.close()


def test_requests_in_flight_are_counted_where_they_are_asked_for(fleet):
    fleet.add("n1")
    fleet.add("n2")
    fleet.arrivals_per_s = 40.0
    fleet.step(1.0)
    fleet.arrivals_per_s = 0.0
    found = probed(fleet, count=("n1",))
    assert found["n1"].in_flight == fleet.nodes["n1"].engine.in_flight > 0
    assert found["n2"].in_flight is None


def test_a_key_is_sent_and_not_shown():
    assert "planted" not in repr(Prober(key=SecretStr("planted-node-key")))


@pytest.mark.parametrize(
    ("page", "in_flight"),
    [
        pytest.param(
            'vllm:num_requests_running{engine="0"} 3.0\nvllm:num_requests_waiting{engine="0"} 2.0', 5, id="vllm"
        ),
        pytest.param("vllm:num_requests_running 3\nvllm:num_requests_running_total 9", 3, id="without a queue"),
        pytest.param("# HELP llamacpp:requests_processing x\nllamacpp:requests_processing 1\n", 1, id="llama.cpp"),
        pytest.param(
            'sglang:num_running_reqs{a="x } y"} 2\nsglang:num_queue_reqs{a="b"} 1 1764158400000', 3, id="sglang"
        ),
        pytest.param("vllm:num_requests_running 0", 0, id="idle"),
        pytest.param("vllm:num_requests_running NaN", None, id="no number"),
        pytest.param("litellm_in_flight_requests 7", None, id="a gateway is no node"),
        pytest.param("", None, id="nothing"),
        pytest.param("vllm:num_requests_running\nx{", None, id="broken"),
    ],
)
def test_a_page_of_metrics_says_how_many_are_in_flight(page, in_flight):
    assert in_flight_on(page) == in_flight
