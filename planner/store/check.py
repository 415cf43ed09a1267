"""What is wrong with a ledger's database: schema, guards, references, counts, plans; and what is newest in it."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import URL, Connection, func, select

from planner.errors import InputError
from planner.ledger import BatchKind
from planner.store import read, tables
from planner.store.address import shown_url
from planner.store.engine import engine_of, reading, sqlite_path, writing
from planner.store.schema import HEAD, SchemaState, refuse_newer, require_current, schema_of, upgrade

_ROWS = {
    BatchKind.LEASES: tables.lease,
    BatchKind.USAGE: tables.served,
    BatchKind.COSTS: tables.other_cost,
    BatchKind.PRICES: tables.price,
    BatchKind.PLAN: tables.plan,
    BatchKind.PUBLISHED: tables.published,
}
_POSTGRES_TRIGGERS = (
    "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND tgenabled <> 'D'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    is_ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A ledger as it was found."""

    address: str
    database: str
    """Name and version of the database."""
    revision: str
    checks: tuple[Check, ...]
    rows: dict[str, int]
    """By table."""
    newest_batch_at: datetime | None
    newest_hour: datetime | None
    """Last hour with usage that is not retracted."""

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.is_ok for check in self.checks)


def check(url: URL) -> Health:
    """The health of a ledger; an absent, older or newer one is an InputError."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise InputError(f"{shown_url(url)}: no ledger there; `baseload ledger import` makes one")
    engine = engine_of(url)
    try:
        with reading(engine) as connection:
            schema = schema_of(connection)
            require_current(schema, url)
            newest = connection.execute(select(func.max(tables.batch.c.added_at))).scalar()
            hours = select(func.max(tables.served.c.hour)).where(tables.served.c.batch_id.not_in(read.retracted()))
            hour = connection.execute(hours).scalar()
            return Health(
                address=shown_url(url),
                database=_database(connection),
                revision=schema.revision or "",
                checks=tuple(_checks(connection)),
                rows={table.name: _count(connection, table.name) for table in tables.metadata.sorted_tables},
                newest_batch_at=newest,
                newest_hour=None if hour is None else read.moment_of(hour),
            )
    finally:
        engine.dispose()


def upgrade_database(url: URL) -> tuple[str | None, str]:
    """Makes a ledger or brings it up to date, all or nothing: the revision it had (None: none was), and has."""
    path = sqlite_path(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = engine_of(url)
    try:
        with writing(engine) as connection:
            schema = schema_of(connection)
            refuse_newer(schema, url)
            if schema.state is not SchemaState.CURRENT:
                upgrade(connection)
            return schema.revision, HEAD
    finally:
        engine.dispose()


def _checks(connection: Connection) -> Iterator[Check]:
    yield Check(name="schema", is_ok=True, detail=f"revision {HEAD}")
    yield _integrity(connection)
    yield _references(connection)
    yield _guards(connection)
    yield _counts(connection)
    yield _plans(connection)


def _integrity(connection: Connection) -> Check:
    if connection.dialect.name != "sqlite":
        return Check(name="integrity", is_ok=True, detail="PostgreSQL checks its own pages")
    said = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    return Check(name="integrity", is_ok=said == ["ok"], detail="; ".join(said[:3]))


def _references(connection: Connection) -> Check:
    """Rows of a batch or series that is not there."""
    lost = []
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                missing = select(func.count()).select_from(table).where(column.not_in(select(key.column)))
                count = connection.execute(missing).scalar()
                if count:
                    lost.append(f"{count} rows of {table.name} without {key.column}")
    return Check(name="references", is_ok=not lost, detail="; ".join(lost) or "every row has its batch and series")


def _guards(connection: Connection) -> Check:
    """Triggers that refuse changes."""
    sqlite = connection.dialect.name == "sqlite"
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'" if sqlite else _POSTGRES_TRIGGERS
    held = {str(row[0]) for row in connection.exec_driver_sql(query)}
    endings = ("_no_update", "_no_delete") if sqlite else ("_append_only",)
    guarded = [table.name for table in tables.metadata.sorted_tables if table.name not in tables.CHANGING]
    lost = [name for name in guarded if any(f"{name}{end}" not in held for end in endings)]
    detail = f"missing on {', '.join(lost)}" if lost else "facts cannot be changed or deleted"
    return Check(name="append-only", is_ok=not lost, detail=detail)


def _counts(connection: Connection) -> Check:
    """Rows of each batch, against what was counted when it came in."""
    wrong = []
    for batch in read.batches(connection):
        table = _ROWS[batch.kind]
        count = connection.execute(select(func.count()).select_from(table).where(table.c.batch_id == batch.id)).scalar()
        if count != batch.rows:
            wrong.append(f"batch {batch.id} has {count} rows, {batch.rows} came in")
    return Check(name="batches", is_ok=not wrong, detail="; ".join(wrong) or "each has the rows it came in with")


def _plans(connection: Connection) -> Check:
    """Recorded plans can be unpacked, and their forecasts are the ones they were made for."""
    wrong = []
    for row in connection.execute(select(tables.plan)):
        try:
            gzip.decompress(row.document_gz)
            if row.forecast_gz is not None:
                digest = hashlib.sha256(gzip.decompress(row.forecast_gz)).hexdigest()
                if digest != row.forecast_sha256:
                    wrong.append(f"the forecast of batch {row.batch_id} is not the one recorded")
        except (OSError, EOFError, zlib.error):
            wrong.append(f"the plan of batch {row.batch_id} cannot be unpacked")
    return Check(name="plans", is_ok=not wrong, detail="; ".join(wrong) or "each can be read, with its forecast")


def _count(connection: Connection, name: str) -> int:
    table = tables.metadata.tables[name]
    return int(connection.execute(select(func.count()).select_from(table)).scalar() or 0)


def _database(connection: Connection) -> str:
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    return f"{'SQLite' if connection.dialect.name == 'sqlite' else 'PostgreSQL'} {version}"
