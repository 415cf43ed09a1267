"""What is remembered beside nodes: money, moves, refusals; and what is not done in a dry run or a pause."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from autoscaler.fleet import Controls, Drain, Launch, NodeState, Recently, Terminate
from autoscaler.journal import Ended, MemoryJournal, Result
from autoscaler.loop import Controller
from autoscaler.providers.dry_run import DryRunProvider
from autoscaler.providers.provider import CapacityUnavailable, Machine, MachineState, NodeNotFound, Permanent, Temporary
from autoscaler.providers.simulated.spec import Stock
from autoscaler.serving.dry_run import DryRunServing
from autoscaler.serving.serving import NodeReading
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import CHAT, START, Rig, Veiled, a_pool, at

NEW_YEAR_S = 31 * 86_400.0


def test_a_lease_over_the_turn_of_the_month_is_charged_to_both():
    rig = Rig(tick_s=600.0)
    rig.run_to(NEW_YEAR_S - 1200)
    rig.tick()  # ordered 600 s before midnight
    rig.tick(2)
    rig.keeper.wanted = 0
    rig.tick(2)  # ended 1,200 s after it
    assert rig.controller.nodes == ()
    assert rig.journal.charged_usd(START) == Decimal("0.06")
    assert rig.journal.charged_usd(START + timedelta(days=31)) == Decimal("0.12")
    assert rig.tick().seen.spent_month_usd == Decimal("0.12")


def test_a_price_that_rose_since_the_order_does_not_change_what_an_on_demand_lease_is_charged():
    rig = Rig(tick_s=100.0)
    rig.tick(2)
    dear = replace(rig.pools["aws/m"].tariff, price_usd_hour=Decimal(36))
    rig.controller.pools = {"aws/m": replace(rig.pools["aws/m"], tariff=dear)}
    rig.keeper.wanted = 0
    rig.tick(2)
    assert rig.tick().seen.spent_month_usd == Decimal("0.02")  # 200 s at 0.36 USD/h


def test_a_spot_lease_taken_back_in_its_first_hour_is_free_and_the_failure_is_remembered():
    fall = Stock(start_s=600, end_s=86_400, nodes=0)
    rig = Rig(a_pool("aws/spot", is_spot=True, stock=(fall,)), tick_s=60.0)
    rig.tick(10)
    rig.keeper.wanted = 0
    rig.tick(3)
    assert rig.controller.nodes == ()
    seen = rig.tick().seen
    assert seen.spent_month_usd == 0
    assert seen.recently[CHAT].last_on_spot_failure_at == at(660)  # the list of that time shows it gone
    rig.restart()
    assert rig.tick().seen.recently == seen.recently


def test_a_notice_is_a_failure_of_spot_from_the_time_it_names():
    fall = Stock(start_s=600, end_s=86_400, nodes=0)
    rig = Rig(a_pool("aws/spot", is_spot=True, stock=(fall,), notice_s=120.0), tick_s=60.0)
    rig.tick(8)
    assert rig.reports[-1].seen.recently[CHAT].last_on_spot_failure_at == at(600)


def test_the_last_launch_is_remembered_whatever_ended_since():
    rig = Rig(tick_s=60.0, policy=ScalingPolicy(launch_timeout_s=600))
    rig.tick(3)
    rig.keeper.wanted = 0
    rig.tick()
    assert rig.controller._memory.recently[CHAT] == Recently(launched_at=at(60))
    rig.serving.loads_for_ever = True
    rig.keeper.wanted = 1
    rig.tick()
    rig.tick(10)
    assert rig.controller._memory.recently[CHAT] == Recently(launched_at=at(900))


@pytest.mark.parametrize("restarts", [False, True])
def test_the_back_off_of_a_pool_survives_a_restart(restarts):
    rig = Rig(a_pool(quota=0), policy=ScalingPolicy(backoff_first_s=60, backoff_most_s=600))
    for _ in range(20):
        if restarts:
            rig.restart()
        rig.tick()
    asked = [one.now for one in rig.reports if any(isinstance(acted.action, Launch) for acted in one.acted)]
    assert asked == [at(30), at(90), at(210), at(450)]


def test_old_refusals_are_forgotten():
    rig = Rig(a_pool(quota=0), policy=ScalingPolicy(backoff_first_s=60, backoff_most_s=60))
    rig.tick()
    rig.keeper.wanted = 0
    rig.tick(8)
    assert rig.reports[-1].seen.pools["aws/m"].failures == 1
    rig.tick()
    assert rig.reports[-1].seen.pools["aws/m"].failures == 0


def test_an_end_that_was_refused_leaves_the_node_as_it_was_and_says_so():
    rig = Rig()
    rig.tick(4)
    rig.keeper.wanted = 0
    rig.cloud.fail_next("terminate", Permanent("not allowed"))
    report = rig.tick()
    assert report.acted[-1].result is Result.REFUSED
    assert rig.node().state is NodeState.DRAINING
    assert any("not allowed" in problem for problem in report.problems)
    rig.tick(2)
    assert rig.held() == []


def test_a_machine_not_found_at_its_end_is_done_once_a_list_agrees():
    rig = Rig()
    rig.tick(4)
    veiled = Veiled(rig.cloud)
    rig.controller = rig.started(providers=[veiled])
    rig.tick()
    rig.cloud.fail_next("terminate", NodeNotFound("who?"))
    rig.keeper.wanted = 0
    rig.tick()
    assert rig.node().state is NodeState.TERMINATING
    rig.tick()
    assert rig.node().state is NodeState.TERMINATING  # the list still has it
    rig.tick(10)
    assert rig.held() == []  # and goes on having it, so its end was asked for again
    rig.tick(2)
    assert rig.controller.nodes == ()


def test_a_drain_whose_call_broke_off_is_asked_again():
    rig = Rig()
    rig.tick(4)
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=True, in_flight=1)
    rig.serving.fails = 1
    rig.keeper.wanted = 0
    assert rig.tick().acted[0].result is Result.UNKNOWN
    assert rig.node().state is NodeState.DRAINING
    rig.tick()
    assert rig.serving.unrouted == {rig.node().id}


def test_a_node_wanted_again_while_it_drains_serves_again():
    rig = Rig()
    rig.tick(4)
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=True, in_flight=1)
    rig.keeper.wanted = 0
    rig.tick()
    rig.keeper.wanted = 1
    rig.tick()
    assert rig.node().state is NodeState.READY
    assert rig.serving.unrouted == set()
    assert len(rig.cloud.truth) == 1


def test_rounds_of_one_tick_keep_to_its_steps():
    rig = Rig(a_pool("aws/m", quota=1), a_pool("ovh/m"), wanted=5, policy=ScalingPolicy(max_launches_per_tick=3))
    report = rig.tick()
    assert len(rig.held()) == 3
    assert [one.detail for one in report.acted if one.result is Result.WITHDRAWN][-1] == "enough for one tick"


def test_pools_that_all_refuse_end_the_tick():
    rig = Rig(*[a_pool(f"aws/{number}", quota=0) for number in range(20)])
    report = rig.tick()
    assert len([one for one in report.acted if one.result is Result.NO_CAPACITY]) == 8


def test_a_launch_in_a_pool_that_does_not_exist_is_refused_without_an_intent():
    rig = Rig(decider=lambda *_: (Launch(pool="gcp/x", model=CHAT, reason="a slip"),))
    assert rig.tick().acted[0].result is Result.REFUSED
    assert rig.journal.entries(START) == ()


def dry(rig: Rig) -> Controller:
    return rig.started(
        providers=[DryRunProvider(observed=cloud) for cloud in rig.clouds.values()],
        serving=DryRunServing(observed=rig.serving),
        journal=MemoryJournal(),
    )


def test_a_dry_run_says_what_it_would_launch_each_tick_and_launches_nothing():
    rig = Rig()
    rig.controller = dry(rig)
    for _ in range(3):
        (acted,) = rig.tick().acted
        assert acted.result is Result.WITHDRAWN
        assert acted.detail.startswith("dry run: would launch blue-0-")
    assert rig.cloud.truth == []
    assert rig.controller.nodes == ()


def test_a_dry_run_observes_truly_and_neither_drains_nor_ends():
    rig = Rig(policy=ScalingPolicy(orphan_after_s=1e9))
    rig.tick(4)
    rig.controller = dry(rig)
    rig.tick(2)
    assert rig.node().state is NodeState.READY
    rig.keeper.wanted = 0
    for _ in range(3):
        (acted,) = rig.tick().acted
        assert (type(acted.action), acted.result) == (Drain, Result.WITHDRAWN)
    assert rig.node().state is NodeState.READY
    assert rig.serving.calls == []
    rig.controller.decider = lambda *_: (Terminate(node_id=rig.node().id, reason="x"),)
    assert rig.tick().acted[0].result is Result.WITHDRAWN
    rig.tick()
    assert rig.node().state is NodeState.READY
    assert len(rig.held()) == 1


def test_a_paused_loop_asks_for_nothing_again():
    rig = Rig()
    rig.cloud.fail_next("launch", Temporary("timed out"))
    rig.tick()
    rig.controller.controls = Controls(is_paused=True)
    rig.tick(3)
    assert rig.cloud.truth == []
    rig.controller.controls = Controls()
    rig.tick()
    assert len(rig.cloud.truth) == 1


def test_the_report_counts_nodes_and_gives_reasons():
    rig = Rig(wanted=2)
    rig.tick(4)
    report = rig.tick()
    assert report.nodes_by_state == {NodeState.READY: 2}
    assert report.reasons == ("as wanted",)


def test_a_list_that_shows_a_node_before_the_launch_answers_is_the_answer():
    rig = Rig()
    rig.cloud.fail_next("launch", Temporary("timed out"), after=True)
    rig.tick()
    report = rig.tick()
    assert report.resumed == ()
    assert [call.name for call in rig.cloud.calls] == ["launch"]
    assert rig.node().machine_id == "aws-000001"


def test_the_journal_drops_what_is_past_and_keeps_what_was_charged():
    journal = MemoryJournal(kept_for=timedelta(hours=1))
    for hour in range(5):
        end = Ended(
            node_id=f"n{hour}",
            pool="aws/m",
            model=CHAT,
            at=at(3600.0 * hour),
            was_taken_back=False,
            charges_usd=((START, Decimal(1)),),
        )
        journal.ended(end, 0)
    assert [entry.at for entry in journal.entries(START)] == [at(10_800.0), at(14_400.0)]
    assert journal.charged_usd(START) == 5


def test_a_capacity_refusal_after_a_broken_call_means_it_was_not_made():
    rig = Rig(a_pool("aws/m"), a_pool("ovh/m"))
    rig.cloud.fail_next("launch", Temporary("timed out"))
    rig.tick()
    rig.cloud.fail_next("launch", CapacityUnavailable("sold out"))
    report = rig.tick()
    assert [outcome.result for outcome in report.resumed] == [Result.NO_CAPACITY]
    assert [one.pool for one in rig.held()] == ["ovh/m"]


def test_a_machine_of_a_model_nobody_keeps_is_still_watched():
    rig = Rig(wanted=0)
    stray = Machine(
        id="x-1", node_id="blue-x", fleet="blue", pool="aws/m", state=MachineState.RUNNING, created_at=at(0)
    )
    rig.controller = rig.started(providers=[Veiled(rig.cloud, added=(stray,))])
    rig.tick()
    assert rig.node().model == ""


def test_an_undrain_that_broke_off_is_not_asked_again_once_the_node_is_drained_anew():
    rig = Rig()
    rig.tick(4)
    node_id = rig.node().id
    rig.serving.readings[node_id] = NodeReading(is_ready=True, in_flight=1)
    rig.keeper.wanted = 0
    rig.tick()
    rig.keeper.wanted = 1
    rig.serving.fails = 1
    rig.tick()
    rig.serving.fails = 1
    rig.keeper.wanted = 0
    rig.serving.calls.clear()
    rig.tick()  # the undrain breaks off once more, then the node is drained
    rig.tick(3)
    assert rig.serving.calls == [f"resume {node_id}", f"stop {node_id}"]
    assert rig.serving.unrouted == {node_id}


def test_a_machine_that_no_list_ever_shows_is_not_remembered_for_ever():
    rig = Rig(policy=ScalingPolicy(launch_timeout_s=600))
    veiled = Veiled(rig.cloud, hidden={"aws-000001"})
    rig.serving.loads_for_ever = True
    rig.controller = rig.started(providers=[veiled])
    rig.tick(15)
    rig.keeper.wanted = 0
    rig.tick(3)
    assert rig.controller.nodes == ()
