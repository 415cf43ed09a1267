"""The serving side of a rented world that is a cluster: the model's pods, and the quiet after a change."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autoscaler.cluster.api import ClusterApi
from tests.cluster import rights
from tests.cluster.control_plane import Cluster, started
from tests.cluster.kubelet import Kubelet, running
from tests.rented.nodes import READY_POD, Nodes
from tests.rented.world import IN_CLUSTER, MODEL

PODS = "/api/v1/pods"
SETTLES_S = 120.0
"""Longest that controllers may take on a busy machine."""


@dataclass(frozen=True, kw_only=True)
class InCluster:
    """A cluster with the model's pods, and how the daemon gets at it."""

    cluster: Cluster
    admin: ClusterApi
    kubelet: Kubelet
    kubeconfig: Path

    @property
    def side(self) -> str:
        """The tables of fleet.toml."""
        return IN_CLUSTER.format(kubeconfig=self.kubeconfig, server_url=self.cluster.url)

    def settle(self, nodes: Nodes) -> None:
        """Waits until each node that serves has its pod, or lost it to a drain."""
        deadline = time.monotonic() + SETTLES_S
        serving = {nodes.joined[machine] for machine in nodes.served}
        while unsettled := self._unsettled(serving):
            assert time.monotonic() < deadline, f"not settled: {unsettled}"
            time.sleep(0.02)

    def _unsettled(self, serving: set[str]) -> set[str]:
        found = self.admin.get("/api/v1/nodes")["items"]
        cordoned = {one["metadata"]["name"] for one in found if one["spec"].get("unschedulable")}
        ready, leaving = set(), set()
        for pod in self.admin.get(PODS, {"labelSelector": "app=llm"})["items"]:
            name = pod["spec"].get("nodeName")
            if name not in self.kubelet.alive:
                continue
            if "deletionTimestamp" in pod["metadata"]:
                leaving.add(name)
            conditions = pod.get("status", {}).get("conditions") or ()
            if any(one["type"] == READY_POD and one["status"] == "True" for one in conditions):
                ready.add(name)
        return leaving | (serving - cordoned - ready)

    def left(self, nodes: Nodes) -> set[str]:
        """Node objects whose machine does not run any more."""
        found = {one["metadata"]["name"] for one in self.admin.get("/api/v1/nodes")["items"]}
        return found - self.kubelet.alive - {nodes.joined[machine] for machine in nodes.served}


@contextmanager
def in_cluster(folder: Path) -> Iterator[InCluster]:
    """A cluster of its own, with the rights the daemon is shipped with and the model's Deployment."""
    with started() as cluster:
        admin = cluster.api()
        rights.apply(admin)
        kubeconfig = cluster.kubeconfig(folder, rights.token(admin))
        serve_model(cluster)
        with running(cluster.api()) as kubelet:
            yield InCluster(cluster=cluster, admin=admin, kubelet=kubelet, kubeconfig=kubeconfig)
        admin.close()


def serve_model(cluster: Cluster) -> None:
    """Model servers as docs/kubernetes.md says they are deployed: one on each node of the model, as many as fit."""
    api = cluster.api()
    labels = {"app": "llm", "baseload.dev/model": MODEL}
    spread = [{"labelSelector": {"matchLabels": {"app": "llm"}}, "topologyKey": "kubernetes.io/hostname"}]
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "nodeSelector": {"baseload.dev/model": MODEL},
            "containers": [{"name": "server", "image": "vllm"}],
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": spread}},
        },
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llm"},
        "spec": {"replicas": 12, "selector": {"matchLabels": {"app": "llm"}}, "template": pod},
    }
    api.post("/apis/apps/v1/namespaces/default/deployments", deployment)
    budget = {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "llm"},
        "spec": {"maxUnavailable": 12, "selector": {"matchLabels": {"app": "llm"}}},
    }
    api.post("/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets", budget)
    api.close()
