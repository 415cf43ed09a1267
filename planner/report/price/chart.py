"""The cost curve as a picture: a node of each offer and the plan, USD per million tokens against load.

Needs matplotlib (the extra `chart`), imported when drawn. Colours are those of report/charts.py.
"""

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from planner.economics.curve import CostCurve, NodeCurve
from planner.report.charts import BASE_COLORS, BURST_COLORS, write_figure
from planner.report.numbers import USD, Currency, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NODES = 8
"""Curves a person can tell apart in one panel."""
COLORS = (BASE_COLORS[0], *(color for color in BURST_COLORS if color != "#F0E442"), BASE_COLORS[1])
"""Without the yellow, which is too pale for a line on white."""
DASHES = ((0, ()), (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))


def write_curve(curve: CostCurve, path: Path, *, about: str, basis: str, currency: Currency = USD) -> None:
    """Writes the picture to `path`, an .svg or .png file."""
    write_figure(draw_curve(curve, about=about, basis=basis, currency=currency), path)


def draw_curve(curve: CostCurve, *, about: str, basis: str, currency: Currency = USD) -> "Figure":
    """One panel for single nodes, and one for the plan where there is one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 9.5 if curve.plan else 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 if curve.plan else 1, 1, squeeze=False)[:, 0]
    _nodes_panel(panels[0], curve, currency)
    if curve.plan:
        _plan_panel(panels[1], curve, currency)
    figure.suptitle(f"Cost per million tokens against load: {about}", x=0.01, ha="left", fontsize=12, fontweight="bold")
    note = f"{basis}; {currency.note}" if currency.note else basis
    figure.supxlabel(note, x=0.01, ha="left", fontsize=8, color="#444444", wrap=True)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3, linewidth=0.6, which="major")
        panel.set_axisbelow(True)
    return figure


def shown_nodes(curve: CostCurve) -> list[NodeCurve]:
    """What the plan rents, then the cheapest others: as many as can be told apart, by model in turn."""
    models = list(dict.fromkeys(node.model for node in curve.nodes))
    each = max(1, MOST_NODES // max(1, len(models)))
    kept = []
    for model in models:
        kept += sorted((node for node in curve.nodes if node.model == model), key=lambda node: not node.is_used)[:each]
    return kept[:MOST_NODES]


def _nodes_panel(panel: "Axes", curve: CostCurve, currency: Currency) -> None:
    """Single nodes on log scales: each line ends where the node is full."""
    colors, dashes = cycle(COLORS), cycle(DASHES)
    several = len({node.model for node in curve.nodes}) > 1
    for node in shown_nodes(curve):
        loads = [point.tok_s for point in node.points]
        costs = [float(currency.amount(point.cost_usd_mtok) or 0) for point in node.points]
        label = f"{node.name}{f', {node.model}' if several else ''}{'' if node.is_used else ' (not rented)'}"
        color = next(colors)
        panel.plot(loads, costs, color=color, linestyle=next(dashes), linewidth=1.6, label=label)
        panel.plot(loads[-1:], costs[-1:], color=color, marker="o", markersize=5)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.xaxis.set_major_formatter(lambda value, _: number(value, 0 if value >= 1 else 1))
    panel.yaxis.set_major_formatter(lambda value, _: number(value, 0 if value >= 1 else 2))
    panel.set_xlabel("load of one node, tok/s (input + output); the dot is a full node")
    panel.set_ylabel(f"{currency.code} per million tokens")
    left = len(curve.nodes) - len(shown_nodes(curve))
    more = f"; {left} further offers not drawn" if left else ""
    panel.set_title(f"One node of each offer: paid for, busy or idle{more}", loc="left", fontsize=10)
    panel.legend(frameon=False, fontsize=9, loc="upper right")


def _plan_panel(panel: "Axes", curve: CostCurve, currency: Currency) -> None:
    """The plan by load, its own traffic marked."""
    points = [point for point in curve.plan if point.cost_usd_mtok is not None]
    loads = [point.tok_s for point in points]
    costs = [float(currency.amount(point.cost_usd_mtok) or 0) for point in points]
    panel.plot(loads, costs, color=BASE_COLORS[0], linewidth=2, label="the plan: base fixed, burst grows")
    for point, cost in zip(points, costs, strict=True):
        if point.factor == 1:
            panel.plot([point.tok_s], [cost], color=BURST_COLORS[4], marker="o", markersize=8, linestyle="none")
            panel.annotate(
                f"its own traffic: {currency.code} {number(cost, 2)}",
                (point.tok_s, cost),
                textcoords="offset points",
                xytext=(6, 14),
                fontsize=10,
            )
    panel.set_xlim(left=0)
    panel.set_ylim(bottom=0, top=min(max(costs, default=1.0), 4 * min(costs, default=1.0)))
    panel.xaxis.set_major_formatter(lambda value, _: number(value, 0))
    panel.set_xlabel("mean load of the plan, tok/s (input + output), its hours keeping their shape")
    panel.set_ylabel(f"{currency.code} per million tokens")
    panel.set_title("The plan at less and at more traffic (approximate)", loc="left", fontsize=10)
    panel.legend(frameon=False, fontsize=9, loc="upper right")
