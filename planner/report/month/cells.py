"""Cells, tables and figures made of values, as the sections need them."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from planner.report.month.document import Block, Cell, Column, Figure, Paragraph, Table, Tone
from planner.report.month.drawing import Drawing
from planner.report.month.reading import Reading
from planner.report.numbers import number, percent

WIDE_PX, NARROW_PX = 720.0, 330.0
"""Widths pictures are drawn for: a page, a phone."""
MILLION = 1_000_000

BLANK = Cell(text="")


def words(text: str) -> Cell:
    """Words, or a figure that is words already."""
    return Cell(text=text)


def count(value: Decimal | float | None, key: str = "", places: int = 0) -> Cell:
    """A plain number; – for unknown."""
    return Cell(text=number(value, places), key=key)


def ratio(value: float | Decimal | None, key: str = "", places: int = 1) -> Cell:
    """A ratio, as percent without the sign."""
    return Cell(text=percent(value, places), key=key)


def money(reading: Reading, usd: Decimal | None, key: str = "", places: int = 2) -> Cell:
    """An amount in the reader's currency."""
    return Cell(text=reading.amount(usd, places), key=key)


def change(reading: Reading, usd: Decimal, key: str = "") -> Cell:
    """A difference in cost: dearer is bad, cheaper good."""
    tone = Tone.BAD if usd > 0 else Tone.GOOD if usd < 0 else Tone.PLAIN
    return Cell(text=reading.change(usd), key=key, tone=tone)


def named(title: str) -> Column:
    """A column of words."""
    return Column(title=title, is_number=False)


def short(title: str) -> Column:
    """A column of words that stand on one line."""
    return Column(title=title, is_number=False, is_short=True)


def notes(remarks: Iterable[str]) -> list[Block]:
    """Remarks as sentences, one below the other."""
    return [Paragraph(text=sentence(remark), is_note=True) for remark in remarks]


def sentence(remark: str) -> str:
    """A remark as a sentence: a capital, unless it opens with an id, and a full stop."""
    first = remark.split(maxsplit=1)[0] if remark.strip() else ""
    capital = remark[:1].upper() + remark[1:] if first.isalpha() else remark
    return capital if capital.endswith((".", "!", "?")) else f"{capital}."


def table(
    id_: str,
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    total: Sequence[Cell] = (),
) -> Table:
    """The table of those rows."""
    return Table(
        id=id_, caption=caption, columns=tuple(columns), rows=tuple(tuple(row) for row in rows), total=tuple(total)
    )


def figure(id_: str, caption: str, alt: str, draw: Callable[[float], Drawing]) -> Figure:
    """A picture drawn for a page and for a phone."""
    return Figure(
        id=id_,
        caption=caption,
        alt=alt,
        wide=draw(WIDE_PX).svg(f"{id_}-wide", caption, alt),
        narrow=draw(NARROW_PX).svg(f"{id_}-narrow", caption, alt),
    )
