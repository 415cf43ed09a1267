"""What a step's requests come to: rates, latencies, errors, and what they are worth over repeats. Pure.

A token counts in the window if it came in the window: the server's count of a request is spread evenly over the
pieces of its answer, and its prompt counts in the same shares, so that windows short against an answer do not see
prompts without their answers. Latencies are those of the requests sent in the window; where there were none, of all
that touched it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import mean, stdev

from planner.bench.seen import Served, Window

STUDENT_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Two-sided 95 % points of Student's t for 1 to 9 degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2)."""
MOST_REPEATS = len(STUDENT_T_95) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentiles of one latency, ms."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One window of one load. None: nothing came of which it could be said."""

    window_s: float
    concurrency: float
    """Requests in flight, mean over the window."""
    requests: int
    """Sent in the window and answered; those the latencies are of."""
    errors: Mapping[str, int]
    """Requests that failed and touched the window, by why."""
    request_per_s: float
    """Answers that ended in the window."""
    input_tok_s: float
    output_tok_s: float
    prompt_tokens: float | None
    """Mean of the answered."""
    output_tokens: float | None
    cached_ratio: float | None
    """Share of prompt tokens the server read from its prefix cache; None: it does not say."""
    ttft: Spread | None
    tpot: Spread | None
    latency: Spread | None
    client_cpu_ratio: float
    """Share of one processor the client took."""
    client_lag_p99_ms: float | None

    @property
    def throughput_tok_s(self) -> float:
        """Output tokens per second: what the pricing guide calls throughput."""
        return self.output_tok_s

    @property
    def error_ratio(self) -> float:
        """Share of requests that failed."""
        failed = sum(self.errors.values())
        return failed / (failed + self.requests) if failed else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A figure over repeats: its mean and the half-width of its 95 % interval; None: one repeat says no width."""

    value: float
    half_width: float | None


def figures_of(window: Window) -> Figures:
    """The figures of a window."""
    touching = [one for one in window.served if one.sent_s < window.to_s and one.ended_s > window.from_s]
    good = [one for one in touching if one.error is None]
    sent_within = [one for one in good if one.sent_s >= window.from_s]
    timed = sent_within or good
    counted = [one.usage for one in timed if one.usage is not None]
    shares = [(one.usage, _share_within(one, window)) for one in good if one.usage is not None]
    cached = [usage.cached_tokens for usage in counted if usage.cached_tokens is not None]
    prompts = sum(usage.prompt_tokens for usage in counted)
    return Figures(
        window_s=window.seconds,
        concurrency=sum(_overlap_s(one, window) for one in touching) / window.seconds,
        requests=len(timed),
        errors=dict(sorted(Counter(one.error for one in touching if one.error is not None).items())),
        request_per_s=sum(window.from_s <= one.ended_s < window.to_s for one in good) / window.seconds,
        input_tok_s=sum(usage.prompt_tokens * share for usage, share in shares) / window.seconds,
        output_tok_s=sum(usage.output_tokens * share for usage, share in shares) / window.seconds,
        prompt_tokens=mean(usage.prompt_tokens for usage in counted) if counted else None,
        output_tokens=mean(usage.output_tokens for usage in counted) if counted else None,
        cached_ratio=sum(cached) / prompts if cached and prompts else None,
        ttft=_spread([one.first_s - one.sent_s for one in timed]),
        tpot=_spread([_tpot_s(one) for one in timed if one.output_tokens > 1]),
        latency=_spread([one.ended_s - one.sent_s for one in timed]),
        client_cpu_ratio=window.client_cpu_s / window.seconds,
        client_lag_p99_ms=1000 * percentile(sorted(window.lags_s), 0.99) if window.lags_s else None,
    )


def over_repeats(values: Sequence[float]) -> Mean:
    """Mean of the repeats with its 95 % interval by Student's t."""
    if len(values) < 2:
        return Mean(value=values[0], half_width=None)
    width = STUDENT_T_95[len(values) - 2] * stdev(values) / math.sqrt(len(values))
    return Mean(value=mean(values), half_width=width)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered values do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread_over(spreads: Sequence[Spread | None]) -> Spread | None:
    """Means of the repeats' percentiles; None where a repeat has none."""
    known = [one for one in spreads if one is not None]
    if not known or len(known) < len(spreads):
        return None
    return Spread(**{each.name: mean(getattr(one, each.name) for one in known) for each in fields(Spread)})


def _spread(seconds: Sequence[float]) -> Spread | None:
    if not seconds:
        return None
    ordered = sorted(1000 * value for value in seconds)
    return Spread(p50_ms=percentile(ordered, 0.5), p95_ms=percentile(ordered, 0.95), p99_ms=percentile(ordered, 0.99))


def _overlap_s(one: Served, window: Window) -> float:
    return max(0.0, min(one.ended_s, window.to_s) - max(one.sent_s, window.from_s))


def _share_within(one: Served, window: Window) -> float:
    """Which share of its answer came in the window."""
    return sum(window.from_s <= when < window.to_s for when in one.text_s) / len(one.text_s)


def _tpot_s(one: Served) -> float:
    return (one.text_s[-1] - one.first_s) / (one.output_tokens - 1)
