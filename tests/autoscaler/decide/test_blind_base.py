"""Blind, the plan's burst is ordered beside base nodes, whether or not these are known to serve yet."""

import pytest

from autoscaler.decide import decide
from autoscaler.fleet import FleetPlan, NodeState, PlannedHour
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import NOW, a_base, a_snapshot, launches

PLAN = FleetPlan(hours={"chat": {NOW.replace(minute=0): PlannedHour(work_nodes=2.0, burst={"aws/a": 2})}})


@pytest.mark.parametrize("state", [NodeState.READY, NodeState.LOADING], ids=["serves", "not heard of since a restart"])
def test_base_does_not_stand_in_for_the_plans_burst(state: NodeState):
    base = (a_base("b1", state=state), a_base("b2", state=state))
    assert launches(decide(a_snapshot(*base), PLAN, ScalingPolicy())) == ["aws/a", "aws/a"]
