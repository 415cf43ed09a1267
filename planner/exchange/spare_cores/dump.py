"""A SQL dump, executed without trusting it: only the tables that are read are made, by CREATE TABLE and INSERT alone.

Each statement is looked at before it runs, and SQLite asks an authorizer again for all that a statement would do: no
other table or database, no query, no PRAGMA, no function but those dumps write text with. Raises InputError.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from planner.errors import InputError
from planner.exchange.spare_cores.schema import MAX_VALUE_BYTES, TABLES

_HEAD = re.compile(r'\s*(CREATE\s+TABLE(?:\s+IF\s+NOT\s+EXISTS)?|INSERT\s+INTO)\s+(?:"(\w+)"|(\w+))', re.IGNORECASE)
_PASSED_OVER = re.compile(
    r"\s*(BEGIN(\s+TRANSACTION)?|COMMIT|PRAGMA\s+foreign_keys\s*=\s*OFF|CREATE\s+(UNIQUE\s+)?INDEX\s[^;]*)\s*;\s*",
    re.IGNORECASE,
)
"""What every dump has and none needs: SQLite's shell and Python write them."""
_TEXT_FUNCTIONS = ("char", "replace", "unistr")
"""With these SQLite's shell writes line breaks."""


def database_of_dump(lines: Iterable[bytes], name: str, target: Path) -> Path:
    """The SQLite file that the dump makes at `target`; `name` names the dump in errors."""
    number = 0
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = OFF")  # a file that is thrown away
        made.execute("PRAGMA synchronous = OFF")
        made.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        made.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        made.execute("BEGIN")
        made.set_authorizer(_allowed)
        for number, statement in enumerate(_statements(lines, name), start=1):
            if _PASSED_OVER.fullmatch(statement):
                continue
            found = _HEAD.match(statement)
            if found is None:
                raise InputError(
                    f"{name}, statement {number}: {_start(statement)}; expected only CREATE TABLE and INSERT INTO"
                )
            if (found[2] or found[3]) in TABLES:
                try:
                    made.execute(statement)
                except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
                    raise InputError(f"{name}, statement {number}: {_start(statement)}: {error}") from error
        made.set_authorizer(None)
        try:
            made.execute("COMMIT")
        except sqlite3.Error as error:
            raise InputError(f"{name}: cannot be made a database ({error}); expected room for it") from error
    return target


def _allowed(action: int, first: str | None, second: str | None, database: str | None, _inner: str | None) -> int:
    """What SQLite may do for a CREATE TABLE or INSERT of a table that is read."""
    is_ours = database == "main" and first in TABLES
    is_schema = database == "main" and first == "sqlite_master"  # SQLite's own bookkeeping of CREATE TABLE
    permitted = (
        (action in (sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_READ) and is_ours)
        or (action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_READ) and is_schema)
        or (action == sqlite3.SQLITE_CREATE_INDEX and database == "main" and second in TABLES)  # of a primary key
        or (action == sqlite3.SQLITE_FUNCTION and second in _TEXT_FUNCTIONS)
    )
    return sqlite3.SQLITE_OK if permitted else sqlite3.SQLITE_DENY


def _statements(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """Statements of whole lines: one ends with the line that ends in `;` outside a text."""
    held: list[bytes] = []
    size, quotes = 0, 0
    for line in lines:
        if not held and (not line.strip() or line.startswith(b"--")):
            continue
        held.append(line)
        size += len(line)
        quotes += line.count(b"'")
        if size > MAX_VALUE_BYTES:
            raise InputError(f"{name}: a statement of more than {MAX_VALUE_BYTES >> 20} MiB; expected shorter ones")
        if quotes % 2 == 0 and line.rstrip().endswith(b";"):
            yield _text(held, name)
            held, size, quotes = [], 0, 0
    if held:
        raise InputError(f"{name}: ends within {_start(_text(held, name))}; expected a whole dump")


def _text(held: list[bytes], name: str) -> str:
    try:
        return b"".join(held).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: a statement is not UTF-8; expected a SQL dump in UTF-8") from error


def _start(statement: str) -> str:
    words = " ".join(statement.split())
    return repr(words if len(words) <= 40 else f"{words[:40]}…")
