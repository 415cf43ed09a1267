"""Scorecard: what a finished replay comes to. Pure: sums of what its parts remember."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.replay.result import Floats, HourSeries, Replayed
from autoscaler.replay.score.leases import HeldLease, held_leases, merged, opposite_moves
from autoscaler.replay.serving.simulated import SimulatedServing
from autoscaler.replay.world import World
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a replay leaves behind beside its clouds and serving side."""

    policy: str
    ticks: int
    seconds: float
    reasons: Mapping[str, int]


def scorecard(world: World, clouds: Mapping[str, SimulatedCloud], serving: SimulatedServing, run: Run) -> Replayed:
    """Bill, service and moves of a replay whose serving side is finished."""
    leases = held_leases(clouds, serving.services, world.traffic.duration_s)
    burst_usd = sum((lease.charge_usd for lease in leases), Decimal(0))
    base_usd = sum((base.bill_usd for base in world.base), Decimal(0))
    egress_usd = _egress_usd(world, serving)
    return Replayed(
        policy=run.policy,
        start=world.traffic.start,
        minutes=world.traffic.duration_s / 60,
        bill_usd=base_usd + burst_usd + egress_usd,
        base_usd=base_usd,
        base_nodes=sum(base.count for base in world.base),
        burst_usd=burst_usd,
        egress_usd=egress_usd,
        bound_usd=None,
        bound_at_unserved_usd=None,
        unserved_ratio=_unserved_ratio(serving),
        unserved_tokens={name: one.lost_tokens + sum(one.waiting()[:2]) for name, one in serving.models.items()},
        delay=serving.tally.delays.delay(),
        launches=len(leases),
        interruptions=sum(lease.how_it_ended == "taken back" for lease in leases),
        capacity_failures=sum(cloud.refused for cloud in clouds.values()),
        opposite_moves=opposite_moves(leases),
        wasted_paid_usd=sum((lease.wasted_usd for lease in leases), Decimal(0)),
        ticks=run.ticks,
        seconds=run.seconds,
        leases=merged(leases),
        hours=_hours(world, serving, leases, base_usd),
        reasons=dict(sorted(run.reasons.items())),
    )


def _unserved_tokens(serving: SimulatedServing) -> list[float]:
    """Tokens not served, by hour; what still waits at the end was not, and counts for the last hour."""
    unserved = list(serving.tally.unserved_tokens)
    unserved[-1] += sum(sum(one.waiting()[:2]) for one in serving.models.values())
    return unserved


def _unserved_ratio(serving: SimulatedServing) -> float:
    """Share of the tokens asked for that was not served."""
    asked = sum(serving.tally.asked_tokens)
    return sum(_unserved_tokens(serving)) / asked if asked > 0 else 0.0


def _egress_usd(world: World, serving: SimulatedServing) -> Decimal:
    """Output tokens that the nodes of each pool served, at the pool's price; base egress is within its allowance."""
    total = Decimal(0)
    for pool in world.pools:
        if pool.egress_usd_mtok > 0:
            tokens = sum(one.servers.output_tokens(pool.key) for one in serving.models.values())
            total += pool.egress_usd_mtok * round(tokens) / TOKENS_PER_MTOK
    return total


def _hours(world: World, serving: SimulatedServing, leases: tuple[HeldLease, ...], base_usd: Decimal) -> HourSeries:
    tally, duration_s = serving.tally, world.traffic.duration_s
    edges = np.append(np.arange(len(tally.asked_tokens)) * SECONDS_PER_HOUR, duration_s)
    length_s = np.diff(edges)
    cost = float(base_usd) * length_s / duration_s
    for lease in leases:
        first, parts = _parts(edges, lease.start_s, lease.end_s)
        if lease.end_s > lease.start_s:  # one ended at the instant of its order is charged nothing
            cost[first : first + len(parts)] += float(lease.charge_usd) * parts / (lease.end_s - lease.start_s)
    pools = {
        pool.key: _seconds(edges, ((one.start_s, one.end_s) for one in leases if one.offer == pool.key)) / length_s
        for pool in world.pools
    }
    coming = ((one.start_s, one.end_s if one.ready_s is None else one.ready_s) for one in leases)
    taken_back = [one.end_s for one in leases if one.how_it_ended == "taken back"]
    return HourSeries(
        asked_tokens=np.array(tally.asked_tokens),
        unserved_tokens=np.array(_unserved_tokens(serving)),
        work_nodes=np.array(tally.work_node_s) / length_s,
        ready_nodes=np.array(tally.ready_node_s) / length_s,
        coming_nodes=_seconds(edges, coming) / length_s,
        pools=pools,
        interruptions=np.histogram(taken_back, edges)[0].astype(float),
        cost_usd=cost,
        ttft_p95_s=np.array([np.nan if p95 is None else p95 for p95 in tally.ttft_p95_s]),
    )


def _seconds(edges: Floats, spans: Iterable[tuple[float, float]]) -> Floats:
    """Seconds of the spans in each hour, summed."""
    total = np.zeros(len(edges) - 1)
    for start_s, end_s in spans:
        first, parts = _parts(edges, start_s, end_s)
        total[first : first + len(parts)] += parts
    return total


def _parts(edges: Floats, start_s: float, end_s: float) -> tuple[int, Floats]:
    """The first hour that a span touches, and its seconds in that hour and in each after it."""
    first = int(start_s // SECONDS_PER_HOUR)
    last = min(int(-(-end_s // SECONDS_PER_HOUR)), len(edges) - 1)
    inside = np.clip(edges[first : last + 1], start_s, end_s)
    return first, np.diff(inside)
