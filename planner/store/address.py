"""Where the ledger is: a path or URL as people write it, made one SQLAlchemy URL; and how it is shown, without secrets.

Order: `BASELOAD_DATABASE_URL`, then [database] of the fleet, then a SQLite file in the user's data folder. A password
belongs in the environment, in a password file of PostgreSQL, or in the file `url_file` names; it is never printed.
"""

from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_data_dir
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from planner.errors import InputError

VARIABLE = "BASELOAD_DATABASE_URL"
EXPECTED = "expected a path, sqlite:///PATH or postgresql://HOST/DATABASE"
_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_SECRETS = ("password", "passfile", "sslpassword", "sslkey")


def default_path() -> Path:
    """The SQLite file used where nothing else is named."""
    return Path(user_data_dir("baseload", appauthor=False)) / "ledger.sqlite"


def database_url(environ: Mapping[str, str], fleet_url: str | None = None, *, fleet_source: str = "[database]") -> URL:
    """The database to use: of the environment, else of the fleet, else the default."""
    given = environ.get(VARIABLE, "").strip()
    if given:
        return read_url(given, source=VARIABLE)
    if fleet_url is not None:
        return read_url(fleet_url, source=fleet_source)
    return read_url(str(default_path()), source="the default ledger")


def read_url(text: str, *, source: str) -> URL:
    """The URL of a text; an InputError says what was expected and shows nothing of a text that may hold a secret."""
    text = text.strip()
    if "://" not in text:
        if not text or text.startswith("sqlite:") or "\x00" in text:
            raise InputError(f"{source}: not a database; {EXPECTED}")
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
        url.port  # noqa: B018 - read here, so that a bad one is found here
    except (ArgumentError, ValueError):
        raise InputError(f"{source}: not readable as a database URL; {EXPECTED}") from None
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:":
            raise InputError(f"{source}: names no file; {EXPECTED}")
        return url.set(database=str(Path(url.database).expanduser()), query={})
    if url.drivername not in _POSTGRES:
        raise InputError(f"{source}: {url.drivername} is not a database the ledger knows; {EXPECTED}")
    if not url.database:
        raise InputError(f"{source}: names no database; {EXPECTED}")
    return url.set(drivername="postgresql+psycopg")


def secrets_of(url: URL) -> tuple[str, ...]:
    """The secrets a URL holds, none empty: what must not be repeated of a driver's message."""
    held = [url.password, *(str(url.query[name]) for name in _SECRETS if name in url.query)]
    return tuple(str(one) for one in held if one)


def shown_url(url: URL) -> str:
    """The URL for people and logs: a path for SQLite; a password, also one among the parameters, is ***."""
    if url.drivername == "sqlite":
        return str(url.database)
    hidden = url.update_query_dict({name: "***" for name in url.query if name in _SECRETS})
    return hidden.render_as_string(hide_password=True).replace("%2A%2A%2A", "***").replace("+psycopg", "", 1)
