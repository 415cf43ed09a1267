"""Decision: the whole of one tick, as a table of contents. Pure: the same snapshot gives the same actions.

Where rules collide: what is not ours is not touched, then caps, then floors, then blindness, then demand.
"""

from collections.abc import Collection

from autoscaler.decide.add import add
from autoscaler.decide.blind import planned_burst_work, why_blind
from autoscaler.decide.caps import cap_drains, is_over_with_ending
from autoscaler.decide.end import ends_of_drained, ends_of_failed
from autoscaler.decide.merit import offers_of
from autoscaler.decide.need import Level, need_of
from autoscaler.decide.release import release
from autoscaler.decide.replace import drains_of_leaving, drains_of_replaced, drains_of_unwanted
from autoscaler.decide.room import Room
from autoscaler.decide.saving import saving_launches
from autoscaler.decide.say import why_hold, why_unmet
from autoscaler.decide.sight import Sight, look
from autoscaler.decide.want import Want
from autoscaler.fleet import Action, Drain, FleetPlan, Hold, Launch, Snapshot, Terminate, Undrain
from policies.renewal import Month
from policies.scaling import ScalingPolicy

_ORDER = {Terminate: 0, Undrain: 1, Launch: 2, Drain: 3, Hold: 4}


def decide(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
    """What to do about the fleet, each action with its reason: ends, undrains, launches, drains, holds.

    Asked again about the fleet it asked for (`asked_for`), it asks for nothing but what a step cap left over. The first
    word of a reason is its kind: load, queue, expected, plan, floor, notice, risk, stranded, saving, undrain, surplus,
    renewal, drained, timeout, failed, cap, ceiling; of a hold: paused, blind, unmet, slo, step, cooldown, paid, queue,
    band.
    """
    if snapshot.controls.is_paused:
        return (Hold(reason="paused: an operator asked for no action"),)
    month = Month.of(snapshot.now)
    sights = look(snapshot, policy)
    wants = {model: want_of(sight, snapshot, plan, policy, month) for model, sight in sights.items()}
    room = Room(snapshot=snapshot, wants=wants, policy=policy, month=month)
    capped = cap_drains(wants, room, policy)
    added = add(list(wants.values()), room, policy)
    touched = {action.node_id for action in (*capped, *added) if isinstance(action, Drain | Undrain)}
    actions: list[Action] = [*capped, *added]
    is_step_done = len(added) >= policy.max_launches_per_tick
    for want in wants.values():
        own = remove(want, room, policy, touched)
        unmet = why_unmet(want, policy, is_step_done=is_step_done)
        if unmet is not None:
            own.append(Hold(reason=unmet, model=want.sight.model))
        elif not (own or want.has_moved or is_capped(want, touched)):
            own.append(Hold(reason=why_hold(want, snapshot, policy), model=want.sight.model))
        actions += own
    return tuple(sorted(actions, key=lambda action: _ORDER[type(action)]))


def want_of(sight: Sight, snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy, month: Month) -> Want:
    """What the model needs, and the pools that could give it; without credible demand, the plan's level or nothing."""
    want = Want(
        sight=sight,
        offers=offers_of(snapshot, sight, policy, month),
        floor=floor_of(sight.model, snapshot, policy),
        capacity=sight.lasting_work,
        counted=sight.counted,
    )
    want.blind = why_blind(sight, snapshot.now, policy)
    if want.blind is None:
        assert sight.demand is not None  # else it is blind
        want.need = need_of(sight.demand, sight.model, plan, snapshot.now, want.longest_lead_s, policy)
    elif want.blind[1] >= policy.blind_for_s and plan is not None:
        planned = plan.at(sight.model, snapshot.now)
        if planned is not None:
            want.blind_level = Level(work=_base_work(sight) + planned_burst_work(planned, sight), kind="blind")
    return want


def _base_work(sight: Sight) -> float:
    """What base nodes carry or are to, reference nodes: none of it stands in for the plan's burst."""
    return sight.base_work + sight.coming_work - sum(sight.speed_of(node.pool) for node in sight.coming)


def floor_of(model: str, snapshot: Snapshot, policy: ScalingPolicy) -> int:
    """Burst nodes of the model that are never fewer: the higher of policy and operator, under the manual ceiling."""
    controls = snapshot.controls
    floor = max(policy.min_nodes.get(model, 0), controls.min_nodes.get(model, 0))
    ceiling = controls.max_nodes.get(model)
    return floor if ceiling is None else min(floor, ceiling)


def remove(want: Want, room: Room, policy: ScalingPolicy, touched: Collection[str]) -> list[Action]:
    """Ends and drains of one model, and launches of cheaper nodes; `touched`: nodes something is decided for."""
    snapshot, sight, need = room.snapshot, want.sight, want.need
    actions: list[Action] = []
    is_scale_in_paused = snapshot.controls.is_scale_in_paused
    if not is_scale_in_paused:
        actions += ends_of_failed(sight, snapshot)
    if not is_scale_in_paused or is_over_with_ending(room):
        actions += ends_of_drained(sight, touched, room, policy, is_blind=need is None)
    actions += [drain for drain in drains_of_leaving(sight, snapshot) if drain.node_id not in touched]
    is_calm = not want.has_moved and not want.is_missing(policy)
    if need is None or is_scale_in_paused or not is_calm or is_capped(want, touched):
        return actions
    drains: list[Drain] = drains_of_unwanted(want, need, room, policy) or drains_of_replaced(want, need, room, policy)
    if not drains:
        drains = release(want, need, room, policy)
    if drains:
        return [*actions, *drains]
    return [*actions, *saving_launches(want, need, room, policy)]


def is_capped(want: Want, touched: Collection[str]) -> bool:
    """Whether a cap drains a serving node of the model."""
    sight = want.sight
    return bool(touched) and any(
        node.id in touched for nodes in (sight.serving, sight.stranded, sight.at_risk) for node in nodes
    )
