"""The daemon's turns: leads or stands by, contains what goes wrong, and tells what it did."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autoscaler.daemon.daemon import Pace
from autoscaler.fleet import Controls, Launch
from autoscaler.serving.serving import ModelReading
from planner.errors import StoreError
from planner.report.plan_json import plan_text
from policies.scaling import ScalingPolicy
from tests.autoscaler.daemon.clocks import START
from tests.autoscaler.daemon.hanging import Hanging
from tests.autoscaler.daemon.plan.test_watch import write
from tests.autoscaler.daemon.rig import Rig, World, launchable
from tests.planner.report.plans import POOL

TWO_NODES_TOK_S = 75.0
"""1.5 nodes busy at 50 output tok/s each: two at a utilization of 0.75."""


def launched(rig: Rig) -> int:
    return sum(len(cloud.truth) for cloud in rig.world.clouds.values())


def test_a_rise_in_demand_is_ordered_within_the_tick_that_sees_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(TWO_NODES_TOK_S)
    report = rig.turn(0)
    assert report is not None
    assert [type(one.action) for one in report.acted[:2]] == [Launch, Launch]
    assert launched(rig) == 2
    assert rig.metric("launches_total", pool=POOL, result="done") == 2
    assert [line["pool"] for line in rig.logged("launch")] == [POOL, POOL]
    assert rig.logged("tick")[0]["actions"] == 2


def test_the_nodes_come_and_serve(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    for _ in range(2):
        rig.turn()
    (model,) = rig.status.models
    assert (model.ready, model.coming) == (2, 0)
    assert model.utilization == pytest.approx(0.75)
    assert rig.metric("nodes", state="ready", pool=POOL, model="m", role="burst") == 2
    assert rig.metric("utilization_ratio", model="m") == pytest.approx(0.75)


def test_one_that_does_not_lead_touches_nothing_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.seat.taken = True
    rig.world.demand(TWO_NODES_TOK_S)
    assert rig.turn() is None
    assert launched(rig) == 0
    assert rig.status.lead.role == "stands by"
    assert rig.status.problems == ()
    assert rig.board.is_ready
    assert rig.metric("leader") == 0
    assert rig.metric("orphans") is None  # what it does not see it does not tell
    rig.turn()
    assert len(rig.logged("stands by")) == 1  # once, and from the start
    assert rig.world.saved == []  # what is kept is the leader's word


def test_it_is_not_ready_where_nobody_knows_who_leads(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.seat.is_down = True
    assert rig.turn() is None
    assert rig.status.lead.role == "unknown"
    assert not rig.board.is_ready
    assert rig.metric("leadership_known") == 0
    assert "does not answer" in rig.logged("leadership")[0]["problem"]


def test_a_leader_that_loses_the_lease_stops_and_one_that_wins_it_goes_on_from_the_journal(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    rig.world.seat.taken = True
    assert rig.turn() is None
    rig.world.seat.taken, rig.world.seat.epoch = False, 3
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn()
    assert launched(rig) == 2
    assert rig.status.lead.epoch == 3
    assert len(rig.status.leases) == 2


def test_a_fenced_tick_acts_no_more(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.turn(0)
    rig.world.journal.lead(9)  # another daemon has led since
    rig.world.demand(TWO_NODES_TOK_S)
    assert rig.turn() is None
    assert launched(rig) == 0
    assert "epoch 9 leads" in rig.status.problems[0]
    assert rig.metric("ticks_total", result="failed") == 1


class Flaky:
    """A journal whose calls fail while it is broken."""

    def __init__(self, journal) -> None:
        self.journal = journal
        self.is_broken = False

    def __getattr__(self, name: str):
        if self.is_broken:
            raise StoreError("ledger.sqlite: the database is locked")
        return getattr(self.journal, name)


def test_a_locked_database_stops_every_act_and_nothing_else(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    flaky = rig.world.journal = Flaky(rig.world.journal)
    rig.turn(0)
    flaky.is_broken = True
    rig.world.demand(TWO_NODES_TOK_S)
    assert rig.turn() is None
    assert launched(rig) == 0
    assert rig.status.problems[0] == "tick: ledger.sqlite: the database is locked"
    flaky.is_broken = False
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn()
    assert launched(rig) == 2


def test_a_bug_in_a_tick_is_contained_and_named(tmp_path: Path) -> None:
    def broken(*_: object) -> tuple[()]:
        raise ZeroDivisionError("division by zero")

    rig = Rig(tmp_path, decider=broken)
    assert rig.turn(0) is None
    assert rig.status.problems == ("tick: ZeroDivisionError: division by zero",)
    assert rig.metric("ticks_total", result="failed") == 1


def test_a_provider_that_hangs_does_not_stop_the_others(tmp_path: Path) -> None:
    world = World()
    stuck = Hanging(name="aws")
    rig = Rig(tmp_path, world, providers=(world.clouds["ovh"], stuck))
    rig.daemon._acting._budget._call_timeout_s = 0.02  # of real time
    world.demand(TWO_NODES_TOK_S)
    report = rig.turn(0)
    assert report is not None
    assert "aws: no list: no answer to its list" in report.problems[0]
    assert len(world.clouds["ovh"].truth) == 2
    world.demand(TWO_NODES_TOK_S)
    again = rig.turn(180)
    assert again is not None
    assert "still waiting for its list, for 180 s" in again.problems[0]
    assert stuck.calls == ["list"]
    assert rig.metric("provider_reachable", provider="aws") == 0
    assert rig.metric("provider_reachable", provider="ovh") == 1
    assert rig.metric("contained_problems_total", about="aws") == 2
    stuck.gate.set()


def test_a_pause_works_at_the_next_tick_and_so_does_its_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.controls = Controls(is_paused=True)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    assert launched(rig) == 0
    assert rig.metric("paused", what="all") == 1
    rig.world.controls = Controls()
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn()
    assert launched(rig) == 2
    assert rig.metric("paused", what="all") == 0


def test_a_manual_floor_works_at_the_next_tick(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.controls = Controls(min_nodes={"m": 3})
    rig.world.demand(1.0)
    rig.turn(0)
    assert launched(rig) == 3


def test_wishes_that_cannot_be_read_stay_as_they_were(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.controls = Controls(is_paused=True)
    rig.turn(0)

    def gone() -> Controls:
        raise StoreError("the database is gone")

    object.__setattr__(rig.setup, "controls", gone)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn()
    assert launched(rig) == 0
    assert "controls: the database is gone" in rig.status.problems


def test_a_broken_plan_keeps_the_last_good_one_and_alarms(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.turn(0)
    assert rig.metric("plan_ok") == 1
    write(rig.plan_path, "{")
    rig.turn()
    assert rig.status.plan is not None
    assert "not readable as JSON" in rig.status.plan.problem
    assert rig.status.moves
    assert rig.metric("plan_ok") == 0
    assert len(rig.logged("plan")) == 2  # taken in, then refused
    rig.turn()
    assert len(rig.logged("plan")) == 2  # said once


def test_another_plan_is_in_force_at_the_next_tick(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    plan = launchable()
    offers = {**plan.offers, POOL: replace(plan.offers[POOL], max_count=2)}
    write(rig.plan_path, plan_text(replace(plan, offers=offers)))
    rig.world.demand(4 * TWO_NODES_TOK_S)
    report = rig.turn()
    assert report is not None
    assert report.seen.pools[POOL].max_count == 2
    assert sum(node.pool == POOL for node in report.seen.nodes) == 2  # known from the journal


def quiet_after_a_jump(folder: Path, jump_s: float) -> Rig:
    """Two nodes that serve; in the last ten minutes of their paid hour hardly anything is asked for."""
    rig = Rig(folder, policy=ScalingPolicy(hold_s=0.0, cooldown_s=0.0, launch_timeout_s=600.0))
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    for _ in range(50):
        rig.turn()
    assert rig.status.models[0].ready == 2
    rig.world.clock.jump_s = jump_s
    for _ in range(9):
        rig.world.demand(1.0)
        rig.turn()
    return rig


def test_without_a_jump_the_same_quiet_ends_a_node(tmp_path: Path) -> None:
    assert quiet_after_a_jump(tmp_path, 0.0).world.held() == 1


@pytest.mark.parametrize(("jump_s", "direction"), [(-7200.0, "back"), (7200.0, "forward")], ids=["back", "forward"])
def test_a_clock_that_was_set_is_noticed_and_ends_nothing_for_a_while(
    tmp_path: Path, jump_s: float, direction: str
) -> None:
    rig = quiet_after_a_jump(tmp_path, jump_s)
    is_paused = []
    for _ in range(2):  # ten minutes of nine turns are over with the first of these
        report = rig.turn()
        assert report is not None
        is_paused.append(report.seen.controls.is_scale_in_paused)
    assert is_paused == [True, False]
    assert rig.metric("clock_jumps_total", direction=direction) == 1
    assert rig.logged("clock")[0]["jumped_s"] == jump_s
    assert rig.world.held() == 2
    assert len({one.node_id for cloud in rig.world.clouds.values() for one in cloud.truth}) == launched(rig)


def test_a_clock_set_back_makes_no_old_reading_fresh(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(1.0)
    rig.turn(0)
    rig.world.clock.jump_s = -3600.0  # the reading is now of an hour to come, and there is no other
    rig.world.demand(None)
    report = rig.turn()
    assert report is not None
    assert report.seen.demand["m"] is None
    assert rig.status.models[0].blind == "demand was never measured"


def test_ids_of_nodes_never_repeat_though_the_clock_does(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    rig.world.clock.jump_s = -60.0
    rig.world.demand(4 * TWO_NODES_TOK_S)
    rig.turn(60)  # the same second of the wall's clock as before
    ids = [one.node_id for cloud in rig.world.clouds.values() for one in cloud.truth]
    assert len(ids) > 2
    assert len(set(ids)) == len(ids)


def test_pace_keeps_its_step_and_leaves_missed_ticks_out() -> None:
    pace = Pace(interval_s=60.0, due_s=0.0)
    assert (pace.step(54.0), pace.due_s) == (0, 60.0)
    assert (pace.step(61.0), pace.due_s) == (0, 120.0)
    assert (pace.step(310.0), pace.due_s) == (3, 360.0)


def test_a_run_ticks_every_interval_renews_between_and_gives_the_lease_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    clock = rig.world.clock
    clock.slept_until = []
    turns: list[float] = []
    turn = rig.daemon.turn

    def counted():
        turns.append(clock.seconds)
        rig.world.live()
        if len(turns) == 3:
            rig.daemon.stop()
        return turn()

    rig.daemon.turn = counted  # type: ignore[method-assign]
    rig.daemon.run()
    assert turns == [0.0, 60.0, 120.0]
    assert clock.slept_until == [20.0, 40.0, 60.0, 80.0, 100.0, 120.0]
    assert rig.world.seat.resigned == 1
    assert rig.logged("ended")


def test_one_that_stands_by_ticks_as_soon_as_it_leads(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    clock, seat = rig.world.clock, rig.world.seat
    seat.taken = True
    turns: list[float] = []
    turn = rig.daemon.turn

    def counted():
        turns.append(clock.seconds)
        turn()
        seat.taken = False  # whoever led resigns right after
        if len(turns) == 2:
            rig.daemon.stop()

    rig.daemon.turn = counted  # type: ignore[method-assign]
    rig.daemon.run()
    assert turns == [0.0, 20.0]
    assert rig.status.lead.role == "leads"


def test_decisions_are_remembered_newest_first(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.demand(TWO_NODES_TOK_S)
    rig.turn(0)
    rig.world.demand(4 * TWO_NODES_TOK_S)
    rig.turn()
    times = [one.at for one in rig.status.decisions]
    assert times == sorted(times, reverse=True)
    assert times[-1] == START
    assert times[0] == START + timedelta(seconds=60)
    named = [one.node_id or "" for one in rig.status.decisions if one.action == "launch"]
    assert len(named) > 2
    assert named == sorted(named, reverse=True)  # within a tick too: ids are numbered
    assert rig.world.saved[-1] is rig.status


def test_a_bug_in_what_it_tells_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    rig = Rig(tmp_path)
    monkeypatch.setattr("autoscaler.daemon.daemon.with_fleet", broken)
    rig.world.demand(TWO_NODES_TOK_S)
    assert rig.turn(0) is not None
    assert launched(rig) == 2
    assert rig.logged("status")[0]["problem"] == "ZeroDivisionError: division by zero"
    assert rig.board.is_turning(rig.world.clock.seconds)


def test_what_a_leader_measured_is_added_up_and_a_failure_of_that_ends_no_tick(tmp_path: Path) -> None:
    taken: list[float] = []

    def measured(readings: Mapping[str, ModelReading], now: datetime) -> tuple[str, ...]:
        taken.append(readings["m"].output_tok_s)
        if len(taken) > 1:
            raise StoreError("the disk is full")
        return ("an hour was imported already",)

    rig = Rig(tmp_path, measured=measured)
    rig.world.demand(TWO_NODES_TOK_S)
    assert rig.turn(0) is not None
    assert rig.turn() is not None
    rig.world.seat.taken = True
    assert rig.turn() is None
    assert taken == [TWO_NODES_TOK_S] * 2
    assert [line["problem"] for line in rig.logged("served")] == ["an hour was imported already", "the disk is full"]
