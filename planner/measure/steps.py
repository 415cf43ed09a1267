"""Steps: busy windows of the past become the load steps of workloads, as a benchmark would have measured them. Pure.

Windows of alike mix (input per output token) are a workload; those of it with alike many requests in work are a step,
whose rates are their means. Work is linear in the rates, so a step of alike mixes costs what its windows cost. Fewer
than three windows make no step. A workload that was never as full as others is left out: at its last step the machine
could have done more, which P and G would take for a slow machine.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt
from statistics import fmean, stdev

from planner.measure.windows import Window
from planner.profile.curve import Curve, Point
from planner.profile.fitting import NEARLY_ALONE
from planner.profile.measured import Measured

ALIKE = 1.25
"""Mixes, and requests in work, up to this many times the lowest are alike."""
LEAST_WINDOWS = 3
AS_FULL = 0.75
"""Requests in work at a workload's last step, over the most that a workload has there."""
TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The workloads, and how many windows are in none."""

    measured: tuple[Measured, ...]
    alone: int
    """Windows with too few like them."""
    never_full: tuple[str, ...]
    """Workloads left out as others were fuller."""


def steps_of(
    windows: Sequence[Window], *, provider: str, server: str, engine: str, output_tokens: float, source: str
) -> Steps:
    """The workloads of one model on one machine; several servers are taken to be alike machines.

    `output_tokens`: of a mean request, for workloads of which no request was counted.
    """
    measured, used = [], 0
    for mix in _alike(windows, by=lambda one: one.input_tok_s / one.output_tok_s):
        steps = [step for step in _alike(mix, by=lambda one: one.running) if len(step) >= LEAST_WINDOWS]
        if not steps:
            continue
        kept = [one for step in steps for one in step]
        used += len(kept)
        measured.append(
            Measured(
                provider=provider,
                server=server,
                curve=_curve(steps, kept, output_tokens),
                model=kept[0].model,
                source=source,
                source_date=datetime.fromtimestamp(max(one.end_s for one in kept), UTC).date().isoformat(),
                engine=engine,
                uncertain_ratio=max(_half_width(step) for step in steps),
                remarks=tuple(_remarks(kept)),
            )
        )
    most = max((one.curve.points[-1].concurrency for one in measured), default=0.0)
    full = [one for one in measured if one.curve.points[-1].concurrency >= AS_FULL * most]
    return Steps(
        measured=tuple(full),
        alone=len(windows) - used,
        never_full=tuple(one.curve.workload for one in measured if one not in full),
    )


def _alike(windows: Iterable[Window], *, by: Callable[[Window], float]) -> list[list[Window]]:
    """Groups in rising order, none wider than ALIKE."""
    groups: list[list[Window]] = []
    for one in sorted(windows, key=by):
        if groups and by(one) <= ALIKE * by(groups[-1][0]):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _curve(steps: Sequence[Sequence[Window]], kept: Sequence[Window], output_tokens: float) -> Curve:
    lengths = [one.request_output for one in kept if one.request_output is not None]
    output = fmean(lengths) if lengths else output_tokens
    prompt = output * fmean(one.input_tok_s for one in kept) / fmean(one.output_tok_s for one in kept)
    points = tuple(_point(step) for step in steps)
    return Curve(workload=f"{prompt:.0f}:{output:.0f}", prompt_tokens=prompt, output_tokens=output, points=points)


def _point(step: Sequence[Window]) -> Point:
    running = fmean(one.running for one in step)
    return Point(
        concurrency=running,
        input_tok_s=fmean(one.input_tok_s for one in step),
        output_tok_s=fmean(one.output_tok_s for one in step),
        ttft_p95_ms=_mean(one.ttft_p95_ms for one in step),
        ttft_ms=_mean(one.ttft_ms for one in step) if running <= NEARLY_ALONE else None,
        tpot_ms=_mean(one.tpot_ms for one in step),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _half_width(step: Sequence[Window]) -> float:
    """Half of the 95 % interval of the output rate's mean, over that mean."""
    rates = [one.output_tok_s for one in step]
    return TWO_SIDED_95 * stdev(rates) / sqrt(len(rates)) / fmean(rates)


def _remarks(kept: Sequence[Window]) -> Iterable[str]:
    """What else makes a workload's figures doubtful."""
    if all(one.ttft_p95_ms is None and one.tpot_ms is None for one in kept):
        yield "no latency was measured: an SLO is not checked"
    if not any(one.waiting for one in kept):
        yield "nothing ever waited: whether the machine was full is not known"
    cached = _mean(one.cached_ratio for one in kept)
    if cached:
        yield f"{cached:.0%} of the input came from the prefix cache: the rates are of what was read"
