"""End: leases that are over: broken nodes, and drained ones that have finished, or had their time. Pure."""

from collections.abc import Collection

from autoscaler.decide.caps import is_over_month
from autoscaler.decide.room import Room
from autoscaler.decide.sight import Sight, is_unreachable
from autoscaler.fleet import Node, NodeState, Snapshot, Terminate
from policies.renewal import paid_left_s
from policies.scaling import ScalingPolicy


def ends_of_failed(sight: Sight, snapshot: Snapshot) -> list[Terminate]:
    """Nodes that broke or were not ready in time are ended; what replaces them is a launch like any other."""
    ends = []
    for node in sight.failed:
        if is_unreachable(snapshot, node.pool):
            continue
        if node.state is NodeState.FAILED:
            reason = "failed: it broke or did not become ready"
        else:
            age_s = (snapshot.now - node.ordered_at).total_seconds()
            reason = f"failed: still {node.state.value} {age_s:.0f} s after its order"
        ends.append(Terminate(node_id=node.id, reason=reason))
    return ends


def ends_of_drained(
    sight: Sight, undrained: Collection[str], room: Room, policy: ScalingPolicy, *, is_blind: bool
) -> list[Terminate]:
    """Draining nodes with nothing in flight, or that have drained for the whole timeout.

    Blind, an idle one is kept for the timeout: it may be wanted back. A paid hour is kept to its margin for the same
    reason. Spot under notice is left to the provider: what it takes back in the first hour is free.
    """
    ends = []
    snapshot = room.snapshot
    for node in sight.draining:
        if node.id in undrained or is_unreachable(snapshot, node.pool):
            continue
        drained_s = (snapshot.now - node.since).total_seconds()
        is_over = drained_s >= policy.drain_timeout_s
        is_idle = node.in_flight == 0
        is_last_call = drained_s > 0 and not is_over and not is_idle and _would_pass_cap(node, room, policy)
        if not (is_over or is_last_call or (is_idle and not is_blind)) or _is_left_to_provider(node, snapshot):
            continue
        left_s = _paid_left_s(node, snapshot)
        if left_s > policy.renewal_margin_s and not node.is_at_risk and node.taken_back_at is None:
            continue
        ends.append(Terminate(node_id=node.id, reason=_why(node, drained_s, is_last_call=is_last_call)))
    return ends


def _why(node: Node, drained_s: float, *, is_last_call: bool) -> str:
    if node.in_flight == 0:
        return f"drained: nothing in flight after {drained_s:.0f} s"
    left = "an unknown number of requests" if node.in_flight is None else f"{node.in_flight} requests"
    if is_last_call:
        return f"cap: its next paid hour would pass max_usd_month, {left} in flight"
    return f"timeout: drained for {drained_s:.0f} s, {left} in flight"


def _paid_left_s(node: Node, snapshot: Snapshot) -> float:
    pool = snapshot.pools.get(node.pool)
    return 0.0 if pool is None else paid_left_s(pool.tariff, node.ordered_at, snapshot.now)


def _would_pass_cap(node: Node, room: Room, policy: ScalingPolicy) -> bool:
    """Whether a paid hour about to begin for a node that still drains would pass the month's cap."""
    return is_over_month(room) and 0 < _paid_left_s(node, room.snapshot) <= policy.renewal_margin_s


def _is_left_to_provider(node: Node, snapshot: Snapshot) -> bool:
    pool = snapshot.pools.get(node.pool)
    return pool is not None and pool.is_spot and node.taken_back_at is not None and snapshot.now < node.taken_back_at
