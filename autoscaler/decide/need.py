"""Need: how much work is to be carried, now and within a lead time, and how much is to be kept. Pure.

The launch level is the most of what is measured (queue included), what the outlook wants at its horizons within the
lead time, and what the plan adds for hours that begin within it. The release level is the most of the launch level,
the outlook's `keep_work` (not where an hour would be bought: `release`) and, early in an hour, what the plan raised it
to. Measured and planned work fills nodes to the target utilization; `wanted_work` and `keep_work` hold a margin of
their own, so they may fill them to the top of the band, and are scaled by target / top. Both at 1: taken as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from autoscaler.fleet import Demand, FleetPlan
from autoscaler.outlook import Outlook
from policies.scaling import ScalingPolicy
from policies.units import SECONDS_PER_HOUR

_HOUR = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Need:
    """Work to be carried, reference nodes busy full time."""

    now_work: float
    """Arrivals, and what waits spread over the time it is to be worked off in."""
    queue_work: float
    """Of `now_work`, what waits."""
    outlook: Outlook | None
    """None: too little was measured, or the policy does not predict."""
    planned: Sequence[tuple[float, float]]
    """(begins in seconds, work): hours of the plan that are to come, as far as the longest lead time."""
    keep_work: float
    """Release level, before the launch level is taken into account: what was wanted lately."""
    near_work: float
    """What ready nodes must carry before anything coming serves: what is measured, and wanted the next interval."""
    headroom: float
    """What the outlook's levels, margin included, count for at the target: target / top of the band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What launches aim at, and what asks for it: load, queue, expected or plan."""

    work: float
    kind: str
    within_s: float = 0.0


def need_of(
    demand: Demand, model: str, plan: FleetPlan | None, now: datetime, longest_lead_s: float, policy: ScalingPolicy
) -> Need:
    """The need of one model. `longest_lead_s`: of the pools that can serve it."""
    queue_work = demand.queue_node_s / policy.queue_clear_s
    now_work = demand.work_nodes + queue_work
    headroom = policy.target_utilization / policy.high_utilization
    keep_work = now_work if demand.outlook is None else max(now_work, demand.outlook.keep_work * headroom)
    near_work = now_work
    if demand.outlook is not None:
        near_work = max(now_work, demand.outlook.wanted_work[0] * headroom)
    planned: list[tuple[float, float]] = []
    begun_work = 0.0
    if plan is not None and policy.is_predictive:
        into_hour_s = now.minute * 60 + now.second + now.microsecond * 1e-6
        begun_work = _begun_work(demand, model, plan, now, into_hour_s, policy)
        planned = _hours_to_come(demand, model, plan, now, SECONDS_PER_HOUR - into_hour_s, longest_lead_s)
    return Need(
        now_work=now_work,
        queue_work=queue_work,
        outlook=demand.outlook if policy.is_predictive else None,
        planned=planned,
        keep_work=max(keep_work, begun_work),
        near_work=near_work,
        headroom=headroom,
    )


def launch_level(need: Need, lead_s: float) -> Level:
    """The work that capacity ordered now must carry by the time it serves, `lead_s` from now."""
    work, kind, within_s = need.now_work, "queue" if need.queue_work > need.now_work / 2 else "load", 0.0
    if need.outlook is not None:
        wanted, horizon_s = wanted_within(need.outlook, lead_s)
        wanted *= need.headroom
        if wanted > work:
            work, kind, within_s = wanted, "expected", horizon_s
    for begins_s, planned in need.planned:
        if begins_s <= lead_s and planned > work:
            work, kind, within_s = planned, "plan", begins_s
    return Level(work=work, kind=kind, within_s=within_s)


def wanted_within(outlook: Outlook, lead_s: float) -> tuple[float, float]:
    """The most that the outlook wants before capacity ordered now is measured to serve, and at which horizon.

    That is one measuring interval (the outlook's first horizon) after the lead time: a node ready at its end serves the
    interval that follows. Between two horizons the wanted work runs straight; beyond the last one it stays.
    """
    horizons, wanted = outlook.horizons_s, outlook.wanted_work
    until_s = lead_s + horizons[0]
    most, at_s = wanted[0], horizons[0]
    for index in range(1, len(horizons)):
        horizon_s, level = horizons[index], wanted[index]
        if horizon_s > until_s:
            before_s = horizons[index - 1]
            share = (until_s - before_s) / (horizon_s - before_s)
            level = wanted[index - 1] + share * (level - wanted[index - 1])
        if level > most:
            most, at_s = level, min(horizon_s, until_s)
        if horizon_s >= until_s:
            break
    return most, at_s


def _hours_to_come(
    demand: Demand, model: str, plan: FleetPlan, now: datetime, next_s: float, longest_lead_s: float
) -> list[tuple[float, float]]:
    """Hours that begin within the longest lead time, each less what this hour's plan overshot the measured work by.

    A plan that is too high by seven nodes this hour is taken to be so in the next: it may still add its rise.
    """
    if next_s > longest_lead_s:
        return []
    this = plan.at(model, now)
    overshot = 0.0 if this is None else max(this.work_nodes - demand.work_nodes, 0.0)
    hours: list[tuple[float, float]] = []
    while next_s <= longest_lead_s:
        hour = plan.at(model, now + timedelta(seconds=next_s))
        if hour is not None:
            hours.append((next_s, hour.work_nodes - overshot))
        next_s += SECONDS_PER_HOUR
    return hours


def _begun_work(
    demand: Demand, model: str, plan: FleetPlan, now: datetime, into_hour_s: float, policy: ScalingPolicy
) -> float:
    """What the plan raised this hour to, while it is young; 0 after it: then measured work alone keeps nodes."""
    if into_hour_s >= policy.plan_hold_s:
        return 0.0
    this, before = plan.at(model, now), plan.at(model, now - _HOUR)
    if this is None:
        return 0.0
    overshot = 0.0 if before is None else max(before.work_nodes - demand.work_nodes, 0.0)
    return this.work_nodes - overshot
