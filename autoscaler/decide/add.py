"""Add: what is missing, and the nodes that cover it: draining ones first, then launches in merit order. Pure.

Models take turns, one node each, so that a cap or a step is shared and the trouble of one does not stop another (S10).
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from autoscaler.decide.merit import Offer, next_offer, why_not_now
from autoscaler.decide.room import Room
from autoscaler.decide.say import burst_nodes, taken_back
from autoscaler.decide.sight import is_unreachable
from autoscaler.decide.want import Want
from autoscaler.fleet import Action, Launch, Node, Snapshot, Undrain
from policies.scaling import ScalingPolicy, wanted_capacity


def add(wants: Sequence[Want], room: Room, policy: ScalingPolicy) -> list[Action]:
    """Undrains and launches, models in turns, until nothing is missing, nothing may be had, or the step is done.

    Under a cap floors come first, then the plan of models that are blind, then demand (S2 before S4 before demand).
    """
    actions: list[Action] = []
    for want in sorted(wants, key=_rank):
        actions += undrains(want, room, policy)
    left = policy.max_launches_per_tick
    open_wants = [want for want in wants if want.is_missing(policy)]
    while open_wants and left > 0:
        first = min(map(_rank, open_wants))
        for want in [want for want in open_wants if _rank(want) == first]:
            launch = next_launch(want, room, policy) if left > 0 else None
            if launch is None:
                open_wants.remove(want)
            else:
                actions.append(launch)
                left -= 1
    return actions


def _rank(want: Want) -> int:
    """0: a floor is missing; 1: it is blind; 2: demand."""
    return 0 if want.is_under_floor else 1 if want.need is None else 2


def undrains(want: Want, room: Room, policy: ScalingPolicy) -> list[Action]:
    """Draining nodes that serve again because capacity is missing: those drained last first."""
    actions: list[Action] = []
    snapshot, sight = room.snapshot, want.sight
    for node in sorted(sight.draining, key=lambda node: (-node.since.timestamp(), node.id)):
        if not want.is_missing(policy):
            break
        speed = sight.speed_of(node.pool)
        if not may_serve_again(node, speed, snapshot) or room.undrain_refusal(node) is not None:
            continue
        room.take_back(node)
        reason = f"undrain: {why_missing(want, want.longest_lead_s, policy)}"
        actions.append(Undrain(node_id=node.id, reason=reason))
        want.capacity += speed
        want.counted += 1
        want.has_moved = True
    return actions


def may_serve_again(node: Node, speed: float, snapshot: Snapshot) -> bool:
    """Whether a draining node is worth having back: intended, of a known rate, and not about to be taken."""
    return (
        not (node.is_base or node.is_orphan)
        and speed > 0
        and node.taken_back_at is None
        and not node.is_at_risk
        and node.pool in snapshot.pools
        and not is_unreachable(snapshot, node.pool)
    )


def next_launch(want: Want, room: Room, policy: ScalingPolicy) -> Launch | None:
    """One launch for the model, counted in `room` and `want`; None: nothing is missing, or nothing may be had."""
    if want.is_under_floor:
        offers = askable(want, room, is_floor=True)
        if not offers:
            return None
        offer = min(offers, key=lambda one: (one.usd_hour, one.key))
        reason = f"floor: {burst_nodes(want.counted)}, at least {want.floor} wanted"
        return _launched(want, offer, room, reason)
    may_ask = askable(want, room, is_floor=False)
    offers = list(takewhile(lambda one: want.missing(one.lead_s, policy) > 0, may_ask))
    if not offers:
        return None  # what a cheaper and quicker pool can still bring in time is not ordered from a slower one
    best = offers[0]
    missing = want.missing(best.lead_s, policy)
    offer = next_offer(missing, offers)
    return _launched(want, offer, room, why_missing(want, best.lead_s, policy))


def askable(want: Want, room: Room, *, is_floor: bool) -> list[Offer]:
    """The offers that may be asked for one more node, in merit order; of the others the reason is kept."""
    found = []
    for offer in want.offers:
        refusal = why_not_now(offer, room.snapshot) or room.refusal(offer, want.sight.model, is_floor=is_floor)
        if refusal is None:
            found.append(offer)
        else:
            want.refusals[offer.key] = refusal
    return found


def _launched(want: Want, offer: Offer, room: Room, reason: str) -> Launch:
    room.take(offer, want.sight.model)
    want.capacity += offer.speed
    want.counted += 1
    want.has_moved = True
    gone: Node | None = None
    going = (*want.sight.leaving, *want.sight.at_risk)
    if want.replaced < len(going):
        gone = going[want.replaced]
        want.replaced += 1
        reason = f"{_why_going(gone, room.snapshot.now)}; {reason}"
    return Launch(pool=offer.key, model=want.sight.model, reason=reason, replaces=None if gone is None else gone.id)


def _why_going(node: Node, now: datetime) -> str:
    if node.taken_back_at is not None:
        verb = "is" if node.taken_back_at >= now else "was"
        return f"notice: {node.id} {verb} {taken_back(node.taken_back_at, now)}"
    return f"risk: {node.id} may be taken back"


def why_missing(want: Want, lead_s: float, policy: ScalingPolicy) -> str:
    """The reason to add, with its numbers."""
    if want.is_under_floor:
        return f"floor: {burst_nodes(want.counted)}, at least {want.floor} wanted"
    level, sight = want.level(lead_s), want.sight
    have = f"{sight.lasting_work - sight.coming_work:.2f} ready and {sight.coming_work:.2f} coming"
    if want.need is None:
        return f"blind: the plan has {level.work:.2f} nodes on this hour, {have}"
    wanted = (
        f"needs {wanted_capacity(policy, level.work):.2f} at {policy.target_utilization:.0%}, {have} "
        f"are enough up to {policy.high_utilization:.0%}"
    )
    match level.kind:
        case "expected":
            return f"expected: {level.work:.2f} nodes of work within {level.within_s:.0f} s, {wanted}"
        case "plan":
            return f"plan: {level.work:.2f} nodes of work in the hour that begins in {level.within_s:.0f} s, {wanted}"
        case "queue":
            return f"queue: {want.need.queue_work:.2f} of {level.work:.2f} nodes of work wait, {wanted}"
    return f"load: {level.work:.2f} nodes of work, {wanted}"
