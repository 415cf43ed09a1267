"""Servers of one model: the nodes that hold it, and what they can carry at a mix of tokens. Pure.

A node is worth `speed` reference nodes at the current mix: (work on the reference offer) / (work on this node), the
prefix cache of each as warm as it is. A new node's cache grows from nothing to the model's hit ratio in a few steps.
"""

from dataclasses import dataclass, field

from autoscaler.replay.serving.delay import ttft_by_utilization
from autoscaler.replay.world import ServedModel

WARM_STEPS = 10
"""Steps in which a cache warms up; each holds the hit ratio of its middle."""


@dataclass(slots=True, kw_only=True)
class Group:
    """Nodes of one offer whose caches are equally warm."""

    offer: str
    hit_ratio: float
    input_node_s: float
    """Node-seconds an input token takes, those found in the cache included at nothing."""
    output_node_s: float
    concurrency: float
    """Requests in flight on a node that is fully busy."""
    ttft_s: tuple[float, ...]
    """By utilization in steps of 1 %."""
    count: int = 0
    speed: float = 1.0
    output_tokens: float = 0.0
    """Served by its nodes, where that is counted."""


@dataclass(slots=True, kw_only=True, eq=False)
class ServingNode:
    """One node with the model loaded."""

    id: str
    is_base: bool
    ready_s: float
    group: Group
    is_routed: bool = True
    is_broken: bool = False
    since_s: float
    """It serves since."""
    served_s: float = 0.0
    """Time it served before `since_s`, the work in flight at a drain finished."""
    unneeded_s: float = 0.0
    """Of the time it served: what the fleet could have done without it."""
    stopped_s: float | None = None
    """Gets no new work since."""
    stopped_tok_s: float = 0.0
    """What it served when it was stopped."""

    @property
    def is_serving(self) -> bool:
        """Whether new work goes to it."""
        return self.is_routed and not self.is_broken


