"""What a back-test does to each past before it forecasts from it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from planner.demand.backtest import backtest
from planner.demand.cleaning import cleaned
from planner.demand.history import History
from planner.demand.local_time import local_time

WHEN = partial(local_time, zone="UTC")


def a_history(days: int = 70) -> History:
    """Days of 10 tok/s by night and 20 by day with noise of 5 %; input is twice output."""
    day = np.where((np.arange(24) >= 8) & (np.arange(24) < 20), 20.0, 10.0)
    made = np.tile(day, days) * np.random.default_rng(3).lognormal(0, 0.05, 24 * days)
    start = datetime(2026, 8, 3, tzinfo=UTC)
    return History(start=start, models=("m",), input_tok_s=2 * made[None], output_tok_s=made[None])


def test_each_past_is_prepared_and_holds_no_hour_from_its_origin_on():
    history, seen = a_history(), set()

    def doubled(past: History) -> History:
        seen.add(past.hours)
        return replace(past, input_tok_s=past.input_tok_s * 2, output_tok_s=past.output_tok_s * 2)

    plain = backtest(history, WHEN, horizon=48, origins=3, method="seasonal-naive")
    found = backtest(history, WHEN, horizon=48, origins=3, method="seasonal-naive", prepare=doubled)

    origins = [(run.origin - history.start).total_seconds() / 3600 for run in found.runs]
    assert sorted(seen) == origins
    assert max(origins) == history.hours - 48
    for run, other in zip(found.runs, plain.runs, strict=True):
        np.testing.assert_allclose(run.mean, 2 * other.mean, rtol=0.02)
        np.testing.assert_array_equal(run.actual, other.actual)


def test_cleaning_each_past_mends_what_a_spike_does_to_the_forecast():
    history = a_history()
    spiky = a_history()
    for hour in range(200, 1600, 20):
        spiky.input_tok_s[0, hour] *= 30
        spiky.output_tok_s[0, hour] *= 30

    def clean(past: History) -> History:
        return cleaned(past, WHEN).history

    def width(of: History, prepare: Callable[[History], History]) -> float:
        found = backtest(of, WHEN, horizon=48, origins=1, method="seasonal-naive-day", prepare=prepare)
        (run,) = found.runs
        return float((run.bands[found.quantiles.index(0.95)] - run.bands[found.quantiles.index(0.05)]).mean())

    plain = width(history, lambda past: past)
    assert width(spiky, clean) == pytest.approx(plain, rel=0.1)
    assert width(spiky, lambda past: past) > 1.2 * plain
