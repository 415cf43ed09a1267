"""How often spot offers were taken back, as it was said from day to day."""

import sqlalchemy as sa
from alembic import op

from planner.store.columns import Day
from planner.store.migrations.versions.ledger_0001 import append_only

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table and its guards."""
    op.create_table(
        "ledger_interruption",
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("ledger_batch.id"), primary_key=True, autoincrement=False),
        sa.Column("offer", sa.Text, primary_key=True),
        sa.Column("interruption_range", sa.String(16), nullable=False),
        sa.Column("said_on", Day, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    append_only("ledger_interruption")
