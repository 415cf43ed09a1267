"""What plan and operator wish: planned hours ahead, pauses, floors; and what no node can give."""

from dataclasses import replace
from datetime import timedelta

import pytest

from autoscaler.decide import asked_for, decide
from autoscaler.decide.need import wanted_within
from autoscaler.fleet import Controls, FleetPlan, IllegalMove, NodeState, Snapshot, Terminate
from autoscaler.outlook import Outlook
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_plan,
    a_pool,
    a_snapshot,
    drained,
    ended,
    holds,
    kinds,
    launches,
    nodes,
)

POLICY = ScalingPolicy()


def at_minute(minute: float, work: float, count: int) -> Snapshot:
    now = NOW.replace(minute=0) + timedelta(minutes=minute)
    return a_snapshot(*nodes(count), now=now, demand={"chat": a_demand(work, measured_at=now)})


@pytest.mark.parametrize(
    ("minute", "plan", "launched"),
    [
        pytest.param(53, a_plan({12: 3, 13: 6}), 0, id="seven minutes ahead, and the lead time is six"),
        pytest.param(54, a_plan({12: 3, 13: 6}), 4, id="exactly one lead time ahead: 6 / 0.75 = 8"),
        pytest.param(54, a_plan({12: 3, 13: 1}), 0, id="a plan that falls removes nothing"),
        pytest.param(54, a_plan({12: 7, 13: 10}), 4, id="a plan too high by four: its rise of three counts"),
        pytest.param(54, a_plan({12: 10, 13: 10}), 0, id="a plan that was wrong all hour adds nothing"),
        pytest.param(54, a_plan({13: 6}), 4, id="this hour is not planned"),
        pytest.param(54, a_plan({12: 3}), 0, id="nor the next"),
    ],
)
def test_what_the_plan_raises_is_launched_one_lead_time_ahead(minute: float, plan: FleetPlan, launched: int) -> None:
    actions = decide(at_minute(minute, 3.0, 4), plan, POLICY)
    assert len(launches(actions)) == launched
    assert drained(actions) == []


def test_a_policy_that_does_not_predict_launches_for_neither_plan_nor_outlook() -> None:
    policy = ScalingPolicy(is_predictive=False)
    outlook = Outlook(made_at_s=0, horizons_s=(360.0,), expected_work=(9.0,), wanted_work=(9.0,), keep_work=9.0)
    snapshot = a_snapshot(*nodes(4), demand={"chat": a_demand(3.0, outlook=outlook)})
    assert launches(decide(snapshot, a_plan({12: 3, 13: 9}), policy)) == []


def test_what_was_launched_for_a_planned_hour_is_kept_while_the_hour_is_young_and_measured_work_rules_then() -> None:
    plan = a_plan({12: 3, 13: 6})
    assert drained(decide(at_minute(65, 3.0, 8), plan, POLICY)) == []
    assert len(drained(decide(at_minute(69, 3.0, 8), plan, POLICY))) == 4
    assert drained(decide(at_minute(69, 3.0, 8), plan, replace(POLICY, plan_hold_s=600.0))) == []


def test_the_outlook_is_read_one_interval_past_the_lead_time() -> None:
    outlook = Outlook(
        made_at_s=0, horizons_s=(60.0, 420.0), expected_work=(4.0, 10.0), wanted_work=(4.0, 10.0), keep_work=4.0
    )
    assert wanted_within(outlook, 360) == (10.0, 420.0)
    assert wanted_within(outlook, 180) == (7.0, 240.0)  # half way between the two
    assert wanted_within(outlook, 0) == (4.0, 60.0)
    assert wanted_within(outlook, 10_000) == (10.0, 420.0)
    falls = replace(outlook, wanted_work=(10.0, 4.0))
    assert wanted_within(falls, 360) == (10.0, 60.0)


def test_paused_nothing_is_done_at_all() -> None:
    snapshot = a_snapshot(a_node("f", NodeState.FAILED), work=9.0, controls=Controls(is_paused=True))
    assert kinds(decide(snapshot, None, POLICY)) == ["paused"]


def test_paused_one_way_nodes_are_added_and_none_is_ended() -> None:
    one_way = Controls(is_scale_in_paused=True)
    busy = decide(a_snapshot(*nodes(1), work=2.0, controls=one_way), None, POLICY)
    assert len(launches(busy)) == 2
    broken = (a_node("f", NodeState.FAILED), a_node("d", NodeState.DRAINING, in_flight=0))
    idle = decide(a_snapshot(*broken, *nodes(4, in_flight=0), work=0.0, controls=one_way), None, POLICY)
    assert (ended(idle), drained(idle), kinds(idle)) == ([], [], ["paused"])


