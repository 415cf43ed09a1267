"""S3, S5, S6, S9: what is ours, what was meant, who may act, what is forgotten. Pure; a rule returns what is wrong."""

from heapq import heappop, heappush

from autoscaler.fleet import Drain, Launch, Terminate, Undrain
from autoscaler.journal import MADE_NOTHING, Ended, Intent, IntentKind, Outcome
from autoscaler.loop.report import TickReport
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.invariants.facts import Facts, said
from autoscaler.replay.invariants.watch import Life

# --- S3


def ended_is_ours(facts: Facts, machine: MachineTruth) -> str | None:
    """S3: no machine is ended that does not have our tag, or that is a base node."""
    if machine.was_taken_back or (machine.fleet == facts.fleet and not machine.is_base):
        return None
    whose = "a base node" if machine.is_base else f"of fleet {machine.fleet}"
    return f"machine {machine.id} is ended, which is {whose}"


def intent_is_ours(facts: Facts, intent: Intent) -> str | None:
    """S3: nothing is intended about a base node, and nothing ordered that is not sold by the hour."""
    if intent.node_id in facts.base:
        return f"{intent.kind.value} of base node {intent.node_id} is intended"
    if intent.kind is IntentKind.LAUNCH and intent.pool not in facts.watch.cloud_of:
        return f"launch of {intent.pool} is intended, which is not sold by the hour"
    return None


def decided_is_ours(facts: Facts, report: TickReport) -> str | None:
    """S3: the same of what is decided, whoever keeps it from being done."""
    for acted in report.acted:
        action = acted.action
        if isinstance(action, Drain | Undrain | Terminate) and action.node_id in facts.base:
            return f"{said(action)} is decided, which is a base node"
        if isinstance(action, Launch) and action.pool not in facts.watch.cloud_of:
            return f"{said(action)} is decided, which is not sold by the hour"
    return None


def adopted_is_ours(facts: Facts, outcome: Outcome, life: Life) -> str | None:
    """S3: no machine without our tag is taken for ours."""
    origin = life.origin
    if origin is None or outcome.key != origin.key or origin.kind is not IntentKind.ADOPT:
        return None
    machines = (machine for cloud in facts.truth.clouds.values() for machine in cloud.truth)
    if any(machine.id == outcome.machine_id and machine.fleet != facts.fleet for machine in machines):
        return f"machine {outcome.machine_id} is adopted, which is not of our fleet"
    return None


def base_is_routed(facts: Facts) -> str | None:
    """S3: no base node is taken out of routing."""
    for node_id in facts.base:
        node = facts.truth.serving.node(node_id)
        if node is not None and not node.is_routed:
            return f"base node {node_id} gets no more work"
    return None


# --- S5


def intended_before_made(facts: Facts, machine: MachineTruth, life: Life) -> str | None:
    """S5: a machine has a launch intent of its key, written before it was made, and is the only one of its node."""
    if machine.key is None:  # it came from elsewhere
        heappush(facts.orphans, (machine.created_s, machine.id))
        return None
    if life.node_id != machine.node_id:
        return f"machine {machine.id} is made for {machine.node_id}, which has one already"
    if life.origin is None:
        return f"machine {machine.id} is made for {machine.node_id}, and no intent was written before"
    if life.origin.key != machine.key:
        return f"machine {machine.id} is made by key {machine.key}, the intent is {life.origin.key}"
    return None


def nothing_was_made(outcome: Outcome, life: Life) -> str | None:
    """S5: no launch is said to have made nothing whose machine exists."""
    if life.origin is None or outcome.key != life.origin.key or outcome.result not in MADE_NOTHING:
        return None
    if life.machine is not None and life.machine.is_held:
        return f"launch {outcome.key} is said to be {outcome.result.value}, and its machine exists"
    return None


def asked_once(facts: Facts, report: TickReport) -> str | None:
    """S5: a tick writes one launch intent per launch it decided; to ask again takes the key there is."""
    intended = sum(1 for intent in facts.tick.intents if intent.kind is IntentKind.LAUNCH)
    decided = sum(1 for acted in report.acted if isinstance(acted.action, Launch))
    return f"{intended} launches are intended and {decided} were decided" if intended > decided else None


def orphans_are_ended(facts: Facts) -> str | None:
    """S5: the end of a machine with our tag that nobody intended is asked for within `orphan_after_s`.

    Counted from the first tick at which its provider could be asked and the loop was not paused, and two ticks more;
    where that is not so when the time is over, at the next tick at which it is.
    """
    truth, watch = facts.truth, facts.watch
    now_s, tick_s = truth.timeline.now_s, truth.world.tick_s
    while facts.orphans and facts.orphans[0][0] <= now_s:
        _, machine_id = heappop(facts.orphans)
        life = watch.by_machine.get(machine_id)
        if life is None or life.machine is None or not life.machine.is_held or life.end is not None:
            continue
        seen = None if truth.report is None else truth.report.seen
        if seen is None or seen.controls.is_paused or watch.cloud_of[life.pool].name in seen.unreachable:
            heappush(facts.orphans, (now_s + tick_s, machine_id))
        elif machine_id not in facts.orphan_since_s:
            facts.orphan_since_s[machine_id] = now_s
            heappush(facts.orphans, (now_s + truth.policy.orphan_after_s + 2 * tick_s, machine_id))
        elif seen.controls.is_scale_in_paused:
            heappush(facts.orphans, (now_s + 2 * tick_s, machine_id))
        else:
            old_s = now_s - facts.orphan_since_s[machine_id]
            return f"machine {machine_id} of ours, which nobody intended, is there for {old_s:.0f} s"
    return None


# --- S6


def leader_writes(facts: Facts, intent: Intent) -> str | None:
    """S6: no intent is written by a controller once another with a higher epoch leads."""
    facts.highest_epoch = max(facts.highest_epoch, facts.truth.journal.epoch)
    if intent.epoch < facts.highest_epoch and intent.kind is not IntentKind.ADOPT:
        return f"{intent.kind.value} {intent.node_id} is of epoch {intent.epoch}, {facts.highest_epoch} leads"
    return None


# --- S9


def buried_is_gone(end: Ended, life: Life) -> str | None:
    """S9: no node is written off whose machine exists."""
    if life.machine is not None and life.machine.is_held:
        return f"{end.node_id} is forgotten while its machine exists"
    return None


def what_exists_is_seen(facts: Facts, report: TickReport) -> str | None:
    """S9: every node that somebody intended and whose machine exists is in the snapshot."""
    seen: set[str] | None = None
    for life in facts.watch.lives.values():
        if life.machine is None or not life.machine.is_held or life.origin is None or life.origin.at >= report.now:
            continue
        seen = seen or {node.id for node in report.seen.nodes}
        if life.node_id not in seen:
            return f"{life.node_id} is not seen any more while its machine exists"
    return None
