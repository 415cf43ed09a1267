"""Saving: launches of nodes that are to take a dearer one's place, which is drained when they serve (`replace`). Pure.

One for one, where a node of another pool does the same work for less; or smaller ones in place of a large one that the
work does not fill any more. Either pays for its start: served as long again, it saves what its lead time costs.
"""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from autoscaler.decide.merit import Offer, why_not_now
from autoscaler.decide.need import Need
from autoscaler.decide.release import has_too_many, level_kept, outlasts
from autoscaler.decide.room import Room
from autoscaler.decide.sight import is_unreachable
from autoscaler.decide.want import Want
from autoscaler.fleet import Launch, Node
from policies.billing import Billing
from policies.renewal import paid_left_s
from policies.scaling import ScalingPolicy, is_enough, wanted_capacity

_NOISE = 1e-9


def saving_launches(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> list[Launch]:
    """Cheaper nodes for one running node, where they save enough: one exchange at a time, and only in a calm fleet."""
    sight = want.sight
    if not sight.serving or sight.coming or sight.draining or sight.at_risk or sight.leaving:
        return []
    launch = _one_for_one(want, need, room, policy)
    return _smaller(want, need, room, policy) if launch is None else [launch]


def _one_for_one(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> Launch | None:
    """A cheaper node for the dearest running one.

    Where the dearest is one too many it goes for good: another in its place would only put that off.
    """
    sight = want.sight
    dearest = next((offer for offer in reversed(want.offers) if offer.key in sight.serving_pools), None)
    if dearest is None:
        return None
    if has_too_many(want, need, dearest.key, policy):
        return None
    most_usd_work = (1 - policy.min_saving_ratio) * dearest.usd_work_hour
    if want.offers[0].usd_work_hour > most_usd_work:
        return None
    replaced = {node.replaces for node in sight.serving}
    old = min((node for node in sight.serving if node.pool == dearest.key), key=lambda node: (node.ordered_at, node.id))
    if old.id in replaced:
        return None
    for offer in want.offers:
        if offer.usd_work_hour > most_usd_work:
            return None  # the rest of the merit order saves less
        if _may_replace(old, dearest.usd_hour, offer, want, need, room, policy):
            room.take(offer, sight.model)
            want.has_moved = True
            reason = (
                f"saving: {offer.usd_hour:.4f} USD/h instead of {dearest.usd_hour:.4f} for {old.id}, "
                f"{1 - offer.usd_hour / dearest.usd_hour:.0%} less"
            )
            return Launch(pool=offer.key, model=sight.model, reason=reason, replaces=old.id)
    return None


def _may_replace(
    node: Node, old_usd: float, offer: Offer, want: Want, need: Need, room: Room, policy: ScalingPolicy
) -> bool:
    """Whether the offer is another pool that saves, may be asked, is trusted again, and is ready by the renewal.

    The old one's age tells how long the new one will be needed.
    """
    snapshot, sight = room.snapshot, want.sight
    if offer.key == node.pool or offer.usd_hour > (1 - policy.min_saving_ratio) * old_usd:
        return False
    age_s = (snapshot.now - node.ordered_at).total_seconds()
    if (old_usd - offer.usd_hour) * age_s < offer.usd_hour * offer.lead_s:
        return False
    survivors = sight.intended_work - sight.speed_of(node.pool) + offer.speed
    if not _is_trusted(offer, want, room, policy) or not _is_in_time(node, offer, room, policy):
        return False
    if not outlasts(want, need, survivors, policy):
        return False
    return room.refusal(offer, sight.model) is None


def _is_trusted(offer: Offer, want: Want, room: Room, policy: ScalingPolicy) -> bool:
    """Whether the pool may be asked, and spot has not failed for long enough to be returned to."""
    snapshot = room.snapshot
    recently = snapshot.recently.get(want.sight.model)
    failed_at = None if recently is None or not offer.pool.is_spot else recently.last_on_spot_failure_at
    if failed_at is not None and (snapshot.now - failed_at).total_seconds() < policy.return_to_spot_after_s:
        return False
    return why_not_now(offer, snapshot) is None


def _is_in_time(node: Node, offer: Offer, room: Room, policy: ScalingPolicy) -> bool:
    """Whether the node may be ended, and its paid time ends about when what takes its place serves.

    Not long after, and not before: then the next hour of both would be paid. What is billed by the second is in time
    at any time.
    """
    snapshot = room.snapshot
    if is_unreachable(snapshot, node.pool):
        return False
    tariff = snapshot.pools[node.pool].tariff
    left_s = paid_left_s(tariff, node.ordered_at, snapshot.now)
    needed_s = offer.lead_s if tariff.billing is Billing.SECOND else max(offer.lead_s, policy.cooldown_s)
    if left_s > needed_s + policy.renewal_margin_s:
        return False
    return tariff.billing is Billing.SECOND or left_s >= needed_s


def _smaller(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> list[Launch]:
    """Nodes of one pool in place of the node they save most on: as many as carry, with the others, what it did.

    For as long as no node was launched the work was as small as it is: so long again it is taken to stay.
    """
    least_usd = min((offer.usd_hour for offer in want.offers), default=0.0)
    dear = [
        offer
        for offer in want.offers
        if offer.key in want.sight.serving_pools and least_usd <= (1 - policy.min_saving_ratio) * offer.usd_hour
    ]
    if not dear or _calm_s(want, room) < policy.exchange_after_s:
        return []
    oldest: dict[str, Node] = {}
    for node in want.sight.serving:
        first = oldest.setdefault(node.pool, node)
        if (node.ordered_at, node.id) < (first.ordered_at, first.id):
            oldest[node.pool] = node
    found = [one for offer in dear for one in _exchanges(offer, oldest[offer.key], want, need, room, policy)]
    best = max(found, key=lambda one: one.saved_usd_hour, default=None)
    if best is None:
        return []
    for _ in range(best.nodes):
        room.take(best.offer, want.sight.model)
    want.has_moved = True
    reason = (
        f"saving: {best.nodes} x {best.offer.key} carry what {best.old.id} is kept for, "
        f"{best.saved_usd_hour:.4f} USD/h less"
    )
    launch = Launch(pool=best.offer.key, model=want.sight.model, reason=reason, replaces=best.old.id)
    return [launch] * best.nodes


class _Exchange(NamedTuple):
    """So many nodes of an offer for one that runs."""

    saved_usd_hour: float
    old: Node
    offer: Offer
    nodes: int


def _exchanges(
    dear: Offer, old: Node, want: Want, need: Need, room: Room, policy: ScalingPolicy
) -> Iterator[_Exchange]:
    """Each way to do without `old`, a node of `dear`, that saves enough; none where it is one too many."""
    sight, snapshot = want.sight, room.snapshot
    missing = wanted_capacity(policy, level_kept(want, need)) - (sight.intended_work - dear.speed)
    if is_enough(0.0, missing) or any(node.replaces == old.id for node in sight.serving):
        return
    known_s = min(_calm_s(want, room), (snapshot.now - old.ordered_at).total_seconds())
    for offer in want.offers:
        count = ceil(missing / offer.speed - _NOISE)
        usd = count * offer.usd_hour
        saved_usd = dear.usd_hour - usd
        if offer.key == dear.key or saved_usd < policy.min_saving_ratio * dear.usd_hour:
            continue
        if count > policy.max_launches_per_tick or saved_usd * known_s < usd * offer.lead_s:
            continue
        if not _is_trusted(offer, want, room, policy) or not _is_in_time(old, offer, room, policy):
            continue
        if room.has_room_for(offer, sight.model, count):
            yield _Exchange(saved_usd, old, offer, count)


def _calm_s(want: Want, room: Room) -> float:
    """Seconds since a node was last launched for the model."""
    recently = room.snapshot.recently.get(want.sight.model)
    if recently is None or recently.launched_at is None:
        return float("inf")
    return (room.snapshot.now - recently.launched_at).total_seconds()
