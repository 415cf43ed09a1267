"""`baseload catalog`: what can be rented, and what a million tokens costs on it."""

import json
from typing import Annotated

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

catalog_app = typer.Typer(no_args_is_help=True)

MixOption = Annotated[
    float | None,
    typer.Option("--mix", help="Input tokens per output token in the cost; default: the model's lengths, else 1."),
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
    from planner.cli.rated import mix_of, model_named
    from planner.profile.model import Unfit
    from planner.profile.rate import rates_for
    from planner.report.listings import CatalogListing, catalog_document, render_catalog

    fleet, remarks = load_fleet(config)
    shown = load_catalog(fleet)
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
    say(context, (*remarks, *more))
