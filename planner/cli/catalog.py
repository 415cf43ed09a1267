"""`baseload catalog`: what can be rented, and what a million tokens costs on it."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.options import (
    CurrencyCode,
    CurrencyOption,
    FleetOption,
    JsonOption,
    MeasuredOption,
    currency_of,
    is_verbose,
    say,
    screen,
)
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.catalog.offer import Catalog
    from planner.fleet import Fleet
    from planner.report.price_changes import PlanAt

catalog_app = typer.Typer(no_args_is_help=True)

MixOption = Annotated[
    float | None,
    typer.Option("--mix", help="Input tokens per output token in the cost; default: the model's lengths, else 1."),
]


SinceOption = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="A day; none: the catalog's own prices.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="A day; none: the newest prices there are.")
]
PlannedOption = Annotated[
    Path | None, typer.Option("-f", "--forecast", help="Also what the change does to this forecast's plan.")
]


@catalog_app.callback()
def catalog() -> None:
    """What can be rented, with price, date and source."""


@catalog_app.command("list")
def list_offers(
    context: typer.Context,
    offers: Annotated[
        list[str] | None, typer.Argument(metavar="OFFERS", help="Providers, markets or offers; none: all.")
    ] = None,
    config: FleetOption = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Whose tokens: a model of the fleet, or a profile; none: the first.")
    ] = None,
    mix: MixOption = None,
    left_out: Annotated[bool, typer.Option("--left-out", help="Also what is known but not offered, and why.")] = False,
    currency: CurrencyOption = CurrencyCode.USD,
    measured_only: MeasuredOption = False,
    as_json: JsonOption = False,
) -> None:
    """Offers with price, date and source, the cheapest per million tokens first. -v says why an offer has no rate.

    Example: baseload catalog list aws.spot hetzner --model llama-7b-q4 --mix 4
    """
    from planner.case import load_catalog, load_fleet, load_profiles
    from planner.catalog.listing import listing_rows
    from planner.catalog.select import only
    from planner.catalog.stale import catalog_stale_remarks
    from planner.cli.clock import today
    from planner.cli.rated import mix_of, model_named
    from planner.profile.model import Unfit
    from planner.profile.rate import rates_for
    from planner.report.listings import CatalogListing, catalog_document, render_catalog

    fleet, remarks = load_fleet(config)
    shown = load_catalog(fleet, as_of=today())
    if offers:
        shown = only(shown, offers)
    profiles = load_profiles(fleet)
    wanted, more = model_named(fleet, profiles, model)
    measured_only = measured_only or fleet.policy.measured_only
    found = {offer.id: rates_for(wanted, offer, profiles, measured_only=measured_only) for offer in shown}
    unrated = {key: one.reason for key, one in found.items() if isinstance(one, Unfit)}
    rates = {key: one for key, one in found.items() if not isinstance(one, Unfit)}
    tokens = mix_of(wanted, mix)
    listing = CatalogListing(
        rows=listing_rows(shown, rates=rates, input_per_output=tokens),
        model=wanted,
        mix=tokens,
        unrated=unrated,
        left_out=shown.left_out if left_out else (),
        usd_per_eur=shown.usd_per_eur,
        usd_per_eur_date=None if shown.usd_per_eur_date is None else shown.usd_per_eur_date.isoformat(),
    )
    if as_json:
        typer.echo(json.dumps(catalog_document(listing), indent=2, ensure_ascii=False))
    else:
        money = currency_of(currency, shown)
        text = render_catalog(listing, screen=screen(), currency=money, reasons=is_verbose(context))
        typer.echo(text, nl=False)
    say(context, (*remarks, *more, *catalog_stale_remarks(shown)))


@catalog_app.command("diff")
def diff(
    context: typer.Context,
    since: SinceOption = None,
    until: UntilOption = None,
    forecast: PlannedOption = None,
    config: FleetOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """What changed between two days of the prices that `catalog refresh` recorded; with -f, what it does to the plan.

    Example: baseload catalog diff --from 2026-10-01 -f forecast.csv -c fleet.toml
    """
    from planner.case import load_catalog, load_fleet, recorded
    from planner.exchange.quotes import at_prices, changes
    from planner.report.price_changes import PriceChanges, price_changes_document, render_price_changes

    first, last = (None if day is None else day.date() for day in (since, until))
    if first is not None and last is not None and first > last:
        raise InputError(f"--from {first} is after --to {last}; expected it before")
    fleet, remarks = load_fleet(config)
    held = recorded(fleet)
    known = {one.offer for one in held.prices if one.effective_from is not None}
    known |= {one.offer for one in held.spot.interruptions} | {one.offer for one in held.spot.means}
    if not known:
        raise InputError("the ledger has no dated price; `baseload catalog refresh` records today's")
    listed = load_catalog(fleet, prices="files")  # euros at one rate on both sides: a rate is no provider's price
    before = listed if first is None else at_prices(listed, held.prices, held.spot, on=first)
    after = at_prices(listed, held.prices, held.spot, on=last)
    plans = None
    if forecast is not None:
        plans = _plan_at(before, fleet, forecast), _plan_at(after, fleet, forecast)
    asked = {offer.id: None for offer in listed if offer.id in known}
    shown = PriceChanges(
        offers=changes(before, after, asked), asked=len(asked), from_date=first, to_date=last, plans=plans
    )
    if as_json:
        typer.echo(json.dumps(price_changes_document(shown), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_price_changes(shown, screen=screen(), currency=currency_of(currency, listed)), nl=False)
    say(context, remarks)


def _plan_at(catalog: "Catalog", fleet: "Fleet", forecast: Path) -> "PlanAt":
    """The plan of a forecast at a catalog's prices."""
    from dataclasses import replace

    from planner.case import load_case, solve_case
    from planner.report.price_changes import PlanAt

    case = replace(load_case(forecast=forecast, fleet=fleet), catalog=catalog)
    plan = solve_case(case).plan
    return PlanAt(bill_usd=plan.bill_usd, base=dict(plan.base))
