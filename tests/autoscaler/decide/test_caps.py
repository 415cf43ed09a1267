"""Caps before floors before demand: nodes, money an hour, money a month, quotas, an operator's ceiling."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from autoscaler.decide import asked_for, decide
from autoscaler.fleet import Controls, Launch, NodeState
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import (
    NOW,
    a_demand,
    a_node,
    a_pool,
    a_snapshot,
    ago,
    by_the_hour,
    by_the_second,
    drained,
    ended,
    holds,
    kinds,
    launches,
    nodes,
    undrained,
)

BUSY = 7.5
"""Ten nodes' work at the target."""


@pytest.mark.parametrize(
    ("policy", "launched", "why"),
    [
        pytest.param(ScalingPolicy(max_nodes=6), 2, "max_nodes 6 is reached (6 not gone)", id="nodes"),
        pytest.param(ScalingPolicy(max_nodes=4), 0, "max_nodes 4 is reached (4 not gone)", id="exactly at the cap"),
        pytest.param(ScalingPolicy(max_nodes=0), 0, "max_nodes 0 is reached", id="zero is a limit, not none"),
        pytest.param(
            ScalingPolicy(max_usd_hour=Decimal("1.20")),
            2,
            "max_usd_hour 1.20 would be passed (1.20 + 0.20)",
            id="USD/h",
        ),
        pytest.param(ScalingPolicy(max_usd_hour=Decimal("0.99")), 0, "(0.80 + 0.20)", id="a cent short of the fifth"),
    ],
)
def test_no_launch_passes_a_cap_and_the_hold_says_which(policy: ScalingPolicy, launched: int, why: str) -> None:
    actions = decide(a_snapshot(*nodes(4), work=BUSY), None, policy)
    assert launches(actions) == ["aws/a"] * launched
    (said,) = holds(actions)
    assert said.startswith("unmet: ")
    assert why in said


def test_nodes_that_end_still_count_until_they_are_gone() -> None:
    leaving = nodes(2, "t", state=NodeState.TERMINATING)
    assert launches(decide(a_snapshot(*nodes(4), *leaving, work=BUSY), None, ScalingPolicy(max_nodes=6))) == []


def test_the_month_counts_what_is_spent_and_every_lease_to_its_next_renewal() -> None:
    pools = (a_pool("aws/a", tariff=by_the_hour("1")),)
    four = nodes(4, age_s=1800)  # one hour each is committed: 4 USD
    policy = ScalingPolicy(max_usd_month=Decimal(20))
    spent = a_snapshot(*four, work=BUSY, pools=pools, spent_month_usd=Decimal(14))
    assert len(launches(decide(spent, None, policy))) == 2  # 14 + 4 + 2
    more = replace(spent, spent_month_usd=Decimal("14.01"))
    assert len(launches(decide(more, None, policy))) == 1


def test_the_cap_holds_across_a_restart_because_it_is_reckoned_from_what_exists() -> None:
    pools = (a_pool("aws/a", tariff=by_the_hour("1")),)
    policy = ScalingPolicy(max_usd_month=Decimal(3))
    snapshot = a_snapshot(work=BUSY, pools=pools)
    asked = asked_for(snapshot, decide(snapshot, None, policy))
    assert len(asked.nodes) == 3
    assert launches(decide(replace(asked, recently={}), None, policy)) == []


def test_a_launch_by_the_second_is_committed_to_its_launch_timeout() -> None:
    # S8 keeps a coming node for 20 minutes at most: 0.20 USD of 0.60 USD/h
    policy = ScalingPolicy(max_usd_month=Decimal("0.20"))
    pools = (a_pool("aws/a", tariff=by_the_second("0.60")),)
    assert len(launches(decide(a_snapshot(work=0.7, pools=pools), None, policy))) == 1
    a_cent_less = ScalingPolicy(max_usd_month=Decimal("0.19"))
    assert launches(decide(a_snapshot(work=0.7, pools=pools), None, a_cent_less)) == []


