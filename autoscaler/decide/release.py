"""Release: which nodes are drained because the others carry the work without them (S7, S8). Pure.

Only measured work releases: a prediction keeps nodes, it never removes them. Ready survivors must carry what is
measured and wanted soon; together with what is coming, what is wanted later and was lately. A node whose hour is paid
is kept until just before its renewal, which costs nothing.
"""

from collections.abc import Sequence

from autoscaler.decide.need import Need
from autoscaler.decide.room import Room
from autoscaler.decide.sight import Sight, is_unreachable
from autoscaler.decide.want import Want
from autoscaler.fleet import Drain, Node, Snapshot
from policies.billing import Billing
from policies.renewal import paid_left_s
from policies.scaling import ScalingPolicy, is_above_band, is_below_band, is_enough, most_by_share, wanted_capacity


def release(want: Want, need: Need, room: Room, policy: ScalingPolicy) -> list[Drain]:
    """Drains of nodes too many, one after the other, each with the survivors simulated; `want.kept`: why no more.

    A node goes where what was wanted lately is carried without it: ended and ordered again it costs its lead time, or a
    second hour. One by the second also needs a burst below its band; a paid hour that ends is a purchase, and is not
    bought again inside the band either. One of several that take another's place is kept until the last of them serves.
    """
    sight, snapshot = want.sight, room.snapshot
    survivors, counted = sight.intended_work - sight.at_risk_work, want.counted
    near = wanted_capacity(policy, need.near_work)
    level = level_kept(want, need)
    wanted = wanted_capacity(policy, level)
    is_below = is_below_band(policy, need.now_work, sight.base_work, sight.intended_work - sight.base_work)

    def may_go(pool: str) -> bool:
        is_by_second = snapshot.pools[pool].tariff.billing is Billing.SECOND
        left = survivors - sight.speed_of(pool)
        if (is_by_second and not is_below) or not is_enough(left, near):
            return False
        return is_enough(left + sight.coming_work, wanted)

    pools = {pool for pool in sight.serving_pools if may_go(pool)}
    if not pools or counted <= want.floor:
        return []
    want.kept = why_resting(sight, snapshot, policy)
    if want.kept is not None:
        return []
    drains: list[Drain] = []
    awaited = {node.replaces for node in sight.coming if node.replaces is not None}
    spare = [node for node in sight.serving if node.pool in pools and node.replaces not in awaited]
    candidates = _at_renewal(spare, want, snapshot, policy)
    _by_saving(candidates, want)
    while candidates and counted > want.floor and len(drains) < policy.max_drains_per_tick:
        node = _next(candidates, room, policy)
        candidates.remove(node)
        if not may_go(node.pool):
            continue
        survivors -= sight.speed_of(node.pool)
        counted -= 1
        room.give_up(node)
        drains.append(Drain(node_id=node.id, reason=_why(node, need, level, survivors, snapshot)))
    return drains


def level_kept(want: Want, need: Need) -> float:
    """Work that what stays, with what is coming, must carry for a node to go."""
    return max(need.keep_work, want.level(want.longest_lead_s).work)


def why_resting(sight: Sight, snapshot: Snapshot, policy: ScalingPolicy) -> str | None:
    """Why no scale-in is due so soon after a scale-out (S7); None: it may be."""
    recently = snapshot.recently.get(sight.model)
    if recently is None or recently.launched_at is None:
        return None
    wait_s = policy.cooldown_s
    if sight.demand is None or sight.demand.outlook is None:
        wait_s = max(wait_s, policy.hold_s)  # nothing else knows what was needed lately
    since_s = (snapshot.now - recently.launched_at).total_seconds()
    if since_s < wait_s:
        return f"cooldown: scaled out {since_s:.0f} s ago, no scale-in for {wait_s:.0f} s"
    return None


def is_at_renewal(node: Node, snapshot: Snapshot, policy: ScalingPolicy) -> bool:
    """Whether keeping the node costs something soon: its paid time ends within the renewal margin."""
    pool = snapshot.pools.get(node.pool)
    if pool is None:
        return True
    return paid_left_s(pool.tariff, node.ordered_at, snapshot.now) <= policy.renewal_margin_s


def _at_renewal(spare: Sequence[Node], want: Want, snapshot: Snapshot, policy: ScalingPolicy) -> list[Node]:
    """Those of the spare nodes that may go now; of the others the nearest renewal is said."""
    candidates = []
    nearest_s = float("inf")
    for node in spare:
        if is_unreachable(snapshot, node.pool):
            continue
        left_s = paid_left_s(snapshot.pools[node.pool].tariff, node.ordered_at, snapshot.now)
        if left_s <= policy.renewal_margin_s:
            candidates.append(node)
        else:
            nearest_s = min(nearest_s, left_s)
    if not candidates and nearest_s < float("inf"):
        want.kept = f"paid: {len(spare)} spare, kept as their hour is paid for {nearest_s:.0f} s more at least"
    return candidates


def _by_saving(candidates: list[Node], want: Want) -> None:
    """Sorts: dearest per work first, then the youngest, so that what stays is cheap and proven."""
    cost = {offer.key: offer.usd_work_hour for offer in want.offers}
    candidates.sort(key=lambda node: node.id)
    candidates.sort(key=lambda node: (cost.get(node.pool, float("inf")), node.ordered_at), reverse=True)


def _next(candidates: Sequence[Node], room: Room, policy: ScalingPolicy) -> Node:
    """The first whose end leaves no pool with more than its share of those that stay; where none does, the first."""
    if policy.max_pool_share >= 1 and policy.max_spot_share >= 1:
        return candidates[0]
    tried: set[str] = set()
    for node in candidates:
        if node.pool not in tried:
            tried.add(node.pool)
            if _keeps_shares(node, room, policy):
                return node
    return candidates[0]


def _keeps_shares(node: Node, room: Room, policy: ScalingPolicy) -> bool:
    room.count()
    burst = room.staying_burst - 1
    most = most_by_share(policy.max_pool_share, burst)
    if most is not None and any(count - (key == node.pool) > most for key, count in room.staying.items()):
        return False
    most = most_by_share(policy.max_spot_share, burst)
    return most is None or room.staying_spot - room.snapshot.pools[node.pool].is_spot <= most


def _why(node: Node, need: Need, level: float, survivors: float, snapshot: Snapshot) -> str:
    busy = need.now_work / survivors if survivors > 0 else 0.0
    kept = "" if level <= need.now_work else f" (kept for {level:.2f})"
    left_s = paid_left_s(snapshot.pools[node.pool].tariff, node.ordered_at, snapshot.now)
    kind = f"renewal: paid hour ends in {left_s:.0f} s, " if left_s > 0 else "surplus: "
    return f"{kind}{need.now_work:.2f} nodes of work{kept}; the {survivors:.2f} that stay are {busy:.0%} busy"


def has_too_many(want: Want, need: Need, pool: str, policy: ScalingPolicy) -> bool:
    """Whether a node of the pool could go and what is to be kept would still be carried at the target."""
    survivors = want.sight.intended_work - want.sight.speed_of(pool)
    return want.counted > want.floor and is_enough(survivors, wanted_capacity(policy, level_kept(want, need)))


def outlasts(want: Want, need: Need, survivors: float, policy: ScalingPolicy) -> bool:
    """Whether so much ready capacity carries the work now and as far as is known, inside the band."""
    return not is_above_band(policy, level_kept(want, need), survivors)
