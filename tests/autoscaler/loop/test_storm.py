"""Whatever clouds and crashes do: every machine that bills is known, none is made twice, and all is well in the end."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.fleet import MOVES, NodeState
from autoscaler.providers.simulated.spec import FaultMix, Stock
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import FLEET, Rig, a_pool

POLICY = ScalingPolicy(launch_timeout_s=900, orphan_after_s=900, backoff_most_s=600)
MOST_TICKS = 120
"""Longest that a storm may keep a fleet of two from being as wanted."""

shares = st.sampled_from([0.0, 0.0, 0.1, 0.4])
storms = st.builds(
    FaultMix,
    name=st.just("storm"),
    timeout_before=shares,
    timeout_after=shares,
    server_error=shares,
    rate_limited=shares,
    stale_list=shares,
    partial_list=shares,
    visible_after_most_s=st.sampled_from([0.0, 60.0, 240.0]),
    extra_no_capacity=shares,
    never_boots=shares,
    breaks_per_hour=st.sampled_from([0.0, 2.0]),
    notice_missing=shares,
    notice_late=shares,
    duplicate_event=shares,
    outage_per_day=st.sampled_from([0.0, 20.0]),
    crash=shares,
)


def a_stormy_rig(faults: FaultMix, seed: int) -> Rig:
    falls = tuple(Stock(start_s=at_s, end_s=at_s + 600, nodes=1) for at_s in (1200.0, 4200.0))
    spot = a_pool("aws/spot", is_spot=True, stock=falls, notice_s=120.0, rebalance_s=300.0)
    return Rig(spot, a_pool("ovh/m"), a_pool("aws/m"), policy=POLICY, faults=faults, seed=seed, tick_s=60.0)


def nodes_of_machines(rig: Rig) -> set[str | None]:
    return {one.node_id for one in rig.held() if one.fleet == FLEET}


@settings(max_examples=25)
@given(faults=storms, seed=st.integers(0, 10_000), counts=st.lists(st.integers(0, 5), min_size=8, max_size=8))
def test_every_machine_that_bills_is_known_and_all_is_well_once_the_storm_is_over(faults, seed, counts):
    rig = a_stormy_rig(faults, seed)
    chance = Random(seed)
    states: dict[str, NodeState] = {}
    for tick in range(120):
        rig.keeper.wanted = counts[tick // 15]
        rig.fuse.steps, rig.fuse.crash_at = 0, None
        if chance.random() < faults.crash:
            rig.fuse.crash_at = chance.randrange(8)
        rig.tick()
        assert nodes_of_machines(rig) <= {node.id for node in rig.controller.nodes}
        states = moved_legally(rig, states)
    rig.fuse.crash_at = None
    rig.keeper.wanted = 2
    for _ in range(MOST_TICKS):
        rig.tick()
        if is_as_wanted(rig):
            break
    made = Counter(one.key for cloud in rig.clouds.values() for one in cloud.truth)
    assert max(made.values()) == 1
    assert is_as_wanted(rig)


def is_as_wanted(rig: Rig) -> bool:
    """Two ready nodes, and no machine that bills besides theirs."""
    ready = {node.id for node in rig.controller.nodes if node.state is NodeState.READY}
    return len(ready) == 2 and ready == nodes_of_machines(rig)


def moved_legally(rig: Rig, before: dict[str, NodeState]) -> dict[str, NodeState]:
    """The states now; each follows from the one before, along the table, in one move or more."""
    now = {node.id: node.state for node in rig.controller.nodes}
    for node_id, state in now.items():
        assert state in reachable(before.get(node_id, NodeState.PLANNED))
    return now


def reachable(state: NodeState) -> set[NodeState]:
    found, todo = {state}, [state]
    while todo:
        for following in MOVES[todo.pop()] - found:
            found.add(following)
            todo.append(following)
    return found
