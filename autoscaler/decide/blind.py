"""Blind: whether what was measured of a model can be believed, and the plan's level where it cannot (S4). Pure."""

from datetime import datetime

from autoscaler.decide.sight import Sight
from autoscaler.fleet import Demand, PlannedHour
from policies.scaling import ScalingPolicy


def contradicts(demand: Demand, *, is_busy: bool) -> bool:
    """Whether a measurement of nothing is contradicted by requests in flight on ready nodes.

    Such a zero is no measurement. A caller that keeps the last credible one instead of it (with its own time) lets
    `decide` see for how long it has been blind; else it holds for as long as the contradiction lasts.
    """
    return is_busy and demand.work_nodes <= 0 and demand.queue_node_s <= 0


def why_blind(sight: Sight, now: datetime, policy: ScalingPolicy) -> tuple[str, float] | None:
    """Why the model's demand is not known, and for how many seconds it has not been; None: it is known."""
    demand = sight.demand
    if demand is None:
        return "demand was never measured", float("inf")
    age_s = (now - demand.measured_at).total_seconds()
    if age_s > policy.stale_after_s:
        return f"last measured {age_s:.0f} s ago", age_s
    if contradicts(demand, is_busy=sight.is_busy):
        return "no demand is measured while nodes report requests in flight", 0.0
    return None


def planned_burst_work(planned: PlannedHour, sight: Sight) -> float:
    """Burst capacity the plan has on in the hour, in reference nodes."""
    return sum(count * sight.speed_of(pool) for pool, count in planned.burst.items())
