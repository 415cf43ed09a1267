"""Expected latency and the utilization an SLO allows: against closed forms, a simulated queue, and the curve itself."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profile.curve import Curve, Point
from planner.profile.latency import all_taken, latency_at, slo_utilization, wait_p95_s
from planner.profile.model import Slo

CURVE = Curve(
    workload="chat",
    prompt_tokens=100,
    output_tokens=90,
    points=(
        Point(concurrency=1, input_tok_s=100, output_tok_s=10, ttft_p95_ms=100, tpot_ms=100),
        Point(concurrency=10, input_tok_s=500, output_tok_s=50, ttft_p95_ms=1000, tpot_ms=200),
    ),
)


def test_one_place_is_the_queue_of_every_textbook() -> None:
    assert all_taken(1, 0.5) == pytest.approx(0.5)  # M/M/1: the server is busy
    # P(wait > t) = 0.5 exp(-(1 - 0.5) t / S): 5 % at t = ln(10) S / 0.5
    assert wait_p95_s(1, 0.5, 2.0) == pytest.approx(math.log(10) * 2 / 0.5)


def test_two_places_are_erlangs_own_figure() -> None:
    assert all_taken(2, 0.5) == pytest.approx(1 / 3)  # 2u²/(1+u) at u = 0.5


def test_few_wait_where_places_are_many_and_none_are_served_at_full_utilization() -> None:
    assert wait_p95_s(1000, 0.9, 1.0) == 0
    assert wait_p95_s(10, 1.0, 1.0) == math.inf


@given(st.integers(1, 200), st.floats(0.01, 0.98))
def test_the_fuller_the_longer_and_more_places_wait_less(places: int, utilization: float) -> None:
    wait = wait_p95_s(places, utilization, 1.0)
    assert wait_p95_s(places, utilization + 0.01, 1.0) >= wait
    assert wait_p95_s(places + 1, utilization, 1.0) <= wait + 1e-9
    assert 0 <= all_taken(places, utilization) <= 1


def test_a_simulated_queue_waits_as_the_formula_says() -> None:
    rng, free_at, waits, now = random.Random(7), [0.0] * 4, [], 0.0
    for _ in range(200_000):
        now += rng.expovariate(0.85 * 4)
        first = min(range(4), key=free_at.__getitem__)
        begun = max(now, free_at[first])
        waits.append(begun - now)
        free_at[first] = begun + rng.expovariate(1.0)
    assert sorted(waits)[int(0.95 * len(waits))] == pytest.approx(wait_p95_s(4, 0.85, 1.0), rel=0.05)


def test_latency_is_the_curve_at_the_share_of_the_rated_concurrency_plus_the_wait() -> None:
    found = latency_at(CURVE, 10, 0.55)
    assert found.concurrency == pytest.approx(5.5)  # half way from 1 to 10
    assert found.ttft_p95_ms == pytest.approx(550)
    assert found.tpot_ms == pytest.approx(150)
    assert found.wait_p95_ms == pytest.approx(wait_p95_s(10, 0.55, 550 + 90 * 150))
    assert found.first_token_p95_ms == pytest.approx(550 + (found.wait_p95_ms or 0))


def test_more_nodes_share_one_queue_and_allow_a_higher_utilization() -> None:
    slo = Slo(ttft_ms=1000, tpot_ms=200)
    one, many = slo_utilization(CURVE, 10, slo), slo_utilization(CURVE, 10, slo, nodes=50)
    assert one is not None
    assert many is not None
    assert 0.4 < one < many < 1
    beyond = latency_at(CURVE, 10, one + 0.001).first_token_p95_ms
    within = latency_at(CURVE, 10, one).first_token_p95_ms
    assert beyond is not None
    assert within is not None
    assert within <= 1000 < beyond


def test_time_per_token_can_be_what_limits() -> None:
    assert slo_utilization(CURVE, 10, Slo(tpot_ms=150), nodes=50) == pytest.approx(0.55)


def test_an_slo_nobody_meets_has_no_utilization_and_no_slo_has_all() -> None:
    assert slo_utilization(CURVE, 10, Slo(ttft_ms=99)) is None
    assert slo_utilization(CURVE, 10, Slo()) == 1


def test_a_curve_without_latency_says_none() -> None:
    bare = Curve(
        workload="w", prompt_tokens=1, output_tokens=1, points=(Point(concurrency=4, input_tok_s=1, output_tok_s=1),)
    )
    found = latency_at(bare, 4, 0.5)
    assert (found.ttft_p95_ms, found.wait_p95_ms, found.tpot_ms, found.first_token_p95_ms) == (None, None, None, None)
    assert slo_utilization(bare, 4, Slo(ttft_ms=100)) == 1
