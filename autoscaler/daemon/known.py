"""Known: what a daemon that leads knows at the end of a tick, and the status that follows from it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from autoscaler.daemon.status import (
    BackOff,
    Decision,
    HoldStatus,
    LeaseStatus,
    ModelStatus,
    NodePlace,
    PlannedMove,
    PoolStatus,
    RatedStatus,
    Spend,
    Status,
)
from autoscaler.decide.blind import why_blind
from autoscaler.decide.committed import committed_usd
from autoscaler.decide.decision import floor_of
from autoscaler.decide.marginal import NextNode, next_nodes
from autoscaler.decide.sight import Sight, look
from autoscaler.fleet import COMING, FleetPlan, Hold, Launch, Node, NodeState, Pool, Snapshot
from autoscaler.loop import Acted
from planner.profile.model import Rates
from policies.renewal import Month, hourly_usd, owed_in_month_usd, paid_left_s
from policies.scaling import ScalingPolicy

HOUR = timedelta(hours=1)
MOVES_AHEAD = 12
"""Hours of the plan that are looked at for its next moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a daemon that leads knows at the end of a tick."""

    snapshot: Snapshot
    """The fleet after the tick's actions."""
    levels: FleetPlan | None
    policy: ScalingPolicy
    references: Mapping[str, str]
    """By model, the offer whose node is work 1.0."""
    rates: Mapping[str, Mapping[str, Rates]] = field(default_factory=dict)
    """By model and offer, what a node is rated at."""
    leads_since: datetime
    acted: Sequence[Acted] = ()
    """Of this tick."""
    unserved: Mapping[str, float] = field(default_factory=dict)
    """By model, the share that was measured."""
    cluster_names: Mapping[str, str] = field(default_factory=dict)
    """By node id, what its Node in a cluster is called."""
    orphans: Sequence[str] = ()
    earlier: Sequence[Decision] = field(default_factory=tuple)
    """Of ticks before, newest first."""


def with_fleet(status: Status, known: Known) -> Status:
    """The status with all that follows from the fleet."""
    snapshot, policy = known.snapshot, known.policy
    return replace(
        status,
        controls=snapshot.controls,
        models=_models(known),
        pools=_pools(snapshot),
        rated=_rated(known),
        places=tuple(
            NodePlace(
                node_id=node.id,
                pool=node.pool,
                model=node.model,
                is_base=node.is_base,
                cluster_name=known.cluster_names.get(node.id),
            )
            for node in snapshot.nodes
        ),
        back_offs=tuple(
            BackOff(pool=pool.key, failures=pool.failures, retry_at=pool.retry_at)
            for pool in snapshot.pools.values()
            if pool.retry_at is not None and pool.retry_at > snapshot.now
        ),
        spend=_spend(snapshot, known.levels, policy),
        leases=tuple(lease_of(node, snapshot) for node in snapshot.nodes if not node.is_base),
        decisions=(*decisions_of(known.acted, snapshot), *known.earlier),
        holds=tuple(
            HoldStatus(model=one.action.model, reason=one.action.reason)
            for one in known.acted
            if isinstance(one.action, Hold)
        ),
        orphans=tuple(known.orphans),
        moves=moves_of(known.levels, sorted(known.references), snapshot.pools, snapshot.now),
    )


def decisions_of(acted: Sequence[Acted], snapshot: Snapshot) -> tuple[Decision, ...]:
    """What was decided and done, newest first; holds are no deeds."""
    nodes = {node.id: node for node in snapshot.nodes}
    made = []
    for one in reversed(acted):
        action = one.action
        if isinstance(action, Hold):
            continue
        node = nodes.get(one.node_id or "")
        launch = action if isinstance(action, Launch) else None
        made.append(
            Decision(
                at=snapshot.now,
                action=type(action).__name__.lower(),
                node_id=one.node_id,
                pool=launch.pool if launch is not None else None if node is None else node.pool,
                model=launch.model if launch is not None else None if node is None else node.model,
                reason=action.reason,
                result=one.result.value,
                detail=one.detail,
            )
        )
    return tuple(made)


def lease_of(node: Node, snapshot: Snapshot) -> LeaseStatus:
    """The node as a lease."""
    pool = snapshot.pools.get(node.pool)
    paid_s = 0.0 if pool is None else paid_left_s(pool.tariff, node.ordered_at, snapshot.now)
    return LeaseStatus(
        node_id=node.id,
        pool=node.pool,
        model=node.model,
        state=node.state.value,
        ordered_at=node.ordered_at,
        renews_at=snapshot.now + timedelta(seconds=paid_s) if paid_s > 0 else None,
        price_usd_hour=None if pool is None else hourly_usd(pool.tariff, Month.of(snapshot.now).hours),
        in_flight=node.in_flight,
        taken_back_at=node.taken_back_at,
        machine_id=node.machine_id,
    )


def moves_of(
    levels: FleetPlan | None, models: Sequence[str], pools: Mapping[str, Pool], now: datetime
) -> tuple[PlannedMove, ...]:
    """What the plan changes in the hours to come, in order of time."""
    if levels is None:
        return ()
    moves = []
    for number in range(MOVES_AHEAD):
        at = now.replace(minute=0, second=0, microsecond=0) + (number + 1) * HOUR
        for model in models:
            before, after = levels.at(model, at - HOUR), levels.at(model, at)
            if before is None or after is None:
                continue
            for key in sorted({*before.burst, *after.burst}):
                counts = before.burst.get(key, 0), after.burst.get(key, 0)
                if counts[0] != counts[1]:
                    can = _is_launchable(pools.get(key), model)
                    moves.append(
                        PlannedMove(at=at, model=model, pool=key, before=counts[0], after=counts[1], is_launchable=can)
                    )
    return tuple(moves)


