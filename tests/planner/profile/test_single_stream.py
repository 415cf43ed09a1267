"""Curves from single-stream rates and a batching gain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profile.curve import BatchingGain, SingleStream
from planner.profile.single_stream import batched_decode_rate, curve_of, decode_rate, prompt_rate

STREAM = SingleStream(prompt=((16, 80.0), (128, 90.0), (512, 88.0)), generate=((16, 20.0), (128, 16.0)))
GAIN = BatchingGain(
    name="test",
    concurrency=(1.0, 5.0, 9.0),
    decode_gain=(1.0, 3.0, 8.0),
    ttft_growth=(1.0, 1.5, 2.0),
    machine_count=3,
    source="test",
)


@pytest.mark.parametrize(
    ("tokens", "rate"),
    [
        pytest.param(4, 80.0, id="shorter than measured: the shortest"),
        pytest.param(16, 80.0, id="at a measured length"),
        pytest.param(256, 89.0, id="half way in the logarithm from 128 to 512"),
        pytest.param(768, 88.0 / 1.5, id="longer by half: slower in proportion"),
        pytest.param(1024, 44.0, id="exactly twice the longest"),
        pytest.param(1025, None, id="beyond twice: refused"),
    ],
)
def test_the_prompt_rate_follows_the_length(tokens: float, rate: float | None) -> None:
    assert prompt_rate(STREAM, tokens) == (None if rate is None else pytest.approx(rate))


@pytest.mark.parametrize(
    ("context", "rate"),
    [
        pytest.param(0, 20.0, id="no context"),
        pytest.param(8, 20.0, id="16 tokens generated: a mean context of 8"),
        pytest.param(64, 16.0, id="128 generated: a mean context of 64"),
        pytest.param(36, 1 / 0.05625, id="half way in the time per token"),
        pytest.param(164, 16.0 / 1.1, id="100 tokens beyond: 0.1 % slower each"),
    ],
)
def test_decode_slows_with_the_context(context: float, rate: float) -> None:
    assert decode_rate(STREAM, context, slowdown=0.001) == pytest.approx(rate)


def test_decode_never_speeds_up_with_the_context_even_if_a_measurement_says_so() -> None:
    noisy = SingleStream(prompt=((16, 80.0),), generate=((16, 10.0), (128, 12.0)))

    assert decode_rate(noisy, 64, slowdown=0.0) == 10.0


def test_a_server_without_a_finished_generation_has_no_decode_rate() -> None:
    assert decode_rate(SingleStream(prompt=((16, 2.0),), generate=()), 64, slowdown=0.0) is None


@pytest.mark.parametrize(
    ("concurrency", "rate"),
    [
        pytest.param(1, 16.0, id="alone: no gain"),
        pytest.param(3, 32.0, id="gain 2, half way from 1 to 3"),
        pytest.param(5, 48.0, id="gain 3"),
        pytest.param(9, 64.0, id="gain 8 would be 128: capped by a prompt of 16 tokens, 80 x 16 / 20"),
    ],
)
def test_batched_decode_is_capped_by_the_machines_own_prompt_rate(concurrency: float, rate: float) -> None:
    assert batched_decode_rate(STREAM, 16.0, GAIN, concurrency) == pytest.approx(rate)


def test_the_curve_follows_from_the_rates() -> None:
    """5 in flight, G = 48, P = 96: 1 / (1/96 + 1/48) = 32 out; first token 128/96 x 1.5 = 2 s; 5/48 s a token."""
    curve = curve_of(STREAM, 96.0, 16.0, 128.0, 128.0, GAIN)

    five = curve.points[1]
    assert five.output_tok_s == pytest.approx(32)
    assert five.input_tok_s == pytest.approx(32)
    assert five.ttft_p95_ms == pytest.approx(2000)
    assert five.tpot_ms == pytest.approx(5000 / 48)
    assert curve.single_user.ttft_p95_ms == pytest.approx(128_000 / 96)


@given(st.floats(1, 9), st.floats(0, 8))
def test_more_requests_never_lower_the_decode_rate(concurrency: float, more: float) -> None:
    low = batched_decode_rate(STREAM, 16.0, GAIN, concurrency)
    assert batched_decode_rate(STREAM, 16.0, GAIN, concurrency + more) >= low - 1e-9


@given(st.floats(1, 1000), st.floats(0, 1000))
def test_longer_context_is_never_faster(context: float, more: float) -> None:
    short, long = (decode_rate(STREAM, tokens, slowdown=0.0003) for tokens in (context, context + more))
    assert short is not None
    assert long is not None
    assert long <= short + 1e-9
