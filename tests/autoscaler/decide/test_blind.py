"""Blind: what is missing, stale or contradicted is not zero; hold, then rise to the plan, never fall."""

from dataclasses import replace

import pytest

from autoscaler.decide import asked_for, contradicts, decide
from autoscaler.fleet import NodeState
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    a_base,
    a_demand,
    a_node,
    a_plan,
    a_pool,
    a_snapshot,
    ago,
    drained,
    ended,
    holds,
    kinds,
    launches,
    nodes,
)

POLICY = ScalingPolicy()
PLAN = a_plan({12: 4.0}, burst={12: 6})
"""Six burst nodes on in this hour."""


@pytest.mark.parametrize(
    ("age_s", "kind", "launched"),
    [
        pytest.param(180, "surplus", 0, id="exactly as old as may be: believed"),
        pytest.param(180.1, "blind", 0, id="stale: hold"),
        pytest.param(599.9, "blind", 0, id="not blind for long enough"),
        pytest.param(600, "blind", 2, id="ten minutes: rise to the plan's six"),
    ],
)
def test_a_stale_measurement_of_little_never_scales_in(age_s: float, kind: str, launched: int) -> None:
    demand = {"chat": a_demand(0.1, measured_at=ago(age_s))}
    actions = decide(a_snapshot(*nodes(4), demand=demand), PLAN, POLICY)
    assert kinds(actions)[0] == kind
    assert len(launches(actions)) == launched
    assert (drained(actions) != []) == (kind == "surplus")


def test_a_zero_that_requests_in_flight_contradict_is_no_measurement() -> None:
    assert contradicts(a_demand(0.0), is_busy=True)
    assert not contradicts(a_demand(0.0), is_busy=False)
    assert not contradicts(a_demand(0.0, queue_node_s=1.0), is_busy=True)
    busy = decide(a_snapshot(*nodes(4, in_flight=1), work=0.0), PLAN, POLICY)
    assert holds(busy) == ["blind: no demand is measured while nodes report requests in flight; nothing is released"]
    by_base = decide(a_snapshot(a_base(in_flight=2), *nodes(4, in_flight=0), work=0.0), PLAN, POLICY)
    assert drained(by_base) == []
    idle = decide(a_snapshot(*nodes(4, in_flight=0), work=0.0), PLAN, POLICY)
    assert len(drained(idle)) == 4


def test_where_nothing_was_ever_measured_the_plan_is_the_level() -> None:
    assert len(launches(decide(a_snapshot(*nodes(2)), PLAN, POLICY))) == 4
    assert kinds(decide(a_snapshot(*nodes(2)), None, POLICY)) == ["blind"]
    assert kinds(decide(a_snapshot(*nodes(8)), PLAN, POLICY)) == ["blind"]  # more than planned: kept


def test_the_plans_level_is_capacity_whichever_pool_it_is_had_from() -> None:
    sold_out = a_pool("aws/a", retry_at=ago(-300), failures=1)
    stale = a_demand(1.0, measured_at=ago(700), speed={"aws/a": 1.0, "aws/b": 2.0})
    pools = (sold_out, a_pool("aws/b", "0.50"))
    assert launches(decide(a_snapshot(pools=pools, demand={"chat": stale}), PLAN, POLICY)) == ["aws/b"] * 3


def test_blind_the_floor_is_kept_and_caps_beat_the_plans_level() -> None:
    assert len(launches(decide(a_snapshot(), None, ScalingPolicy(min_nodes={"chat": 2})))) == 2
    assert len(launches(decide(a_snapshot(), PLAN, ScalingPolicy(max_nodes=4)))) == 4


def test_blind_a_drained_node_is_kept_until_its_timeout_for_it_may_be_wanted() -> None:
    demand = {"chat": a_demand(0.1, measured_at=ago(300))}
    draining = a_node("d", NodeState.DRAINING, since=ago(599), in_flight=0)
    assert ended(decide(a_snapshot(draining, demand=demand), None, POLICY)) == []
    late = replace(draining, since=ago(600))
    assert ended(decide(a_snapshot(late, demand=demand), None, POLICY)) == ["d"]


def test_failed_nodes_are_ended_and_blindness_settles() -> None:
    snapshot = a_snapshot(a_node("f", NodeState.FAILED), *nodes(2))
    actions = decide(snapshot, PLAN, POLICY)
    assert ended(actions) == ["f"]
    assert kinds(decide(asked_for(snapshot, actions), PLAN, POLICY)) == ["blind"]


def test_one_models_blindness_does_not_stop_another() -> None:
    pools = (a_pool(lead_time_s={"chat": 300.0, "code": 300.0}),)
    demand = {"chat": None, "code": a_demand(3.0)}
    actions = decide(a_snapshot(*nodes(2, model="chat"), pools=pools, demand=demand), None, POLICY)
    assert launches(actions) == ["aws/a"] * 4
    assert [reason.partition(":")[0] for reason in holds(actions)] == ["blind"]


def test_nodes_of_a_model_nobody_serves_any_more_are_kept_and_said() -> None:
    (hold,) = decide(a_snapshot(a_node("x", model="gone"), demand={}), None, POLICY)
    assert hold.reason == "blind: demand was never measured; nothing is released"
