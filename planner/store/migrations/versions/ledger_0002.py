"""What the daemon writes: intents, outcomes, ends and base nodes found; who leads; controls, status, hours measured.

Facts get the same guards as the ledger's; the tables that say what is so now (`CHANGING`) get none.
"""

import sqlalchemy as sa
from alembic import op

from planner.store.columns import Instant, Money
from planner.store.migrations.versions.ledger_0001 import append_only, price

revision = "0002"
down_revision = "0001"

FACTS = ("term", "intent", "outcome", "found", "end", "charge", "control")
CHANGING = ("leader", "open_node", "status", "meter")


def upgrade() -> None:
    """Make the tables and the guards of those that hold facts."""
    _leaders()
    _intents_and_outcomes()
    _nodes()
    _operators()
    _meter()
    for name in FACTS:
        append_only(f"ledger_{name}")


def _leaders() -> None:
    op.create_table(
        "ledger_leader",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("ends_at", Instant),
        sa.Column("written", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_term",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("began_at", Instant),
    )


def _intents_and_outcomes() -> None:
    op.create_table(
        "ledger_intent",
        *_entry(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("replaces", sa.Text),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("is_spot_pool", sa.Boolean, nullable=False),
        *_price_if_known(),
        sa.UniqueConstraint("fleet", "key", name="ledger_intent_once"),
    )
    op.create_table(
        "ledger_outcome",
        *_entry(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("machine_id", sa.Text),
        sa.Column("billed_from", Instant),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["fleet", "key"], ["ledger_intent.fleet", "ledger_intent.key"], name="ledger_outcome_intent"
        ),
    )
    for name in ("intent", "outcome"):
        _found_by_node_and_time(name)


def _nodes() -> None:
    op.create_table(
        "ledger_found",
        *_entry(),
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("machine_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("ordered_at", Instant, nullable=False),
        *_price_if_known(),
    )
    op.create_table(
        "ledger_end",
        *_entry(),
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("is_base", sa.Boolean, nullable=False),
        sa.Column("machine_id", sa.Text),
        sa.Column("billed_from", Instant),
        sa.Column("at", Instant, nullable=False),
        sa.Column("was_taken_back", sa.Boolean, nullable=False),
        *_price_if_known(),
    )
    for name in ("found", "end"):
        _found_by_node_and_time(name)
    op.create_table(
        "ledger_charge",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("month", Instant, primary_key=True),
        sa.Column("usd", Money, nullable=False),
        sa.ForeignKeyConstraint(
            ["fleet", "number"], ["ledger_end.fleet", "ledger_end.number"], name="ledger_charge_end"
        ),
    )
    op.create_index("ledger_charge_month", "ledger_charge", ["fleet", "month", "number"])
    op.create_table(
        "ledger_open_node",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("node_id", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
    )


def _operators() -> None:
    op.create_table(
        "ledger_control",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("is_paused", sa.Boolean, nullable=False),
        sa.Column("is_scale_in_paused", sa.Boolean, nullable=False),
        sa.Column("min_nodes", sa.Text, nullable=False),
        sa.Column("max_nodes", sa.Text, nullable=False),
    )
    op.create_table(
        "ledger_status",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def _meter() -> None:
    op.create_table(
        "ledger_meter",
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("read_at", Instant, nullable=False),
        sa.Column("measured_s", sa.Float, nullable=False),
        sa.Column("input_tokens", sa.Float, nullable=False),
        sa.Column("output_tokens", sa.Float, nullable=False),
        sa.Column("cached_input_tokens", sa.Float),
        sa.Column("unserved_tokens", sa.Float),
    )


def _entry() -> list[sa.Column[object]]:
    return [
        sa.Column("fleet", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    ]


def _price_if_known() -> list[sa.Column[object]]:
    return [sa.Column(column.name, column.type) for column in price()]


def _found_by_node_and_time(name: str) -> None:
    op.create_index(f"ledger_{name}_node", f"ledger_{name}", ["fleet", "node_id", "number"])
    op.create_index(f"ledger_{name}_at", f"ledger_{name}", ["fleet", "at"])
