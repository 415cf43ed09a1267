"""Acting: the loop of a daemon that leads, over guarded sides, with the plan, prices and wishes of now.

The loop is made anew, from the journal, where another epoch leads, another plan changes what nodes are worth, the
clock was set back (what was read at a later time must not count as fresh), or a tick broke off halfway.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from autoscaler.daemon.calls.budget import Budget
from autoscaler.daemon.calls.guarded import GuardedProvider, GuardedServing, begin_all
from autoscaler.daemon.calls.lane import Lane
from autoscaler.daemon.calls.reign import Reign
from autoscaler.daemon.clock import Clock
from autoscaler.daemon.known import Known
from autoscaler.daemon.plan.parts import Parts, parts_of
from autoscaler.daemon.plan.prices import PriceSource, asked_of, priced
from autoscaler.daemon.plan.watch import PlanInForce
from autoscaler.daemon.setup import Setup
from autoscaler.daemon.status import ProviderStatus
from autoscaler.fleet import Controls, Pool
from autoscaler.loop import Controller, TickReport
from autoscaler.outlook import OutlookMaker
from planner.catalog.sources.source import PoolNow

TICK_SHARE = 0.9
"""Of the interval that a tick's calls may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a loop was made for."""

    epoch: int
    sha256: str


class Acting:
    """Ticks of a daemon that leads."""

    def __init__(self, setup: Setup, clock: Clock, reign: Reign) -> None:
        self._setup = setup
        self._clock = clock
        settings = setup.settings
        self._budget = Budget(clock.monotonic_s, settings.call_timeout_s)
        self._reign = reign
        self._made: _Made | None = None
        self._controller: Controller | None = None
        self._led: tuple[int, datetime] | None = None
        """The epoch that led last, and since when."""
        self._outlooks: dict[str, OutlookMaker] = {}
        self._parts: Parts | None = None
        self._parts_of: tuple[str, datetime] | None = None
        self._held: Mapping[str, int] = {}

        def lane(name: str) -> Lane:
            return Lane(name, clock.monotonic_s)

        self.providers = tuple(
            GuardedProvider(provider=one, lane=lane(one.name), budget=self._budget, hold=self._hold, clean=setup.clean)
            for one in setup.providers
        )
        self.serving = GuardedServing(
            serving=setup.serving, lane=lane("serving"), budget=self._budget, hold=self._hold, clean=setup.clean
        )
        self._sources = {
            name: PriceSource(provider=name, source=source, lane=lane(f"prices of {name}"), clean=setup.clean)
            for name, source in setup.sources.items()
        }

    def forget(self) -> None:
        """Drops the loop; the next tick makes one from the journal."""
        self._controller = self._made = None

    def forget_readings(self) -> None:
        """Drops the loop and all that was measured: its times are of a clock that was wrong."""
        self.forget()
        self._outlooks.clear()

    def tick(self, epoch: int, plan: PlanInForce, controls: Controls, now: datetime) -> TickReport:
        """One tick of the loop, within its time. Raises LostLeadership, and whatever the journal raises."""
        setup = self._setup
        self._budget.begin(setup.settings.interval_s * TICK_SHARE)
        begin_all(self.providers, self.serving)
        if self._led is None or self._led[0] != epoch:
            self._led = epoch, now
        parts = self._parts_now(plan, now)
        pools = self._priced(parts)
        made = _Made(epoch=epoch, sha256=plan.sha256)
        if self._controller is None or self._made != made or setup.is_dry_run:
            self._controller, self._made = None, None
            self._controller = self._new(parts, pools, epoch)
            self._made = made
        controller = self._controller
        controller.pools, controller.plan, controller.controls = pools, parts.levels, controls
        try:
            report = controller.tick(now)
        except BaseException:
            self.forget()
            raise
        self._held = Counter(node.pool for node in controller.nodes)
        return report

    def known(self, report: TickReport) -> Known:
        """What the last tick left, for the status."""
        controller, parts = self._controller, self._parts
        assert controller is not None  # a tick was done
        assert parts is not None
        assert self._led is not None
        read = self.serving.last
        return Known(
            snapshot=replace(report.seen, nodes=controller.nodes),
            levels=parts.levels,
            policy=self._setup.policy,
            references={name: model.reference for name, model in parts.models.items()},
            rates={name: model.rates for name, model in parts.models.items()},
            leads_since=self._led[1],
            acted=report.acted,
            unserved={}
            if read is None
            else {name: one.unserved_ratio for name, one in read.models.items() if one.unserved_ratio is not None},
            cluster_names={} if read is None else read.cluster_names,
            orphans=controller.orphans,
        )

    def sides(self, unreachable: frozenset[str]) -> tuple[ProviderStatus, ...]:
        """The providers as they were last seen."""
        pools = {} if self._parts is None else self._parts.pools
        found = []
        for one in self.providers:
            source = self._sources.get(one.name)
            own = [key for key, pool in pools.items() if pool.provider == one.name and pool.lead_time_s]
            found.append(
                ProviderStatus(
                    name=one.name,
                    is_reachable=one.name not in unreachable,
                    listed_at=one.listed_at,
                    prices_at=None if source is None else source.oldest(own),
                    problem=one.problem,
                )
            )
        return tuple(found)

    @property
    def price_problems(self) -> tuple[str, ...]:
        """Why sources said nothing lately."""
        return tuple(source.problem for source in self._sources.values() if source.problem)

    def _hold(self, needs_s: float) -> None:
        """Returns where the epoch the loop was made for leads for so long. Raises NotLeading."""
        self._reign.hold(-1 if self._made is None else self._made.epoch, needs_s)

    def _parts_now(self, plan: PlanInForce, now: datetime) -> Parts:
        """The parts of the plan, made anew each hour: its levels are laid over the dates to come."""
        wanted = (plan.sha256, now.replace(minute=0, second=0, microsecond=0))
        if self._parts is None or self._parts_of != wanted:
            setup = self._setup
            former = self._parts
            self._parts = parts_of(
                plan.plan,
                now=now,
                models=setup.models,
                providers=[one.name for one in setup.providers],
                quota=setup.quota,
                sold=setup.sold,
            )
            self._parts_of = wanted
            if former is not None and former.models != self._parts.models:
                self._outlooks.clear()  # they tell of other reference nodes
        return self._parts

    def _priced(self, parts: Parts) -> Mapping[str, Pool]:
        said: dict[str, PoolNow] = {}
        for name, source in self._sources.items():
            source.turn(asked_of(parts.pools, name), self._clock.monotonic_s())
            said |= source.said
        pools = priced(parts.pools, said, self._held)
        if self._controller is not None and self._controller.pools == pools:
            return self._controller.pools  # the same object, so that nothing is counted anew
        return pools

    def _new(self, parts: Parts, pools: Mapping[str, Pool], epoch: int) -> Controller:
        setup = self._setup
        return Controller(
            fleet=setup.settings.fleet,
            providers=self.providers,
            serving=self.serving,
            journal=setup.journal(),
            pools=pools,
            models=parts.models,
            policy=setup.policy,
            plan=parts.levels,
            decider=setup.decider,
            group_max=parts.group_max,
            outlooks=self._outlooks,
            tick_s=setup.settings.interval_s,
            epoch=epoch,
            clock=self._clock.now,
        )
