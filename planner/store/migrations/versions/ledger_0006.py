"""Spot prices by zone as they changed, and their mean over the days before each day they were asked for."""

import sqlalchemy as sa
from alembic import op

from planner.store.columns import Day, Instant, Money
from planner.store.migrations.versions.ledger_0001 import append_only

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables and their guards."""
    op.create_table(
        "ledger_spot_price",
        _batch(),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("usd_hour", Money, nullable=False),
    )
    op.create_index("ledger_spot_price_since", "ledger_spot_price", ["since"])
    op.create_table(
        "ledger_spot_mean",
        _batch(),
        sa.Column("offer", sa.Text, primary_key=True),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("said_on", Day, nullable=False),
        sa.Column("days", sa.Float, nullable=False),
        sa.Column("mean_usd_hour", Money, nullable=False),
        sa.Column("least_usd_hour", Money, nullable=False),
        sa.Column("most_usd_hour", Money, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    append_only("ledger_spot_price")
    append_only("ledger_spot_mean")


def _batch() -> "sa.Column[int]":
    return sa.Column("batch_id", sa.Integer, sa.ForeignKey("ledger_batch.id"), primary_key=True, autoincrement=False)
