"""The fan of a history: seasonal-naive repeats local hours, its bands come from its own past errors."""

from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.demand.methods import fan_of
from planner.demand.methods.method import demand_of
from planner.demand.methods.seasonal_naive import WEEKLY

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
UTC_TIME = partial(local_time, zone="UTC")


def a_history(values: np.ndarray, start: datetime = MONDAY) -> History:
    """One model that writes what is given and reads four times as much."""
    return History(start=start, models=("chat",), input_tok_s=4 * values[None], output_tok_s=values[None])


def a_season(days: int, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """1,000 tok/s, 500 more at noon, half of it on weekends, with noise by the share."""
    hour = np.arange(days * 24)
    season = (1000 - 500 * np.cos(2 * np.pi * hour / 24)) * np.where(hour // 24 % 7 < 5, 1.0, 0.5)
    return season * np.exp(np.random.default_rng(seed).normal(0, noise, days * 24))


def test_seasonal_naive_repeats_the_last_week_where_weeks_differ():
    values = a_season(28)
    found = fan_of(a_history(values), UTC_TIME, hours=168, quantiles=(0.5,), method="seasonal-naive")
    assert found.method == "seasonal-naive-week"
    assert found.fan.output_tok_s[0, 0] == pytest.approx(values[:168])
    assert found.fan.input_tok_s[0, 0] == pytest.approx(4 * values[:168])


def test_a_gap_is_filled_by_the_same_hour_of_an_earlier_week_never_by_zero():
    values = a_season(28)
    values[-168:-100] = np.nan
    found = fan_of(a_history(values), UTC_TIME, hours=168, quantiles=(0.5,), method="seasonal-naive-week")
    assert found.fan.output_tok_s[0, 0] == pytest.approx(a_season(7))


def test_a_weekday_that_was_never_seen_is_forecast_by_the_day_before():
    values = a_season(5)
    found = WEEKLY.predict(demand_of(a_history(values)), local_time(MONDAY, 6 * 24))
    assert found[1, 0] == pytest.approx(values[-24:])


def test_bands_rise_and_cover_what_their_level_says():
    values = a_season(70, noise=0.1)
    found = fan_of(a_history(values[: 63 * 24]), UTC_TIME, hours=168, quantiles=(0.05, 0.5, 0.95))
    low, _, high = found.fan.output_tok_s[:, 0]
    inside = (low <= values[63 * 24 :]) & (values[63 * 24 :] <= high)
    assert 0.83 <= inside.mean() <= 0.97
    assert (np.diff(found.fan.output_tok_s, axis=0) >= 0).all()


def test_paths_have_the_distribution_of_the_bands_and_keep_models_together():
    values = a_season(56, noise=0.1)
    found = fan_of(a_history(values), UTC_TIME, hours=168, quantiles=(0.1, 0.5, 0.9), paths=200).fan
    assert found.paths is not None
    drawn = np.quantile(found.paths.output_tok_s[:, 0], (0.1, 0.5, 0.9), axis=0)
    assert drawn == pytest.approx(found.output_tok_s[:, 0], rel=0.03)
    ratio = found.paths.input_tok_s / found.paths.output_tok_s
    assert ratio == pytest.approx(np.full_like(ratio, 4), rel=0.1)


def test_the_same_seed_draws_the_same_paths():
    draw = partial(fan_of, a_history(a_season(28, noise=0.1)), UTC_TIME, hours=48, quantiles=(0.5,), paths=5)
    one, again, other = (draw(seed=seed).fan.paths for seed in (1, 1, 2))
    assert one is not None
    assert again is not None
    assert other is not None
    assert (one.output_tok_s == again.output_tok_s).all()
    assert (one.output_tok_s != other.output_tok_s).any()


def test_a_first_saturday_is_named():
    working = a_season(5, noise=0.1)
    seen = fan_of(
        a_history(a_season(7, noise=0.1)[48:], MONDAY.replace(day=9)), UTC_TIME, hours=24, quantiles=(0.1, 0.9)
    )
    found = fan_of(a_history(working), UTC_TIME, hours=24, quantiles=(0.1, 0.9))
    assert any("Saturday" in remark for remark in found.remarks)
    assert not any("Saturday" in remark for remark in seen.remarks)


def test_under_two_weeks_is_said():
    assert any(
        "two weeks" in one for one in fan_of(a_history(a_season(13)), UTC_TIME, hours=24, quantiles=(0.5,)).remarks
    )
    assert fan_of(a_history(a_season(14)), UTC_TIME, hours=24, quantiles=(0.5,)).remarks == ()


def test_an_unknown_method_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown method 'oracle'; expected auto, "):
        fan_of(a_history(a_season(14)), UTC_TIME, hours=24, quantiles=(0.5,), method="oracle")


@pytest.mark.parametrize("hours", [1, 30, 60])
def test_a_history_of_hours_has_a_wide_fan(hours: int):
    found = fan_of(a_history(a_season(3)[:hours]), UTC_TIME, hours=24, quantiles=(0.05, 0.95), paths=10)
    low, high = found.fan.output_tok_s[:, 0]
    assert (high - low > 0.25 * np.median(a_season(3)[:hours])).all()
