"""Charges of a month as a table for people, as CSV and as the JSON document `baseload.charges/1`. Renders values.

Charges are whole cents of USD; the table may show another currency, then converted amounts round one by one.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any

from planner.economics.charges import Charge, Chargeback
from planner.report.listings import money
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

CHARGES_SCHEMA = "baseload.charges/1"
PRICE_BASIS = "USD net of VAT, each lease at its own price in force; whole cents"
CSV_COLUMNS = (
    *("month", "by", "tag", "model", "input_tokens", "output_tokens", "work_node_hours"),
    *("usage_usd", "idle_usd", "shared_usd", "allocated_usd"),
)
DISPENSABLE = ("share", "work", "input", "output", "cost")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCharges:
    """What `baseload ledger charges` shows."""

    month: str
    as_of: datetime
    """Leases still running are charged up to here."""
    end: datetime
    charges: Chargeback


def render_charges(shown: MonthCharges, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """A row per team and model, the lines nobody used, and what the charges sum to."""
    screen = screen or Screen()
    code, found = currency.code, shown.charges
    columns = (
        words(found.by),
        words("model"),
        Column(title="input", unit="Mtok", places=1),
        Column(title="output", unit="Mtok", places=1),
        Column(title="work", unit="node-h", places=1),
        *(Column(title=title, unit=code, places=2) for title in ("usage", "idle", "shared", "allocated")),
        Column(title="share", unit="%", places=1, is_ratio=True),
        Column(title="cost", unit=f"{code}/Mtok", places=3),
    )
    rows = [_cells(charge, found, currency) for charge in _in_order(found.charges)]
    rows.append(_total(found, currency))
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    until = "" if shown.as_of >= shown.end else f", up to {shown.as_of:%Y-%m-%d %H:%M} UTC"
    parts: list[RenderableType] = [f"Charges of {shown.month}{until}, {code} net of VAT, by {found.by}", ""]
    parts += [table(kept, cells, sections=[len(cells) - 2], bold=[len(cells) - 1]), ""]
    for line in _notes(found, currency, gone):
        parts += wrapped(line, screen)
    return render(parts, screen)


def charges_document(shown: MonthCharges) -> Json:
    """The same as the JSON document `baseload.charges/1`: USD as decimal strings."""
    found = shown.charges
    return {
        "schema": CHARGES_SCHEMA,
        "month": shown.month,
        "as_of": shown.as_of.isoformat().replace("+00:00", "Z"),
        "by": found.by,
        "currency": "USD",
        "price_basis": PRICE_BASIS,
        "bill_usd": money(found.bill_usd),
        "usage_usd": money(sum((charge.usage_usd for charge in found.charges), Decimal("0.00"))),
        "idle_usd": {model: money(usd) for model, usd in found.idle_usd.items()},
        "shared_usd": money(found.shared_usd),
        "unallocated_usd": money(found.unallocated_usd),
        "charges": [
            {
                "tag": charge.tag,
                "model": charge.model,
                "input_tokens": charge.input_tokens,
                "output_tokens": charge.output_tokens,
                "work_node_hours": charge.work_node_hours,
                "usage_usd": money(charge.usage_usd),
                "idle_usd": money(charge.idle_usd),
                "shared_usd": money(charge.shared_usd),
                "allocated_usd": money(charge.allocated_usd),
            }
            for charge in _in_order(found.charges)
        ],
        "remarks": list(found.remarks),
    }


def charges_csv(shown: MonthCharges) -> str:
    """One row per charge, and one without a model and tag for what is allocated to nobody, so that rows sum to it."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    found = shown.charges
    for charge in _in_order(found.charges):
        writer.writerow(
            (
                *(shown.month, found.by, charge.tag, charge.model, charge.input_tokens, charge.output_tokens),
                f"{charge.work_node_hours:.6f}",
                *(money(usd) for usd in (charge.usage_usd, charge.idle_usd, charge.shared_usd, charge.allocated_usd)),
            )
        )
    if found.unallocated_usd:
        writer.writerow((shown.month, "unallocated", "", "", 0, 0, "", "", "", "", money(found.unallocated_usd)))
    return out.getvalue()


def _in_order(charges: Sequence[Charge]) -> list[Charge]:
    """By tag, untagged last, then model."""
    return sorted(charges, key=lambda charge: (charge.tag == "", charge.tag, charge.model))


def _cells(charge: Charge, found: Chargeback, currency: Currency) -> tuple[Cell, ...]:
    tokens = charge.input_tokens + charge.output_tokens
    return (
        charge.tag or "untagged",
        charge.model or "shared cost",
        Decimal(charge.input_tokens) / 1_000_000,
        Decimal(charge.output_tokens) / 1_000_000,
        charge.work_node_hours,
        *(currency.amount(usd) for usd in (charge.usage_usd, charge.idle_usd, charge.shared_usd, charge.allocated_usd)),
        None if not found.bill_usd else charge.allocated_usd / found.bill_usd,
        None if not tokens or not charge.allocated_usd else currency.amount(charge.allocated_usd * 1_000_000 / tokens),
    )


def _total(found: Chargeback, currency: Currency) -> tuple[Cell, ...]:
    charges = found.charges
    allocated = sum((charge.allocated_usd for charge in charges), Decimal(0))
    return (
        "sum",
        "",
        Decimal(sum(charge.input_tokens for charge in charges)) / 1_000_000,
        Decimal(sum(charge.output_tokens for charge in charges)) / 1_000_000,
        sum(charge.work_node_hours for charge in charges),
        currency.amount(sum((charge.usage_usd for charge in charges), Decimal(0))),
        currency.amount(sum((charge.idle_usd for charge in charges), Decimal(0))),
        currency.amount(sum((charge.shared_usd for charge in charges), Decimal(0))),
        currency.amount(allocated),
        None if not found.bill_usd else allocated / found.bill_usd,
        None,
    )


def _notes(found: Chargeback, currency: Currency, gone: Sequence[str]) -> list[str]:
    code = currency.code

    def shown(usd: Decimal) -> str:
        return number(currency.amount(usd), 2)

    used = sum((charge.usage_usd for charge in found.charges), Decimal(0))
    idle = sum(found.idle_usd.values(), Decimal(0))
    lines = [
        f"Usage {shown(used)} + idle {shown(idle)} + shared {shown(found.shared_usd)} = bill {shown(found.bill_usd)} "
        f"{code}; charges and {shown(found.unallocated_usd)} allocated to nobody sum to it too."
    ]
    if len(found.idle_usd) > 1:
        lines.append("Idle by model: " + ", ".join(f"{name} {shown(usd)}" for name, usd in found.idle_usd.items()))
    if gone:
        lines.append(f"Not shown at this width: {', '.join(gone)}")
    if currency.note:
        lines.append(f"Amounts {currency.note}.")
    return lines
