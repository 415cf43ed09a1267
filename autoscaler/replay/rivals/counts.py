"""Counts: from how many nodes a rival wants to the orders that lead there. Pure: no clock, no chance.

A rival is a rule per model that says how many burst nodes it wants, of which pools. What all of them need is here: the
cheapest pool that has stock, the policy's cap on nodes, draining before ending, and replacing what broke or was taken
back. A rival knows nothing of paid hours, of caps in money or of forecasts, unless its own source documents it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from autoscaler.fleet import (
    COMING,
    Action,
    Demand,
    Drain,
    FleetPlan,
    Hold,
    Launch,
    Node,
    NodeState,
    Pool,
    Snapshot,
    Terminate,
)
from autoscaler.replay.world import Decider
from policies.billing import Tariff
from policies.scaling import ScalingPolicy
from policies.units import HOURS_PER_MONTH

CANCELLABLE = frozenset({NodeState.BOOTING, NodeState.LOADING})
"""Coming, and seen by its provider: may be ended without a drain, since it has no work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """So many nodes of a group of pools."""

    pools: tuple[str, ...]
    """Which to ask, first the first."""
    nodes: int
    is_spread: bool = False
    """Ask the pool with fewest nodes first."""
    first_to_go: tuple[str, ...] = ()
    """Ids of nodes to give up before any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule sees of its model."""

    now: datetime
    model: str
    demand: Demand
    base: tuple[Node, ...]
    """Ready base nodes."""
    burst: tuple[Node, ...]
    """Burst nodes that serve or are to come, oldest first."""
    pools: tuple[Pool, ...]
    """Pools that can serve the model, cheapest work first, those without stock included."""
    plan: FleetPlan | None
    policy: ScalingPolicy

    @property
    def ready(self) -> tuple[Node, ...]:
        """Burst nodes that serve."""
        return tuple(node for node in self.burst if node.state is NodeState.READY)

    @property
    def floor(self) -> int:
        """Burst nodes the policy never goes below."""
        return self.policy.min_nodes.get(self.model, 0)

    def capacity(self, nodes: Iterable[Node]) -> float:
        """Work the nodes can do, in reference nodes."""
        return sum(self.demand.speed.get(node.pool, 0.0) for node in nodes)

    def with_stock(self) -> tuple[Pool, ...]:
        """Pools that may be asked now."""
        return tuple(pool for pool in self.pools if pool.retry_at is None or pool.retry_at <= self.now)

    def nodes_for(self, work: float) -> int:
        """Burst nodes that carry `work` reference nodes of burst work: those there are, and more of the cheapest."""
        kept, capacity = 0, 0.0
        for node in self.burst:
            if capacity >= work - 1e-9:
                return kept
            kept, capacity = kept + 1, capacity + self.demand.speed.get(node.pool, 0.0)
        pools = self.with_stock() or self.pools
        if capacity >= work - 1e-9 or not pools:
            return kept
        speed = self.demand.speed[pools[0].key]
        return kept + _ceil((work - capacity) / speed)


class Rule(Protocol):
    """How many nodes a rival wants for one model; it may remember. None: leave the fleet as it is."""

    def __call__(self, seen: Seen) -> tuple[Want, ...] | None:
        """What is wanted now; called once a tick."""
        ...


def counting(rule_of: Callable[[str], Rule]) -> Decider:
    """A decider that lets one rule per model count, and orders what is missing and ends what is too much."""
    return _Counting(rule_of=rule_of)


