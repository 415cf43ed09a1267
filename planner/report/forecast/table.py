"""A forecast for people: what is expected, how good the method was, what was assumed. Opens nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from planner.demand.backtest import Backtest
from planner.demand.forecasting import Forecasted
from planner.report.forecast.lines import lines_of
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import buckets, number, percent, signed, span, sparkline
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

RECENT_DAYS = 28
"""Of the history that the forecast is held against."""
SHORT_HOURS = 48
"""Below it a length is said in hours."""


def render_forecast(made: Forecasted, *, screen: Screen) -> str:
    """The forecast as text."""
    parts: list[RenderableType] = []
    for line in _head(made):
        parts += wrapped(line, screen)
    parts += ["", *_demand(made, screen)]
    if len(made.errors) > 1:
        parts += ["", _methods(made)]
    if made.effects:
        parts += ["", _effects(made)]
    if made.backtest is not None:
        parts += ["", *_backtest(made.backtest, screen)]
    return render(parts, screen)


def _head(made: Forecasted) -> list[str]:
    history, wanted = made.history, made.wanted
    known = float(history.is_measured.mean())
    zone = "" if wanted.zone == "UTC" else f", days and weeks of {wanted.zone}"
    events = f", {len(wanted.calendar.days)} days of {wanted.calendar.source}" if wanted.calendar.days else ""
    return [
        f"Forecast of {made.fan.mean.hours:,} hours, {span(made.fan.mean.start, made.fan.mean.end)}",
        f"from {history.source}: {_length(history.hours)}, {percent(known)} % measured{zone}{events}",
        f"method {made.method}{_why_method(made)}",
    ]


def _why_method(made: Forecasted) -> str:
    """How the method came about; "" where it was asked for by name."""
    if made.wanted.method != "auto":
        return ""
    is_judged = any(one.mase is not None or one.pinball is not None for one in made.errors)
    return ", chosen by its error" if is_judged else ", the usual one: the history is too short to tell methods apart"


def _length(hours: int) -> str:
    """A length as people say it: 19 hours, 8.3 days, 14 days."""
    if hours < SHORT_HOURS:
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{number(hours / 24, 0 if hours % 24 == 0 else 1)} days"


def _demand(made: Forecasted, screen: Screen) -> "list[RenderableType]":
    """One row per model and direction, then how it goes over the hours."""
    shown = [(at, one) for at, one in enumerate(made.fan.quantiles) if one in (0.05, 0.95)] or [
        (at, one) for at, one in enumerate(made.fan.quantiles) if at in (0, len(made.fan.quantiles) - 1)
    ]
    columns = [
        words("tok/s"),
        Column(title="measured", unit=f"last {_length(min(RECENT_DAYS * 24, made.history.hours))}"),
        Column(title="forecast", unit="mean"),
        Column(title="change", unit="%"),
        *(Column(title=f"{percent(one, 0)} %", unit="mean of hours") for _, one in shown),
        Column(title="highest hour", unit="half the time under"),
        Column(title="highest hour", unit="95 % under"),
    ]
    rows: list[list[Cell]] = []
    sparks = []
    for line in lines_of(made):
        recent = line.past[-RECENT_DAYS * 24 :]
        before = float(np.nanmean(recent)) if (~np.isnan(recent)).any() else None
        after = float(line.mean.mean())
        rows.append(
            [
                line.name,
                _cell(before),
                _cell(after),
                signed((after / before - 1) * 100, 1) if before else None,
                *(_cell(float(line.bands[at].mean())) for at, _ in shown),
                _cell(line.peak[0.5]),
                _cell(line.peak[0.95]),
            ]
        )
        parts = [float(line.mean[list(part)].mean()) for part in buckets(len(line.mean), screen.spark_width)]
        sparks.append(f"{line.name:<20.20} {sparkline(parts)}")
    kept, cells, _ = fitted(columns, rows, screen, ("highest hour", "change"))
    return [table(kept, cells), "", *sparks]


def _methods(made: Forecasted) -> "RenderableType":
    columns = [
        words("method"),
        Column(title="error", unit="MASE", places=3),
        Column(title="pinball", unit="% of mean", is_ratio=True, places=1),
        Column(title="in 90 % band", unit="%", is_ratio=True, places=1),
    ]
    return table(columns, [[one.name, one.mase, one.pinball, one.coverage] for one in made.errors])


def _effects(made: Forecasted) -> "RenderableType":
    columns = [words("assumed"), Column(title="before", unit="tok/s"), Column(title="after", unit="tok/s")]
    return table(
        columns, [[one.assumption.words, _cell(one.before_tok_s), _cell(one.after_tok_s)] for one in made.effects]
    )


def _backtest(found: Backtest, screen: Screen) -> "list[RenderableType]":
    """The scores, one a row."""
    origins = f"{found.origins} origin{'s' if found.origins != 1 else ''}"
    covered: list[tuple[str, str]] = [
        (f"hours in the {percent(level, 0)} % band", f"{percent(share)} %") for level, share in found.coverage.items()
    ]
    rows: Sequence[tuple[str, str]] = [
        ("MASE (1: as good as seasonal-naive)", number(found.mase_vs_seasonal_naive, 3)),
        ("pinball loss", f"{percent(found.pinball)} % of mean"),
        *covered,
        ("width of the 90 % band", f"{percent(found.mean_width_ratio, 0)} % of mean"),
        ("error of the highest hour", f"{percent(found.peak_error_ratio)} %"),
    ]
    head = f"Back-test of {found.target} tokens: {found.horizon_hours:,} hours ahead from {origins} of the history"
    return [*wrapped(head, screen), table([words("score"), Column(title="value")], rows)]


def _cell(value: float | None) -> str | None:
    """A rate at three digits or more."""
    return None if value is None else number(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2)
