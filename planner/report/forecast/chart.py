"""The fan as a picture: the last of the history, the forecast's bands, and with a back-test what came against them.

Needs matplotlib (the extra `chart`), imported when a chart is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from planner.demand.backtest import Backtest
from planner.demand.cleaning import Kind
from planner.demand.forecasting import Forecasted
from planner.report.charts import check_chart_path, write_figure
from planner.report.forecast.lines import Floats, lines_of
from planner.report.numbers import number, percent, span

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAST_COLOR = "#333333"
FAN_COLOR = "#0072B2"
CAME_COLOR = "#D55E00"
"""Okabe and Ito's, which colour-blind people can tell apart."""
UNUSED_COLOR = "#F0E442"
LEAST_PAST_H = 7 * 24
MOST_PAST_H = 28 * 24
MOST_PANELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One series to draw. Arrays of hours; the fan begins where the past ends, or after."""

    title: str
    past_start: datetime
    past: Floats
    fan_start: datetime
    middle: Floats
    middle_name: str
    bands: Floats
    """(quantiles, hours)"""
    came: Floats | None = None
    """What happened in the fan's hours."""
    unused: tuple[tuple[datetime, datetime], ...] = ()
    """Spans of the past that were not forecast from."""


def write_fan(made: Forecasted, path: Path) -> None:
    """Writes the picture to `path`, an .svg or .png file."""
    check_chart_path(path)
    write_figure(draw_fan(made), path)


def draw_fan(made: Forecasted) -> "Figure":
    """The figure: one panel per model and direction, and one per model of the last origin of a back-test."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _forecast_panels(made)
    judged = [] if made.backtest is None else _backtest_panels(made, made.backtest)
    panels = [*panels[: MOST_PANELS - len(judged[:4])], *judged[:4]]
    figure = Figure(figsize=(13, 1.2 + 2.9 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    drawn = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for panel, one in zip(drawn, panels, strict=True):
        levels = made.fan.quantiles if one.came is None or made.backtest is None else made.backtest.quantiles
        _draw(panel, one, levels, made.wanted.zone)
    figure.suptitle(_title(made), x=0.01, ha="left", fontsize=12, fontweight="bold")
    entries: dict[str, Artist] = {}
    for panel in drawn:
        entries |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=6, frameon=False)
    return figure


def _title(made: Forecasted) -> str:
    fan = made.fan.mean
    title = f"Forecast, {span(fan.start, fan.end)}, by {made.method}"
    if made.backtest is None:
        return title
    found = made.backtest
    return (
        f"{title}\nback-test: MASE {number(found.mase_vs_seasonal_naive, 2)} against seasonal-naive, "
        f"{percent(found.coverage[0.9], 0)} % of hours in the 90 % band"
    )


def _forecast_panels(made: Forecasted) -> list[Panel]:
    past_h = min(past_hours(made.fan.mean.hours), made.history.hours)
    return [
        Panel(
            title=f"{line.name} tok/s",
            past_start=made.history.end - timedelta(hours=past_h),
            past=line.past[-past_h:],
            fan_start=made.fan.mean.start,
            middle=line.mean,
            middle_name="mean",
            bands=line.bands,
            unused=tuple(
                (one.start, one.end)
                for one in made.findings
                if one.model in (None, line.model) and one.kind is not Kind.SHIFTS and not one.is_kept
            ),
        )
        for line in lines_of(made)
    ]


def past_hours(horizon_h: int) -> int:
    """Of the past to draw before a fan: as many as it has, but at least a week and at most four."""
    return min(MOST_PAST_H, max(LEAST_PAST_H, horizon_h))


def _backtest_panels(made: Forecasted, found: Backtest) -> list[Panel]:
    """The last origin of the back-test, of each model."""
    run = found.runs[-1]
    first = (run.origin - made.history.start) // timedelta(hours=1)
    past_h = min(past_hours(found.horizon_hours), first)
    past = made.history.input_tok_s if found.target == "input" else made.history.output_tok_s
    return [
        Panel(
            title=f"{model} back-test: {found.target} tok/s as forecast at {run.origin:%Y-%m-%d %H:%M} UTC".strip(),
            past_start=run.origin - timedelta(hours=past_h),
            past=past[row, first - past_h : first],
            fan_start=run.origin,
            middle=run.mean[row],
            middle_name="mean",
            bands=run.bands[:, row],
            came=run.actual[row],
        )
        for row, model in enumerate(made.history.models)
    ]


def _draw(panel: "Axes", one: Panel, levels: Sequence[float], zone: str) -> None:
    before, after = _edges(one.past_start, len(one.past)), _edges(one.fan_start, len(one.middle))
    panel.stairs(one.past, before, baseline=None, color=PAST_COLOR, linewidth=0.9, label="measured")
    for first, last in one.unused:
        if last > one.past_start:
            edges = (_edges(max(first, one.past_start), 0)[0], _edges(last, 0)[0])
            panel.axvspan(*edges, color=UNUSED_COLOR, linewidth=0, zorder=0, label="not forecast from")
    panel.stairs(one.middle, after, baseline=None, color=FAN_COLOR, linewidth=1.2, label=one.middle_name, zorder=3)
    pairs = band_pairs(levels)
    for shade, (low, high) in enumerate(pairs, start=1):
        panel.stairs(
            one.bands[high],
            after,
            baseline=one.bands[low],
            fill=True,
            color=_lighter(FAN_COLOR, 0.15 + 0.5 * shade / len(pairs)),
            linewidth=0,
            label=f"{percent(levels[high] - levels[low], 0)} % band",
        )
    if one.came is not None:
        panel.stairs(one.came, after, baseline=None, color=CAME_COLOR, linewidth=0.9, label="what came", zorder=4)
    panel.axvline(after[0], color=PAST_COLOR, linewidth=0.8, linestyle=(0, (4, 3)))
    panel.set_title(one.title, loc="left", fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", alpha=0.3, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.set_ylim(bottom=0)
    _time_axis(panel, before[0] if len(one.past) else after[0], after[-1], zone)


def band_pairs(levels: Sequence[float]) -> list[tuple[int, int]]:
    """Where the quantiles of each band stand, the widest first: those of 90, 80 and 50 %, else the three widest."""
    pairs = [
        (low, len(levels) - 1 - low)
        for low in range(len(levels) // 2)
        if abs(levels[low] + levels[-1 - low] - 1) < 1e-6
    ]
    usual = [(low, high) for low, high in pairs if round(levels[high] - levels[low], 6) in (0.5, 0.8, 0.9)]
    return usual or pairs[:3]


def _lighter(color: str, strength: float) -> tuple[float, float, float]:
    """The colour mixed with white: opaque, so that bands cover one another instead of adding up."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return red, green, blue


def _edges(start: datetime, hours: int) -> Floats:
    """Where each hour starts and the last one ends, in days since 1970, matplotlib's own measure of time."""
    edges: Floats = start.timestamp() / 86_400 + np.arange(hours + 1) / 24
    return edges


def _time_axis(panel: "Axes", first: float, last: float, zone: str) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter
    from matplotlib.ticker import StrMethodFormatter

    place = ZoneInfo(zone)
    locator = AutoDateLocator(tz=place, minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_locator(locator)
    form = "%-d %b" if last - first > 3 else "%-d %b %H:%M"
    panel.xaxis.set_major_formatter(DateFormatter(form, tz=place))  # type: ignore[no-untyped-call]
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    panel.set_xlim(first, last)
