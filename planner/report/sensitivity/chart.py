"""Sensitivity as pictures: the tornado, base nodes and bill over demand, the map of base nodes. Needs matplotlib.

Colours are Okabe and Ito's (see charts.py).
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from planner.report.charts import BASE_COLORS, BURST_COLORS, HATCHES, write_figure
from planner.report.numbers import USD, Currency, number
from planner.report.sensitivity.base_map import TRANSFORM, counts_words, legend, offers_of
from planner.report.sensitivity.shared import heading
from planner.report.sensitivity.tornado import end_words
from planner.whatif.base_map import BaseMap
from planner.whatif.ranges import BaseRanges
from planner.whatif.sweep import PlanPoint
from planner.whatif.tornado import Tornado

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOW_COLOR, HIGH_COLOR, KEPT_COLOR = "#0072B2", "#E69F00", "#555555"
MOST_BARS = 25


def write_tornado_chart(shown: Tornado, path: Path, currency: Currency = USD) -> None:
    """Writes the tornado to `path`, an .svg or .png file."""
    write_figure(draw_tornado(shown, currency), path)


def write_ranges_chart(shown: BaseRanges, path: Path, currency: Currency = USD) -> None:
    """Writes base nodes and bill over demand to `path`."""
    write_figure(draw_ranges(shown, currency), path)


def write_map_chart(shown: BaseMap, path: Path) -> None:
    """Writes the map to `path`."""
    write_figure(draw_map(shown), path)


def draw_tornado(shown: Tornado, currency: Currency = USD) -> "Figure":
    """A bar per input, widest above: low and high planned anew, and an outline with the base nodes kept."""
    bars = shown.bars[:MOST_BARS]
    figure, (panel,) = _figure((10, 2.2 + 0.45 * len(bars)))
    before = shown.of.usd(shown.before.figures)

    def moved(point: PlanPoint) -> float:
        return float(currency.amount(shown.of.usd(point.figures) - before) or 0)

    for at, bar in enumerate(bars):
        for word, end, color in (("low", bar.low, LOW_COLOR), ("high", bar.high, HIGH_COLOR)):
            label = f"{word}, planned anew" if at == 0 else None
            panel.barh(at, moved(end.anew), height=0.62, color=color, label=label, zorder=2)
            outline = "base nodes kept" if at == 0 and word == "low" else None
            panel.barh(
                at,
                moved(end.kept),
                height=0.8,
                fill=False,
                edgecolor=KEPT_COLOR,
                linewidth=1.0,
                label=outline,
                zorder=3,
            )
    reach = max((abs(moved(p)) for b in bars for e in (b.low, b.high) for p in (e.kept, e.anew)), default=0.0) or 1.0
    for at, bar in enumerate(bars):
        _ends(
            panel, at, [(end_words(e.anew.settings), moved(e.anew), moved(e.kept)) for e in (bar.low, bar.high)], reach
        )
    panel.set_xlim(-1.3 * reach, 1.3 * reach)
    panel.axvline(0, color="black", linewidth=1.0)
    panel.set_yticks(range(len(bars)), [bar.name for bar in bars])
    panel.invert_yaxis()
    left_out = len(shown.bars) - len(bars)
    panel.set_xlabel(
        f"change of the {shown.of} from {number(currency.amount(before))} {currency.code}, {currency.code}"
        + (f"; the {left_out} narrowest not shown" if left_out else "")
    )
    panel.grid(axis="x", alpha=0.3, linewidth=0.6)
    figure.suptitle(
        heading(f"What moves the {shown.of}", shown.plan), x=0.01, ha="left", fontsize=12, fontweight="bold"
    )
    figure.legend(loc="outside lower left", ncols=3, frameon=False)
    return figure


def _ends(panel: "Axes", at: int, ends: Sequence[tuple[str, float, float]], reach: float) -> None:
    """The value of each end beside its bar; where both lie on one side, both there, the nearer one first."""
    outer = [(text, max(anew, kept, key=abs)) for text, anew, kept in ends]
    for is_right in (False, True):
        mine = sorted((one for one in outer if (one[1] >= 0) == is_right), key=lambda one: abs(one[1]))
        if not mine:
            continue
        texts = [text for text, _ in (mine if is_right else reversed(mine))]
        panel.text(
            mine[-1][1] + (0.015 if is_right else -0.015) * reach,
            at,
            ", ".join(texts),
            ha="left" if is_right else "right",
            va="center",
            fontsize=8,
        )


def draw_ranges(shown: BaseRanges, currency: Currency = USD) -> "Figure":
    """Base nodes as filled steps over the demand factor, one colour per offer; the bill below."""
    figure, (nodes, bill) = _figure((10, 6.2), rows=2)
    edges = _edges(shown)
    offers = list(dict.fromkeys(offer for one in shown.ranges for offer in one.low.figures.base))
    bottom = [0.0] * len(shown.ranges)
    for index, offer in enumerate(offers):
        counts = [one.low.figures.base.get(offer, 0) for one in shown.ranges]
        top = [below + count for below, count in zip(bottom, counts, strict=True)]
        nodes.stairs(
            top,
            edges,
            baseline=bottom,
            fill=True,
            facecolor=(*BASE_COLORS, *BURST_COLORS)[index % (len(BASE_COLORS) + len(BURST_COLORS))],
            hatch=HATCHES[index % len(HATCHES)],
            edgecolor="white",
            linewidth=0.0,
            label=offer,
        )
        bottom = top
    factors = [factor for one in shown.ranges for factor in (one.low_factor, one.high_factor)]
    usd = [point.figures.bill_usd for one in shown.ranges for point in (one.low, one.high)]
    bill.plot(factors, [float(currency.amount(one) or 0) for one in usd], color="black", linewidth=1.2)
    nodes.set_ylabel("base nodes")
    bill.set_ylabel(f"bill, {currency.code}")
    bill.set_xlabel("demand, as a factor of the forecast (logarithmic)")
    for panel in (nodes, bill):
        panel.set_xscale("log")
        _factor_ticks(panel, edges[0], edges[-1])
        panel.axvline(1.0, color="black", linewidth=0.8, linestyle=(0, (5, 3)))
        panel.set_ylim(bottom=0)
        panel.grid(axis="y", alpha=0.3, linewidth=0.6)
    figure.suptitle(heading("Base nodes over demand", shown.plan), x=0.01, ha="left", fontsize=12, fontweight="bold")
    if offers:
        figure.legend(loc="outside lower left", ncols=3, frameon=False)
    return figure


def _edges(shown: BaseRanges) -> list[float]:
    """Where each range begins and the last ends; a change is drawn in the middle of what is not known."""
    ranges = shown.ranges
    inner = [(a.high_factor * b.low_factor) ** 0.5 for a, b in pairwise(ranges)]
    return [ranges[0].low_factor, *inner, ranges[-1].high_factor]


def _factor_ticks(panel: "Axes", low: float, high: float) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    shown = [value for value in (0.1, 0.25, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 8, 16) if low * 0.999 <= value <= high * 1.001]
    panel.xaxis.set_major_locator(FixedLocator(shown))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _at: f"{value:g}"))
    panel.set_xlim(low, high)


def draw_map(shown: BaseMap) -> "Figure":
    """A square per plan, darker for more base nodes, its counts written in it."""
    from matplotlib.ticker import MaxNLocator

    offers = offers_of(shown)
    figure, (panel,) = _figure((max(9.0, 2.6 + 1.15 * len(shown.demand)), 3.2 + 0.62 * max(3, len(shown.peakiness))))
    totals = [[sum(point.figures.base.values()) for point in row] for row in shown.rows]
    most = max((max(row) for row in totals), default=0)
    image = panel.imshow(totals, cmap="Blues", vmin=0, vmax=max(1.25 * most, 1), aspect="auto", origin="lower")
    for y, row in enumerate(shown.rows):
        for x, point in enumerate(row):
            is_dark = totals[y][x] > 0.75 * most
            text = counts_words(point.figures.base, offers)
            panel.text(x, y, text, ha="center", va="center", fontsize=9, color="white" if is_dark else "black")
    panel.set_xticks(range(len(shown.demand)), [f"× {factor}" for factor in shown.demand])
    names = [f"{power}  (peak {shown.peak_over_mean(at):.1f} × mean)" for at, power in enumerate(shown.peakiness)]
    panel.set_yticks(range(len(names)), names)
    panel.set_xlabel(
        f"demand\n\nnodes: {legend(offers)}\n{TRANSFORM.replace('; ', ';' + chr(10))}", loc="left", fontsize=9
    )
    panel.set_ylabel("peakiness")
    bar = figure.colorbar(image, ax=panel, label="base nodes", fraction=0.04)
    bar.ax.set_ylim(0, max(most, 1))
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    title = heading("Best base nodes", shown.plan).replace(", ", "\n", 1)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def _figure(size: tuple[float, float], rows: int = 1) -> "tuple[Figure, list[Axes]]":
    """A figure with its panels, laid out so that legends stand outside."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, 1, squeeze=False)[:, 0])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_axisbelow(True)
    return figure, panels
