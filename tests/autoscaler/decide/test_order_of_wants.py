"""Where a cap leaves one node, it goes to a floor before a plan, and to a plan before demand (S2, S4, demand)."""

from collections.abc import Mapping

import pytest

from autoscaler.decide import decide
from autoscaler.fleet import Controls, Demand, FleetPlan, Launch, PlannedHour, Snapshot
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import NOW, a_demand, a_pool

HOUR = NOW.replace(minute=0)
PLAN = FleetPlan(hours={"blind": {HOUR: PlannedHour(work_nodes=2.0, burst={"aws/a": 2})}})
BUSY: Mapping[str, Demand | None] = {"a-busy": a_demand(5.0)}


@pytest.mark.parametrize(
    ("demand", "floors", "served"),
    [
        ({**BUSY, "quiet": a_demand(0.0)}, {"quiet": 1}, "quiet"),
        ({**BUSY, "blind": None}, {}, "blind"),
        ({"blind": None, "quiet": a_demand(0.0)}, {"quiet": 1}, "quiet"),
        (BUSY, {}, "a-busy"),
    ],
    ids=["floor before demand", "plan before demand", "floor before plan", "demand where nothing else is missing"],
)
def test_the_one_node_a_cap_leaves_goes_to_what_comes_first(demand, floors, served):
    pool = a_pool(lead_time_s=dict.fromkeys(demand, 360.0))
    seen = Snapshot(now=NOW, nodes=(), demand=demand, pools={pool.key: pool}, controls=Controls(min_nodes=floors))
    actions = decide(seen, PLAN, ScalingPolicy(max_nodes=1))
    assert [action.model for action in actions if isinstance(action, Launch)] == [served]
