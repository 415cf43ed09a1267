"""The document as Markdown (GitHub's tables), for a wiki or a mail. Pictures are told in words."""

from collections.abc import Iterator, Sequence

from planner.report.month.document import Block, Cell, Document, Figure, Heading, Paragraph, Points, Table

ESCAPED = "\\`*_[]<>|#"


def markdown(document: Document) -> str:
    """The document as Markdown, ended by a newline."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {_plain(document.title)}"
    yield ""
    yield _plain(document.subtitle)
    yield ""
    for notice in document.notices:
        yield f"> {_plain(notice)}"
        yield ""
    yield "## Summary"
    yield ""
    for sentence in document.summary:
        yield _plain(sentence)
        yield ""
    yield from _rows(
        [("figure", False), ("value", True), ("", False)],
        [
            [_plain(card.label), _plain(f"{card.figure} {card.unit}".strip()), _plain(card.note)]
            for card in document.cards
        ],
    )
    for section in document.sections:
        yield ""
        yield f"## {_plain(section.title)}"
        for block in section.blocks:
            yield ""
            yield from _block(block)
    yield ""
    yield "---"
    yield ""
    yield _plain(document.colophon)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield _plain(block.text)
        case Points():
            for item in block.items:
                yield f"- {_plain(item)}"
        case Heading():
            yield f"### {_plain(block.text)}"
        case Figure():
            yield f"*{_plain(block.caption)}.* {_plain(block.alt)}"
        case Table():
            yield f"**{_plain(block.caption)}**"
            yield ""
            columns = [
                (f"{column.title} ({column.unit})" if column.unit else column.title, column.is_number)
                for column in block.columns
            ]
            rows = [_texts(row) for row in block.rows]
            if block.total:
                rows.append([f"**{text}**" if text else "" for text in _texts(block.total)])
            yield from _rows([(_plain(title), right) for title, right in columns], rows)


def _texts(row: Sequence[Cell]) -> list[str]:
    return [_plain(cell.text) for cell in row]


def _rows(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(title for title, _ in columns)} |"
    yield f"|{'|'.join('---:' if right else '---' for _, right in columns)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _plain(text: str) -> str:
    """The text as it stands, with nothing that Markdown would read as markup."""
    flat = " ".join(text.split())
    return "".join(f"\\{mark}" if mark in ESCAPED else mark for mark in flat)
