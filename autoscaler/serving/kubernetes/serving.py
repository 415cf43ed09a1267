"""Serving in Kubernetes: `Serving` over the API server, with the metrics of the model servers beside it.

A node is ready when its model answers: a pod of the model on it is Ready, and the metrics say that it answers. A node
that drains is as ready as its machine, for it would take requests were they routed to it. A node without a pod may
still carry traffic: that a draining node works on nothing is said only once balancers have had the time to leave it,
and when metrics say so or its pods are gone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeAlias

from autoscaler.cluster.api import ClusterApi, ClusterError
from autoscaler.cluster.labels import MODEL, label_value
from autoscaler.fleet import Node, NodeState
from autoscaler.serving.kubernetes.drain import CONFLICT, NOT_FOUND, Drainer
from autoscaler.serving.kubernetes.match import Matched, match
from autoscaler.serving.kubernetes.mirror import QUIET_S, Mirror
from autoscaler.serving.kubernetes.objects import ClusterNode, ClusterPod, node_of, pod_of
from autoscaler.serving.serving import ModelReading, NodeReading, Readings, ServingError

SPOT_MARGIN_S = 20.0
"""So long before a machine is taken back its pods are deleted, budgets or not."""
LINGER_S = 30.0
"""So long after a cordon a balancer may still send a node traffic that it passes on."""
RELOAD_S = 900.0
"""So long after a drain was taken back a node may load its model anew before it is said not to be ready."""
LATE_GRACE_S = 10.0
"""What pods get after the drain's time is up and nobody takes the machine back."""


class ServerMeter(Protocol):
    """What the metrics say of one server."""

    @property
    def is_answering(self) -> bool: ...  # noqa: D102 - the class says it
    @property
    def in_flight(self) -> int | None: ...  # noqa: D102


class Metered(Protocol):
    """What the metrics say at one time."""

    @property
    def models(self) -> Mapping[str, ModelReading]: ...  # noqa: D102
    @property
    def remarks(self) -> tuple[str, ...]: ...  # noqa: D102
    def on(self, node_id: str) -> Sequence[ServerMeter]:
        """The servers on a node; none: the metrics do not know it."""
        ...


Metering: TypeAlias = Callable[[datetime, Sequence[Node]], Metered]
"""Reads the metrics; a node's address is that of its model's pod. Raises ServingError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The cluster as the last read found it."""

    matched: Matched
    pods: Mapping[str, tuple[ClusterPod, ...]]
    """Of models, not over, by Node name."""

    def address_on(self, one: ClusterNode) -> str | None:
        """Where a model's pod on a Node is reached; None: it has none."""
        return next((pod.ip for pod in self.pods.get(one.name, ()) if pod.ip is not None), None)


