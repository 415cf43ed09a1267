"""A simulated kubelet, for all nodes: heartbeats, pods that become Ready, deletions that are completed.

Every 50 ms it does what a kubelet does over seconds. It answers for the nodes that are `alive`; a machine that is gone
is taken out of there, and the real node controller then finds out by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread

from autoscaler.cluster.api import ClusterApi, ClusterError, Json

PERIOD_S = 0.05
HEARTBEAT_S = 0.5


class Kubelet:
    """Kubelets of the nodes named in `alive`."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self.alive: set[str] = set()
        self.holds: set[str] = set()
        """Pods (namespace/name) that take their time to end: their deletion is not completed while they are here."""
        self.unready: set[str] = set()
        """Pods that do not become Ready."""
        self.pod_ips: dict[str, str] = {}
        """By node: the address of its pods; others have one in common."""
        self.problems: list[str] = []
        self._beats = 0

    def step(self) -> None:
        """What kubelets do in one period."""
        if self._beats % round(HEARTBEAT_S / PERIOD_S) == 0:
            for name in sorted(self.alive):
                self._tolerant(self._beat, name)
        self._beats += 1
        for pod in self._api.get("/api/v1/pods")["items"]:
            if pod["spec"].get("nodeName") in self.alive:
                self._tolerant(self._run, pod)

    def _tolerant(self, call, what) -> None:
        try:
            call(what)
        except ClusterError as error:
            if error.status not in (None, 404, 409):  # None: a busy machine; it is tried again
                self.problems.append(str(error))

    def _beat(self, name: str) -> None:
        condition = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "lastHeartbeatTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "110"}
        status = {"conditions": [condition], "capacity": capacity, "allocatable": capacity}
        self._api.patch(f"/api/v1/nodes/{name}/status", {"status": status})

    def _run(self, pod: Json) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        name = f"{meta['namespace']}/{meta['name']}"
        if meta.get("deletionTimestamp"):
            if name not in self.holds:
                self._api.delete(path, {"gracePeriodSeconds": 0})
            return
        ready = "False" if name in self.unready else "True"
        if not any(
            c["type"] == "Ready" and c["status"] == ready for c in pod.get("status", {}).get("conditions") or ()
        ):
            status = {
                "phase": "Running",
                "podIP": self.pod_ips.get(pod["spec"]["nodeName"], "10.1.0.1"),
                "conditions": [{"type": "Ready", "status": ready}],
            }
            self._api.patch(f"{path}/status", {"status": status})


@contextmanager
def running(api: ClusterApi) -> Iterator[Kubelet]:
    """A kubelet that works on in a thread of its own."""
    kubelet, stop = Kubelet(api), Event()

    def work() -> None:
        while not stop.wait(PERIOD_S):
            try:
                kubelet.step()
            except ClusterError as error:
                if error.status is not None:
                    kubelet.problems.append(str(error))

    thread = Thread(target=work, name="kubelet", daemon=True)
    thread.start()
    try:
        yield kubelet
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not thread.is_alive()
    assert kubelet.problems == []
