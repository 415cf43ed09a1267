"""A sweep of plans as a picture: bill and base nodes over one key, a line for each setting of the others.

Needs matplotlib. Colours are Okabe and Ito's (see charts.py).
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from planner.report.charts import BASE_COLORS, BURST_COLORS, write_figure
from planner.report.numbers import USD, Currency, number, span
from planner.whatif.sweep import PlanPoint, SweptPlans

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (BASE_COLORS[0], *BURST_COLORS, BASE_COLORS[1])
ROOM_ABOVE = 1.06
"""Height of a panel over its highest point, so that no mark is cut in half."""
MOST_NAMED = 16
"""Lines that the legend names; of more it names none."""


def write_sweep_chart(swept: SweptPlans, path: Path, currency: Currency = USD) -> None:
    """Writes the picture of a sweep to `path`, an .svg or .png file."""
    write_figure(draw_sweep(swept, currency), path)


def draw_sweep(swept: SweptPlans, currency: Currency = USD) -> "Figure":
    """The bill above, base nodes below, over the key of most values; hollow marks leave too much unserved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    key = key_across(swept.points)
    places = {value: at for at, value in enumerate(dict.fromkeys(point.settings[key] for point in swept.points))}
    is_number = share_an_axis(places)
    figure = Figure(figsize=(10, 8), layout="constrained")
    FigureCanvasAgg(figure)
    bills, nodes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    lines = by_others(swept.points, key)
    for (label, points), color in zip(lines.items(), cycle(COLORS), strict=False):
        across = [float(_number(p.settings[key]) or 0) if is_number else places[p.settings[key]] for p in points]
        usd = [float(currency.amount(point.figures.bill_usd) or 0) for point in points]
        named = label if label and len(lines) <= MOST_NAMED else None
        bills.plot(across, usd, color=color, linewidth=1.4, label=named, zorder=2)
        _mark(bills, across, usd, points, color)
        nodes.step(across, [sum(p.figures.base.values()) for p in points], where="mid", color=color, linewidth=1.4)
    given = float(currency.amount(swept.before.figures.bill_usd) or 0)
    bills.axhline(given, color="black", linewidth=1.0, linestyle=(0, (5, 3)), label="as given", zorder=1)
    bills.set_ylabel(f"bill, {currency.code}")
    nodes.set_ylabel("base nodes")
    nodes.yaxis.set_major_locator(MaxNLocator(integer=True))
    is_factor = is_number and next(iter(places)).startswith("*")
    nodes.set_xlabel(f"{key}, factor" if is_factor else key)
    if not is_number:
        nodes.set_xticks(range(len(places)), list(places))
    for panel in (bills, nodes):
        panel.set_ylim(bottom=0, top=ROOM_ABOVE * (panel.dataLim.y1 or 1.0))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3, linewidth=0.6)
        panel.set_axisbelow(True)
    figure.legend(loc="outside lower left", ncols=3, frameon=False)
    figure.suptitle(_title(swept, len(lines)), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def key_across(points: Sequence[PlanPoint]) -> str:
    """The swept key of most values, numbers before words; of several the first."""
    values = {key: dict.fromkeys(point.settings[key] for point in points) for key in points[0].settings}
    return max(values, key=lambda key: (share_an_axis(values[key]), len(values[key])))


def share_an_axis(values: Collection[str]) -> bool:
    """Whether all are numbers of one kind: factors such as *0.8, or plain ones. Of both, places stand side by side."""
    factors = sum(value.startswith("*") for value in values)
    return factors in {0, len(values)} and all(_number(value) is not None for value in values)


def by_others(points: Sequence[PlanPoint], key: str) -> Mapping[str, Sequence[PlanPoint]]:
    """The points of each line by what the other keys are set to, in rising order of `key` where it is a number."""
    lines: dict[str, list[PlanPoint]] = {}
    for point in points:
        others = ", ".join(f"{one}={value}" for one, value in point.settings.items() if one != key)
        lines.setdefault(others, []).append(point)
    if share_an_axis([point.settings[key] for point in points]):
        for line in lines.values():
            line.sort(key=lambda point: _number(point.settings[key]) or 0.0)
    return lines


def _mark(
    panel: "Axes", across: Sequence[float], usd: Sequence[float], points: Sequence[PlanPoint], color: str
) -> None:
    """A mark on each point, hollow where it leaves too much unserved."""
    faces = [color if point.is_served else "white" for point in points]
    panel.scatter(across, usd, s=16 if len(points) <= 40 else 6, c=faces, edgecolors=color, linewidths=0.8, zorder=3)


def _number(value: str) -> float | None:
    """The number of a value such as 0.8 or *0.8; None: it is none."""
    try:
        return float(value.removeprefix("*"))
    except ValueError:
        return None


def _title(swept: SweptPlans, lines: int) -> str:
    plan, keys = swept.plan, ", ".join(swept.points[0].settings)
    short = sum(not point.is_served for point in swept.points)
    hollow = f"; hollow: {short} that leave more than max_unserved_ratio" if short else ""
    many = f", {lines} lines" if lines > MOST_NAMED else ""
    return (
        f"Sweep of {keys}: {number(len(swept.points), 0)} plans{many}{hollow}\n"
        f"{', '.join(plan.models)}, {span(plan.start, plan.end)}"
    )
