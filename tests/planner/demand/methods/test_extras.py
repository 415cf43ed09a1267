"""Methods of libraries, for real: MSTL by statsforecast and Prophet stand behind the same door as the core."""

import sys
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import pytest

from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.demand.methods import fan_of
from planner.demand.methods.by_prophet import PROPHET
from planner.demand.methods.by_statsforecast import STATSFORECAST
from planner.demand.methods.method import Method, demand_of
from planner.errors import InputError

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
LIBRARIES = (PROPHET, STATSFORECAST)
EACH = pytest.mark.parametrize("method", LIBRARIES, ids=[one.name for one in LIBRARIES])


def a_history(days: int) -> History:
    """A day of 500 to 1,500 tok/s, half of it on weekends, with 5 % of noise; input is four times output."""
    hour = np.arange(days * 24)
    season = (1000 - 500 * np.cos(2 * np.pi * hour / 24)) * np.where(hour // 24 % 7 < 5, 1.0, 0.5)
    values = season * np.exp(np.random.default_rng(0).normal(0, 0.05, len(hour)))
    return History(start=MONDAY, models=("chat",), input_tok_s=4 * values[None], output_tok_s=values[None])


@EACH
def test_a_library_forecasts_the_season_of_the_week_through_a_gap(method: Method):
    history = a_history(28)
    past = demand_of(history)
    past[:, :, 200:224] = np.nan
    found = method.predict(past, local_time(MONDAY, 28 * 24 + 168))
    hour = np.arange(168)
    season = (1000 - 500 * np.cos(2 * np.pi * hour / 24)) * np.where(hour // 24 < 5, 1.0, 0.5)
    assert found.shape == (2, 1, 168)
    assert np.abs(found[1, 0] - season).mean() < 0.15 * season.mean()
    assert found[0] == pytest.approx(4 * found[1], rel=0.05)


@EACH
def test_a_library_takes_a_history_of_a_day_and_one_that_never_changes(method: Method):
    one_day = demand_of(a_history(1))
    assert np.isfinite(method.predict(one_day, local_time(MONDAY, 48))).all()
    flat = np.full((2, 1, 336), 70.0)
    assert method.predict(flat, local_time(MONDAY, 360))[0, 0] == pytest.approx(np.full(24, 70.0))


@EACH
def test_a_library_that_is_not_installed_is_named_with_its_extra(method: Method, monkeypatch: pytest.MonkeyPatch):
    for module in ("prophet", "statsforecast.models"):
        monkeypatch.setitem(sys.modules, module, None)
    extra = {"statsforecast": "forecast", "prophet": "prophet"}[method.name]
    with pytest.raises(InputError, match=rf"{method.name}: it is not installed; install baseload\[{extra}\]"):
        method.predict(np.ones((2, 1, 48)), local_time(MONDAY, 72))


def test_prophet_knows_the_holidays_of_the_history():
    history = a_history(42)
    holidays = {date(2026, 9, 16): "fair", date(2026, 9, 30): "fair", date(2026, 10, 21): "fair"}
    local = local_time(MONDAY, 45 * 24, events=holidays)
    past = demand_of(history) * np.where(local.has_event[: 42 * 24], 0.5, 1.0)
    found = PROPHET.predict(past, local)[1, 0].reshape(3, 24).sum(axis=1)
    assert found[2] < 0.7 * found[1]  # Wednesday 21 October is a fair, Tuesday is not


def test_all_tries_the_libraries_beside_the_core_and_tells_the_errors_of_each():
    found = fan_of(a_history(21), partial(local_time, zone="UTC"), hours=24, quantiles=(0.05, 0.95), method="all")
    names = {one.name for one in found.errors}
    assert names == {"prophet", "robust", "seasonal-naive-day", "seasonal-naive-week", "statsforecast"}
    assert [one.mase for one in found.errors] == sorted(one.mase for one in found.errors if one.mase is not None)
    assert found.method in names