def test_the_floor_is_reserved_to_the_end_of_the_month() -> None:
    last_day = datetime(2026, 11, 30, 14, tzinfo=UTC)  # ten hours are left
    pools = (a_pool("aws/a", tariff=by_the_hour("1")),)
    kept = a_node("floor", ordered_at=last_day - timedelta(minutes=30), since=last_day)
    demand = {"chat": a_demand(BUSY, measured_at=last_day)}
    snapshot = a_snapshot(kept, demand=demand, pools=pools, now=last_day)
    # committed: one hour; reserved: eleven hours were begun by midnight, less that one; two more would be 13
    policy = ScalingPolicy(max_usd_month=Decimal(13), min_nodes={"chat": 1})
    assert len(launches(decide(snapshot, None, policy))) == 2
    without = ScalingPolicy(max_usd_month=Decimal(13))
    assert len(launches(decide(snapshot, None, without))) == 9


def test_caps_beat_floors_and_floors_beat_demand() -> None:
    idle = a_snapshot(*nodes(1, in_flight=0), work=0.0)
    floor = ScalingPolicy(min_nodes={"chat": 3})
    assert kinds(decide(idle, None, floor)) == ["floor", "floor"]
    capped = ScalingPolicy(min_nodes={"chat": 3}, max_nodes=2)
    actions = decide(idle, None, capped)
    assert len(launches(actions)) == 1
    assert holds(actions) == [
        "unmet: 1 nodes of the floor missing and no pool to be had (aws/a: max_nodes 2 is reached (2 not gone))"
    ]


def test_renewals_that_would_pass_the_month_are_drained_in_time() -> None:
    pools = (a_pool("aws/a", tariff=by_the_hour("1")),)
    policy = ScalingPolicy(max_usd_month=Decimal(5))
    # a drain may take ten minutes, and a margin of two: at 48 minutes the next hour is decided on
    at_47 = a_snapshot(a_node(age_s=47.9 * 60), work=0.7, pools=pools, spent_month_usd=Decimal("3.5"))
    assert drained(decide(at_47, None, policy)) == []
    at_48 = a_snapshot(a_node(age_s=48.1 * 60), work=0.7, pools=pools, spent_month_usd=Decimal("3.5"))
    actions = decide(at_48, None, policy)
    assert drained(actions) == ["n1"]
    assert actions[0].reason == "cap: going on would take the month to 5.50 USD, max_usd_month is 5"
    affordable = replace(at_48, spent_month_usd=Decimal(3))
    assert drained(decide(affordable, None, policy)) == []


def test_a_node_that_still_drains_at_its_renewal_is_ended_where_the_next_hour_would_pass_the_month() -> None:
    pools = (a_pool("aws/a", tariff=by_the_hour("1")),)
    draining = a_node("d", NodeState.DRAINING, 59 * 60, since=ago(300), in_flight=2)
    snapshot = a_snapshot(draining, work=0.0, pools=pools, spent_month_usd=Decimal("4.5"))
    assert ended(decide(snapshot, None, ScalingPolicy(max_usd_month=Decimal(5)))) == ["d"]
    assert ended(decide(snapshot, None, ScalingPolicy())) == []


def test_nodes_beyond_the_floor_go_before_it_where_money_ends() -> None:
    pools = (a_pool("aws/a", tariff=by_the_hour("1")), a_pool("aws/b", tariff=by_the_hour("2")))
    cheap, dear = a_node("cheap", age_s=3300), a_node("dear", pool="aws/b", age_s=3300)
    policy = ScalingPolicy(max_usd_month=Decimal("5.5"), min_nodes={"chat": 1})
    last_hour = NOW.replace(day=30, hour=22, minute=30)
    snapshot = a_snapshot(
        replace(cheap, ordered_at=last_hour - timedelta(minutes=49)),
        replace(dear, ordered_at=last_hour - timedelta(minutes=49)),
        demand={"chat": a_demand(1.4, measured_at=last_hour)},
        pools=pools,
        now=last_hour,
    )
    # two hours each would be 6, and the floor one more to midnight: the dear one goes
    assert drained(decide(snapshot, None, policy)) == ["dear"]


def test_a_price_that_rises_past_the_cap_drains_the_dearest() -> None:
    pools = (a_pool("aws/a", "0.50"), a_pool("aws/b", "0.80", is_spot=True))
    snapshot = a_snapshot(a_node("a"), a_node("b", pool="aws/b"), work=1.4, pools=pools)
    assert drained(decide(snapshot, None, ScalingPolicy(max_usd_hour=Decimal("1.2")))) == ["b"]


