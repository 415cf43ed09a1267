"""The rivals that follow a table: static-peak, static-plan, schedule."""

from datetime import timedelta

import numpy as np
import pytest

from autoscaler.fleet import FleetPlan, PlannedHour
from autoscaler.replay.rivals.schedule import hourly, scheduled_work
from planner.errors import InputError
from tests.autoscaler.replay.rivals.bench import POOL, START, a_world, bench

HOUR = timedelta(hours=1)


def test_static_peak_is_the_peak_beyond_base_from_the_first_tick_on():
    fleet = bench("static-peak", a_world([1.0, 5.5, 2.0], base=2)).with_nodes(2, is_base=True)
    assert fleet.counts([1.0, 0.0, 5.5]) == [4, 4, 4]


def test_static_peak_of_a_trace_that_base_serves_is_none():
    assert bench("static-peak", a_world([1.0, 2.0], base=2)).counts([1.0]) == [0]


def a_plan(*counts: int) -> FleetPlan:
    hours = {START + hour * HOUR: PlannedHour(work_nodes=1.0, burst={POOL: count}) for hour, count in enumerate(counts)}
    return FleetPlan(hours={"m": hours})


def test_static_plan_follows_the_plan_one_lead_time_ahead_whatever_is_asked_for():
    fleet = bench("static-plan", plan=a_plan(2, 5, 1))
    counts = fleet.counts([0.0, 9.0] * 60)
    assert counts[0] == 2
    assert counts[52] == 2
    assert counts[53] == 5  # minute 54, 360 s before the hour
    assert counts[118] == 5
    assert counts[119] == 1


def test_static_plan_beyond_the_plan_wants_nothing():
    assert bench("static-plan", plan=a_plan(2)).counts([1.0] * 60)[-1] == 0


def test_static_plan_without_a_plan_is_refused():
    with pytest.raises(InputError, match="needs a plan"):
        bench("static-plan")


def test_schedule_keeps_the_hours_own_mean_in_the_first_week():
    fleet = bench("schedule", a_world([1.6, 3.2, 0.0]))
    counts = fleet.counts([1.0] * 130)
    assert (counts[0], counts[52], counts[53], counts[118], counts[119]) == (2, 2, 4, 4, 0)


def test_schedule_learns_from_the_weeks_before():
    weeks = np.concatenate([np.full(168, 1.0), np.full(168, 3.0), np.full(168, 8.0)])
    learnt = scheduled_work(weeks)
    assert (learnt[0], learnt[167], learnt[168], learnt[335], learnt[336]) == (1.0, 1.0, 1.0, 1.0, 2.0)


def test_an_hour_is_the_mean_of_its_steps_by_the_clock():
    world = a_world([1.0, 3.0, 5.0, 7.0], step_s=1800.0, start=START + timedelta(minutes=30))
    assert list(hourly(world, world.traffic.output_tok_s[0])) == [1.0, 4.0, 7.0]
