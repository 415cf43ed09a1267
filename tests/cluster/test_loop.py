"""The loop, a simulated cloud and a real cluster: a fleet that grows, shrinks and leaves nothing behind."""

from autoscaler.cluster.api import ClusterApi
from autoscaler.fleet import NodeState
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.serving.kubernetes import KubernetesServing
from tests.autoscaler.loop.rig import CHAT, FLEET, Rig
from tests.cluster.scene import Scene, Server


def test_a_fleet_grows_serves_drains_and_leaves_nothing_in_the_cluster(scene: Scene, daemon: ClusterApi) -> None:
    rig = Rig(wanted=2)

    def joined(truth: MachineTruth) -> None:
        labels = {"baseload.dev/node": str(truth.node_id), "baseload.dev/fleet": FLEET, "baseload.dev/model": CHAT}
        scene.machine(f"ip-{truth.node_id}", labels=labels, provider_id=f"aws:///us-east-1a/{truth.id}")

    def left(truth: MachineTruth) -> None:
        scene.kubelet.alive.discard(f"ip-{truth.node_id}")

    rig.cloud.on_running, rig.cloud.on_gone = joined, left
    serving = KubernetesServing(
        daemon,
        fleet=FLEET,
        models=[CHAT],
        metering=scene.metrics,
        clock=lambda: rig.timeline.now,
        drain_timeout_s=600,
        linger_s=30,
    )
    rig.controller = rig.started(serving=serving)

    def states() -> list[NodeState]:
        return sorted(node.state for node in rig.controller.nodes)

    rig.tick(4)
    assert states() == [NodeState.LOADING, NodeState.LOADING]
    scene.run(replicas=2, model=CHAT)
    scene.metrics.servers = {node.id: Server(in_flight=1) for node in rig.controller.nodes}
    rig.tick()
    assert states() == [NodeState.READY, NodeState.READY]

    rig.keeper.wanted = 1
    rig.tick()
    (drained,) = [node for node in rig.controller.nodes if node.state is NodeState.DRAINING]
    assert scene.node(drained.id)["spec"]["unschedulable"] is True
    scene.until(lambda: f"ip-{drained.id}" not in scene.where().values(), "it was evicted")
    rig.tick(2)
    assert NodeState.DRAINING in states()  # it works on a request

    scene.metrics.servers[drained.id] = Server(in_flight=0)
    rig.tick()
    assert states() == [NodeState.READY, NodeState.TERMINATING]

    scene.until(lambda: _is_gone_from_cluster(rig, scene, drained.id), "its Node object is left")
    assert states() == [NodeState.READY]
    left_over = scene.admin.get("/api/v1/nodes", {"labelSelector": f"baseload.dev/fleet={FLEET}"})["items"]
    assert [item["metadata"]["labels"]["baseload.dev/node"] for item in left_over] == [rig.node().id]
    assert rig.reports[-1].problems == ()


def _is_gone_from_cluster(rig: Rig, scene: Scene, node_id: str) -> bool:
    rig.tick()
    found = scene.admin.get("/api/v1/nodes", {"labelSelector": f"baseload.dev/node={node_id}"})
    return not found["items"]
