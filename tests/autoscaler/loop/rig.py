"""A controller over one or two simulated clouds, a serving side one can set, and a decider that keeps a count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from autoscaler.fleet import (
    COMING,
    Action,
    Drain,
    FleetPlan,
    Hold,
    Launch,
    Node,
    NodeState,
    Pool,
    Snapshot,
    Terminate,
    Undrain,
)
from autoscaler.journal import MemoryJournal
from autoscaler.loop import Controller, KeptModel, TickReport
from autoscaler.providers.provider import Listing, Machine, Order
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix, SimulatedPool
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.crash import Crash, CrashingJournal, CrashingProvider, CrashingServing, Fuse
from autoscaler.serving.serving import ModelReading, NodeReading, Readings, ServingError
from autoscaler.timeline import Timeline
from planner.profile.model import Basis, Rates
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy

START = datetime(2026, 12, 1, tzinfo=UTC)
FLEET = "blue"
CHAT = "chat"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_pool(key: str = "aws/m", *, price: str = "0.36", lead_s: float = 60.0, **rest) -> SimulatedPool:
    tariff = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal(price), is_spot=rest.get("is_spot", False))
    return SimulatedPool(key=key, provider=key.split("/", 1)[0], tariff=tariff, lead_times_s=(lead_s,), **rest)


def some_rates(decode_tok_s: float = 100.0) -> Rates:
    return Rates(prefill_tok_s=1000.0, decode_tok_s=decode_tok_s, basis=Basis.MEASURED)


def offered(pool: SimulatedPool) -> Pool:
    return Pool(
        key=pool.key,
        provider=pool.provider,
        tariff=pool.tariff,
        is_spot=pool.is_spot,
        lead_time_s={CHAT: pool.lead_times_s[0]},
    )


@dataclass
class SetServing:
    """A serving side that says what it is told to say; a machine that runs is ready at once."""

    readings: dict[str, NodeReading] = field(default_factory=dict)
    models: dict[str, ModelReading] = field(default_factory=dict)
    in_flight: dict[str, int] = field(default_factory=dict)
    unrouted: set[str] = field(default_factory=set)
    is_down: bool = False
    calls: list[str] = field(default_factory=list)
    loads_for_ever: bool = False
    fails: int = 0
    """So many calls to come break off."""
    followed: list[tuple[Node, ...]] = field(default_factory=list)

    def read(self) -> Readings:
        if self.is_down:
            raise ServingError("no answer")
        return Readings(models=dict(self.models), nodes=dict(self.readings))

    def joined(self, truth: MachineTruth) -> None:
        if truth.node_id is not None and not self.loads_for_ever:
            self.readings[truth.node_id] = NodeReading(is_ready=True, in_flight=self.in_flight.get(truth.node_id, 0))

    def left(self, truth: MachineTruth) -> None:
        self.readings.pop(truth.node_id or "", None)

    def stop_routing(self, node_id: str) -> None:
        self.calls.append(f"stop {node_id}")
        if self.fails > 0:
            self.fails -= 1
            raise ServingError("timed out")
        self.unrouted.add(node_id)

    def resume_routing(self, node_id: str) -> None:
        self.calls.append(f"resume {node_id}")
        if self.fails > 0:
            self.fails -= 1
            raise ServingError("timed out")
        self.unrouted.discard(node_id)

    def follow(self, nodes: Sequence[Node]) -> None:
        self.followed.append(tuple(nodes))


@dataclass
class Veiled:
    """A provider whose lists may leave out machines, and whose ends may be accepted without effect."""

    cloud: SimulatedCloud
    hidden: set[str] = field(default_factory=set)
    """Machines in no list."""
    added: tuple[Machine, ...] = ()
    is_partial: bool = False
    """Its lists say that a page is missing."""
    deaf_ends: int = 0
    """So many ends to come are accepted, and nothing happens."""
    ends: int = 0

    @property
    def name(self) -> str:
        return self.cloud.name

    def machines(self) -> Listing:
        listing = self.cloud.machines()
        shown = tuple(machine for machine in listing.machines if machine.id not in self.hidden)
        is_complete = listing.is_complete and not self.is_partial
        return replace(listing, machines=shown + self.added, is_complete=is_complete)

    def launch(self, order: Order) -> Machine:
        return self.cloud.launch(order)

    def terminate(self, machine_id: str) -> None:
        self.ends += 1
        if self.ends > self.deaf_ends:
            self.cloud.terminate(machine_id)


@dataclass
class Keeper:
    """A decider that keeps `wanted` nodes: pools in their order, drain before the end, failed ones ended."""

    wanted: int = 1

    def __call__(self, seen: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        ours = [node for node in seen.nodes if not node.is_base]
        actions: list[Action] = [
            Terminate(node_id=node.id, reason="it failed") for node in ours if node.state is NodeState.FAILED
        ]
        serving = [node for node in ours if node.state is NodeState.READY or node.state in COMING]
        draining = [node for node in ours if node.state is NodeState.DRAINING]
        missing = self.wanted - len(serving)
        actions += [Undrain(node_id=node.id, reason="wanted again") for node in draining[: max(missing, 0)]]
        missing -= min(len(draining), max(missing, 0))
        actions += self._ends(draining if self.wanted <= len(serving) else [])
        pool = next((pool for pool in seen.pools.values() if pool.retry_at is None or pool.retry_at <= seen.now), None)
        if pool is not None:
            actions += [Launch(pool=pool.key, model=CHAT, reason="wanted")] * max(missing, 0)
        for node in serving[: max(-missing, 0)]:
            is_ready = node.state is NodeState.READY
            actions.append((Drain if is_ready else Terminate)(node_id=node.id, reason="not wanted"))
        return tuple(actions) or (Hold(reason="as wanted"),)

    @staticmethod
    def _ends(draining: list[Node]) -> list[Action]:
        return [Terminate(node_id=node.id, reason="drained") for node in draining if node.in_flight == 0]


class Rig:
    """Clouds, serving, journal and a controller that can be killed."""

    def __init__(
        self,
        *pools: SimulatedPool,
        wanted: int = 1,
        policy: ScalingPolicy | None = None,
        faults: FaultMix = NO_FAULTS,
        decider=None,
        seed: int = 0,
        tick_s: float = 30.0,
    ) -> None:
        pools = pools or (a_pool(),)
        self.timeline = Timeline(start=START)
        self.tick_s = tick_s
        self.clouds: Mapping[str, SimulatedCloud] = {
            name: SimulatedCloud(
                name=name,
                pools=[pool for pool in pools if pool.provider == name],
                timeline=self.timeline,
                rng=Random(seed),
                faults=faults,
                fleet=FLEET,
            )
            for name in dict.fromkeys(pool.provider for pool in pools)
        }
        self.serving = SetServing()
        for cloud in self.clouds.values():
            cloud.on_running, cloud.on_gone = self.serving.joined, self.serving.left
        self.pools = {pool.key: offered(pool) for pool in pools}
        self.models = {
            CHAT: KeptModel(
                rates={pool.key: some_rates() for pool in pools} | {"hetzner/ax": some_rates(150.0)},
                reference=pools[0].key,
            )
        }
        self.policy = policy or ScalingPolicy()
        self.keeper = Keeper(wanted=wanted)
        self.decider = decider or self.keeper
        self.journal = MemoryJournal()
        self.fuse = Fuse()
        self.restart_after: int | None = None
        self.reports: list[TickReport] = []
        self.controller = self.started()

    def started(
        self, *, epoch: int = 0, journal=None, providers=None, serving=None, outlooks=None, clock=None
    ) -> Controller:
        """A new controller over the same journal and clouds."""
        return Controller(
            fleet=FLEET,
            providers=providers or [CrashingProvider(provider=cloud, fuse=self.fuse) for cloud in self.clouds.values()],
            serving=serving or CrashingServing(serving=self.serving, fuse=self.fuse),
            journal=journal or CrashingJournal(journal=self.journal, fuse=self.fuse),
            pools=self.pools,
            models=self.models,
            policy=self.policy,
            decider=self.decider,
            outlooks=outlooks,
            tick_s=self.tick_s,
            epoch=epoch,
            clock=clock,
        )

    @property
    def cloud(self) -> SimulatedCloud:
        return next(iter(self.clouds.values()))

    def run_to(self, at_s: float) -> None:
        """Lets the clouds live to `at_s`."""
        while (following := self.timeline.next_at_s()) is not None and following <= at_s:
            self.timeline.step()
        self.timeline.plan(at_s, "now", lambda: None)
        self.timeline.step()

    def tick(self, ticks: int = 1) -> TickReport:
        """Ticks at the next instants; a controller that crashes is started again at once and ticks at the same one."""
        for _ in range(ticks):
            self.run_to(self.timeline.now_s + self.tick_s)
            if len(self.reports) == self.restart_after:
                self.restart()
            try:
                self.reports.append(self.controller.tick(self.timeline.now))
            except Crash:
                self.controller = self.started()
                self.reports.append(self.controller.tick(self.timeline.now))
        return self.reports[-1]

    def restart(self) -> None:
        self.controller = self.started()

    def node(self) -> Node:
        """The one burst node there is."""
        (node,) = [node for node in self.controller.nodes if not node.is_base]
        return node

    def held(self) -> list[MachineTruth]:
        """Machines that bill, base apart."""
        return [one for cloud in self.clouds.values() for one in cloud.truth if one.is_held and not one.is_base]

    def demand(self, output_tok_s: float, *, at_s: float | None = None, **rest) -> None:
        measured = self.timeline.now if at_s is None else at(at_s)
        self.serving.models[CHAT] = ModelReading(
            measured_at=measured, input_tok_s=0.0, output_tok_s=output_tok_s, **rest
        )