class KubernetesServing:
    """The serving side of one fleet in one cluster."""

    def __init__(
        self,
        api: ClusterApi,
        *,
        fleet: str,
        models: Iterable[str],
        metering: Metering,
        clock: Callable[[], datetime],
        drain_timeout_s: float,
        model_label: str = MODEL,
        spot_margin_s: float = SPOT_MARGIN_S,
        linger_s: float = LINGER_S,
        reload_s: float = RELOAD_S,
        quiet_s: float = QUIET_S,
    ) -> None:
        """`models`: the fleet's own names. `drain_timeout_s`: after it pods are deleted, budgets or not."""
        self._api = api
        self._fleet = fleet
        self._models = {label_value(name): name for name in models}
        self._metering = metering
        self._clock = clock
        self._drain_timeout_s = drain_timeout_s
        self._spot_margin_s = spot_margin_s
        self._linger_s = linger_s
        self._reload_s = reload_s
        self._drainer = Drainer(api=api, model_label=model_label)
        self._nodes = Mirror(api, "/api/v1/nodes", node_of, quiet_s=quiet_s)
        self._pods = Mirror(
            api,
            "/api/v1/pods",
            lambda item: pod_of(item, model_label=model_label),
            selector=model_label,
            quiet_s=quiet_s,
        )
        self._fleet_nodes: Mapping[str, Node] = {}
        """As the end of the last tick left them."""
        self._has_followed = False

    # --- read

    def read(self) -> Readings:
        """Demand and nodes now. Raises ServingError: a part of it would be taken for the whole."""
        seen = self._look()
        now = self._clock()
        nodes = self._with_addresses(seen, now)
        metered = self._metering(now, nodes)
        readings = {
            node.id: reading for node in nodes if (reading := self._reading(node, seen, metered, now)) is not None
        }
        return Readings(
            models=metered.models,
            nodes=readings,
            cluster_names={node.id: node.cluster_name for node in nodes if node.cluster_name is not None},
            remarks=(*metered.remarks, *self._remarks(seen)),
        )

    def _look(self) -> _Seen:
        try:
            self._nodes.refresh()
            self._pods.refresh()
        except ClusterError as error:
            raise ServingError(f"cluster: {error}") from error
        return self._match(self._fleet_nodes.values())

    def _match(self, nodes: Iterable[Node]) -> _Seen:
        pods: dict[str, list[ClusterPod]] = {}
        for pod in self._pods.objects:
            if pod.node is not None and not pod.is_over:
                pods.setdefault(pod.node, []).append(pod)
        return _Seen(
            matched=match(self._nodes.objects, tuple(nodes), fleet=self._fleet),
            pods={name: tuple(found) for name, found in pods.items()},
        )

    def _remarks(self, seen: _Seen) -> tuple[str, ...]:
        """What in the cluster does not fit the fleet."""
        strays = [one for one in seen.matched.strays if one.is_ready] if self._has_followed else []
        said = (
            f"Node {one.name} says it is {one.node_id} of this fleet, which the fleet does not have: left alone"
            for one in strays
        )
        return (*seen.matched.problems, *said)

    def _with_addresses(self, seen: _Seen, now: datetime) -> tuple[Node, ...]:
        """The nodes that joined, each with its Node's name and its pod's address; others by their labels.

        A node without a pod is said to be loading: no server of it is expected to answer.
        """
        found = []
        for node_id, one in seen.matched.objects.items():
            address = seen.address_on(one)
            node = replace(self._fleet_nodes[node_id], address=address, cluster_name=one.name)
            found.append(node if address is not None else replace(node, state=NodeState.LOADING))
        strays = [one for one in seen.matched.strays if one.node_id not in self._fleet_nodes]
        return (*found, *(self._by_label(one, seen.address_on(one), now) for one in strays))

    def _by_label(self, one: ClusterNode, address: str | None, now: datetime) -> Node:
        """A node that the fleet did not tell of: launched before this process began."""
        return Node(
            id=one.node_id or "",
            pool=one.pool or "",
            model=self._models.get(one.model or "", one.model or ""),
            state=NodeState.LOADING,
            since=now,
            ordered_at=now,
            address=address,
            cluster_name=one.name,
        )

    def _reading(self, node: Node, seen: _Seen, metered: Metered, now: datetime) -> NodeReading | None:
        """What a node says of itself; None: it is not known."""
        one = seen.matched.objects.get(node.id) or next(s for s in seen.matched.strays if s.node_id == node.id)
        meters = metered.on(node.id)
        pods = [
            pod for pod in seen.pods.get(one.name, ()) if self._models.get(pod.model or "", pod.model) == node.model
        ]
        known = [meter.in_flight for meter in meters if meter.in_flight is not None]
        in_flight = sum(known) if known and len(known) == len(meters) else None
        if one.draining_since is not None:
            if now - one.draining_since < timedelta(seconds=self._linger_s):
                in_flight = in_flight or None  # none now, and some may be on their way
            elif in_flight is None and not pods:
                in_flight = 0  # its pods ended with what they worked on, and nobody sends it traffic to pass on
            return NodeReading(is_ready=one.is_ready, in_flight=in_flight)
        if not one.is_ready or not any(pod.is_ready and not pod.is_ending for pod in pods):
            resumed = one.resumed_at
            if one.is_ready and resumed is not None and now - resumed < timedelta(seconds=self._reload_s):
                return None  # it loads its model anew: neither serving nor broken
            return NodeReading(is_ready=False, in_flight=in_flight)
        if not meters:
            return None
        return NodeReading(is_ready=any(meter.is_answering for meter in meters), in_flight=in_flight)

    # --- stop, resume

    def stop_routing(self, node_id: str) -> None:
        """The node takes no new pods, and its pods begin to leave. Raises ServingError."""
        one = self._object_of(node_id)
        now = self._clock()
        try:
            self._drainer.mark(one.name, now)
            problems = self._drain(one, self._fleet_nodes.get(node_id), now)
        except ClusterError as error:
            raise ServingError(f"drain of {node_id}: {error}") from error
        if problems:
            raise ServingError(f"drain of {node_id}: {'; '.join(problems)}")

    def resume_routing(self, node_id: str) -> None:
        """The node takes pods again; those that left come back when they are scheduled. Raises ServingError."""
        one = self._object_of(node_id)
        try:
            self._drainer.unmark(one.name, self._clock())
        except ClusterError as error:
            raise ServingError(f"end of the drain of {node_id}: {error}") from error

    def _object_of(self, node_id: str) -> ClusterNode:
        """The node's Node object as the last read found it; looked for once more where it found none."""
        for is_last in (False, True):
            seen = self._look() if is_last else self._match(self._fleet_nodes.values())
            one = seen.matched.objects.get(node_id)
            one = one or next((s for s in seen.matched.strays if s.node_id == label_value(node_id)), None)
            if one is not None:
                return one
        raise ServingError(
            f"no Node of the cluster is {node_id}: expected the label baseload.dev/node={label_value(node_id)} and"
            f" baseload.dev/fleet={label_value(self._fleet)}, or the provider id of its machine"
        )

    # --- follow

    def follow(self, nodes: Sequence[Node]) -> None:
        """Drains go on, marks follow the fleet, Node objects of machines that are gone are deleted.

        Raises ServingError with all that went wrong, once all was tried; what the server does not answer is not
        asked again in this tick.
        """
        self._fleet_nodes = {node.id: node for node in nodes}
        self._has_followed = True
        seen = self._match(nodes)
        problems: list[str] = []
        try:
            for node_id, one in seen.matched.objects.items():
                problems += self._contained(one, partial(self._keep, self._fleet_nodes[node_id], one))
            for one in seen.matched.strays:
                problems += self._contained(one, partial(self._clear, one))
        except ClusterError as error:
            problems.append(str(error))
        if problems:
            raise ServingError("; ".join(problems))

    def _contained(self, one: ClusterNode, call: Callable[[], list[str]]) -> list[str]:
        """What went wrong with one Node. Raises ClusterError where the server does not answer at all."""
        try:
            return call()
        except ClusterError as error:
            if error.status is None:
                raise
            return [] if error.status == NOT_FOUND else [f"Node {one.name}: {error}"]

    def _keep(self, node: Node, one: ClusterNode) -> list[str]:
        now = self._clock()
        if node.state is NodeState.DRAINING:
            if one.draining_since is None or not one.is_cordoned:
                self._drainer.mark(one.name, now)
            return self._drain(one, node, now)
        if node.state is NodeState.READY and one.draining_since is not None:
            self._drainer.unmark(one.name, now)
        return []

    def _drain(self, one: ClusterNode, node: Node | None, now: datetime) -> list[str]:
        """One pass over the pods of a Node: evicted, or deleted once the drain's time is up."""
        pods = self._drainer.pods_on(one.name)
        taken_back_at = None if node is None else node.taken_back_at
        left_s = (self._deadline(node, now) - now).total_seconds()
        if left_s > 0:
            return self._drainer.evict([pod for pod in pods if not pod.is_ending], left_s=left_s)
        grace_s = LATE_GRACE_S if taken_back_at is None else (taken_back_at - now).total_seconds()
        return self._drainer.delete(pods, grace_s=min(grace_s, max(self._spot_margin_s, LATE_GRACE_S)))

    def _deadline(self, node: Node | None, now: datetime) -> datetime:
        """When pods are deleted, budgets or not: at the end of the drain's time, or shortly before a take-back."""
        begun = node.since if node is not None and node.state is NodeState.DRAINING else now
        deadline = begun + timedelta(seconds=self._drain_timeout_s)
        if node is not None and node.taken_back_at is not None:
            deadline = min(deadline, node.taken_back_at - timedelta(seconds=self._spot_margin_s))
        return deadline

    def _clear(self, one: ClusterNode) -> list[str]:
        """Deletes the Node object of a machine that is gone; one whose kubelet is heard is somebody's machine still."""
        if one.is_ready:
            return []
        body = {"preconditions": {"uid": one.uid, "resourceVersion": one.version}}
        try:
            self._api.delete(f"/api/v1/nodes/{one.name}", body)
        except ClusterError as error:
            if error.status != CONFLICT:
                raise
        return []
