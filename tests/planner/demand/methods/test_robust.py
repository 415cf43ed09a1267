"""The core method: what it keeps of a history, and what it does not let move it."""

from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.demand.methods import fan_of
from planner.demand.methods.method import demand_of
from planner.demand.methods.robust import ROBUST
from planner.demand.methods.robust.day_grid import day_grid
from planner.demand.methods.robust.repeated import leaning_on_weeks

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
UTC_TIME = partial(local_time, zone="UTC")
QUANTILES = (0.05, 0.5, 0.95)


def a_history(*output: np.ndarray, ratio: float = 4.0, start: datetime = MONDAY) -> History:
    """A model for each series of output; input is `ratio` times that."""
    written = np.stack(output)
    names = tuple(f"model-{number}" for number in range(len(output)))
    return History(start=start, models=names, input_tok_s=ratio * written, output_tok_s=written)


def a_season(days: int, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """500 tok/s at night, 1,500 at noon, half of it on weekends, with noise by the share."""
    hour = np.arange(days * 24)
    season = (1000 - 500 * np.cos(2 * np.pi * hour / 24)) * np.where(hour // 24 % 7 < 5, 1.0, 0.5)
    return season * np.exp(np.random.default_rng(seed).normal(0, noise, len(hour)))


def predicted(history: History, hours: int = 168, **time) -> np.ndarray:
    return ROBUST.predict(demand_of(history), local_time(history.start, history.hours + hours, **time))


def test_a_week_is_forecast_closer_than_the_last_one_repeated():
    values, truth = a_season(56), a_season(7, noise=0)
    found = predicted(a_history(values))[1, 0]
    assert np.abs(found - truth).mean() < 0.5 * np.abs(values[-168:] - truth).mean()


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(1e-3, 1e4), days=st.integers(3, 30), seed=st.integers(0, 9))
def test_a_history_times_a_factor_is_a_forecast_times_it(factor: float, days: int, seed: int):
    values = a_season(days, noise=0.3, seed=seed)
    one, other = (
        fan_of(a_history(series), UTC_TIME, hours=30, quantiles=QUANTILES, paths=5)
        for series in (values, values * factor)
    )
    assert other.method == one.method
    assert other.fan.output_tok_s == pytest.approx(factor * one.fan.output_tok_s, rel=1e-6)
    assert one.fan.paths is not None
    assert other.fan.paths is not None
    assert other.fan.paths.input_tok_s == pytest.approx(factor * one.fan.paths.input_tok_s, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(level=st.floats(1e-2, 1e6), days=st.integers(14, 40))
def test_what_never_changes_is_forecast_as_it_is_within_a_narrow_band(level: float, days: int):
    found = fan_of(a_history(np.full(days * 24, level)), UTC_TIME, hours=72, quantiles=QUANTILES).fan
    low, middle, high = found.output_tok_s[:, 0]
    assert middle == pytest.approx(np.full(72, level), rel=1e-6)
    assert (high - low <= 0.02 * level).all()
    assert found.mean.input_tok_s[0, 0] == pytest.approx(np.full(72, 4 * level), rel=0.01)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(3)))
def test_models_in_another_order_have_the_same_forecasts_in_that_order(order: list[int]):
    series = [a_season(21, noise=0.1 * (1 + one), seed=one) * (1 + one) for one in range(3)]
    one = fan_of(a_history(*series), UTC_TIME, hours=48, quantiles=QUANTILES).fan
    other = fan_of(a_history(*(series[at] for at in order)), UTC_TIME, hours=48, quantiles=QUANTILES).fan
    assert other.output_tok_s == pytest.approx(one.output_tok_s[:, order], rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.05, 0.6), seed=st.integers(0, 99))
def test_hours_that_were_not_measured_do_not_become_hours_without_demand(share: float, seed: int):
    values = a_season(42)
    values[np.random.default_rng(seed).random(len(values)) < share] = np.nan
    found = predicted(a_history(values))
    assert not np.isnan(found).any()
    truth = a_season(7, noise=0)
    assert np.abs(found[1, 0] - truth).mean() < 0.1 * truth.mean()


def test_a_day_that_was_lost_to_the_collector_leaves_the_forecast_where_it_was():
    values, cut = a_season(42), a_season(42)
    cut[30 * 24 : 31 * 24] = np.nan
    assert predicted(a_history(cut)) == pytest.approx(predicted(a_history(values)), rel=0.1)


def test_one_wild_hour_hardly_moves_the_forecast():
    values, wild = a_season(42), a_season(42)
    wild[20 * 24 + 12] *= 50
    assert predicted(a_history(wild))[1, 0] == pytest.approx(predicted(a_history(values))[1, 0], rel=0.05)


def test_the_mix_of_directions_stays_within_what_the_history_has_shown():
    values = a_season(28)
    ratio = np.where(np.arange(28) < 26, 4.0, 8.0).repeat(24)  # the last two days read twice as much
    history = a_history(values)
    history.input_tok_s[:] = values * ratio
    found = predicted(history)
    assert (found[0] / found[1] >= 4 - 1e-9).all()
    assert (found[0] / found[1] <= 8 + 1e-9).all()


def test_a_model_that_only_writes_is_forecast_to_only_write():
    found = predicted(a_history(a_season(28), ratio=0.0))
    assert found[0] == pytest.approx(np.zeros_like(found[0]), abs=1e-9)
    assert found[1].mean() == pytest.approx(a_season(7, noise=0).mean(), rel=0.1)


