"""A node's life as the loop sees it, and each way in which others lost one, or killed one they needed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from autoscaler.decide import decide
from autoscaler.fleet import Hold, Launch, NodeState, Terminate
from autoscaler.journal import Outcome, Result
from autoscaler.providers.provider import (
    CapacityUnavailable,
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Permanent,
    Temporary,
)
from autoscaler.serving.serving import NodeReading
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import CHAT, FLEET, Rig, Veiled, a_pool, at


def states(rig: Rig) -> list[str]:
    return [node.state.value for node in rig.controller.nodes]


def test_a_launch_is_asked_for_boots_loads_serves_drains_and_is_gone():
    rig = Rig(a_pool(lead_s=60.0), tick_s=30.0)
    rig.serving.loads_for_ever = True
    seen = []
    for _ in range(5):
        rig.tick()
        seen.append(rig.reports[-1].seen.nodes[0].state.value if rig.reports[-1].seen.nodes else "-")
    assert seen == ["-", "booting", "loading", "loading", "loading"]
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=True, in_flight=2)
    rig.tick()
    assert rig.node().state is NodeState.READY
    rig.keeper.wanted = 0
    rig.tick()
    rig.tick()
    assert rig.node().state is NodeState.DRAINING  # two requests are in flight
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=True, in_flight=0)
    rig.tick(2)
    assert states(rig) == []
    assert rig.held() == []


def test_a_drain_that_finds_nothing_in_flight_ends_the_node_in_the_same_tick():
    rig = Rig()
    rig.tick(4)
    rig.keeper.wanted = 0
    report = rig.tick()
    assert [type(one.action).__name__ for one in report.acted] == ["Drain", "Terminate"]
    assert rig.held() == []


def test_a_create_that_timed_out_after_it_happened_is_found_again_and_not_made_twice():
    rig = Rig()
    rig.cloud.fail_next("launch", Temporary("timed out"), after=True)
    assert rig.tick().acted[0].result is Result.UNKNOWN
    rig.tick(5)
    assert len(rig.cloud.truth) == 1
    assert rig.node().state is NodeState.READY


def test_a_create_that_timed_out_before_it_happened_is_asked_again_with_its_key():
    rig = Rig()
    rig.cloud.fail_next("launch", Temporary("timed out"))
    rig.tick()
    report = rig.tick()
    assert [outcome.result for outcome in report.resumed] == [Result.DONE]
    assert len(rig.cloud.truth) == 1
    assert [call.about for call in rig.cloud.calls] == [rig.node().id] * 2


def test_a_machine_not_yet_in_any_list_is_not_forgotten():
    rig = Rig()
    veiled = Veiled(rig.cloud, hidden={"aws-000001"})
    rig.controller = rig.started(providers=[veiled])
    rig.tick(10)  # ordered at 30 s, now 300 s
    assert rig.node().machine_id == "aws-000001"
    veiled.hidden.clear()
    rig.tick(10)
    assert rig.node().state is NodeState.READY
    assert len(rig.cloud.truth) == 1


def test_accepted_deletion_is_not_deletion():
    rig = Rig()
    rig.tick(4)
    rig.keeper.wanted = 0
    rig.tick()
    assert rig.node().state is NodeState.TERMINATING
    assert rig.journal.charged_usd(at(0)) == 0
    rig.tick()
    assert states(rig) == []
    # ordered at 30 s, end accepted at 150 s: 120 s at 0.36 USD/h
    assert rig.journal.charged_usd(at(0)) * 1000 == 12


def test_a_machine_that_runs_on_after_its_end_was_accepted_is_ended_again():
    rig = Rig()
    deaf = Veiled(rig.cloud, deaf_ends=1)
    rig.controller = rig.started(providers=[deaf])
    rig.tick(4)
    rig.keeper.wanted = 0
    rig.tick(10)
    assert deaf.ends == 1
    assert rig.node().state is NodeState.TERMINATING
    rig.tick(3)
    assert deaf.ends == 2
    assert rig.held() == []


def test_a_machine_too_new_to_be_found_is_asked_to_end_again_and_not_taken_for_gone():
    rig = Rig(a_pool(lead_s=600.0), tick_s=30.0)
    rig.tick()
    rig.cloud.fail_next("terminate", NodeNotFound("no such machine"))
    rig.keeper.wanted = 0
    assert rig.tick().acted[-1].result is Result.UNKNOWN
    assert rig.tick().resumed[-1].result is Result.DONE
    assert rig.held() == []


def test_a_lease_is_charged_to_the_end_that_had_an_effect_not_to_one_that_had_none():
    """The first end is answered by "no such machine", the second breaks off after it happened: 36 cents an hour."""
    rig = Rig(tick_s=60.0)
    rig.tick(10)
    rig.cloud.fail_next("terminate", NodeNotFound("no such machine"))
    rig.keeper.wanted = 0
    rig.tick(5)
    rig.cloud.fail_next("terminate", Temporary("timed out"), after=True)
    rig.cloud.fail_next("terminate", Temporary("timed out"), times=20)
    rig.tick(10)
    [machine] = rig.cloud.truth
    assert machine.ended_s is not None
    assert rig.journal.charged_usd(at(0)) * 100 >= rig.cloud.charge_usd(machine) * 100


def test_partial_success_is_not_total_failure():
    rig = Rig(a_pool(quota=2), wanted=4)
    report = rig.tick()
    assert [one.result.value for one in report.acted][:4] == ["done", "done", "no_capacity", "withdrawn"]
    assert len(rig.held()) == 2
    rig.tick(3)
    assert states(rig) == ["ready", "ready"]


def test_one_pool_without_capacity_lets_the_next_be_chosen_in_the_same_tick():
    rig = Rig(a_pool("aws/cheap", quota=0), a_pool("ovh/dear"))
    report = rig.tick()
    assert [(one.action.pool, one.result) for one in report.acted if isinstance(one.action, Launch)] == [
        ("aws/cheap", Result.NO_CAPACITY),
        ("ovh/dear", Result.DONE),
    ]


def test_a_pool_that_refused_is_left_alone_twice_as_long_each_time_and_asked_again_after_it():
    rig = Rig(a_pool(quota=0), policy=ScalingPolicy(backoff_first_s=60, backoff_most_s=120), tick_s=30.0)
    rig.tick(14)
    asked = [one.now for one in rig.reports if any(isinstance(acted.action, Launch) for acted in one.acted)]
    assert asked == [at(30), at(90), at(210), at(330)]
    pool = rig.tick().seen.pools["aws/m"]
    assert (pool.failures, pool.retry_at) == (4, at(450))


def test_a_success_ends_the_back_off():
    rig = Rig()
    rig.cloud.fail_next("launch", CapacityUnavailable("sold out"))
    rig.tick(4)
    assert len(rig.held()) == 1
    assert rig.tick().seen.pools["aws/m"] == rig.pools["aws/m"]


def test_a_refused_launch_is_said_loudly_and_others_go_on():
    rig = Rig(a_pool("aws/m"), a_pool("ovh/m"), wanted=2)
    rig.clouds["aws"].fail_next("launch", Permanent("bad credentials"), times=99)
    report = rig.tick()
    assert any("bad credentials" in problem for problem in report.problems)
    assert len(rig.clouds["ovh"].truth) == 2


def test_one_provider_that_fails_does_not_stop_the_others_and_its_nodes_are_remembered():
    rig = Rig(a_pool("aws/m"), a_pool("ovh/m"), wanted=1)
    rig.tick(4)
    rig.clouds["aws"].fail_next("machines", Temporary("503"), times=99)
    rig.clouds["aws"].fail_next("launch", CapacityUnavailable("503"), times=99)
    rig.keeper.wanted = 2
    report = rig.tick()
    assert report.seen.unreachable == {"aws"}
    assert report.nodes_by_state == {NodeState.READY: 1}
    assert len(rig.clouds["ovh"].truth) == 1


def test_an_adapter_that_breaks_in_a_way_nobody_thought_of_does_not_stop_the_loop():
    class Broken:
        name = "hetzner"

        def machines(self):
            raise KeyError("server_type")

    rig = Rig()
    rig.controller = rig.started(providers=[rig.cloud, Broken()])
    report = rig.tick(4)
    assert report.seen.unreachable == {"hetzner"}
    assert any("KeyError" in problem for problem in report.problems)
    assert rig.node().state is NodeState.READY


class Told:
    """A provider whose list is what the test says."""

    name = "aws"

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.ended: list[str] = []

    def machines(self) -> Listing:
        return self.listing

    def terminate(self, machine_id: str) -> None:
        self.ended.append(machine_id)


def told_rig(rig: Rig) -> Told:
    """A rig with one ready node whose provider now says only what it is told."""
    rig.tick(4)
    told = Told(rig.cloud.machines())
    rig.controller = rig.started(providers=[told])
    rig.tick()
    return told


def without_machines(told: Told, rig: Rig, *, as_of_s: float | None = None, is_complete: bool = True) -> None:
    as_of = rig.timeline.now if as_of_s is None else at(as_of_s)
    told.listing = Listing(provider="aws", as_of=as_of, is_complete=is_complete, machines=())


def test_a_partial_list_forgets_nobody():
    rig = Rig()
    told = told_rig(rig)
    rig.run_to(3000)
    without_machines(told, rig, is_complete=False)
    report = rig.tick()
    assert report.seen.unreachable == {"aws"}
    assert rig.node().state is NodeState.READY


def test_a_list_older_than_one_taken_in_forgets_nobody():
    rig = Rig()
    told = told_rig(rig)
    rig.run_to(3000)
    told.listing = replace(told.listing, as_of=at(3000))
    rig.tick()
    without_machines(told, rig, as_of_s=2990)
    report = rig.tick()
    assert report.seen.unreachable == set()  # the list taken in is 60 s old
    report = rig.tick()
    assert report.seen.unreachable == {"aws"}
    assert report.problems == ("aws: its list is 90 s old",)
    assert rig.node().state is NodeState.READY


def test_a_complete_list_long_after_the_order_without_the_machine_means_it_is_gone():
    rig = Rig()
    told = told_rig(rig)
    without_machines(told, rig, as_of_s=30 + 299)
    rig.run_to(320)
    rig.tick()
    assert states(rig) == ["ready"]
    rig.keeper.wanted = 0
    without_machines(told, rig, as_of_s=30 + 300)
    rig.tick()
    assert states(rig) == []


def test_how_long_lists_lag_behind_and_stay_fresh_is_the_policys():
    rig = Rig(policy=ScalingPolicy(settle_s=200, list_fresh_s=20))
    told = told_rig(rig)
    rig.run_to(210)
    without_machines(told, rig, as_of_s=30 + 199)
    report = rig.tick()
    assert (states(rig), report.now, report.seen.unreachable) == (["ready"], at(240), set())
    report = rig.tick()
    assert report.problems == ("aws: its list is 41 s old",)
    rig.keeper.wanted = 0
    without_machines(told, rig, as_of_s=30 + 230)
    rig.tick()
    assert states(rig) == []


def test_a_machine_that_was_gone_never_comes_back_to_life():
    rig = Rig()
    told = told_rig(rig)
    before = told.listing
    rig.run_to(3000)
    rig.keeper.wanted = 0
    without_machines(told, rig)
    rig.tick()
    assert rig.controller.nodes == ()
    told.listing = replace(before, as_of=at(3100))
    rig.run_to(3100)
    rig.tick()
    rig.restart()
    rig.controller = rig.started(providers=[told])
    rig.tick()
    assert rig.controller.nodes == ()


def test_a_machine_listed_twice_with_its_former_row_only_moves_forward():
    rig = Rig()
    told = told_rig(rig)
    (machine,) = told.listing.machines
    former = replace(machine, state=MachineState.PENDING)
    for number, rows in enumerate([(former, machine), (machine, former), (former,)]):
        told.listing = replace(told.listing, machines=rows, as_of=rig.timeline.now + timedelta(seconds=number))
        rig.tick()
        assert rig.node().state is NodeState.READY


def test_a_machine_without_our_tag_is_never_touched():
    rig = Rig(wanted=0)
    rig.cloud.add_foreign(pool="aws/m")
    rig.cloud.add_foreign(pool="aws/m", fleet="green", node_id="green-1")
    rig.tick(60)
    assert all(one.is_held for one in rig.cloud.truth)
    assert rig.controller.nodes == ()
    assert not rig.cloud.calls


def test_a_machine_with_our_tag_that_nobody_intended_is_watched_and_ended_in_time():
    rig = Rig(wanted=1, policy=ScalingPolicy(orphan_after_s=900))
    stray = rig.cloud.add_foreign(pool="aws/m", fleet=FLEET, node_id="blue-lost")
    rig.tick()  # at 30 s it is found
    assert rig.node().id == "blue-lost"
    rig.tick(15)
    rig.restart()  # which does not start its time again
    rig.tick(14)  # 900 s
    assert stray in rig.held()
    rig.tick()
    assert stray.ended_s == 930


def test_a_pool_taken_out_of_the_configuration_strands_no_machine():
    rig = Rig(a_pool("aws/m"), a_pool("aws/old"))
    rig.pools = {"aws/old": rig.pools["aws/old"]}
    rig.controller = rig.started()
    rig.tick(4)
    rig.pools = {"aws/m": replace(rig.pools["aws/old"], key="aws/m")}
    rig.restart()
    rig.keeper.wanted = 0
    rig.tick(3)
    assert rig.held() == []
    assert rig.journal.charged_usd(at(0)) > 0  # by the price of its order


def test_a_base_node_is_watched_and_never_ended():
    rig = Rig(wanted=0, decider=lambda *_: (Terminate(node_id="base-1", reason="a slip"),))
    rig.cloud.add_base(node_id="base-1", offer="hetzner/ax", model=CHAT)
    report = rig.tick(3)
    (node,) = rig.controller.nodes
    assert node.is_base
    assert node.state is NodeState.READY
    assert report.acted[0].result is Result.REFUSED
    assert all(one.is_held for one in rig.cloud.truth)


def test_a_base_node_that_broke_and_recovered_serves_again():
    rig = Rig(wanted=0)
    rig.cloud.add_base(node_id="base-1", offer="hetzner/ax", model=CHAT)
    rig.tick(2)
    rig.serving.readings["base-1"] = NodeReading(is_ready=False)
    rig.tick(6)
    assert states(rig) == ["failed"]
    rig.serving.readings["base-1"] = NodeReading(is_ready=True)
    rig.tick(2)
    assert states(rig) == ["ready"]


def test_a_node_still_loading_is_left_alone_until_its_launch_timeout():
    rig = Rig(policy=ScalingPolicy(launch_timeout_s=600))
    rig.serving.loads_for_ever = True
    rig.tick(20)  # ordered at 30 s, now 600 s
    assert rig.node().state is NodeState.LOADING
    rig.tick()  # 630 s
    assert len(rig.cloud.truth) == 2
    assert not rig.cloud.truth[0].is_held


def test_a_launch_timeout_fails_nobody_while_the_serving_side_is_silent():
    rig = Rig(policy=ScalingPolicy(launch_timeout_s=600))
    rig.tick()
    rig.serving.is_down = True
    rig.tick(40)
    assert rig.node().state is NodeState.LOADING


def test_a_node_that_served_still_serves_after_a_restart_into_silence():
    rig = Rig()
    rig.tick(4)
    rig.serving.is_down = True
    rig.restart()
    rig.tick()
    assert rig.node().state is NodeState.READY
    assert rig.node().in_flight is None


@pytest.mark.parametrize(("broken_after_s", "ticks"), [(120.0, 2), (300.0, 5)])
def test_a_node_that_says_for_as_long_as_the_policy_waits_that_it_does_not_serve_has_failed(
    broken_after_s: float, ticks: int
):
    rig = Rig(policy=ScalingPolicy(broken_after_s=broken_after_s), tick_s=60.0)
    rig.tick(3)
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=False)
    rig.tick(ticks)
    assert states(rig) == ["ready"]
    rig.tick()
    assert len(rig.cloud.truth) == 2  # replaced, and the broken one ended
    assert not rig.cloud.truth[0].is_held


def test_a_node_missing_from_the_readings_is_neither_idle_nor_broken():
    rig = Rig(tick_s=60.0)
    rig.tick(3)
    rig.serving.readings.clear()
    rig.tick(20)
    assert rig.node().state is NodeState.READY
    assert rig.node().in_flight is None


def test_notice_and_advice_are_seen():
    rig = Rig()
    told = told_rig(rig)
    (machine,) = told.listing.machines
    told.listing = replace(
        told.listing,
        as_of=rig.timeline.now,
        machines=(replace(machine, taken_back_at=at(500), is_at_risk=True),),
    )
    rig.tick()
    assert rig.node().taken_back_at == at(500)
    assert rig.node().is_at_risk


def test_a_launch_that_never_answers_fails_at_its_timeout_and_is_withdrawn_once_a_list_proves_it_absent():
    rig = Rig(policy=ScalingPolicy(launch_timeout_s=600), tick_s=60.0)
    rig.cloud.fail_next("launch", Temporary("timed out"), times=10)
    rig.tick(10)
    assert rig.node().state is NodeState.LAUNCHING
    rig.tick()
    assert len(rig.cloud.truth) == 1  # another was launched in its place
    assert sorted(states(rig)) == ["booting", "terminating"]
    rig.tick(3)
    assert sorted(states(rig)) == ["ready", "terminating"]  # 840 s: last asked for at 600 s
    rig.tick()
    assert states(rig) == ["ready"]


def test_a_partial_list_proves_no_launch_absent():
    rig = Rig(policy=ScalingPolicy(launch_timeout_s=600), tick_s=60.0)
    rig.cloud.fail_next("launch", Temporary("timed out"), times=10)
    veiled = Veiled(rig.cloud, is_partial=True)
    rig.controller = rig.started(providers=[veiled])
    rig.tick(30)
    assert sorted(states(rig)) == ["ready", "terminating"]
    veiled.is_partial = False
    rig.tick()
    assert states(rig) == ["ready"]


def test_a_launch_given_up_that_happened_after_all_is_ended():
    rig = Rig(policy=ScalingPolicy(launch_timeout_s=600), tick_s=60.0)
    rig.cloud.fail_next("launch", Temporary("timed out"), times=1, after=True)
    rig.cloud.fail_next("launch", Temporary("timed out"), times=9)
    rig.serving.loads_for_ever = True
    veiled = Veiled(rig.cloud, hidden={"aws-000001"})
    rig.controller = rig.started(providers=[veiled])
    rig.tick(12)
    veiled.hidden.clear()
    rig.tick(2)
    first, second = rig.cloud.truth
    assert not first.is_held
    assert second.is_held


def test_a_machine_made_a_second_time_for_one_intent_is_ended_in_time():
    rig = Rig(wanted=1)
    rig.tick(4)
    rig.keeper.wanted = 2  # the twin serves as any other until it is due
    twin = rig.cloud.add_foreign(pool="aws/m", fleet=FLEET, node_id=rig.node().id)
    rig.tick(40)
    assert not twin.is_held
    assert rig.cloud.truth[0].is_held


def test_an_action_about_a_node_that_is_not_there_is_refused_and_said():
    rig = Rig(decider=lambda *_: (Terminate(node_id="nobody", reason="a slip"), Hold(reason="x")))
    report = rig.tick()
    assert [one.result for one in report.acted] == [Result.REFUSED, Result.DONE]
    assert report.problems == ("terminate nobody: there is no such node",)


@pytest.mark.parametrize("after", [False, True], ids=["before it happened", "after it happened"])
def test_an_end_that_timed_out_is_asked_again(after):
    rig = Rig()
    rig.tick(4)
    rig.keeper.wanted = 0
    rig.cloud.fail_next("terminate", Temporary("timed out"), after=after)
    rig.tick()
    rig.tick(3)
    assert rig.held() == []
    assert rig.controller.nodes == ()


def test_a_stranger_with_a_machine_number_of_ours_at_another_provider_is_not_ours():
    rig = Rig(a_pool("aws/m"), a_pool("ovh/m"))
    rig.tick(4)
    stranger = Machine(
        id=rig.node().machine_id or "",
        node_id=None,
        fleet=None,
        pool="ovh/m",
        state=MachineState.GONE,
        created_at=at(0),
    )
    rig.controller = rig.started(providers=[rig.clouds["aws"], Veiled(rig.clouds["ovh"], added=(stranger,))])
    rig.tick(3)
    assert rig.node().state is NodeState.READY


def test_what_nobody_intended_is_ended_by_the_real_decision_too_whatever_its_pool_and_model():
    rig = Rig(wanted=0, decider=decide)
    stray = rig.cloud.add_foreign(pool="gcp/unheard-of", fleet=FLEET, node_id="blue-lost")
    for _ in range(32):
        rig.tick()
        rig.demand(0.0)
    assert stray.ended_s == 930


def test_an_end_is_written_down_with_the_time_it_was_answered_not_with_the_ticks():
    rig = Rig()
    rig.tick(4)
    rig.controller = rig.started(clock=lambda: rig.timeline.now + timedelta(seconds=7))
    rig.keeper.wanted = 0
    rig.tick()
    (ended,) = [one for one in rig.journal.entries(at(0)) if isinstance(one, Outcome) and one.key.count("/terminate/")]
    assert ended.at == rig.timeline.now + timedelta(seconds=7)


def test_a_clock_that_was_set_back_in_a_tick_ends_nothing_before_the_tick():
    rig = Rig()
    rig.tick(4)
    rig.controller = rig.started(clock=lambda: rig.timeline.now - timedelta(hours=1))
    rig.keeper.wanted = 0
    rig.tick()
    (ended,) = [one for one in rig.journal.entries(at(0)) if isinstance(one, Outcome) and one.key.count("/terminate/")]
    assert ended.at == rig.timeline.now
