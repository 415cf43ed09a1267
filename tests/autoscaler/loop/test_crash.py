"""The loop killed between any two of its steps, and started again: nothing is lost, nothing is bought twice."""

import pytest

from autoscaler.decide.sight import look
from autoscaler.fleet import Launch, NodeState
from autoscaler.journal import Intent, IntentKind, LostLeadership, MemoryJournal
from autoscaler.loop import KeptModel
from autoscaler.providers.provider import CapacityUnavailable, Temporary
from autoscaler.serving.serving import NodeReading
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import FLEET, Rig, Veiled, a_pool, at, some_rates

POLICY = ScalingPolicy(launch_timeout_s=600, orphan_after_s=900)


def a_day_of(rig: Rig) -> None:
    """Two nodes up, one down, two more up with one call broken off and one refused, and all down; 60 s a tick."""
    rig.keeper.wanted = 2
    rig.tick(4)
    rig.keeper.wanted = 1
    rig.tick(2)
    rig.clouds["aws"].fail_next("launch", Temporary("timed out"), after=True)
    rig.clouds["aws"].fail_next("launch", CapacityUnavailable("sold out"))
    rig.keeper.wanted = 3
    rig.tick(4)
    rig.keeper.wanted = 0
    rig.tick(8)


def a_rig() -> Rig:
    return Rig(a_pool("aws/m"), a_pool("ovh/m"), wanted=0, policy=POLICY, tick_s=60.0)


def steps_of_a_day() -> int:
    rig = a_rig()
    a_day_of(rig)
    return rig.fuse.steps


STEPS = steps_of_a_day()


def test_the_day_has_steps_of_every_kind():
    assert STEPS > 60


@pytest.mark.parametrize("step", range(STEPS))
def test_a_crash_at_any_step_leaves_no_orphan_and_buys_nothing_twice(step):
    rig = a_rig()
    rig.fuse.crash_at = step
    a_day_of(rig)
    assert rig.fuse.steps > step
    assert rig.held() == []
    assert rig.controller.nodes == ()
    made = [one.key for cloud in rig.clouds.values() for one in cloud.truth]
    assert len(made) == len(set(made))
    # The decider sees the nodes of before the crash, so it launches what is missing, not all of it again.
    assert len(made) == 4
    entries = rig.journal.entries(at(0))
    assert not any(isinstance(entry, Intent) and entry.kind is IntentKind.ADOPT for entry in entries)


@pytest.mark.parametrize("step", range(0, STEPS, 3))
def test_a_crash_at_any_step_and_another_soon_after_leave_no_orphan(step):
    rig = a_rig()
    rig.fuse.crash_at = step
    rig.keeper.wanted = 2
    for _ in range(18):
        rig.tick()
        if rig.fuse.crash_at is not None and rig.fuse.steps > rig.fuse.crash_at:
            rig.fuse.crash_at = rig.fuse.steps + 2
        if len(rig.reports) == 9:
            rig.keeper.wanted = 0
    rig.fuse.crash_at = None
    rig.tick(4)
    assert rig.held() == []


def test_what_was_spent_is_remembered_by_the_one_that_comes_after():
    rig = a_rig()
    a_day_of(rig)
    spent = rig.tick().seen.spent_month_usd
    assert spent > 0
    rig.restart()
    assert rig.tick().seen.spent_month_usd == spent


@pytest.mark.parametrize("ticks", range(1, 18))
def test_a_loop_made_anew_at_any_tick_sees_and_does_what_the_former_would(ticks):
    steady, restarted = a_rig(), a_rig()
    restarted.restart_after = ticks
    a_day_of(steady)
    a_day_of(restarted)
    for one, other in zip(steady.reports, restarted.reports, strict=True):
        assert one.acted == other.acted
        assert one.seen.pools == other.seen.pools
        assert one.seen.recently == other.seen.recently
        assert one.seen.spent_month_usd == other.seen.spent_month_usd
        timeless = [(node.id, node.state, node.machine_id, node.ordered_at, node.in_flight) for node in one.seen.nodes]
        assert timeless == [
            (node.id, node.state, node.machine_id, node.ordered_at, node.in_flight) for node in other.seen.nodes
        ]


