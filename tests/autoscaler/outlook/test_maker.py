"""The outlook of a demand: what is to come one lead time ahead, and the capacity worth having for it."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.outlook import BY_STARTED_HOUR, Outlook, OutlookMaker

LEAD_S = 420.0


def a_maker(**changed) -> OutlookMaker:
    return OutlookMaker(**{"lead_time_s": LEAD_S, "max_unserved_ratio": 0.001, **changed})


def shown(work: Iterable[float], *, step_s: float = 60.0, maker: OutlookMaker | None = None) -> list[Outlook]:
    """The outlook after each measurement."""
    maker = maker or a_maker()
    seen = []
    for index, nodes in enumerate(work):
        maker.observe(index * step_s, nodes)
        outlook = maker.outlook()
        assert outlook is not None
        seen.append(outlook)
    return seen


def flat(nodes: float, *, noise: float, ticks: int, seed: int = 0) -> list[float]:
    rng = Random(seed)
    return [max(0.0, nodes * (1 + rng.gauss(0, noise))) for _ in range(ticks)]


def test_before_the_first_measurement_there_is_no_outlook():
    assert a_maker().outlook() is None


def test_horizons_are_the_next_observation_and_the_lead_time():
    assert shown([10.0] * 200, step_s=30.0)[-1].horizons_s == pytest.approx((30.0, LEAD_S), rel=0.01)


def test_a_ramp_is_seen_one_lead_time_ahead():
    ramp = [20.0] * 60 + [20.0 + 0.5 * minute for minute in range(1, 16)]
    assert shown(ramp)[-1].expected_work[-1] == pytest.approx(ramp[-1] + 0.5 * 7 / 2, abs=0.5 * 7 / 2 + 0.5)
    assert shown(ramp)[-1].expected_work[-1] > ramp[-1] + 1
    assert shown(ramp)[-1].wanted_work[-1] >= ramp[-1] + 0.5 * 7


def test_what_is_wanted_of_a_flat_demand_is_seldom_exceeded_and_not_far_above_it():
    work = flat(20.0, noise=0.03, ticks=3000)
    looks = shown(work)
    ahead = [(look.wanted_work[-1], work[index + 7]) for index, look in enumerate(looks[:-7]) if index > 600]
    assert sum(asked > wanted for wanted, asked in ahead) / len(ahead) < 0.02
    assert 20.6 < sum(wanted for wanted, _ in ahead) / len(ahead) < 23.5


def test_noise_is_learnt():
    calm = shown(flat(20.0, noise=0.005, ticks=1500))[-1]
    wild = shown(flat(20.0, noise=0.1, ticks=1500))[-1]
    assert wild.wanted_work[0] - 20 > 3 * (calm.wanted_work[0] - 20)


@pytest.mark.parametrize("seed", range(5))
def test_the_noise_of_a_few_requests_is_learnt_in_minutes_and_not_taken_for_growth(seed):
    few_requests = flat(7.5, noise=0.5, ticks=90, seed=seed)
    looks = shown(few_requests, step_s=30.0, maker=a_maker(lead_time_s=180.0))[30:]
    assert sum(look.wanted_work[-1] for look in looks) / len(looks) < 7.5 * (1 + 3 * 0.5)


def test_a_gap_in_measurement_is_not_zero_but_less_certain():
    maker = a_maker()
    before = shown(flat(20.0, noise=0.03, ticks=600), maker=maker)[-1]
    maker.observe(600 * 60.0 + 1800, 20.0)
    after = maker.outlook()
    assert after is not None
    assert after.expected_work[-1] == pytest.approx(before.expected_work[-1], rel=0.1)
    assert after.wanted_work[-1] > 20


@pytest.mark.parametrize(("first", "then"), [(0.0, 20.0), (20.0, 0.0), (5.0, 80.0)], ids=["woken", "idle", "grown"])
def test_a_new_level_settles_within_an_hour(first, then):
    looks = shown([first] * 120 + [then] * 240)
    assert looks[120 + 60].expected_work[-1] == pytest.approx(then, abs=0.05 * max(first, then) + 0.1)
    assert looks[-1].wanted_work[-1] == pytest.approx(then, abs=0.2 * max(first, then))


def test_what_was_wanted_is_kept_for_the_hold_and_not_longer():
    looks = shown([20.0] * 300 + [10.0] * 200)
    assert all(look.keep_work >= before.wanted_work[-1] for before, look in pairwise(looks))
    assert looks[-1].keep_work < 13


def test_after_zero_after_nothing_is_wanted_or_kept_until_something_is_asked_for():
    looks = shown([5.0] * 60 + [0.0] * 20 + [0.1], maker=a_maker(zero_after_s=300.0))
    kept = [look.keep_work for look in looks[60:80]]
    assert all(work > 0 for work in kept[:5])  # zero for less than five minutes
    assert kept[5:] == [0.0] * 15
    assert looks[70].wanted_work == (0.0, 0.0)
    assert looks[80].wanted_work[0] > 0.05


def test_a_time_without_measurement_is_no_idle_time():
    maker = a_maker(zero_after_s=300.0)
    shown([5.0] * 60 + [0.0], maker=maker)
    maker.observe(60 * 60.0 + 600, 0.0)
    outlook = maker.outlook()
    assert outlook is not None
    assert outlook.keep_work > 0


def test_what_is_held_longer_than_an_idle_time_is_held():
    looks = shown([5.0] * 60 + [0.0] * 20, maker=a_maker(zero_after_s=60.0, hold_s=600.0))
    assert all(look.keep_work > 0 for look in looks[60:70])
    assert looks[-1].keep_work == 0


def test_by_started_hours_a_rise_is_followed_later_and_a_fall_is_covered_more():
    def looks(work: list[float], chance_per_rise: float) -> Outlook:
        return shown(work, maker=a_maker(margin=replace(BY_STARTED_HOUR, chance_per_rise=chance_per_rise)))[-1]

    wild = flat(20.0, noise=0.03, ticks=300)
    rising = wild + [20.0 + 0.3 * minute for minute in range(30)]
    falling = wild + [20.0 - 0.3 * minute for minute in range(30)]
    assert looks(rising, 0.9).wanted_work[-1] < looks(rising, 0.0).wanted_work[-1]
    assert looks(falling, 0.9).wanted_work[-1] > looks(falling, 0.0).wanted_work[-1]
    assert looks(rising, 0.9).keep_work == looks(rising, 0.0).keep_work


def test_a_stricter_promise_wants_more():
    work = flat(20.0, noise=0.03, ticks=400)
    strict, loose = (shown(work, maker=a_maker(max_unserved_ratio=ratio))[-1] for ratio in (0.0001, 0.005))
    assert strict.wanted_work[-1] > loose.wanted_work[-1]


def test_what_goes_unserved_widens_the_margin_and_what_is_all_served_narrows_it():
    def wanted(unserved_ratio: float | None) -> float:
        maker = a_maker()
        for index, work in enumerate(flat(20.0, noise=0.03, ticks=2000)):
            maker.observe(index * 60.0, work, unserved_ratio)
        outlook = maker.outlook()
        assert outlook is not None
        return outlook.wanted_work[-1]

    assert wanted(0.0) < wanted(None) < wanted(0.01)
    assert wanted(0.001) == pytest.approx(wanted(None))  # as much as was allowed


def test_the_same_measurements_give_the_same_outlook():
    work = flat(20.0, noise=0.2, ticks=300)
    assert shown(work) == shown(work)


def a_day(open_at_min: int, *, low: float = 10.0, high: float = 20.0) -> list[float]:
    """By the minute: busy for eight hours."""
    return [high if open_at_min <= minute < open_at_min + 480 else low for minute in range(1440)]


def test_a_jump_at_the_same_time_every_day_is_seen_coming_on_the_third():
    jump = 9 * 60
    looks = shown([work * (1 + 0.01 * (minute % 3)) for minute, work in enumerate(a_day(jump) * 3)])
    first, third = looks[jump - 2], looks[2 * 1440 + jump - 2]
    assert first.wanted_work[-1] < 13
    assert third.expected_work[-1] > 17
    assert third.wanted_work[-1] > 18
    assert looks[2 * 1440 + jump - 60].wanted_work[-1] < 13


def test_jumps_at_another_time_each_day_are_not_expected_at_yesterdays():
    days = [work for jump in (9, 14, 6, 11) for work in a_day(jump * 60)]
    before_yesterdays = shown(days)[3 * 1440 + 6 * 60 - 2]
    assert before_yesterdays.expected_work[-1] < 11


@pytest.mark.parametrize("work", [-1.0, float("nan"), float("inf")])
def test_work_that_cannot_be_is_refused(work):
    with pytest.raises(ValueError, match="work_nodes"):
        a_maker().observe(0.0, work)


def test_time_that_stands_still_is_refused():
    maker = a_maker()
    maker.observe(60.0, 1.0)
    with pytest.raises(ValueError, match="rise in time"):
        maker.observe(60.0, 1.0)


@pytest.mark.parametrize("changed", [{"lead_time_s": 0.0}, {"max_unserved_ratio": 0.0}, {"max_unserved_ratio": 1.0}])
def test_promises_that_make_no_sense_are_refused(changed):
    with pytest.raises(ValueError, match="expected lead_time_s"):
        a_maker(**changed)


@given(
    work=st.lists(st.floats(0, 1e5), min_size=1, max_size=40),
    steps_s=st.lists(st.floats(1, 7200), min_size=40, max_size=40),
    lead_time_s=st.floats(10, 3600),
)
def test_any_demand_at_any_interval_gives_a_finite_outlook_that_covers_what_is_expected(work, steps_s, lead_time_s):
    maker, at_s = a_maker(lead_time_s=lead_time_s), 0.0
    for nodes, step_s in zip(work, steps_s, strict=False):
        at_s += step_s
        maker.observe(at_s, nodes)
        look = maker.outlook()
        assert look is not None
        assert look.made_at_s == at_s
        assert look.keep_work >= look.wanted_work[-1]


@given(factor=st.floats(0.2, 50), seed=st.integers(0, 1000))
def test_twice_the_demand_wants_twice_the_capacity(factor, seed):
    work = flat(20.0, noise=0.1, ticks=60, seed=seed)
    one = shown(work)[-1]
    other = shown([factor * nodes for nodes in work])[-1]
    assert other.expected_work[-1] == pytest.approx(factor * one.expected_work[-1], rel=1e-6)
    assert other.wanted_work[-1] == pytest.approx(factor * one.wanted_work[-1], rel=0.02)


def test_the_first_measurements_of_a_wild_service_are_no_slopes():
    """A few requests per tick: work jumps between 4 and 10. Nothing far above what was seen is wanted, ever."""
    maker = OutlookMaker(lead_time_s=200.0, max_unserved_ratio=0.001)
    wild = [
        1.0,
        6.2,
        6.0,
        4.2,
        8.0,
        9.7,
        9.8,
        9.0,
        7.2,
        7.6,
        7.2,
        6.1,
        8.1,
        7.0,
        6.5,
        7.9,
        7.4,
        7.8,
        8.9,
        6.0,
        4.5,
        10.0,
    ]

    wanted = []
    for number, work in enumerate(wild):
        maker.observe(30.0 * number, work)
        outlook = maker.outlook()
        assert outlook is not None
        wanted.append(max(outlook.wanted_work))

    assert max(wanted) < 2 * max(wild)
