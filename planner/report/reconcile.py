"""A reconciliation as a table for people and as the JSON document `baseload.reconcile/1`. Renders values."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.causes import Cause
from planner.economics.invoice import LineKind
from planner.economics.reconcile import Difference, Reconciliation
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import number, signed
from planner.report.price.section import MONEY, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

RECONCILE_SCHEMA = "baseload.reconcile/1"
DISPENSABLE = ("rows", "offer", "kind")
MOST_NAMES = 5
"""Machines named in one explanation; of more, one fewer and how many are left."""
_COUNT: Json = {"type": "integer", "minimum": 0}


def render_reconciliation(found: Reconciliation, *, screen: Screen | None = None) -> str:
    """What differs, the largest first, each with its likely cause; then the sums."""
    screen = screen or Screen()
    whose = f"{', '.join(found.providers)}, {found.month}, net of VAT"
    parts: list[RenderableType] = [*wrapped(f"{found.source} ({found.form}) against the ledger: {whose}", screen)]
    if found.differences:
        columns = (
            words("what"),
            words("offer"),
            words("kind"),
            Column(title="ledger", places=2),
            Column(title="invoice", places=2),
            Column(title="more", places=2),
            words("in"),
            words("likely cause"),
            words("rows"),
        )
        kept, cells, gone = fitted(columns, [_cells(one) for one in found.differences], screen, DISPENSABLE)
        parts += ["", table(kept, cells), ""]
        for line in _explained(found):
            parts += wrapped(line, screen)
        if gone:
            parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    parts.append("")
    for line in _sums(found):
        parts += wrapped(line, screen)
    return render(parts, screen)


def _explained(found: Reconciliation) -> list[str]:
    """Each explanation once, with what it is said of; many are named by the first few."""
    said: dict[str, list[str]] = {}
    for one in found.differences:
        said.setdefault(one.explanation, []).append(one.what)
    return [f"{_few(names)}: {words}" for words, names in said.items()]


def _few(names: Sequence[str]) -> str:
    shown = names if len(names) <= MOST_NAMES else names[: MOST_NAMES - 1]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def reconcile_document(found: Reconciliation) -> Json:
    """The same as the JSON document `baseload.reconcile/1`: amounts in the invoice's currency, as decimal strings."""
    return {
        "schema": RECONCILE_SCHEMA,
        "source": found.source,
        "format": found.form,
        "month": found.month,
        "providers": list(found.providers),
        "tolerance": _plain(found.tolerance),
        "is_reconciled": found.is_reconciled,
        "compared": found.compared,
        "invoice_total": _amounts(found.invoice_total),
        "ledger_total": _amounts(found.ledger_total),
        "tax_total": _amounts(found.tax_total),
        "differences": [
            {
                "what": one.what,
                "offer": one.offer or None,
                "kind": one.kind.value,
                "currency": one.currency,
                "ledger": _plain(one.ledger),
                "invoice": _plain(one.invoice),
                "difference": _plain(one.difference),
                "cause": one.cause.value,
                "explanation": one.explanation,
                "rows": list(one.rows),
            }
            for one in found.differences
        ],
        "remarks": list(found.remarks),
    }


def reconcile_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `ledger reconcile --json` prints."""
    by_currency = {"type": "object", "additionalProperties": MONEY}
    difference = record(
        {
            "what": said(TEXT, "Id of the machine, else the product or service in words."),
            "offer": said(or_null(TEXT), "Of the ledger; several joined by commas; null where it knows none."),
            "kind": {"enum": [kind.value for kind in LineKind]},
            "currency": TEXT,
            "ledger": said(or_null(MONEY), "null: not in the ledger."),
            "invoice": said(or_null(MONEY), "null: not on the invoice."),
            "difference": said(MONEY, "Invoice less ledger."),
            "cause": said({"enum": [cause.value for cause in Cause]}, "The likeliest, see docs/reconcile.md."),
            "explanation": TEXT,
            "rows": said(listed(_COUNT), "Lines of the file."),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:reconcile:1",
        "title": RECONCILE_SCHEMA,
        "description": "A provider's invoice against the ledger; decimal strings in its currency, net of VAT.",
        **record(
            {
                "schema": {"const": RECONCILE_SCHEMA},
                "source": TEXT,
                "format": {"enum": ["generic", "hetzner", "ovh", "aws", "focus"]},
                "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
                "providers": listed(TEXT),
                "tolerance": said(MONEY, "Per thing compared."),
                "is_reconciled": {"type": "boolean"},
                "compared": said(_COUNT, "Things compared: machines, products, services."),
                "invoice_total": said(by_currency, "By currency, lines of tax left out."),
                "ledger_total": by_currency,
                "tax_total": by_currency,
                "differences": said(listed(difference), "Over the tolerance, the largest first."),
                "remarks": listed(TEXT),
            }
        ),
    }


def reconcile_schema_text() -> str:
    """The published file docs/schemas/reconcile.schema.json."""
    return json.dumps(reconcile_schema(), indent=2, ensure_ascii=False) + "\n"


def _cells(one: Difference) -> tuple[Cell, ...]:
    return (
        one.what,
        one.offer,
        one.kind.value,
        one.ledger,
        one.invoice,
        signed(one.difference, 2),
        one.currency,
        one.cause.value.replace("_", " "),
        _rows(one.rows),
    )


def _rows(rows: Sequence[int]) -> str:
    return ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")


def _sums(found: Reconciliation) -> list[str]:
    lines = []
    for currency in dict.fromkeys((*found.invoice_total, *found.ledger_total)):
        invoice = found.invoice_total.get(currency, Decimal(0))
        ledger = found.ledger_total.get(currency, Decimal(0))
        lines.append(
            f"Invoice {number(invoice, 2)}, ledger {number(ledger, 2)} {currency}: "
            f"{signed(invoice - ledger, 2)} {currency}."
        )
    count = len(found.differences)
    verdict = "nothing differs" if found.is_reconciled else f"{count} differ{'s' if count == 1 else ''}"
    lines.append(f"Of {found.compared} things compared {verdict} by more than {found.tolerance}.")
    for currency, tax in found.tax_total.items():
        lines.append(f"Lines of tax over {number(tax, 2)} {currency} are left out.")
    return lines


def _amounts(by_currency: dict[str, Decimal]) -> dict[str, str | None]:
    return {currency: _plain(total) for currency, total in by_currency.items()}


def _plain(value: Decimal | None) -> str | None:
    """A decimal string without an exponent and without zeros at its end."""
    return None if value is None else f"{value.normalize():f}"
