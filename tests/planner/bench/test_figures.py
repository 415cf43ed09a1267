"""Figures of a window: what came in it counts, and nothing else; intervals over repeats; what is doubtful is said."""

import pytest

from planner.bench.events import Usage
from planner.bench.figures import MOST_REPEATS, Mean, Spread, figures_of, over_repeats, percentile, spread_over
from planner.bench.result import Step, step_remarks
from planner.bench.seen import Load, Served, Window


def served(
    sent: float,
    texts: list[float],
    *,
    prompt: int = 100,
    output: int = 10,
    ended: float | None = None,
    cached: int | None = None,
    error: str | None = None,
) -> Served:
    usage = None if error else Usage(prompt_tokens=prompt, output_tokens=output, cached_tokens=cached)
    return Served(sent_s=sent, ended_s=ended or (texts[-1] if texts else sent), text_s=texts, usage=usage, error=error)


def window(*requests: Served, client_cpu_s: float = 0.0, lags_s: tuple[float, ...] = ()) -> Window:
    return Window(from_s=10.0, to_s=20.0, served=list(requests), client_cpu_s=client_cpu_s, lags_s=list(lags_s))


def test_tokens_count_where_they_came_and_prompts_in_the_shares_of_their_answers() -> None:
    before = served(8.0, [9.0, 11.0, 12.0, 13.0], output=8)  # 3 of 4 pieces came within
    within = served(12.0, [13.0, 14.0], output=6)
    after = served(19.0, [19.5, 20.5], output=2, prompt=50)  # one of two pieces within
    found = figures_of(window(before, within, after))
    assert found.output_tok_s == pytest.approx((6 + 6 + 1) / 10)
    assert found.input_tok_s == pytest.approx((75 + 100 + 25) / 10)
    assert found.request_per_s == pytest.approx(2 / 10)  # before and within ended in it
    # in flight: 10 to 13, 12 to 14, 19 to 20
    assert found.concurrency == pytest.approx((3 + 2 + 1) / 10)
    assert found.requests == 2  # sent in it
    assert found.prompt_tokens == pytest.approx(150 / 2)


def test_latencies_are_from_sending_to_first_and_last_piece() -> None:
    one = served(12.0, [13.0, 13.5, 14.0], output=5)
    found = figures_of(window(one))
    assert found.ttft == Spread(p50_ms=1000, p95_ms=1000, p99_ms=1000)
    assert found.tpot == Spread(p50_ms=250, p95_ms=250, p99_ms=250)  # a second for the four tokens after the first
    assert found.latency == Spread(p50_ms=2000, p95_ms=2000, p99_ms=2000)


def test_failures_are_counted_by_reason_and_their_tokens_are_not() -> None:
    failed = served(12.0, [13.0], error="HTTP 429", ended=13.0)
    again = served(14.0, [], error="HTTP 429", ended=14.5)
    gone = served(1.0, [], error="stalled", ended=9.0)
    found = figures_of(window(failed, again, gone, served(15.0, [16.0, 17.0])))
    assert found.errors == {"HTTP 429": 2}
    assert found.error_ratio == pytest.approx(2 / 3)
    assert found.output_tok_s == pytest.approx(1.0)


def test_a_window_in_which_nothing_was_sent_has_the_latencies_of_what_touched_it() -> None:
    found = figures_of(window(served(2.0, [5.0, 25.0], ended=25.0)))
    assert found.requests == 1
    assert found.latency == Spread(p50_ms=23_000, p95_ms=23_000, p99_ms=23_000)


def test_nothing_answered_is_unknown_and_not_zero() -> None:
    found = figures_of(window())
    assert (found.ttft, found.tpot, found.latency) == (None, None, None)
    assert found.prompt_tokens is None
    assert found.cached_ratio is None
    assert found.output_tok_s == 0.0


def test_what_the_prefix_cache_answered_is_a_share_of_prompt_tokens() -> None:
    assert figures_of(window(served(12, [13], cached=25), served(12, [13], cached=0))).cached_ratio == 0.125


def test_percentiles_are_of_nearest_rank() -> None:
    hundred = [float(value) for value in range(1, 101)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.95), percentile(hundred, 0.99)) == (50, 95, 99)
    assert percentile([7.0], 0.99) == 7.0


def test_intervals_are_students() -> None:
    # 8, 10, 12: deviation 2, so 4.303 x 2 / sqrt(3)
    assert over_repeats([8, 10, 12]).half_width == pytest.approx(4.303 * 2 / 3**0.5)
    assert over_repeats([8, 10, 12]).value == 10
    assert over_repeats([8]) == Mean(value=8, half_width=None)
    assert over_repeats([1.0] * MOST_REPEATS).half_width == 0


def test_percentiles_over_windows_are_means_and_unknown_where_one_is() -> None:
    one, other = Spread(p50_ms=1, p95_ms=2, p99_ms=3), Spread(p50_ms=3, p95_ms=4, p99_ms=5)
    assert spread_over([one, other]) == Spread(p50_ms=2, p95_ms=3, p99_ms=4)
    assert spread_over([one, None]) is None


def step(load: Load, *windows: Window) -> Step:
    return Step(load=load, repeats=tuple(figures_of(one) for one in windows))


def test_a_busy_client_too_few_requests_failures_and_a_rate_not_reached_are_said() -> None:
    good = [served(10 + n / 4, [10 + n / 4 + 0.1, 10 + n / 4 + 0.2]) for n in range(36)]
    assert step_remarks(step(Load(users=1), window(*good))) == []
    busy = step_remarks(step(Load(users=1), window(*good, client_cpu_s=9.0)))
    assert busy == ["the client was the bottleneck: it took 90% of its processor"]
    late = step_remarks(step(Load(users=1), window(*good, lags_s=(0.03,))))
    assert late == ["the client woke up to 30 ms late (p99): latencies are too high by that"]
    few = step_remarks(step(Load(users=1), window(*good[:5])))
    assert few[0].startswith("5 requests: percentiles of so few say little")
    failing = step_remarks(step(Load(users=1), window(*good, served(11, [], error="HTTP 500", ended=12))))
    assert failing == ["1 of 37 requests failed (HTTP 500 × 1): their tokens are not counted"]
    slow = step_remarks(step(Load(requests_per_s=5.0), window(*good)))
    assert slow == ["3.60 answers/s of 5 asked: it did not keep up"]
