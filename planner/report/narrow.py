"""Tables and sentences that keep to a terminal's width: less important columns go, long lines wrap. Pure."""

import textwrap
from collections.abc import Iterable, Sequence

from planner.catalog.offer_id import OfferId
from planner.report.screen import Cell, Column, Screen

GAP = 2
"""Blanks between two columns of a table."""


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], screen: Screen, dispensable: Sequence[str]
) -> tuple[list[Column], list[list[Cell]], list[str]]:
    """The columns that fit the screen, their cells, and the titles of those left out, in the order of `dispensable`.

    A column without any known cell says nothing and goes unmentioned.
    """
    kept = [index for index in range(len(columns)) if not rows or any(row[index] not in (None, "") for row in rows)]
    gone: list[str] = []
    for title in dispensable:
        if screen.width is None or _width([columns[i] for i in kept], [[row[i] for i in kept] for row in rows]) <= (
            screen.width
        ):
            break
        if any(columns[index].title == title for index in kept):
            kept = [index for index in kept if columns[index].title != title]
            gone.append(title)
    return [columns[index] for index in kept], [[row[index] for index in kept] for row in rows], gone


def _width(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> int:
    """Columns of text that the table takes."""
    widths = [
        max(len(column.title), len(column.unit), *(len(column.text(row[index])) for row in rows), 0)
        for index, column in enumerate(columns)
    ]
    return sum(widths) + GAP * (len(columns) - 1)


def wrapped(line: str, screen: Screen, indent: int = 2) -> list[str]:
    """The line in pieces that fit the screen, later ones indented; whole where the width is unlimited."""
    if screen.width is None or len(line) <= screen.width:
        return [line]
    return textwrap.wrap(
        line, screen.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def by_reason(unfit: Iterable[tuple[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Offers and why each has no rate, grouped: (reason, [(offer, what is particular to it)]), largest group first.

    A reason is what its offers have in common: the text before the figures, the product's own name left out.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for offer, reason in unfit:
        product = OfferId.of(offer).product
        general = reason.replace(f" on {product},", ",")
        head, colon, detail = general.partition(": ")
        groups.setdefault(head if colon else general, []).append((offer, detail))
    merged = []
    for head, members in groups.items():
        details = {detail for _, detail in members}
        if len(details) == 1 and "" not in details:
            merged.append((f"{head}: {details.pop()}", [(offer, "") for offer, _ in members]))
        else:
            merged.append((head, members))
    return sorted(merged, key=lambda group: -len(group[1]))


def reason_lines(unfit: Sequence[tuple[str, str]], screen: Screen, *, details: bool) -> list[str]:
    """The groups of `by_reason` as lines: the reason with its count, then the offers; with figures one per line."""
    lines = []
    for reason, members in by_reason(unfit):
        count = f"{len(members)} offer{'s' if len(members) > 1 else ''}"
        lines += wrapped(f"{reason} ({count}):", screen)
        if details and any(detail for _, detail in members):
            longest = max(len(offer) for offer, _ in members)
            lines += [
                piece
                for offer, detail in members
                for piece in wrapped(f"  {offer:<{longest}}  {detail}", screen, longest + 4)
            ]
        else:
            lines += wrapped("  " + ", ".join(offer for offer, _ in members), screen)
    return lines


def common_note(notes: Sequence[Sequence[str]]) -> list[str]:
    """The notes that every one of several lists has, in the order of the first."""
    if not notes:
        return []
    return [note for note in notes[0] if all(note in others for others in notes)]
