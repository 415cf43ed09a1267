"""Pictures over time: the bill as it grew, demand above the nodes that met it, unit cost from month to month."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

import numpy as np

from planner.month.value import Floats, Hourly
from planner.plan import Plan
from planner.report.month.axes import (
    Frame,
    compact,
    day_labels,
    horizontal_grid,
    legend,
    legend_height,
    ticks,
)
from planner.report.month.bars import NARROW_PX
from planner.report.month.drawing import TEXT_PX, Drawing, Point, text_width
from planner.report.month.palette import BASE_INKS, BURST_INKS

HOUR = timedelta(hours=1)
AXIS_PX = 56


def planned_by_hour(plan: Plan, start: datetime, hours: int) -> Floats:
    """The planned bill spread over the hours: each lease over its time, all else evenly. Sums to the plan's bill."""
    spread = np.zeros(hours)
    for lease in plan.leases:
        first = max(0.0, (lease.start - start) / HOUR)
        last = min(float(hours), (lease.end - start) / HOUR)
        if last > first:
            edges = np.clip(np.arange(hours + 1), first, last)
            spread += float(lease.charge_usd) * np.diff(edges) / (last - first)
    planned: Floats = spread + (float(plan.bill_usd) - float(spread.sum())) / hours
    return planned


def grown_bill(actual: Floats, planned: Floats | None, start: datetime, *, hours: int, width: float) -> Drawing:
    """The bill from the first hour to each, and the planned one; amounts in the reader's currency.

    On a page each line is named at its end, on a phone by a legend above.
    """
    narrow = width < NARROW_PX
    grown = np.concatenate(([0.0], np.cumsum(actual)))
    meant = None if planned is None else np.concatenate(([0.0], np.cumsum(planned)))
    highest = max(float(grown[-1]), float(meant[-1]) if meant is not None else 0.0)
    named = [(f"actual {_amount(grown, highest)}", "c1")]
    if meant is not None:
        named.append((f"planned {_amount(meant, highest)}", "ink"))
    top = legend_height(named, width) + 12 if narrow else 10.0
    right = width - (8 if narrow else 18 + max(text_width(name) for name, _ in named))
    drawing = Drawing(width=width, height=top + (180 if narrow else 230) + 26)
    at = ticks(0, highest, 4)
    frame = Frame(left=AXIS_PX, right=right, top=top, bottom=drawing.height - 26, x_high=hours, y_high=at[-1])
    horizontal_grid(drawing, frame, at, lambda value: compact(value, at[-1]))
    lines = [_points(frame, values) for values in (grown, meant) if values is not None]
    first, last = lines[0][0], lines[0][-1]
    drawing.area([*lines[0], (last[0], frame.bottom), (first[0], frame.bottom)], "c1", opacity=0.18)
    drawing.line(lines[0], "c1", width=2.5)
    for points in lines[1:]:
        drawing.line(points, "ink", width=1.5, dash="5 4")
    drawing.dot(*last, 4, "c1")
    if narrow:
        legend(drawing, named, left=0, right=width, top=0)
    else:
        _name_ends(drawing, [points[-1] for points in lines], [name for name, _ in named])
    day_labels(drawing, frame, start, hours, every=10 if narrow else 5)
    return drawing


def _amount(grown: Floats, highest: float) -> str:
    return f"{float(grown[-1]):,.{0 if highest >= 1000 else 2}f}"


def _name_ends(drawing: Drawing, ends: Sequence[Point], names: Sequence[str]) -> None:
    """Names to the right of where lines end, moved apart where they would overlap; the first stands out."""
    high = sorted(range(len(ends)), key=lambda index: ends[index][1])
    y = -TEXT_PX * 2.0
    for index in high:
        y = max(ends[index][1] + 4, y + TEXT_PX * 1.4)
        drawing.text(ends[index][0] + 9, y, names[index], ink="ink", bold=index == 0)


def _points(frame: Frame, grown: Floats) -> list[Point]:
    """A running sum as points, six hours apart: finer than a pixel or two says nothing."""
    index = sorted({*range(0, len(grown), 6), len(grown) - 1})
    return [(frame.x(i), frame.y(float(grown[i]))) for i in index]


def demand_and_nodes(hourly: Hourly, zone: tzinfo, *, width: float) -> Drawing:
    """Tokens served per second, below it the nodes that were on, burst upon base; days by the clock of `zone`."""
    narrow = width < NARROW_PX
    hours = len(hourly.input_tok_s)
    layers = [("base", np.asarray(hourly.base_nodes, dtype=np.float64), BASE_INKS[0])]
    layers += [(name, nodes, ink) for (name, nodes), ink in zip(_burst_layers(hourly), BURST_INKS, strict=False)]
    demand = hourly.input_tok_s + hourly.output_tok_s
    has_gap = bool(np.isnan(demand[: past_hours(hourly)]).any())
    entries = [*((name, ink) for name, _, ink in layers), *([("not measured", "gap")] if has_gap else [])]
    upper, lower = (120, 120) if narrow else (150, 150)
    below = legend_height(entries, width)
    drawing = Drawing(width=width, height=22 + upper + 40 + lower + 28 + below)
    at = ticks(0, _highest(demand), 5)
    frame = Frame(left=AXIS_PX, right=width - 8, top=22, bottom=22 + upper, x_high=hours, y_high=at[-1])
    drawing.text(0, 12, "served, tok/s (input + output)", size=11)
    horizontal_grid(drawing, frame, at, lambda value: compact(value, at[-1]))
    for first, last in _known_runs(demand):
        points = _steps(frame, demand, first, last)
        drawing.area([(points[0][0], frame.bottom), *points, (points[-1][0], frame.bottom)], "c6", opacity=0.35)
        drawing.line(points, "c1", width=1.2)
    _gaps(drawing, frame, demand[: past_hours(hourly)])
    top = frame.bottom + 40
    drawing.text(0, top - 10, "nodes on", size=11)
    stack = sum((np.nan_to_num(nodes) for _, nodes, _ in layers), np.zeros(hours))
    at = ticks(0, max(1.0, _highest(stack)), 5)
    at = [value for value in at if value == round(value)] if at[-1] >= 2 else [0.0, 1.0, 2.0][: int(at[-1]) + 1]
    below_frame = Frame(left=AXIS_PX, right=width - 8, top=top, bottom=top + lower, x_high=hours, y_high=at[-1])
    horizontal_grid(drawing, below_frame, at, lambda value: f"{value:,.0f}")
    _stacked(drawing, below_frame, layers)
    day_labels(drawing, below_frame, hourly.start, hours, every=10 if narrow else 5, zone=zone)
    legend(drawing, entries, left=0, right=width, top=below_frame.bottom + 26)
    return drawing


