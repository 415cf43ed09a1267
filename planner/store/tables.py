"""The ledger's tables, as this version reads and writes them. The migrations make them; a test holds the two equal.

Every fact belongs to a batch: what came in together. Nothing is changed or deleted (triggers refuse it); a batch is
taken back by a row in `ledger_retraction`. All names start with `ledger_`, so that a shared database stays readable.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from planner.store.columns import Day, Instant, Money, TagSet

metadata = MetaData()


def _batch() -> Column[int]:
    return Column("batch_id", Integer, ForeignKey("ledger_batch.id"), primary_key=True, autoincrement=False)


batch = Table(
    "ledger_batch",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("tags", Text, nullable=False),  # names, as a JSON list
    Column("row_count", Integer, nullable=False),
    Column("span_start", Instant),
    Column("span_end", Instant),
)

retraction = Table(
    "ledger_retraction",
    metadata,
    _batch(),
    Column("retracted_at", Instant, nullable=False),
    Column("why", Text, nullable=False),
)

_PRICE = (
    ("billing", String(32), False),
    ("price_usd_hour", Money, True),
    ("fee_usd_month", Money, True),
    ("is_spot", Boolean, False),
    ("setup_fee_usd", Money, False),
    ("invoice_currency", String(3), False),
    ("usd_per_unit", Money, False),
    ("rate_date", Day, True),
    ("effective_from", Day, True),
    ("price_source", Text, False),
)

lease = Table(
    "ledger_lease",
    metadata,
    _batch(),
    Column("lease_id", Text, primary_key=True),  # the newest batch that is not retracted holds
    Column("offer", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant),
    Column("is_base", Boolean, nullable=False),
    Column("model", Text),
    Column("region", Text),
    Column("tags", TagSet, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    *(Column(name, kind, nullable=nullable) for name, kind, nullable in _PRICE),
    Index("ledger_lease_start", "start_at"),
)

price = Table(
    "ledger_price",
    metadata,
    _batch(),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("offer", Text, nullable=False),
    Column("provider", Text, nullable=False),
    *(Column(name, kind, nullable=nullable) for name, kind, nullable in _PRICE),
)

other_cost = Table(
    "ledger_other_cost",
    metadata,
    _batch(),
    Column("cost_id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("amount_usd", Money, nullable=False),
    Column("invoice_currency", String(3), nullable=False),
    Column("usd_per_unit", Money, nullable=False),
    Column("rate_date", Day),
    Column("model", Text),
    Column("tags", TagSet, nullable=False),
    Index("ledger_other_cost_start", "start_at"),
)

series = Table(
    "ledger_series",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),
    Column("tags", TagSet, nullable=False),
    UniqueConstraint("model", "tags", name="ledger_series_once"),
)

served = Table(
    "ledger_served",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),  # hours since 1970-01-01T00:00Z
    Column("series_id", Integer, ForeignKey("ledger_series.id"), primary_key=True, autoincrement=False),
    _batch(),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_input_tokens", BigInteger),
    Column("unserved_tokens", BigInteger),
    sqlite_with_rowid=False,
)

gap = Table(
    "ledger_gap",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    _batch(),
    sqlite_with_rowid=False,
)

plan = Table(
    "ledger_plan",
    metadata,
    _batch(),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("saved_at", Instant, nullable=False),
    Column("document_gz", LargeBinary, nullable=False),
    Column("forecast_gz", LargeBinary),
    Column("forecast_sha256", String(64)),
    Column("forecast_source", Text),
)