def test_no_cap_in_money_is_kept_beside_a_node_of_unknown_price_so_nothing_is_launched() -> None:
    stranger = a_node("s", pool="aws/gone")
    actions = decide(a_snapshot(stranger, work=BUSY), None, ScalingPolicy(max_usd_hour=Decimal(100)))
    assert launches(actions) == []
    assert "the price of s is not known" in holds(actions)[0]
    assert len(launches(decide(a_snapshot(stranger, work=BUSY), None, ScalingPolicy()))) == 10


def test_pools_of_one_group_share_its_quota_and_models_share_it_too() -> None:
    pools = tuple(a_pool(f"aws/{name}", count_group="aws", lead_time_s={"chat": 300.0, "code": 300.0}) for name in "ab")
    demand = {"chat": a_demand(3.0), "code": a_demand(3.0)}
    snapshot = a_snapshot(pools=pools, demand=demand, group_max={"aws": 3})
    actions = decide(snapshot, None, ScalingPolicy(max_pool_share=0.5))
    assert len(launches(actions)) == 3
    assert {action.model for action in actions if isinstance(action, Launch)} == {"chat", "code"}


def test_a_manual_ceiling_stops_launches_and_drains_what_is_above_it() -> None:
    ceiling = Controls(max_nodes={"chat": 3})
    assert launches(decide(a_snapshot(*nodes(3), work=BUSY, controls=ceiling), None, ScalingPolicy())) == []
    actions = decide(a_snapshot(*nodes(5), work=3.0, controls=ceiling), None, ScalingPolicy())
    assert (len(drained(actions)), set(kinds(actions)) - {"unmet"}) == (2, {"ceiling"})


def test_a_node_drained_for_a_cap_is_not_undrained_for_demand() -> None:
    policy = ScalingPolicy(max_usd_month=Decimal(5))
    pools = (a_pool("aws/a", tariff=by_the_hour("1")),)
    snapshot = a_snapshot(a_node(age_s=48.1 * 60), work=5.0, pools=pools, spent_month_usd=Decimal("3.5"))
    asked = asked_for(snapshot, decide(snapshot, None, policy))
    assert undrained(decide(asked, None, policy)) == []


def test_a_step_is_shared_by_the_models_and_the_rest_comes_next_tick() -> None:
    pools = (a_pool(lead_time_s={"chat": 300.0, "code": 300.0}),)
    snapshot = a_snapshot(pools=pools, demand={"chat": a_demand(9.0), "code": a_demand(3.0)})
    actions = decide(snapshot, None, ScalingPolicy(max_launches_per_tick=4))
    models = [action.model for action in actions if isinstance(action, Launch)]
    assert (models.count("chat"), models.count("code")) == (2, 2)
    assert {reason.partition(":")[0] for reason in holds(actions)} == {"step"}


@pytest.mark.parametrize(
    ("policy", "ends"),
    [
        pytest.param(ScalingPolicy(max_nodes=1), ["d"], id="past the cap: a cap protects money, and it comes first"),
        pytest.param(ScalingPolicy(max_nodes=2), [], id="under the cap: nothing is ended"),
        pytest.param(ScalingPolicy(), [], id="no cap"),
    ],
)
def test_with_scale_in_paused_a_drained_node_is_ended_only_where_a_cap_is_passed(
    policy: ScalingPolicy, ends: list[str]
) -> None:
    draining = a_node("d", NodeState.DRAINING, since=ago(60), in_flight=0)
    snapshot = a_snapshot(draining, *nodes(1), work=0.7, controls=Controls(is_scale_in_paused=True))
    assert ended(decide(snapshot, None, policy)) == ends


def test_a_node_that_drains_is_committed_to_the_end_of_its_drain() -> None:
    # drained a minute ago, ten minutes at most: at 1.20 USD/h another 0.18 USD, beside 0.40 for the launch's 20 minutes
    pools = (a_pool("aws/a", tariff=by_the_second("1.20")),)
    going = a_node("going", NodeState.DRAINING, age_s=0, since=ago(60), is_at_risk=True)
    snapshot = a_snapshot(going, work=0.7, pools=pools)
    assert len(launches(decide(snapshot, None, ScalingPolicy(max_usd_month=Decimal("0.58"))))) == 1
    assert launches(decide(snapshot, None, ScalingPolicy(max_usd_month=Decimal("0.57")))) == []
