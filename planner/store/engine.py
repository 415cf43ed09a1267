"""Connections to the ledger's database, and what went wrong with one said in a line.

SQLite: write-ahead log, foreign keys, a writer waits for another; PostgreSQL: one writer at a time by an advisory lock.
A transaction that writes is serial to every other one that writes, so a check before an insert holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from planner.errors import InputError, PlannerError, StoreError
from planner.store.address import secrets_of, shown_url

BUSY_S = 30
"""How long a writer waits for another before it gives up."""
CONNECT_S = 10
_LOCK = 0x62617365
"""Number of the advisory lock on PostgreSQL ("base")."""
WRITES = "ledger_writes"
"""Option of a connection whose transactions write."""
_OTHERS = (
    "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
    " AND name NOT LIKE 'ledger!_%' ESCAPE '!' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
)
"""Tables of another program."""


def engine_of(url: URL) -> Engine:
    """An engine that connects when first asked to; nothing is kept open between transactions."""
    if url.drivername == "sqlite":
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", prepare_sqlite)
        event.listen(engine, "begin", begin_sqlite)
        return engine
    return postgres_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")


def postgres_engine(url: URL, *, connect_s: int = CONNECT_S, **options: Any) -> Engine:
    """An engine for PostgreSQL. Raises InputError where its driver is not installed."""
    try:
        connect = {} if "connect_timeout" in url.query else {"connect_timeout": connect_s}
        return create_engine(url, connect_args={"application_name": "baseload", **connect}, **options)
    except (ImportError, NoSuchModuleError):
        raise InputError(
            f"{shown_url(url)}: PostgreSQL needs the driver psycopg; install it with pip install 'baseload[postgres]'"
        ) from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout."""
    with explained(engine.url), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, all or nothing, one at a time."""
    with explained(engine.url):
        if engine.dialect.name == "sqlite":
            with engine.execution_options(**{WRITES: True}).begin() as connection:
                yield connection
            return
        # READ COMMITTED: what was committed before the lock was ours is seen.
        with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_S}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite ledger; None on PostgreSQL."""
    return Path(url.database) if url.drivername == "sqlite" and url.database else None


def prepare_sqlite(connection: Any, _record: Any, *, busy_s: float = BUSY_S) -> None:
    """Settings of a new connection; `busy_s`: how long it waits for another writer."""
    connection.isolation_level = None  # sqlite3 would begin transactions by itself, and none for CREATE TABLE
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {round(busy_s * 1000)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA recursive_triggers = ON")  # INSERT OR REPLACE deletes: let the guard see it
    if not cursor.execute(_OTHERS).fetchone()[0]:  # the file of another program is refused, and left as it is
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def begin_sqlite(connection: Connection) -> None:
    """Begins a transaction; one that writes waits for the other writer here, not in its middle."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turns the driver's errors into one line that names the database and never holds a secret."""
    try:
        yield
    except PlannerError:
        raise
    except DBAPIError as error:
        raise _error(url, error) from error


def _error(url: URL, error: DBAPIError) -> PlannerError:
    said = " ".join(str(error.orig).split())
    for secret in secrets_of(url):
        said = said.replace(secret, "***")
    where = shown_url(url)
    if "not a database" in said:
        return InputError(f"{where}: is not a SQLite database; expected a ledger, or a path where none is yet")
    if "unable to open database file" in said:
        return InputError(f"{where}: cannot be opened; expected a file one may read and write, in a folder that exists")
    if "invalid connection option" in said or "invalid dsn" in said:
        return InputError(f"{where}: a parameter of the URL is unknown ({said}); expected those of PostgreSQL")
    if "readonly database" in said or "permission denied" in said:
        return InputError(f"{where}: may not be written ({said})")
    if "locked" in said or "lock timeout" in said:
        return StoreError(f"{where}: is kept busy by another process; try again")
    return StoreError(f"{where}: the database failed: {said}")
