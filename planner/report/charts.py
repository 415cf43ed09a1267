"""A plan as a picture: dispatch against demand, nodes rented, and the duration curve, in one figure.

Needs matplotlib (the extra `chart`), imported when a chart is drawn. Colours are Okabe and Ito's, which colour-blind
people can tell apart (jfly.uni-koeln.de/color, 2008), and each offer has a hatch of its own for print.
"""

from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from planner.errors import InputError
from planner.files import write_atomic
from planner.plan import Plan
from planner.report.numbers import number, percent, span
from planner.report.series import Floats, PlanSeries, plan_series

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")
BASE_COLORS = ("#0072B2", "#56B4E9", "#004466", "#8CB9D6")
BURST_COLORS = ("#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#999999")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo", "--")
UNSERVED_COLOR = "#000000"
DAYS_BY_HOUR = 60
"""Horizons beyond this many days are drawn as means of days."""


def write_charts(plan: Plan, path: Path) -> None:
    """Writes the plan's chart to `path`, an .svg or .png file."""
    check_chart_path(path)
    write_figure(draw(plan), path)


def write_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure to `path`, an .svg or .png file."""
    # A fixed salt and no date: the same plan makes the same file.
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "baseload", "svg.fonttype": "none"}):
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {}
        drawn = BytesIO()
        _settle(figure)
        figure.savefig(drawn, format=path.suffix.lower().removeprefix("."), dpi=110, metadata=metadata)
    write_atomic(path, drawn.getvalue())


def _settle(figure: "Figure") -> None:
    """Lays the figure out for good; the layout's solver differs from run to run in the last digits, which are cut."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for panel in figure.axes:
        place = panel.get_position()
        panel.set_position((round(place.x0, 6), round(place.y0, 6), round(place.width, 6), round(place.height, 6)))


def check_chart_path(path: Path) -> None:
    """Refuses a chart that could not be written, before any work is done for it."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a chart is written as .svg or .png, got {path.suffix or 'no suffix'!r}")
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise InputError(f"{path}: charts need matplotlib; install baseload[chart]") from error


def draw(plan: Plan) -> "Figure":
    """The figure: dispatch, nodes and duration curve below one another, legend outside."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    series = plan_series(plan)
    figure = Figure(figsize=(12, 11), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1, height_ratios=(4, 2, 3))
    styles = _styles(series)
    days = len(series.hours) > DAYS_BY_HOUR * 24
    _dispatch_panel(panels[0], series, styles, days=days)
    _nodes_panel(panels[1], series, styles, days=days)
    _duration_panel(panels[2], series, styles)
    figure.suptitle(_title(plan), x=0.01, ha="left", fontsize=12, fontweight="bold")
    entries: dict[str, Artist] = {}
    for panel in (panels[0], panels[2]):
        entries |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=3, frameon=False)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", alpha=0.3, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.set_ylim(bottom=0)
    return figure


def _title(plan: Plan) -> str:
    bill = f"bill {number(plan.bill_usd)} USD"
    if plan.cost_usd_mtok.blended is not None:
        bill += f", {number(plan.cost_usd_mtok.blended, 4)} USD per million tokens"
    expected = "expected " if len(plan.scenarios) > 1 else ""
    shown = f", scenario {plan.scenario_shown} shown" if plan.scenario_shown else ""
    unserved = f"{percent(plan.unserved_ratio, 2)} % unserved"
    return f"{', '.join(plan.models)}, {span(plan.start, plan.end)}{shown}\n{expected}{bill}, {unserved}"


Style = dict[str, Any]


def _styles(series: PlanSeries) -> dict[str, Style]:
    """Colour and hatch by offer: blues for base, the others for burst."""
    base, burst, hatches = cycle(BASE_COLORS), cycle(BURST_COLORS), cycle(HATCHES)
    return {
        offer: {
            "facecolor": next(base if offer in series.base else burst),
            "hatch": next(hatches),
            "edgecolor": "white",
            "linewidth": 0.0,
        }
        for offer in series.nodes
    }


