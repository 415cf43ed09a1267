"""Nodes that go: under notice, at risk, stranded, failed, drained; and those that come back."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from autoscaler.decide import asked_for, decide
from autoscaler.fleet import Launch, NodeState, Recently
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_pool,
    a_snapshot,
    ago,
    an_outlook,
    drained,
    ended,
    kinds,
    launches,
    nodes,
    undrained,
)

POLICY = ScalingPolicy()


def in_s(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_notice_stops_routing_and_replaces_at_once() -> None:
    taken = a_node("t", taken_back_at=in_s(120))
    snapshot = a_snapshot(taken, *nodes(2), work=2.2)
    actions = decide(snapshot, None, POLICY)
    assert drained(actions) == ["t"]
    (launch,) = [action for action in actions if isinstance(action, Launch)]
    assert launch.replaces == "t"
    assert launch.reason.startswith("notice: t is taken back in 120 s; load: 2.20 nodes of work, needs 2.93")
    assert kinds(decide(asked_for(snapshot, actions), None, POLICY)) == ["band"]


def test_a_node_that_was_taken_back_and_is_listed_yet_was_taken_back() -> None:
    snapshot = a_snapshot(a_node("t", taken_back_at=in_s(-3)), *nodes(2), work=2.2)
    reasons = sorted(action.reason for action in decide(snapshot, None, POLICY))
    assert len(reasons) == 2
    assert reasons[0].startswith("notice: t was taken back 3 s ago; load: 2.20 nodes of work")
    assert reasons[1] == "notice: taken back 3 s ago"


def test_a_notice_within_the_cooldown_drains_all_the_same() -> None:
    recent = {"chat": Recently(launched_at=ago(10))}
    snapshot = a_snapshot(a_node("t", taken_back_at=in_s(120)), *nodes(2), work=1.4, recently=recent)
    assert drained(decide(snapshot, None, POLICY)) == ["t"]


def test_a_notice_far_ahead_lets_the_node_serve_until_it_must_drain() -> None:
    far = a_node("t", taken_back_at=in_s(601))
    actions = decide(a_snapshot(far, *nodes(2), work=2.2), None, POLICY)
    assert (drained(actions), launches(actions)) == ([], ["aws/a"])  # replaced early, launch first


def test_a_coming_node_under_notice_is_not_counted_and_not_touched() -> None:
    lost = a_node("l", NodeState.LOADING, 100, taken_back_at=in_s(60))
    actions = decide(a_snapshot(lost, *nodes(1), work=1.4), None, POLICY)
    assert kinds(actions) == ["load"]


def test_spot_under_notice_is_left_for_the_provider_to_take() -> None:
    pool = a_pool("aws/spot", "0.10", is_spot=True)
    draining = a_node("t", NodeState.DRAINING, 1800, pool="aws/spot", in_flight=0, taken_back_at=in_s(60))
    snapshot = a_snapshot(draining, *nodes(1, pool="aws/spot"), work=0.7, pools=(pool,))
    assert ended(decide(snapshot, None, POLICY)) == []
    overdue = replace(draining, taken_back_at=in_s(-1))
    assert ended(decide(replace(snapshot, nodes=(overdue, *snapshot.nodes[1:])), None, POLICY)) == ["t"]


def test_a_node_at_risk_is_replaced_first_and_drained_when_the_others_carry_the_work() -> None:
    risky = a_node("r", is_at_risk=True)
    before = decide(a_snapshot(risky, *nodes(2), work=2.2), None, POLICY)
    assert (launches(before), drained(before)) == (["aws/a"], [])
    assert before[0].reason.startswith("risk: r may be taken back; load: 2.20")
    coming = a_node("new", NodeState.BOOTING, 100)
    assert kinds(decide(a_snapshot(risky, coming, *nodes(2), work=2.2), None, POLICY)) == ["band"]
    after = decide(a_snapshot(risky, *nodes(3), work=2.2), None, POLICY)
    assert drained(after) == ["r"]


def test_a_stranded_node_serves_while_it_is_needed_and_then_goes() -> None:
    stranded = a_node("s", pool="aws/removed")
    speed = {"aws/a": 1.0, "aws/removed": 1.0}
    needed = a_snapshot(stranded, *nodes(1), demand={"chat": a_demand(1.4, speed=speed)})
    assert kinds(decide(needed, None, POLICY)) == ["band"]
    spare = a_snapshot(stranded, *nodes(2), demand={"chat": a_demand(1.4, speed=speed)})
    assert drained(decide(spare, None, POLICY)) == ["s"]


def test_names_that_match_no_rate_do_not_delete_a_fleet_that_is_needed() -> None:
    fleet = tuple(a_node(f"x{number}", pool="aws/renamed") for number in range(3))
    actions = decide(a_snapshot(*fleet, work=2.0), None, POLICY)
    assert drained(actions) == []
    assert launches(actions) == ["aws/a"] * 3


@pytest.mark.parametrize(
    ("in_flight", "since_s", "kind"),
    [
        pytest.param(0, 30, "drained", id="nothing in flight"),
        pytest.param(2, 599, None, id="streams last minutes"),
        pytest.param(2, 600, "timeout", id="exactly its time"),
        pytest.param(None, 599, None, id="unknown is not nothing"),
        pytest.param(None, 600, "timeout", id="unknown, but its time is over"),
    ],
)
def test_a_draining_node_ends_when_it_has_finished_or_had_its_time(
    in_flight: int | None, since_s: float, kind: str | None
) -> None:
    node = a_node("d", NodeState.DRAINING, since=ago(since_s), in_flight=in_flight)
    actions = decide(a_snapshot(node, *nodes(2), work=1.4), None, POLICY)
    assert ended(actions) == ([] if kind is None else ["d"])
    assert kinds(actions)[0] == (kind or "band")


def test_a_draining_node_comes_back_before_a_new_one_is_bought() -> None:
    draining = a_node("d", NodeState.DRAINING, since=ago(30), in_flight=0)
    actions = decide(a_snapshot(draining, *nodes(2), work=2.0), None, POLICY)
    assert (undrained(actions), launches(actions), ended(actions)) == (["d"], [], [])
    more = decide(a_snapshot(draining, *nodes(2), work=2.6), None, POLICY)
    assert (undrained(more), launches(more)) == (["d"], ["aws/a"])
    leaving = replace(draining, taken_back_at=in_s(60))
    assert undrained(decide(a_snapshot(leaving, *nodes(2), work=2.0), None, POLICY)) == []


def test_failed_nodes_are_ended_and_replaced() -> None:
    actions = decide(a_snapshot(a_node("f", NodeState.FAILED), *nodes(2), work=2.0), None, POLICY)
    assert (ended(actions), launches(actions)) == (["f"], ["aws/a"])


def test_no_coming_node_is_ended_because_demand_fell() -> None:
    coming = nodes(5, "c", state=NodeState.LOADING, age_s=300)
    actions = decide(a_snapshot(*coming, *nodes(1, in_flight=0), work=0.0), None, POLICY)
    assert (ended(actions), drained(actions)) == ([], ["n0"])


@pytest.mark.parametrize(
    ("work", "wanted", "drains"),
    [
        pytest.param(0.7, (0.7, 1.4), 1, id="one carries it until the next comes"),
        pytest.param(0.7, (0.8, 1.4), 0, id="one would not carry what is wanted soon"),
        pytest.param(0.8, (0.7, 1.4), 0, id="nor what is measured"),
        pytest.param(0.7, (0.7, 1.6), 0, id="and with the coming one, not what is wanted later"),
    ],
)
def test_ready_survivors_carry_what_is_soon_and_with_what_is_coming_what_is_later(
    work: float, wanted: tuple[float, ...], drains: int
) -> None:
    coming = a_node("c", NodeState.LOADING, 300)
    policy = ScalingPolicy(high_utilization=0.75, low_utilization=0.75)
    demand = {"chat": a_demand(work, outlook=an_outlook(wanted, keep=0.0))}
    actions = decide(a_snapshot(coming, *nodes(2), demand=demand), None, policy)
    assert len(drained(actions)) == drains


@pytest.mark.parametrize("state", [NodeState.DRAINING, NodeState.FAILED, NodeState.READY])
def test_what_an_unreachable_provider_has_is_neither_ended_nor_counted_out(state: NodeState) -> None:
    away = frozenset({"aws"})
    node = a_node("x", state, since=ago(900), in_flight=0)
    idle = a_snapshot(node, a_node("y", pool="ovh/b"), demand={"chat": a_demand(0.0)}, unreachable=away)
    actions = decide(idle, None, POLICY)
    assert "x" not in (*ended(actions), *drained(actions))
    busy = a_snapshot(*nodes(2), work=1.4, unreachable=away)
    assert kinds(decide(busy, None, POLICY)) == ["band"]


def test_a_coming_node_nobody_can_see_is_not_failed_by_its_timeout() -> None:
    late = a_node("late", NodeState.BOOTING, 5000)
    snapshot = a_snapshot(late, work=0.7, unreachable=frozenset({"aws"}))
    assert kinds(decide(snapshot, None, POLICY)) == ["band"]


def test_an_unreachable_provider_does_not_stop_the_others() -> None:
    pools = (a_pool("aws/a", "0.10"), a_pool("ovh/b", "0.30"))
    demand = {"chat": a_demand(0.7, speed={"aws/a": 1.0, "ovh/b": 1.0})}
    snapshot = a_snapshot(pools=pools, demand=demand, unreachable=frozenset({"aws"}))
    assert launches(decide(snapshot, None, POLICY)) == ["ovh/b"]
