"""The serving side on a real API server, with the rights that are shipped and no others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.cluster.api import ClusterApi
from autoscaler.fleet import NodeState
from autoscaler.serving.kubernetes import Served, served_by
from autoscaler.serving.serving import NodeReading, ServingError
from tests.cluster.scene import MODEL, Scene, Server


def test_a_node_is_ready_once_its_pod_is_and_the_metrics_say_that_it_answers(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))

    assert serving.read().nodes == {n1: NodeReading(is_ready=False)}  # joined, no pod

    scene.run(replicas=1)
    assert serving.read().nodes == {}  # its pod is Ready, and the metrics do not know it: not measured

    scene.metrics.servers[n1] = Server(is_answering=False, in_flight=None)
    assert serving.read().nodes == {n1: NodeReading(is_ready=False)}
    scene.metrics.servers[n1] = Server(in_flight=3)
    assert serving.read().nodes == {n1: NodeReading(is_ready=True, in_flight=3)}
    assert [(node.id, node.address) for node in scene.metrics.asked] == [(n1, "10.1.0.1")]


def test_a_pod_that_is_no_longer_ready_makes_its_node_unready(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    scene.metrics.servers[n1] = Server(in_flight=1)
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    assert serving.read().nodes[n1].is_ready

    (pod,) = scene.where()
    scene.kubelet.unready.add(f"{scene.namespace}/{pod}")
    scene.until(lambda: not serving.read().nodes[n1].is_ready, "the watch did not see it")


def test_a_drain_cordons_marks_and_evicts_through_the_budget(scene: Scene, daemon) -> None:
    n1, n2 = scene.join("n1"), scene.join("n2")
    scene.run(replicas=2)
    scene.budget(min_available=2)
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()

    serving.stop_routing(n1)

    node = scene.node(n1)
    assert node["spec"]["unschedulable"] is True
    assert "baseload.dev/draining" in node["metadata"]["annotations"]
    assert node["metadata"]["labels"]["node.kubernetes.io/exclude-from-external-load-balancers"] == "true"
    assert {"key": "baseload.dev/draining", "effect": "NoSchedule"} in node["spec"]["taints"]
    assert sorted(scene.where().values()) == [f"ip-{n1}", f"ip-{n2}"]  # two must be available: the eviction is refused

    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING)
    serving.read()
    serving.follow(list(scene.nodes.values()))
    assert f"ip-{n1}" in scene.where().values()

    n3, n4 = scene.join("n3"), scene.join("n4")  # where a third pod finds room, and the evicted one after it
    scene.admin.patch(f"/apis/apps/v1/namespaces/{scene.namespace}/deployments/llm", {"spec": {"replicas": 3}})
    scene.until(lambda: len(scene.ready()) == 3, "no third pod")

    def is_drained() -> bool:
        serving.follow(list(scene.nodes.values()))
        return f"ip-{n1}" not in scene.where().values()

    scene.until(is_drained, "the budget allows it, and the pod is still there")
    scene.until(lambda: len(scene.ready()) == 3, "the pod came back nowhere")
    assert set(scene.where().values()) == {f"ip-{n2}", f"ip-{n3}", f"ip-{n4}"}


def test_a_drained_node_is_idle_when_its_pods_are_gone_and_not_before_balancers_left_it(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    (pod,) = scene.where()
    scene.kubelet.holds.add(f"{scene.namespace}/{pod}")  # it finishes what it works on
    serving = scene.serving(daemon, linger_s=30)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    scene.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    serving.stop_routing(n1)

    scene.metrics.servers[n1] = Server(in_flight=2)
    assert serving.read().nodes[n1] == NodeReading(is_ready=True, in_flight=2)
    scene.metrics.servers[n1] = Server(in_flight=0)
    assert serving.read().nodes[n1].in_flight is None  # just cordoned: some may be on their way

    del scene.metrics.servers[n1]
    scene.now += timedelta(seconds=30)
    assert serving.read().nodes[n1].in_flight is None  # its pod is there, and nobody says what it works on

    scene.kubelet.holds.clear()
    scene.until(lambda: serving.read().nodes[n1].in_flight == 0, "its pods are gone")


def test_a_node_without_pods_that_still_carries_traffic_is_not_idle(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    assert serving.read().nodes[n1].in_flight is None

    serving.stop_routing(n1)
    scene.metrics.servers[n1] = Server(in_flight=4)
    serving.read()
    assert serving.read().nodes[n1].in_flight == 4


def test_a_drain_taken_back_leaves_the_node_as_it_was(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    mine = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    scene.admin.patch(f"/api/v1/nodes/ip-{n1}", {"spec": {"taints": [mine]}})
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    serving.stop_routing(n1)
    assert mine in scene.node(n1)["spec"]["taints"]

    serving.resume_routing(n1)

    scene.until(lambda: scene.node(n1)["spec"].get("taints") == [mine], "the controller takes its taint off")
    node = scene.node(n1)
    assert "unschedulable" not in node["spec"]
    assert "baseload.dev/draining" not in (node["metadata"].get("annotations") or {})
    assert "node.kubernetes.io/exclude-from-external-load-balancers" not in node["metadata"]["labels"]


def test_a_pod_that_waits_comes_back_when_a_drain_is_taken_back_and_loads_in_peace(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    scene.metrics.servers[n1] = Server(in_flight=0)
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    serving.stop_routing(n1)
    scene.until(lambda: not scene.where(), "it waits for a node")
    began = scene.now = datetime.now(UTC)

    serving.resume_routing(n1)
    assert serving.read().nodes == {}  # it loads its model: neither serving nor broken

    scene.until(scene.ready, "it is scheduled to the node again")
    scene.until(lambda: serving.read().nodes == {n1: NodeReading(is_ready=True, in_flight=0)}, "it serves")

    (pod,) = scene.where()
    scene.kubelet.unready.add(f"{scene.namespace}/{pod}")
    scene.until(lambda: serving.read().nodes == {}, "it is not Ready")
    scene.now = began + timedelta(seconds=900)
    assert serving.read().nodes == {n1: NodeReading(is_ready=False, in_flight=0)}


def test_what_somebody_else_cordoned_stays_cordoned(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.admin.patch(f"/api/v1/nodes/ip-{n1}", {"spec": {"unschedulable": True}})
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    serving.resume_routing(n1)
    assert scene.node(n1)["spec"]["unschedulable"] is True

    serving.stop_routing(n1)
    serving.resume_routing(n1)
    assert scene.node(n1)["spec"]["unschedulable"] is True


def test_daemon_and_static_pods_stay_and_the_rest_of_a_node_leaves(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    scene.run("exporter", replicas=1, model=None, kind="DaemonSet")
    scene.run("proxy", replicas=1, model=None)
    static = {
        "metadata": {
            "name": "static",
            "labels": {"app": "static"},
            "annotations": {"kubernetes.io/config.mirror": "x"},
        },
        "spec": {"nodeName": f"ip-{n1}", "containers": [{"name": "c", "image": "i"}]},
    }
    scene.admin.post(f"/api/v1/namespaces/{scene.namespace}/pods", static)
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()

    serving.stop_routing(n1)

    scene.until(lambda: not scene.where("llm") and not scene.where("proxy"), "they were evicted")
    assert len(scene.where("exporter")) == 1
    assert len(scene.where("static")) == 1


def test_when_the_time_of_a_drain_is_up_the_budget_is_not_asked(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    scene.budget(min_available=1)
    serving = scene.serving(daemon, drain_timeout_s=600)
    began = scene.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING, since=began)
    nodes = list(scene.nodes.values())
    serving.follow(nodes)
    serving.read()

    scene.now = began + timedelta(seconds=599)
    serving.follow(nodes)
    assert len(scene.where()) == 1

    scene.now = began + timedelta(seconds=600)
    serving.follow(nodes)
    scene.until(lambda: not scene.where(), "it is deleted")


def test_a_spot_notice_ends_a_drain_before_the_machine_goes(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    scene.budget(min_available=1)
    serving = scene.serving(daemon)
    began = scene.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    taken_back_at = began + timedelta(seconds=120)
    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING, since=began, taken_back_at=taken_back_at)
    nodes = list(scene.nodes.values())
    serving.follow(nodes)
    serving.read()

    scene.now = began + timedelta(seconds=99)
    serving.follow(nodes)
    assert len(scene.where()) == 1
    scene.now = began + timedelta(seconds=100)
    serving.follow(nodes)
    scene.until(lambda: not scene.where(), "it is deleted 20 s before")


def test_a_pod_that_takes_long_to_end_is_cut_short_by_a_notice(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    scene.run(replicas=1)
    (name,) = scene.where()
    scene.kubelet.holds.add(f"{scene.namespace}/{name}")
    serving = scene.serving(daemon)
    began = scene.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING, since=began)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    serving.follow(list(scene.nodes.values()))
    path = f"/api/v1/namespaces/{scene.namespace}/pods/{name}"
    assert scene.admin.get(path)["metadata"]["deletionGracePeriodSeconds"] == 600  # as long as the drain may take

    scene.nodes[n1] = replace(scene.nodes[n1], taken_back_at=began + timedelta(seconds=15))
    serving.follow(list(scene.nodes.values()))
    assert scene.admin.get(path)["metadata"]["deletionGracePeriodSeconds"] == 15


def test_one_node_with_an_unknown_provider_id_stops_nobody(scene: Scene, daemon) -> None:
    n1, n2 = scene.join("n1", provider_id="frobnicate://42"), scene.join("n2", provider_id="aws:///us-east-1a/i-2")
    scene.machine("stranger-" + scene.namespace, labels={}, provider_id="::::")
    scene.run(replicas=1)
    scene.nodes[n2] = replace(scene.nodes[n2], machine_id="i-2")
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))

    assert set(scene.serving(daemon).read().nodes) <= {n1, n2}
    serving.read()
    serving.stop_routing(n1)
    serving.stop_routing(n2)
    assert scene.node(n1)["spec"]["unschedulable"]
    assert scene.node(n2)["spec"]["unschedulable"]


def test_a_node_that_registered_under_another_name_and_without_labels_is_known_by_its_machine(scene, daemon) -> None:
    n1 = scene.join("n1", is_labelled=False, provider_id="aws:///us-east-1a/i-7", machine_id="i-7")
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    assert serving.read().nodes == {n1: NodeReading(is_ready=False)}
    serving.stop_routing(n1)
    assert scene.node(n1)["spec"]["unschedulable"]


def test_a_label_that_names_another_machine_is_not_believed(scene: Scene, daemon) -> None:
    n1 = scene.join("n1", provider_id="aws:///us-east-1a/i-other", machine_id="i-1")
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    readings = serving.read()
    assert readings.nodes == {}
    assert readings.remarks == (
        f"Node ip-{n1} is labelled {n1}, whose machine is i-1,"
        " and says that it is aws:///us-east-1a/i-other: not touched",
    )
    with pytest.raises(ServingError, match=f"no Node of the cluster is {n1}"):
        serving.stop_routing(n1)
    serving.follow(list(scene.nodes.values()))
    assert not scene.node(n1)["spec"].get("unschedulable")


def test_the_node_object_of_a_machine_that_is_gone_is_deleted_and_no_other(scene: Scene, daemon) -> None:
    n1, n2 = scene.join("n1"), scene.join("n2")
    n3 = scene.join("n3", is_labelled=False, in_fleet=False)
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()

    del scene.nodes[n1]  # the provider says it is gone
    serving.follow(list(scene.nodes.values()))  # its kubelet is still heard
    assert scene.is_usable(f"ip-{n1}")
    (remark,) = serving.read().remarks
    assert remark.endswith("which the fleet does not have: left alone")
    for node_id in (n1, n2, n3):
        scene.kubelet.alive.discard(f"ip-{node_id}")
    scene.until(lambda: not scene.is_usable(f"ip-{n1}"), "the node controller does not miss it")
    scene.until(lambda: not scene.is_usable(f"ip-{n3}"), "the node controller does not miss it")

    serving.read()
    serving.follow(list(scene.nodes.values()))
    left = scene.admin.get("/api/v1/nodes", {"labelSelector": f"test={scene.namespace}"})["items"]
    assert sorted(item["metadata"]["name"] for item in left) == [f"ip-{n2}", f"ip-{n3}"]


def test_a_mark_left_by_a_daemon_that_was_killed_follows_the_fleet(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    first = scene.serving(daemon)
    first.follow(list(scene.nodes.values()))
    first.read()
    first.stop_routing(n1)

    second = scene.serving(daemon)
    second.read()
    second.follow(list(scene.nodes.values()))  # the journal says that it serves
    assert not scene.node(n1)["spec"].get("unschedulable")

    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING)
    second.read()
    second.follow(list(scene.nodes.values()))
    assert scene.node(n1)["spec"]["unschedulable"]


def test_followed_twice_nothing_changes(scene: Scene, daemon) -> None:
    n1 = scene.join("n1")
    serving = scene.serving(daemon)
    serving.follow(list(scene.nodes.values()))
    serving.read()
    scene.nodes[n1] = replace(scene.nodes[n1], state=NodeState.DRAINING)
    serving.follow(list(scene.nodes.values()))
    serving.read()

    def settled() -> dict:
        return {"spec": scene.node(n1)["spec"], "meta": scene.node(n1)["metadata"]["annotations"]}

    scene.until(lambda: len(scene.node(n1)["spec"]["taints"]) == 2, "the controller sets its taint")
    before = settled()
    serving.follow(list(scene.nodes.values()))
    assert settled() == before


def test_which_model_runs_on_which_machines_is_read_from_nodes_and_pods(scene: Scene, daemon) -> None:
    kind = {"node.kubernetes.io/instance-type": "r7a.4xlarge", "karpenter.sh/nodepool": f"{scene.namespace}-burst"}
    scene.join("n1", labels=kind)
    scene.join("n2", labels=kind)
    scene.run(replicas=2)

    nodepool = f"{scene.namespace}-burst"
    assert [one for one in served_by(daemon) if one.nodepool == nodepool] == [
        Served(
            model=MODEL,
            instance_type="r7a.4xlarge",
            nodepool=nodepool,
            pool="aws_r7a.4xlarge_spot",
            nodes=2,
            pods=2,
            ready_pods=2,
        )
    ]


def test_a_node_that_never_joined_cannot_be_drained_and_it_is_said_why(scene: Scene, daemon: ClusterApi) -> None:
    serving = scene.serving(daemon)
    with pytest.raises(ServingError, match=r"no Node of the cluster is x-1: expected the label baseload.dev/node=x-1"):
        serving.stop_routing("x-1")
