"""Act: an action becomes an intent, a call and an outcome, in this order. One failure stops nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import assert_never

from autoscaler.fleet import Action, Drain, Hold, Launch, NodeState, Pool, Terminate, Undrain
from autoscaler.journal import Intent, IntentKind, Outcome, Result
from autoscaler.loop.memory import Memory
from autoscaler.loop.observe import Shelf, place
from autoscaler.loop.report import Acted
from autoscaler.loop.track import Track
from autoscaler.providers.provider import (
    CapacityUnavailable,
    Machine,
    MachineState,
    NodeNotFound,
    NotDone,
    Order,
    Permanent,
    Provider,
    Temporary,
)
from autoscaler.serving.serving import RoutingNotDone, Serving
from policies.scaling import ScalingPolicy


@dataclass(slots=True, kw_only=True)
class Steps:
    """How many moves a tick has left. The first decision keeps to its policy; those after it get what it left."""

    launches: float = inf
    drains: float = inf

    def limit(self, policy: ScalingPolicy, acted: Sequence[Acted]) -> None:
        """Holds what comes after `acted` to the rest of the policy's steps per tick."""
        self.launches = policy.max_launches_per_tick
        self.drains = policy.max_drains_per_tick
        for one in acted:
            self.count(one)

    def is_beyond(self, action: Launch | Drain, memory: Memory) -> bool:
        """Whether no step is left for it; a node that is taken back is drained in any case."""
        if isinstance(action, Launch):
            return self.launches < 1
        track = memory.tracks.get(action.node_id)
        return self.drains < 1 and (track is None or track.node.taken_back_at is None)

    def count(self, acted: Acted) -> None:
        """Takes one step off for a launch or drain that was done, or may have been."""
        if acted.result in (Result.DONE, Result.UNKNOWN):
            if isinstance(acted.action, Launch):
                self.launches -= 1
            elif isinstance(acted.action, Drain):
                self.drains -= 1