def _is_launchable(pool: Pool | None, model: str) -> bool:
    """Whether nodes of the pool can ever be ordered for the model: its provider is configured, and allows any."""
    return pool is not None and model in pool.lead_time_s and pool.max_count != 0


def _models(known: Known) -> tuple[ModelStatus, ...]:
    sights = look(known.snapshot, known.policy)
    next_ = next_nodes(known.snapshot, known.levels, known.policy)
    return tuple(_model(sight, known, next_.get(model)) for model, sight in sights.items())


def _rated(known: Known) -> tuple[RatedStatus, ...]:
    return tuple(
        RatedStatus(
            pool=offer,
            model=model,
            basis=rates.basis.value,
            prefill_tok_s=rates.prefill_tok_s,
            decode_tok_s=rates.decode_tok_s,
            requests=rates.concurrency,
        )
        for model, of_model in sorted(known.rates.items())
        for offer, rates in sorted(of_model.items())
    )


def _model(sight: Sight, known: Known, after: NextNode | None) -> ModelStatus:
    snapshot, policy, demand = known.snapshot, known.policy, sight.demand
    own = [node for node in snapshot.nodes if node.model == sight.model]
    states = Counter(node.state for node in own)
    ready_work = sight.ready_work
    blind = why_blind(sight, snapshot.now, policy)
    planned = None if known.levels is None else known.levels.at(sight.model, snapshot.now)
    return ModelStatus(
        model=sight.model,
        reference=known.references.get(sight.model, ""),
        work_nodes=None if demand is None else demand.work_nodes,
        queue_node_s=None if demand is None else demand.queue_node_s,
        measured_at=None if demand is None else demand.measured_at,
        ready=states[NodeState.READY],
        base_ready=sum(node.is_base and node.state is NodeState.READY for node in own),
        coming=sum(states[state] for state in COMING),
        draining=states[NodeState.DRAINING],
        failed=states[NodeState.FAILED],
        ready_work=ready_work,
        utilization=demand.work_nodes / ready_work if demand is not None and ready_work > 0 else None,
        target=policy.target_utilization,
        low=policy.low_utilization,
        high=policy.high_utilization,
        blind="" if blind is None else blind[0],
        blind_s=0.0 if blind is None else min(blind[1], (snapshot.now - known.leads_since).total_seconds()),
        floor=floor_of(sight.model, snapshot, policy),
        ceiling=snapshot.controls.max_nodes.get(sight.model),
        planned=None if planned is None else sum(planned.burst.values()),
        unserved_ratio=known.unserved.get(sight.model),
        is_unmet=any(
            isinstance(one.action, Hold)
            and one.action.model == sight.model
            and one.action.reason.startswith(("unmet", "slo"))
            for one in known.acted
        ),
        next_pool=None if after is None else after.pool,
        next_usd_hour=None if after is None else after.price_usd_hour,
        next_usd_mtok=None if after is None else after.usd_mtok,
    )


def _pools(snapshot: Snapshot) -> tuple[PoolStatus, ...]:
    nodes: dict[tuple[str, str, bool], Counter[str]] = {}
    for node in snapshot.nodes:
        nodes.setdefault((node.pool, node.model, node.is_base), Counter())[node.state.value] += 1
    hours = Month.of(snapshot.now).hours
    found = []
    for (key, model, is_base), counts in sorted(nodes.items(), key=lambda item: (not item[0][2], item[0])):
        pool: Pool | None = None if is_base else snapshot.pools.get(key)
        found.append(
            PoolStatus(
                pool=key,
                model=model,
                is_base=is_base,
                nodes=dict(counts),
                price_usd_hour=None if pool is None else hourly_usd(pool.tariff, hours),
                failures=0 if pool is None else pool.failures,
                retry_at=None if pool is None else pool.retry_at,
            )
        )
    return tuple(found)


def _spend(snapshot: Snapshot, levels: FleetPlan | None, policy: ScalingPolicy) -> Spend:
    month = Month.of(snapshot.now)
    burst = [node for node in snapshot.nodes if not node.is_base]
    usd_hour: Decimal | None = Decimal(0)
    running: Decimal | None = Decimal(0)
    for node in burst:
        pool = snapshot.pools.get(node.pool)
        if pool is None or usd_hour is None or running is None:
            usd_hour = running = None
            break
        usd_hour += hourly_usd(pool.tariff, month.hours)
        running += owed_in_month_usd(pool.tariff, node.ordered_at, snapshot.now, month)
    committed = committed_usd(snapshot, levels, policy)
    spent = snapshot.spent_month_usd
    return Spend(
        usd_hour=usd_hour,
        month_usd=None if running is None else spent + running,
        committed_usd=None if committed is None else spent + committed,
        nodes=len(burst),
        max_usd_hour=policy.max_usd_hour,
        max_usd_month=policy.max_usd_month,
        max_nodes=policy.max_nodes,
    )
