"""Where values stand on a drawing: scales, round ticks, grid lines, days, legends."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from planner.report.month.drawing import Drawing, shortened, text_width

HOUR = timedelta(hours=1)
LEGEND_ROW_PX = 20
LABEL_PX = 44
"""Least distance of two days' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The rectangle data are drawn in, and what values its edges stand for."""

    left: float
    right: float
    top: float
    bottom: float
    x_low: float = 0.0
    x_high: float = 1.0
    y_low: float = 0.0
    y_high: float = 1.0

    def x(self, value: float) -> float:
        """Where a value stands, px from the left."""
        return self.left + (self.right - self.left) * (value - self.x_low) / ((self.x_high - self.x_low) or 1.0)

    def y(self, value: float) -> float:
        """Where a value stands, px from the top."""
        return self.bottom - (self.bottom - self.top) * (value - self.y_low) / ((self.y_high - self.y_low) or 1.0)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values from the last one at or below `low` to the first at or above `high`, some `about` of them."""
    if not high - low > max(abs(low), abs(high), 1e-6) * 1e-9:
        high = low + max(abs(low), 1.0)
    rough = (high - low) / max(1, about)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * index for index in range(first, last + 1)]


def compact(value: float, highest: float) -> str:
    """An axis label: whole from 8 on, millions as M."""
    if highest >= 1e6:
        return f"{value / 1e6:,g} M" if value else "0"
    return f"{value:,.0f}" if highest >= 8 else f"{value:,.2f}"


def horizontal_grid(drawing: Drawing, frame: Frame, at: Sequence[float], label: Callable[[float], str]) -> None:
    """Lines across the frame with their values at the left; the lowest is the axis."""
    for index, value in enumerate(at):
        y = frame.y(value)
        drawing.line([(frame.left, y), (frame.right, y)], "line" if index else "c7")
        drawing.text(frame.left - 6, y + 4, label(value), anchor="end", size=11)


def vertical_grid(drawing: Drawing, frame: Frame, at: Sequence[float], label: Callable[[float], str]) -> None:
    """Lines down the frame with their values below."""
    for value in at:
        x = frame.x(value)
        drawing.line([(x, frame.top), (x, frame.bottom)], "line")
        drawing.text(x, frame.bottom + 15, label(value), anchor="middle", size=11)


def day_labels(drawing: Drawing, frame: Frame, start: datetime, hours: int, *, every: int, zone: tzinfo = UTC) -> None:
    """Days below the frame, each `every` days, where they begin by the clock of `zone`; x counts hours from `start`."""
    before = -math.inf
    for day in _days(start, hours, zone):
        x = frame.x(max(0.0, (day - start) / HOUR))
        if (day.day - 1) % every or x - before < LABEL_PX:
            continue
        before = x
        name = f"{day.day} {day:%b}"
        drawing.line([(x, frame.bottom), (x, frame.bottom + 4)], "c7")
        is_last = x + text_width(name, 11) / 2 > drawing.width
        anchor = "start" if day <= start else "end" if is_last else "middle"
        drawing.text(drawing.width if is_last else x, frame.bottom + 17, name, anchor=anchor, size=11)


def _days(start: datetime, hours: int, zone: tzinfo) -> Iterator[datetime]:
    """Midnights of the zone, from the one at or before `start` up to the end."""
    first = start.astimezone(zone).replace(hour=0, minute=0)
    for index in range(hours // 24 + 2):
        # Dates are counted, not hours: a day of the zone has 23, 24 or 25.
        day = datetime.combine(first.date() + timedelta(days=index), first.time(), tzinfo=zone)
        if day.astimezone(UTC) < start + hours * HOUR:
            yield day.astimezone(UTC).astimezone(zone)


def legend(drawing: Drawing, entries: Sequence[tuple[str, str]], *, left: float, right: float, top: float) -> float:
    """Squares with names, from the left, as many lines as needed; returns where the last line ends, px."""
    x, y = left, top
    for full, ink in entries:
        name = shortened(full, right - left - 16)
        room = 16 + text_width(name) + 14
        if x > left and x + room > right:
            x, y = left, y + LEGEND_ROW_PX
        drawing.rect(x, y + 3, 11, 11, ink, radius=2)
        drawing.text(x + 16, y + 13, name)
        x += room
    return y + LEGEND_ROW_PX if entries else top


def legend_height(entries: Sequence[tuple[str, str]], width: float) -> float:
    """Height the legend takes at that width, px."""
    return legend(Drawing(width=width, height=0), entries, left=0, right=width, top=0)
