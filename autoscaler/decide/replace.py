"""Replace: nodes that go because others take their place: under notice, at risk, or dearer than what can be had. Pure.

The new node is launched first; the old one is drained when the new one serves and the survivors carry the work. A node
under notice is drained at once: it goes anyway.
"""

from autoscaler.decide.merit import Offer, why_not_now
from autoscaler.decide.need import Need
from autoscaler.decide.release import has_too_many, is_at_renewal, outlasts, why_resting
from autoscaler.decide.room import Room
from autoscaler.decide.sight import Sight, is_unreachable
from autoscaler.decide.want import Want
from autoscaler.fleet import Drain, Launch, Node, Snapshot
from policies.renewal import paid_left_s
from policies.scaling import ScalingPolicy


def drains_of_leaving(sight: Sight, snapshot: Snapshot) -> list[Drain]:
    """Nodes that are being taken back get no new work, to finish the old within the notice."""
    drains = []
    for node in sight.leaving:
        assert node.taken_back_at is not None  # what makes it leave
        left_s = (node.taken_back_at - snapshot.now).total_seconds()
        drains.append(Drain(node_id=node.id, reason=f"notice: taken back in {left_s:.0f} s"))
    return drains


def drains_of_unwanted(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> list[Drain]:
    """Nodes at risk, and those of a pool that is no longer known, go one by one as the others carry the work."""
    sight, snapshot = want.sight, room.snapshot
    unwanted = [*sight.at_risk, *sight.stranded]
    if not unwanted or why_resting(sight, snapshot, policy) is not None:
        return []
    drains: list[Drain] = []
    survivors = sight.ready_work
    count = len(sight.serving) + len(unwanted)
    at_risk = {node.id for node in sight.at_risk}
    for node in sorted(unwanted, key=lambda node: node.id):
        speed = sight.speed_of(node.pool)
        if count - 1 < want.floor or is_unreachable(snapshot, node.pool):
            continue
        if not outlasts(want, need, survivors - speed, policy):
            continue
        survivors -= speed
        count -= 1
        why = "risk: it may be taken back" if node.id in at_risk else "stranded: its pool is not known or has no rate"
        drains.append(
            Drain(node_id=node.id, reason=f"{why}; {need.now_work:.2f} nodes of work on {survivors:.2f} that stay")
        )
    return drains


def drains_of_replaced(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> list[Drain]:
    """Nodes whose cheaper replacement serves go, if the survivors carry the work; one a tick."""
    sight, snapshot = want.sight, room.snapshot
    serving = {node.id: node for node in sight.serving}
    for new in sight.serving:
        old = serving.get(new.replaces) if new.replaces is not None else None
        if old is None or is_unreachable(snapshot, old.pool) or not is_at_renewal(old, snapshot, policy):
            continue
        survivors = sight.ready_work - sight.speed_of(old.pool)
        if len(sight.serving) + len(sight.stranded) - 1 < want.floor or not outlasts(want, need, survivors, policy):
            continue
        if why_resting(sight, snapshot, policy) is None:
            return [Drain(node_id=old.id, reason=f"saving: replaced by {new.id} of {new.pool}, which serves")]
    return []


def saving_launch(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> Launch | None:
    """A cheaper node for the dearest running one, where it saves enough: one at a time, and only in a calm fleet.

    Where the dearest is one too many it goes for good: another in its place would only put that off.
    """
    sight = want.sight
    if not sight.serving or sight.coming or sight.draining or sight.at_risk or sight.leaving:
        return None
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

    It must also pay for its start: served as long again as the old one has, it saves what its lead time costs.
    """
    snapshot, sight = room.snapshot, want.sight
    if offer.key == node.pool or offer.usd_hour > (1 - policy.min_saving_ratio) * old_usd:
        return False
    age_s = (snapshot.now - node.ordered_at).total_seconds()
    if (old_usd - offer.usd_hour) * age_s < offer.usd_hour * offer.lead_s:
        return False
    if offer.pool.is_spot:
        recently = snapshot.recently.get(sight.model)
        failed_at = None if recently is None else recently.last_on_spot_failure_at
        if failed_at is not None and (snapshot.now - failed_at).total_seconds() < policy.return_to_spot_after_s:
            return False
    if is_unreachable(snapshot, node.pool):
        return False
    left_s = paid_left_s(snapshot.pools[node.pool].tariff, node.ordered_at, snapshot.now)
    if left_s > offer.lead_s + policy.renewal_margin_s:
        return False
    survivors = sight.ready_work - sight.speed_of(node.pool) + offer.speed
    if not outlasts(want, need, survivors, policy):
        return False
    return why_not_now(offer, snapshot) is None and room.refusal(offer, sight.model) is None
