"""The ledger's tables, as this version reads and writes them. The migrations make them; a test holds the two equal.

A fact of the report belongs to a batch: what came in together; it is taken back by a row in `ledger_retraction`. What
the daemon writes belongs to its fleet, numbered in the order of writing. Neither is changed or deleted (triggers refuse
it), but for the tables of `CHANGING`, which say what is so now.
All names start with `ledger_`, so that a shared database stays readable.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
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
PRICE_COLUMNS = tuple(name for name, _, _ in _PRICE)

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

interruption = Table(
    "ledger_interruption",
    metadata,
    _batch(),
    Column("offer", Text, primary_key=True),
    Column("interruption_range", String(16), nullable=False),
    Column("said_on", Day, nullable=False),
    Column("source", Text, nullable=False),
)

spot_price = Table(
    "ledger_spot_price",
    metadata,
    _batch(),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("provider", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("usd_hour", Money, nullable=False),
    Index("ledger_spot_price_since", "since"),
)

spot_mean = Table(
    "ledger_spot_mean",
    metadata,
    _batch(),
    Column("offer", Text, primary_key=True),
    Column("zone", Text, nullable=False),
    Column("said_on", Day, nullable=False),
    Column("days", Float, nullable=False),
    Column("mean_usd_hour", Money, nullable=False),
    Column("least_usd_hour", Money, nullable=False),
    Column("most_usd_hour", Money, nullable=False),
    Column("source", Text, nullable=False),
)

published = Table(
    "ledger_published",
    metadata,
    _batch(),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("gateway", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("policy", String(16), nullable=False),
    Column("input_usd_token", Money, nullable=False),
    Column("output_usd_token", Money, nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("description", Text, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("announced_at", Instant),
    Column("is_review", Boolean, nullable=False, server_default=false()),
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

# What the daemon writes (docs/journal.md).


def _entry() -> tuple[Column[str], Column[int], Column[int]]:
    """Fleet, number in the order of writing over all of the fleet's entries, epoch of the leader who wrote."""
    return (
        Column("fleet", Text, primary_key=True),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("epoch", BigInteger, nullable=False),
    )


def _price_if_known() -> tuple[Column[Any], ...]:
    """The price of a lease; all NULL where it is not known."""
    return tuple(Column(name, kind) for name, kind, _ in _PRICE)


leader = Table(
    "ledger_leader",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("ends_at", Instant),  # NULL: given back, or kept elsewhere
    Column("written", BigInteger, nullable=False),  # number of the fleet's last entry
)

term = Table(
    "ledger_term",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("began_at", Instant),  # NULL: leadership is kept elsewhere
)

intent = Table(
    "ledger_intent",
    metadata,
    *_entry(),
    Column("key", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("replaces", Text),
    Column("provider", Text, nullable=False),
    Column("is_spot_pool", Boolean, nullable=False),
    *_price_if_known(),
    UniqueConstraint("fleet", "key", name="ledger_intent_once"),
    Index("ledger_intent_node", "fleet", "node_id", "number"),
    Index("ledger_intent_at", "fleet", "at"),
)

outcome = Table(
    "ledger_outcome",
    metadata,
    *_entry(),
    Column("key", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", String(16), nullable=False),
    Column("machine_id", Text),
    Column("billed_from", Instant),  # of a machine that was made
    Column("failures", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    ForeignKeyConstraint(["fleet", "key"], ["ledger_intent.fleet", "ledger_intent.key"], name="ledger_outcome_intent"),
    Index("ledger_outcome_node", "fleet", "node_id", "number"),
    Index("ledger_outcome_at", "fleet", "at"),
)

found = Table(
    "ledger_found",
    metadata,
    *_entry(),
    Column("node_id", Text, nullable=False),
    Column("machine_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ordered_at", Instant, nullable=False),
    *_price_if_known(),
    Index("ledger_found_node", "fleet", "node_id", "number"),
    Index("ledger_found_at", "fleet", "at"),
)

end = Table(
    "ledger_end",
    metadata,
    *_entry(),
    Column("node_id", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("is_base", Boolean, nullable=False),
    Column("machine_id", Text),
    Column("billed_from", Instant),
    Column("at", Instant, nullable=False),
    Column("was_taken_back", Boolean, nullable=False),
    *_price_if_known(),
    Index("ledger_end_node", "fleet", "node_id", "number"),
    Index("ledger_end_at", "fleet", "at"),
)

charge = Table(
    "ledger_charge",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("month", Instant, primary_key=True),
    Column("usd", Money, nullable=False),
    ForeignKeyConstraint(["fleet", "number"], ["ledger_end.fleet", "ledger_end.number"], name="ledger_charge_end"),
    Index("ledger_charge_month", "fleet", "month", "number"),
)

open_node = Table(
    "ledger_open_node",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("node_id", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),  # number of the first entry about it
)

control = Table(
    "ledger_control",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # the highest holds
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("is_scale_in_paused", Boolean, nullable=False),
    Column("min_nodes", Text, nullable=False),  # model -> nodes, as JSON
    Column("max_nodes", Text, nullable=False),
)

status = Table(
    "ledger_status",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("document", Text, nullable=False),
)

meter = Table(
    "ledger_meter",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("read_at", Instant, nullable=False),  # end of the last reading taken in
    Column("measured_s", Float, nullable=False),
    Column("input_tokens", Float, nullable=False),
    Column("output_tokens", Float, nullable=False),
    Column("cached_input_tokens", Float),
    Column("unserved_tokens", Float),
)

CHANGING = frozenset({leader.name, open_node.name, status.name, meter.name})
"""Tables without guards: who leads, which nodes are open, the last status, the hour being measured."""
