"""The back-test sees no hour it forecasts, and its scores are those of the page they come from."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from planner.demand.backtest import backtest
from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.errors import InputError

START = datetime(2026, 9, 7, tzinfo=UTC)
UTC_TIME = partial(local_time, zone="UTC")


def a_history(days: int, seed: int = 0) -> History:
    hour = np.arange(days * 24)
    season = 1000 - 500 * np.cos(2 * np.pi * hour / 24)
    values = season * np.exp(np.random.default_rng(seed).normal(0, 0.1, days * 24))
    return History(start=START, models=("chat",), input_tok_s=4 * values[None], output_tok_s=values[None])


def test_a_changed_future_changes_no_forecast_made_before_it():
    history = a_history(28)
    factor = np.where(np.arange(history.hours) < history.hours - 48, 1.0, 10.0)
    changed = replace(history, input_tok_s=history.input_tok_s * factor, output_tok_s=history.output_tok_s * factor)
    before = backtest(history, UTC_TIME, horizon=48, origins=3)
    after = backtest(changed, UTC_TIME, horizon=48, origins=3)
    assert [run.origin for run in before.runs] == [run.origin for run in after.runs]
    for one, other in zip(before.runs, after.runs, strict=True):
        assert (one.bands == other.bands).all()
    assert after.runs[-1].actual == pytest.approx(10 * before.runs[-1].actual)


def test_seasonal_naive_is_as_good_as_itself():
    found = backtest(a_history(28), UTC_TIME, horizon=48, origins=3, method="seasonal-naive-day")
    assert found.mase_vs_seasonal_naive is not None
    assert found.mase_vs_seasonal_naive >= 1
    assert found.interval_score_vs_seasonal_naive is not None
    assert found.origins == len(found.runs) == 3
    assert found.coverage[0.5] < found.coverage[0.8] < found.coverage[0.95]
    assert found.runs[-1].actual.shape == (1, 48)


def test_a_backtest_of_input_holds_inputs_forecast_against_input():
    history = a_history(28)
    one, other = (
        backtest(history, UTC_TIME, horizon=48, origins=1, method="seasonal-naive-day", target=target).runs[0]
        for target in ("output", "input")
    )
    assert other.actual == pytest.approx(4 * one.actual)  # input is four times output
    assert other.bands == pytest.approx(4 * one.bands)
    assert other.mean == pytest.approx(4 * one.mean)
    assert other.peak == pytest.approx(4 * one.peak)


def test_a_history_too_short_for_the_horizon_is_refused():
    with pytest.raises(InputError, match="120 hours; a back-test of 96 hours ahead needs 168"):
        backtest(a_history(5), UTC_TIME, horizon=96)
