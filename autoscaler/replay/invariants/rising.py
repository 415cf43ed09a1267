"""S2, S4: what is missing up to the floor, or up to the plan while blind, is ordered wherever it may be. Pure.

Judged is that something is asked for in each tick in which a pool is free: not backing off, its provider within reach,
below quota, group, ceiling and caps. Where shares or a cap on the month decide which pool is free, nothing is said.
"""

from collections import Counter
from decimal import Decimal

from autoscaler.fleet import COMING, Launch, Node, NodeState, Pool, Snapshot, Undrain
from autoscaler.loop.report import TickReport
from autoscaler.replay.invariants.facts import Facts
from policies.renewal import Month, hourly_usd
from policies.scaling import ScalingPolicy

_NOISE = 1e-6


def floor_filled(facts: Facts, report: TickReport) -> str | None:
    """S2: a model with fewer burst nodes, serving or coming, than its floor asks for one more."""
    policy, seen = facts.truth.policy, report.seen
    for model in seen.demand:
        floor = floor_of(model, seen, policy)
        if not floor or _asks(report, model):
            continue
        have = sum(1 for node in _staying(seen, model) if not node.is_base)
        pool = None if have >= floor else free_pool(facts, report, model)
        if pool is not None:
            return f"{have} nodes of {model}, at least {floor} are wanted, and {pool.key} is not asked"
    return None


def plan_reached(facts: Facts, report: TickReport) -> str | None:
    """S4: a model of which nothing was measured for `blind_for_s` is brought to the plan's level of the hour."""
    policy, seen, plan = facts.truth.policy, report.seen, facts.truth.plan
    if plan is None:
        return None
    for model, demand in seen.demand.items():
        if demand is not None and (report.now - demand.measured_at).total_seconds() < policy.blind_for_s:
            continue
        planned = plan.at(model, report.now)
        is_stale = demand is None or (report.now - demand.measured_at).total_seconds() > policy.stale_after_s
        if planned is None or not is_stale or _asks(report, model):
            continue
        able = {key: 1.0 for key, pool in seen.pools.items() if model in pool.lead_time_s}
        speed = able if demand is None else demand.speed  # where no mix is known, nodes are counted
        wanted = sum(count * speed.get(pool, 0.0) for pool, count in planned.burst.items())
        have = sum(
            speed.get(node.pool, 1.0 if demand is None else 0.0) for node in _staying(seen, model) if not node.is_base
        )
        pool = None if have >= wanted - _NOISE else free_pool(facts, report, model)
        if pool is not None and speed.get(pool.key, 0.0) > 0:
            return f"blind of {model}, {have:.2f} nodes of the plan's {wanted:.2f}, and {pool.key} is not asked"
    return None


def floor_of(model: str, seen: Snapshot, policy: ScalingPolicy) -> int:
    """Burst nodes of the model that are never fewer: the higher of policy and operator, under the manual ceiling."""
    floor = max(policy.min_nodes.get(model, 0), seen.controls.min_nodes.get(model, 0))
    ceiling = seen.controls.max_nodes.get(model)
    return floor if ceiling is None else min(floor, ceiling)


def free_pool(facts: Facts, report: TickReport, model: str) -> Pool | None:
    """A pool that could be asked for one more node of the model; None: none is known to be free."""
    policy, seen = facts.truth.policy, report.seen
    if seen.controls.is_paused or policy.max_usd_month is not None:
        return None
    if policy.max_spot_share < 1 or policy.max_pool_share < 1:
        return None
    if sum(1 for acted in report.acted if isinstance(acted.action, Launch)) >= policy.max_launches_per_tick:
        return None
    burst = [node for node in seen.nodes if not node.is_base]
    held = Counter(node.pool for node in burst) + Counter(_before_demand(report))
    if _is_full(held.total(), policy.max_nodes):
        return None
    ceiling = seen.controls.max_nodes.get(model)
    if _is_full(sum(1 for node in burst if node.model == model), ceiling):
        return None
    hours = Month.of(seen.now).hours
    priced = ((count, seen.pools.get(key)) for key, count in held.items())
    usd = sum((count * hourly_usd(pool.tariff, hours) for count, pool in priced if pool is not None), Decimal(0))
    for pool in seen.pools.values():
        if model in pool.lead_time_s and _is_free(pool, seen, held, policy, usd):
            return pool
    return None


def _before_demand(report: TickReport) -> list[str]:
    """Pools of the tick's launches that are for floors and plans, not for demand."""
    launches = [acted.action for acted in report.acted if isinstance(acted.action, Launch)]
    return [one.pool for one in launches if "floor: " in one.reason or "blind: " in one.reason]


def _is_free(pool: Pool, seen: Snapshot, held: Counter[str], policy: ScalingPolicy, usd: Decimal) -> bool:
    if pool.provider in seen.unreachable or (pool.retry_at is not None and pool.retry_at > seen.now):
        return False
    if _is_full(held[pool.key], pool.max_count):
        return False
    if pool.count_group is not None:
        group = sum(held[key] for key, other in seen.pools.items() if other.count_group == pool.count_group)
        if _is_full(group, seen.group_max.get(pool.count_group)):
            return False
    price = hourly_usd(pool.tariff, Month.of(seen.now).hours)
    return policy.max_usd_hour is None or usd + price <= policy.max_usd_hour


def _is_full(count: int, most: int | None) -> bool:
    return most is not None and count >= most


def _asks(report: TickReport, model: str) -> bool:
    """Whether the tick asks for a node of the model, whatever came of it."""
    models = {node.id: node.model for node in report.seen.nodes}
    return any(
        (isinstance(acted.action, Launch) and acted.action.model == model)
        or (isinstance(acted.action, Undrain) and models.get(acted.action.node_id) == model)
        for acted in report.acted
    )


def _staying(seen: Snapshot, model: str) -> list[Node]:
    """Nodes that serve or come, those at risk or under notice included: what cannot be said to be missing."""
    return [
        node for node in seen.nodes if node.model == model and (node.state is NodeState.READY or node.state in COMING)
    ]
