"""A replay as the JSON document `baseload.replay/1`; its schema is replay_schema.py. Renders values.

Money is USD net of VAT, as decimal strings; minutes count from the start of the replay; unknown is null.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from autoscaler.replay.result import Replayed, ReplayedLease
from autoscaler.replay.score.expected import ExpectedOffer
from autoscaler.replay.score.planned import PlannedReplayed
from autoscaler.replay.world import World
from autoscaler.report.planned_tables import expected_json, planned_json
from planner.report.price.section import money
from policies.scaling import ScalingPolicy

REPLAY_SCHEMA = "baseload.replay/1"
HOUR = timedelta(hours=1)

Json = dict[str, Any]


def replay_document(
    replayed: Sequence[Replayed],
    world: World,
    policy: ScalingPolicy,
    *,
    expected: Sequence[ExpectedOffer] = (),
    planned: Sequence[PlannedReplayed] = (),
    remarks: Sequence[str] = (),
) -> Json:
    """One replay; of several controllers the figures of each are under `policies`, by its name."""
    head: Json = {"schema": REPLAY_SCHEMA, "currency": "USD", "world": world_document(world, policy)}
    tail: Json = {
        "expected": expected_json(expected),
        "planned": planned_json(planned),
        "remarks": list(dict.fromkeys(remarks)),
    }
    if len(replayed) == 1:
        return {**head, **figures(replayed[0]), **tail}
    return {**head, "policies": {one.policy: figures(one) for one in replayed}, **tail}


def replay_text(document: Mapping[str, Any]) -> str:
    """The document as a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def world_document(world: World, policy: ScalingPolicy) -> Json:
    """What every controller had to do with."""
    traffic = world.traffic
    return {
        "name": world.name,
        "seed": world.seed,
        "faults": world.faults.name,
        "tick_s": world.tick_s,
        "start": _time(traffic.start),
        "end": _time(traffic.end),
        "traffic": traffic.source,
        "step_s": traffic.step_s,
        "unmeasured_steps": int(traffic.is_gap.sum()),
        "models": list(traffic.models),
        "base": [
            {"offer": one.offer, "model": one.model, "count": one.count, "bill_usd": money(one.bill_usd)}
            for one in world.base
        ],
        "pools": [pool.key for pool in world.pools],
        "target_utilization": policy.target_utilization,
        "max_unserved_ratio": policy.max_unserved_ratio,
    }


def figures(one: Replayed) -> Json:
    """What one controller did, and its bill."""
    return {
        "policy": one.policy,
        "minutes": one.minutes,
        "bill_usd": money(one.bill_usd),
        "base_usd": money(one.base_usd),
        "base_nodes": one.base_nodes,
        "burst_usd": money(one.burst_usd),
        "egress_usd": money(one.egress_usd),
        "bound_usd": money(one.bound_usd),
        "bound_at_unserved_usd": money(one.bound_at_unserved_usd),
        "ratio_to_bound": one.ratio_to_bound,
        "unserved_ratio": one.unserved_ratio,
        "delay": {"p50_s": one.delay.p50_s, "p95_s": one.delay.p95_s, "p99_s": one.delay.p99_s},
        "launches": one.launches,
        "interruptions": one.interruptions,
        "capacity_failures": one.capacity_failures,
        "opposite_moves": one.opposite_moves,
        "wasted_paid_usd": money(one.wasted_paid_usd),
        "ticks": one.ticks,
        "ticks_per_s": one.ticks_per_s if one.seconds > 0 else None,
        "leases": [_lease(lease) for lease in in_order(one.leases)],
        "hours": _hours(one),
        "reasons": dict(sorted(one.reasons.items())),
    }


def in_order(leases: Sequence[ReplayedLease]) -> list[ReplayedLease]:
    """Leases by their order, then by their end and offer."""
    return sorted(leases, key=lambda lease: (lease.start_min, lease.end_min, lease.offer, lease.model))


def _lease(lease: ReplayedLease) -> Json:
    return {
        "offer": lease.offer,
        "model": lease.model,
        "start_min": lease.start_min,
        "ready_min": lease.ready_min,
        "end_min": lease.end_min,
        "count": lease.count,
        "charge_usd": money(lease.charge_usd),
        "wasted_usd": money(lease.wasted_usd),
        "how_it_ended": lease.how_it_ended,
    }


def _hours(one: Replayed) -> list[Json]:
    hours = one.hours
    return [
        {
            "hour": _time(one.start + index * HOUR),
            "asked_tokens": float(hours.asked_tokens[index]),
            "unserved_tokens": float(hours.unserved_tokens[index]),
            "work_nodes": float(hours.work_nodes[index]),
            "ready_nodes": float(hours.ready_nodes[index]),
            "coming_nodes": float(hours.coming_nodes[index]),
            "pools": {pool: float(nodes[index]) for pool, nodes in hours.pools.items()},
            "interruptions": float(hours.interruptions[index]),
            "cost_usd": float(hours.cost_usd[index]),
            "ttft_p95_s": _known(float(hours.ttft_p95_s[index])),
        }
        for index in range(len(hours.asked_tokens))
    ]


def _known(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124 - false for NaN alone


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