def test_clocks_that_change_move_the_forecast_with_them():
    # Berlin's clocks went back on 25 October 2026: 9 o'clock is 7 UTC before it and 8 UTC after.
    start = datetime(2026, 9, 21, tzinfo=UTC)
    hours = 35 * 24
    berlin = local_time(start, hours, "Europe/Berlin")
    found = predicted(
        a_history(np.where(berlin.hour_of_day == 9, 1000.0, 100.0), start=start), 24, zone="Europe/Berlin"
    )
    assert int(found[1, 0].argmax()) == 8
    unaware = predicted(a_history(np.where(berlin.hour_of_day == 9, 1000.0, 100.0), start=start), 24)
    assert int(unaware[1, 0].argmax()) == 7


def test_the_hour_that_repeats_counts_once_and_the_one_that_is_skipped_is_a_gap():
    autumn = day_grid(np.arange(24.0)[None], local_time(datetime(2026, 10, 24, 22, tzinfo=UTC), 25, "Europe/Berlin"))
    assert autumn.values[0, 0, :4].tolist() == [0.0, 1.0, 2.5, 4.0]  # 02:00 twice: hours 2 and 3
    spring = day_grid(np.arange(23.0)[None], local_time(datetime(2026, 3, 28, 23, tzinfo=UTC), 24, "Europe/Berlin"))
    assert np.isnan(spring.values[0, 0, 2])
    assert spring.values[0, 0, 3] == 2.0


def test_a_holiday_is_forecast_as_holidays_were():
    fairs = {date(2026, 9, 23): "fair", date(2026, 10, 7): "fair", date(2026, 10, 21): "fair"}  # Wednesdays
    local = local_time(MONDAY, 46 * 24, events=fairs)
    values = a_season(42, noise=0.02) * np.where(local.has_event[: 42 * 24], 0.3, 1.0)
    days = ROBUST.predict(demand_of(a_history(values)), local)[1, 0].reshape(4, 24).sum(axis=1)
    assert days[2] < 0.55 * days[1]  # two fairs at 0.3 and a Sunday at 0.5 say less than half
    assert days[3] == pytest.approx(days[1], rel=0.1)
    unknown = ROBUST.predict(demand_of(a_history(values)), local_time(MONDAY, 46 * 24))[1, 0].reshape(4, 24).sum(axis=1)
    assert unknown[2] > 0.7 * unknown[1]


def test_events_of_another_name_say_less():
    # Fairs at 0.3 of a Wednesday, sales at 3 times. Alike they and a Sunday's half would make a fair 0.8 of one; with
    # sales at a weight of 0.3 it is exp((2 ln 0.3 + 0.6 ln 3 + ln 0.5) / 3.6) = 0.5.
    fairs = {date(2026, 9, 16): "fair", date(2026, 9, 30): "fair", date(2026, 10, 21): "fair"}
    events = fairs | {date(2026, 9, 23): "sale", date(2026, 10, 7): "sale"}
    local = local_time(MONDAY, 45 * 24, events=events)
    asked = np.array([{"": 1.0, "fair": 0.3, "sale": 3.0}[name] for name in local.event[: 42 * 24]])
    days = (
        ROBUST.predict(demand_of(a_history(a_season(42, noise=0.02) * asked)), local)[1, 0].reshape(3, 24).sum(axis=1)
    )
    assert 0.4 < days[2] / days[1] < 0.65


def test_the_last_hours_move_the_next_and_are_forgotten_in_days():
    values, high = a_season(42, noise=0.02), a_season(42, noise=0.02)
    high[-12:] *= 1.5
    ratio = predicted(a_history(high))[1, 0] / predicted(a_history(values))[1, 0]
    assert ratio[0] > 1.3
    assert ratio[96:].max() < 1.1


def leaning(weeks: list[float], hours: int = 168, events: dict[date, str] | None = None) -> np.ndarray:
    """What becomes of 0 after weeks of one value each."""
    values = np.repeat(weeks, 168)[None]
    local = local_time(MONDAY, values.shape[1] + hours, events=events or {})
    return leaning_on_weeks(day_grid(values, local), np.zeros((1, hours)))[0]


def test_a_forecast_leans_by_three_tenths_on_the_median_of_the_last_three_weeks():
    assert leaning([9, 9, 1, 6, 2]) == pytest.approx(np.full(168, 0.6))  # the median of 1, 6 and 2 is 2
    assert leaning([9, 1, 6, 2], hours=336) == pytest.approx(np.full(336, 0.6))  # weeks further ahead lean on the same
    assert leaning([1, 6, 2]).tolist() == [0] * 168  # under four weeks


def test_a_week_without_the_hour_is_replaced_by_the_one_before():
    fair = {date(2026, 10, 5): "fair"}  # Monday of the fifth week
    days = leaning([9, 3, 1, 6, 2], events=fair).reshape(7, 24)[:, 0]
    assert days == pytest.approx([0.9, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6])  # of 3, 1 and 6 it is 3
    assert leaning([9, 3, np.nan, np.nan, 2])[0] == pytest.approx(0.75)  # of 3 and 2
    assert leaning([9, np.nan, np.nan, np.nan, np.nan])[0] == 0


def test_last_year_tells_of_a_season_that_comes():
    day = np.arange(366 + 28)
    yearly = np.exp(0.5 * np.sin(2 * np.pi * day / 364))
    values = a_season(366 + 28, noise=0.02) * yearly.repeat(24)
    known, truth = values[: 366 * 24], a_season(366 + 28, noise=0)[366 * 24 :] * yearly[366:].repeat(24)
    start = datetime(2025, 9, 8, tzinfo=UTC)
    year = predicted(a_history(known, start=start), 672)[1, 0]
    weeks = predicted(a_history(known[-56 * 24 - 48 :], start=start.replace(year=2026)), 672)[1, 0]
    last = slice(504, 672)
    assert np.abs(year - truth)[last].mean() < 0.8 * np.abs(weeks[last] - truth[last]).mean()
