"""A kind of day that the history has never seen is named, and its band is at least twice as wide."""

from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import pytest

from planner.demand.history import History
from planner.demand.local_time import local_time
from planner.demand.methods import FanResult, fan_of

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)


def forecast(days: int, **time) -> FanResult:
    """Of one day after `days` from Monday on, 500 to 1,500 tok/s with 10 % of noise, weekends like the rest."""
    hour = np.arange(days * 24)
    values = (1000 - 500 * np.cos(2 * np.pi * hour / 24)) * np.exp(np.random.default_rng(0).normal(0, 0.1, len(hour)))
    history = History(start=MONDAY, models=("chat",), input_tok_s=4 * values[None], output_tok_s=values[None])
    return fan_of(history, partial(local_time, **time), hours=24, quantiles=(0.05, 0.95), method="robust")


def width(found: FanResult) -> np.ndarray:
    return found.fan.output_tok_s[1, 0] - found.fan.output_tok_s[0, 0]


@pytest.mark.parametrize(("days", "kind"), [(5, "Saturday"), (6, "Sunday")])
def test_a_first_day_of_the_weekend_is_named_and_doubled(days: int, kind: str, monkeypatch: pytest.MonkeyPatch):
    found = forecast(days)
    assert f"the history has no {kind}: its bands are twice as wide" in found.remarks
    monkeypatch.setattr("planner.demand.methods.fan.unseen", lambda *_: ())
    assert (width(found) >= 2 * width(forecast(days)) * (1 - 1e-9)).all()


def test_a_first_holiday_is_named_and_doubled():
    day = date(2026, 9, 28)  # a Monday after three weeks
    found, plain = forecast(21, events={day: "feast"}), forecast(21)
    assert found.remarks == ("the history has no holiday or event: its bands are twice as wide",)
    assert plain.remarks == ()
    assert width(found).mean() >= 1.8 * width(plain).mean()  # around a forecast that leans on Sundays


def test_a_holiday_that_was_there_before_is_not_named():
    events = {date(2026, 9, 16): "feast", date(2026, 9, 28): "feast"}
    assert forecast(21, events=events).remarks == ()
