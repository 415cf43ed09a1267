"""Bugs a controller could have, each planted by a test run, and the invariant that is to catch it.

`python -m tests.autoscaler.replay.storms.planted` prints for each the first seed at which it is caught, and how.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from autoscaler.decide import decide, decision, release
from autoscaler.decide import replace as replacing
from autoscaler.decide.add import add
from autoscaler.decide.blind import why_blind
from autoscaler.decide.end import ends_of_drained
from autoscaler.decide.merit import why_not_now
from autoscaler.decide.need import need_of
from autoscaler.decide.room import Room
from autoscaler.decide.want import Want
from autoscaler.fleet import Drain, Launch, NodeState, Terminate
from autoscaler.journal import IntentKind, MemoryJournal, Result
from autoscaler.loop import controller, observe
from autoscaler.loop.act import Hands
from autoscaler.loop.controller import Controller
from autoscaler.loop.demand import Gauge
from autoscaler.loop.memory import Memory
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.replay.invariants import Violation
from autoscaler.replay.storms import run as storm_run
from autoscaler.replay.storms.run import StormRun
from autoscaler.replay.storms.storm import storm
from autoscaler.serving.serving import ModelReading

MOST_SEEDS = 300
"""A bug that is not caught by so many storms would not be caught."""

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Bug:
    claim: str
    invariant: str
    plant: Plant
    last_seen_at: int = 0
    """Seed of late, where the first one lies far out: a test that finds it there need not look for it from 0."""


def caught(bug: Bug, seed: int) -> Violation | None:
    """What the storm of that seed says of our code with the bug in it."""
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        try:
            StormRun(storm(seed)).run()
        except Violation as violation:
            return violation
    return None


def first_caught(bug: Bug, most: int = MOST_SEEDS) -> tuple[int, Violation] | None:
    """The first seed at which the bug is caught."""
    for seed in range(most):
        violation = caught(bug, seed)
        if violation is not None:
            return seed, violation
    return None


def soonest_caught(bug: Bug) -> tuple[int, Violation] | None:
    """A seed at which the bug is caught: where it was last seen, else the first."""
    violation = caught(bug, bug.last_seen_at) if bug.last_seen_at else None
    return first_caught(bug) if violation is None else (bug.last_seen_at, violation)


# --- S1


def ignores_the_cap_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "spent_usd", lambda self, now: Decimal(0))


def counts_only_running_nodes(patch: pytest.MonkeyPatch) -> None:
    def over_nodes(self: Room, model: str) -> str | None:
        running = sum(not n.is_base and n.state is NodeState.READY for n in self.snapshot.nodes)
        most = self.policy.max_nodes
        return "max_nodes" if most is not None and running >= most else None

    patch.setattr(Room, "_over_nodes", over_nodes)


def forgets_the_price_of_the_next_node(patch: pytest.MonkeyPatch) -> None:
    over = Room._over_usd_hour
    patch.setattr(Room, "_over_usd_hour", lambda self, more: over(self, Decimal(0)))


def drains_nothing_for_the_month(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decision, "cap_drains", lambda wants, room, policy: [])


# --- S2


def ignores_the_floor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decision, "floor_of", lambda model, snapshot, policy: 0)


def fills_no_floor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Want, "is_under_floor", False)


def serves_demand_before_floors(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("autoscaler.decide.add._rank", lambda want: 0)


def asks_nobody_while_one_cloud_is_out_of_reach(patch: pytest.MonkeyPatch) -> None:
    def nobody(offer, snapshot):
        return "a cloud cannot be reached" if snapshot.unreachable else why_not_now(offer, snapshot)

    patch.setattr("autoscaler.decide.add.why_not_now", nobody)


# --- S3


def takes_strangers_for_ours(patch: pytest.MonkeyPatch) -> None:
    look = observe.look

    def gullible(shelf, listing, *, fleet, **rest):
        ours = tuple(replace(one, fleet=fleet, node_id=one.node_id or one.id) for one in listing.machines)
        return look(shelf, replace(listing, machines=ours), fleet=fleet, **rest)

    patch.setattr(controller, "look", gullible)


def cancels_base(patch: pytest.MonkeyPatch) -> None:
    def drains(sight, snapshot):
        return [Drain(node_id=node.id, reason="surplus: base") for node in snapshot.nodes if node.is_base]

    patch.setattr(decision, "drains_of_leaving", drains)


def orders_base(patch: pytest.MonkeyPatch) -> None:
    def more(wants, room, policy):
        return [*add(wants, room, policy), Launch(pool="hetzner/base", model="m", reason="load: base is cheaper")]

    patch.setattr(decision, "add", more)


# --- S4


def takes_missing_metrics_for_zero(patch: pytest.MonkeyPatch) -> None:
    listen = Controller._listen

    def hears_zero(self: Controller, now) -> bool:
        if not listen(self, now):
            for gauge in self._gauges.values():
                gauge.take(ModelReading(measured_at=now, input_tok_s=0.0, output_tok_s=0.0), None)
        return True

    patch.setattr(Controller, "_listen", hears_zero)


def acts_on_stale_metrics(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decision, "why_blind", lambda sight, *rest: why_blind(sight, *rest) if sight.demand is None else None)


def stays_where_it_is_while_blind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decision, "planned_burst_work", lambda planned, sight: 0.0)


def believes_a_zero(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gauge, "is_zero", lambda self, reading: False)
    patch.setattr("autoscaler.decide.blind.contradicts", lambda demand, is_busy: False)


# --- S5


def writes_the_intent_after_the_call(patch: pytest.MonkeyPatch) -> None:
    write, late = Memory.write, {}

    def writes(self: Memory, entry) -> None:
        if getattr(entry, "kind", None) is IntentKind.LAUNCH:
            late[entry.key] = entry
            self._take_in(entry)
            return
        if getattr(entry, "key", None) in late:
            self.journal.intend(late.pop(entry.key))
        write(self, entry)

    patch.setattr(Memory, "write", writes)


def takes_a_new_key_to_ask_again(patch: pytest.MonkeyPatch) -> None:
    again = Hands._again

    def asks(self: Hands, track, intent, now, launch_timeout):
        if intent.kind is not IntentKind.LAUNCH or track.end is not None:
            return again(self, track, intent, now, launch_timeout)
        pool: Any = SimpleNamespace(provider=intent.provider, tariff=intent.tariff, is_spot=intent.is_spot)
        self._launch(Launch(pool=intent.pool, model=intent.model, reason="again"), {intent.pool: pool}, now, set())
        return None

    patch.setattr(Hands, "_again", asks)


def takes_a_timeout_for_a_refusal(patch: pytest.MonkeyPatch) -> None:
    broke = Hands._broke_off

    def refused(self: Hands, intent, error, now):
        if intent.kind is IntentKind.LAUNCH:
            return self._refused(intent, Result.NO_CAPACITY, now, str(error))
        return broke(self, intent, error, now)

    patch.setattr(Hands, "_broke_off", refused)


def forgets_the_idempotency_key(patch: pytest.MonkeyPatch) -> None:
    launch = SimulatedCloud.launch

    def makes_another(self: SimulatedCloud, order):
        self._by_key.clear()
        return launch(self, order)

    patch.setattr(SimulatedCloud, "launch", makes_another)


def adopts_no_orphans(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observe, "_adopt", lambda *_, **__: None)


# --- S6


def lets_the_old_leader_act(patch: pytest.MonkeyPatch) -> None:
    def lead(self: MemoryJournal, epoch: int) -> None:
        self.epoch = max(self.epoch, epoch)

    patch.setattr(MemoryJournal, "lead", lead)


# --- S7


def ignores_the_survivors(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(release, "is_enough", lambda capacity, wanted: True)


def ignores_the_cooldown(patch: pytest.MonkeyPatch) -> None:
    for module in (release, replacing):
        patch.setattr(module, "why_resting", lambda *_: None)


def scales_in_on_a_forecast(patch: pytest.MonkeyPatch) -> None:
    def expects(demand, *rest):
        need = need_of(demand, *rest)
        if demand.outlook is not None:
            need.now_work = need.keep_work = min(need.now_work, *demand.outlook.expected_work)
            need.outlook = None
        return need

    patch.setattr(decision, "need_of", expects)


def ends_without_a_drain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(release, "Drain", Terminate)


def does_not_wait_for_requests_in_flight(patch: pytest.MonkeyPatch) -> None:
    def at_once(sight, *rest, **more):
        sight.draining = [replace(node, in_flight=0) for node in sight.draining]
        return ends_of_drained(sight, *rest, **more)

    patch.setattr(decision, "ends_of_drained", at_once)


# --- S8


def kills_loading_nodes(patch: pytest.MonkeyPatch) -> None:
    time_out = observe.time_out

    def impatient(memory, *, policy, was_heard, now):
        return time_out(memory, policy=replace(policy, launch_timeout_s=30.0), was_heard=was_heard, now=now)

    patch.setattr(controller, "time_out", impatient)


# --- S9


def takes_any_list_for_complete(patch: pytest.MonkeyPatch) -> None:
    look = observe.look

    def trusting(shelf, listing, *, now, **rest):
        return look(shelf, replace(listing, is_complete=True, as_of=now), now=now, **rest)

    patch.setattr(controller, "look", trusting)


def does_not_wait_for_a_list_to_settle(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(controller, "Shelf", lambda **known: observe.Shelf(**{**known, "settling": timedelta(0)}))


def forgets_before_the_end_is_confirmed(patch: pytest.MonkeyPatch) -> None:
    end = Hands._end

    def forgets(self: Hands, track, intent, now):
        outcome = end(self, track, intent, now)
        if outcome is not None and track.node.machine_id is not None and track.id in self.memory.tracks:
            observe.gone(self.shelves[track.provider], track, memory=self.memory, pools={}, as_of=now)
        return outcome

    patch.setattr(Hands, "_end", forgets)


# --- S10


def stops_at_the_first_error(patch: pytest.MonkeyPatch) -> None:
    act = Hands.act

    def until_an_error(self: Hands, actions, **rest):
        done = []
        for action in actions:
            done += act(self, (action,), **rest)
            if done[-1].result in (Result.UNKNOWN, Result.NO_CAPACITY):
                break
        return done

    patch.setattr(Hands, "act", until_an_error)


def lets_an_error_through(patch: pytest.MonkeyPatch) -> None:
    def raises(self: Hands, intent, error, now):
        raise error

    patch.setattr(Hands, "_broke_off", raises)


# --- pause


def acts_while_paused(patch: pytest.MonkeyPatch) -> None:
    def awake(seen, *rest):
        return decide(replace(seen, controls=replace(seen.controls, is_paused=False)), *rest)

    patch.setattr(storm_run, "decide", awake)


def scales_in_while_that_is_paused(patch: pytest.MonkeyPatch) -> None:

    def half_paused(seen, *rest):
        return decide(replace(seen, controls=replace(seen.controls, is_scale_in_paused=False)), *rest)

    patch.setattr(storm_run, "decide", half_paused)


BUGS = (
    Bug("what was spent this month is forgotten", "S1", ignores_the_cap_after_a_restart),
    Bug("the cap on nodes counts only those that run", "S1", counts_only_running_nodes),
    Bug("the cap per hour forgets the price of the next node", "S1", forgets_the_price_of_the_next_node),
    Bug("nothing is drained for the cap on the month", "S1", drains_nothing_for_the_month),
    Bug("scale-in goes below the floor", "S2", ignores_the_floor),
    Bug("what is missing to the floor is not ordered", "S2", fills_no_floor),
    Bug("one model's demand is served before another's floor", "S2", serves_demand_before_floors, last_seen_at=194),
    Bug("one cloud's outage keeps the others from being asked", "S2", asks_nobody_while_one_cloud_is_out_of_reach),
    Bug("a machine without our tag is taken for ours", "S3", takes_strangers_for_ours),
    Bug("a base node is drained", "S3", cancels_base),
    Bug("a base offer is ordered", "S3", orders_base),
    Bug("missing metrics are read as zero", "S4", takes_missing_metrics_for_zero),
    Bug("stale metrics are acted on, and blind is no reason not to fall", "S4", acts_on_stale_metrics),
    Bug("blind, it does not rise to the plan", "S4", stays_where_it_is_while_blind),
    Bug("a zero is believed that requests in flight contradict", "S4", believes_a_zero),
    Bug("the intent is written after the call", "S5", writes_the_intent_after_the_call),
    Bug("a timeout is asked again under a new key", "S5", takes_a_new_key_to_ask_again),
    Bug("a timeout is taken for a refusal", "S5", takes_a_timeout_for_a_refusal),
    Bug("the provider's adapter forgets the idempotency key", "S5", forgets_the_idempotency_key),
    Bug("orphans are not adopted", "S5", adopts_no_orphans),
    Bug("a deposed leader goes on", "S6", lets_the_old_leader_act),
    Bug("scale-in does not simulate the survivors", "S7", ignores_the_survivors),
    Bug("scale-in ignores the cooldown", "S7", ignores_the_cooldown),
    Bug("scale-in follows a forecast", "S7", scales_in_on_a_forecast, last_seen_at=105),
    Bug("a serving node is ended without a drain", "S7", ends_without_a_drain),
    Bug("a drain does not wait for requests in flight", "S7", does_not_wait_for_requests_in_flight),
    Bug("a loading node is killed", "S8", kills_loading_nodes),
    Bug("a stale or partial list is taken for complete", "S9", takes_any_list_for_complete),
    Bug("a new machine missing from a list is gone", "S9", does_not_wait_for_a_list_to_settle),
    Bug("a node is forgotten before its end is confirmed", "S9", forgets_before_the_end_is_confirmed),
    Bug("a failed call stops the actions after it", "S10", stops_at_the_first_error),
    Bug("a provider's error stops the tick", "S10", lets_an_error_through),
    Bug("it acts while paused", "pause", acts_while_paused),
    Bug("it scales in while that is paused", "pause", scales_in_while_that_is_paused),
)

if __name__ == "__main__":
    for bug in BUGS:
        found = first_caught(bug)
        seen = "not caught" if found is None else f"seed {found[0]:4}  {found[1]}"
        sys.stdout.write(f"{bug.invariant:6}{bug.claim:68}{seen}\n")
        sys.stdout.flush()
