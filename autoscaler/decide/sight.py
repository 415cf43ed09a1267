"""Sight: one model's part of a snapshot, sorted by what may be done with each node. Pure.

What counts as capacity is decided here and nowhere else: serving nodes and base nodes are ready capacity, nodes that
boot or load are coming capacity, a node being taken back, draining or failed is none. A node that nobody intended
serves until it is ended, and no node of ours goes, or is not ordered, because of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.fleet import COMING, Demand, Node, NodeState, Snapshot
from planner.catalog.offer_id import OfferId
from policies.scaling import ScalingPolicy

READY, DRAINING, FAILED, PLANNED = NodeState.READY, NodeState.DRAINING, NodeState.FAILED, NodeState.PLANNED
_BASE_COMING = frozenset({NodeState.BOOTING, NodeState.LOADING})


@dataclass(slots=True, kw_only=True)
class Sight:
    """One model: its demand, its nodes, and the capacity they are, in reference nodes."""

    model: str
    demand: Demand | None
    speed: Mapping[str, float]
    """By pool; what is not in it is worth `unknown_speed`."""
    unknown_speed: float
    """0 where the mix is known and a pool has no rate at it; 1 where nothing is known and nodes are counted."""
    serving: list[Node] = field(default_factory=list)
    """Ready burst nodes that stay."""
    serving_pools: set[str] = field(default_factory=set)
    """Pools of `serving`."""
    at_risk: list[Node] = field(default_factory=list)
    """Ready burst nodes that serve and are to be replaced before they are taken back."""
    stranded: list[Node] = field(default_factory=list)
    """Ready burst nodes of a pool that is no longer known, or has no rate at this mix: they serve as long as needed."""
    orphans: list[Node] = field(default_factory=list)
    """Ready burst nodes that nobody intended."""
    leaving: list[Node] = field(default_factory=list)
    """Ready burst nodes under notice."""
    coming: list[Node] = field(default_factory=list)
    draining: list[Node] = field(default_factory=list)
    failed: list[Node] = field(default_factory=list)
    """Broken, or not ready before the launch timeout; each may be ended."""
    base_work: float = 0.0
    serving_work: float = 0.0
    """Of `serving` alone."""
    at_risk_work: float = 0.0
    stranded_work: float = 0.0
    orphan_work: float = 0.0
    coming_work: float = 0.0
    """Base nodes that boot or load included."""
    is_busy: bool = False
    """Whether a ready node says that it has requests in flight."""

    @property
    def ready_work(self) -> float:
        """Capacity that serves now, reference nodes."""
        return self.intended_work + self.orphan_work

    @property
    def intended_work(self) -> float:
        """The same without what nobody intended: what is judged by where a node may go."""
        return self.base_work + self.serving_work + self.stranded_work + self.at_risk_work

    @property
    def lasting_work(self) -> float:
        """Capacity that is there or coming and expected to stay, reference nodes: what launches add to."""
        return self.base_work + self.serving_work + self.stranded_work + self.coming_work

    @property
    def counted(self) -> int:
        """Burst nodes that are there or coming and expected to stay: what the floor counts."""
        return len(self.serving) + len(self.stranded) + len(self.coming)

    def speed_of(self, pool: str) -> float:
        """Reference nodes one node of the pool is worth."""
        return self.speed.get(pool, self.unknown_speed)


def look(snapshot: Snapshot, policy: ScalingPolicy) -> dict[str, Sight]:
    """The sight of every model asked for or served, by name, in order of name."""
    sights: dict[str, Sight] = {}
    for model in sorted({*snapshot.demand, *(node.model for node in snapshot.nodes)}):
        demand = snapshot.demand.get(model)
        sights[model] = Sight(
            model=model,
            demand=demand,
            speed={} if demand is None else demand.speed,
            unknown_speed=1.0 if demand is None else 0.0,
        )
    now, pools = snapshot.now, snapshot.pools
    for node in snapshot.nodes:
        sight = sights[node.model]
        state = node.state
        if node.is_base:
            _see_base(sight, node, snapshot)
        elif state is READY:
            if node.in_flight:
                sight.is_busy = True
            taken_at = node.taken_back_at
            speed = sight.speed.get(node.pool, sight.unknown_speed)
            if taken_at is not None and (taken_at - now).total_seconds() <= policy.drain_timeout_s:
                sight.leaving.append(node)
            elif node.is_orphan:
                sight.orphans.append(node)
                sight.orphan_work += speed
            elif taken_at is not None or node.is_at_risk:
                sight.at_risk.append(node)
                sight.at_risk_work += speed
            elif speed <= 0 or node.pool not in pools:
                sight.stranded.append(node)
                sight.stranded_work += speed
            else:
                sight.serving.append(node)
                sight.serving_pools.add(node.pool)
                sight.serving_work += speed
        elif state in COMING:
            _see_coming(sight, node, snapshot, policy)
        elif state is DRAINING:
            sight.draining.append(node)
        elif state is FAILED:
            sight.failed.append(node)
    return sights


def _see_base(sight: Sight, node: Node, snapshot: Snapshot) -> None:
    """Base nodes serve and are never touched; one that starts again is coming."""
    speed = sight.speed.get(node.pool)
    if speed is None:
        speed = snapshot.base_speed.get(node.model, {}).get(node.pool, sight.unknown_speed)
    if node.state is READY:
        sight.base_work += speed
        if node.in_flight:
            sight.is_busy = True
    elif node.state in _BASE_COMING:
        sight.coming_work += speed


def _see_coming(sight: Sight, node: Node, snapshot: Snapshot, policy: ScalingPolicy) -> None:
    """Coming until the launch timeout, then failed; one nobody can see is not counted out.

    That is where its provider cannot be asked, or the serving side says nothing: it may serve and not be measured.
    """
    if node.taken_back_at is not None or node.is_orphan:
        return  # never to serve, and gone by itself; of an orphan the loop says when it has failed
    age_s = (snapshot.now - node.ordered_at).total_seconds()
    is_due = age_s >= policy.launch_timeout_s
    if is_due and _is_heard(sight, snapshot, policy) and not is_unreachable(snapshot, node.pool):
        if node.state is not PLANNED:  # no machine was asked for: there is nothing to end
            sight.failed.append(node)
        return
    sight.coming.append(node)
    sight.coming_work += sight.speed.get(node.pool, sight.unknown_speed)


def _is_heard(sight: Sight, snapshot: Snapshot, policy: ScalingPolicy) -> bool:
    """Whether the model was measured lately."""
    demand = sight.demand
    return demand is not None and (snapshot.now - demand.measured_at).total_seconds() <= policy.stale_after_s


def is_unreachable(snapshot: Snapshot, pool: str) -> bool:
    """Whether the provider of a pool cannot be asked now; of a pool no longer known, its key begins with the name."""
    if not snapshot.unreachable:
        return False
    known = snapshot.pools.get(pool)
    return (OfferId.of(pool).provider if known is None else known.provider) in snapshot.unreachable
