"""Prices published at a gateway: what a token of each model was charged from when."""

import sqlalchemy as sa
from alembic import op

from planner.store.columns import Instant, Money
from planner.store.migrations.versions.ledger_0001 import append_only

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table and its guards."""
    op.create_table(
        "ledger_published",
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("ledger_batch.id"), primary_key=True, autoincrement=False),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("policy", sa.String(16), nullable=False),
        sa.Column("input_usd_token", Money, nullable=False),
        sa.Column("output_usd_token", Money, nullable=False),
        sa.Column("effective_at", Instant, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    append_only("ledger_published")
