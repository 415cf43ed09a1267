"""The serving side against an API server of today that fails as told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.cluster.api import ClusterError
from autoscaler.fleet import Node, NodeState
from autoscaler.serving.kubernetes import KubernetesServing
from autoscaler.serving.kubernetes.mirror import Mirror
from autoscaler.serving.kubernetes.objects import node_of
from autoscaler.serving.serving import NodeReading, ServingError
from tests.autoscaler.serving.kubernetes.double import Double
from tests.cluster.scene import MODEL, Metrics, Server

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
EVICTION = "/api/v1/namespaces/default/pods/{}/eviction"


def a_node(node_id: str, **changes) -> Node:
    made = Node(
        id=node_id,
        pool="aws/r7a.4xlarge",
        model=MODEL,
        state=NodeState.READY,
        since=NOW,
        ordered_at=NOW,
    )
    return replace(made, **changes)


def labels_of(node_id: str) -> dict[str, str]:
    return {"baseload.dev/node": node_id, "baseload.dev/fleet": "main", "baseload.dev/model": MODEL}


class House:
    """Two nodes with a model server each, and the serving side of their fleet."""

    def __init__(self, double: Double, *, linger_s: float = 0.0, spot_margin_s: float = 20.0) -> None:
        self.double = double
        self.api = double.api()
        self.metrics = Metrics(servers={"n1": Server(), "n2": Server()})
        self.fleet = {"n1": a_node("n1"), "n2": a_node("n2")}
        self.now = NOW
        for node_id in self.fleet:
            double.add_node(node_id, labels=labels_of(node_id))
            double.add_pod(f"llm-{node_id}", node=node_id, labels={"baseload.dev/model": MODEL})
        self.serving = self.started(linger_s=linger_s, spot_margin_s=spot_margin_s)
        self.serving.follow(list(self.fleet.values()))
        self.serving.read()

    def started(self, *, linger_s: float = 0.0, spot_margin_s: float = 20.0) -> KubernetesServing:
        """The serving side of a daemon that has not had its first tick."""
        return KubernetesServing(
            self.api,
            fleet="main",
            models=[MODEL],
            metering=self.metrics,
            clock=lambda: self.now,
            drain_timeout_s=600,
            quiet_s=0.02,
            linger_s=linger_s,
            spot_margin_s=spot_margin_s,
        )

    def drains(self, node_id: str, **changes) -> None:
        self.fleet[node_id] = replace(self.fleet[node_id], state=NodeState.DRAINING, **changes)
        self.follow()

    def follow(self) -> None:
        self.serving.read()
        self.serving.follow(list(self.fleet.values()))


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as double:
        yield double


@pytest.fixture
def house(double: Double) -> Iterator[House]:
    house = House(double)
    yield house
    house.api.close()


def test_an_eviction_is_asked_for_as_the_server_knows_it(house: House) -> None:
    house.serving.stop_routing("n1")
    assert set(house.double.pods) == {"default/llm-n2"}
    (body,) = [body for body in house.double.bodies if body.get("kind") == "Eviction"]
    assert body["apiVersion"] == "policy/v1"
    assert body["deleteOptions"] == {"gracePeriodSeconds": 600, "preconditions": {"uid": "uid-llm-n1"}}


def test_the_version_is_asked_for_once(house: House) -> None:
    house.serving.stop_routing("n1")
    house.serving.stop_routing("n2")
    assert len(house.double.asked("GET", "/api/v1")) == 1


def test_what_a_budget_refuses_is_tried_again_each_tick_and_then_deleted(house: House) -> None:
    house.double.budgets.add("default/llm-n1")
    house.serving.stop_routing("n1")
    for _ in range(3):
        house.drains("n1", since=NOW)
    assert len(house.double.asked("POST", EVICTION.format("llm-n1"))) == 4
    assert house.double.asked("DELETE", ".*") == []

    house.now = NOW + timedelta(seconds=600)
    house.follow()
    assert house.double.asked("DELETE", ".*/pods/llm-n1") == ["/api/v1/namespaces/default/pods/llm-n1"]
    assert "default/llm-n1" not in house.double.pods


def test_a_budget_that_opens_lets_the_pod_go(house: House) -> None:
    house.double.budgets.add("default/llm-n1")
    house.serving.stop_routing("n1")
    house.double.budgets.clear()
    house.drains("n1", since=NOW)
    assert "default/llm-n1" not in house.double.pods


def test_a_pod_that_is_gone_already_is_no_failure(house: House) -> None:
    def vanish(method: str, path: str) -> None:
        if method == "POST":
            house.double.pods.pop("default/llm-n1", None)

    house.double.before = vanish
    house.serving.stop_routing("n1")
    assert len(house.double.asked("POST", ".*")) == 1


def test_another_pod_of_the_same_name_is_not_evicted(house: House) -> None:
    def replaced(method: str, path: str) -> None:
        if method == "POST":
            house.double.pods["default/llm-n1"]["metadata"]["uid"] = "another"

    house.double.before = replaced
    house.serving.stop_routing("n1")
    assert "default/llm-n1" in house.double.pods


def test_one_pod_that_cannot_be_evicted_does_not_keep_the_others(house: House) -> None:
    house.double.add_pod("proxy", node="n1", labels={})
    house.double.faults.append(("POST", EVICTION.format("llm-n1"), 500))
    with pytest.raises(ServingError, match=r"drain of n1: POST .*llm-n1/eviction: 500 Unknown: as told"):
        house.serving.stop_routing("n1")
    assert "default/proxy" not in house.double.pods


def test_one_node_that_fails_does_not_keep_the_others(house: House) -> None:
    house.double.faults.append(("PATCH", "/api/v1/nodes/n1", 500))
    house.fleet = {name: replace(node, state=NodeState.DRAINING) for name, node in house.fleet.items()}
    with pytest.raises(ServingError, match="Node n1: PATCH /api/v1/nodes/n1: 500"):
        house.follow()
    assert house.double.nodes["n2"]["spec"]["unschedulable"] is True


def test_a_change_of_taints_meanwhile_is_kept(house: House) -> None:
    other = {"key": "gpu", "effect": "NoExecute"}

    def tainted(method: str, path: str) -> None:
        node = house.double.nodes["n1"]
        if method == "PATCH" and not node["spec"].get("taints"):
            node["spec"]["taints"] = [other]
            house.double.happened("/api/v1/nodes", "MODIFIED", node)

    house.double.before = tainted
    house.serving.stop_routing("n1")
    spec = house.double.nodes["n1"]["spec"]
    assert spec["taints"] == [other, {"key": "baseload.dev/draining", "effect": "NoSchedule"}]
    assert len(house.double.asked("PATCH", "/api/v1/nodes/n1")) == 2  # the first met a 409


def test_a_server_that_hangs_costs_one_call_and_is_said(double: Double) -> None:
    house = House(double)
    slow = double.api(timeout_s=0.2)
    serving = KubernetesServing(
        slow, fleet="main", models=[MODEL], metering=house.metrics, clock=lambda: NOW, drain_timeout_s=600, quiet_s=0.02
    )
    serving.follow(list(house.fleet.values()))
    serving.read()
    double.faults += [("GET", "/api/v1/nodes/n1", "hang"), ("GET", "/api/v1/nodes/n2", "hang")]
    with pytest.raises(ServingError, match=r"GET /api/v1/nodes/n1: .*[Tt]imed out"):
        serving.follow([replace(node, state=NodeState.DRAINING) for node in house.fleet.values()])
    assert double.asked("GET", "/api/v1/nodes/n2") == []
    slow.close()
    house.api.close()


@pytest.mark.parametrize("fault", [500, "cut", "garbage"])
def test_a_list_that_fails_leaves_everything_unknown(house: House, fault) -> None:
    house.double.faults.append(("GET", "/api/v1/pods", fault))
    with pytest.raises(ServingError, match="cluster: GET /api/v1/pods"):
        house.serving.read()
    found = house.serving.read()
    assert found.nodes["n1"] == NodeReading(is_ready=True, in_flight=0)
    assert found.cluster_names == {"n1": "n1", "n2": "n2"}


def test_a_watch_brings_what_changed_and_the_list_is_not_fetched_again(double: Double) -> None:
    double.add_node("a", labels={})
    api = double.api()
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02)
    mirror.refresh()
    double.add_node("b", labels={})
    double.of_node("DELETE", "a", {})
    mirror.refresh()
    assert [one.name for one in mirror.objects] == ["b"]
    assert mirror.lists == 1
    api.close()


def test_a_watch_that_is_too_old_is_followed_by_a_list(double: Double) -> None:
    double.add_node("a", labels={})
    api = double.api()
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02)
    mirror.refresh()
    double.of_node("DELETE", "a", {})  # in no event that is still there
    double.add_node("b", labels={})
    double.oldest, double.events = double.version, []
    mirror.refresh()
    assert [one.name for one in mirror.objects] == ["b"]
    assert mirror.lists == 2
    double.add_node("c", labels={})
    mirror.refresh()
    assert mirror.lists == 2
    api.close()


@pytest.mark.parametrize("status", [410, 500])
def test_a_watch_refused_as_too_old_is_followed_by_a_list_and_any_other_is_an_error(double: Double, status) -> None:
    double.add_node("a", labels={})
    api = double.api()
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02)
    mirror.refresh()
    double.add_node("b", labels={})
    double.faults.append(("WATCH", "/api/v1/nodes", status))
    if status == 410:
        mirror.refresh()
        assert sorted(one.name for one in mirror.objects) == ["a", "b"]
    else:
        with pytest.raises(ClusterError, match="watch /api/v1/nodes: 500"):
            mirror.refresh()
    api.close()


def test_a_list_is_fetched_anew_after_ten_minutes_whatever_watches_say(double: Double) -> None:
    double.add_node("a", labels={})
    api, elapsed = double.api(), [0.0]
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02, elapsed=lambda: elapsed[0])
    mirror.refresh()
    del double.nodes["a"]  # and no event tells
    elapsed[0] = 599
    mirror.refresh()
    assert [one.name for one in mirror.objects] == ["a"]
    elapsed[0] = 600
    mirror.refresh()
    assert mirror.objects == ()
    api.close()


def test_a_stream_that_breaks_is_followed_by_a_list(double: Double) -> None:
    double.add_node("a", labels={})
    api = double.api()
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02)
    mirror.refresh()
    double.add_node("b", labels={})
    double.faults.append(("WATCH", "/api/v1/nodes", "cut"))
    mirror.refresh()
    assert sorted(one.name for one in mirror.objects) == ["a", "b"]
    assert mirror.lists == 2
    api.close()


def test_a_long_list_comes_in_pages(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoscaler.serving.kubernetes.mirror.PAGE", 2)
    for name in "abcde":
        double.add_node(name, labels={})
    api = double.api()
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02)
    mirror.refresh()
    assert sorted(one.name for one in mirror.objects) == ["a", "b", "c", "d", "e"]
    assert len(double.asked("GET", "/api/v1/nodes")) == 3
    api.close()


def test_a_page_that_grew_too_old_is_followed_by_the_whole_list(double: Double, monkeypatch) -> None:
    monkeypatch.setattr("autoscaler.serving.kubernetes.mirror.PAGE", 2)
    for name in "abc":
        double.add_node(name, labels={})
    calls: list[str] = []

    def before(method: str, path: str) -> None:
        calls.append(path)
        if len(calls) == 2:
            double.faults.append(("GET", path, 410))

    double.before = before
    api = double.api()
    mirror = Mirror(api, "/api/v1/nodes", node_of, quiet_s=0.02)
    mirror.refresh()
    assert sorted(one.name for one in mirror.objects) == ["a", "b", "c"]
    assert len(calls) == 3
    api.close()


def test_a_refusal_says_which_call_which_status_and_why(double: Double) -> None:
    api = double.api()
    with pytest.raises(ClusterError, match=r'^GET /api/v1/nodes/x: 404 NotFound: nodes "x" not found$') as caught:
        api.get("/api/v1/nodes/x")
    assert (caught.value.status, caught.value.reason) == (404, "NotFound")
    api.close()


def test_what_does_not_fit_is_said_in_the_reading(house: House) -> None:
    house.double.add_node("n9", labels=labels_of("n1"))  # a second one under the same label
    house.double.add_node("n7", labels=labels_of("n7"))  # alive, and not in the fleet
    readings = house.serving.read()
    assert set(readings.nodes) == {"n2", "n7"}
    assert readings.remarks == (
        "Nodes n1 and n9 each say they are n1: none of them is touched",
        "Node n7 says it is n7 of this fleet, which the fleet does not have: left alone",
    )
    house.follow()
    assert set(house.double.nodes) == {"n1", "n2", "n9", "n7"}


def test_before_the_first_tick_has_told_the_fleet_no_node_is_called_a_stranger(house: House) -> None:
    serving = house.started()
    assert serving.read().remarks == ()  # n1 and n2 are ours; nobody has said so yet
    serving.follow([house.fleet["n1"]])
    (remark,) = serving.read().remarks
    assert remark == "Node n2 says it is n2 of this fleet, which the fleet does not have: left alone"


def test_a_node_object_that_changed_since_it_was_read_is_not_deleted(house: House) -> None:
    house.double.add_node("n7", labels=labels_of("n7"))
    house.double.nodes["n7"]["status"]["conditions"][0]["status"] = "Unknown"
    house.double.happened("/api/v1/nodes", "MODIFIED", house.double.nodes["n7"])
    house.serving.read()

    def heard_again(method: str, path: str) -> None:
        if method == "DELETE":
            house.double.happened("/api/v1/nodes", "MODIFIED", house.double.nodes["n7"])

    house.double.before = heard_again
    house.serving.follow(list(house.fleet.values()))
    assert house.double.asked("DELETE", ".*") == ["/api/v1/nodes/n7"]
    assert "n7" in house.double.nodes

    house.double.before = lambda method, path: None
    house.follow()
    assert "n7" not in house.double.nodes


def test_metrics_expect_no_answer_of_a_node_whose_pods_left(house: House) -> None:
    house.serving.stop_routing("n1")
    house.drains("n1")
    house.serving.read()
    assert {node.id: node.state for node in house.metrics.asked} == {"n1": NodeState.LOADING, "n2": NodeState.READY}
    assert {node.id: node.address for node in house.metrics.asked} == {"n1": None, "n2": "10.1.0.1"}


def test_a_node_just_cordoned_is_not_said_to_be_idle_for_as_long_as_balancers_may_send_it_traffic(
    double: Double,
) -> None:
    house = House(double, linger_s=30)
    house.serving.stop_routing("n1")
    for after_s, in_flight in ((0, None), (29, None), (30, 0)):
        house.now = NOW + timedelta(seconds=after_s)
        assert house.serving.read().nodes["n1"] == NodeReading(is_ready=True, in_flight=in_flight)
    house.api.close()


def test_pods_are_deleted_a_margin_before_the_machine_is_taken_back_and_not_sooner(double: Double) -> None:
    house = House(double, spot_margin_s=20)
    double.budgets.add("default/llm-n1")
    noticed = {"since": NOW, "taken_back_at": NOW + timedelta(seconds=120)}
    for after_s, deleted in ((0, 0), (99, 0), (100, 1)):
        house.now = NOW + timedelta(seconds=after_s)
        house.drains("n1", **noticed)
        assert len(double.asked("DELETE", ".*/pods/llm-n1")) == deleted
    evictions = [
        body["deleteOptions"]["gracePeriodSeconds"] for body in double.bodies if body.get("kind") == "Eviction"
    ]
    assert evictions == [100, 1]  # what is left to the margin
    assert double.bodies[-1]["gracePeriodSeconds"] == 20
    house.api.close()


def test_metrics_are_told_what_a_nodes_node_is_called_known_to_the_fleet_or_not(house: House) -> None:
    house.double.add_node("pool-a-node-1", labels=labels_of("n7"))  # launched before this process began
    house.fleet["n3"] = a_node("n3", pool="ovh/b3-64@GRA9", machine_id="pool-1", instances=("i-3",))
    house.double.add_node("pool-b-node-1", labels={}, provider_id="openstack:///i-3")
    house.serving.follow(list(house.fleet.values()))
    house.serving.read()
    assert {node.id: node.cluster_name for node in house.metrics.asked} == {
        "n1": "n1",
        "n2": "n2",
        "n3": "pool-b-node-1",
        "n7": "pool-a-node-1",
    }
