"""`baseload ledger reconcile`: a provider's invoice against the ledger."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.catalog.offer_id import OfferId
from planner.cli.database import ledger_url
from planner.cli.options import FleetOption, JsonOption, say, screen, split

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from planner.economics.bill import MonthBill
    from planner.economics.invoice import Invoice

DIFFERS = 6
"""Exit code where something differs by more than the tolerance."""


def reconcile(
    context: typer.Context,
    invoice: Annotated[
        Path, typer.Option("--invoice", help="Invoice: CSV, or OVHcloud's bill details as JSON.", show_default=False)
    ],
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Whose invoice, such as hetzner; none: told by the file.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", help="Month it is for, such as 2026-11; none: told by its lines.")
    ] = None,
    tolerance: Annotated[
        str, typer.Option("--tolerance", help="Amounts may differ by this much, in the invoice's currency.")
    ] = "0.01",
    rate: Annotated[
        list[str] | None, typer.Option("--rate", metavar="CURRENCY=USD", help="USD for one unit of a currency.")
    ] = None,
    config: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a provider's invoice against the ledger: what differs, and the likely cause. Exit code 6 if anything does.

    Example: baseload ledger reconcile --invoice hetzner-2026-11.csv
    """
    from planner.economics.bill import month_bill
    from planner.economics.reconcile import reconcile as reconciled
    from planner.exchange.invoice import read_invoice
    from planner.files import read_text
    from planner.report.reconcile import reconcile_document, render_reconciliation
    from planner.store import open_ledger

    most = tolerance_of(tolerance)
    read = read_invoice(read_text(invoice), source=str(invoice))
    start, end = month_of(read, month)
    with open_ledger(ledger_url(config)) as held:
        leases, costs = held.leases(start, end), held.other_costs(start, end)
    bill = month_bill(start, leases, costs, as_of=datetime.now(UTC))
    found = reconciled(
        read,
        bill,
        providers=providers_of(read, bill, split(provider)),
        usd_per=rates_of(read, bill, config, rate or []),
        tolerance=most,
    )
    if as_json:
        typer.echo(json.dumps(reconcile_document(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_reconciliation(found, screen=screen()), nl=False)
    say(context, found.remarks)
    raise typer.Exit(0 if found.is_reconciled else DIFFERS)


def tolerance_of(text: str) -> "Decimal":
    """An amount, 0 or more."""
    from planner.errors import InputError
    from planner.exchange.table import read_money

    try:
        return read_money(text, "--tolerance")
    except ValueError as error:
        raise InputError(str(error)) from None


def month_of(invoice: "Invoice", month: str | None) -> tuple[datetime, datetime]:
    """The month asked for, else the one most lines begin in."""
    from planner.demand.horizon import month_span
    from planner.errors import InputError

    if month is None:
        counted = Counter(f"{line.start:%Y-%m}" for line in invoice.lines if line.start is not None)
        if not counted:
            raise InputError(f"{invoice.source}: no line says its time; expected --month, such as --month 2026-11")
        month = max(counted, key=lambda name: (counted[name], name))
    return month_span(month)


def providers_of(invoice: "Invoice", bill: "MonthBill", named: tuple[str, ...]) -> tuple[str, ...]:
    """Whose invoice it is: as named, as its format tells, or those whose machines or products it names."""
    from planner.errors import InputError

    held = sorted({one.lease.provider for one in bill.leases} | {one.cost.provider for one in bill.others})
    if named:
        unknown = [name for name in named if name not in (*held, *invoice.providers)]
        if unknown:
            raise InputError(
                f"--provider {unknown[0]}: nothing of it is in the ledger of {bill.start:%Y-%m}; "
                f"expected {' or '.join(held) or 'an import first'}"
            )
        return named
    if invoice.providers:
        return tuple(name for name in invoice.providers if name in held) or invoice.providers
    words = " ".join(f"{line.resource} {line.description}" for line in invoice.lines).casefold()
    spoken = invoice.named.intersection(held) | {
        one.lease.provider
        for one in bill.leases
        if one.lease.id.casefold() in words or OfferId.of(one.lease.offer).product.casefold() in words
    }
    if not spoken and len(held) != 1:
        raise InputError(
            f"{invoice.source}: does not tell whose invoice it is; expected --provider, {' or '.join(held) or 'one'}"
        )
    return tuple(sorted(spoken)) or tuple(held)


def rates_of(invoice: "Invoice", bill: "MonthBill", config: Path | None, given: list[str]) -> "Mapping[str, Decimal]":
    """Currency -> USD for one unit: as given, as the ledger's prices have it, else the catalog's."""
    from decimal import Decimal

    from planner.case import load_catalog, load_fleet
    from planner.catalog.read import shipped_fx
    from planner.errors import InputError
    from planner.exchange.table import read_money

    fleet, _ = load_fleet(config)
    rates = {"EUR": load_catalog(fleet).usd_per_eur or shipped_fx().usd_per_eur}
    rates |= {one.lease.price.invoice_currency: one.lease.price.usd_per_unit for one in bill.leases}
    rates["USD"] = Decimal(1)
    for option in given:
        currency, _, text = option.partition("=")
        try:
            rates[currency.strip().upper()] = read_money(text, "rate")
        except ValueError:
            raise InputError(f"--rate {option}: expected CURRENCY=USD, such as EUR=1.14") from None
        if not rates[currency.strip().upper()]:
            raise InputError(f"--rate {option}: expected a rate above 0, such as EUR=1.14")
    for line in invoice.lines:
        if line.currency not in rates:
            raise InputError(
                f"{invoice.source}, row {line.row}: no rate of {line.currency} is known; "
                f"expected --rate {line.currency}=USD for one unit"
            )
    return rates
