"""schedule: a count for each hour of the week, as a cron-based scaler keeps it.

Such as KEDA's cron scaler: start, end, desiredReplicas (https://keda.sh/docs/latest/scalers/cron/, read 2026-11-25).
The counts carry the mean work of the same hour of the week in the weeks before, learnt from this very replay. In its
first week there are none before it: there the hour's own mean stands in, in hindsight. Nodes are busy up to the
policy's target, and an hour's nodes are ordered one lead time before it begins.
"""

import math
from datetime import datetime, timedelta

import numpy as np

from autoscaler.fleet import FleetPlan
from autoscaler.replay.rivals.counts import Rule, Seen, Want, counting, keys
from autoscaler.replay.rivals.hindsight import burst_work
from autoscaler.replay.world import Decider, Floats, World
from policies.units import SECONDS_PER_HOUR

HOURS_PER_WEEK = 168


def schedule(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all rivals are made alike
    """A decider that keeps each hour's count."""
    start = world.traffic.start.replace(minute=0, second=0, microsecond=0)
    tables = {model: scheduled_work(hourly(world, burst_work(world, model))) for model in world.models}

    def rule_of(model: str) -> Rule:
        def work(moment: datetime) -> float:
            hour = int((moment - start) / timedelta(hours=1))
            return float(tables[model][min(hour, tables[model].shape[0] - 1)])

        def rule(seen: Seen) -> tuple[Want, ...]:
            lead_s = seen.pools[0].lead_time_s[model] if seen.pools else 0.0
            most = max(work(seen.now), work(seen.now + timedelta(seconds=lead_s)))
            wanted = seen.nodes_for(most / seen.policy.target_utilization)
            return (Want(pools=keys(seen.pools), nodes=max(wanted, seen.floor)),)

        return rule

    return counting(rule_of)


def hourly(world: World, work: Floats) -> Floats:
    """Mean work of each calendar hour the trace touches, from per-step work."""
    traffic = world.traffic
    offset_s = (traffic.start - traffic.start.replace(minute=0, second=0, microsecond=0)).total_seconds()
    hour = ((offset_s + np.arange(work.shape[0]) * traffic.step_s) // SECONDS_PER_HOUR).astype(int)
    count = np.bincount(hour)
    return np.asarray(np.bincount(hour, weights=work) / np.maximum(count, 1))


def scheduled_work(work: Floats) -> Floats:
    """Per hour, the mean of the same hour of the week in the weeks before; in the first week the hour's own."""
    table = work.copy()
    for hour in range(HOURS_PER_WEEK, work.shape[0]):
        before = work[hour % HOURS_PER_WEEK : hour : HOURS_PER_WEEK]
        table[hour] = math.fsum(before) / before.shape[0]
    return table
