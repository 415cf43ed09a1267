"""A ledger as one file that restores into either database: gzip of JSON lines, in the order they must go in.

First line: schema, revision, and of each table its columns with the kind of their values. Then one line a row,
`[number of the table, value, ...]`. Last line: rows per table, and the SHA-256 of all lines before it, so that a file
that was cut short or altered is refused before anything is written. The whole is one state of the database.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    select,
)
from sqlalchemy import Text as TextType
from sqlalchemy.types import TypeEngine

from planner.errors import InputError
from planner.ledger import tags_of
from planner.store import tables
from planner.store.address import shown_url
from planner.store.columns import Day, Instant, Money, TagSet
from planner.store.engine import engine_of, reading, sqlite_path, writing
from planner.store.schema import HEAD, REVISIONS, SchemaState, refuse_newer, require_current, schema_of, upgrade

BACKUP_SCHEMA = "baseload.backup/1"
MAX_BYTES = 1 << 34
"""Largest backup that is read, unpacked: 16 GiB."""
_CHUNK_ROWS = 20_000

Rows = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made or restored."""

    address: str
    revision: str
    rows: Mapping[str, int]
    """By table."""
    sha256: str
    """Of its lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of value: its type in a database, and its way to JSON and back."""

    type: Callable[[], TypeEngine[Any]]
    dump: Callable[[Any], Any] = lambda value: value
    load: Callable[[Any], Any] = lambda value: value


_KINDS: Mapping[str, _Kind] = {
    "integer": _Kind(type=BigInteger),
    "flag": _Kind(type=Boolean),
    "number": _Kind(type=Float),
    "text": _Kind(type=TextType),
    "money": _Kind(type=Money, dump=lambda value: format(value, "f"), load=Decimal),
    "time": _Kind(
        type=Instant,
        dump=lambda value: value.isoformat(),
        load=lambda text: datetime.fromisoformat(text).astimezone(UTC),
    ),
    "day": _Kind(type=Day, dump=lambda value: value.isoformat(), load=date.fromisoformat),
    "tags": _Kind(type=TagSet, dump=dict, load=tags_of),
    "bytes": _Kind(
        type=LargeBinary,
        dump=lambda value: base64.b64encode(value).decode(),
        load=lambda text: base64.b64decode(text, validate=True),
    ),
}


