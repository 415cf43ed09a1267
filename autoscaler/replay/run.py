"""Run: one controller on one world, event by event, and what it comes to.

The loop is the daemon's. A tick stands at the end of each interval: everything that happens up to that instant has
happened when the controller looks. Chance is drawn from streams by name, so the same seed gives the same bytes.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from random import Random
from time import perf_counter
from typing import TypeAlias

from autoscaler.fleet import Action, FleetPlan, Hold
from autoscaler.journal import Journal, MemoryJournal
from autoscaler.loop import Controller, KeptModel, TickReport
from autoscaler.outlook import OutlookMaker
from autoscaler.providers.provider import Provider
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.replay.crash import Crash, CrashingJournal, CrashingProvider, CrashingServing, Fuse
from autoscaler.replay.market import Market
from autoscaler.replay.result import Replayed
from autoscaler.replay.score.scorecard import Run, scorecard
from autoscaler.replay.serving.metrics import FaultyMetrics, breaks_metrics
from autoscaler.replay.serving.simulated import SimulatedServing
from autoscaler.replay.truth import Checks, Truth
from autoscaler.replay.world import Decider, World
from autoscaler.serving.serving import Serving
from autoscaler.timeline import Timeline
from planner.catalog.offer_id import OfferId
from policies.scaling import ScalingPolicy

FLEET = "replay"
MOST_STEPS = 12
"""A crash is drawn among so many steps of a tick; a tick with fewer lets the controller die at its end."""
_NODE = re.compile(rf"\b{FLEET}-[\w-]+")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")

Progress: TypeAlias = Callable[[int, int], None]
"""(ticks done, ticks in all), about a hundred times."""


def replay(
    world: World,
    *,
    name: str,
    decider: Decider,
    policy: ScalingPolicy,
    plan: FleetPlan | None = None,
    checks: Checks | None = None,
    on_progress: Progress | None = None,
) -> Replayed:
    """What `decider` does with the world, and its bill. `checks` looks at the truth after every event."""
    began_s = perf_counter()
    engine = Engine(world, decider=decider, policy=policy, plan=plan, checks=checks)
    every = max(1, world.ticks // 100)
    for tick in range(world.ticks):
        engine.tick((tick + 1) * world.tick_s)
        if on_progress is not None and (tick + 1) % every == 0:
            on_progress(tick + 1, world.ticks)
    engine.finish()
    run = Run(policy=name, ticks=engine.truth.ticks, seconds=perf_counter() - began_s, reasons=engine.reasons)
    return scorecard(world, engine.clouds, engine.serving, run)


class Engine:
    """The parts of one replay, moved from tick to tick."""

    def __init__(
        self,
        world: World,
        *,
        decider: Decider,
        policy: ScalingPolicy,
        plan: FleetPlan | None = None,
        checks: Checks | None = None,
    ) -> None:
        self.world = world
        self.timeline = Timeline(start=world.traffic.start)
        self.serving = SimulatedServing(world, self.timeline)
        self.clouds = _clouds(world, self.timeline, self.serving)
        self.reasons: Counter[str] = Counter()
        self._market = Market(world)
        self._checks = checks
        self._fuse = Fuse() if world.faults.crash > 0 else None
        self._crashes = _stream(world, "crash")
        self._epoch = 0
        self._outlooks: dict[str, OutlookMaker] = {}
        self._journal = MemoryJournal()
        self._seen_by: Serving = self.serving
        if breaks_metrics(world.faults):
            self._seen_by = FaultyMetrics(self.serving, world.faults, self.timeline, _stream(world, "metrics"))
        self.truth = Truth(
            world=world,
            policy=policy,
            plan=plan,
            timeline=self.timeline,
            clouds=self.clouds,
            serving=self.serving,
            journal=self._journal,
        )
        self._decider = decider
        self._controller = self._started()
        self._happen_until(0.0)
        if checks is not None:
            checks.after("start", self.truth)

    def tick(self, at_s: float) -> None:
        """Lets everything up to `at_s` happen, then the controller's tick."""
        self._happen_until(at_s)
        if self._market.moves(at_s):
            self._controller.pools = self._market.pools
        truth = self.truth
        truth.ticks += 1
        try:
            report = self._controller_tick()
        except Crash:
            truth.report, truth.snapshot, truth.actions = None, None, ()
            truth.crashes += 1
            self._epoch += 1
            self._controller = self._started()
        else:
            self._remember(report)
        if self._checks is not None:
            self._checks.after("tick", truth)

    def _controller_tick(self) -> TickReport:
        """One tick of the loop. Raises Crash where it dies: between two of its steps, or at its end."""
        fuse = self._fuse
        if fuse is None:
            return self._controller.tick(self.timeline.now)
        dies, step = self._crashes.random() < self.world.faults.crash, self._crashes.randrange(MOST_STEPS)
        fuse.steps, fuse.crash_at = 0, step if dies else None
        report = self._controller.tick(self.timeline.now)
        if fuse.crash_at is not None:
            raise Crash("at the end of the tick")
        return report

    def finish(self) -> None:
        """Lets the rest of the traffic pass; the leases still running end with it."""
        self._happen_until(self.world.traffic.duration_s)
        self.serving.finish()

    def _happen_until(self, at_s: float) -> None:
        timeline, checks = self.timeline, self._checks
        while (next_s := timeline.next_at_s()) is not None and next_s <= at_s:
            event = timeline.step()
            if checks is not None and event is not None:
                checks.after(event, self.truth)
        timeline.now_s = at_s

    def _remember(self, report: TickReport) -> None:
        truth = self.truth
        truth.report = report
        truth.snapshot = report.seen
        truth.actions = tuple(acted.action for acted in report.acted)
        for action in truth.actions:
            self.reasons[reason_of(action)] += 1

    def _started(self) -> Controller:
        """A new controller over the same journal."""
        world, truth = self.world, self.truth
        providers: Iterable[Provider] = self.clouds.values()
        serving: Serving = self._seen_by
        journal: Journal = self._journal
        if self._fuse is not None:
            providers = [CrashingProvider(provider=cloud, fuse=self._fuse) for cloud in providers]
            serving = CrashingServing(serving=serving, fuse=self._fuse)
            journal = CrashingJournal(journal=journal, fuse=self._fuse)
        return Controller(
            fleet=FLEET,
            providers=tuple(providers),
            serving=serving,
            journal=journal,
            pools=self._market.pools,
            models={model.name: _kept(world, model.name) for model in world.models.values()},
            policy=truth.policy,
            plan=truth.plan,
            decider=self._decider,
            group_max=world.group_max,
            outlooks=self._outlooks,
            tick_s=world.tick_s,
            epoch=self._epoch,
        )


