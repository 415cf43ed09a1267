"""Text for a screen or a pipe: tables with units, one precision per column. Uses rich, imported when first needed.

A pipe gets every table at full width, so that ids are complete and lines can be searched; a terminal gets its width.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, TextIO

from planner.report.numbers import UNKNOWN, number, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

UNLIMITED = 100_000
"""Columns of a pipe: wider than any line."""
SPARK_WIDTH = 62
"""Blocks of a sparkline where the width is unlimited: a month in half days."""

Cell = str | int | float | Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where text goes: its width in columns (None: as wide as needed) and whether it may be coloured."""

    width: int | None = None
    color: bool = False

    @property
    def spark_width(self) -> int:
        """Blocks a sparkline may have, its label and figures apart."""
        return SPARK_WIDTH if self.width is None else max(12, min(SPARK_WIDTH, self.width - 38))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its title with the unit below it, and how its numbers are shown."""

    title: str
    unit: str = ""
    right: bool = True
    places: int = 0
    is_ratio: bool = False
    """Ratios are shown as percent."""

    def text(self, cell: Cell) -> str:
        """The cell as shown: words as they are, numbers at the column's precision, – for unknown."""
        if cell is None:
            return UNKNOWN
        if isinstance(cell, str):
            return cell
        return percent(cell, self.places) if self.is_ratio else number(cell, self.places)


def screen_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Screen:
    """The screen behind a stream: colour and width of a terminal, neither for a pipe; NO_COLOR and TERM=dumb obeyed."""
    if not stream.isatty():
        return Screen()
    color = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Screen(width=shutil.get_terminal_size().columns, color=color)


def words(title: str) -> Column:
    """A left-aligned column of words."""
    return Column(title=title, right=False)


def render_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    title: str = "",
    footer: Sequence[str] = (),
    screen: Screen | None = None,
) -> str:
    """A table as text: the title above, one line per row, the footer's lines below."""
    parts: list[RenderableType] = [title] if title else []
    if rows:
        parts.append(table(columns, rows))
    return render([*parts, *footer], screen or Screen())


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    sections: Sequence[int] = (),
    bold: Sequence[int] = (),
) -> "Table":
    """A rich table of the rows; a space follows each row whose index is in `sections`, those in `bold` stand out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for column in columns:
        made.add_column(
            Text(f"{column.title}\n{column.unit}" if any(c.unit for c in columns) else column.title),
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=column.right,
        )
    for index, row in enumerate(rows):
        if len(row) != len(columns):
            raise ValueError(f"row {index + 1} has {len(row)} cells, expected {len(columns)}")
        cells = [Text(column.text(cell)) for column, cell in zip(columns, row, strict=True)]
        made.add_row(*cells, end_section=index in sections, style="bold" if index in bold else None)
    return made


def render(parts: Sequence["RenderableType"], screen: Screen) -> str:
    """The parts below one another as text, without trailing blanks; plain strings are taken literally."""
    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(
        file=out,
        width=screen.width or UNLIMITED,
        force_terminal=screen.color,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(Text(part) if isinstance(part, str) else part, soft_wrap=False)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
