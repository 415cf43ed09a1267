"""Why a price was published; prices that were announced and are not charged yet; reviews that told nothing."""

import sqlalchemy as sa
from alembic import op

from planner.store.columns import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; what is there was told at once, for reasons that were not kept."""
    op.add_column("ledger_published", sa.Column("why", sa.Text, nullable=False, server_default=""))
    op.add_column("ledger_published", sa.Column("announced_at", Instant))
    op.add_column("ledger_published", sa.Column("is_review", sa.Boolean, nullable=False, server_default=sa.false()))
