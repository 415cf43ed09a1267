"""The two databases a ledger can be in: a SQLite file, and a real PostgreSQL started once for the session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a PostgreSQL server."""
    with postgres.started() as url:
        yield url


@pytest.fixture
def postgres_url(server: str) -> str:
    """A new, empty database on the server."""
    return postgres.new_database(server)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for a ledger, on each database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    made: str = request.getfixturevalue("postgres_url")
    return made
