"""A replay as a picture: demand against capacity, nodes by pool with what was taken back, cost; or several in small.

Colours as in a plan's chart (planner.report.charts): Okabe and Ito's, each pool with a hatch of its own.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from autoscaler.replay.result import Floats, Replayed
from autoscaler.replay.world import World
from autoscaler.report.replay_compared import by_bill
from autoscaler.report.replay_series import ReplaySeries, replay_series
from autoscaler.report.replay_tables import source_name
from planner.report.charts import BASE_COLORS, BURST_COLORS, HATCHES, write_figure
from planner.report.numbers import number, percent, span
from policies.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READY = "#8CB9D6"
COMING = "#CCCCCC"
TAKEN = "#D55E00"
UNSERVED = "#CC79A7"
COLUMNS = 2
"""Controllers side by side."""


def write_replay_chart(several: Sequence[Replayed], world: World, path: Path, *, max_unserved_ratio: float) -> None:
    """Writes the picture of one controller's replay, or of several in small, to an .svg or .png file."""
    made = draw_replay(several[0], world) if len(several) == 1 else draw_compared(several, world, max_unserved_ratio)
    write_figure(made, path)


def draw_replay(one: Replayed, world: World) -> "Figure":
    """The figure of one controller: demand and capacity, nodes by pool, cost per hour, unserved where there is any."""
    series = replay_series(one, world)
    missed = bool(one.hours.unserved_tokens.any())
    figure = _figure((12, 11 if missed else 9.5))
    panels = figure.subplots(4 if missed else 3, 1, sharex=True, height_ratios=(4, 3, 2, 1.4)[: 4 if missed else 3])
    edges = _days(one.start, series.edges_s)
    _capacity_panel(panels[0], series, edges)
    panels[0].set_title("Demand, and capacity as leased", loc="left", fontsize=10, pad=6)
    panels[0].set_ylabel("work, reference nodes")
    _pools_panel(panels[1], one, series, edges)
    _hourly_panel(
        panels[2],
        one,
        one.hours.cost_usd / one.hour_lengths_h,
        "USD per hour",
        "Cost per hour, base and burst",
        BASE_COLORS[0],
    )
    if missed:
        unserved = 100 * one.hours.unserved_tokens / np.maximum(one.hours.asked_tokens, 1e-12)
        _hourly_panel(panels[3], one, unserved, "% of tokens", "Unserved, by hour", UNSERVED)
    for panel in panels:
        _plain(panel)
    _time_axis(panels[-1], edges)
    found = [panel.get_legend_handles_labels() for panel in panels[:2]]
    handles, labels = ([one for part in parts for one in part] for parts in zip(*found, strict=True))
    figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False)
    title = f"{_lines(f'{one.policy}: {_heading(world)}', figure)}\n{_figures(one)}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def draw_compared(several: Sequence[Replayed], world: World, max_unserved_ratio: float) -> "Figure":
    """The figure of several controllers in small, on the same axes, the cheapest that serves enough first."""
    ranked = by_bill(several, max_unserved_ratio)
    lines = -(-len(ranked) // COLUMNS)
    figure = _figure((13, 1.0 + 2.1 * lines))
    grid = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False)
    panels = list(grid.flat)
    top = 0.0
    drawn = [replay_series(one, world) for one in ranked]
    edges = _days(world.traffic.start, drawn[0].edges_s)
    for panel, one, series in zip(panels, ranked, drawn, strict=False):
        _capacity_panel(panel, series, edges)
        panel.set_title(f"{one.policy}: {_figures(one)}", loc="left", fontsize=9)
        top = max(top, float(series.work.max()), float((series.ready + series.coming).max()))
        _plain(panel)
    for panel in panels[len(ranked) :]:
        panel.set_visible(False)
    panels[0].set_ylim(0, 1.05 * top or 1.0)
    for column in range(COLUMNS):
        lowest = max((row for row in range(lines) if row * COLUMNS + column < len(ranked)), default=0)
        _time_axis(grid[lowest][column], edges)
        grid[lowest][column].tick_params(labelbottom=True)
    for row in grid:
        row[0].set_ylabel("work, nodes", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False)
    figure.suptitle(_lines(_heading(world), figure), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _capacity_panel(panel: "Axes", series: ReplaySeries, edges: Floats) -> None:
    """Ready capacity filled, coming on top of it, demand as a line."""
    panel.stairs(series.ready, edges, fill=True, color=READY, label="ready capacity")
    panel.stairs(
        series.ready + series.coming,
        edges,
        baseline=series.ready,
        fill=True,
        label="coming capacity",
        facecolor=COMING,
        edgecolor="white",
        hatch="////",
        linewidth=0.0,
    )
    if series.base.any():
        panel.stairs(
            series.base,
            edges,
            baseline=None,
            color=BASE_COLORS[0],
            linewidth=1.0,
            linestyle=(0, (5, 3)),
            label="base capacity",
        )
    panel.stairs(series.work, edges, baseline=None, color="black", linewidth=0.9, label="demand")


def _pools_panel(panel: "Axes", one: Replayed, series: ReplaySeries, edges: Floats) -> None:
    """Nodes paid for, base first, stacked; a mark where a node was taken back."""
    styles = _styles(series)
    bottom = np.zeros(len(edges) - 1)
    for offer, nodes in {**series.base_nodes, **series.pools}.items():
        role = "base" if offer in series.base_nodes else "burst"
        panel.stairs(bottom + nodes, edges, baseline=bottom, fill=True, label=f"{role} {offer}", **styles[offer])
        bottom = bottom + nodes
    if series.taken_back_s:
        at = _days(one.start, np.array(series.taken_back_s))
        height = bottom[np.clip(np.searchsorted(series.edges_s, series.taken_back_s) - 1, 0, len(bottom) - 1)]
        style: dict[str, Any] = {
            "marker": "v",
            "s": 28,
            "color": TAKEN,
            "edgecolors": "black",
            "linewidths": 0.5,
            "zorder": 3,
        }
        panel.scatter(at, height + 0.03 * max(float(bottom.max()), 1.0), label="taken back by the provider", **style)
    panel.set_ylabel("nodes")
    panel.set_title("Nodes paid for", loc="left", fontsize=10)


def _styles(series: ReplaySeries) -> dict[str, dict[str, Any]]:
    """Colour and hatch by offer: blues for base, the others for burst."""
    base, burst, hatches = cycle(BASE_COLORS), cycle(BURST_COLORS), cycle(HATCHES)
    return {
        offer: {
            "facecolor": next(base if offer in series.base_nodes else burst),
            "hatch": next(hatches),
            "edgecolor": "white",
            "linewidth": 0.0,
        }
        for offer in (*series.base_nodes, *series.pools)
    }


def _hourly_panel(panel: "Axes", one: Replayed, values: Floats, unit: str, title: str, color: str) -> None:
    edges_s = np.minimum(np.arange(len(values) + 1) * SECONDS_PER_HOUR, one.minutes * 60)
    panel.stairs(values, _days(one.start, edges_s), fill=True, color=color, alpha=0.85)
    panel.set_ylabel(unit)
    panel.set_title(title, loc="left", fontsize=10)


def _figure(size: tuple[float, float]) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(panel: "Axes") -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", alpha=0.3, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.set_ylim(bottom=0)


def _time_axis(panel: "Axes", edges: Floats) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_formatter(formatter)
    panel.set_xlim(edges[0], edges[-1])


def _days(start: datetime, seconds: Floats) -> Floats:
    """Days since 1970, matplotlib's own measure of time."""
    days: Floats = (start.timestamp() + seconds) / SECONDS_PER_DAY
    return days


def _heading(world: World) -> str:
    traffic = world.traffic
    made = f"{source_name(traffic)}, world {world.name}, faults {world.faults.name}"
    return f"{', '.join(traffic.models)}, {span(traffic.start, traffic.end)}, {made}"


def _lines(title: str, figure: "Figure") -> str:
    """The title in as many lines as it takes, none wider than the picture."""
    return fill(
        title, width=int(figure.get_figwidth() * _CHARACTERS_PER_INCH), break_long_words=False, break_on_hyphens=False
    )


_CHARACTERS_PER_INCH = 9.5
"""Of bold letters of 12 points."""


def _figures(one: Replayed) -> str:
    times = "" if one.ratio_to_bound is None else f", {number(one.ratio_to_bound, 2)} × bound"
    return f"{number(one.bill_usd)} USD{times}, {percent(one.unserved_ratio, 3)} % unserved, {one.launches} launches"