def reason_of(action: Action) -> str:
    """What an action does and why, without figures and names of nodes, so that like reasons add up."""
    what = type(action).__name__.lower()
    reason = _FIGURE.sub("#", _NODE.sub("a node", action.reason))
    return reason if isinstance(action, Hold) else f"{what}: {reason}"


def _kept(world: World, name: str) -> KeptModel:
    model = world.models[name]
    return KeptModel(rates=model.rates, reference=model.reference, cache_hit_ratio=model.cache_hit_ratio)


def _clouds(world: World, timeline: Timeline, serving: SimulatedServing) -> Mapping[str, SimulatedCloud]:
    """A cloud per provider, those of base offers included, with the base nodes running."""
    names = dict.fromkeys(
        [pool.provider for pool in world.pools] + [OfferId.of(base.offer).provider for base in world.base]
    )
    clouds = {}
    for name in names:
        cloud = clouds[name] = SimulatedCloud(
            name=name,
            pools=[pool for pool in world.pools if pool.provider == name],
            timeline=timeline,
            rng=_stream(world, f"cloud {name}"),
            faults=world.faults,
            fleet=FLEET,
            group_max=world.group_max,
        )
        cloud.on_running, cloud.on_gone, cloud.on_break = serving.running, serving.gone, serving.broke
    for base in world.base:
        for number in range(base.count):
            node_id = f"base-{base.offer}-{base.model}-{number + 1}"
            clouds[OfferId.of(base.offer).provider].add_base(node_id=node_id, offer=base.offer, model=base.model)
    return clouds


def _stream(world: World, name: str) -> Random:
    """A stream of its own; text seeds are hashed the same way on every machine."""
    return Random(f"{world.seed}/{name}")
