"""Delay: percentiles from a histogram whose size does not grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.serving.delay import Histogram, step_of, ttft_by_utilization
from planner.profile.curve import Curve, Point


def test_nothing_served_has_no_percentile() -> None:
    assert Histogram().delay().p95_s is None


def test_tokens_that_did_not_wait_have_a_delay_of_exactly_0() -> None:
    histogram = Histogram()
    histogram.add(99, 0.0)
    histogram.add(1, 10.0)
    assert (histogram.percentile_s(0.5), histogram.percentile_s(0.95)) == (0.0, 0.0)
    assert histogram.percentile_s(1.0) == pytest.approx(10, rel=0.06)


def test_delays_spread_evenly_have_their_percentiles() -> None:
    histogram = Histogram()
    histogram.add_between(1000, 0.0, 100.0)
    assert histogram.percentile_s(0.5) == pytest.approx(50, rel=0.1)
    assert histogram.percentile_s(0.95) == pytest.approx(95, rel=0.1)


def test_a_report_shows_the_middle_the_twentieth_and_the_hundredth_that_wait_longest() -> None:
    histogram = Histogram()
    for tokens, delay_s in ((90, 1.0), (8, 10.0), (2, 100.0)):
        histogram.add(tokens, delay_s)
    shown = histogram.delay()
    assert (shown.p50_s, shown.p95_s, shown.p99_s) == (
        pytest.approx(1, rel=0.06),
        pytest.approx(10, rel=0.06),
        pytest.approx(100, rel=0.06),
    )


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 1e5)), min_size=1, max_size=50))
def test_a_percentile_is_never_above_the_longest_delay_nor_below_the_shortest(
    counted: list[tuple[float, float]],
) -> None:
    histogram = Histogram()
    for tokens, delay_s in counted:
        histogram.add(tokens, delay_s)
    delays = [delay_s for _, delay_s in counted]
    for share in (0.01, 0.5, 0.95, 1.0):
        found = histogram.percentile_s(share)
        assert found is not None
        assert min(delays) * 0.94 - 1e-3 <= found <= max(delays) * 1.06 + 1e-3


def test_the_time_to_first_token_is_the_curves_at_the_concurrency_of_the_utilization() -> None:
    curve = Curve(
        workload="chat",
        prompt_tokens=100,
        output_tokens=100,
        points=(
            Point(concurrency=1, input_tok_s=1, output_tok_s=1, ttft_p95_ms=100),
            Point(concurrency=9, input_tok_s=8, output_tok_s=8, ttft_p95_ms=900),
        ),
    )
    ttft_s = ttft_by_utilization(curve, rated_concurrency=8)
    assert ttft_s[step_of(0)] == pytest.approx(0.1)
    assert ttft_s[step_of(0.5)] == pytest.approx(0.4)  # four requests in flight
    assert ttft_s[step_of(1.7)] == pytest.approx(0.8)
