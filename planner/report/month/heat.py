"""The utilization of a month as a map: one cell per hour of the reader's clock, days across a page or down a phone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

import numpy as np

from planner.month.value import Floats
from planner.report.month.bars import NARROW_PX
from planner.report.month.drawing import Drawing, Point
from planner.report.month.palette import HEAT

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One hour: its day and hour by the reader's clock, and its value; NaN where nothing was measured."""

    day: date
    hour: int
    second: bool
    """The repeat of an hour that the clock shows twice."""
    twice: bool
    """The clock shows this hour twice that day: each of the two takes half the cell."""
    value: float


def heat_cells(start: datetime, values: Floats, zone: tzinfo) -> list[HeatCell]:
    """The hours from `start` on by the clock of `zone`; an hour that a day skips has no cell, one it repeats has two.

    In a zone off by parts of an hour each UTC hour is shown in the hour of the clock it begins in.
    """
    moments = [(start + index * HOUR).astimezone(zone) for index in range(len(values))]
    times: dict[tuple[date, int], int] = {}
    for moment in moments:
        key = (moment.date(), moment.hour)
        times[key] = times.get(key, 0) + 1
    return [
        HeatCell(
            day=moment.date(),
            hour=moment.hour,
            second=bool(moment.fold),
            twice=times[moment.date(), moment.hour] > 1,
            value=float(value),
        )
        for moment, value in zip(moments, values, strict=True)
    ]


def heat_map(start: datetime, values: Floats, zone: tzinfo, *, width: float) -> Drawing:
    """Utilization by hour of the day and day, with the scale below."""
    cells = heat_cells(start, values, zone)
    days = sorted({cell.day for cell in cells})
    down = width < NARROW_PX
    left, top = (46.0, 20.0) if down else (40.0, 4.0)
    across = 24 if down else max(len(days), 28)
    cell_w = (width - left) / across
    cell_h = 15.0 if down else 11.0
    bottom = top + cell_h * (len(days) if down else 24)
    drawing = Drawing(width=width, height=bottom + (44 if down else 58))
    _cells(drawing, cells, days, left=left, top=top, size=(cell_w, cell_h), down=down)
    for label_x, label_y, text, anchor in _labels(days, left, top, (cell_w, cell_h), bottom, down=down):
        drawing.text(label_x, label_y, text, anchor=anchor, size=11)
    has_gap = any(np.isnan(cell.value) for cell in cells)
    _scale(drawing, left=0 if down else left, top=bottom + (16 if down else 30), has_gap=has_gap)
    return drawing


def _cells(
    drawing: Drawing,
    cells: list[HeatCell],
    days: list[date],
    *,
    left: float,
    top: float,
    size: Point,
    down: bool,
) -> None:
    """The cells, one path per level and shape."""
    row = {day: index for index, day in enumerate(days)}
    whole: dict[str, list[Point]] = {}
    halves: dict[str, list[Point]] = {}
    w, h = size
    half = (w / 2, h) if down else (w, h / 2)
    for cell in cells:
        column, line = (cell.hour, row[cell.day]) if down else (row[cell.day], cell.hour)
        x, y = left + column * w, top + line * h
        if cell.twice:
            offset = (half[0], 0.0) if down else (0.0, half[1])
            corner = (x + offset[0], y + offset[1]) if cell.second else (x, y)
            halves.setdefault(_ink(cell.value), []).append(corner)
        else:
            whole.setdefault(_ink(cell.value), []).append((x, y))
    for ink, corners in sorted(whole.items()):
        drawing.boxes(corners, w - 1, h - 1, ink)
    for ink, corners in sorted(halves.items()):
        drawing.boxes(corners, half[0] - 1, half[1] - 1, ink)


def _ink(value: float) -> str:
    """The colour of a ratio: nine equal steps, all from 100 % in the last; a colour of its own for unknown."""
    if np.isnan(value):
        return "gap"
    return HEAT[max(0, min(len(HEAT) - 1, int(value * len(HEAT))))]


def _labels(
    days: list[date], left: float, top: float, size: Point, bottom: float, *, down: bool
) -> Iterator[tuple[float, float, str, str]]:
    """Hours and days along the edges: x, y, text, anchor."""
    w, h = size
    for hour in (0, 6, 12, 18):
        if down:
            yield left + hour * w, top - 6, f"{hour:02}:00", "start"
        else:
            yield left - 6, top + hour * h + 9, f"{hour:02}:00", "end"
    for index, day in enumerate(days):
        if down and (day.weekday() == 0 or index == 0):
            yield left - 6, top + index * h + 11, f"{day.day} {day:%b}", "end"
        elif not down and (len(days) <= 33 or index % 2 == 0):
            x = left + (index + 0.5) * w
            yield x, bottom + 12, str(day.day), "middle"
            if day.weekday() == 0:
                yield x, bottom + 24, "Mon", "middle"


def _scale(drawing: Drawing, *, left: float, top: float, has_gap: bool) -> None:
    """The colours and what they stand for."""
    step = 20.0
    drawing.text(left, top + 10, "0 %", size=11)
    x = left + 26
    for ink in HEAT:
        drawing.rect(x, top, step, 12, ink)
        x += step
    drawing.text(x + 6, top + 10, "100 % of ready nodes busy" if drawing.width >= NARROW_PX else "100 % busy", size=11)
    if has_gap:
        at = left if drawing.width < NARROW_PX else x + 190
        y = top + 16 if drawing.width < NARROW_PX else top
        drawing.rect(at, y, 12, 12, "gap")
        drawing.text(at + 18, y + 10, "not measured", size=11)
