"""The ledger's first tables: batches and their retractions, leases, prices, other costs, served hours, gaps, plans.

Every table gets triggers that refuse UPDATE and DELETE (and TRUNCATE on PostgreSQL): facts are added, never changed.
"""

import sqlalchemy as sa
from alembic import op

from planner.store.columns import Day, Instant, Money, TagSet

revision = "0001"
down_revision = None

TABLES = ("batch", "retraction", "lease", "price", "other_cost", "series", "served", "gap", "plan")


def upgrade() -> None:
    """Make the tables and their guards."""
    _batches()
    _leases_and_prices()
    _other_costs()
    _usage()
    _plans()
    for name in TABLES:
        append_only(f"ledger_{name}")


def _batches() -> None:
    op.create_table(
        "ledger_batch",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("added_at", Instant, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("span_start", Instant),
        sa.Column("span_end", Instant),
    )
    op.create_table(
        "ledger_retraction",
        _batch(),
        sa.Column("retracted_at", Instant, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def _leases_and_prices() -> None:
    op.create_table(
        "ledger_lease",
        _batch(),
        sa.Column("lease_id", sa.Text, primary_key=True),
        sa.Column("offer", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("start_at", Instant, nullable=False),
        sa.Column("end_at", Instant),
        sa.Column("is_base", sa.Boolean, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("region", sa.Text),
        sa.Column("tags", TagSet, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        *price(),
    )
    op.create_index("ledger_lease_start", "ledger_lease", ["start_at"])
    op.create_table(
        "ledger_price",
        _batch(),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("offer", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        *price(),
    )


def _other_costs() -> None:
    op.create_table(
        "ledger_other_cost",
        _batch(),
        sa.Column("cost_id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("start_at", Instant, nullable=False),
        sa.Column("end_at", Instant, nullable=False),
        sa.Column("amount_usd", Money, nullable=False),
        sa.Column("invoice_currency", sa.String(3), nullable=False),
        sa.Column("usd_per_unit", Money, nullable=False),
        sa.Column("rate_date", Day),
        sa.Column("model", sa.Text),
        sa.Column("tags", TagSet, nullable=False),
    )
    op.create_index("ledger_other_cost_start", "ledger_other_cost", ["start_at"])


def _usage() -> None:
    op.create_table(
        "ledger_series",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("tags", TagSet, nullable=False),
        sa.UniqueConstraint("model", "tags", name="ledger_series_once"),
    )
    op.create_table(
        "ledger_served",
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("series_id", sa.Integer, sa.ForeignKey("ledger_series.id"), primary_key=True, autoincrement=False),
        _batch(),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger),
        sa.Column("unserved_tokens", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_gap",
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        _batch(),
        sqlite_with_rowid=False,
    )


def _plans() -> None:
    op.create_table(
        "ledger_plan",
        _batch(),
        sa.Column("start_at", Instant, nullable=False),
        sa.Column("end_at", Instant, nullable=False),
        sa.Column("saved_at", Instant, nullable=False),
        sa.Column("document_gz", sa.LargeBinary, nullable=False),
        sa.Column("forecast_gz", sa.LargeBinary),
        sa.Column("forecast_sha256", sa.String(64)),
        sa.Column("forecast_source", sa.Text),
    )


def _batch() -> sa.Column[int]:
    return sa.Column("batch_id", sa.Integer, sa.ForeignKey("ledger_batch.id"), primary_key=True, autoincrement=False)


def price() -> list[sa.Column[object]]:
    """Columns of a price; the next revision has them too."""
    return [
        sa.Column("billing", sa.String(32), nullable=False),
        sa.Column("price_usd_hour", Money),
        sa.Column("fee_usd_month", Money),
        sa.Column("is_spot", sa.Boolean, nullable=False),
        sa.Column("setup_fee_usd", Money, nullable=False),
        sa.Column("invoice_currency", sa.String(3), nullable=False),
        sa.Column("usd_per_unit", Money, nullable=False),
        sa.Column("rate_date", Day),
        sa.Column("effective_from", Day),
        sa.Column("price_source", sa.Text, nullable=False),
    ]


def append_only(table: str) -> None:
    """Triggers that refuse every change of the table."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {action} is refused'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
    )
