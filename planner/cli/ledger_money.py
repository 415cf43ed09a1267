"""`baseload ledger charges | export`: a month's bill allocated to teams, and written for other people's tools."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.options import CurrencyCode, CurrencyOption, FleetOption, JsonOption, currency_of, say, screen
from planner.cli.paths import check_paths

if TYPE_CHECKING:
    from planner.month.facts import Reckoning
    from planner.report.charges import MonthCharges

MonthOption = Annotated[str, typer.Option("--month", help="Calendar month, such as 2026-11 (UTC).", show_default=False)]
ByOption = Annotated[str, typer.Option("--by", help="Tag to charge by, one that `ledger import --tag` kept.")]


class ExportFormat(StrEnum):
    """What a month can be written as."""

    FOCUS = "focus"
    CHARGES = "charges"
    LEASES = "leases"
    USAGE = "usage"
    COSTS = "costs"
    PRICES = "prices"


MONEY = (ExportFormat.FOCUS, ExportFormat.CHARGES)
"""Formats of a month's bill; the others are facts, as `ledger import` reads them."""


def charges(
    context: typer.Context,
    month: MonthOption,
    by: ByOption = "team",
    config: FleetOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """A month's bill charged to teams: what they used, their part of what idled and of what is shared.

    Example: baseload ledger charges --month 2026-11 --by team
    """
    from planner.report.charges import charges_document, render_charges

    found = reckoned(month, config, by)
    shown = month_charges(found)
    if as_json:
        typer.echo(json.dumps(charges_document(shown), indent=2, ensure_ascii=False))
    else:
        money = currency_of(currency, found.facts.catalog)
        typer.echo(render_charges(shown, screen=screen(), currency=money), nl=False)
    say(context, (*found.facts.remarks, *shown.charges.remarks))


def export(
    context: typer.Context,
    form: Annotated[
        ExportFormat,
        typer.Option("--format", help="focus: FinOps FOCUS 1.2; charges: by team; else the facts as kept."),
    ],
    month: Annotated[
        str | None,
        typer.Option("--month", help="Calendar month, such as 2026-11 (UTC); of leases, usage and costs, none: all."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="charges, and focus with --allocated: the tag to charge by (team).")
    ] = None,
    allocated: Annotated[
        bool, typer.Option("--allocated", help="focus: also a row per charge, in x_Allocated... columns.")
    ] = False,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="PROVIDER=ID", help="focus: billing account at a provider."),
    ] = None,
    invoice: Annotated[
        list[str] | None, typer.Option("--invoice", metavar="PROVIDER=ID", help="focus: id of a provider's invoice.")
    ] = None,
    config: FleetOption = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write here; none: to stdout.")] = None,
) -> None:
    """A month as CSV: its bill in FinOps FOCUS columns, its charges by team, or the facts `ledger import` reads.

    Example: baseload ledger export --month 2026-11 --format focus -o focus.csv
    """
    from planner.cli.month_facts import check_tag
    from planner.exchange.focus import focus_csv
    from planner.ledger import TEAM
    from planner.report.charges import charges_csv

    check_belongs(form, month=month, by=by, allocated=allocated, of_seller=bool(account or invoice))
    accounts, invoices = by_provider("--account", account), by_provider("--invoice", invoice)
    check_paths(read=(("-c", config),), write=(("-o", output),))
    if form not in MONEY or month is None:
        write_out(context, facts_csv(form, month, config), output)
        return
    found = reckoned(month, config, by or TEAM)
    if form is ExportFormat.FOCUS:
        check_providers(found, accounts | invoices)
        if allocated:
            check_tag(found.facts, found.charges.by)
        text = focus_csv(found.bill, accounts=accounts, invoices=invoices, charges=found.charges if allocated else None)
    else:
        text = charges_csv(month_charges(found))
    write_out(context, text, output)
    say(context, (*found.facts.remarks, *(found.charges.remarks if allocated or form is ExportFormat.CHARGES else ())))


def check_belongs(form: ExportFormat, *, month: str | None, by: str | None, allocated: bool, of_seller: bool) -> None:
    """Raises InputError where an option is given that the format would not use, or one it needs is not."""
    from planner.errors import InputError

    if form is not ExportFormat.FOCUS and (allocated or of_seller):
        raise InputError("--allocated, --account and --invoice belong to --format focus")
    if by is not None and not (allocated or form is ExportFormat.CHARGES):
        raise InputError("--by: belongs to charges: --format charges, or focus with --allocated")
    if month is not None and form is ExportFormat.PRICES:
        raise InputError("--month: prices have none; expected it with another format")
    if month is None and form in MONEY:
        raise InputError(f"--format {form}: needs --month; expected a calendar month such as 2026-11")


def write_out(context: typer.Context, text: str, output: Path | None) -> None:
    """The text to a file, or to stdout."""
    from planner.files import write_atomic

    if output is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(output, text)
        say(context, [f"wrote {output}"])


def facts_csv(form: ExportFormat, month: str | None, config: Path | None) -> str:
    """Facts as the CSV `ledger import` reads; `month`: only those that touch it."""
    from planner.cli.database import ledger_url
    from planner.demand.horizon import month_span
    from planner.exchange.own_csv import costs_csv, leases_csv, prices_csv, usage_csv
    from planner.store import open_ledger

    span = None if month is None else month_span(month)
    start, end = span or (None, None)
    with open_ledger(ledger_url(config)) as held:
        match form:
            case ExportFormat.LEASES:
                return leases_csv(held.leases(start, end))
            case ExportFormat.COSTS:
                return costs_csv(held.other_costs(start, end))
            case ExportFormat.PRICES:
                return prices_csv(held.prices())
            case _:
                return usage_csv(held.served(*(span or held.measured_span())))


def reckoned(month: str, config: Path | None, by: str) -> "Reckoning":
    """The month's bill, hours and charges, as the ledger has them now."""
    from planner.cli.month_facts import month_facts
    from planner.month.facts import reckon

    return reckon(month_facts(month, config, as_of=datetime.now(UTC)), by=by)


def month_charges(found: "Reckoning") -> "MonthCharges":
    """The charges with the month they are of; a tag nobody bears is said to be none."""
    from planner.cli.month_facts import check_tag
    from planner.report.charges import MonthCharges

    check_tag(found.facts, found.charges.by)
    return MonthCharges(month=found.facts.month, as_of=found.facts.as_of, end=found.facts.end, charges=found.charges)


def by_provider(option: str, values: list[str] | None) -> dict[str, str]:
    """Provider -> id of options such as hetzner=K0123."""
    from planner.errors import InputError

    found: dict[str, str] = {}
    for value in values or ():
        provider, equals, given = (part.strip() for part in value.partition("="))
        if not provider or not equals or not given:
            raise InputError(f"{option} {value}: expected PROVIDER=ID, such as hetzner=K0123456")
        found[provider] = given
    return found


def check_providers(found: "Reckoning", named: dict[str, str]) -> None:
    """Raises InputError where an id is given for a provider that is not in the bill."""
    from planner.errors import InputError

    known = {one.lease.provider for one in found.bill.leases} | {one.cost.provider for one in found.bill.others}
    for provider, given in named.items():
        if provider not in known:
            raise InputError(
                f"{provider}={given}: no such provider in the bill of {found.facts.month}; "
                f"expected {' or '.join(sorted(known))}"
            )
