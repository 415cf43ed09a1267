"""The schema of a ledger: which revision it has, whether this version knows it, and how it is brought up to date."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import URL, Connection, inspect

from planner.errors import InputError
from planner.store.address import shown_url

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every revision this version knows, oldest first; a test holds them equal to the migrations."""
HEAD = REVISIONS[-1]
VERSION_TABLE = "ledger_revision"


class SchemaState(StrEnum):
    """How a database stands to this version."""

    ABSENT = "absent"
    """It holds no ledger."""
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"
    """Of a revision this version does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The schema found in a database."""

    state: SchemaState
    revision: str | None
    """None: no ledger."""


def schema_of(connection: Connection) -> Schema:
    """What is there. A SQLite file of another program is not a ledger, and is refused."""
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in names:
        if connection.dialect.name == "sqlite" and names:
            raise InputError(
                f"{shown_url(connection.engine.url)}: is a database of something else"
                f" (table {sorted(names)[0]}); expected a ledger, or a path where no file is yet"
            )
        return Schema(state=SchemaState.ABSENT, revision=None)
    revision = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()  # noqa: S608 - a constant
    if revision is None:
        return Schema(state=SchemaState.ABSENT, revision=None)
    if revision not in REVISIONS:
        return Schema(state=SchemaState.NEWER, revision=str(revision))
    return Schema(state=SchemaState.CURRENT if revision == HEAD else SchemaState.OLDER, revision=revision)


def require_current(schema: Schema, url: URL) -> None:
    """Raises InputError unless this version can read and write the ledger as it is."""
    where = shown_url(url)
    if schema.state is SchemaState.ABSENT:
        raise InputError(f"{where}: no ledger there; `baseload ledger import` makes one")
    refuse_newer(schema, url)
    if schema.state is SchemaState.OLDER:
        raise InputError(
            f"{where}: the ledger has revision {schema.revision}, this version needs {HEAD};"
            " run `baseload db backup FILE`, then `baseload db upgrade`"
        )


def refuse_newer(schema: Schema, url: URL) -> None:
    """Raises InputError where a newer version has made the ledger."""
    if schema.state is SchemaState.NEWER:
        raise InputError(
            f"{shown_url(url)}: the ledger has revision {schema.revision}, made by a newer baseload;"
            f" this version knows up to {HEAD}: upgrade baseload, the ledger stays as it is"
        )


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Bring the schema up to a revision, in the connection's transaction: all of it or none."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "planner.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