def backup(url: URL) -> tuple[bytes, Backup]:
    """The ledger at a URL as the bytes of a file, and what is in it."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise InputError(f"{shown_url(url)}: no ledger there; nothing to back up")
    engine = engine_of(url)
    try:
        with reading(engine) as connection:
            require_current(schema_of(connection), url)
            out = BytesIO()
            with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=6) as packed:
                rows, digest = _write(connection, packed)
    finally:
        engine.dispose()
    return out.getvalue(), Backup(address=shown_url(url), revision=HEAD, rows=rows, sha256=digest)


def restore(url: URL, data: bytes, *, source: str) -> Backup:
    """Puts a backup (unpacked bytes of its file) where no facts are yet; an older one is brought up to date."""
    head, lines, rows, digest = _checked(data, source)
    path = sqlite_path(url)
    engine = engine_of(url)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with writing(engine) as connection:
            _make_place(connection, url, head["revision"])
            _insert_all(connection, head, lines, source)
            upgrade(connection)
    finally:
        engine.dispose()
    return Backup(address=shown_url(url), revision=head["revision"], rows=rows, sha256=digest)


def _write(connection: Connection, packed: gzip.GzipFile) -> tuple[Rows, str]:
    hasher = hashlib.sha256()
    ordered = tables.metadata.sorted_tables

    def put(lines: Sequence[str]) -> None:
        text = "".join(f"{line}\n" for line in lines).encode()
        hasher.update(text)
        packed.write(text)

    columns = [[(column.name, _kind_of(column)) for column in table.columns] for table in ordered]
    named = [{"name": table.name, "columns": columns[index]} for index, table in enumerate(ordered)]
    put([_json({"schema": BACKUP_SCHEMA, "revision": HEAD, "tables": named})])
    rows: Rows = {}
    for index, table in enumerate(ordered):
        dumps = [_KINDS[kind].dump for _, kind in columns[index]]
        found = connection.execute(select(table).order_by(*table.primary_key.columns))
        rows[table.name] = 0
        while chunk := found.fetchmany(_CHUNK_ROWS):
            put(
                [
                    _json([index, *(None if v is None else dump(v) for v, dump in zip(row, dumps, strict=True))])
                    for row in chunk
                ]
            )
            rows[table.name] += len(chunk)
    digest = hasher.hexdigest()
    packed.write(f"{_json({'rows': rows, 'sha256': digest})}\n".encode())
    return rows, digest


def _checked(data: bytes, source: str) -> tuple[dict[str, Any], Iterator[bytes], Rows, str]:
    """Head, rows, counts and digest of a backup whose checksum holds."""
    end = data.rstrip(b"\n").rfind(b"\n") + 1
    try:
        head, foot = json.loads(data[: data.index(b"\n")]), json.loads(data[end:])
        schema = head["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{source}: is no whole backup of a ledger; expected a file of `baseload db backup`") from None
    if schema != BACKUP_SCHEMA:
        raise InputError(f"{source}: schema is {schema!r}; expected {BACKUP_SCHEMA!r}, as `baseload db backup` writes")
    digest = hashlib.sha256(data[:end]).hexdigest()
    if not isinstance(foot, dict) or foot.get("sha256") != digest:
        raise InputError(f"{source}: its checksum does not hold: the file was cut short or altered")
    if head["revision"] not in REVISIONS:
        raise InputError(
            f"{source}: the backup has revision {head['revision']}, made by a newer baseload;"
            f" this version knows up to {HEAD}: upgrade baseload"
        )
    lines = iter(BytesIO(data[:end]))
    next(lines)
    return head, lines, foot["rows"], digest


def _make_place(connection: Connection, url: URL, revision: str) -> None:
    """The tables of a revision, empty; InputError where facts are already."""
    schema = schema_of(connection)
    refuse_newer(schema, url)
    if schema.state is SchemaState.ABSENT:
        upgrade(connection, revision)
        return
    is_empty = schema.state is SchemaState.CURRENT and revision == HEAD
    if not is_empty or any(_has_rows(connection, table) for table in tables.metadata.sorted_tables):
        raise InputError(
            f"{shown_url(url)}: holds a ledger already, which a restore would mix with; expected a new place:"
            " set BASELOAD_DATABASE_URL to one, or move the old ledger away"
        )


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(1).select_from(table).limit(1)).first() is not None


def _insert_all(connection: Connection, head: Mapping[str, Any], lines: Iterator[bytes], source: str) -> None:
    """Inserts the rows as they come, a table at a time."""
    places = []
    for one in head["tables"]:
        columns = [Column(name, _KINDS[kind].type()) for name, kind in one["columns"]]
        loads = [(name, _KINDS[kind].load) for name, kind in one["columns"]]
        places.append((Table(one["name"], MetaData(), *columns), loads))
    chunk: list[dict[str, Any]] = []
    current = 0
    for line in lines:
        index, *values = json.loads(line)
        if index != current or len(chunk) == _CHUNK_ROWS:
            _insert(connection, places[current][0], chunk)
            chunk, current = [], index
        try:
            pairs = zip(places[index][1], values, strict=True)
            chunk.append({name: None if value is None else load(value) for (name, load), value in pairs})
        except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
            raise InputError(f"{source}: a row of {places[index][0].name} cannot be read ({error})") from None
    _insert(connection, places[current][0], chunk)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _kind_of(column: Column[Any]) -> str:
    for name, kind in (("money", Money), ("time", Instant), ("day", Day), ("tags", TagSet)):
        if isinstance(column.type, kind):
            return name
    for name, plain in (
        ("flag", Boolean),
        ("number", Float),
        ("integer", Integer),
        ("bytes", LargeBinary),
        ("text", String),
    ):
        if isinstance(column.type, plain):
            return name
    raise TypeError(f"column {column} has no kind")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
