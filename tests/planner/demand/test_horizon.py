"""Months and models: which hours a plan takes from a forecast, and whose."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from planner.demand.forecast import Forecast
from planner.demand.horizon import for_models, month_span, select_month
from planner.errors import InputError


def a_forecast(start: datetime, hours: int, models: tuple[str, ...] = ("",)) -> Forecast:
    """Each hour's input is its number, so that a picked hour shows where it came from; model m adds 10,000 x m."""
    values = np.arange(hours)[None, None, :] + 10_000.0 * np.arange(len(models))[None, :, None]
    return Forecast(start=start, models=models, input_tok_s=values, output_tok_s=values / 10, source="f.csv")


NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_month_takes_exactly_its_hours() -> None:
    december = select_month(a_forecast(NOVEMBER, 1500), "2026-12")
    assert (december.start, december.hours) == (datetime(2026, 12, 1, tzinfo=UTC), 744)
    assert december.input_tok_s[0, 0, [0, -1]].tolist() == [720, 1463]  # November has 720 hours
    assert december.remarks == ()


def test_a_month_partly_covered_is_refused_with_the_count() -> None:
    with pytest.raises(InputError, match=r"^f.csv covers .*: 280 of the 744 hours of 2026-12; .*--fill weekly$"):
        select_month(a_forecast(NOVEMBER, 1000), "2026-12")


def test_a_month_outside_the_forecast_is_refused() -> None:
    with pytest.raises(InputError, match="0 of the 744 hours of 2027-03"):
        select_month(a_forecast(NOVEMBER, 1000), "2027-03")


def test_fill_weekly_repeats_the_last_week_at_the_same_hour_of_the_week() -> None:
    december = select_month(a_forecast(NOVEMBER, 1000), "2026-12", "weekly")
    known = december.input_tok_s[0, 0]
    assert known[:280].tolist() == list(range(720, 1000))  # what the forecast has is kept
    assert known[280:448].tolist() == list(range(832, 1000))  # the last 168 hours
    assert known[448:452].tolist() == [832, 833, 834, 835]
    assert (
        "464 of the 744 hours of 2026-12 are not in f.csv: its last week (2026-12-05T16:00Z to" in december.remarks[0]
    )


def test_fill_weekly_keeps_the_weekday_in_a_month_long_after_the_forecast() -> None:
    march = select_month(a_forecast(NOVEMBER, 336), "2027-03", "weekly")
    # 2026-11-01 is a Sunday and 2027-03-01 a Monday: Monday's first hour of the second week is hour 168 + 24
    assert march.input_tok_s[0, 0, 0] == 192
    assert set(march.input_tok_s[0, 0].tolist()) == set(range(168, 336))


def test_fill_weekly_completes_a_month_that_begins_before_the_forecast() -> None:
    november = select_month(a_forecast(datetime(2026, 11, 8, tzinfo=UTC), 552), "2026-11", "weekly")
    # seven days are missing at the start; 2026-11-01 was a Sunday like 2026-11-29, hour 504 of the forecast
    assert november.input_tok_s[0, 0, 0] == 504
    assert november.input_tok_s[0, 0, 168:].tolist() == list(range(552))


@pytest.mark.parametrize(
    ("hours", "month", "said"),
    [
        pytest.param(100, "2026-12", "100 hours; --fill weekly repeats a week and needs 168", id="less than a week"),
        pytest.param(336, "2026-10", "2026-10 is before that", id="a month before the forecast"),
    ],
)
def test_fill_weekly_refuses_what_it_cannot_repeat(hours: int, month: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        select_month(a_forecast(NOVEMBER, hours), month, "weekly")


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-13", "2026-00", "2026-1", "12-2026", "2026-12-01", "dezember", "²026-12"]
)
def test_a_month_that_is_none_is_refused(month: str) -> None:
    with pytest.raises(InputError, match="expected a year and a month such as 2026-12"):
        select_month(a_forecast(NOVEMBER, 1000), month)


def test_another_fill_is_refused() -> None:
    other: Any = "daily"
    with pytest.raises(InputError, match="fill is 'daily'; expected 'weekly'"):
        select_month(a_forecast(NOVEMBER, 1000), "2026-12", other)


def test_a_december_ends_with_the_year() -> None:
    assert month_span("2026-12") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_a_forecast_without_names_serves_the_only_model() -> None:
    assert for_models(a_forecast(NOVEMBER, 2), ["llama"]).models == ("llama",)


def test_a_forecast_without_names_is_refused_by_a_fleet_of_two() -> None:
    with pytest.raises(InputError, match=r"no model column, and the fleet has 2 models \(a, b\)"):
        for_models(a_forecast(NOVEMBER, 2), ["a", "b"])


def test_models_come_in_the_order_of_the_fleet_and_a_model_without_demand_is_said() -> None:
    forecast = for_models(a_forecast(NOVEMBER, 2, ("b", "a")), ["a", "b", "c"])
    assert forecast.models == ("a", "b")
    assert forecast.input_tok_s[0, :, 0].tolist() == [10_000, 0]
    assert forecast.remarks == ("f.csv: no demand for c; not planned",)


def test_an_unknown_model_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"unknown model 'lama'; did you mean 'llama'\?"):
        for_models(a_forecast(NOVEMBER, 2, ("lama",)), ["llama", "qwen"])