@dataclass(slots=True, kw_only=True)
class _Counting:
    rule_of: Callable[[str], Rule]
    rules: dict[str, Rule] = field(default_factory=dict)
    counted_at: datetime | None = None

    def __call__(self, snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        if snapshot.controls.is_paused:
            return (Hold(reason="paused"),)
        actions = [] if snapshot.controls.is_scale_in_paused else list(_ends(snapshot, policy))
        if self.counted_at == snapshot.now:  # asked again within the tick, about what the first round led to
            return tuple(actions)
        self.counted_at = snapshot.now
        room = _Room.of(snapshot, policy)
        for model in sorted(snapshot.demand):
            actions += self._moves(model, snapshot, plan, policy, room)
        return tuple(actions)

    def _moves(
        self, model: str, snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy, room: "_Room"
    ) -> Iterator[Action]:
        seen = _seen(model, snapshot, plan, policy)
        if seen is None:
            yield Hold(reason="no fresh measurement", model=model)
            return
        rule = self.rules.setdefault(model, self.rule_of(model))
        wants = rule(seen)
        for want in () if wants is None else wants:
            yield from _to(want, seen, snapshot, room)


def fresh(snapshot: Snapshot, model: str, policy: ScalingPolicy) -> Demand | None:
    """The model's demand; None where nothing was measured within `stale_after_s`."""
    demand = snapshot.demand.get(model)
    if demand is None or (snapshot.now - demand.measured_at).total_seconds() > policy.stale_after_s:
        return None
    return demand


def usd_hour(tariff: Tariff) -> Decimal:
    """What an hour costs, a monthly fee spread over its hours."""
    if tariff.price_usd_hour is not None:
        return tariff.price_usd_hour
    assert tariff.fee_usd_month is not None
    return tariff.fee_usd_month / HOURS_PER_MONTH


def cheapest_first(pools: Iterable[Pool], model: str, speed: Mapping[str, float]) -> tuple[Pool, ...]:
    """Pools that can serve the model by the price of an hour of one reference node's work."""
    able = [pool for pool in pools if model in pool.lead_time_s and speed.get(pool.key, 0.0) > 0]
    return tuple(sorted(able, key=lambda pool: (float(usd_hour(pool.tariff)) / speed[pool.key], pool.key)))


def _seen(model: str, snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> Seen | None:
    demand = fresh(snapshot, model, policy)
    if demand is None:
        return None
    ours = [node for node in snapshot.nodes if node.model == model]
    alive = [node for node in ours if not node.is_base and (node.state is NodeState.READY or node.state in COMING)]
    return Seen(
        now=snapshot.now,
        model=model,
        demand=demand,
        base=tuple(node for node in ours if node.is_base and node.state is NodeState.READY),
        burst=tuple(sorted(alive, key=lambda node: (node.ordered_at, node.id))),
        pools=cheapest_first(snapshot.pools.values(), model, demand.speed),
        plan=plan,
        policy=policy,
    )


def _ends(snapshot: Snapshot, policy: ScalingPolicy) -> Iterator[Action]:
    """Ends what has failed, and what has drained: nothing is in flight, or it took too long."""
    for node in snapshot.nodes:
        if node.is_base:
            continue
        if node.state is NodeState.FAILED:
            yield Terminate(node_id=node.id, reason="failed")
        elif node.state is NodeState.DRAINING:
            is_late = snapshot.now - node.since >= timedelta(seconds=policy.drain_timeout_s)
            if node.in_flight == 0 or is_late:
                yield Terminate(node_id=node.id, reason="drained" if node.in_flight == 0 else "drained for too long")


def _to(want: Want, seen: Seen, snapshot: Snapshot, room: "_Room") -> Iterator[Action]:
    nodes = [node for node in seen.burst if node.pool in want.pools]
    missing = want.nodes - len(nodes)
    for _ in range(missing):
        pool = room.take(want.pools, is_spread=want.is_spread)
        if pool is None:
            return
        yield Launch(pool=pool, model=seen.model, reason=f"{want.nodes} nodes wanted, {len(nodes)} there")
    if missing >= 0 or snapshot.controls.is_scale_in_paused:
        return
    for node in _given_up_first(nodes, want.first_to_go)[:-missing]:
        reason = f"{want.nodes} nodes wanted, {len(nodes)} there"
        if node.state is NodeState.READY:
            yield Drain(node_id=node.id, reason=reason)
        elif node.state in CANCELLABLE:
            yield Terminate(node_id=node.id, reason=reason)


def _given_up_first(nodes: list[Node], first: tuple[str, ...]) -> list[Node]:
    """Nodes in the order they are given up: those named, those that do not serve yet, the others; the newest first."""
    newest = nodes[::-1]
    return sorted(newest, key=lambda node: (node.id not in first, node.state is NodeState.READY))


@dataclass(slots=True, kw_only=True)
class _Room:
    """What may still be ordered this tick."""

    snapshot: Snapshot
    total: int | None
    """Nodes up to the policy's cap; None: no cap."""
    by_pool: Counter[str]
    by_group: Counter[str]

    @classmethod
    def of(cls, snapshot: Snapshot, policy: ScalingPolicy) -> "_Room":
        burst = [node for node in snapshot.nodes if not node.is_base and node.state is not NodeState.GONE]
        groups = {key: pool.count_group for key, pool in snapshot.pools.items()}
        return cls(
            snapshot=snapshot,
            total=None if policy.max_nodes is None else policy.max_nodes - len(burst),
            by_pool=Counter(node.pool for node in burst),
            by_group=Counter(group for node in burst if (group := groups.get(node.pool)) is not None),
        )

    def take(self, keys: tuple[str, ...], *, is_spread: bool) -> str | None:
        """The first pool that may be asked for one more node, which it then counts; None: no room."""
        if self.total is not None and self.total <= 0:
            return None
        for key in sorted(keys, key=self.by_pool.__getitem__) if is_spread else keys:
            if self._has_stock(self.snapshot.pools[key]):
                self._count(self.snapshot.pools[key])
                return key
        return None

    def _has_stock(self, pool: Pool) -> bool:
        if pool.retry_at is not None and pool.retry_at > self.snapshot.now:
            return False
        if pool.max_count is not None and self.by_pool[pool.key] >= pool.max_count:
            return False
        most = None if pool.count_group is None else self.snapshot.group_max.get(pool.count_group)
        return most is None or pool.count_group is None or self.by_group[pool.count_group] < most

    def _count(self, pool: Pool) -> None:
        self.by_pool[pool.key] += 1
        if pool.count_group is not None:
            self.by_group[pool.count_group] += 1
        if self.total is not None:
            self.total -= 1


def keys(pools: Iterable[Pool]) -> tuple[str, ...]:
    """Keys of the pools, in their order."""
    return tuple(pool.key for pool in pools)


def _ceil(count: float) -> int:
    """Whole nodes; a hair above a whole number is rounding, not work."""
    return -int(-(count - 1e-9) // 1)
