"""Traffic cut, changed as a forecast is, averaged to hours, and read off a plan."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.traffic.change import as_forecast, changed_as, cut, traffic_of_plan
from autoscaler.replay.traffic.file import read_traffic
from autoscaler.replay.traffic.hourly import hourly
from autoscaler.replay.world import Traffic
from planner.errors import InputError
from tests.autoscaler.report.replays import a_traffic
from tests.planner.report.plans import small_plan


def requests(count: int = 100) -> Traffic:
    """A request a second of 100 tokens in and 10 out."""
    rows = "".join(f"{second},100,10\n" for second in range(count))
    return read_traffic("arrival_s,input_tokens,output_tokens\n" + rows, source="r.csv", models=("m",))


def times(traffic: Traffic, more_in: float, more_out: float) -> Traffic:
    forecast = as_forecast(traffic)
    return changed_as(
        traffic,
        type(forecast)(
            start=forecast.start,
            models=forecast.models,
            input_tok_s=forecast.input_tok_s * more_in,
            output_tok_s=forecast.output_tok_s * more_out,
            source="changed",
        ),
    )


def test_a_cut_keeps_whole_steps_and_the_requests_in_them() -> None:
    assert cut(a_traffic(step_s=3600), 0.1).output_tok_s.tolist() == [[100, 300]]  # 2.4 hours
    short = cut(requests(), 55 / 86_400)
    assert short.duration_s == 50
    assert short.requests["m"].arrival_s[-1] == 49


@pytest.mark.parametrize("days", [0.0, -1.0, 0.2, 0.01, float("nan")])
def test_a_cut_of_nothing_or_of_more_than_there_is_is_refused(days: float) -> None:
    with pytest.raises(InputError, match=r"--days .*expected"):
        cut(a_traffic(), days)


def test_what_is_not_changed_stays_what_it_was() -> None:
    traffic = requests()
    assert changed_as(traffic, as_forecast(traffic)) is traffic


def test_a_series_takes_the_forecasts_demand() -> None:
    traffic = times(a_traffic(), 1, 0.5)
    assert traffic.output_tok_s.tolist() == [[50, 150, 250, 100]]
    assert traffic.source == "changed"


@given(st.floats(0.02, 5))
def test_requests_are_left_out_or_come_again_evenly(factor: float) -> None:
    traffic = times(requests(), factor, factor)
    count = len(traffic.requests["m"].arrival_s)
    assert count == pytest.approx(100 * factor, abs=1)
    assert traffic.input_tok_s.sum() * traffic.step_s == pytest.approx(100 * count)
    assert traffic.duration_s == 100
    halves = [(traffic.requests["m"].arrival_s < 50).sum(), (traffic.requests["m"].arrival_s >= 50).sum()]
    assert abs(int(halves[0]) - int(halves[1])) <= 6


def test_requests_grow_longer_where_input_and_output_change_apart() -> None:
    traffic = times(requests(), 2, 1)
    assert set(traffic.requests["m"].input_tokens) == {200.0}
    assert set(traffic.requests["m"].output_tokens) == {10.0}


def test_no_request_left_is_refused() -> None:
    with pytest.raises(InputError, match="no request is left"):
        times(requests(10), 0.01, 0.01)


def test_hours_are_means_of_their_steps_also_where_only_a_part_is_held() -> None:
    whole = hourly(a_traffic([10, 20, 30, 40, 50, 60, 7], step_s=600))
    assert whole.output_tok_s[0].tolist() == [[35, 7]]
    text = "timestamp,input_tokens_per_s,output_tokens_per_s\n2026-01-01T00:50:00Z,1,2\n2026-01-01T01:00:00Z,3,4\n"
    late = hourly(read_traffic(text, source="t.csv", models=("m",)))
    assert (late.start.minute, late.output_tok_s[0].tolist()) == (0, [[2, 4]])


def test_a_plans_own_demand_is_traffic() -> None:
    traffic = traffic_of_plan(small_plan(), "plan.json")
    assert traffic.input_tok_s.tolist() == [[400, 600, 800, 200]]
    assert traffic.output_tok_s.tolist() == [[40, 60, 80, 20]]
    assert (traffic.start, traffic.step_s, traffic.models) == (small_plan().start, 3600, ("m",))
    assert traffic.source == "four-hours.csv as in plan.json"
    assert not np.any(traffic.is_gap)
