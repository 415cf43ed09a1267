"""Bars: rows of named, stacked lengths, and the waterfall that leads from one amount to another."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.report.month.axes import Frame, legend, legend_height, ticks, vertical_grid
from planner.report.month.drawing import Drawing, shortened, text_width

NARROW_PX = 480
"""Below this width a bar's name stands above it, not at its left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row: its name, its parts in order (value, ink), and its figure in words."""

    name: str
    parts: tuple[tuple[float, str], ...]
    figure: str
    is_heading: bool = False
    """A name alone, above those that belong to it."""


def bars(rows: Sequence[Bar], *, width: float, entries: Sequence[tuple[str, str]] = ()) -> Drawing:
    """Horizontal bars from a common zero, each with its figure behind it; `entries` is the legend."""
    narrow = width < NARROW_PX
    name_px = 0.0 if narrow else min(250.0, max((text_width(row.name) for row in rows), default=0) + 12)
    figure_px = max((text_width(row.figure) for row in rows), default=0) + 10
    row_px, bar_px = (42, 14) if narrow else (28, 16)
    top = legend_height(entries, width) + (6 if entries else 0)
    drawing = Drawing(width=width, height=top + sum(26 if row.is_heading else row_px for row in rows) + 4)
    legend(drawing, entries, left=0, right=width, top=0)
    longest = max((sum(value for value, _ in row.parts) for row in rows), default=0) or 1.0
    scale = (width - name_px - figure_px) / longest
    y = top
    for row in rows:
        if row.is_heading:
            drawing.text(0, y + 18, row.name, ink="ink", bold=True)
            y += 26
            continue
        if narrow:
            drawing.text(0, y + 13, shortened(row.name, width), ink="ink")
        else:
            drawing.text(0, y + 18, shortened(row.name, name_px - 10), ink="ink")
        bar_y = y + 19 if narrow else y + 6
        x = name_px
        for value, ink in row.parts:
            length = value * scale
            drawing.rect(x, bar_y, max(length - 1, 0.5) if value > 0 else 0, bar_px, ink, radius=2)
            x += length
        drawing.text(x + 6, bar_y + bar_px / 2 + 4.3, row.figure, ink="ink")
        y += row_px
    return drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a waterfall: from where to where, and its figure in words; a level stands where both are one."""

    name: str
    start: float
    end: float
    figure: str

    @property
    def is_level(self) -> bool:
        """Whether it is an amount, not a change."""
        return self.start == self.end


def waterfall(steps: Sequence[Step], *, width: float) -> Drawing:
    """Amounts as posts and changes as bars between them. The axis shows the stretch that matters, not zero."""
    narrow = width < NARROW_PX
    name_px = 0.0 if narrow else max(text_width(step.name) for step in steps) + 16
    figure_px = max(text_width(step.figure) for step in steps) + 8
    row_px, bar_px = (44, 16) if narrow else (34, 20)
    values = [value for step in steps for value in (step.start, step.end)]
    at = ticks(min(values), max(values), 3 if narrow else 5)
    frame = Frame(
        left=name_px + (22 if narrow else 6),
        right=width - figure_px - 6,
        top=2,
        bottom=2 + row_px * len(steps),
        x_low=at[0],
        x_high=at[-1],
    )
    drawing = Drawing(width=width, height=frame.bottom + 22)
    vertical_grid(drawing, frame, at, lambda value: f"{value:,.0f}" if at[1] - at[0] >= 1 else f"{value:,.2f}")
    for index, step in enumerate(steps):
        y = frame.top + index * row_px
        bar_y = y + (22 if narrow else 7)
        low, high = sorted((frame.x(step.start), frame.x(step.end)))
        if narrow:
            drawing.text(0, y + 16, step.name, ink="ink", bold=step.is_level)
        else:
            drawing.text(name_px - 6, bar_y + 14.5, step.name, ink="ink", anchor="end", bold=step.is_level)
        if step.is_level:
            drawing.rect(low - 2.5, bar_y, 5, bar_px, "ink", radius=1)
        else:
            ink = "c5" if step.end > step.start else "c3"
            drawing.rect(low, bar_y, max(high - low, 1.5), bar_px, ink, radius=1)
        if index + 1 < len(steps):
            x = frame.x(step.end)
            drawing.line([(x, bar_y + bar_px), (x, bar_y + row_px)], "soft", dash="2 2")
        drawing.text(high + 7, bar_y + bar_px / 2 + 4.3, step.figure, ink="ink", bold=step.is_level)
    return drawing
