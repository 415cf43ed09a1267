"""Draining one node: cordon and mark it, evict its pods through their disruption budgets, delete them when time is up.

A mark is one patch with the resourceVersion that was read: taints are one list, and what the node controller or a
person changes meanwhile is read again, never written over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from autoscaler.cluster.api import ClusterApi, ClusterError, Json
from autoscaler.cluster.labels import DRAINING, NO_BALANCER, RESUMED, WAS_CORDONED
from autoscaler.serving.kubernetes.objects import ClusterPod, pod_of

CONFLICT, NOT_FOUND, BLOCKED = 409, 404, 429
TRIES = 5
"""A patch that met another's change is made again this often."""


@dataclass(slots=True, kw_only=True)
class Drainer:
    """Drains nodes, one call at a time."""

    api: ClusterApi
    model_label: str
    _eviction: str | None = field(default=None)
    """apiVersion of an Eviction here, once it was asked for."""

    def mark(self, name: str, now: datetime) -> None:
        """The Node takes no new pods, and no balancer sends it traffic. Raises ClusterError; 404: there is none."""
        self._change(name, lambda node: _marked(node, now))

    def unmark(self, name: str, now: datetime) -> None:
        """The Node is as it was before the mark. Raises ClusterError."""
        self._change(name, lambda node: _unmarked(node, now))

    def pods_on(self, name: str) -> tuple[ClusterPod, ...]:
        """The pods on a Node that a drain ends, those of a model included, those that end already too."""
        found = self.api.get("/api/v1/pods", {"fieldSelector": f"spec.nodeName={name}"})
        pods = (pod_of(item, model_label=self.model_label) for item in found.get("items") or ())
        return tuple(pod for pod in pods if pod is not None and not pod.is_tied and not pod.is_over)

    def evict(self, pods: Sequence[ClusterPod], *, left_s: float) -> list[str]:
        """What hinders the end of pods, a line each; one that a budget keeps is tried again by the next call.

        A pod that serves a model may take `left_s` to finish what it works on; others take as long as they say.
        Raises ClusterError where the server does not answer: then no other would be answered.
        """
        problems = []
        for pod in pods:
            options: Json = {"preconditions": {"uid": pod.uid}}
            if pod.model is not None:
                options["gracePeriodSeconds"] = max(1, int(left_s))
            body = {
                "apiVersion": self._eviction_version(),
                "kind": "Eviction",
                "metadata": {"name": pod.name, "namespace": pod.namespace},
                "deleteOptions": options,
            }
            problems += self._attempt(self.api.post, pod, "/eviction", body)
        return problems

    def delete(self, pods: Sequence[ClusterPod], *, grace_s: float) -> list[str]:
        """The same without asking the budgets: time is up."""
        problems = []
        for pod in pods:
            body: Json = {"gracePeriodSeconds": max(1, int(grace_s)), "preconditions": {"uid": pod.uid}}
            problems += self._attempt(self.api.delete, pod, "", body)
        return problems

    def _attempt(self, call: Callable[[str, Json], object], pod: ClusterPod, what: str, body: Json) -> list[str]:
        try:
            call(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}{what}", body)
        except ClusterError as error:
            if error.status is None:
                raise
            # Gone already; or another pod by now (409 of the precondition); or kept by its budget, for now.
            if error.status not in (NOT_FOUND, CONFLICT, BLOCKED):
                return [str(error)]
        return []

    def _eviction_version(self) -> str:
        """policy/v1, or policy/v1beta1 before Kubernetes 1.22: the server says which."""
        if self._eviction is None:
            for resource in self.api.get("/api/v1").get("resources") or ():
                if resource.get("name") == "pods/eviction":
                    self._eviction = f"{resource.get('group', 'policy')}/{resource.get('version', 'v1')}"
        if self._eviction is None:
            raise ClusterError(
                "GET /api/v1: this server knows no eviction of pods; expected the resource pods/eviction"
            )
        return self._eviction

    def _change(self, name: str, change: Callable[[Json], Json | None]) -> None:
        """Patches a Node by what `change` makes of it; None: nothing is to be changed."""
        for attempt in range(TRIES):
            node = self.api.get(f"/api/v1/nodes/{name}")
            body = change(node)
            if body is None:
                return
            body.setdefault("metadata", {})["resourceVersion"] = node["metadata"]["resourceVersion"]
            try:
                self.api.patch(f"/api/v1/nodes/{name}", body)
            except ClusterError as error:
                if error.status != CONFLICT or attempt == TRIES - 1:
                    raise
            else:
                return


def _marked(node: Json, now: datetime) -> Json | None:
    """The patch that marks a Node; None: it is marked."""
    annotations = node["metadata"].get("annotations") or {}
    taints = _others(node)
    is_cordoned = bool(node.get("spec", {}).get("unschedulable"))
    has_taint = len(taints) < len(node.get("spec", {}).get("taints") or ())
    has_label = NO_BALANCER in (node["metadata"].get("labels") or {})
    if DRAINING in annotations and is_cordoned and has_taint and has_label:
        return None
    said: dict[str, Any] = {} if DRAINING in annotations else {DRAINING: now.isoformat(), RESUMED: None}
    if is_cordoned and DRAINING not in annotations:
        said[WAS_CORDONED] = "true"
    return {
        "metadata": {"annotations": said, "labels": {NO_BALANCER: "true"}},
        "spec": {"unschedulable": True, "taints": [*taints, {"key": DRAINING, "effect": "NoSchedule"}]},
    }


def _unmarked(node: Json, now: datetime) -> Json | None:
    """The patch that takes the mark off; None: there is none, and a cordon without it is somebody else's."""
    annotations = node["metadata"].get("annotations") or {}
    if DRAINING not in annotations:
        return None
    spec: Json = {"taints": _others(node)}
    if WAS_CORDONED not in annotations:
        spec["unschedulable"] = None
    return {
        "metadata": {
            "annotations": {DRAINING: None, WAS_CORDONED: None, RESUMED: now.isoformat()},
            "labels": {NO_BALANCER: None},
        },
        "spec": spec,
    }


def _others(node: Json) -> list[Json]:
    """Every taint but ours."""
    return [taint for taint in node.get("spec", {}).get("taints") or () if taint.get("key") != DRAINING]
