"""A machine nobody intended serves until it is ended, and no node of ours goes or stays away for it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide import decide
from autoscaler.fleet import Controls, FleetPlan, Node, NodeState, Snapshot
from policies.scaling import ScalingPolicy
from tests.autoscaler.decide.test_properties import PLANS, moves, policies, snapshots
from tests.autoscaler.fleets import (
    a_demand,
    a_node,
    a_plan,
    a_pool,
    a_snapshot,
    ago,
    by_the_hour,
    drained,
    launches,
    nodes,
    undrained,
)

POLICY = ScalingPolicy()
UNCAPPED = {"max_nodes": None, "max_usd_hour": None, "max_usd_month": None}


def an_orphan(name: str = "lost", state: NodeState = NodeState.READY, **other: Any) -> Node:
    """Ready, idle, and older than any node of ours: the last that a scale-in would choose."""
    return a_node(name, state, age_s=200_000, is_orphan=True, **{"in_flight": 0, **other})


def test_none_of_ours_is_drained_because_an_orphan_carries_its_work() -> None:
    ours = nodes(2)
    assert drained(decide(a_snapshot(*ours, an_orphan(), work=1.4), None, POLICY)) == []  # 70 % busy without it
    intended = replace(an_orphan(), is_orphan=False)
    assert drained(decide(a_snapshot(*ours, intended, work=1.4), None, POLICY)) == ["n0"]


def test_what_takes_an_orphans_place_is_ordered_before_it_ends_and_the_orphan_serves_on() -> None:
    alone = decide(a_snapshot(an_orphan(), work=0.6), None, POLICY)
    assert (launches(alone), drained(alone)) == (["aws/a"], [])
    coming = a_node("n1", NodeState.LOADING, age_s=60)
    both = decide(a_snapshot(an_orphan(), coming, work=0.6), None, POLICY)
    assert (launches(both), drained(both)) == ([], [])
    served = decide(a_snapshot(an_orphan(), a_node("n1"), work=0.6), None, POLICY)
    assert (launches(served), drained(served)) == ([], [])  # whoever made it has orphan_after_s to take its tag off


def test_the_floor_is_of_nodes_that_were_intended() -> None:
    floor = ScalingPolicy(min_nodes={"chat": 1})
    assert launches(decide(a_snapshot(an_orphan(), work=0.0), None, floor)) == ["aws/a"]
    assert drained(decide(a_snapshot(an_orphan(), a_node(), work=0.0), None, floor)) == []


@pytest.mark.parametrize(
    ("controls", "policy"),
    [(Controls(max_nodes={"chat": 1}), POLICY), (Controls(), ScalingPolicy(max_nodes=1))],
    ids=["ceiling", "max_nodes"],
)
def test_an_orphan_takes_no_nodes_place_where_nodes_are_counted_and_none_is_launched_beside_it(
    controls: Controls, policy: ScalingPolicy
) -> None:
    dear = a_pool("aws/b", "0.90")
    snapshot = a_snapshot(a_node(pool="aws/b"), an_orphan(), work=0.8, pools=(a_pool(), dear), controls=controls)
    assert drained(decide(snapshot, None, policy)) == []
    more = replace(snapshot, demand=a_snapshot(work=2.0).demand)
    assert launches(decide(more, None, policy)) == []


def test_under_a_cap_in_money_the_orphan_goes_before_any_of_ours() -> None:
    dear = a_pool("aws/b", "0.90")
    snapshot = a_snapshot(a_node(pool="aws/b"), an_orphan(), work=0.8, pools=(a_pool(), dear))
    assert drained(decide(snapshot, None, ScalingPolicy(max_usd_hour=Decimal("1.00")))) == ["lost"]  # 1.10
    assert drained(decide(snapshot, None, ScalingPolicy(max_usd_hour=Decimal("0.50")))) == ["lost", "n1"]


def test_a_draining_orphan_does_not_serve_again() -> None:
    leaves = an_orphan(state=NodeState.DRAINING, since=ago(10))
    actions = decide(a_snapshot(leaves, work=0.6), None, POLICY)
    assert (undrained(actions), launches(actions)) == ([], ["aws/a"])


def test_no_node_of_an_unknown_pool_goes_and_none_is_replaced_by_a_cheaper_one_because_of_an_orphan() -> None:
    stranded = a_node("s", pool="gone/pool", model="chat")
    demand = {"chat": a_demand(0.8, speed={"aws/a": 1.0, "gone/pool": 1.0})}
    assert drained(decide(a_snapshot(stranded, an_orphan(), demand=demand), None, POLICY)) == []
    pools = (a_pool("aws/a", "0.20"), a_pool("aws/b", tariff=by_the_hour("0.90")))
    old, new = a_node("old", pool="aws/b"), a_node("new", replaces="old")
    snapshot = a_snapshot(old, new, an_orphan(), work=1.8, pools=pools)
    assert drained(decide(snapshot, None, POLICY)) == []


def test_blind_the_plans_nodes_are_those_that_were_intended() -> None:
    plan = a_plan({12: 2}, burst={12: 2})
    snapshot = a_snapshot(a_node(), an_orphan())
    assert launches(decide(snapshot, plan, ScalingPolicy(blind_for_s=0.0))) == ["aws/a"]


@settings(max_examples=150)
@given(snapshot=snapshots(), plan=PLANS, policy=policies(**UNCAPPED), count=st.integers(1, 3))
def test_where_nothing_is_capped_a_fleet_is_led_as_if_its_orphans_were_not_there(
    snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy, count: int
) -> None:
    without = replace(snapshot, controls=replace(snapshot.controls, max_nodes={}))
    orphans = tuple(an_orphan(f"lost{number}", pool="aws/small") for number in range(count))
    beside = replace(without, nodes=(*without.nodes, *orphans))
    assert moves(decide(beside, plan, policy)) == moves(decide(without, plan, policy))
