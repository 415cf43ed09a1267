"""Against the loopback double; tests/autoscaler/serving/test_real_metrics.py asks a real Prometheus."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from autoscaler.fleet import Node, NodeState
from autoscaler.serving.metrics import FleetMetrics, MetricsReader
from autoscaler.serving.serving import ServingError
from planner.measure.dialect import LLAMA_CPP, VLLM
from planner.measure.load import Absent, Partial, Stale, Whole
from planner.measure.prometheus import Prometheus
from tests.servers.prometheus_double import Asked, matrix, prometheus_double, vector

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
T = NOON.timestamp()
Points = list[tuple[float, str]]


@pytest.fixture
def double():
    with prometheus_double() as double:
        yield double


@pytest.fixture
def reader(double):
    with Prometheus(double.url) as prometheus:
        yield MetricsReader(prometheus=prometheus, dialect=VLLM, models=("m", "n"))


def over_the_minute(start: float, per_s: float = 0.0, *, until: float = T) -> Points:
    return [(at, str(start + per_s * (at - T + 60))) for at in (T - 60, T - 45, T - 30, T - 15, T) if at <= until]


def a_server(
    instance: str, model: str = "m", *, tok_s: float = 100.0, up: str = "1", until: float = T, **labels: str
) -> tuple[Any, ...]:
    here = {"job": "vllm", "instance": instance, **labels}
    named = here | {"model_name": model, "engine": "0"}
    ups = [(at, "1") for at in (T - 60, T - 45, T - 30, T - 15) if at <= until] + [(T, up)]
    return (
        ({"__name__": "up", **here}, ups),
        ({"__name__": "vllm:prompt_tokens_total", **named}, over_the_minute(60_000, tok_s, until=until)),
        ({"__name__": "vllm:generation_tokens_total", **named}, over_the_minute(30_000, tok_s / 2, until=until)),
        ({"__name__": "vllm:num_requests_running", **named}, over_the_minute(3, until=until)),
        ({"__name__": "vllm:num_requests_waiting", **named}, over_the_minute(1, until=until)),
    )


def answering(*series: Any, means: Any = (), last: Any = (), warnings: tuple[str, ...] = ()) -> Callable[[Asked], Any]:
    def answer(asked: Asked) -> Any:
        query = asked.form["query"]
        if "max_over_time" in query:
            return vector(*last)
        if "increase" in query:
            return vector(*means)
        return matrix(*series, warnings=warnings)

    return answer


def a_node(
    name: str, model: str = "m", state: NodeState = NodeState.READY, *, since_s: float = 3600, **other: Any
) -> Node:
    since = NOON - timedelta(seconds=since_s)
    return Node(id=name, pool="p", model=model, state=state, since=since, ordered_at=since, **other)


def missing_of(found: FleetMetrics) -> tuple[str, ...]:
    standing = found.standings["m"]
    assert isinstance(standing, Partial)
    return standing.missing


def test_a_measured_model_has_a_reading_as_of_its_newest_sample(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000", until=T - 15, up="1"))
    found = reader.read(NOON)
    reading = found.models["m"]
    assert isinstance(found.standings["m"], Whole)
    assert reading.measured_at == NOON - timedelta(seconds=15)
    assert (reading.input_tok_s, reading.output_tok_s) == pytest.approx((100.0, 50.0))
    assert (reading.queue_input_tokens, reading.queue_output_tokens) == (500.0, 200.0)


def test_an_absent_model_is_missing_and_never_zero(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000"))
    found = reader.read(NOON)
    assert isinstance(found.standings["n"], Absent)
    assert set(found.models) == {"m"}
    assert found.remarks == ("n: no server of it is in the metrics",)


def test_a_model_measured_as_idle_is_zero_and_not_absent(double, reader):
    quiet = a_server("10.0.0.1:8000", tok_s=0.0)
    double.answer = answering(*quiet[:3])
    found = reader.read(NOON)
    assert isinstance(found.standings["m"], Whole)
    assert found.standings["m"].load.is_zero
    assert (found.models["m"].input_tok_s, found.models["m"].output_tok_s) == (0.0, 0.0)


def test_a_stale_model_is_missing_and_its_last_sample_is_named(double, reader):
    double.answer = answering(
        *a_server("10.0.0.1:8000"), last=[({"model_name": "n", "instance": "b"}, T, str(T - 600))]
    )
    found = reader.read(NOON)
    assert found.standings["n"] == Stale(at_s=T - 600, why="none of its servers has answered since 11:50:00 UTC")
    assert "n" not in found.models


def test_a_model_none_of_whose_servers_answers_any_more_is_stale_at_once(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000", up="0", until=T - 15))
    found = reader.read(NOON)
    assert isinstance(found.standings["m"], Stale)
    assert "m" not in found.models


def test_a_part_of_the_servers_does_not_read_as_less_demand(double, reader):
    both = (*a_server("10.0.0.1:8000"), *a_server("10.0.0.2:8000"))
    double.answer = answering(*both)
    assert reader.read(NOON).models["m"].input_tok_s == pytest.approx(200.0)
    double.answer = answering(
        *a_server("10.0.0.1:8000", tok_s=10.0), ({"__name__": "up", "job": "vllm", "instance": "x"}, [(T, "0")])
    )
    found = reader.read(NOON)
    assert isinstance(found.standings["m"], Partial)
    assert missing_of(found) == ("x",)
    assert found.models["m"].input_tok_s == pytest.approx(200.0)  # the last of the whole fleet, not 10 nor 20
    assert found.remarks[0] == "m: 1 of its servers does not answer (x): taken as no less"


def test_a_part_of_the_servers_may_read_as_more_demand(double, reader):
    double.answer = answering(
        *a_server("10.0.0.1:8000"), ({"__name__": "up", "job": "vllm", "instance": "x"}, [(T, "0")])
    )
    assert reader.read(NOON).models["m"].input_tok_s == pytest.approx(200.0)  # as if the other were asked as much


def test_what_was_whole_long_ago_holds_nothing_up(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000", tok_s=500.0))
    reader.read(NOON)
    later = NOON + timedelta(seconds=1000)

    def shifted(asked):
        document = answering(
            *a_server("10.0.0.1:8000", tok_s=10.0), ({"__name__": "up", "job": "vllm", "instance": "x"}, [(T, "0")])
        )(asked)
        for one in document["data"]["result"]:
            one["values"] = [[at + 1000, value] for at, value in one.get("values", ())]
        return document

    double.answer = shifted
    assert reader.read(later).models["m"].input_tok_s == pytest.approx(20.0)


def test_fewer_than_half_of_the_servers_are_no_measurement(double, reader):
    silent = [({"__name__": "up", "job": "vllm", "instance": name, "model": "m"}, [(T, "0")]) for name in ("x", "y")]
    double.answer = answering(*a_server("10.0.0.1:8000"), *silent)
    found = reader.read(NOON)
    assert "m" not in found.models
    assert "m: 2 of its servers do not answer (x, y): not measured" in found.remarks


def test_a_node_that_serves_and_is_in_no_metrics_is_missing(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000"))
    nodes = (a_node("n1", address="10.0.0.1"), a_node("n2", address="10.0.0.2"))
    assert missing_of(reader.read(NOON, nodes)) == ("n2",)


def test_a_node_that_has_just_begun_to_serve_is_not_missing_yet(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000"))
    nodes = (a_node("n1", address="10.0.0.1"), a_node("n2", address="10.0.0.2", since_s=110))
    assert isinstance(reader.read(NOON, nodes).standings["m"], Whole)


@pytest.mark.parametrize("state", [NodeState.BOOTING, NodeState.LOADING, NodeState.TERMINATING, NodeState.FAILED])
def test_a_node_that_does_not_serve_need_not_answer(double, reader, state):
    double.answer = answering(
        *a_server("10.0.0.1:8000"),
        ({"__name__": "up", "job": "vllm", "instance": "10.0.0.2:8000"}, [(T - 15, "0"), (T, "0")]),
    )
    nodes = (a_node("n1", address="10.0.0.1"), a_node("n2", state=state, address="10.0.0.2"))
    assert isinstance(reader.read(NOON, nodes).standings["m"], Whole)


def test_a_node_that_was_heard_and_falls_silent_is_missing_at_once(double, reader):
    double.answer = answering(
        *a_server("10.0.0.1:8000"), *a_server("10.0.0.2:8000"), *a_server("10.0.0.3:8000", up="0", until=T - 15)
    )
    nodes = tuple(a_node(f"n{i}", address=f"10.0.0.{i}", since_s=30) for i in (1, 2, 3))
    found = reader.read(NOON, nodes)
    assert missing_of(found) == ("n3",)
    assert found.in_flight() == {"n1": 4, "n2": 4, "n3": None}
    assert [one.is_answering for one in found.on("n3")] == [False]


@pytest.mark.parametrize(
    "label", [{}, {"node": "n2"}, {"node": "host-2"}], ids=["by its address", "by its label", "by its Node's name"]
)
def test_a_node_that_has_ended_is_silent_and_its_demand_is_not_made_up(double, reader, label):
    silent = {"up": "0", "until": T - 15} | label
    double.answer = answering(*a_server("10.0.0.1:8000"), *a_server("10.0.0.2:8000", **silent))
    nodes = (
        a_node("n1", address="10.0.0.1"),
        a_node("n2", address=None if label else "10.0.0.2", cluster_name="host-2"),
    )
    assert missing_of(reader.read(NOON, nodes)) == ("n2",)
    found = reader.read(NOON, nodes[:1])  # gone, and for a while still in the window
    assert isinstance(found.standings["m"], Whole)
    assert found.models["m"].input_tok_s == pytest.approx(175.0)  # 100, and 100 over three quarters of the minute
    assert missing_of(reader.read(NOON, nodes)) == ("n2",)  # a node that is known again should answer again


def test_a_node_is_known_by_its_label_before_its_address(double, reader):
    double.answer = answering(*a_server("10.9.9.9:8000", node="n7"))
    found = reader.read(NOON, (a_node("n7", address="10.0.0.1"),))
    assert found.instances["10.9.9.9:8000"].node_id == "n7"


def test_a_node_is_known_by_its_name_in_the_cluster_before_its_address(double, reader):
    double.answer = answering(*a_server("llm-7f9c:8000", node="pool-a-node-1"))
    named = a_node("n7", address="10.1.0.1", cluster_name="pool-a-node-1")
    (server,) = reader.read(NOON, (named, a_node("n8", address="llm-7f9c"))).on("n7")
    assert (server.instance, server.in_flight) == ("llm-7f9c:8000", 4)
    assert reader.read(NOON, (a_node("n7", address="10.1.0.1"),)).on("n7") == ()


def test_an_id_counts_before_a_name_in_the_cluster(double, reader):
    double.answer = answering(*a_server("llm-7f9c:8000", node="n7"))
    found = reader.read(NOON, (a_node("n7"), a_node("n8", cluster_name="n7")))
    assert [len(found.on(node_id)) for node_id in ("n7", "n8")] == [1, 0]


def test_what_else_is_scraped_and_is_down_is_nobodys_concern(double, reader):
    other = ({"__name__": "up", "job": "mail", "instance": "10.8.8.8:25"}, [(T, "0")])
    double.answer = answering(*a_server("10.0.0.1:8000"), other)
    found = reader.read(NOON)
    assert isinstance(found.standings["m"], Whole)
    assert set(found.instances) == {"10.0.0.1:8000"}


def test_a_warning_makes_a_model_partial(double, reader):
    double.answer = answering(*a_server("10.0.0.1:8000"), warnings=("store 2 is away",))
    found = reader.read(NOON)
    assert isinstance(found.standings["m"], Partial)
    assert found.remarks[0] == "Prometheus warns: store 2 is away"


def test_what_a_mean_request_is_comes_from_those_that_ended_lately(double, reader):
    means = [
        ({"model_name": "m", "part": part, "metric": "x"}, T, value)
        for part, value in (
            ("input_tokens", "1000"),
            ("input_requests", "10"),
            ("output_tokens", "500"),
            ("output_requests", "10"),
        )
    ]
    double.answer = answering(*a_server("10.0.0.1:8000"), means=means)
    reading = reader.read(NOON).models["m"]
    assert (reading.queue_input_tokens, reading.queue_output_tokens) == (100.0, 50.0)


def test_too_few_requests_are_no_mean(double, reader):
    means = [({"model_name": "m", "part": part}, T, "4") for part in ("input_requests", "output_requests")]
    means += [({"model_name": "m", "part": part}, T, "9999") for part in ("input_tokens", "output_tokens")]
    double.answer = answering(*a_server("10.0.0.1:8000"), means=means)
    assert reader.read(NOON).models["m"].queue_input_tokens == 500.0


def test_a_model_has_another_name_where_it_is_served(double):
    with Prometheus(double.url) as prometheus:
        reader = MetricsReader(
            prometheus=prometheus, dialect=VLLM, models=("m",), served_names={"m": "meta-llama/Llama-3.1-8B"}
        )
        double.answer = answering(*a_server("10.0.0.1:8000", "meta-llama/Llama-3.1-8B"))
        assert set(reader.read(NOON).models) == {"m"}


def test_servers_that_name_no_model_serve_that_of_their_node(double):
    with Prometheus(double.url) as prometheus:
        reader = MetricsReader(prometheus=prometheus, dialect=LLAMA_CPP, models=("m", "n"))
        here = {"instance": "10.0.0.1:8000"}
        double.answer = answering(
            ({"__name__": "up", **here}, over_the_minute(1)),
            ({"__name__": "llamacpp:prompt_tokens_total", **here}, over_the_minute(6000, 100)),
        )
        assert set(reader.read(NOON, (a_node("n1", "n", address="10.0.0.1"),)).models) == {"n"}


def test_queries_carry_the_matchers(double):
    with Prometheus(double.url) as prometheus:
        MetricsReader(prometheus=prometheus, dialect=VLLM, models=("m",), matchers='job="vllm"').read(NOON)
    assert [asked.form["query"].count('job="vllm"') for asked in double.asked] == [1, 4, 1]


def test_a_prometheus_that_fails_is_a_serving_side_that_says_nothing(double, reader):
    double.status, double.body = 503, b"down"
    with pytest.raises(ServingError, match="answered 503"):
        reader.read(NOON)