def test_draining_is_known_after_a_restart():
    rig = Rig()
    rig.tick(4)
    rig.serving.readings[rig.node().id] = rig.serving.readings[rig.node().id].__class__(is_ready=True, in_flight=3)
    rig.keeper.wanted = 0
    rig.tick()
    assert rig.node().state is NodeState.DRAINING
    since = rig.node().since
    rig.restart()
    rig.tick()
    assert (rig.node().state, rig.node().since) == (NodeState.DRAINING, since)


def test_a_second_loop_of_a_higher_epoch_stops_the_first():
    rig = Rig(wanted=0)
    rig.tick()
    rig.started(epoch=1)
    rig.keeper.wanted = 1
    with pytest.raises(LostLeadership):
        rig.tick()
    assert rig.cloud.truth == []
    with pytest.raises(LostLeadership):
        rig.started(epoch=0)


def test_a_controller_that_was_deposed_does_not_even_write_down_what_it_sees():
    """Two that both bury a node would charge its lease twice, and the second would find no intent to settle."""
    rig = Rig()
    rig.tick(4)
    deposed = rig.controller
    rig.controller = rig.started(epoch=1)
    rig.tick()
    rig.cloud.terminate(rig.held()[0].id)
    rig.run_to(rig.timeline.now_s + 60)  # the list says it is gone, and who leads has not looked yet
    before = rig.journal.entries(at(0))
    with pytest.raises(LostLeadership):
        deposed.tick(rig.timeline.now)
    assert rig.journal.entries(at(0)) == before


def test_the_journal_does_not_grow_with_time():
    rig = Rig(tick_s=60.0, decider=None)
    rig.journal.kept_for = rig.journal.kept_for / 24

    def entries() -> int:
        return len(rig.journal.entries(at(0)))

    def hours(count: int) -> None:
        for hour in range(count * 6):
            rig.keeper.wanted = hour % 2
            rig.tick(10)

    hours(3)
    before = entries()
    hours(6)
    assert entries() <= before + 12
    assert len(rig.controller._memory._track_of) <= 4


def test_an_intent_is_written_once():
    journal = MemoryJournal()
    rig = Rig()
    rig.controller = rig.started(journal=journal)
    rig.tick()
    launch = journal.entries(at(0))[0]
    assert isinstance(launch, Intent)
    with pytest.raises(ValueError, match="written already"):
        journal.intend(launch)


def test_a_loop_that_was_deposed_stops_at_its_next_tick_even_with_nothing_to_intend():
    rig = Rig(wanted=0)
    rig.tick()
    rig.started(epoch=1)
    with pytest.raises(LostLeadership):
        rig.tick()


def test_an_adoption_carries_the_epoch_of_the_loop():
    rig = Rig(wanted=0)
    rig.controller = rig.started(epoch=3)
    rig.cloud.add_foreign(pool="aws/m", fleet=FLEET, node_id="blue-lost")
    rig.tick()
    adoption = rig.journal.entries(at(0))[0]
    assert isinstance(adoption, Intent)
    assert (adoption.kind, adoption.epoch) == (IntentKind.ADOPT, 3)


@pytest.mark.parametrize("step", range(8))
def test_a_twin_adopted_across_a_crash_is_adopted_once(step):
    rig = Rig(wanted=2)
    rig.tick(4)
    twin = rig.cloud.add_foreign(pool="aws/m", fleet=FLEET, node_id=rig.cloud.truth[0].node_id)
    rig.keeper.wanted = 3
    rig.fuse.steps, rig.fuse.crash_at = 0, step
    rig.tick(2)
    assert len(rig.controller.nodes) == 3
    rig.tick(40)
    assert twin not in rig.held()
    assert len(rig.held()) == 3


def test_two_loops_in_one_second_and_a_clock_that_falls_back_never_use_a_key_twice():
    rig = Rig(a_pool("aws/m"), decider=lambda *_: (Launch(pool="aws/m", model="chat", reason="more"),))
    for moment in (at(100.0), at(100.4), at(100.9), at(50.0), at(101.0)):
        rig.controller.tick(moment)
        rig.restart()
    keys = [one.key for one in rig.cloud.truth]
    assert len(set(keys)) == 5


