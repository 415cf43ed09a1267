"""Section: one part of what `baseload price` shows, for people and for programs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from planner.report.narrow import fitted
from planner.report.numbers import Currency
from planner.report.screen import Cell, Column, Screen, table

if TYPE_CHECKING:
    from rich.console import RenderableType

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number", "minimum": 0}
SIGNED: Json = {"type": "number"}
MONEY: Json = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """A table of which a narrow terminal leaves out columns, so that the others stay whole."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    dispensable: Sequence[str]
    """Titles of columns to leave out, the first to go first."""
    sections: Sequence[int] = ()

    def fit(self, screen: Screen) -> "list[RenderableType]":
        """The table as it fits the screen, and a line that says what is left out."""
        columns, rows, gone = fitted(self.columns, self.rows, screen, self.dispensable)
        made = table(columns, rows, sections=self.sections)
        return [made, f"Left out to fit: {', '.join(gone)}."] if gone else [made]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: its title, its lines and tables in a currency, its part of the JSON document."""

    key: str
    """Key in the document; one of the registry."""
    title: str
    parts: "Callable[[Currency], Sequence[RenderableType | Wide]]"
    """Tables (report/screen.table, or Wide) and plain lines, amounts in the given currency."""
    document: Any
    """The same content: money as decimal strings in USD, unknown as null."""


def money(usd: Decimal | None) -> str | None:
    """An amount as JSON has it: a decimal string, never in exponents; None where unknown."""
    return None if usd is None else f"{usd:f}"


def record(properties: Json) -> Json:
    """The schema of an object with exactly these keys."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def listed(items: Json) -> Json:
    """The schema of a list."""
    return {"type": "array", "items": items}


def or_null(schema: Json) -> Json:
    """The schema, or null for unknown."""
    return {"anyOf": [schema, {"type": "null"}]}


def said(schema: Json, description: str) -> Json:
    """The schema with its meaning."""
    return {**schema, "description": description}
