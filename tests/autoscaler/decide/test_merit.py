"""Which node: the cheapest ready work among pools with stock, spread out, spot and back again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.decide import decide
from autoscaler.decide.merit import Offer, next_offer
from autoscaler.fleet import Demand, Launch, NodeState, Pool, Recently
from autoscaler.outlook import Outlook
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_pool,
    a_snapshot,
    ago,
    drained,
    holds,
    launches,
    nodes,
)

POLICY = ScalingPolicy()
AWAY = NOW + timedelta(minutes=5)


def first_choice(*pools: Pool, demand: Demand | None = None) -> str:
    return launches(decide(a_snapshot(pools=pools, demand={"chat": demand or a_demand(0.5)}), None, POLICY))[0]


@pytest.mark.parametrize(
    ("b", "chosen"),
    [
        pytest.param(a_pool("aws/b", "0.19"), "aws/b", id="cheaper by the hour"),
        pytest.param(a_pool("aws/b", "0.20"), "aws/a", id="equal: the order of the keys"),
        pytest.param(
            a_pool("aws/b", "0.19", interruption_usd_hour=Decimal("0.02")), "aws/a", id="interruptions cost more"
        ),
        pytest.param(a_pool("aws/b", "0.19", egress_usd_mtok=Decimal("0.05")), "aws/a", id="egress costs more"),
        pytest.param(a_pool("aws/b", "0.10", retry_at=AWAY, failures=2), "aws/a", id="sold out: a price is no stock"),
        pytest.param(a_pool("aws/b", "0.10", retry_at=ago(0), failures=2), "aws/b", id="and asked again when due"),
        pytest.param(a_pool("aws/b", "0.10", lead_time_s={"code": 60.0}), "aws/a", id="does not serve the model"),
        pytest.param(a_pool("aws/b", "0.10", max_count=0), "aws/a", id="quota reached"),
    ],
)
def test_the_cheapest_ready_work_that_can_be_had_is_launched(b: Pool, chosen: str) -> None:
    demand = a_demand(0.5, output_tok_s=500)  # 1,000 tok/s a node: 3.6 Mtok an hour, 2.7 at the target
    assert first_choice(a_pool("aws/a", "0.20"), b, demand=demand) == chosen


def test_merit_is_price_per_speed_at_the_measured_mix() -> None:
    a, b = a_pool("aws/a", "0.20"), a_pool("aws/b", "0.30")
    long = a_demand(6.0, speed={"aws/a": 1.0, "aws/b": 1.6})
    assert first_choice(a, b, demand=long) == "aws/b"
    short = a_demand(6.0, speed={"aws/a": 1.0, "aws/b": 1.4})
    assert first_choice(a, b, demand=short) == "aws/a"


def test_spot_that_costs_more_than_on_demand_is_not_taken() -> None:
    spot = a_pool("aws/spot", "0.25", is_spot=True)
    assert first_choice(a_pool("aws/a", "0.20"), spot) == "aws/a"


def test_the_rest_is_covered_by_a_small_node_where_that_is_cheaper() -> None:
    big, small = a_pool("aws/a", "0.40"), a_pool("aws/b", "0.15")
    speed = {"aws/a": 4.0, "aws/b": 1.0}
    demand = {"chat": a_demand(3.6, speed=speed)}  # 4.8 wanted: a big one, and 0.8 more
    assert launches(decide(a_snapshot(pools=(big, small), demand=demand), None, POLICY)) == ["aws/a", "aws/b"]
    demand = {"chat": a_demand(5.25, speed=speed)}  # 7: three small ones would cost more than a second big one
    assert launches(decide(a_snapshot(pools=(big, small), demand=demand), None, POLICY)) == ["aws/a", "aws/a"]


def an_offer(number: int, usd: float, speed: float) -> Offer:
    pool = a_pool(f"aws/{number}")
    return Offer(usd / speed, pool.key, pool, speed, 300.0, usd, Decimal(str(usd)))


PRICES = st.sampled_from([0.1, 0.17, 0.2, 0.31, 0.5, 0.8, 1.3])
SPEEDS = st.sampled_from([0.3, 0.5, 1.0, 1.7, 2.0, 3.0])


@given(
    kinds=st.lists(st.tuples(PRICES, SPEEDS), min_size=1, max_size=3),
    missing=st.sampled_from([0.1, 0.5, 1.0, 1.9, 2.6, 3.3, 4.0]),
)
def test_whole_nodes_cost_at_most_one_node_more_than_the_best_set(
    kinds: list[tuple[float, float]], missing: float
) -> None:
    offers = sorted(an_offer(number, usd, speed) for number, (usd, speed) in enumerate(kinds))
    usd, left = 0.0, missing
    while left > 1e-9:
        taken = next_offer(left, offers)
        usd += taken.usd_hour
        left -= taken.speed
    best = min(
        sum(count * one.usd_hour for count, one in zip(counts, offers, strict=True))
        for counts in product(range(15), repeat=len(offers))
        if sum(count * one.speed for count, one in zip(counts, offers, strict=True)) >= missing - 1e-9
    )
    assert best - 1e-9 <= usd <= best + offers[0].usd_hour + 1e-9


def test_a_slow_pool_is_asked_sooner_than_a_quick_one_must_be() -> None:
    plan_rises = a_demand(1.5, outlook=None)
    slow = a_pool("aws/a", "0.10", lead_time_s={"chat": 1200.0})
    quick = a_pool("aws/b", "0.20", lead_time_s={"chat": 60.0})
    snapshot = a_snapshot(*nodes(2), pools=(slow, quick), demand={"chat": plan_rises})
    assert launches(decide(snapshot, None, POLICY)) == []
    ahead = Outlook(
        made_at_s=0.0, horizons_s=(60.0, 1260.0), expected_work=(1.5, 3.0), wanted_work=(1.5, 3.0), keep_work=1.5
    )
    rising = replace(snapshot, demand={"chat": replace(plan_rises, outlook=ahead)})
    assert launches(decide(rising, None, POLICY)) == ["aws/a", "aws/a"]
    only_quick = replace(rising, pools={"aws/b": quick})
    assert launches(decide(only_quick, None, POLICY)) == []


def test_the_cheapest_pool_gets_no_more_than_its_share() -> None:
    policy = ScalingPolicy(max_pool_share=0.5)
    pools = (a_pool("aws/a", "0.10"), a_pool("aws/b", "0.20"))
    chosen = launches(decide(a_snapshot(pools=pools, work=4.5), None, policy))  # six nodes
    # of n nodes floor(n / 2) + 1 at most: 1 of 1, 2 of 2, 2 of 3 ...
    assert (len(chosen), chosen.count("aws/a")) == (6, 4)


def test_spot_gets_no_more_than_its_share_and_zero_means_none() -> None:
    pools = (a_pool("aws/spot", "0.10", is_spot=True), a_pool("aws/a", "0.30"))
    half = launches(decide(a_snapshot(pools=pools, work=3.0), None, ScalingPolicy(max_spot_share=0.5)))
    assert (len(half), half.count("aws/spot")) == (4, 3)
    none = launches(decide(a_snapshot(pools=pools, work=3.0), None, ScalingPolicy(max_spot_share=0.0)))
    assert none == ["aws/a"] * 4


def test_a_share_that_stops_a_launch_says_its_number_of_nodes() -> None:
    policy = ScalingPolicy(max_pool_share=0.5)
    actions = decide(a_snapshot(work=3.0), None, policy)
    assert launches(actions) == ["aws/a"] * 2
    assert holds(actions) == [
        "unmet: 2.00 nodes of capacity missing and no pool to be had "
        "(aws/a: max_pool_share 0.5 of 3 burst nodes allows 2 of it)"
    ]


def test_on_demand_stands_in_while_every_spot_pool_backs_off() -> None:
    spot = a_pool("aws/spot", "0.08", is_spot=True, retry_at=AWAY, failures=1)
    other = a_pool("ovh/spot", "0.09", is_spot=True)
    on_demand = a_pool("aws/a", "0.20")
    demand = a_demand(0.5, speed={"aws/spot": 1.0, "ovh/spot": 1.0, "aws/a": 1.0})
    assert first_choice(spot, other, on_demand, demand=demand) == "ovh/spot"
    assert first_choice(spot, replace(other, retry_at=AWAY), on_demand, demand=demand) == "aws/a"


SPOT, OD = a_pool("aws/spot", "0.08", is_spot=True), a_pool("aws/a", "0.20")


@pytest.mark.parametrize(
    ("failed_s", "launched"),
    [
        pytest.param(None, ["aws/spot"], id="spot never failed"),
        pytest.param(1799, [], id="half an hour is not over"),
        pytest.param(1800, ["aws/spot"], id="exactly over"),
    ],
)
def test_spot_is_returned_to_when_it_has_not_failed_for_long_enough(
    failed_s: float | None, launched: list[str]
) -> None:
    recently = {"chat": Recently(last_on_spot_failure_at=None if failed_s is None else ago(failed_s))}
    snapshot = a_snapshot(*nodes(2), pools=(SPOT, OD), work=1.4, recently=recently)
    assert launches(decide(snapshot, None, POLICY)) == launched


@pytest.mark.parametrize(
    ("usd", "launched"),
    [
        pytest.param("0.18", ["aws/spot"], id="a tenth less: exactly enough"),
        pytest.param("0.181", [], id="less than a tenth: churn for pennies"),
        pytest.param("0.20", [], id="the same price"),
    ],
)
def test_a_running_node_is_replaced_only_where_that_saves_enough(usd: str, launched: list[str]) -> None:
    spot = replace(SPOT, tariff=a_pool("x", usd, is_spot=True).tariff)
    snapshot = a_snapshot(*nodes(2), pools=(spot, OD), work=1.4)
    assert launches(decide(snapshot, None, POLICY)) == launched


@pytest.mark.parametrize(
    ("age_min", "launched"),
    [
        pytest.param(13, [], id="0.10 saved for 13 minutes do not pay six minutes at 0.25"),
        pytest.param(16, ["aws/b"], id="0.10 x 16 is more than 0.25 x 6"),
    ],
)
def test_a_replacement_pays_for_its_start_if_it_serves_as_long_as_the_old_one_has(
    age_min: float, launched: list[str]
) -> None:
    pools = (a_pool("aws/a", "0.35"), a_pool("aws/b", "0.25"))
    assert launches(decide(a_snapshot(*nodes(2, age_s=age_min * 60), pools=pools, work=1.4), None, POLICY)) == launched


def test_replacements_come_one_at_a_time_launch_first_and_drain_when_the_new_one_serves() -> None:
    old = nodes(2)
    first = decide(a_snapshot(*old, pools=(SPOT, OD), work=1.4), None, POLICY)
    assert [(one.pool, one.replaces) for one in first if isinstance(one, Launch)] == [("aws/spot", "n0")]
    coming = a_node("new", NodeState.LOADING, 200, pool="aws/spot", replaces="n0")
    assert launches(decide(a_snapshot(*old, coming, pools=(SPOT, OD), work=1.4), None, POLICY)) == []
    serves = replace(coming, state=NodeState.READY, in_flight=1)
    # 1.6 on three is 53 %, and on the two that stay 80 %: inside the band
    actions = decide(a_snapshot(*old, serves, pools=(SPOT, OD), work=1.6), None, POLICY)
    assert drained(actions) == ["n0"]
    assert actions[0].reason == "saving: replaced by new of aws/spot, which serves"
    # demand has risen: all three are needed, and none goes
    assert drained(decide(a_snapshot(*old, serves, pools=(SPOT, OD), work=1.8), None, POLICY)) == []


@pytest.mark.parametrize(
    ("share", "gone"), [pytest.param(1.0, "b", id="the dearest"), pytest.param(0.5, "a", id="its share")]
)
def test_a_scale_in_leaves_no_pool_with_more_than_its_share(share: float, gone: str) -> None:
    # without the dearer one, three of three nodes were in one pool, and floor(3 / 2) + 1 may be
    pools = (a_pool("aws/a", "0.10"), a_pool("aws/b", "0.20"))
    fleet = (*nodes(3, "a", pool="aws/a"), a_node("b", pool="aws/b"))
    actions = decide(a_snapshot(*fleet, pools=pools, work=2.0), None, replace(POLICY, max_pool_share=share))
    assert [name[0] for name in drained(actions)] == [gone]
