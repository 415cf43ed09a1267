"""Target and band: when nodes are added and released, and how many."""

from dataclasses import replace
from datetime import timedelta

import pytest

from autoscaler.decide import decide
from autoscaler.fleet import NodeState, Recently
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    a_base,
    a_demand,
    a_node,
    a_pool,
    a_snapshot,
    ago,
    an_outlook,
    drained,
    holds,
    kinds,
    launches,
    nodes,
)

POLICY = ScalingPolicy()
"""Target 75 %, band 60-85 %."""
EXACT = ScalingPolicy(target_utilization=1.0, high_utilization=1.0, low_utilization=1.0)
"""The band of the reference world: capacity is what is wanted, no more and no less."""


@pytest.mark.parametrize(
    ("work", "launched", "drains"),
    [
        pytest.param(5.99, 0, 2, id="just below 60 %: down to 8, 75 %"),
        pytest.param(6.0, 0, 0, id="exactly at the low end"),
        pytest.param(7.0, 0, 0, id="inside"),
        pytest.param(8.5, 0, 0, id="exactly at the high end"),
        pytest.param(8.51, 2, 0, id="one past it: 8.51 / 0.75 is 11.35, so twelve"),
        pytest.param(9.0, 2, 0, id="twelve are 75 %"),
        pytest.param(9.01, 3, 0, id="12.01 need thirteen"),
    ],
)
def test_outside_the_band_the_fleet_is_brought_to_the_target(work: float, launched: int, drains: int) -> None:
    actions = decide(a_snapshot(*nodes(10), work=work), None, POLICY)
    assert (len(launches(actions)), len(drained(actions))) == (launched, drains)


def test_coming_capacity_counts_and_is_neither_load_nor_failure() -> None:
    coming = nodes(2, "c", state=NodeState.LOADING, age_s=300)
    assert kinds(decide(a_snapshot(*nodes(10), *coming, work=9.0), None, POLICY)) == ["band"]
    assert len(launches(decide(a_snapshot(*nodes(10), *coming, work=10.5), None, POLICY))) == 2


def test_what_waits_is_work_to_be_done_within_the_stated_time() -> None:
    calm = a_snapshot(*nodes(4), demand={"chat": a_demand(2.8)})
    assert launches(decide(calm, None, POLICY)) == []
    # 240 node-seconds in 120 s are 2 nodes busy full time: 4.8 / 0.75 = 6.4, so seven
    waiting = a_snapshot(*nodes(4), demand={"chat": a_demand(2.8, queue_node_s=240)})
    assert len(launches(decide(waiting, None, POLICY))) == 3


def test_base_nodes_serve_and_are_never_touched() -> None:
    base = (a_base("b1"), a_base("b2"))
    demand = {"chat": a_demand(5.0, speed={"aws/a": 1.0, "hetzner/ax102": 2.0})}
    assert kinds(decide(a_snapshot(*base, *nodes(3), demand=demand), None, POLICY)) == ["band"]  # 5 of 7
    idle = {"chat": a_demand(0.0, speed={"aws/a": 1.0, "hetzner/ax102": 2.0})}
    resting = tuple(replace(node, in_flight=0) for node in (*base, *nodes(3)))
    assert set(drained(decide(a_snapshot(*resting, demand=idle), None, POLICY))) == {"n0", "n1", "n2"}


def test_exactly_what_the_outlook_wants_is_ordered_where_the_target_is_one() -> None:
    demand = {"chat": a_demand(4.0, outlook=an_outlook((4.2, 5.0, 5.3)))}
    assert len(launches(decide(a_snapshot(*nodes(4), demand=demand), None, EXACT))) == 2
    demand = {"chat": a_demand(4.0, outlook=an_outlook((4.2, 5.0, 5.0)))}
    assert len(launches(decide(a_snapshot(*nodes(4), demand=demand), None, EXACT))) == 1


@pytest.mark.parametrize(
    ("quick_usd_hour", "launched"),
    [
        pytest.param("0.20", [], id="the cheaper pool can be ordered two minutes later"),
        pytest.param("0.30", ["aws/b"], id="the cheaper pool is the slow one: ordered now"),
    ],
)
def test_a_dearer_and_slower_pool_waits_for_what_a_cheaper_one_can_still_bring(
    quick_usd_hour: str, launched: list[str]
) -> None:
    quick = a_pool("aws/a", quick_usd_hour, lead_time_s={"chat": 60.0})
    slow = a_pool("aws/b", "0.25", lead_time_s={"chat": 180.0})
    demand = {"chat": a_demand(4.0, outlook=an_outlook((4.0, 4.0, 4.0, 5.0)))}  # one node more in four minutes
    snapshot = a_snapshot(*nodes(4), pools=(quick, slow), demand=demand)
    assert launches(decide(snapshot, None, EXACT)) == launched


