"""Replace: nodes that go because others take their place: under notice, at risk, or dearer than what serves now. Pure.

The new node is launched first; the old one is drained when the new one serves and the survivors carry the work. A node
under notice is drained at once: it goes anyway.
"""

from autoscaler.decide.need import Need
from autoscaler.decide.release import is_at_renewal, outlasts, why_resting
from autoscaler.decide.room import Room
from autoscaler.decide.say import taken_back
from autoscaler.decide.sight import Sight, is_unreachable
from autoscaler.decide.want import Want
from autoscaler.fleet import Drain, Snapshot
from policies.scaling import ScalingPolicy


def drains_of_leaving(sight: Sight, snapshot: Snapshot) -> list[Drain]:
    """Nodes that are being taken back get no new work, to finish the old within the notice."""
    drains = []
    for node in sight.leaving:
        assert node.taken_back_at is not None  # what makes it leave
        drains.append(Drain(node_id=node.id, reason=f"notice: {taken_back(node.taken_back_at, snapshot.now)}"))
    return drains


def drains_of_unwanted(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> list[Drain]:
    """Nodes at risk, and those of a pool that is no longer known, go one by one as the others carry the work."""
    sight, snapshot = want.sight, room.snapshot
    unwanted = [*sight.at_risk, *sight.stranded]
    if not unwanted or why_resting(sight, snapshot, policy) is not None:
        return []
    drains: list[Drain] = []
    survivors = sight.intended_work
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
        survivors = sight.intended_work - sight.speed_of(old.pool)
        if len(sight.serving) + len(sight.stranded) - 1 < want.floor or not outlasts(want, need, survivors, policy):
            continue
        if why_resting(sight, snapshot, policy) is None:
            return [Drain(node_id=old.id, reason=f"saving: replaced by {new.id} of {new.pool}, which serves")]
    return []
