"""What a test of the serving side needs in a cluster: nodes that joined, models that run on them, what metrics say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, sleep

from autoscaler.cluster.api import ClusterApi, Json
from autoscaler.fleet import Node, NodeState
from autoscaler.serving.kubernetes import KubernetesServing
from autoscaler.serving.serving import ModelReading
from tests.cluster.kubelet import Kubelet

MODEL = "llama-7b-q4"
PATIENCE_S = 60.0


@dataclass
class Server:
    is_answering: bool = True
    in_flight: int | None = 0


@dataclass
class Metrics:
    """What the metrics say; as Prometheus would, without one."""

    servers: dict[str, Server] = field(default_factory=dict)
    models: Mapping[str, ModelReading] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    asked: Sequence[Node] = ()

    def __call__(self, now: datetime, nodes: Sequence[Node]) -> "Metrics":
        self.asked = nodes
        return self

    def on(self, node_id: str) -> Sequence[Server]:
        return [self.servers[node_id]] if node_id in self.servers else []


@dataclass
class Scene:
    """One test's part of the cluster: its namespace is also the name of its fleet."""

    admin: ClusterApi
    kubelet: Kubelet
    namespace: str
    metrics: Metrics = field(default_factory=Metrics)
    nodes: dict[str, Node] = field(default_factory=dict)
    now: datetime | None = None

    def clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    def serving(self, api: ClusterApi, *, drain_timeout_s: float = 600.0, linger_s: float = 0.0) -> KubernetesServing:
        return KubernetesServing(
            api,
            fleet=self.namespace,
            models=[MODEL],
            metering=self.metrics,
            clock=self.clock,
            drain_timeout_s=drain_timeout_s,
            linger_s=linger_s,
        )

    def name(self, short: str) -> str:
        return f"{self.namespace}-{short}"

    def join(
        self,
        short: str,
        *,
        provider_id: str | None = None,
        machine_id: str | None = None,
        is_labelled: bool = True,
        in_fleet: bool = True,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """The id of a node of ours that joined; its Node's name is another than its id."""
        node_id = self.name(short)
        ours = {
            "baseload.dev/node": node_id,
            "baseload.dev/fleet": self.namespace,
            "baseload.dev/model": MODEL,
            "baseload.dev/pool": "aws_r7a.4xlarge_spot",
        }
        self.machine(
            f"ip-{node_id}",
            labels={**(ours if is_labelled else {}), **(labels or {})},
            provider_id=provider_id,
        )
        if in_fleet:
            self.nodes[node_id] = Node(
                id=node_id,
                pool="aws/r7a.4xlarge@us-east-1a/spot",
                model=MODEL,
                state=NodeState.READY,
                since=self.clock(),
                ordered_at=self.clock(),
                machine_id=machine_id,
            )
        return node_id

    def machine(self, name: str, *, labels: Mapping[str, str], provider_id: str | None = None) -> None:
        """A Node of the cluster, and a kubelet for it."""
        body: Json = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"test": self.namespace, "kubernetes.io/hostname": name, **labels}},
            "spec": {"providerID": provider_id} if provider_id else {},
        }
        self.admin.post("/api/v1/nodes", body)
        self.kubelet.alive.add(name)
        self.until(lambda: self.is_usable(name), f"Node {name} is not Ready")

    def is_usable(self, name: str) -> bool:
        node = self.admin.get(f"/api/v1/nodes/{name}")
        is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
        return is_ready and not any(t["key"].endswith("not-ready") for t in node["spec"].get("taints", ()))

    def run(self, name: str = "llm", *, replicas: int, model: str | None = MODEL, kind: str = "Deployment") -> None:
        """A model server on `replicas` of this test's nodes, one a node; all of them are Ready."""
        labels = {"app": name, **({"baseload.dev/model": model} if model else {})}
        spread = {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": {"app": name}}, "topologyKey": "kubernetes.io/hostname"}
                ]
            }
        }
        spec: Json = {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": {"test": self.namespace},
                    "containers": [{"name": "server", "image": "vllm"}],
                    **({"affinity": spread} if kind == "Deployment" else {}),
                },
            },
        }
        if kind == "Deployment":
            spec["replicas"] = replicas
        path = f"/apis/apps/v1/namespaces/{self.namespace}/{kind.lower()}s"
        self.admin.post(path, {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
        self.until(lambda: len(self.ready(name)) == replicas, f"not {replicas} pods of {name} are Ready")

    def budget(self, name: str = "llm", *, min_available: int) -> None:
        """A disruption budget over a model's pods."""
        path = f"/apis/policy/v1beta1/namespaces/{self.namespace}/poddisruptionbudgets"
        spec = {"minAvailable": min_available, "selector": {"matchLabels": {"app": name}}}
        body = {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
        self.admin.post(path, body)
        self.until(
            lambda: self.admin.get(f"{path}/{name}").get("status", {}).get("expectedPods"), "the budget is not counted"
        )

    def pods(self, app: str = "llm") -> list[Json]:
        found = self.admin.get(f"/api/v1/namespaces/{self.namespace}/pods", {"labelSelector": f"app={app}"})
        return list(found["items"])

    def ready(self, app: str = "llm") -> list[Json]:
        return [
            pod
            for pod in self.pods(app)
            if not pod["metadata"].get("deletionTimestamp")
            and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
        ]

    def where(self, app: str = "llm") -> dict[str, str]:
        """Pod -> Node of those that are placed and not ending."""
        return {
            pod["metadata"]["name"]: pod["spec"]["nodeName"]
            for pod in self.pods(app)
            if pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp")
        }

    def node(self, node_id: str) -> Json:
        return self.admin.get(f"/api/v1/nodes/ip-{node_id}")

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Waits for real controllers."""
        end = monotonic() + PATIENCE_S
        while not holds():
            assert monotonic() < end, what
            sleep(0.05)