@pytest.mark.parametrize(
    ("policys", "operators", "ceiling", "floor"),
    [
        pytest.param(2, 0, None, 2, id="the policy's"),
        pytest.param(2, 3, None, 3, id="the operator's is higher"),
        pytest.param(2, 1, None, 2, id="and does not lower it"),
        pytest.param(4, 0, 1, 1, id="a ceiling is a cap: it beats the floor"),
    ],
)
def test_the_floor_is_the_higher_of_policy_and_operator_under_the_ceiling(
    policys: int, operators: int, ceiling: int | None, floor: int
) -> None:
    controls = Controls(min_nodes={"chat": operators}, max_nodes={} if ceiling is None else {"chat": ceiling})
    policy = ScalingPolicy(min_nodes={"chat": policys})
    assert len(launches(decide(a_snapshot(work=0.0, controls=controls), None, policy))) == floor
    full = a_snapshot(*nodes(6, in_flight=0), work=0.0, controls=controls)
    assert 6 - len(drained(decide(full, None, replace(policy, max_drains_per_tick=9)))) == floor


def test_where_no_pool_has_a_rate_more_nodes_would_not_help_and_the_hold_says_so() -> None:
    pools = (a_pool("aws/a", lead_time_s={"code": 300.0}),)
    actions = decide(a_snapshot(work=3.0, pools=pools), None, POLICY)
    assert holds(actions) == ["slo: no pool has a rate for chat within its SLO; more nodes would not help"]


def test_a_queue_beside_idle_nodes_is_not_cured_by_more_of_them() -> None:
    # one slow request does not pin the fleet: 12 node-seconds in 120 s are a tenth of a node
    demand = {"chat": a_demand(1.0, queue_node_s=12)}
    snapshot = a_snapshot(*nodes(3), demand=demand, controls=Controls(min_nodes={"chat": 3}))
    (hold,) = holds(decide(snapshot, None, POLICY))
    assert hold == (
        "queue: 0.10 of 1.10 nodes of work on 3.00 ready (37%) wait though nodes are free; more would not help"
    )


def test_no_stock_anywhere_is_said_with_each_pools_reason() -> None:
    pools = (
        a_pool("aws/a", retry_at=NOW + timedelta(minutes=5), failures=3),
        a_pool("aws/b", max_count=0),
    )
    (hold,) = holds(decide(a_snapshot(work=3.0, pools=pools), None, POLICY))
    assert hold == (
        "unmet: 4.00 nodes of capacity missing and no pool to be had "
        "(aws/a: refused 3 times, asked again from 12:35:00 UTC; aws/b: its quota of 0 is reached)"
    )


def test_the_fleet_asked_for_is_that_of_the_legal_moves() -> None:
    snapshot = a_snapshot(*nodes(1), work=2.0)
    asked = asked_for(snapshot, decide(snapshot, None, POLICY))
    assert [node.state for node in asked.nodes] == [NodeState.READY, NodeState.PLANNED, NodeState.PLANNED]
    assert asked.recently["chat"].launched_at == NOW
    with pytest.raises(IllegalMove):
        asked_for(asked, (Terminate(node_id=asked.nodes[1].id, reason="never asked for"),))


def test_a_loading_orphan_takes_no_nodes_place_under_a_ceiling_and_none_in_the_floor() -> None:
    orphan = a_node("lost", state=NodeState.LOADING, age_s=60, is_orphan=True)
    ceiling = Controls(max_nodes={"chat": 1})
    assert drained(decide(a_snapshot(a_node(), orphan, work=0.6, controls=ceiling), None, ScalingPolicy())) == []
    floor = ScalingPolicy(min_nodes={"chat": 1})
    assert launches(decide(a_snapshot(orphan, work=0.0), None, floor)) == ["aws/a"]
    assert launches(decide(a_snapshot(replace(orphan, is_orphan=False), work=0.0), None, floor)) == []


def test_an_orphan_counts_in_a_cap_for_it_costs_what_any_node_costs() -> None:
    orphan = a_node("lost", state=NodeState.LOADING, age_s=60, is_orphan=True)
    one = ScalingPolicy(min_nodes={"chat": 1}, max_nodes=1)
    assert launches(decide(a_snapshot(orphan, work=0.0), None, one)) == []
