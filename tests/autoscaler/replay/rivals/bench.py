"""A fleet in which a burst node is worth one reference node, and a rival can be asked tick after tick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from autoscaler.fleet import Action, Demand, Drain, FleetPlan, Launch, Node, NodeState, Pool, Snapshot, Terminate
from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.replay.rivals import RIVALS
from autoscaler.replay.world import BaseNodes, Decider, ServedModel, World
from planner.profile.model import Basis, Rates
from policies.scaling import ScalingPolicy
from tests.autoscaler import fleets
from tests.autoscaler.replay.builders import traffic

START = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""
POOL, SPOT, BASE = "c/burst", "c/burst/spot", "h/base"


def a_pool(key: str = POOL, usd_hour: str = "0.20", **more: Any) -> Pool:
    return fleets.a_pool(key, usd_hour, lead_time_s={"m": 360.0}, **more)


def a_world(work: list[float], *, step_s: float = 3600.0, base: int = 0, start: datetime = START) -> World:
    """A world asking for `work` reference nodes of 1 output tok/s each, step by step."""
    rates = {key: Rates(prefill_tok_s=1.0, decode_tok_s=1.0, basis=Basis.MEASURED) for key in (POOL, SPOT, BASE)}
    return World(
        name="small",
        traffic=traffic(work, start=start, step_s=step_s, model="m"),
        models={"m": ServedModel(name="m", rates=rates, reference=POOL)},
        base=(BaseNodes(offer=BASE, model="m", count=base, bill_usd=Decimal(0)),) if base else (),
        pools=(SimulatedPool(key=POOL, provider="c", tariff=fleets.by_the_second("0.20"), lead_times_s=(360.0,)),),
    )


@dataclass
class Bench:
    """A rival, and a fleet that does what it asks for; a node is ready `lead_ticks` ticks after its order."""

    decider: Decider
    plan: FleetPlan | None = None
    policy: ScalingPolicy = field(default_factory=lambda: ScalingPolicy(target_utilization=0.8, high_utilization=0.9))
    pools: Mapping[str, Pool] = field(default_factory=lambda: {POOL: a_pool()})
    tick_s: float = 60.0
    lead_ticks: int = 1
    now: datetime = START
    nodes: list[Node] = field(default_factory=list)
    made: int = 0

    def with_nodes(self, count: int, *, is_base: bool = False, pool: str = POOL) -> "Bench":
        for _ in range(count):
            self._make(BASE if is_base else pool, NodeState.READY, is_base=is_base)
        return self

    def _make(self, pool: str, state: NodeState, *, is_base: bool = False) -> None:
        self.made += 1
        node = Node(
            id=f"n{self.made:03}",
            pool=pool,
            model="m",
            state=state,
            since=self.now,
            ordered_at=self.now,
            is_base=is_base,
            in_flight=0,
        )
        self.nodes.append(node)

    def tick(self, work: float | None) -> tuple[Action, ...]:
        """One tick in which `work` was asked for (None: nothing was measured); the fleet then follows."""
        self.now += timedelta(seconds=self.tick_s)
        ready_from = self.now - timedelta(seconds=self.lead_ticks * self.tick_s)
        self.nodes = [
            replace(node, state=NodeState.READY)
            if node.state is NodeState.LOADING and node.ordered_at <= ready_from
            else node
            for node in self.nodes
        ]
        actions = self.ask(work)
        self.follow(actions)
        return actions

    def ask(self, work: float | None) -> tuple[Action, ...]:
        speed = {**dict.fromkeys(self.pools, 1.0), BASE: 1.0}
        demand = None if work is None else Demand(measured_at=self.now, work_nodes=work, speed=speed)
        snapshot = Snapshot(now=self.now, nodes=tuple(self.nodes), demand={"m": demand}, pools=self.pools)
        return self.decider(snapshot, self.plan, self.policy)

    def follow(self, actions: tuple[Action, ...]) -> None:
        gone = {action.node_id for action in actions if isinstance(action, Drain | Terminate)}
        self.nodes = [node for node in self.nodes if node.id not in gone]
        for action in actions:
            if isinstance(action, Launch):
                self._make(action.pool, NodeState.LOADING)

    @property
    def burst(self) -> int:
        return sum(1 for node in self.nodes if not node.is_base)

    def counts(self, works: Sequence[float | None]) -> list[int]:
        """Burst nodes after each tick."""
        counts = []
        for work in works:
            self.tick(work)
            counts.append(self.burst)
        return counts


def bench(name: str, world: World | None = None, *, plan: FleetPlan | None = None, **more: Any) -> Bench:
    """The rival of that name on its bench."""
    return Bench(decider=RIVALS[name](world or a_world([1.0]), plan), plan=plan, **more)
