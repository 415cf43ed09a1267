"""The rated point of a curve, and the two rates that explain the rated points of several workloads. Pure.

Between two measured steps everything is taken as linear in the concurrency. The rated point is the highest concurrency,
interpolated, whose time to first token (p95) and time per output token meet the SLO; without an SLO it is the step with
the most output tokens per second (saturation).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from planner.profile.curve import Curve, Point
from planner.profile.model import Slo


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What physics allows at most: P and G no measurement can exceed."""

    prefill_tok_s: float
    decode_tok_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Two rates and how well they explain each observation."""

    prefill_tok_s: float
    decode_tok_s: float
    residuals: tuple[float, ...]
    """input / P + output / G - 1 of each observation: above 0, the rates understate the machine."""

    @property
    def worst(self) -> float:
        """Largest residual, without its sign."""
        return max(abs(residual) for residual in self.residuals)


def meets(point: Point, slo: Slo) -> bool:
    """Whether the step meets the SLO; a latency that is not known is not held against it."""
    return all(value is None or limit is None or value <= limit for value, limit in _limits(point, slo))


def rated_point(curve: Curve, slo: Slo, max_concurrency: float | None = None) -> Point | None:
    """The rated point, at most `max_concurrency` requests in flight; None if not even one user meets the SLO."""
    if slo.ttft_ms is None and slo.tpot_ms is None:
        best = max(curve.points, key=lambda point: point.output_tok_s)
    else:
        found = _highest_meeting(curve, slo)
        if found is None:
            return None
        best = found
    if max_concurrency is not None and max_concurrency < best.concurrency:
        return at_concurrency(curve, max_concurrency)
    return best


def at_concurrency(curve: Curve, concurrency: float) -> Point:
    """The curve at `concurrency`, interpolated; below its first step that step, above its last the last."""
    if concurrency <= curve.points[0].concurrency:
        return curve.points[0]
    for low, high in pairwise(curve.points):
        if concurrency <= high.concurrency and high.concurrency > low.concurrency:
            return _between(low, high, (concurrency - low.concurrency) / (high.concurrency - low.concurrency))
    return curve.points[-1]


def fit_rates(observed: Sequence[tuple[float, float]], bounds: Bounds) -> Fit:
    """P and G with input / P + output / G nearest 1 over the observations (input tok/s, output tok/s), P and G bounded.

    Least squares in a = 1/P and b = 1/G on the relative error, with a >= 1 / P's bound and b >= 1 / G's: the problem is
    convex in two variables, so the best of the free optimum and of those on the bounds is the optimum.
    """
    a_min, b_min = 1 / bounds.prefill_tok_s, 1 / bounds.decode_tok_s
    ii = sum(i * i for i, _ in observed)
    oo = sum(o * o for _, o in observed)
    io = sum(i * o for i, o in observed)
    si, so = sum(i for i, _ in observed), sum(o for _, o in observed)
    tried = [(max(a_min, (si - b_min * io) / ii), b_min), (a_min, max(b_min, (so - a_min * io) / oo))]
    determinant = ii * oo - io * io
    if determinant > 1e-9 * ii * oo:
        a, b = (si * oo - so * io) / determinant, (so * ii - si * io) / determinant
        if a >= a_min and b >= b_min:
            tried = [(a, b)]
    a, b = min(tried, key=lambda pair: sum((i * pair[0] + o * pair[1] - 1) ** 2 for i, o in observed))
    return _explained(observed, 1 / a, 1 / b)


def fit_one(observed: Sequence[tuple[float, float]], index: int, own: Bounds, bounds: Bounds) -> Fit:
    """P and G that explain the observation at `index` alone, in the ratio of its `own` bounds, within `bounds`.

    One workload cannot tell the two apart: the ratio is assumed. Where one rate meets its bound, the other takes the
    rest of the observation, up to its own; what then remains is a residual above 0: the rates understate the machine.
    """
    i, o = observed[index]
    load = i / own.prefill_tok_s + o / own.decode_tok_s
    prefill, decode = own.prefill_tok_s * load, own.decode_tok_s * load
    if prefill > bounds.prefill_tok_s:
        prefill = bounds.prefill_tok_s
        decode = o / (1 - i / prefill) if i < prefill else bounds.decode_tok_s
    if decode > bounds.decode_tok_s:
        decode = bounds.decode_tok_s
        prefill = i / (1 - o / decode) if o < decode else bounds.prefill_tok_s
    return _explained(observed, min(prefill, bounds.prefill_tok_s), decode)


def slowed(curve: Curve, ratio: float) -> Curve:
    """The curve at lengths `ratio` times those measured, as if a token's cost grew in proportion to the length.

    A token costs a + b x context with a, b >= 0, so at `ratio` times the context at most `ratio` times as much: the
    rates fall by the ratio, the time per output token grows by it, the time to first token by its square.
    """
    if ratio <= 1:
        return curve
    points = tuple(
        replace(
            point,
            input_tok_s=point.input_tok_s / ratio,
            output_tok_s=point.output_tok_s / ratio,
            ttft_p95_ms=None if point.ttft_p95_ms is None else point.ttft_p95_ms * ratio**2,
            ttft_ms=None if point.ttft_ms is None else point.ttft_ms * ratio**2,
            tpot_ms=None if point.tpot_ms is None else point.tpot_ms * ratio,
        )
        for point in curve.points
    )
    return replace(
        curve, prompt_tokens=curve.prompt_tokens * ratio, output_tokens=curve.output_tokens * ratio, points=points
    )


def _explained(observed: Sequence[tuple[float, float]], prefill_tok_s: float, decode_tok_s: float) -> Fit:
    residuals = tuple(i / prefill_tok_s + o / decode_tok_s - 1 for i, o in observed)
    return Fit(prefill_tok_s=prefill_tok_s, decode_tok_s=decode_tok_s, residuals=residuals)


def _highest_meeting(curve: Curve, slo: Slo) -> Point | None:
    if meets(curve.points[-1], slo):
        return curve.points[-1]
    for low, high in reversed(list(pairwise(curve.points))):
        share = _last_share(low, high, slo)
        if share is not None:
            return _between(low, high, share)
    return curve.points[0] if meets(curve.points[0], slo) else None


def _last_share(low: Point, high: Point, slo: Slo) -> float | None:
    """The largest t in [0, 1] at which the straight line from `low` to `high` meets the SLO; None if nowhere."""
    first, last = 0.0, 1.0
    for (start, limit), (end, _) in zip(_limits(low, slo), _limits(high, slo), strict=True):
        if start is None or end is None or limit is None:
            continue
        if end > start:
            last = min(last, (limit - start) / (end - start))
        elif end < start:
            first = max(first, (limit - start) / (end - start))
        elif start > limit:
            return None
    return last if first <= last else None


def _limits(point: Point, slo: Slo) -> tuple[tuple[float | None, float | None], ...]:
    return (point.ttft_p95_ms, slo.ttft_ms), (point.tpot_ms, slo.tpot_ms)


def _between(low: Point, high: Point, share: float) -> Point:
    def mix(a: float, b: float) -> float:
        return a + share * (b - a)

    def known(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else mix(a, b)

    return Point(
        concurrency=mix(low.concurrency, high.concurrency),
        input_tok_s=mix(low.input_tok_s, high.input_tok_s),
        output_tok_s=mix(low.output_tok_s, high.output_tok_s),
        ttft_p95_ms=known(low.ttft_p95_ms, high.ttft_p95_ms),
        tpot_ms=known(low.tpot_ms, high.tpot_ms),
        ttft_ms=known(low.ttft_ms, high.ttft_ms),
    )
