"""From history to forecast: which hours, which peaks, which scenarios."""

import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from planner.demand.backtest import Run
from planner.demand.backtest.run import Asked, one_by_one
from planner.demand.cleaning import Kind
from planner.demand.events import read_events
from planner.demand.forecasting import Wanted, forecasted
from planner.demand.history import History
from planner.tasks.digest import Digests

START = datetime(2026, 10, 5, tzinfo=UTC)
END = START + timedelta(days=28)


def a_history(noise: float = 0.1) -> History:
    """Four weeks of 10 tok/s by night and 20 by day, with noise; input is four times output."""
    day = np.where((np.arange(24) >= 8) & (np.arange(24) < 20), 20.0, 10.0)
    made = np.tile(day, 28) * np.random.default_rng(2).lognormal(0, noise, 672)
    return History(start=START, models=("m",), input_tok_s=4 * made[None], output_tok_s=made[None], source="past")


def wanted(**changes: object) -> Wanted:
    asked: dict = {"start": END, "end": END + timedelta(days=2), "quantiles": (0.05, 0.5, 0.95)}
    return Wanted(**(asked | changes))


def test_hours_before_the_ones_wanted_are_forecast_and_left_out():
    later = forecasted(a_history(), wanted(start=END + timedelta(days=1)))
    whole = forecasted(a_history(), wanted())

    assert later.fan.mean.start == END + timedelta(days=1)
    assert later.fan.mean.hours == 24
    np.testing.assert_array_equal(later.fan.output_tok_s, whole.fan.output_tok_s[..., 24:])


def test_the_highest_hour_is_read_from_whole_paths_and_is_above_that_of_the_mean():
    made = forecasted(a_history(), wanted())

    (peak,) = made.peaks
    assert made.fan.mean.output_tok_s.max() < peak.output_tok_s[0.5] < peak.output_tok_s[0.95]
    assert peak.output_tok_s[0.5] == pytest.approx(25, rel=0.15)  # highest of 24 hours around 20 with noise of 10 %


def test_as_many_scenarios_as_asked_for_alike_in_probability():
    assert forecasted(a_history(), wanted()).fan.paths is None
    paths = forecasted(a_history(), wanted(paths=7)).fan.paths
    assert paths is not None
    assert len(paths.scenarios) == 7
    assert paths.probability == pytest.approx((1 / 7,) * 7)


def test_the_history_shown_is_the_one_measured_and_findings_say_what_was_left_out():
    history = a_history()
    history.output_tok_s[0, 300:302] *= 20
    history.input_tok_s[0, 300:302] *= 20

    made = forecasted(history, wanted())

    assert made.history is history
    assert [(one.kind, one.hours) for one in made.findings] == [(Kind.OUTLIERS, 2)]
    assert made.findings[0].words in made.remarks
    assert forecasted(history, wanted(clean=frozenset())).findings == ()


def test_a_backtest_is_scored_on_what_is_asked_for():
    made = forecasted(a_history(), wanted(has_backtest=True, origins=3, target="input"))

    assert made.backtest is not None
    assert (made.backtest.target, made.backtest.origins, made.backtest.horizon_hours) == ("input", 3, 48)
    assert made.backtest.runs[0].actual.mean() == pytest.approx(60, rel=0.1)


def test_a_backtest_holds_what_was_measured_against_the_forecast_collector_gaps_apart():
    # In the last two days the collector is off for three hours, and one hour is twenty times as high.
    history = a_history()
    for series in (history.input_tok_s, history.output_tok_s):
        series[0, 640:643] = 0
        series[0, 660] *= 20
    made = forecasted(history, wanted(has_backtest=True, origins=1))
    assert made.backtest is not None
    actual = made.backtest.runs[0].actual[0]  # hours 624 to 672
    assert np.isnan(actual).nonzero()[0].tolist() == [16, 17, 18]
    assert actual[36] == history.output_tok_s[0, 660]


def test_a_backtest_is_as_long_as_what_is_wanted():
    made = forecasted(a_history(), wanted(start=END + timedelta(days=1), has_backtest=True, origins=1))
    assert made.backtest is not None
    assert made.backtest.horizon_hours == 24


def test_peaks_are_read_from_many_paths_however_few_are_written():
    assert forecasted(a_history(), wanted()).peaks == forecasted(a_history(), wanted(paths=7)).peaks


def test_the_runs_of_a_backtest_can_be_sent_to_other_processes_with_their_cleaning_and_calendar():
    calendar = read_events("date,name\n2026-10-12,holiday\n", source="e.csv")
    sent: list[Asked] = []

    def runs(asked: Sequence[Asked]) -> list[Run]:
        there = [pickle.loads(pickle.dumps(one)) for one in asked]
        assert [Digests().hex(one) for one in there] == [Digests().hex(one) for one in asked]
        sent.extend(there)
        return one_by_one(there)

    asked = wanted(has_backtest=True, origins=1, calendar=calendar)
    there, here = forecasted(a_history(), asked, runs).backtest, forecasted(a_history(), asked).backtest

    assert there is not None
    assert here is not None
    assert there.pinball == here.pinball
    assert all(one.prepare is not None for one in sent)
