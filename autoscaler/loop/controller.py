"""Controller: one tick observes, decides, acts and records; the same in daemon, dry run and replay.

It keeps nothing that journal, clouds and serving side do not hold: killed between any two steps and made anew over the
same journal, it goes on where it was. It looks at no clock and writes no log: `now` comes in, a report goes out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from autoscaler.fleet import Action, Controls, Demand, Drain, FleetPlan, Launch, Node, NodeState, Pool, Snapshot
from autoscaler.journal import Journal, Outcome, Result
from autoscaler.loop.act import Hands, Steps
from autoscaler.loop.demand import Gauge, KeptModel, new_outlook
from autoscaler.loop.memory import LOOK_BACK, Memory
from autoscaler.loop.observe import Shelf, hear, look, time_out, withdraw_unmade
from autoscaler.loop.report import Acted, TickReport
from autoscaler.outlook import OutlookMaker
from autoscaler.providers.provider import Listing, Provider
from autoscaler.serving.serving import Readings, Serving, Told
from planner.errors import PlannerError
from policies.scaling import ScalingPolicy, backoff_s

Decide: TypeAlias = Callable[[Snapshot, FleetPlan | None, ScalingPolicy], tuple[Action, ...]]

MOST_ROUNDS = 8
"""Decisions in one tick at most: a launch refused for capacity, or a drain of an idle node, asks for one more."""


class Controller:
    """Keeps one fleet at what is asked of it."""

    def __init__(
        self,
        *,
        fleet: str,
        providers: Sequence[Provider],
        serving: Serving,
        journal: Journal,
        pools: Mapping[str, Pool],
        models: Mapping[str, KeptModel],
        policy: ScalingPolicy,
        plan: FleetPlan | None = None,
        decider: Decide,
        group_max: Mapping[str, int] | None = None,
        outlooks: dict[str, OutlookMaker] | None = None,
        tick_s: float = 60.0,
        epoch: int = 0,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`pools`: what can be launched, at the prices now; may be assigned anew between ticks, as plan and policy.

        `outlooks`: by model, those that know its past demand; handed on from one controller to the next, and filled
        here for a model without one. `tick_s`: time between ticks. `clock`: says when an end was accepted, as calls
        take their time; without it, at the tick's own. Raises LostLeadership where the journal knows a
        higher epoch.
        """
        self.fleet = fleet
        self.pools = pools
        self.policy = policy
        self.plan = plan
        self.decider = decider
        self.controls = Controls()
        self.group_max = group_max or {}
        self._serving = serving
        self._providers = {provider.name: provider for provider in providers}
        self._shelves = self._empty_shelves()
        self._gauges = {name: Gauge(model=model) for name, model in models.items()}
        self.outlooks = {} if outlooks is None else outlooks
        for name in models:
            if name not in self.outlooks and (maker := new_outlook(name, pools, policy, tick_s)) is not None:
                self.outlooks[name] = maker
        journal.lead(epoch)
        self._memory = Memory(journal=journal, epoch=epoch)
        self._hands = Hands(
            fleet=fleet,
            memory=self._memory,
            providers=self._providers,
            serving=serving,
            shelves=self._shelves,
            clock=clock,
        )
        self._has_recalled = False
        self._has_introduced = False
        self._left_behind: set[str] = set()
        """Providers with nodes of ours that are not configured any more."""
        self._base_speed = {name: gauge.speed for name, gauge in self._gauges.items()}
        self._known_pools: tuple[Mapping[str, Pool], object] | None = None
        self._pools: Mapping[str, Pool] = {}

    def tick(self, now: datetime) -> TickReport:
        """One pass of observe, decide, act, record. Raises LostLeadership; nothing is acted on from then on.

        Raises StoreError where the journal failed: what was to be done next is not done, and as the entry may be
        written or not, the next tick begins with what the journal holds.
        """
        try:
            return self._tick(now)
        except Exception:
            self._has_recalled = False
            raise

    def _tick(self, now: datetime) -> TickReport:
        self._memory.journal.lead(self._memory.epoch)
        problems = self._hands.problems = []
        if not self._has_recalled:
            self._recall(now)
        unreachable = self._observe(now)
        resumed: list[Outcome] = []
        if not self.controls.is_paused:
            timeout = timedelta(seconds=self.policy.launch_timeout_s)
            resumed = self._hands.resume(now=now, launch_timeout=timeout)
        self._memory.refresh(now)
        seen = snapshot = self._snapshot(now, unreachable)
        acted: list[Acted] = []
        steps = Steps()
        for _ in range(MOST_ROUNDS):
            done = self._hands.act(
                self.decider(snapshot, self.plan, self.policy), pools=self._pools, now=now, steps=steps
            )
            acted += done
            if not self._needs_another_round(done, now):
                break
            steps.limit(self.policy, acted)
            self._memory.refresh(now)
            snapshot = self._snapshot(now, unreachable)
        self._memory.refresh(now)
        if not self.controls.is_paused:
            self._follow()
        said_once = tuple(dict.fromkeys(problems))  # after a drain the serving side is read again, and says it again
        return TickReport(now=now, seen=seen, acted=tuple(acted), resumed=tuple(resumed), problems=said_once)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node not known to be gone, as the last tick left them."""
        return self._memory.nodes

    @property
    def orphans(self) -> tuple[str, ...]:
        """Ids of the nodes that carry our tag and nobody intended."""
        return tuple(track.id for track in self._memory.tracks.values() if track.is_orphan)

    # --- observe

    def _recall(self, now: datetime) -> None:
        """Takes in what the journal holds: whoever wrote it, this loop goes on with it, and with nothing else."""
        former = self._memory
        self._memory = self._hands.memory = Memory(journal=former.journal, epoch=former.epoch)
        self._shelves = self._hands.shelves = self._empty_shelves()
        self._left_behind = set()
        self._memory.recall(now)
        for track in self._memory.tracks.values():
            if track.provider not in self._shelves:
                self._left_behind.add(track.provider)
            elif track.node.machine_id is not None:
                self._shelves[track.provider].tracks[track.node.machine_id] = track
        self._has_recalled = True
        self._has_introduced = False

    def _empty_shelves(self) -> dict[str, Shelf]:
        settling, fresh = timedelta(seconds=self.policy.settle_s), timedelta(seconds=self.policy.list_fresh_s)
        return {name: Shelf(provider=name, settling=settling, fresh=fresh) for name in self._providers}

    def _observe(self, now: datetime) -> frozenset[str]:
        """Takes in lists and readings; the providers whose list is missing, stale or partial."""
        self._forget_what_is_past(now)
        unreachable = set()
        for name, provider in self._providers.items():
            try:
                listing = provider.machines()
            except Exception as error:  # noqa: BLE001 - a failing provider must not stop the others
                self._hands.problems.append(f"{name}: no list: {_named(error).removeprefix(f'{name}: ')}")
                unreachable.add(name)
                continue
            if problem := self._look(name, listing, now):
                self._hands.problems.append(problem)
                unreachable.add(name)
        for name in self._left_behind:
            self._hands.problems.append(f"{name}: not configured any more, and nodes of it are left")
            unreachable.add(name)
        self._introduce(now)
        was_heard = self._listen(now)
        self._memory.refresh(now)
        time_out(self._memory, policy=self.policy, was_heard=was_heard, now=now)
        return frozenset(unreachable)

    def _look(self, name: str, listing: Listing, now: datetime) -> str:
        shelf = self._shelves[name]
        problem = look(shelf, listing, memory=self._memory, fleet=self.fleet, pools=self.pools, now=now)
        withdraw_unmade(shelf, memory=self._memory, now=now)
        return problem

    def _introduce(self, now: datetime) -> None:
        """Tells a serving side that finds no nodes by itself those of journal and lists, before it is read first.

        Later ones it learns as it follows. A process of one tick would else never hear that a node is ready.
        """
        if self._has_introduced or not isinstance(self._serving, Told):
            return
        self._memory.refresh(now)
        try:
            self._serving.know(self._memory.nodes)
        except Exception as error:  # noqa: BLE001 - what it was not told it learns as it follows
            self._hands.problems.append(f"serving: {_named(error)}")
        else:
            self._has_introduced = True

    def _listen(self, now: datetime) -> bool:
        """Takes in what the serving side says; False: it says nothing."""
        try:
            readings = self._serving.read()
        except Exception as error:  # noqa: BLE001 - not knowing is a state of the world, not an end of the loop
            self._hands.problems.append(f"serving: {_named(error)}")
            hear({}, memory=self._memory, policy=self.policy, now=now)
            return False
        self._hands.problems += [f"serving: {remark}" for remark in readings.remarks]
        hear(readings.nodes, memory=self._memory, policy=self.policy, now=now)
        self._measure(readings)
        return True

    def _measure(self, readings: Readings) -> None:
        for model, gauge in self._gauges.items():
            reading = readings.models.get(model)
            if reading is None or reading is gauge.reading or not gauge.is_news(reading):
                continue
            if gauge.is_zero(reading) and self._in_flight(model, readings) > 0:
                continue  # not believed: the last one stays, and grows stale
            gauge.take(reading, self.outlooks.get(model))

    def _in_flight(self, model: str, readings: Readings) -> int:
        """Requests that nodes of the model say they work on, and those of nodes that no list has shown yet."""
        tracks, total = self._memory.tracks, 0
        for node_id, reading in readings.nodes.items():
            track = tracks.get(node_id)
            if reading.in_flight and (track is None or track.node.model == model):
                total += reading.in_flight
        return total

    def _forget_what_is_past(self, now: datetime) -> None:
        memory = self._memory
        while memory.buried and now - next(iter(memory.buried.values())) > LOOK_BACK:
            del memory.buried[next(iter(memory.buried))]
        patience = timedelta(seconds=4 * self.policy.backoff_most_s)
        for pool in [key for key, refusal in memory.refusals.items() if now - refusal.at > patience]:
            del memory.refusals[pool]

    # --- decide

    def _snapshot(self, now: datetime, unreachable: frozenset[str]) -> Snapshot:
        demand: dict[str, Demand | None] = {name: gauge.demand for name, gauge in self._gauges.items()}
        return Snapshot(
            now=now,
            nodes=self._memory.nodes,
            demand=demand,
            pools=self._pools_now(),
            group_max=self.group_max,
            base_speed=self._base_speed,
            unreachable=unreachable,
            controls=self.controls,
            recently=self._memory.recently,
            spent_month_usd=self._memory.spent_usd(now),
        )

    def _pools_now(self) -> Mapping[str, Pool]:
        """The pools with their refusals and back-offs."""
        refusals = self._memory.refusals
        known = (self.pools, tuple(refusals.values()))
        if self._known_pools is None or self._known_pools[0] is not self.pools or self._known_pools[1] != known[1]:
            self._pools = {key: self._backing_off(pool) for key, pool in self.pools.items()}
            self._known_pools = known
        return self._pools

    def _backing_off(self, pool: Pool) -> Pool:
        refusal = self._memory.refusals.get(pool.key)
        if refusal is None:
            return pool
        wait = timedelta(seconds=backoff_s(self.policy, refusal.failures))
        return replace(pool, failures=refusal.failures, retry_at=refusal.at + wait)

    # --- act

    def _needs_another_round(self, acted: Sequence[Acted], now: datetime) -> bool:
        """Whether a pool refused a launch, or a node just drained turns out to be idle."""
        is_drained = any(isinstance(one.action, Drain) and one.result is Result.DONE for one in acted)
        if is_drained:
            self._listen(now)
            self._memory.refresh(now)
            drained = {one.node_id for one in acted if isinstance(one.action, Drain)}
            if any(node.id in drained and _is_idle(node) for node in self._memory.nodes):
                return True
        return any(
            isinstance(one.action, Launch) and one.result in (Result.NO_CAPACITY, Result.REFUSED) for one in acted
        )

    def _follow(self) -> None:
        try:
            self._serving.follow(self._memory.nodes)
        except Exception as error:  # noqa: BLE001 - what was not done is done next tick
            self._hands.problems.append(f"serving: {_named(error)}")


def _is_idle(node: Node) -> bool:
    return node.state is NodeState.DRAINING and node.in_flight == 0


def _named(error: Exception) -> str:
    """What went wrong; of an error nobody foresaw, its kind too."""
    return str(error) if isinstance(error, PlannerError) else f"{type(error).__name__}: {error}"