@dataclass(slots=True, kw_only=True)
class Servers:
    """The nodes of one model, in the order they joined."""

    model: ServedModel
    nodes: dict[str, ServingNode] = field(default_factory=dict)
    serving: list[ServingNode] = field(default_factory=list)
    """Those that new work goes to."""
    reference_input_node_s: float = 0.0
    reference_output_node_s: float = 0.0
    capacity: float = 0.0
    """Reference nodes, at the mix of the last `measure`."""
    changes: int = 0
    """How often anything about the nodes changed."""
    _groups: dict[tuple[str, int], Group] = field(default_factory=dict)
    _active: list[Group] = field(default_factory=list)
    _mix: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        reference = self._group(self.model.reference, WARM_STEPS)
        self.reference_input_node_s = reference.input_node_s
        self.reference_output_node_s = reference.output_node_s

    @property
    def active(self) -> list[Group]:
        """Groups with nodes that serve."""
        return self._active

    def measure(self, input_tok_s: float, output_tok_s: float) -> float:
        """Capacity at this mix, reference nodes; without demand the mix stays what it was."""
        work = input_tok_s * self.reference_input_node_s + output_tok_s * self.reference_output_node_s
        if work > 0:
            self._mix = input_tok_s, output_tok_s
        else:
            input_tok_s, output_tok_s = self._mix
            work = input_tok_s * self.reference_input_node_s + output_tok_s * self.reference_output_node_s
        capacity = 0.0
        for group in self._active:
            group.speed = work / (input_tok_s * group.input_node_s + output_tok_s * group.output_node_s)
            capacity += group.count * group.speed
        self.capacity = capacity
        return capacity

    def hit_ratio(self) -> float | None:
        """Share of input tokens found in a cache, nodes weighted by what they carry; None: nothing serves."""
        if self.capacity <= 0:
            return None
        return sum(group.count * group.speed * group.hit_ratio for group in self._active) / self.capacity

    def ttft_s(self, utilization_step: int) -> float:
        """Time to first token of a fleet so busy, nodes weighted by what they carry."""
        return sum(g.count * g.speed * g.ttft_s[utilization_step] for g in self._active) / self.capacity

    def carry(self, output_tokens: float) -> None:
        """Counts output tokens as served by the nodes, each by what it carries."""
        for group in self._active:
            group.output_tokens += output_tokens * group.count * group.speed / self.capacity

    def output_tokens(self, offer: str) -> float:
        """Output tokens the offer's nodes served, where that is counted."""
        return sum(group.output_tokens for group in self._groups.values() if group.offer == offer)

    def join(self, node_id: str, offer: str, now_s: float, *, is_base: bool, is_routed: bool) -> ServingNode:
        """The node, new among those with the model loaded; a base node's cache is warm."""
        cold = 0 if not is_base and self.model.cache_warmup_s > 0 and self.model.cache_hit_ratio > 0 else WARM_STEPS
        node = ServingNode(
            id=node_id,
            is_base=is_base,
            ready_s=now_s,
            group=self._group(offer, cold),
            is_routed=is_routed,
            since_s=now_s,
            stopped_s=None if is_routed else now_s,
        )
        self.nodes[node_id] = node
        if is_routed:
            self.serving.append(node)
            node.group.count += 1
        self._changed()
        return node

    def warm(self, node: ServingNode, step: int) -> None:
        """The node's cache is `step` of WARM_STEPS warm."""
        before, node.group = node.group, self._group(node.group.offer, step)
        if node.is_serving:
            before.count -= 1
            node.group.count += 1
        self._changed()

    def stop(self, node: ServingNode, now_s: float, tok_s: float) -> None:
        """The node gets no new work; it served `tok_s` until now."""
        if node.is_serving:
            node.served_s += now_s - node.since_s
            node.stopped_tok_s = tok_s
            self._withdraw(node)
        node.is_routed = False
        node.stopped_s = now_s
        self._changed()

    def resume(self, node: ServingNode, now_s: float) -> None:
        """The node gets work again."""
        node.served_s += self._finishing_s(node, now_s)
        node.is_routed = True
        node.since_s = now_s
        node.stopped_s = None
        node.stopped_tok_s = 0.0
        if node.is_serving:
            self.serving = [one for one in self.nodes.values() if one.is_serving]
            node.group.count += 1
        self._changed()

    def break_down(self, node: ServingNode, now_s: float) -> None:
        """The node serves no more and stays."""
        self._end_serving(node, now_s)
        node.is_broken = True
        self._changed()

    def leave(self, node: ServingNode, now_s: float) -> None:
        """The node is gone."""
        self._end_serving(node, now_s)
        del self.nodes[node.id]
        self._changed()

    def in_flight_share(self, node: ServingNode, now_s: float) -> float:
        """Share of the work a node has in flight when it is stopped that is left: 1 while it gets work, 0 when done."""
        service_s = self.model.service_s
        if node.is_broken or service_s <= 0:
            return 0.0
        if node.stopped_s is None:
            return 1.0
        return max(0.0, 1.0 - (now_s - node.stopped_s) / service_s)

    def _end_serving(self, node: ServingNode, now_s: float) -> None:
        if node.is_broken:
            return
        if node.is_routed:
            self._withdraw(node)
        node.served_s += now_s - node.since_s if node.is_routed else self._finishing_s(node, now_s)
        node.since_s = now_s
        node.stopped_s = now_s
        node.is_routed = False

    def _finishing_s(self, node: ServingNode, now_s: float) -> float:
        """How long a stopped node had work in flight."""
        if node.is_routed or node.stopped_s is None or node.is_broken or node.stopped_tok_s <= 0:
            return 0.0
        return min(now_s - node.stopped_s, self.model.service_s)

    def _withdraw(self, node: ServingNode) -> None:
        self.serving.remove(node)
        node.group.count -= 1

    def _changed(self) -> None:
        self._active = [group for group in self._groups.values() if group.count]
        self.changes += 1
        self.measure(*self._mix)

    def _group(self, offer: str, step: int) -> Group:
        found = self._groups.get((offer, step))
        if found is None:
            rates = self.model.rates[offer]
            share = 1.0 if step >= WARM_STEPS else (step + 0.5) / WARM_STEPS
            hit_ratio = self.model.cache_hit_ratio * share
            found = Group(
                offer=offer,
                hit_ratio=hit_ratio,
                input_node_s=(1 - hit_ratio) / rates.prefill_tok_s,
                output_node_s=1 / rates.decode_tok_s,
                concurrency=rates.concurrency or 1.0,
                ttft_s=tuple(ttft_by_utilization(self.model.curves.get(offer), rates.concurrency)),
            )
            self._groups[offer, step] = found
        return found