def _burst_layers(hourly: Hourly) -> list[tuple[str, Floats]]:
    """Burst offers, the most used first; more than there are colours for are one layer."""
    used = sorted(hourly.burst_nodes.items(), key=lambda one: -float(np.nansum(one[1])))
    most = len(BURST_INKS)
    if len(used) <= most:
        return [(f"burst {offer}", nodes) for offer, nodes in used]
    rest = np.sum([np.nan_to_num(nodes) for _, nodes in used[most - 1 :]], axis=0)
    return [
        *((f"burst {offer}", nodes) for offer, nodes in used[: most - 1]),
        (f"burst, {len(used) - most + 1} other offers", rest),
    ]


def past_hours(hourly: Hourly) -> int:
    """Hours of the month that are over: up to the last one whose cost is known."""
    known = np.flatnonzero(~np.isnan(hourly.cost_usd))
    return int(known[-1]) + 1 if len(known) else 0


def _stacked(drawing: Drawing, frame: Frame, layers: Sequence[tuple[str, Floats, str]]) -> None:
    """Filled steps on top of one another."""
    hours = len(layers[0][1])
    floor = np.zeros(hours)
    for _, nodes, ink in layers:
        roof = floor + np.nan_to_num(nodes)
        if (roof > floor).any():
            for first, last in _runs(roof > floor):
                up = _steps(frame, roof, first, last)
                down = _steps(frame, floor, first, last)
                drawing.area([*up, *reversed(down)], ink)
        floor = roof


def _steps(frame: Frame, values: Floats, first: int, last: int) -> list[Point]:
    """Values held from hour to hour over [first, last)."""
    points: list[Point] = []
    for index in range(first, last):
        y = frame.y(float(values[index]))
        points += [(frame.x(index), y), (frame.x(index + 1), y)]
    return points


def _runs(mask: "np.typing.NDArray[np.bool_]") -> list[tuple[int, int]]:
    """Spans [first, last) where the mask holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _known_runs(values: Floats) -> list[tuple[int, int]]:
    return _runs(~np.isnan(values))


def _gaps(drawing: Drawing, frame: Frame, values: Floats) -> None:
    """Hours without measurement, marked over the frame's height."""
    for first, last in _runs(np.isnan(values)):
        drawing.rect(frame.x(first), frame.top, frame.x(last) - frame.x(first), frame.bottom - frame.top, "gap")


def _highest(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) and known.max() > 0 else 1.0


def trend(months: Sequence[tuple[str, float | None]], *, unit: str, width: float) -> Drawing:
    """One value per month, with its figure; a month without one is a break in the line."""
    narrow = width < NARROW_PX
    known = [value for _, value in months if value is not None]
    at = ticks(0, max(known, default=1.0) * 1.08, 3)
    drawing = Drawing(width=width, height=190 if narrow else 220)
    frame = Frame(
        left=AXIS_PX,
        right=width - 16,
        top=26,
        bottom=drawing.height - 28,
        x_low=-0.5,
        x_high=len(months) - 0.5,
        y_high=at[-1],
    )
    figures = 2 if at[-1] >= 10 else 3 if at[-1] >= 0.1 else 4
    places = 0 if at[-1] >= 50 else 2 if at[-1] >= 0.2 else 4
    drawing.text(0, 12, unit, size=11)
    horizontal_grid(drawing, frame, at, lambda value: f"{value:,.{places}f}")
    run: list[Point] = []
    for index, (_, value) in enumerate(months):
        if value is None:
            drawing.line(run, "c1", width=2.5)
            run = []
        else:
            run.append((frame.x(index), frame.y(value)))
    drawing.line(run, "c1", width=2.5)
    every = max(1, -(-len(months) // (6 if narrow else 12)))
    for index, (month, value) in enumerate(months):
        x = frame.x(index)
        last = index == len(months) - 1
        if (len(months) - 1 - index) % every == 0:
            drawing.text(x, frame.bottom + 17, month, anchor="middle", size=11)
        if value is not None:
            drawing.dot(x, frame.y(value), 4.5 if last else 3.5, "c1")
            if (len(months) - 1 - index) % every == 0:
                drawing.text(x, frame.y(value) - 11, f"{value:,.{figures}f}", ink="ink", anchor="middle", bold=last)
    return drawing
