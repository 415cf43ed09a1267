"""The rated point and the bounded two-rate fit, on numbers one can check in the head."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profile.curve import Curve, Point
from planner.profile.model import Slo
from planner.profile.rated import Bounds, at_concurrency, fit_one, fit_rates, rated_point, slowed


def a_point(
    concurrency: float, output_tok_s: float, ttft_ms: float | None = None, tpot_ms: float | None = None
) -> Point:
    return Point(
        concurrency=concurrency,
        input_tok_s=2 * output_tok_s,
        output_tok_s=output_tok_s,
        ttft_p95_ms=ttft_ms,
        tpot_ms=tpot_ms,
    )


def a_curve(*points: Point) -> Curve:
    return Curve(workload="chat", prompt_tokens=256, output_tokens=128, points=points)


BOUNDS = Bounds(prefill_tok_s=1000, decode_tok_s=60)
RISING = a_curve(a_point(1, 10, 100, 50), a_point(5, 40, 500, 100), a_point(9, 60, 2500, 150))


@pytest.mark.parametrize(
    ("slo", "concurrency"),
    [
        pytest.param(Slo(), 9, id="no SLO: saturation, the most output tokens"),
        pytest.param(Slo(ttft_ms=2500), 9, id="exactly at the last step"),
        pytest.param(Slo(ttft_ms=500), 5, id="exactly at a step"),
        pytest.param(Slo(ttft_ms=1500), 7, id="half way from 500 to 2500 ms"),
        pytest.param(Slo(tpot_ms=75), 3, id="half way from 50 to 100 ms a token"),
        pytest.param(Slo(ttft_ms=1500, tpot_ms=75), 3, id="the tighter of the two"),
        pytest.param(Slo(ttft_ms=100), 1, id="exactly one user"),
    ],
)
def test_the_rated_point_is_the_highest_concurrency_that_meets_the_slo(slo: Slo, concurrency: float) -> None:
    point = rated_point(RISING, slo)

    assert point is not None
    assert point.concurrency == pytest.approx(concurrency)


def test_rates_between_two_steps_are_interpolated() -> None:
    point = rated_point(RISING, Slo(ttft_ms=1500))

    assert point is not None
    assert (point.output_tok_s, point.input_tok_s, point.tpot_ms) == (50, 100, 125)


def test_one_user_who_misses_the_slo_leaves_no_rated_point() -> None:
    assert rated_point(RISING, Slo(ttft_ms=99)) is None


def test_a_single_user_slowed_by_warm_up_does_not_hide_the_steps_above() -> None:
    """The first request of a run may wait for compilation: 3000 ms alone, 500 ms at five at once."""
    curve = a_curve(a_point(1, 10, 3000), a_point(5, 40, 500), a_point(9, 60, 2500))

    point = rated_point(curve, Slo(ttft_ms=1500))

    assert point is not None
    assert point.concurrency == 7


def test_saturation_is_where_most_tokens_come_out_not_where_most_requests_wait() -> None:
    point = rated_point(a_curve(a_point(1, 10), a_point(4, 30), a_point(8, 25)), Slo())

    assert point is not None
    assert point.concurrency == 4


def test_no_batching_rates_a_machine_with_one_request_in_flight() -> None:
    point = rated_point(RISING, Slo(ttft_ms=2500), max_concurrency=1)

    assert point is not None
    assert (point.concurrency, point.output_tok_s) == (1, 10)


def test_a_latency_nobody_measured_is_not_held_against_a_step() -> None:
    point = rated_point(a_curve(a_point(1, 10), a_point(4, 30)), Slo(ttft_ms=1))

    assert point is not None
    assert point.concurrency == 4


latencies = st.lists(st.floats(1, 1e4), min_size=1, max_size=6)


@given(latencies, st.floats(1, 1e4), st.floats(0, 1e4))
def test_more_slack_never_lowers_the_rated_concurrency(ttft: list[float], limit: float, slack: float) -> None:
    curve = a_curve(*(a_point(1 + step, 10 + step, ms) for step, ms in enumerate(ttft)))

    tight, loose = rated_point(curve, Slo(ttft_ms=limit)), rated_point(curve, Slo(ttft_ms=limit + slack))

    if tight is not None:
        assert loose is not None
        assert loose.concurrency >= tight.concurrency - 1e-9


@given(latencies, st.floats(1, 1e4))
def test_the_rated_point_itself_meets_the_slo(ttft: list[float], limit: float) -> None:
    curve = a_curve(*(a_point(1 + step, 10 + step, ms) for step, ms in enumerate(ttft)))

    point = rated_point(curve, Slo(ttft_ms=limit))

    if point is not None:
        assert point.ttft_p95_ms is not None
        assert point.ttft_p95_ms <= limit * (1 + 1e-9) + 1e-6


def test_two_workloads_that_agree_give_the_rates_they_came_from() -> None:
    """P = 1000 and G = 100: half the time each is 500 in and 50 out; a tenth decoding is 900 in and 10 out."""
    fit = fit_rates([(500, 50), (900, 10)], Bounds(prefill_tok_s=1e4, decode_tok_s=1e4))

    assert (fit.prefill_tok_s, fit.decode_tok_s) == (pytest.approx(1000), pytest.approx(100))
    assert fit.worst == pytest.approx(0, abs=1e-9)


def test_a_free_fit_with_infinite_decode_is_held_to_physics() -> None:
    """H100 of the sweep (chat, rag, long): free, 1/G would be negative; bounded, both rates are finite."""
    observed = [(11_690, 5_822), (15_092, 3_769), (14_566, 1_820)]

    fit = fit_rates(observed, Bounds(prefill_tok_s=37_400, decode_tok_s=5_887))

    assert fit.prefill_tok_s <= 37_400 * (1 + 1e-12)
    assert fit.decode_tok_s == pytest.approx(5_887)
    assert fit.worst > 0.25


def test_one_workload_is_split_in_the_ratio_of_its_bounds() -> None:
    """At the bounds 100 in / 1000 + 30 out / 60 = 0.6 of the time is used: both rates are 0.6 of their bounds."""
    fit = fit_one([(100, 30)], 0, BOUNDS, BOUNDS)

    assert (fit.prefill_tok_s, fit.decode_tok_s) == (pytest.approx(600), pytest.approx(36))
    assert fit.residuals == (pytest.approx(0),)


def test_one_workload_that_beats_its_bounds_stays_at_them() -> None:
    """0.2 + 1.0 = 1.2 of the time: the rates stay at the bounds and understate the machine by a fifth."""
    fit = fit_one([(200, 60)], 0, BOUNDS, BOUNDS)

    assert (fit.prefill_tok_s, fit.decode_tok_s) == (1000, 60)
    assert fit.residuals == (pytest.approx(0.2),)


def test_a_workload_preferred_to_others_is_explained_within_the_bounds_of_all() -> None:
    """Its own bounds 1000 and 60 are used 0.3 + 0.9 = 1.2 times: both rates grow by it, if the others' bounds allow.

    With P at most 1100, 300 / 1100 of the time is reading: G is 54 / (8 / 11) = 74.25. The other workload, 550 in and
    11 out, then takes 0.5 + 0.148 of the time, so the rates are too high for it by 35 %.
    """
    observed = [(300, 54), (550, 11)]

    free = fit_one(observed, 0, BOUNDS, Bounds(prefill_tok_s=5000, decode_tok_s=500))
    held = fit_one(observed, 0, BOUNDS, Bounds(prefill_tok_s=1100, decode_tok_s=500))

    assert (free.prefill_tok_s, free.decode_tok_s) == (pytest.approx(1200), pytest.approx(72))
    assert (held.prefill_tok_s, held.decode_tok_s) == (1100, pytest.approx(74.25))
    assert held.residuals == (pytest.approx(0), pytest.approx(0.5 + 11 / 74.25 - 1))


rate = st.floats(1, 1e5)


@given(st.tuples(rate, rate), rate, rate, st.floats(0, 10), st.floats(0, 10))
def test_one_workload_never_makes_rates_that_flatter_it(
    observed: tuple[float, float], prefill: float, decode: float, more_prefill: float, more_decode: float
) -> None:
    own = Bounds(prefill_tok_s=prefill, decode_tok_s=decode)
    bounds = Bounds(prefill_tok_s=prefill * (1 + more_prefill), decode_tok_s=decode * (1 + more_decode))

    fit = fit_one([observed], 0, own, bounds)

    assert 0 < fit.prefill_tok_s <= bounds.prefill_tok_s * (1 + 1e-9)
    assert 0 < fit.decode_tok_s <= bounds.decode_tok_s * (1 + 1e-9)
    assert fit.residuals[0] >= -1e-6


@given(st.lists(st.tuples(rate, rate), min_size=2, max_size=4), rate, rate)
def test_fitted_rates_are_finite_and_within_their_bounds(
    observed: list[tuple[float, float]], prefill_max: float, decode_max: float
) -> None:
    fit = fit_rates(observed, Bounds(prefill_tok_s=prefill_max, decode_tok_s=decode_max))

    assert 0 < fit.prefill_tok_s <= prefill_max * (1 + 1e-9)
    assert 0 < fit.decode_tok_s <= decode_max * (1 + 1e-9)
    assert all(math.isfinite(residual) for residual in fit.residuals)


@given(st.lists(st.tuples(rate, rate), min_size=2, max_size=4), rate, rate, st.floats(0.01, 1), st.floats(0.01, 1))
def test_no_other_rates_within_the_bounds_fit_better(
    observed: list[tuple[float, float]], prefill_max: float, decode_max: float, p_share: float, g_share: float
) -> None:
    def error(p: float, g: float) -> float:
        return sum((i / p + o / g - 1) ** 2 for i, o in observed)

    fit = fit_rates(observed, Bounds(prefill_tok_s=prefill_max, decode_tok_s=decode_max))

    best = error(fit.prefill_tok_s, fit.decode_tok_s)
    assert best <= error(prefill_max * p_share, decode_max * g_share) * (1 + 1e-6) + 1e-9


def test_twice_the_length_is_taken_to_cost_twice_as_much_per_token() -> None:
    longer = slowed(a_curve(a_point(1, 10, 100, 50)), 2)

    assert (longer.prompt_tokens, longer.output_tokens) == (512, 256)
    assert longer.points[0] == a_point(1, 5, 400, 100)


def test_a_curve_is_not_extended_beyond_its_ends() -> None:
    assert at_concurrency(RISING, 0.5) == RISING.points[0]
    assert at_concurrency(RISING, 100) == RISING.points[-1]
