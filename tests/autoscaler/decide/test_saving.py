"""Saving: a large node that the work does not fill any more gives way to smaller ones, where that pays."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autoscaler.decide import asked_for, decide
from autoscaler.fleet import Launch, Node, NodeState, Pool, Recently, Snapshot
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import a_demand, a_node, a_pool, a_snapshot, ago, by_the_hour, drained, kinds, launches

POLICY = ScalingPolicy()
BIG, SMALL = a_pool("aws/big", "0.80", is_spot=True), a_pool("aws/small", "0.12")
"""Eight reference nodes at 0.10 each, and one at 0.12: the large one is the cheaper work, while there is any."""
SPEED = {"aws/big": 8.0, "aws/small": 1.0}


def a_fleet(*fleet: Node, work: float, pools: tuple[Pool, ...] = (BIG, SMALL), **other: Any) -> Snapshot:
    return a_snapshot(*fleet, pools=pools, demand={"chat": a_demand(work, speed=SPEED)}, **other)


def big(name: str = "big", **other: Any) -> Node:
    return a_node(name, pool="aws/big", **other)


@pytest.mark.parametrize(
    ("work", "count"),
    [
        pytest.param(0.7, 1, id="0.93 wanted: one at 0.12"),
        pytest.param(1.4, 2, id="1.87 wanted: two at 0.24"),
        pytest.param(4.5, 6, id="6 wanted: 0.72 is a tenth less than 0.80, exactly enough"),
        pytest.param(4.6, 0, id="6.13 wanted: seven would cost more"),
        pytest.param(0.0, 0, id="nothing wanted: it goes for good"),
    ],
)
def test_a_large_node_gives_way_to_as_many_small_ones_as_the_work_needs(work: float, count: int) -> None:
    actions = decide(a_fleet(big(), work=work), None, POLICY)
    assert launches(actions) == ["aws/small"] * count
    assert {one.replaces for one in actions if isinstance(one, Launch)} <= {"big"}


def test_the_reason_says_what_is_saved_and_asked_again_nothing_more_is() -> None:
    snapshot = a_fleet(big(), work=1.4)
    actions = decide(snapshot, None, POLICY)
    assert actions[0].reason == "saving: 2 x aws/small carry what big is kept for, 0.5600 USD/h less"
    assert kinds(decide(asked_for(snapshot, actions), None, POLICY)) == ["band"]


def test_the_large_one_is_drained_when_the_small_ones_carry_the_work_and_not_before() -> None:
    new = [a_node(f"s{number}", pool="aws/small", age_s=900, replaces="big") for number in range(2)]
    loads = replace(new[1], state=NodeState.LOADING, in_flight=None)
    assert kinds(decide(a_fleet(big(), new[0], loads, work=1.4), None, POLICY)) == ["band"]
    assert drained(decide(a_fleet(big(), *new, work=1.4), None, POLICY)) == ["big"]
    # 1.71 on the two would be 85.5 %: the work has grown, and it is they who are not needed
    assert sorted(drained(decide(a_fleet(big(), *new, work=1.71), None, POLICY))) == ["s0", "s1"]


def test_one_of_several_large_nodes_gives_way_where_the_rest_lack_little() -> None:
    # 12.6 wanted, 8 on the one that stays: five small ones at 0.60
    actions = decide(a_fleet(big("a"), big("b"), work=9.4), None, POLICY)
    assert launches(actions) == ["aws/small"] * 5


@pytest.mark.parametrize(
    ("known", "policy"),
    [
        pytest.param({}, ScalingPolicy(min_saving_ratio=0.75), id="saves too little"),
        pytest.param({}, ScalingPolicy(max_nodes=2), id="no room for both"),
        pytest.param({}, ScalingPolicy(max_launches_per_tick=1), id="more than one tick may launch"),
        pytest.param({"recently": {"chat": Recently(launched_at=ago(1799))}}, POLICY, id="a launch not long ago"),
        pytest.param(
            {"recently": {"chat": Recently(launched_at=ago(150))}},
            ScalingPolicy(exchange_after_s=0),
            id="0.56 for 150 s pay no start of 0.24 for 360 s",
        ),
        pytest.param({"unreachable": frozenset({"aws"})}, POLICY, id="nobody answers"),
    ],
)
def test_no_exchange_that_does_not_pay_or_cannot_be_finished(known: dict[str, Any], policy: ScalingPolicy) -> None:
    assert launches(decide(a_fleet(big(), work=1.4), None, POLICY)) == ["aws/small"] * 2
    assert launches(decide(a_fleet(big(), work=1.4, **known), None, policy)) == []


def test_time_that_is_paid_is_used_before_a_large_node_gives_way() -> None:
    """0.24 for two small ones; six minutes of lead time and two of margin before the hour of the large one ends."""
    hourly = (replace(BIG, tariff=by_the_hour("0.80"), is_spot=False), SMALL)
    early, late = (a_fleet(big(age_s=minutes * 60), work=1.4, pools=hourly) for minutes in (120 + 51, 120 + 52))
    assert (launches(decide(early, None, POLICY)), launches(decide(late, None, POLICY))) == ([], ["aws/small"] * 2)
    capped = Tariff(
        billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=BIG.tariff.price_usd_hour, fee_usd_month=Decimal("0.01")
    )
    paid = (replace(BIG, tariff=capped, is_spot=False), SMALL)
    assert launches(decide(a_fleet(big(), work=1.4, pools=paid), None, POLICY)) == []
