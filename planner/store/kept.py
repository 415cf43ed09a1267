"""A connection that is kept open, for who writes for weeks: every wait has an end, every failure is a StoreError.

A SQLite file that was deleted or exchanged is noticed before and after each transaction: what is written to a file that
no name leads to is lost. A server that does not answer is hung up on. After a failure the next call connects anew.
"""

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from planner.errors import InputError, StoreError
from planner.store.address import shown_url
from planner.store.engine import WRITES, begin_sqlite, explained, postgres_engine, prepare_sqlite, sqlite_path

LOCK_SHARE = 0.9
"""Of a statement's time limit that it may wait for a lock: so who waits is told of the lock, not of slowness."""
PATIENCE_S = 1.0
"""How much longer than its own time limit a server may take to say that it passed it."""


class KeptConnection:
    """The one connection of a process to its database. Threads take turns."""

    def __init__(self, url: URL, *, wait_s: float) -> None:
        """`wait_s`: longest that a statement waits for another process, or takes."""
        self.url = url
        self._wait_s = wait_s
        self._path = sqlite_path(url)
        self._file: tuple[int, int] | None = None
        """Device and number of the file that is open."""
        self._engine = self._sqlite_engine(self._path) if self._path is not None else self._postgres_engine()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state throughout. Raises StoreError."""
        with self._transaction(self._engine.execution_options(**self._isolated("REPEATABLE READ"))) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, all or nothing; on SQLite one at a time. Raises StoreError: it may be written."""
        options = {WRITES: True, **self._isolated("READ COMMITTED")}
        with self._transaction(self._engine.execution_options(**options)) as connection:
            yield connection

    def close(self) -> None:
        """Closes the connection."""
        self._engine.dispose()

    def _isolated(self, level: str) -> dict[str, Any]:
        return {} if self._path is not None else {"isolation_level": level}

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with explained(self.url):
                self._look_at_file()
                with self._connected(engine) as connection, self._watched(connection), connection.begin():
                    yield connection
                self._look_at_file()
        except InputError as error:  # of the driver: what was right when it was opened is so no more
            raise StoreError(str(error)) from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StoreError(f"{shown_url(self.url)}: the database failed: {error}") from error

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """A connection that works: one that broke while nobody used it is made anew."""
        connection = engine.connect()
        try:
            if self._path is None:
                try:
                    self._limit(connection)
                except DBAPIError as error:
                    if not error.connection_invalidated:
                        raise
                    connection.close()
                    connection = engine.connect()
                    self._limit(connection)
            yield connection
        finally:
            connection.close()

    def _limit(self, connection: Connection) -> None:
        """Gives the session its time limits; they stay with it."""
        limit_ms = round(self._wait_s * 1000)
        lock_ms = round(self._wait_s * LOCK_SHARE * 1000)
        with self._watched(connection), connection.begin():
            connection.exec_driver_sql(f"SET statement_timeout = {limit_ms}; SET lock_timeout = {lock_ms}")

    @contextmanager
    def _watched(self, connection: Connection) -> Iterator[None]:
        """Hangs up on a server that says nothing, where its own limits do not help."""
        if self._path is not None:
            yield
            return
        number: int = connection.connection.dbapi_connection.fileno()  # type: ignore[union-attr]  # psycopg's has one
        timer = threading.Timer(2 * self._wait_s + PATIENCE_S, _hang_up, (number,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    # --- SQLite

    def _sqlite_engine(self, path: Path) -> Engine:
        engine = create_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=self._wait_s,
            creator=partial(self._opened, path),
        )
        event.listen(engine, "connect", partial(prepare_sqlite, busy_s=self._wait_s))
        event.listen(engine, "begin", begin_sqlite)
        return engine

    def _opened(self, path: Path) -> sqlite3.Connection:
        """The file, which must be there: a new one in its place would have forgotten everything."""
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=self._wait_s, check_same_thread=False
        )
        self._file = _identity(path)
        return connection

    def _look_at_file(self) -> None:
        if self._path is None or self._file is None:
            return
        if _identity(self._path) != self._file:
            self._engine.dispose()
            self._file = None
            raise StoreError(f"{self._path}: the file was deleted or exchanged while it was open")

    # --- PostgreSQL

    def _postgres_engine(self) -> Engine:
        return postgres_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=self._wait_s,
            connect_s=max(2, round(self._wait_s)),  # libpq knows whole seconds, and no fewer than two
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _hang_up(number: int) -> None:
    """Ends the conversation on a descriptor; who waits for an answer gets an error."""
    try:
        with socket.socket(fileno=os.dup(number)) as line:
            line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
