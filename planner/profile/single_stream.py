"""A curve from single-stream rates and a named batching gain. Pure.

A machine measured with one request alone says how fast it reads a prompt (P) and generates (G1), by length. With c
requests in flight it is taken to

    decode         G(c) = min(G1 x gain(c), P of a prompt of c tokens x G1 / G1 without context)
    first token    prompt / P x growth(c)      growth: measured p95 over the median of a single user
    each token     c / G(c)
    mixed          1 / (mix / P + 1 / G) output tok/s at `mix` input tokens per output token

with gain and growth from `BatchingGain`, an assumption measured on other machines and another engine and named in every
rate. The cap is physics measured on the machine itself: a decode step over c requests is no cheaper than reading a
prompt of c tokens.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from planner.profile.curve import BatchingGain, Curve, Point, SingleStream

MAX_STRETCH = 2.0
"""Prompts up to this many times the longest measured are extrapolated; longer ones are refused."""


def prompt_rate(stream: SingleStream, tokens: float) -> float | None:
    """Tok/s reading a prompt of `tokens`, linear in the log of the length between those measured; None beyond bounds.

    Shorter than the shortest measured: the rate of the shortest. Longer than the longest: its rate x longest / tokens,
    as if a token's cost grew in proportion to the prompt, up to `MAX_STRETCH` times the longest.
    """
    if not stream.prompt:
        return None
    longest, rate = stream.prompt[-1]
    if tokens > longest:
        return rate * longest / tokens if tokens <= MAX_STRETCH * longest else None
    return _interpolate([(math.log(n), r) for n, r in stream.prompt], math.log(max(tokens, 1.0)))


def decode_rate(stream: SingleStream, context_tokens: float, slowdown: float) -> float | None:
    """Tok/s of one request alone at a mean context of `context_tokens`.

    Generating n tokens from nothing has a mean context of n / 2. Between the measured contexts the time per token is
    linear, and never falls with the context; beyond the longest it grows by `slowdown` per token of context.
    """
    if not stream.generate:
        return None
    times: list[tuple[float, float]] = []
    for tokens, rate in stream.generate:
        seconds = 1 / rate
        times.append((tokens / 2, max(seconds, times[-1][1]) if times else seconds))
    last, seconds = times[-1]
    if context_tokens > last:
        return 1 / (seconds * (1 + slowdown * (context_tokens - last)))
    return 1 / _interpolate(times, context_tokens)


def longest_context(stream: SingleStream) -> float:
    """Mean context of the longest generation measured, tokens."""
    return stream.generate[-1][0] / 2 if stream.generate else 0.0


def decode_gain(gain: BatchingGain, concurrency: float) -> float:
    """The batching gain of decode at `concurrency`, linear between the measured steps; 1 at one request."""
    return _interpolate(list(zip(gain.concurrency, gain.decode_gain, strict=True)), concurrency)


def batched_decode_rate(stream: SingleStream, single_tok_s: float, gain: BatchingGain, concurrency: float) -> float:
    """Decode tok/s with `concurrency` requests in flight: single-stream x gain, at most a prompt of as many tokens.

    The cap falls as the single stream does: `single_tok_s` over its rate without context.
    """
    cap = prompt_rate(stream, concurrency)
    gained = single_tok_s * decode_gain(gain, concurrency)
    if cap is None:
        return gained
    return max(single_tok_s, min(gained, cap * single_tok_s / stream.generate[0][1]))


def curve_of(
    stream: SingleStream, prefill_tok_s: float, single_tok_s: float, prompt: float, output: float, gain: BatchingGain
) -> Curve:
    """The curve of a workload of `prompt` and `output` tokens at the concurrencies of the gain table."""
    mix = prompt / output
    points = []
    for c, growth in zip(gain.concurrency, gain.ttft_growth, strict=True):
        decode = batched_decode_rate(stream, single_tok_s, gain, c)
        out = 1 / (mix / prefill_tok_s + 1 / decode)
        first_ms = 1000 * prompt / prefill_tok_s
        points.append(
            Point(
                concurrency=c,
                input_tok_s=mix * out,
                output_tok_s=out,
                ttft_p95_ms=first_ms * growth,
                ttft_ms=first_ms,
                tpot_ms=1000 * c / decode,
            )
        )
    return Curve(workload=f"{prompt:g}+{output:g}", prompt_tokens=prompt, output_tokens=output, points=tuple(points))


def _interpolate(pairs: Sequence[tuple[float, float]], x: float) -> float:
    if x <= pairs[0][0]:
        return pairs[0][1]
    for (x0, y0), (x1, y1) in pairwise(pairs):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return pairs[-1][1]
