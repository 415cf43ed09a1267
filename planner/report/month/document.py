"""The outline of a report: sections of paragraphs, lists, tables, pictures. HTML, PDF and Markdown render this one.

Pure: values only. Text is as people read it, rounded and in the reader's currency; nothing in here is markup.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Tone(StrEnum):
    """What a figure means to whoever pays."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    MUTED = "muted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table."""

    text: str
    key: str = ""
    """Where the same figure stands in the JSON document, such as bill.0.amount_usd; empty: nowhere."""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its title, the unit of its numbers, and whether it holds numbers (then they stand right-aligned)."""

    title: str
    unit: str = ""
    is_number: bool = True
    is_short: bool = False
    """Words that stand on one line: a date, a role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a caption; the first cell of each row names it."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    """The closing row; empty: none."""

    def __post_init__(self) -> None:
        for row in (*self.rows, *((self.total,) if self.total else ())):
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.id}: a row has {len(row)} cells, expected {len(self.columns)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Sentences."""

    text: str
    is_note: bool = False
    """Said beside the matter: how something was reckoned, what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """A list of short statements."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading within a section."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture with its caption, drawn twice: for a page and for a phone."""

    id: str
    caption: str
    alt: str
    """What the picture shows, in words, for whoever cannot see it."""
    wide: str
    """SVG."""
    narrow: str


Block: TypeAlias = Paragraph | Points | Table | Heading | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the report."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One headline figure."""

    id: str
    label: str
    figure: str
    unit: str
    note: str
    key: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    language: str
    notices: tuple[str, ...]
    """What a reader must know first."""
    cards: tuple[Card, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    """All but the summary, in order."""
    colophon: str
    """Basis of the amounts, when the facts were read."""