def test_nothing_is_released_below_what_the_outlook_keeps() -> None:
    demand = {"chat": a_demand(1.0, outlook=an_outlook(1.0, keep=3.0))}
    assert len(drained(decide(a_snapshot(*nodes(5), demand=demand), None, EXACT))) == 2
    demand = {"chat": a_demand(1.0, outlook=an_outlook(1.0, keep=3.01))}
    assert len(drained(decide(a_snapshot(*nodes(5), demand=demand), None, EXACT))) == 1


def test_an_outlook_that_falls_removes_nothing() -> None:
    # four nodes are 75 % busy, and nothing at all is expected: what is measured keeps them
    demand = {"chat": a_demand(3.0, outlook=an_outlook((0.0, 0.0), keep=0.0))}
    actions = decide(a_snapshot(*nodes(4), demand=demand), None, POLICY)
    assert kinds(actions) == ["band"]


def test_no_scale_in_within_the_cooldown_of_a_scale_out() -> None:
    demand = {"chat": a_demand(1.0, outlook=an_outlook(1.0))}
    recent = {"chat": Recently(launched_at=ago(299))}
    actions = decide(a_snapshot(*nodes(5), demand=demand, recently=recent), None, POLICY)
    assert (drained(actions), kinds(actions)) == ([], ["cooldown"])
    past = {"chat": Recently(launched_at=ago(300))}
    assert drained(decide(a_snapshot(*nodes(5), demand=demand, recently=past), None, POLICY)) != []


def test_two_nodes_do_not_become_one_that_would_inherit_more_than_the_target() -> None:
    # 1.1 on two is 55 %, below the band; on one it would be 110 %: two-one-two
    assert drained(decide(a_snapshot(*nodes(2), work=1.1), None, POLICY)) == []
    assert len(drained(decide(a_snapshot(*nodes(2), work=0.75), None, POLICY))) == 1


def test_busy_then_idle_goes_down_and_idle_then_busy_goes_up() -> None:
    busy = a_snapshot(*nodes(4), work=3.0)
    assert kinds(decide(busy, None, POLICY)) == ["band"]
    idle = a_snapshot(*(replace(node, in_flight=0) for node in busy.nodes), work=0.0)
    assert len(drained(decide(idle, None, POLICY))) == 4
    assert len(launches(decide(a_snapshot(work=0.5), None, POLICY))) == 1


def test_every_reason_has_its_kind_first_and_numbers_in_it() -> None:
    (up,) = decide(a_snapshot(*nodes(1), work=1.5), None, POLICY)
    assert up.reason == ("load: 1.50 nodes of work, needs 2.00 at 75%, 1.00 ready and 0.00 coming are enough up to 85%")
    (down,) = decide(a_snapshot(*nodes(2), work=0.5), None, POLICY)
    assert down.reason == "surplus: 0.50 nodes of work; the 1.00 that stay are 50% busy"
    assert holds(decide(a_snapshot(*nodes(2), work=1.4), None, POLICY)) == [
        "band: 1.40 nodes of work on 2.00 ready (70%), between 60% and 85%"
    ]


def test_a_node_past_its_launch_timeout_is_ended_and_replaced_and_not_before() -> None:
    late = a_node("late", NodeState.LOADING, age_s=1199.9)
    assert kinds(decide(a_snapshot(late, work=0.7), None, POLICY)) == ["band"]
    late = a_node("late", NodeState.LOADING, age_s=1200)
    assert kinds(decide(a_snapshot(late, work=0.7), None, POLICY)) == ["failed", "load"]


@pytest.mark.parametrize("silent_for_s", [None, 181], ids=["never measured", "stale"])
def test_a_node_past_its_launch_timeout_is_not_ended_while_nothing_is_measured(silent_for_s: float | None) -> None:
    late = a_node("late", NodeState.LOADING, age_s=1200)
    seen = a_snapshot(late, work=0.7)
    demand = seen.demand["chat"]
    assert demand is not None
    stale = None if silent_for_s is None else replace(demand, measured_at=seen.now - timedelta(seconds=silent_for_s))
    assert kinds(decide(replace(seen, demand={"chat": stale}), None, POLICY)) == ["blind"]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_drains_in_a_tick_than_the_step(most: int) -> None:
    snapshot = a_snapshot(*nodes(8), work=1.0)
    assert len(drained(decide(snapshot, None, replace(POLICY, max_drains_per_tick=most)))) == most
