from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from autoscaler.fleet import Controls, Demand, Drain, Hold, Launch, NodeState, Snapshot, Terminate
from autoscaler.replay.rivals import RIVALS
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.rivals.bench import POOL, SPOT, START, Bench, a_pool, a_world, bench


def launched(actions: tuple) -> list[str]:
    return [action.pool for action in actions if isinstance(action, Launch)]


def static(**more: Any) -> Bench:
    """Wants five nodes, always."""
    return bench("static-peak", a_world([5.0]), **more)


def test_the_cheapest_pool_with_stock_is_asked():
    pools = {SPOT: a_pool(SPOT, "0.05", retry_at=START + timedelta(hours=1)), POOL: a_pool()}
    assert launched(static(pools=pools).tick(1.0)) == [POOL] * 5


def test_a_pool_is_asked_again_once_it_need_not_be_left_alone():
    pools = {SPOT: a_pool(SPOT, "0.05", retry_at=START + timedelta(seconds=60)), POOL: a_pool()}
    assert launched(static(pools=pools).tick(1.0)) == [SPOT] * 5


def test_a_pool_gives_no_more_than_its_quota():
    pools = {SPOT: a_pool(SPOT, "0.05", max_count=2), POOL: a_pool()}
    assert launched(static(pools=pools).tick(1.0)) == [SPOT, SPOT, POOL, POOL, POOL]


def test_the_node_cap_counts_every_node_that_is_not_gone():
    three = static(policy=ScalingPolicy(max_nodes=3))
    three.with_nodes(1)
    three.nodes[0] = replace(three.nodes[0], state=NodeState.TERMINATING)
    assert len(launched(three.tick(1.0))) == 2


def test_what_was_taken_back_is_replaced():
    five = static()
    five.tick(1.0)
    del five.nodes[0]
    assert len(launched(five.tick(1.0))) == 1


def test_a_node_is_drained_before_it_is_ended_and_ended_in_the_second_round_of_a_tick():
    ours = bench("threshold").with_nodes(1)
    [node] = ours.nodes
    for _ in range(10):
        ours.tick(0.0)
    assert [type(action) for action in ours.tick(0.0)] == [Drain]
    ours.nodes = [replace(node, state=NodeState.DRAINING, since=ours.now, in_flight=0)]
    assert [type(action) for action in ours.ask(0.0)] == [Terminate]


@pytest.mark.parametrize(
    ("in_flight", "drained_for_s", "ends"),
    [(3, 600.0, True), (3, 599.0, False), (None, 0.0, False), (0, 0.0, True)],
    ids=["too long", "in time", "not known is not nothing", "nothing in flight"],
)
def test_a_draining_node_ends_when_it_is_idle_or_late(in_flight: int | None, drained_for_s: float, ends: bool):
    ours = bench("hpa").with_nodes(2)
    since = ours.now - timedelta(seconds=drained_for_s)
    ours.nodes[1] = replace(ours.nodes[1], state=NodeState.DRAINING, since=since, in_flight=in_flight)
    assert any(isinstance(action, Terminate) for action in ours.ask(0.8)) is ends


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "static-plan"])
def test_without_a_fresh_measurement_a_rival_holds(name: str):
    ours = bench(name).with_nodes(3)
    assert [type(action) for action in ours.tick(None)] == [Hold]
    stale = Demand(measured_at=ours.now - timedelta(seconds=181), work_nodes=50.0, speed={POOL: 1.0})
    snapshot = Snapshot(now=ours.now, nodes=tuple(ours.nodes), demand={"m": stale}, pools=ours.pools)
    assert all(isinstance(action, Hold) for action in ours.decider(snapshot, None, ours.policy))


def test_a_paused_rival_does_nothing():
    ours = static()
    snapshot = Snapshot(now=ours.now, nodes=(), demand={}, pools=ours.pools, controls=Controls(is_paused=True))
    assert [type(action) for action in ours.decider(snapshot, None, ours.policy)] == [Hold]


def test_a_failed_node_is_ended_and_base_is_never_touched():
    ours = static().with_nodes(1).with_nodes(1, is_base=True)
    ours.nodes = [replace(node, state=NodeState.FAILED) for node in ours.nodes]
    assert [action.node_id for action in ours.ask(1.0) if isinstance(action, Terminate)] == ["n001"]


def test_a_rival_asked_twice_in_a_tick_orders_once():
    ours = static()
    assert len(launched(ours.ask(1.0))) == 5
    assert launched(ours.ask(1.0)) == []
