"""SimulatedServing: the serving side of a replay, on the replay's clock. Pure.

Its clock is the timeline's; the clouds tell it which machines run, are gone or broke. A machine that runs loads the
model for `load_s`, then its node takes work. Demand is read as the mean since the reading before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.fleet import Node
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.serving.model import ModelServing
from autoscaler.replay.serving.servers import WARM_STEPS, ServingNode
from autoscaler.replay.serving.tally import Tally
from autoscaler.replay.world import World
from autoscaler.serving.serving import ModelReading, NodeReading, Readings
from autoscaler.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one node served in its life."""

    ready_s: float
    """It took work from then on."""
    needed_s: float
    """How long it served, and the fleet without it would not have sufficed."""


@dataclass(slots=True, kw_only=True)
class _Read:
    """Where the last reading of a model ended."""

    at_s: float = 0.0
    asked_in: float = 0.0
    asked_out: float = 0.0
    lost_tokens: float = 0.0
    reading: ModelReading | None = None


@dataclass(slots=True, kw_only=True)
class _Said:
    """What was last said of a model's nodes, and what it depended on."""

    changes: int = -1
    busy: tuple[int, ...] = ()
    """Requests in flight on a node of each group that serves."""
    nodes: dict[str, NodeReading] = field(default_factory=dict)