UNSERVED_STYLE: Style = {
    "facecolor": "white",
    "hatch": "xxxx",
    "edgecolor": UNSERVED_COLOR,
    "linewidth": 0.0,
}


def _dispatch_panel(panel: "Axes", series: PlanSeries, styles: dict[str, Style], *, days: bool) -> None:
    """Who serves the demand, tok/s, stacked over time."""
    measure, edges = series.tok_s, _edges(series, days=days)
    layers = {offer: _means(served, days=days) for offer, served in measure.served.items()}
    _stack(panel, layers, _means(measure.unserved, days=days), edges, series, styles)
    demand = _means(measure.demand, days=days)
    panel.stairs(demand, edges, baseline=None, color="black", linewidth=1.0, label="demand")
    panel.set_ylabel("tok/s (input + output)")
    panel.set_title(f"Dispatch against demand, {'daily' if days else 'hourly'} means", loc="left", fontsize=10)
    _time_axis(panel, edges)


def _nodes_panel(panel: "Axes", series: PlanSeries, styles: dict[str, Style], *, days: bool) -> None:
    """Nodes rented over time, stacked."""
    edges = _edges(series, days=days)
    layers = {offer: _means(nodes.astype(np.float64), days=days) for offer, nodes in series.nodes.items()}
    _stack(panel, layers, np.zeros(len(edges) - 1), edges, series, styles)
    panel.set_ylabel("nodes")
    panel.set_title(f"Nodes rented{', daily means' if days else ''}", loc="left", fontsize=10)
    _time_axis(panel, edges)


def _duration_panel(panel: "Axes", series: PlanSeries, styles: dict[str, Style]) -> None:
    """Hours sorted by the work they ask for: how often demand is how high, and how much of it the base carries."""
    measure = series.work_nodes
    order = np.argsort(-measure.demand, kind="stable")
    edges = np.arange(len(order) + 1, dtype=np.float64)
    layers = {offer: served[order] for offer, served in measure.served.items()}
    _stack(panel, layers, measure.unserved[order], edges, series, styles)
    panel.stairs(measure.demand[order], edges, baseline=None, color="black", linewidth=1.0)
    if series.base:
        panel.stairs(
            measure.base_capacity[order],
            edges,
            baseline=None,
            color="black",
            linewidth=1.2,
            linestyle=(0, (5, 3)),
            label="base capacity at target utilization (duration curve)",
        )
    references = sorted(set(series.references.values()))
    unit = f"nodes of {references[0]}" if len(references) == 1 else "nodes of each model's main offer"
    panel.set_ylabel(f"work, {unit}")
    panel.set_xlabel("hours, busiest first")
    panel.set_title("Duration curve", loc="left", fontsize=10)
    panel.set_xlim(0, max(len(order), 1))


def _stack(
    panel: "Axes",
    layers: dict[str, Floats],
    unserved: Floats,
    edges: Floats,
    series: PlanSeries,
    styles: dict[str, Style],
) -> None:
    """Filled steps on top of one another, unserved last and hatched."""
    bottom = np.zeros(len(edges) - 1)
    for offer, layer in layers.items():
        role = "base" if offer in series.base else "burst"
        panel.stairs(bottom + layer, edges, baseline=bottom, fill=True, label=f"{role} {offer}", **styles[offer])
        bottom = bottom + layer
    if unserved.any():
        panel.stairs(bottom + unserved, edges, baseline=bottom, fill=True, label="unserved", **UNSERVED_STYLE)


def _edges(series: PlanSeries, *, days: bool) -> Floats:
    """Where each step starts and the last one ends, in days since 1970, matplotlib's own measure of time."""
    starts = [hour.timestamp() / 86_400 for hour in series.hours]
    return np.array([*starts[:: 24 if days else 1], starts[-1] + 1 / 24])


def _means(values: Floats, *, days: bool) -> Floats:
    """Means of days of 24 hours from the first hour on; the last day may be shorter."""
    if not days:
        return values
    return np.array([values[first : first + 24].mean() for first in range(0, len(values), 24)])


def _time_axis(panel: "Axes", edges: Floats) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_formatter(formatter)
    panel.set_xlim(edges[0], edges[-1])
