"""What an operator sees of a fleet, as one value; every number can be checked in the head."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from autoscaler.daemon.known import Known, moves_of, with_fleet
from autoscaler.daemon.status import Lead, PlannedMove, Status
from autoscaler.fleet import Controls, Drain, FleetPlan, Hold, Launch, NodeState, PlannedHour, Pool, Snapshot
from autoscaler.journal import Result
from autoscaler.loop import Acted
from autoscaler.report.status_tables import moves_lines
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import NOW, a_base, a_node, a_plan, a_pool, a_snapshot, ago, by_the_hour, nodes

POLICY = ScalingPolicy()


def a_status() -> Status:
    return Status(
        fleet="blue",
        version="0.0",
        at=NOW,
        interval_s=60.0,
        tick_s=0.4,
        is_dry_run=False,
        lead=Lead(role="leads", holder="pod-1", epoch=7),
        plan=None,
        controls=Controls(),
    )


def seen(
    snapshot: Snapshot,
    policy: ScalingPolicy = POLICY,
    *acted: Acted,
    levels: FleetPlan | None = None,
    cluster_names: Mapping[str, str] | None = None,
) -> Status:
    return with_fleet(
        a_status(),
        Known(
            snapshot=snapshot,
            levels=levels,
            policy=policy,
            references={"chat": "aws/a"},
            leads_since=ago(900),
            acted=acted,
            cluster_names=cluster_names or {},
        ),
    )


def test_a_models_work_is_held_against_what_is_ready() -> None:
    snapshot = a_snapshot(*nodes(3), a_node("n9", NodeState.LOADING, age_s=60), work=1.5)
    (model,) = seen(snapshot).models
    assert (model.ready, model.coming, model.ready_work, model.utilization) == (3, 1, 3.0, 0.5)
    assert (model.target, model.low, model.high) == (0.75, 0.6, 0.85)
    assert model.reference == "aws/a"
    assert model.blind == ""


def test_what_was_not_measured_is_unknown_and_never_0() -> None:
    (model,) = seen(a_snapshot(*nodes(2))).models
    assert model.work_nodes is None
    assert model.utilization is None
    assert model.blind == "demand was never measured"
    assert model.blind_s == 900.0  # since this daemon leads


def test_without_ready_capacity_there_is_no_utilization() -> None:
    (model,) = seen(a_snapshot(work=1.0)).models
    assert model.utilization is None
    assert model.work_nodes == 1.0


def test_nodes_are_counted_by_pool_and_state_and_base_comes_first() -> None:
    snapshot = a_snapshot(*nodes(2), a_node("d", NodeState.DRAINING), a_base(), work=1.0)
    base, burst = seen(snapshot).pools
    assert (base.pool, base.is_base, dict(base.nodes), base.price_usd_hour) == (
        "hetzner/ax102",
        True,
        {"ready": 1},
        None,
    )
    assert (burst.pool, dict(burst.nodes), burst.price_usd_hour) == (
        "aws/a",
        {"ready": 2, "draining": 1},
        Decimal("0.20"),
    )


def test_the_month_counts_ended_leases_running_ones_and_what_is_committed() -> None:
    pool = a_pool(tariff=by_the_hour("0.50"))
    fleet = nodes(2, since=ago(5400), ordered_at=ago(5400))  # each in its second hour
    snapshot = a_snapshot(*fleet, work=1.5, pools=(pool,), spent_month_usd=Decimal(10))
    spend = seen(snapshot, replace(POLICY, max_usd_month=Decimal(40), max_usd_hour=Decimal(3), max_nodes=9)).spend
    assert spend is not None
    assert spend.usd_hour == Decimal("1.00")
    assert spend.month_usd == Decimal(12)  # 10 + 2 nodes × 2 started hours × 0.50
    assert spend.committed_usd == Decimal(12)  # a drain of 600 s and a margin of 120 s end within the second hour
    assert (spend.max_usd_month, spend.max_usd_hour, spend.nodes, spend.max_nodes) == (Decimal(40), Decimal(3), 2, 9)


def test_a_floor_is_committed_to_the_months_end() -> None:
    pool = a_pool(tariff=by_the_hour("1"))
    snapshot = a_snapshot(a_node(since=NOW, ordered_at=NOW), work=0.7, pools=(pool,))
    spend = seen(snapshot, replace(POLICY, min_nodes={"chat": 1})).spend
    assert spend is not None
    assert spend.month_usd == Decimal(0)
    assert spend.committed_usd == Decimal(492)  # from 12:30 of the 10th: 20 days and 11.5 hours, each begun


def test_money_is_unknown_where_a_price_is() -> None:
    spend = seen(a_snapshot(a_node(pool="gone/x"), work=1.0)).spend
    assert spend is not None
    assert (spend.usd_hour, spend.month_usd, spend.committed_usd) == (None, None, None)
    assert spend.nodes == 1


def test_a_lease_by_started_hours_tells_when_it_renews() -> None:
    pool = a_pool(tariff=by_the_hour())
    snapshot = a_snapshot(a_node(since=ago(600), ordered_at=ago(600)), a_base(), work=1.0, pools=(pool,))
    (lease,) = seen(snapshot).leases
    assert lease.renews_at == NOW + timedelta(seconds=3000)
    assert lease.price_usd_hour == Decimal("0.20")


def test_a_lease_by_the_second_renews_all_the_time() -> None:
    (lease,) = seen(a_snapshot(a_node(), work=1.0)).leases
    assert lease.renews_at is None


def test_decisions_tell_what_came_of_them_and_holds_stand_apart() -> None:
    acted = (
        Acted(action=Launch(pool="aws/a", model="chat", reason="load: more"), result=Result.DONE, node_id="n1"),
        Acted(action=Drain(node_id="n2", reason="surplus"), result=Result.UNKNOWN, node_id="n2", detail="timed out"),
        Acted(action=Hold(reason="unmet: 1 node missing", model="chat"), result=Result.DONE),
    )
    status = seen(a_snapshot(*nodes(3), work=1.0), POLICY, *acted)
    drain, launch = status.decisions
    assert (launch.action, launch.node_id, launch.pool, launch.model, launch.result) == (
        "launch",
        "n1",
        "aws/a",
        "chat",
        "done",
    )
    assert (drain.action, drain.pool, drain.result, drain.detail) == ("drain", "aws/a", "unknown", "timed out")
    assert [(one.model, one.reason) for one in status.holds] == [("chat", "unmet: 1 node missing")]
    assert status.models[0].is_unmet


def test_a_pool_that_backs_off_is_named_until_it_is_asked_again() -> None:
    waits = a_pool("aws/w", failures=2, retry_at=NOW + timedelta(seconds=30))
    waited = a_pool("aws/x", failures=1, retry_at=ago(1))
    status = seen(a_snapshot(work=1.0, pools=(waits, waited)))
    assert [(one.pool, one.failures) for one in status.back_offs] == [("aws/w", 2)]


def test_moves_are_the_changes_of_the_plan_hour_by_hour() -> None:
    levels = a_plan({12: 1, 13: 2, 14: 2, 15: 1}, burst={12: 1, 13: 3, 14: 3, 15: 0})
    moves = moves_of(levels, ["chat"], {"aws/a": a_pool()}, NOW)
    noon = NOW.replace(minute=0)
    assert moves == (
        PlannedMove(at=noon + timedelta(hours=1), model="chat", pool="aws/a", before=1, after=3),
        PlannedMove(at=noon + timedelta(hours=3), model="chat", pool="aws/a", before=3, after=0),
    )
    assert moves_of(None, ["chat"], {}, NOW) == ()


@pytest.mark.parametrize(
    ("pool", "is_launchable"),
    [
        (a_pool(), True),
        (a_pool(max_count=0, lead_time_s={}), False),  # of a provider without a table in fleet.toml
        (a_pool(max_count=0), False),  # the account may hold none
        (a_pool(lead_time_s={"code": 360.0}), False),  # not for this model
        (a_pool("aws/b"), False),  # another; that of the plan is not known
    ],
)
def test_a_move_says_whether_its_pool_can_be_launched_here(pool: Pool, *, is_launchable: bool) -> None:
    levels = a_plan({12: 1, 13: 2}, burst={12: 1, 13: 3})
    (move,) = seen(a_snapshot(work=1.0, pools=(pool,)), levels=levels).moves
    assert (move.pool, move.is_launchable) == ("aws/a", is_launchable)
    assert moves_lines([move]) == [f"13:00  chat: aws/a 1 → 3{'' if is_launchable else ' (not launchable here)'}"]


def test_the_plans_level_of_now_stands_beside_the_fleet() -> None:
    levels = FleetPlan(
        hours={"chat": {NOW.replace(minute=0): PlannedHour(work_nodes=2.0, burst={"aws/a": 2, "aws/b": 1})}}
    )
    (model,) = seen(a_snapshot(work=1.0), levels=levels).models
    assert model.planned == 3
    assert seen(a_snapshot(work=1.0)).models[0].planned is None


@pytest.mark.parametrize(
    ("controls", "floor", "ceiling"),
    [
        pytest.param(Controls(), 1, None, id="the policy's floor"),
        pytest.param(Controls(min_nodes={"chat": 3}), 3, None, id="an operator's is higher"),
        pytest.param(Controls(min_nodes={"chat": 3}, max_nodes={"chat": 2}), 2, 2, id="a ceiling wins"),
    ],
)
def test_floor_and_ceiling_are_those_in_force(controls: Controls, floor: int, ceiling: int | None) -> None:
    (model,) = seen(a_snapshot(work=1.0, controls=controls), replace(POLICY, min_nodes={"chat": 1})).models
    assert (model.floor, model.ceiling) == (floor, ceiling)
