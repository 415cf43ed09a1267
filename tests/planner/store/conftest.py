"""The two databases a ledger can be in: a SQLite file, and a real PostgreSQL started once for the session."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests import postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a PostgreSQL server."""
    with postgres.started() as url:
        yield url


@pytest.fixture
def postgres_url(server: str) -> str:
    """A new, empty database on the server."""
    name = f"ledger{next(_numbers)}"
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.removesuffix("postgres") + name


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for a ledger, on each database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    made: str = request.getfixturevalue("postgres_url")
    return made
