"""Paid hours: idle nodes are kept while they cost nothing more, and no hour is thrown away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.decide import asked_for, decide
from autoscaler.fleet import NodeState
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_pool,
    a_snapshot,
    ago,
    an_outlook,
    by_the_hour,
    capped,
    drained,
    ended,
    holds,
    kinds,
    launches,
    nodes,
    undrained,
)

POLICY = ScalingPolicy()
HOURLY = a_pool("aws/a", tariff=by_the_hour())
MINUTE = 60.0


@pytest.mark.parametrize(
    ("age_min", "goes"),
    [
        pytest.param(20, False, id="40 minutes are paid"),
        pytest.param(57.9, False, id="more than the margin is left"),
        pytest.param(58, True, id="exactly the margin: two minutes"),
        pytest.param(60, True, id="exactly at the renewal"),
        pytest.param(61, False, id="the next hour was begun"),
        pytest.param(179, True, id="a minute before the third ends"),
    ],
)
def test_an_idle_node_is_kept_until_just_before_its_paid_hour_ends(age_min: float, goes: bool) -> None:
    snapshot = a_snapshot(a_node(age_s=age_min * MINUTE, in_flight=0), work=0.0, pools=(HOURLY,))
    actions = decide(snapshot, None, POLICY)
    assert drained(actions) == (["n1"] if goes else [])
    assert kinds(actions) == (
        ["renewal"] if 58 <= age_min < 60 or age_min == 179 else ["surplus"] if goes else ["paid"]
    )


def test_of_two_nodes_the_one_whose_hour_ends_goes() -> None:
    late, early = a_node("late", age_s=59 * MINUTE), a_node("early", age_s=5 * MINUTE)
    actions = decide(a_snapshot(late, early, work=0.7, pools=(HOURLY,)), None, POLICY)
    assert drained(actions) == ["late"]
    assert actions[0].reason == ("renewal: paid hour ends in 60 s, 0.70 nodes of work; the 1.00 that stay are 70% busy")


def test_a_node_by_the_second_goes_before_a_paid_hour_that_is_free_to_keep() -> None:
    pools = (a_pool("aws/a", "0.10"), a_pool("aws/b", tariff=by_the_hour("0.50")))
    cheap, paid = a_node("cheap"), a_node("paid", pool="aws/b", age_s=10 * MINUTE)
    assert drained(decide(a_snapshot(cheap, paid, work=0.7, pools=pools), None, POLICY)) == ["cheap"]


def test_a_paid_hour_that_ends_is_not_bought_again_where_the_others_are_enough() -> None:
    # 2.2 on three is 73 %: inside the band. The third's hour ends, and two would be at 110 %: it is bought
    three = (a_node("old", age_s=59 * MINUTE), *nodes(2, age_s=10 * MINUTE))
    assert drained(decide(a_snapshot(*three, work=2.2, pools=(HOURLY,)), None, POLICY)) == []
    # 2.2 on four is 55 %, 2.6 is 65 %: in the band, but three are not above the target at 2.25
    four = (*three, a_node("new", age_s=20 * MINUTE))
    assert drained(decide(a_snapshot(*four, work=2.25, pools=(HOURLY,)), None, POLICY)) == ["old"]
    ten = (a_node("old", age_s=59 * MINUTE), *nodes(9, age_s=10 * MINUTE))
    assert drained(decide(a_snapshot(*ten, work=6.7, pools=(HOURLY,)), None, POLICY)) == ["old"]  # 67 % of ten
    assert drained(decide(a_snapshot(*ten, work=6.76, pools=(HOURLY,)), None, POLICY)) == []  # nine would be past 75 %


def test_what_was_wanted_lately_keeps_nodes_by_the_second_and_by_the_hour() -> None:
    demand = {"chat": a_demand(0.6, outlook=an_outlook(0.7, keep=1.6))}
    two = nodes(2, age_s=59 * MINUTE)
    assert drained(decide(a_snapshot(*two, demand=demand), None, POLICY)) == []
    assert drained(decide(a_snapshot(*two, demand=demand, pools=(HOURLY,)), None, POLICY)) == []
    forgotten = {"chat": a_demand(0.6, outlook=an_outlook(0.7, keep=0.7))}
    assert len(drained(decide(a_snapshot(*two, demand=forgotten, pools=(HOURLY,)), None, POLICY))) == 1
    wanted_now = {"chat": a_demand(0.6, outlook=an_outlook(1.6, keep=1.6))}
    assert drained(decide(a_snapshot(*two, demand=wanted_now, pools=(HOURLY,)), None, POLICY)) == []


def test_a_node_that_drained_with_its_hour_paid_waits_to_be_wanted_back() -> None:
    waiting = a_node("w", NodeState.DRAINING, 20 * MINUTE, since=ago(60), in_flight=0)
    idle = decide(a_snapshot(waiting, *nodes(1), work=0.7, pools=(HOURLY,)), None, POLICY)
    assert (ended(idle), kinds(idle)) == ([], ["band"])
    busy = decide(a_snapshot(waiting, *nodes(1), work=1.2, pools=(HOURLY,)), None, POLICY)
    assert (undrained(busy), launches(busy)) == (["w"], [])
    ends = replace(waiting, ordered_at=ago(58 * MINUTE))
    assert ended(decide(a_snapshot(ends, *nodes(1), work=0.7, pools=(HOURLY,)), None, POLICY)) == ["w"]


def test_removed_after_twenty_minutes_and_bought_five_minutes_later_does_not_happen() -> None:
    """Minute by minute: demand for a second node comes and goes, and its hour is paid once."""
    policy = ScalingPolicy(cooldown_s=0, hold_s=0)
    snapshot = a_snapshot(a_node("first", age_s=30 * MINUTE), pools=(HOURLY,), work=0.7)
    orders = 0
    for minute in range(58):
        now = NOW + timedelta(minutes=minute)
        work = 1.4 if minute < 20 or minute >= 25 else 0.7
        serving = tuple(
            replace(node, state=NodeState.READY, in_flight=1) if node.state is NodeState.PLANNED else node
            for node in snapshot.nodes
        )
        demand = replace(a_snapshot(work=work).demand["chat"], measured_at=now)  # type: ignore[type-var]
        snapshot = replace(snapshot, now=now, nodes=serving, demand={"chat": demand})
        actions = decide(snapshot, None, policy)
        orders += len(launches(actions))
        assert ended(actions) == []
        snapshot = asked_for(snapshot, actions)
    assert orders == 1


def test_once_its_monthly_cap_is_reached_a_node_is_free_to_keep() -> None:
    pool = a_pool("aws/a", tariff=capped("0.10", "20"))  # 200 hours: from the ninth of the month on
    old = a_node("old", ordered_at=datetime(2026, 11, 1, tzinfo=UTC), in_flight=0)
    (hold,) = holds(decide(a_snapshot(old, work=0.0, pools=(pool,)), None, POLICY))
    assert hold.startswith("paid: 1 spare")
    young = replace(old, ordered_at=NOW - timedelta(hours=2, minutes=59))
    assert drained(decide(a_snapshot(young, work=0.0, pools=(pool,)), None, POLICY)) == ["old"]
    last_minute = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    ending = replace(a_snapshot(old, work=0.0, pools=(pool,)), now=last_minute)
    demand = replace(a_snapshot(work=0.0).demand["chat"], measured_at=last_minute)  # type: ignore[type-var]
    assert drained(decide(replace(ending, demand={"chat": demand}), None, POLICY)) == ["old"]


def test_a_replacement_waits_for_the_renewal() -> None:
    dear = a_pool("aws/a", tariff=by_the_hour("0.40"))
    cheap = a_pool("aws/b", "0.20", lead_time_s={"chat": 360.0})
    half_way = a_node("old", age_s=30 * MINUTE)
    assert launches(decide(a_snapshot(half_way, work=0.7, pools=(dear, cheap)), None, POLICY)) == []
    in_time = a_node("old", age_s=52 * MINUTE)  # eight minutes left: six to come and two of margin
    assert launches(decide(a_snapshot(in_time, work=0.7, pools=(dear, cheap)), None, POLICY)) == ["aws/b"]
    too_late = a_node("old", age_s=55 * MINUTE)  # five minutes left: it would be renewed before the other serves
    assert launches(decide(a_snapshot(too_late, work=0.7, pools=(dear, cheap)), None, POLICY)) == []
    resting = replace(POLICY, cooldown_s=8.5 * MINUTE)  # nothing is drained so soon after a launch
    assert launches(decide(a_snapshot(in_time, work=0.7, pools=(dear, cheap)), None, resting)) == []
