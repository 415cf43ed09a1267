"""static-plan: the plan's burst nodes, pool by pool and hour by hour, whatever the traffic does.

What a plan is worth without a controller. As in a plan's leases, an hour's nodes are ordered one lead time before it
begins. A pool without stock is asked again; no other pool stands in for it.
"""

from datetime import timedelta

from autoscaler.fleet import FleetPlan, Pool
from autoscaler.replay.rivals.counts import Rule, Seen, Want, counting
from autoscaler.replay.world import Decider, World
from planner.errors import InputError


def static_plan(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all rivals are made alike
    """A decider that follows the plan. Raises InputError where there is none."""
    if plan is None:
        raise InputError("static-plan needs a plan, got none; pass --plan plan.json")
    return counting(_rule_of)


def _rule_of(model: str) -> Rule:
    def rule(seen: Seen) -> tuple[Want, ...]:
        return tuple(Want(pools=(pool.key,), nodes=_planned(seen, model, pool)) for pool in seen.pools)

    return rule


def _planned(seen: Seen, model: str, pool: Pool) -> int:
    """The hour's nodes, or those of the hour one lead time ahead where they are more."""
    assert seen.plan is not None
    ahead = timedelta(seconds=pool.lead_time_s[model])
    hours = (seen.plan.at(model, seen.now), seen.plan.at(model, seen.now + ahead))
    return max((hour.burst.get(pool.key, 0) for hour in hours if hour is not None), default=0)
