"""The margins that add up to what a fleet is given, and the surplus that is not exchanged."""

from datetime import timedelta

from autoscaler.decide import decide
from autoscaler.fleet import Recently
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_pool,
    a_snapshot,
    an_outlook,
    by_the_hour,
    drained,
    kinds,
    launches,
    nodes,
)

POLICY = ScalingPolicy(low_utilization=0.6, target_utilization=0.75, high_utilization=0.9)


def test_what_the_outlook_wants_may_fill_nodes_to_the_top_of_the_band() -> None:
    """Six nodes of work need 8 at 75 %. The outlook wants 9, its margin included: 10 nodes at 90 %, not 12 at 75 %."""
    demand = {"chat": a_demand(6.0, outlook=an_outlook(9.0))}

    actions = decide(a_snapshot(*nodes(8), demand=demand), None, POLICY)

    assert launches(actions) == ["aws/a"] * 2


def test_a_node_too_many_is_not_exchanged_for_a_cheaper_one() -> None:
    """One of two dear nodes carries the work; its hour is paid for another half. A cheaper one would not save it."""
    dear = a_pool("ovh/dear", "0.80", tariff=by_the_hour("0.80"))
    pools = (dear, a_pool("aws/a", "0.10"))
    kept = {"chat": Recently(launched_at=NOW - timedelta(hours=2))}
    demand = {"chat": a_demand(0.5, speed={"ovh/dear": 1.0, "aws/a": 1.0}, outlook=an_outlook(0.5))}

    def two(age_s: float) -> tuple[list[str], list[str]]:
        fleet = (a_node("n1", pool="ovh/dear", age_s=age_s), a_node("n2", pool="ovh/dear", age_s=age_s))
        actions = decide(a_snapshot(*fleet, demand=demand, pools=pools, recently=kept), None, POLICY)
        assert "saving" not in kinds(actions)
        return launches(actions), drained(actions)

    assert two(7200 + 1800) == ([], [])
    assert two(7200 - 300) == ([], [])
    assert two(7200 - 90) == ([], ["n1"])
