"""From past demand to forecast: clean, forecast, assume, and say what was done. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from planner.demand.backtest import Backtest, backtest
from planner.demand.backtest.run import Runs, one_by_one
from planner.demand.bands.peaks import peaks_of
from planner.demand.cleaning import EVERY_KIND, Finding, Kind, cleaned, cleaned_history
from planner.demand.events import NO_EVENTS, Calendar
from planner.demand.fan import Fan
from planner.demand.forecast import Forecast
from planner.demand.growth import Assumption, Effect, assumed
from planner.demand.history import History
from planner.demand.local_time import LocalTime, local_time
from planner.demand.methods import MethodError, fan_of

PEAK_QUANTILES = (0.5, 0.9, 0.95)
MOST_TOLD = 4
"""Findings of a kind that are remarked one by one."""
PEAK_PATHS = 200
"""Paths that peaks are read from, at least."""

When = Callable[[datetime, int], LocalTime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for."""

    start: datetime
    """First hour of the forecast, at the history's end or after it; aware UTC."""
    end: datetime
    zone: str = "UTC"
    """IANA name of the time people live in."""
    calendar: Calendar = NO_EVENTS
    clean: frozenset[Kind] = EVERY_KIND
    """Faults of the history to mend."""
    assumptions: tuple[Assumption, ...] = ()
    method: str = "auto"
    quantiles: tuple[float, ...]
    paths: int = 0
    seed: int = 0
    has_backtest: bool = False
    origins: int | None = None
    """Of the back-test; None: as many as fit, up to its default."""
    target: str = "output"
    """What the back-test is scored on: input or output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The highest hour's mean tok/s within the forecast, as quantiles over its paths."""

    model: str
    input_tok_s: Mapping[float, float]
    output_tok_s: Mapping[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasted:
    """A forecast, and all that a reader must know of how it came about."""

    history: History
    """As it was measured."""
    findings: tuple[Finding, ...]
    """What was cleaned before it was forecast from."""
    wanted: Wanted
    fan: Fan
    """Over the hours wanted, assumptions included."""
    method: str
    """The one chosen."""
    errors: tuple[MethodError, ...]
    """Of each method tried, the best first."""
    effects: tuple[Effect, ...]
    peaks: tuple[Peak, ...]
    """Of each model."""
    backtest: Backtest | None
    remarks: tuple[str, ...]


def forecasted(history: History, wanted: Wanted, runs: Runs = one_by_one) -> Forecasted:
    """The forecast of the hours wanted; `runs` does those of a back-test. Raises InputError, as for a short history."""
    when: When = partial(local_time, zone=wanted.zone, events=dict(wanted.calendar.days))
    hour = timedelta(hours=1)
    clean = cleaned(history, when, wanted.clean)
    found = fan_of(
        clean.history,
        when,
        hours=(wanted.end - history.end) // hour,
        quantiles=wanted.quantiles,
        method=wanted.method,
        paths=max(wanted.paths, PEAK_PATHS),
        seed=wanted.seed,
    )
    fan = _from(found.fan, (wanted.start - history.end) // hour)
    fan, effects = assumed(fan, wanted.assumptions, zone=wanted.zone, known_until=history.end)
    peaks = _peaks(fan)
    fan = replace(fan, paths=None if wanted.paths == 0 or fan.paths is None else _first(fan.paths, wanted.paths))
    judged = None
    if wanted.has_backtest:
        judged = backtest(
            cleaned(history, when, wanted.clean & {Kind.GAPS}).history,
            when,
            horizon=(wanted.end - wanted.start) // hour,
            origins=wanted.origins,
            method=wanted.method,
            target="input" if wanted.target == "input" else "output",
            seed=wanted.seed,
            runs=runs,
            prepare=partial(cleaned_history, when=when, kinds=wanted.clean),
        )
    return Forecasted(
        history=history,
        findings=clean.findings,
        wanted=wanted,
        fan=fan,
        method=found.method,
        errors=found.errors,
        effects=tuple(effects),
        peaks=peaks,
        backtest=judged,
        remarks=(
            *history.remarks,
            *wanted.calendar.remarks,
            *told(clean.findings),
            *found.remarks,
            *_idle(effects),
        ),
    )


def _from(fan: Fan, first: int) -> Fan:
    """The fan without the hours before `first`."""
    return replace(
        fan,
        mean=_later(fan.mean, first),
        input_tok_s=fan.input_tok_s[..., first:],
        output_tok_s=fan.output_tok_s[..., first:],
        paths=None if fan.paths is None else _later(fan.paths, first),
    )


def _later(forecast: Forecast, first: int) -> Forecast:
    return replace(
        forecast,
        start=forecast.hour(first).astimezone(UTC),
        input_tok_s=forecast.input_tok_s[..., first:],
        output_tok_s=forecast.output_tok_s[..., first:],
    )


def _first(paths: Forecast, count: int) -> Forecast:
    """The first `count` of paths that are alike in probability."""
    return replace(
        paths,
        scenarios=paths.scenarios[:count],
        probability=(1 / count,) * count,
        input_tok_s=paths.input_tok_s[:count],
        output_tok_s=paths.output_tok_s[:count],
    )


def _peaks(fan: Fan) -> tuple[Peak, ...]:
    if fan.paths is None:
        return ()
    found = peaks_of(fan.paths, PEAK_QUANTILES)
    return tuple(
        Peak(
            model=model,
            input_tok_s=dict(zip(PEAK_QUANTILES, map(float, found.input_tok_s[:, row]), strict=True)),
            output_tok_s=dict(zip(PEAK_QUANTILES, map(float, found.output_tok_s[:, row]), strict=True)),
        )
        for row, model in enumerate(fan.mean.models)
    )


def told(findings: Sequence[Finding], most: int = MOST_TOLD) -> list[str]:
    """A remark for each finding, the largest of each kind, and one that counts the others."""
    remarks = []
    for kind, is_kept in ((one, kept) for one in Kind for kept in (False, True)):
        these = [one for one in findings if one.kind is kind and one.is_kept is is_kept]
        largest = sorted(these, key=lambda one: (-one.hours, one.start))[:most]
        remarks += [one.words for one in these if one in largest]
        if len(these) > most:
            others = sum(one.hours for one in these) - sum(one.hours for one in largest)
            done = "unusual and kept" if is_kept else kind.value
            remarks.append(f"{len(these) - most} more {done}, {others:,} hours: --json names each")
    return remarks


def _idle(effects: Sequence[Effect]) -> list[str]:
    return [f"assumption {one.assumption.words}: {one.note}; not applied" for one in effects if one.note]
