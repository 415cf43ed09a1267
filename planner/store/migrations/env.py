"""Alembic's entry: runs the migrations in the connection and transaction it is given. Always called through the API."""

from alembic import context

VERSION_TABLE = "ledger_revision"

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
