"""The choice of a method: by its errors from moments of the past, beside seasonal-naive's."""

from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from planner.demand.bands.held_out import HeldOut
from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.demand.methods import fan_of
from planner.demand.methods.choose import chosen_of, mean_error
from planner.demand.methods.robust import ROBUST
from planner.demand.methods.rolling import origins_of, rolling
from planner.demand.methods.seasonal_naive import DAILY

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
UTC_TIME = partial(local_time, zone="UTC")


def a_history(*output: np.ndarray) -> History:
    written = np.stack(output)
    names = tuple(f"model-{number}" for number in range(len(output)))
    return History(start=MONDAY, models=names, input_tok_s=4 * written, output_tok_s=written)


def test_a_week_that_repeats_to_the_token_is_forecast_by_repeating_it():
    week = np.random.default_rng(0).uniform(100, 1000, 168)
    found = fan_of(a_history(np.tile(week, 6)), UTC_TIME, hours=168, quantiles=(0.5,))
    assert found.method == "seasonal-naive-week"
    assert found.fan.output_tok_s[0, 0] == pytest.approx(week)
    assert found.errors[0].name == "seasonal-naive-week"


def test_a_noisy_week_is_forecast_by_the_core_and_the_errors_are_told_in_order():
    hour = np.arange(42 * 24)
    season = (1000 - 500 * np.cos(2 * np.pi * hour / 24)) * np.where(hour // 24 % 7 < 5, 1.0, 0.5)
    found = fan_of(
        a_history(season * np.exp(np.random.default_rng(0).normal(0, 0.2, len(hour)))),
        UTC_TIME,
        hours=168,
        quantiles=(0.5,),
    )
    assert found.method == "robust"
    assert [one.name for one in found.errors] == ["robust", "seasonal-naive-week", "seasonal-naive-day"]
    best, rival, _ = found.errors
    assert best.mase is not None
    assert best.mase < 0.9
    assert rival.mase == pytest.approx(1)
    assert best.coverage == pytest.approx(0.9, abs=0.08)


@pytest.mark.parametrize(("rivals_miss", "chosen"), [(9.5, "robust"), (8.5, "seasonal-naive-day")])
def test_the_core_gives_way_to_what_is_a_tenth_better_and_to_no_less(rivals_miss: float, chosen: str):
    def off_by(miss: float) -> HeldOut:
        return HeldOut(
            predicted=np.full((1, 2, 24), 100.0 + miss),
            actual=np.full((1, 2, 24), 100.0),
            hour_class=np.zeros((1, 24), dtype=np.int64),
            age_days=np.ones(1),
        )

    found, _ = chosen_of([(ROBUST, off_by(10.0)), (DAILY, off_by(rivals_miss))], "auto")
    assert found.name == chosen


def test_a_small_model_counts_as_much_as_a_large_one():
    # 10 tok/s missed by half and 1,000 by a tenth: 0.3; an hour that was not measured counts nowhere.
    held = HeldOut(
        predicted=np.array([[[15.0, 15.0], [1100.0, 900.0]]]),
        actual=np.array([[[10.0, np.nan], [1000.0, 1000.0]]]),
        hour_class=np.zeros((1, 2), dtype=np.int64),
        age_days=np.ones(1),
    )
    assert mean_error(held) == pytest.approx((0.5 + 0.1) / 2)


def test_without_a_past_to_judge_by_the_core_is_used_and_no_error_is_told():
    found = fan_of(a_history(np.full(30, 100.0)), UTC_TIME, hours=24, quantiles=(0.5,))
    assert found.method == "robust"
    assert {one.mase for one in found.errors} == {None}
    assert {one.coverage for one in found.errors} == {None}


def test_a_model_that_was_never_measured_is_asked_for_nothing_and_others_are_as_without_it():
    season = 1000 - 500 * np.cos(2 * np.pi * np.arange(21 * 24) / 24)
    alone = fan_of(a_history(season), UTC_TIME, hours=48, quantiles=(0.5,), method="robust").fan
    found = fan_of(
        a_history(season, np.full(len(season), np.nan)), UTC_TIME, hours=48, quantiles=(0.5,), method="robust"
    ).fan
    assert (found.output_tok_s[0, 1] == 0).all()
    assert found.output_tok_s[0, 0] == pytest.approx(alone.output_tok_s[0, 0])


def test_origins_are_whole_days_before_the_end_and_see_nothing_after_themselves():
    assert origins_of(240, 48, 28) == tuple(range(48, 240, 24))
    assert origins_of(60, 48, 28) == ()
    assert len(origins_of(8760, 744, 28)) == 28
    # Of a year, half of it, 181 days; of three, the last: its seasons have all been, and they grow old.
    assert [(8760 - origins_of(8760, 744, 28)[0]) / 24, (26280 - origins_of(26280, 744, 28)[0]) / 24] == [181, 364]
    past = np.arange(240.0)[None, None].repeat(2, axis=0)
    found = rolling(DAILY.predict, past, local_time(MONDAY, 288), 48, (216,))
    assert found.predicted[0, 0, :24].tolist() == list(range(192, 216))
    assert found.actual[0, 0, :24].tolist() == list(range(216, 240))
    assert found.age_days.tolist() == [1]
    assert np.isnan(found.actual[0, 0, 24:]).all()