class SimulatedServing:
    """Every model of the world: its queue and nodes."""

    def __init__(self, world: World, timeline: Timeline) -> None:
        self._timeline = timeline
        self.tally = Tally(world.traffic.duration_s, len(world.traffic.models))
        has_egress = any(pool.egress_usd_mtok > 0 for pool in world.pools)
        self.models: Mapping[str, ModelServing] = {
            name: ModelServing(world.models[name], world.traffic, self.tally, counts_output=has_egress)
            for name in world.traffic.models
        }
        self.services: dict[str, Service] = {}
        """By node id: what the nodes that are gone served."""
        self._model_of: dict[str, ModelServing] = {}
        """By node id, those that joined and are not gone."""
        self._stopped: set[str] = set()
        """Node ids that get no new work, those that did not join yet too."""
        self._reads = {name: _Read() for name in self.models}
        self._said = {name: _Said() for name in self.models}

    # --- the serving side

    def read(self) -> Readings:
        """Demand since the last reading, and the nodes now."""
        self.advance()
        nodes: dict[str, NodeReading] = {}
        for name, serving in self.models.items():
            nodes.update(self._nodes(name, serving))
        return Readings(models={name: self._reading(name, one) for name, one in self.models.items()}, nodes=nodes)

    def stop_routing(self, node_id: str) -> None:
        """The node gets no new work and finishes the old."""
        self._stopped.add(node_id)
        found = self._now(node_id)
        if found is not None and found[1].is_routed:
            found[0].stop(found[1])

    def resume_routing(self, node_id: str) -> None:
        """The node gets work again."""
        self._stopped.discard(node_id)
        found = self._now(node_id)
        if found is not None and not found[1].is_routed:
            found[0].servers.resume(found[1], found[0].now_s)

    def follow(self, nodes: Sequence[Node]) -> None:
        """Nothing: nodes join and leave by what the clouds tell."""

    # --- what the clouds tell

    def running(self, machine: MachineTruth) -> None:
        """A machine runs: its node joins when the model is loaded; a base node has it loaded."""
        if machine.model is None or machine.model not in self.models or machine.node_id is None:
            return
        load_s = 0.0 if machine.is_base else self.models[machine.model].model.load_s
        if load_s <= 0:
            self._join(machine)
        else:
            self._timeline.plan(self._timeline.now_s + load_s, f"{machine.id} serves", lambda: self._join(machine))

    def gone(self, machine: MachineTruth) -> None:
        """A machine is gone: its node serves no more, and what it had in flight is lost."""
        found = self._now(machine.node_id)
        self._stopped.discard(machine.node_id or "")
        if found is not None:
            serving, node = found
            serving.leave(node)
            self.services[node.id] = _service(node)
            del self._model_of[node.id]

    def broke(self, machine: MachineTruth) -> None:
        """A machine's node serves no more and stays."""
        found = self._now(machine.node_id)
        if found is not None and not found[1].is_broken:
            found[0].break_down(found[1])

    # --- the truth

    def advance(self) -> None:
        """Moves every model to the timeline's now."""
        now_s = self._timeline.now_s
        for serving in self.models.values():
            serving.advance(now_s)

    def finish(self) -> None:
        """Ends the replay: every model at its end, the last hour closed, a service for each node still there."""
        self.advance()
        for serving in self.models.values():
            for node in list(serving.servers.nodes.values()):
                serving.servers.leave(node, serving.now_s)
                self.services[node.id] = _service(node)
            serving.close_hour()

    def node(self, node_id: str) -> ServingNode | None:
        """The node as it is; None: it did not join, or is gone."""
        serving = self._model_of.get(node_id)
        return None if serving is None else serving.servers.nodes[node_id]

    def last_reading(self, model: str) -> ModelReading | None:
        """What was last read of the model, faults of the metrics apart; None: nothing was yet."""
        return self._reads[model].reading

    def in_flight(self, model: str) -> int:
        """Requests the model's nodes work on."""
        serving = self.models[model]
        return sum(serving.in_flight(node) for node in serving.servers.nodes.values())

    def in_flight_of(self, node_id: str) -> int:
        """Requests the node works on; 0 where it did not join, or is gone."""
        found = self._now(node_id)
        return 0 if found is None else found[0].in_flight(found[1])

    def _join(self, machine: MachineTruth) -> None:
        if not machine.is_held or machine.is_broken or machine.model is None or machine.node_id is None:
            return
        serving = self.models[machine.model]
        serving.advance(self._timeline.now_s)
        node = serving.servers.join(
            machine.node_id,
            machine.pool,
            self._timeline.now_s,
            is_base=machine.is_base,
            is_routed=machine.node_id not in self._stopped,
        )
        self._model_of[node.id] = serving
        if not machine.is_base and serving.model.cache_warmup_s > 0 and serving.model.cache_hit_ratio > 0:
            self._plan_warming(serving, node, 1)

    def _plan_warming(self, serving: ModelServing, node: ServingNode, step: int) -> None:
        def warm() -> None:
            if serving.servers.nodes.get(node.id) is node:
                serving.advance(self._timeline.now_s)
                serving.servers.warm(node, step)
                if step < WARM_STEPS:
                    self._plan_warming(serving, node, step + 1)

        at_s = node.ready_s + serving.model.cache_warmup_s * step / WARM_STEPS
        self._timeline.plan(at_s, f"{node.id} warms up", warm)

    def _now(self, node_id: str | None) -> tuple[ModelServing, ServingNode] | None:
        """A node and its model, moved to now."""
        serving = self._model_of.get(node_id) if node_id is not None else None
        if serving is None or node_id is None:
            return None
        serving.advance(self._timeline.now_s)
        return serving, serving.servers.nodes[node_id]

    # --- readings

    def _reading(self, name: str, serving: ModelServing) -> ModelReading:
        """The mean since the last reading; asked twice at one instant, the same."""
        last = self._reads[name]
        span_s = serving.now_s - last.at_s
        if span_s <= 0 and last.reading is not None:
            return last.reading
        asked_in, asked_out = serving.asked_in - last.asked_in, serving.asked_out - last.asked_out
        asked, lost = asked_in + asked_out, serving.lost_tokens - last.lost_tokens
        queue_in, queue_out, _ = serving.waiting()
        reading = ModelReading(
            measured_at=self._timeline.now,
            input_tok_s=asked_in / span_s if span_s > 0 else 0.0,
            output_tok_s=asked_out / span_s if span_s > 0 else 0.0,
            queue_input_tokens=queue_in,
            queue_output_tokens=queue_out,
            cache_hit_ratio=serving.servers.hit_ratio(),
            unserved_ratio=min(1.0, lost / asked) if asked > 0 else None,
        )
        self._reads[name] = _Read(
            at_s=serving.now_s,
            asked_in=serving.asked_in,
            asked_out=serving.asked_out,
            lost_tokens=serving.lost_tokens,
            reading=reading,
        )
        return reading

    def _nodes(self, name: str, serving: ModelServing) -> Mapping[str, NodeReading]:
        """What the nodes say; the same object as long as none says anything else."""
        said, servers = self._said[name], serving.servers
        busy = tuple(serving.busy_in_flight(group) for group in servers.active)
        is_draining = len(servers.serving) < len(servers.nodes) and serving.model.service_s > 0
        if said.changes == servers.changes and said.busy == busy and not is_draining:
            return said.nodes
        by_group = {
            id(group): NodeReading(is_ready=True, in_flight=in_flight)
            for group, in_flight in zip(servers.active, busy, strict=True)
        }
        nodes = {
            node.id: by_group[id(node.group)]
            if node.is_serving
            else NodeReading(is_ready=not node.is_broken, in_flight=serving.in_flight(node))
            for node in servers.nodes.values()
        }
        self._said[name] = _Said(changes=servers.changes, busy=busy, nodes=nodes)
        return nodes


def _service(node: ServingNode) -> Service:
    return Service(ready_s=node.ready_s, needed_s=max(0.0, node.served_s - node.unneeded_s))