@dataclass(slots=True, kw_only=True)
class Hands:
    """What acting needs: whom to call, where to write it down, and what went wrong this tick."""

    fleet: str
    memory: Memory
    providers: Mapping[str, Provider]
    serving: Serving
    shelves: Mapping[str, Shelf]
    clock: Callable[[], datetime] | None = None
    """Says when a call was answered; None: calls take no time."""
    problems: list[str] = field(default_factory=list)

    def act(
        self, actions: tuple[Action, ...], *, pools: Mapping[str, Pool], now: datetime, steps: Steps
    ) -> list[Acted]:
        """Each action with its one outcome, in order; what is beyond `steps` is left for the next tick."""
        refused: set[str] = set()
        acted = []
        for action in actions:
            if isinstance(action, (Launch, Drain)) and steps.is_beyond(action, self.memory):
                done = Acted(action=action, result=Result.WITHDRAWN, detail="enough for one tick")
            elif isinstance(action, Launch):
                done = self._launch(action, pools, now, refused)
            elif isinstance(action, Hold):
                done = Acted(action=action, result=Result.DONE)
            else:
                done = self._change(action, now)
            acted.append(done)
            steps.count(done)
        return acted

    def resume(self, *, now: datetime, launch_timeout: timedelta) -> list[Outcome]:
        """Asks again for what an earlier tick left open, with the same keys, and returns what came of it.

        A launch that took longer than `launch_timeout` is not asked for once more.
        """
        outcomes: list[Outcome] = []
        for track in list(self.memory.open.values()):
            for intent in list(track.unsettled.values()):
                outcome = self._again(track, intent, now, launch_timeout)
                if outcome is not None:
                    outcomes.append(outcome)
        for track in list(self.memory.open.values()):
            if self._runs_on(track):
                reason = "its end was accepted, and it is still running"
                intent = self._intent(IntentKind.TERMINATE, track, now, reason=reason)
                outcome = self._end(track, intent, now)
                if outcome is not None:
                    outcomes.append(outcome)
        return outcomes

    def _runs_on(self, track: Track) -> bool:
        """Whether a list long after its end was accepted shows it as if it was not."""
        shelf = self.shelves.get(track.provider)
        return (
            shelf is not None
            and track.ended_at is not None
            and not track.unsettled
            and track.machine is not None
            and track.machine.state in (MachineState.PENDING, MachineState.RUNNING)
            and shelf.as_of >= track.ended_at + shelf.settling
        )

    def _launch(self, action: Launch, pools: Mapping[str, Pool], now: datetime, refused: set[str]) -> Acted:
        pool = pools.get(action.pool)
        if pool is None or pool.provider not in self.providers:
            self.problems.append(f"launch in {action.pool}: there is no such pool")
            return Acted(action=action, result=Result.REFUSED, detail="there is no such pool")
        if action.pool in refused:
            return Acted(action=action, result=Result.WITHDRAWN, detail="the pool refused the one before")
        key = self._new_key(now)
        intent = Intent(
            key=key,
            kind=IntentKind.LAUNCH,
            at=now,
            node_id=key,
            pool=action.pool,
            model=action.model,
            reason=action.reason,
            replaces=action.replaces,
            provider=pool.provider,
            tariff=pool.tariff,
            is_spot=pool.is_spot,
            epoch=self.memory.epoch,
        )
        self.memory.write(intent)
        outcome = self._ask(self.memory.tracks[intent.node_id], intent, now)
        if outcome.result in (Result.NO_CAPACITY, Result.REFUSED):
            refused.add(action.pool)
        node_id = intent.node_id if intent.node_id in self.memory.tracks else None
        return Acted(action=action, result=outcome.result, node_id=node_id, detail=outcome.detail)

    def _new_key(self, now: datetime) -> str:
        """A key no intent had: fleet, epoch, time and a number; also after a crash in the middle of this very tick."""
        second, number = self.memory.next_number(now)
        return f"{self.fleet}-{self.memory.epoch}-{second:%Y%m%dt%H%M%S}-{number}"

    def _ask(self, track: Track, intent: Intent, now: datetime, *, asked_at: datetime | None = None) -> Outcome:
        """What comes of asking the provider for the node of a launch, which was last asked for at `asked_at`."""
        track.asked_at = now
        order = Order(
            key=intent.key,
            node_id=track.id,
            fleet=self.fleet,
            pool=intent.pool,
            model=intent.model,
            asked_at=asked_at,
        )
        try:
            machine = self.providers[intent.provider].launch(order)
        except CapacityUnavailable as error:
            return self._refused(intent, Result.NO_CAPACITY, now, str(error))
        except Permanent as error:
            self.problems.append(f"launch {intent.key} in {intent.pool}: {error}")
            return self._refused(intent, Result.REFUSED, now, str(error))
        except NotDone as error:
            return self._settle(intent, Result.WITHDRAWN, now, str(error))
        except Exception as error:  # noqa: BLE001 - a broken adapter must not stop the others; it may have happened
            return self._broke_off(intent, error, now)
        return self._made(track, intent, machine, now)

    def _made(self, track: Track, intent: Intent, machine: Machine, now: datetime) -> Outcome:
        place(self.shelves[intent.provider], track, machine)
        return self._settle(intent, Result.DONE, now, machine_id=machine.id, billed_from=machine.created_at)

    def _change(self, action: Drain | Undrain | Terminate, now: datetime) -> Acted:
        track = self.memory.tracks.get(action.node_id)
        refusal = _why_not(action, track)
        if refusal or track is None:
            self.problems.append(f"{type(action).__name__.lower()} {action.node_id}: {refusal}")
            return Acted(action=action, result=Result.REFUSED, node_id=action.node_id, detail=refusal)
        kind = _kind(action)
        intent = self._intent(kind, track, now, reason=action.reason)
        outcome = self._end(track, intent, now) if kind is IntentKind.TERMINATE else self._route(intent, now)
        if outcome is None:
            return Acted(action=action, result=Result.UNKNOWN, node_id=track.id, detail="no machine of it is known yet")
        return Acted(action=action, result=outcome.result, node_id=track.id, detail=outcome.detail)

    def _intent(self, kind: IntentKind, track: Track, now: datetime, *, reason: str) -> Intent:
        """The intent about a node that is there, written down."""
        intent = Intent(
            key=f"{track.id}/{kind.value}/{len(track.keys)}",
            kind=kind,
            at=now,
            node_id=track.id,
            pool=track.node.pool,
            model=track.node.model,
            reason=reason,
            epoch=self.memory.epoch,
        )
        self.memory.write(intent)
        return intent

    def _end(self, track: Track, intent: Intent, now: datetime) -> Outcome | None:
        """What comes of asking for a node's end; None: it has no machine yet, so there is nothing to ask."""
        machine_id = track.node.machine_id if track.machine is None else track.machine.id
        if machine_id is None:
            return None
        try:
            self.providers[track.provider].terminate(machine_id)
        except NodeNotFound as error:
            if (
                now - track.node.ordered_at < self.shelves[track.provider].settling
            ):  # too new to be found, not gone: ask again
                return self._broke_off(intent, error, now)
            return self._settle(intent, Result.DONE, now, str(error), machine_id=machine_id)
        except Permanent as error:
            if track.node.state is NodeState.TERMINATING:  # on its way out there is no way back: ask again
                return self._broke_off(intent, error, now)
            self.problems.append(f"end of {track.id}: {error}")
            return self._settle(intent, Result.REFUSED, now, str(error))
        except NotDone as error:
            return self._settle(intent, Result.WITHDRAWN, now, str(error))
        except Exception as error:  # noqa: BLE001 - a broken adapter must not stop the others; it may have happened
            return self._broke_off(intent, error, now)
        return self._settle(intent, Result.DONE, self._answered_at(now), machine_id=machine_id)

    def _answered_at(self, now: datetime) -> datetime:
        """When a call of the tick at `now` was answered: a cloud charges until it was, not until the tick began."""
        return now if self.clock is None else max(now, self.clock())

    def _route(self, intent: Intent, now: datetime) -> Outcome:
        """What comes of sending a node no more work, or work again."""
        try:
            if intent.kind is IntentKind.DRAIN:
                self.serving.stop_routing(intent.node_id)
            else:
                self.serving.resume_routing(intent.node_id)
        except RoutingNotDone as error:
            return self._settle(intent, Result.WITHDRAWN, now, str(error))
        except Exception as error:  # noqa: BLE001 - as above
            return self._broke_off(intent, error, now)
        return self._settle(intent, Result.DONE, now)

    def _again(self, track: Track, intent: Intent, now: datetime, launch_timeout: timedelta) -> Outcome | None:
        if intent.kind is IntentKind.LAUNCH:
            is_late = now >= intent.at + launch_timeout
            if track.end is not None or is_late or intent.provider not in self.providers:
                return None
            return self._ask(track, intent, now, asked_at=track.asked_at)
        if intent.kind is IntentKind.TERMINATE:
            return self._end(track, intent, now) if track.provider in self.providers else None
        if intent.kind is IntentKind.ADOPT:
            return None
        if track.drain is not (intent if intent.kind is IntentKind.DRAIN else None):
            return self._settle(intent, Result.WITHDRAWN, now, "the opposite is wanted by now")
        return self._route(intent, now)

    def _refused(self, intent: Intent, result: Result, now: datetime, detail: str) -> Outcome:
        known = self.memory.refusals.get(intent.pool)
        failures = 1 if known is None else known.failures + 1
        return self._settle(intent, result, now, detail, failures=failures)

    def _broke_off(self, intent: Intent, error: Exception, now: datetime) -> Outcome:
        what = f"{error}" if isinstance(error, Temporary) else f"{type(error).__name__}: {error}"
        self.problems.append(f"{intent.kind.value} {intent.node_id}: {what}")
        return self._settle(intent, Result.UNKNOWN, now, what)

    def _settle(
        self,
        intent: Intent,
        result: Result,
        now: datetime,
        detail: str = "",
        *,
        machine_id: str | None = None,
        billed_from: datetime | None = None,
        failures: int = 0,
    ) -> Outcome:
        outcome = Outcome(
            key=intent.key,
            at=now,
            result=result,
            machine_id=machine_id,
            billed_from=billed_from,
            failures=failures,
            detail=detail,
        )
        self.memory.write(outcome)
        return outcome


def _kind(action: Drain | Undrain | Terminate) -> IntentKind:
    match action:
        case Drain():
            return IntentKind.DRAIN
        case Undrain():
            return IntentKind.UNDRAIN
        case Terminate():
            return IntentKind.TERMINATE
        case _:
            assert_never(action)


def _why_not(action: Drain | Undrain | Terminate, track: Track | None) -> str:
    """Why the action is not to be done; empty: it is."""
    if track is None:
        return "there is no such node"
    if track.node.is_base:
        return "base nodes are watched, never ordered or ended"
    state = track.node.state
    match action:
        case Drain() if state is not NodeState.READY:
            return f"it is {state.value}, not ready"
        case Undrain() if state is not NodeState.DRAINING:
            return f"it is {state.value}, not draining"
        case Terminate() if state is NodeState.TERMINATING:
            return "its end was asked for already"
        case _:
            return ""
