"""Say: why a model is left as it is, or not given what it lacks, in words with numbers. Pure."""

from datetime import datetime

from autoscaler.decide.want import Want
from autoscaler.fleet import Snapshot
from policies.scaling import ScalingPolicy, is_below_band


def why_hold(want: Want, snapshot: Snapshot, policy: ScalingPolicy) -> str:
    """Why nothing is done for the model."""
    sight, need = want.sight, want.need
    if need is None:
        assert want.blind is not None  # what makes it blind
        return f"blind: {want.blind[0]}; nothing is released"
    if want.kept is not None:
        return want.kept
    ready = sight.ready_work
    now = f"{need.now_work:.2f} nodes of work on {ready:.2f} ready"
    if ready > 0:
        now += f" ({need.now_work / ready:.0%})"
    if need.queue_work > 0 and is_below_band(policy, need.now_work, sight.base_work, ready - sight.base_work):
        return f"queue: {need.queue_work:.2f} of {now} wait though nodes are free; more would not help"
    if snapshot.controls.is_scale_in_paused:
        return f"paused: scale-in, by an operator; {now}"
    coming = f" and {sight.coming_work:.2f} coming" if sight.coming_work > 0 else ""
    return f"band: {now}{coming}, between {policy.low_utilization:.0%} and {policy.high_utilization:.0%}"


def why_unmet(want: Want, policy: ScalingPolicy, *, is_step_done: bool) -> str | None:
    """Why what the model lacks is not ordered; None: it lacks nothing, or all of it was."""
    if not want.is_missing(policy):
        return None
    model = want.sight.model
    if not want.offers:
        if want.is_under_floor:
            return f"unmet: {want.counted} of {want.floor} nodes of the floor, and no pool can serve {model}"
        return f"slo: no pool has a rate for {model} within its SLO; more nodes would not help"
    lacks = max(want.missing(offer.lead_s, policy) for offer in want.offers)
    what = f"{lacks:.2f} nodes of capacity" if lacks > 0 else f"{want.floor - want.counted} nodes of the floor"
    if is_step_done and len(want.refusals) < len(want.offers):
        return f"step: {what} more next tick, {policy.max_launches_per_tick} launches are the most of one"
    why = "; ".join(f"{pool}: {refusal}" for pool, refusal in want.refusals.items())
    return f"unmet: {what} missing and no pool to be had ({why})"


def burst_nodes(count: int) -> str:
    """So many burst nodes, in words."""
    return f"{count} burst node{'' if count == 1 else 's'}"


def taken_back(at: datetime, now: datetime) -> str:
    """When the provider takes a node back, seen from now; it may stand in a list after that."""
    left_s = (at - now).total_seconds()
    return f"taken back in {left_s:.0f} s" if left_s >= 0 else f"taken back {-left_s:.0f} s ago"
