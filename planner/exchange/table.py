"""CSV tables as people and programs export them: text in, rows with their line numbers out. Pure.

A header names the columns; what is known is read, what is named as a tag is kept, everything else is left unread and
said once. A cell may span lines (JSON in quotes does), so a row carries the number of the line it ends on.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import chain, islice

from planner.demand.header import near, shown
from planner.errors import InputError
from planner.ledger import Tags, tags_of

TAG_PREFIX = "tag:"
"""A column of this name is a tag by its header alone, such as tag:team; our own exports write them."""
MAX_CELL = 1 << 24
"""Longest cell, characters: logs hold whole conversations in one, which are passed over."""
EARLIEST_YEAR, LATEST_YEAR = 2015, 2100
"""A time outside is a mistake of units or of a century; nobody served tokens then."""

PRIVATE_COLUMNS = frozenset(
    (
        *("user", "user_id", "userid", "user_name", "username", "user_email", "email", "end_user", "end_user_id"),
        *("api_key", "apikey", "session_id", "ip", "ip_address", "requester_ip_address", "cache_key"),
        *("prompt", "prompts", "messages", "message", "response", "completion", "proxy_server_request"),
    )
)
"""Columns that name a person or a key, or hold what was written: never kept, not even as a tag."""

_CHUNK_ROWS = 20_000
_CHUNK_CHARACTERS = 4_000_000
_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

Row = list[str]


def refuse_private(said: str, column: str) -> None:
    """Raises InputError where a column is of those never kept; `said` is what asks for it."""
    if column.strip().casefold().replace("-", "_").replace(" ", "_") in PRIVATE_COLUMNS:
        raise InputError(f"{said}: names a key, a person or what was written, which is never kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of a table is which."""

    source: str
    position: Mapping[str, int]
    """Known names."""
    tags: Mapping[str, int]
    """Tag -> column."""
    width: int
    unread: tuple[str, ...]
    """Columns that are neither known nor named as a tag."""

    def cell(self, row: Row, name: str) -> str:
        """The cell of a known column, without blanks around it; empty where the table has no such column."""
        at = self.position.get(name)
        return "" if at is None else row[at].strip()

    def tags_of(self, row: Row) -> Tags:
        """The tags of a row; an empty cell is no tag."""
        return tags_of({name: row[at].strip() for name, at in self.tags.items()})

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was left unread."""
        if not self.unread:
            return ()
        names = ", ".join(self.unread[:12]) + (", ..." if len(self.unread) > 12 else "")
        return (f"{self.source}: columns not kept: {names}; --tag NAME keeps one as a tag",)


def read_chunks(text: str) -> Iterator[tuple[list[Row], list[int]]]:
    """Rows and the lines they end on, in chunks; empty lines are passed over. csv.Error where it is not CSV."""
    csv.field_size_limit(MAX_CELL)
    text = text.removeprefix("\ufeff")
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    reader = csv.reader(_lines(text), strict=True)
    while True:
        before = reader.line_num
        rows = list(islice(reader, _CHUNK_ROWS))
        if not rows:
            return
        if reader.line_num - before == len(rows):
            numbers = list(range(before + 1, reader.line_num + 1))
        else:
            numbers = _line_numbers(rows, before)
        kept = [index for index, row in enumerate(rows) if row and any(map(str.strip, row))]
        if len(kept) < len(rows):
            rows, numbers = [rows[index] for index in kept], [numbers[index] for index in kept]
        yield rows, numbers


def read_table(
    text: str,
    *,
    source: str,
    required: Sequence[str],
    optional: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    exact: bool = False,
) -> tuple[Columns, Iterator[tuple[list[Row], list[int]]]]:
    """The columns of a table, and its rows in chunks; each row is as wide as the header.

    `tags`: tag -> the column it is read from. `exact`: another program's table; its other columns are no misspellings.
    """
    chunks = _checked(text, source)
    first = next(chunks, None)
    if first is None:
        raise InputError(f"{source}: the file is empty; expected a header and a row for each fact")
    (head, *rows), (line, *numbers) = first
    columns = _columns(
        head, source=source, line=line, required=required, optional=optional, tags=tags or {}, exact=exact
    )

    def all_chunks() -> Iterator[tuple[list[Row], list[int]]]:
        for part, lines in chain([(rows, numbers)], chunks):
            _check_width(columns, part, lines)
            yield part, lines

    return columns, all_chunks()


def read_time(text: str, name: str) -> datetime:
    """A moment in UTC; ValueError says what was expected."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name} is {shown(text)}; expected ISO-8601 such as 2026-11-01T00:00:00Z") from None
    if moment.utcoffset() is None:
        raise ValueError(f"{name} {shown(text)} has no time zone; expected one, as in 2026-11-01T00:00:00Z")
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError(f"{name} is {shown(text)}; expected a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return moment.astimezone(UTC)


def read_day(text: str, name: str) -> date:
    """A date; ValueError says what was expected."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name} is {shown(text)}; expected a date such as 2026-11-01") from None


def read_money(text: str, name: str, *, signed: bool = False) -> Decimal:
    """An exact amount; ValueError says what was expected."""
    expected = "expected an amount such as 104.00" + ("" if signed else ", 0 or more")
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{name} is {shown(text)}; {expected}") from None
    if not amount.is_finite() or "_" in text or (amount < 0 and not signed):
        raise ValueError(f"{name} is {shown(text)}; {expected}")
    exponent = amount.as_tuple().exponent
    if abs(amount) > 10**12 or not isinstance(exponent, int) or not -40 <= exponent <= 12:
        raise ValueError(f"{name} is {shown(text)}; expected at most 10^12, with 40 decimals at most")
    return amount


def read_mark(text: str, name: str) -> bool:
    """Yes or no; empty is no."""
    mark = text.strip().lower()
    if mark in ("", "0", "false", "no", "f"):
        return False
    if mark in ("1", "true", "yes", "t"):
        return True
    raise ValueError(f"{name} is {shown(text)}; expected 1 or 0, true or false")


def read_name(text: str, name: str) -> str:
    """A name: printable, not empty, of a length a table can show."""
    value = text.strip()
    if not value:
        raise ValueError(f"no {name}; expected a name")
    if not value.isprintable() or len(value) > 200:
        raise ValueError(f"{name} is {shown(text)}; expected a printable text of at most 200 characters")
    return value


def _checked(text: str, source: str) -> Iterator[tuple[list[Row], list[int]]]:
    try:
        yield from read_chunks(text)
    except csv.Error as error:
        raise InputError(f"{source}: not readable as CSV ({error}); is a quote opened and not closed?") from None


def _columns(
    head: Row,
    *,
    source: str,
    line: int,
    required: Sequence[str],
    optional: Sequence[str],
    tags: Mapping[str, str],
    exact: bool,
) -> Columns:
    names = [name.strip() for name in head]
    where, known = f"{source}, row {line}", (*required, *optional)
    if len(names) == 1 and names[0] not in known:
        refuse_wrong_delimiter(head[0], known, where)
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{where}: column {name!r} appears twice; expected it once")
    position = {name: index for index, name in enumerate(names) if name in known}
    tag_at = {name.removeprefix(TAG_PREFIX): at for at, name in enumerate(names) if name.startswith(TAG_PREFIX)}
    for tag in tag_at:
        if not tag.strip() or not tag.isprintable() or len(tag) > 60:
            raise InputError(
                f"{where}: tag {shown(tag)} has no name a report could print; expected one such as tag:team"
            )
    for tag, column in tags.items():
        refuse_private(f"--tag {tag}={column}", column)
        if column not in names:
            raise InputError(f"{where}: no column {shown(column)} for the tag {tag!r}; the file has {', '.join(names)}")
        if column in known:
            raise InputError(f"{where}: column {column!r} has a meaning of its own; expected another one as a tag")
        tag_at[tag] = names.index(column)
    taken = {*position.values(), *tag_at.values()}
    unread = [] if exact else [name for at, name in enumerate(names) if at not in taken and name]
    for name in unread:
        meant = near(name, [one for one in known if one not in position])
        if meant is not None:
            raise InputError(f"{where}: unknown column {shown(name)}; did you mean {meant!r}?")
    for name in required:
        if name not in position:
            raise InputError(f"{where}: column {name!r} is missing; expected {','.join(required)}")
    return Columns(source=source, position=position, tags=tag_at, width=len(names), unread=tuple(unread))


def _check_width(columns: Columns, rows: Sequence[Row], numbers: Sequence[int]) -> None:
    if set(map(len, rows)) <= {columns.width}:
        return
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != columns.width:
            raise InputError(
                f"{columns.source}, row {number}: {len(row)} columns; expected {columns.width} as in the header"
            )


def refuse_wrong_delimiter(head: str, known: Collection[str], where: str) -> None:
    """Raises InputError where a header's known names are separated by something else than commas."""
    for delimiter, word in _DELIMITERS.items():
        if delimiter in head and any(part.strip() in known for part in head.split(delimiter)):
            raise InputError(f"{where}: the columns look separated by {word}; expected commas")


def _line_numbers(rows: Sequence[Row], before: int) -> list[int]:
    """The line each row ends on, where cells span lines."""
    numbers = []
    for row in rows:
        before += 1 + sum(cell.count("\n") for cell in row)
        numbers.append(before)
    return numbers


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends, without copying all of it."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _CHUNK_CHARACTERS)
        end = len(text) if end < 0 else end
        yield from (line + "\n" for line in text[start:end].split("\n"))
        start = end + 1
