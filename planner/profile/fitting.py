"""Which rates describe a machine: two, rates by length, or those of the workload nearest the model's. Pure.

Two rates are kept as long as they explain every workload within `MAX_RESIDUAL`, unless rates by length foretell the
workloads, each kept out in turn, with two thirds of the error or less: then a token does cost more in a longer context.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner.profile.by_length import Work, fit_by_length
from planner.profile.curve import Curve, Point
from planner.profile.rated import Bounds, Fit, fit_one, fit_rates

MAX_RESIDUAL = 0.25
"""Above this, two rates are said not to describe the machine: rates by length do, or, where these do not either, the
workload nearest the model's."""
ENOUGH_TO_CHOOSE = 4
"""Workloads from which, one kept out, the others still tell the three costs of rates by length."""
BETTER = 2 / 3
"""Error of rates by length over that of two rates, root mean square over workloads kept out, below which they hold."""
CLOSE_ENOUGH = 0.05
"""Largest error on a workload kept out up to which two rates, the simpler ones, are kept whatever others reach."""
NEARLY_ALONE = 1.5
"""Requests in flight up to which a request's first token is taken to wait for no other's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Mean tokens of a request, and whether the model states them or they are assumed."""

    prompt: float
    output: float
    are_stated: bool

    @property
    def total(self) -> float:
        """Prompt and output together."""
        return self.prompt + self.output


def fit_workloads(lengths: Lengths, rated: Sequence[tuple[Curve, Point]]) -> tuple[Fit, list[str]]:
    """The fit of the workloads' rated points, and what must be said of it."""
    observed = [(point.input_tok_s, point.output_tok_s) for _, point in rated]
    each = [_bounds(curve, point) for curve, point in rated]
    bounds = Bounds(
        prefill_tok_s=max(own.prefill_tok_s for own in each), decode_tok_s=max(own.decode_tok_s for own in each)
    )
    if len(rated) == 1:
        one = fit_one(observed, 0, bounds, bounds)
        ratio = one.prefill_tok_s / one.decode_tok_s
        name = rated[0][0].workload
        return one, [f"one workload ({name}): P = {ratio:.1f} x G is assumed, the ratio of their bounds"]
    fitted = fit_rates(observed, bounds)
    nearest = min(range(len(rated)), key=lambda i: (distance(lengths, rated[i][0]), -total_tokens(rated[i][0])))
    why = _why_not(fitted, lengths, rated, bounds)
    if why is None:
        return fitted, []
    by_length = _by_length(lengths, rated, each[nearest])
    if by_length is not None and by_length.worst <= MAX_RESIDUAL:
        return by_length, [
            f"two rates do not describe this machine ({why}): these hold for requests of "
            f"{lengths.prompt:.0f} tokens in and {lengths.output:.0f} out, of a cost per token that grows with the "
            f"context, fitted to {len(rated)} workloads (residual {by_length.worst:.0%})"
        ]
    near = fit_one(observed, nearest, each[nearest], bounds)
    return near, [
        f"two rates do not describe this machine ({why}): cost grows faster than linearly with "
        f"context; fitted to {rated[nearest][0].workload}, the workload nearest the model's lengths, in the ratio of "
        f"its bounds, residual {abs(near.residuals[nearest]):.0%}"
    ]


def _why_not(fitted: Fit, lengths: Lengths, rated: Sequence[tuple[Curve, Point]], bounds: Bounds) -> str | None:
    """Why two rates do not describe the machine; None: they do, or nothing says which lengths others would hold for."""
    if fitted.worst > MAX_RESIDUAL:
        return f"residual {fitted.worst:.0%}"
    if not lengths.are_stated or len(rated) < ENOUGH_TO_CHOOSE:
        return None
    plain = [_two_rates_error(rated, index, bounds) for index in range(len(rated))]
    long = [_by_length_error(rated, index) for index in range(len(rated))]
    if max(plain) <= CLOSE_ENOUGH or not _rms(long) < BETTER * _rms(plain):
        return None
    return f"they foretell workloads kept out within {max(plain):.0%}, rates by length within {max(long):.0%}"


def _two_rates_error(rated: Sequence[tuple[Curve, Point]], index: int, bounds: Bounds) -> float:
    """How far off, relatively, two rates of the others foretell what a request of this workload takes."""
    others = [(point.input_tok_s, point.output_tok_s) for at, (_, point) in enumerate(rated) if at != index]
    found = fit_rates(others, bounds)
    point = rated[index][1]
    return abs(point.input_tok_s / found.prefill_tok_s + point.output_tok_s / found.decode_tok_s - 1)


def _by_length_error(rated: Sequence[tuple[Curve, Point]], index: int) -> float:
    """The same of rates by length; infinite where the others say nothing of lengths."""
    works = _works(rated)
    found = fit_by_length([work for at, work in enumerate(works) if at != index])
    if found is None:
        return math.inf
    kept_out = works[index]
    return abs(found.seconds(kept_out.input_tokens, kept_out.output_tokens) / kept_out.seconds - 1)


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors))


def _by_length(lengths: Lengths, rated: Sequence[tuple[Curve, Point]], own: Bounds) -> Fit | None:
    """P and G, in the ratio of `own`, by which a request of the model's lengths takes as long as `by_length` foretells.

    They may exceed `own`: those were measured while requests were read and written at once. None where it cannot tell.
    """
    found = fit_by_length(_works(rated))
    if found is None:
        return None
    seconds = found.seconds(lengths.prompt, lengths.output)
    apart = lengths.prompt / own.prefill_tok_s + lengths.output / own.decode_tok_s
    return Fit(
        prefill_tok_s=own.prefill_tok_s * apart / seconds,
        decode_tok_s=own.decode_tok_s * apart / seconds,
        residuals=found.residuals,
    )


def _works(rated: Sequence[tuple[Curve, Point]]) -> list[Work]:
    return [
        Work(
            input_tokens=curve.prompt_tokens,
            output_tokens=curve.output_tokens,
            seconds=curve.output_tokens / point.output_tok_s,
        )
        for curve, point in rated
    ]


def _bounds(curve: Curve, point: Point) -> Bounds:
    """Physical limits of P and G: prompt / first-token time of a single user, and requests in flight / time per token.

    Where a latency is not known, ten times the measured rate stands in; the slowest first tokens of a machine with more
    than one request to read say how long they wait, not how fast it reads. A machine's bounds are the highest of its
    workloads': short prompts hide the prefill rate behind the fixed part of the first token, and long contexts the
    decode rate behind the attention to them.
    """
    alone = curve.single_user
    first_ms = alone.ttft_ms or (alone.ttft_p95_ms if alone.concurrency <= NEARLY_ALONE else None)
    return Bounds(
        prefill_tok_s=1000 * curve.prompt_tokens / first_ms if first_ms else 10 * point.input_tok_s,
        decode_tok_s=1000 * point.concurrency / point.tpot_ms if point.tpot_ms else 10 * point.output_tok_s,
    )


def distance(lengths: Lengths, curve: Curve) -> float:
    """How far a workload's lengths are from the model's, in logarithms."""
    return abs(math.log(lengths.prompt / curve.prompt_tokens)) + abs(math.log(lengths.output / curve.output_tokens))


def total_tokens(curve: Curve) -> float:
    """Input and output tokens of a request of the workload."""
    return curve.prompt_tokens + curve.output_tokens
