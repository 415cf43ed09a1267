"""All sections of `baseload price` together: one text, or one JSON document `baseload.price/1`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from planner.report.numbers import USD, Currency, span
from planner.report.price.registry import SCHEMA, section_keys
from planner.report.price.section import Json, Section, Wide
from planner.report.screen import Screen, render

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHead:
    """What all sections are about."""

    basis: str
    """"quote", "plan" or "month"; "none" where no section is about money."""
    source: str
    price_basis: str
    """Currency, VAT, hours and dates of the prices behind every amount."""
    start: datetime | None = None
    end: datetime | None = None
    remarks: tuple[str, ...] = ()


def price_document(head: PriceHead, sections: Sequence[Section]) -> Json:
    """The document."""
    return {
        "schema": SCHEMA,
        "currency": "USD",
        "price_basis": head.price_basis,
        "basis": head.basis,
        "source": head.source,
        "start": _time(head.start),
        "end": _time(head.end),
        "remarks": list(head.remarks),
        **{section.key: section.document for section in in_order(sections)},
    }


def render_price(
    head: PriceHead, sections: Sequence[Section], *, screen: Screen | None = None, currency: Currency = USD
) -> str:
    """The text: what it is about, each section under its title, the basis of every amount."""
    screen = screen or Screen()
    about = f"Price of {head.source}"
    if head.start is not None and head.end is not None:
        about += f", {span(head.start, head.end)}"
    parts: list[RenderableType] = [about]
    for section in in_order(sections):
        parts += ["", section.title, ""]
        for part in section.parts(currency):
            parts += part.fit(screen) if isinstance(part, Wide) else [part]
    note = f"; {currency.note}" if currency.note else ""
    return render([*parts, "", f"Basis: {head.price_basis}{note}."], screen)


def in_order(sections: Sequence[Section]) -> list[Section]:
    """Sections as the registry orders them; one it does not list is a mistake of the program."""
    order = section_keys()
    return sorted(sections, key=lambda section: order.index(section.key))


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