def test_a_provider_not_configured_any_more_is_said_and_its_nodes_are_not_forgotten():
    rig = Rig(a_pool("aws/m"), a_pool("ovh/m"))
    rig.tick(4)
    rig.controller = rig.started(providers=[rig.clouds["ovh"]])
    report = rig.tick(30)
    assert "aws" in report.seen.unreachable
    assert report.problems == ("aws: not configured any more, and nodes of it are left",)
    assert rig.node().state is NodeState.READY


def test_base_nodes_count_after_a_restart_into_an_outage_of_their_provider():
    rig = Rig(a_pool("aws/m"), a_pool("hetzner/m"), wanted=0)
    rig.clouds["hetzner"].add_base(node_id="base-1", offer="hetzner/ax", model="chat")
    rig.tick(2)
    rig.restart()
    rig.clouds["hetzner"].fail_next("machines", Temporary("503"), times=99)
    report = rig.tick()
    (base,) = report.seen.nodes
    assert (base.id, base.is_base, base.state) == ("base-1", True, NodeState.READY)
    assert report.seen.unreachable == {"hetzner"}


def test_after_a_restart_into_silence_a_base_node_is_worth_what_its_own_model_makes_of_it():
    rig = Rig(wanted=0)
    rig.models["code"] = KeptModel(
        rates={"aws/m": some_rates(300.0), "hetzner/ax": some_rates(150.0)}, reference="aws/m"
    )
    rig.cloud.add_base(node_id="base-1", offer="hetzner/ax", model="chat")
    rig.tick(2)
    rig.serving.is_down = True
    rig.restart()
    sight = look(rig.tick().seen, rig.policy)["chat"]
    # 1/1000 + 1/100 on the reference and 1/1000 + 1/150 on it, of input and output alike; for code it is worth half
    assert sight.base_work + sight.coming_work == pytest.approx(0.011 / (0.001 + 1 / 150))


def test_a_base_node_that_a_complete_list_does_not_have_is_gone_for_the_next_loop_too():
    rig = Rig(wanted=0)
    rig.cloud.add_base(node_id="base-1", offer="hetzner/ax", model="chat")
    veiled = Veiled(rig.cloud)
    rig.controller = rig.started(providers=[veiled])
    rig.tick(12)
    veiled.hidden.add(rig.cloud.truth[0].id)
    rig.tick()
    assert rig.controller.nodes == ()
    rig.controller = rig.started(providers=[veiled])
    rig.tick()
    assert rig.controller.nodes == ()
    assert rig.journal.charged_usd(at(0)) == 0


def test_a_base_server_put_in_anothers_place_is_a_node_of_its_own_until_the_former_is_gone():
    rig = Rig(wanted=0)
    former = rig.cloud.add_base(node_id="base-1", offer="hetzner/ax", model="chat")
    veiled = Veiled(rig.cloud)
    rig.controller = rig.started(providers=[veiled])
    rig.tick(12)
    rig.cloud.add_base(node_id="base-1", offer="hetzner/ax", model="chat")
    rig.tick()
    assert len(rig.controller.nodes) == 2
    veiled.hidden.add(former.id)
    rig.tick()
    assert [node.machine_id for node in rig.controller.nodes] == ["aws-000002"]


def test_a_node_known_to_be_broken_for_a_while_is_so_for_the_next_loop_too():
    rig = Rig(tick_s=60.0)
    rig.tick(3)
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=False)
    for _ in range(3):
        rig.restart()
        rig.tick()
    assert not rig.cloud.truth[0].is_held


def test_a_node_that_recovers_in_time_is_not_broken():
    rig = Rig(tick_s=60.0)
    rig.tick(3)
    for is_ready in (False, False, True, False, False, True):
        rig.serving.readings[rig.node().id] = NodeReading(is_ready=is_ready)
        rig.tick()
    assert rig.node().state is NodeState.READY
    assert len(rig.cloud.truth) == 1
