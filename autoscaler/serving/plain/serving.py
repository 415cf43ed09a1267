"""PlainServing: model servers without Kubernetes. Demand from metrics, readiness by probes, routing by a kept list.

It learns the nodes from `follow`, so before the first one it can say what is asked for and nothing of nodes. A node is
routed to while it serves, and from the first probe that finds its model answering; not from the moment it drains. One
that serves and is silent for SILENT_ROUNDS probes in a row is left out until it answers, where another node of the
model does answer: a probe that fails everywhere says more of this side than of the nodes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autoscaler.fleet import COMING, Node, NodeState
from autoscaler.serving.metrics import FleetMetrics, MetricsReader
from autoscaler.serving.plain.probe import Probe, Prober
from autoscaler.serving.plain.router import Endpoint, Router, endpoint_of
from autoscaler.serving.plain.targets import keep_targets
from autoscaler.serving.serving import ModelReading, NodeReading, Readings, ServingError

SILENT_ROUNDS = 2
MAY_SERVE = COMING | {NodeState.READY, NodeState.DRAINING}
"""Nodes that are probed."""


@dataclass(slots=True, kw_only=True)
class PlainServing:
    """The serving side of a plain fleet."""

    router: Router
    prober: Prober
    clock: Callable[[], datetime]
    metrics: MetricsReader | None = None
    """None: demand is not measured."""
    port: int = 8000
    targets_file: Path | None = None
    _nodes: dict[str, Node] = field(default_factory=dict)
    _probes: dict[str, Probe] = field(default_factory=dict)
    """The last answer of each node."""
    _silent: dict[str, int] = field(default_factory=dict)
    """Probes in a row that a node was not ready at."""

    def read(self) -> Readings:
        """Demand by the metrics, nodes by their own answers; what is missing is said in the remarks."""
        models: Mapping[str, ModelReading] = {}
        remarks: tuple[str, ...] = ()
        measured, known = None, self._nodes
        if self.metrics is None:
            remarks = ("no [metrics]: demand is not measured",)
        else:
            try:
                measured = self.metrics.read(self.clock(), tuple(known.values()))
            except ServingError as error:
                remarks = (str(error),)  # the nodes may be known all the same
            else:
                models, remarks = measured.models, measured.remarks
        counted = self._in_flight_by(measured, known)
        probes = self._probe(tuple(known.values()), counted)
        nodes = {node_id: self._reading(node_id, probe, counted) for node_id, probe in probes.items()}
        return Readings(models=models, nodes=nodes, remarks=(*remarks, *_unready(probes, known)))

    def stop_routing(self, node_id: str) -> None:
        """Takes the node out of the router's list, at once."""
        self.router.remove(node_id)

    def resume_routing(self, node_id: str) -> None:
        """Puts the node into the router's list again."""
        node = self._nodes.get(node_id)
        endpoint = None if node is None else endpoint_of(node, self.port)
        if endpoint is None:
            raise ServingError(f"{node_id}: its address is not known yet")
        self.router.add(endpoint)

    def follow(self, nodes: Sequence[Node]) -> None:
        """Brings router and targets up to the fleet; nodes that are new are probed first.

        The targets file is kept first: a router that fails does not blind Prometheus.
        """
        met = [node for node in nodes if node.id not in self._probes]
        self.know(nodes)
        if self.targets_file is not None:
            keep_targets(self.targets_file, nodes, self.port)
        self._probe(met, {})
        routed, also = self._routed(nodes)
        self.router.keep(routed, also=also)

    def know(self, nodes: Sequence[Node]) -> None:
        """Takes in which nodes there are: they are probed from the next reading on."""
        self._nodes = {node.id: node for node in nodes}
        for known in (self._probes, self._silent):
            for node_id in [one for one in known if one not in self._nodes]:
                del known[node_id]

    def close(self) -> None:
        """Lets go of the connections to nodes and router; who reads the metrics is somebody else's."""
        self.prober.close()
        self.router.close()

    def _probe(self, nodes: Sequence[Node], counted: Mapping[str, int | None]) -> dict[str, Probe]:
        """What nodes that may serve answer now; requests in flight are asked of those no metrics tell them of."""
        endpoints = [
            endpoint
            for node in nodes
            if node.state in MAY_SERVE and (endpoint := endpoint_of(node, self.port)) is not None
        ]
        untold = frozenset(one.node_id for one in endpoints if counted.get(one.node_id) is None)
        probes = self.prober.probe(endpoints, count=untold)
        self._probes |= probes
        for node_id, probe in probes.items():
            self._silent[node_id] = 0 if probe.is_ready else self._silent.get(node_id, 0) + 1
        return probes

    def _in_flight_by(self, measured: FleetMetrics | None, known: Mapping[str, Node]) -> dict[str, int | None]:
        """Requests in flight by the metrics. Of a draining node they are too old: it may have got one since."""
        if measured is None or self.metrics is None or self.metrics.dialect.is_gateway:
            return {}
        return {
            node_id: number
            for node_id, number in measured.in_flight().items()
            if known[node_id].state is not NodeState.DRAINING
        }

    def _reading(self, node_id: str, probe: Probe, counted: Mapping[str, int | None]) -> NodeReading:
        in_flight = counted.get(node_id)
        return NodeReading(is_ready=probe.is_ready, in_flight=probe.in_flight if in_flight is None else in_flight)

    def _routed(self, nodes: Sequence[Node]) -> tuple[list[Endpoint], frozenset[str]]:
        """The endpoints to route to; and nodes that stay as they are, for their address is not known."""
        serving: dict[str, list[tuple[Endpoint, bool]]] = {}
        also = set()
        for node in nodes:
            probe = self._probes.get(node.id)
            is_ready = probe is not None and probe.is_ready
            if node.state is not NodeState.READY and not (node.state in COMING and is_ready):
                continue
            endpoint = endpoint_of(node, self.port)
            if endpoint is None:
                also.add(node.id)
            else:
                answers = is_ready or self._silent.get(node.id, 0) < SILENT_ROUNDS
                serving.setdefault(node.model, []).append((endpoint, answers))
        routed = []
        for found in serving.values():
            does_any = any(self._probes[one.node_id].is_ready for one, _ in found if one.node_id in self._probes)
            routed += [endpoint for endpoint, answers in found if answers or not does_any]
        return routed, frozenset(also)


def _unready(probes: Mapping[str, Probe], known: Mapping[str, Node]) -> list[str]:
    """What is said of nodes that should serve and do not."""
    return [
        f"{node_id}: {probe.why}"
        for node_id, probe in sorted(probes.items())
        if not probe.is_ready and known[node_id].state is NodeState.READY
    ]
