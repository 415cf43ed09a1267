"""`baseload profile`: throughput profiles."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.catalog import MixOption
from planner.cli.options import (
    CurrencyCode,
    CurrencyOption,
    FleetOption,
    JsonOption,
    MeasuredOption,
    SloOption,
    currency_of,
    is_verbose,
    say,
    screen,
)
from planner.cli.profile_fit import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planner.catalog.offer import Catalog, Offer
    from planner.profile.curve import Profile
    from planner.profile.model import Model
    from planner.report.profiles import ProfileListing, RatedOffer

profile_app = typer.Typer(no_args_is_help=True)
profile_app.command("fit")(fit)


@profile_app.callback()
def profile() -> None:
    """Throughput of a model on each offer."""


@profile_app.command("show")
def show(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="Model of the fleet, or a profile; none: the first model.")
    ] = None,
    offer: Annotated[str | None, typer.Option("--offer", help="Show the curves of this offer, point by point.")] = None,
    machines: Annotated[bool, typer.Option("--machines", help="Show what was measured on which machine.")] = False,
    config: FleetOption = None,
    slo: SloOption = None,
    mix: MixOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    measured_only: MeasuredOption = False,
    as_json: JsonOption = False,
) -> None:
    """Rated point, P and G of a model on every offer, with basis, fit and source. -v gives the figures of refusals.

    Example: baseload profile show llama-7b-q4 --offer aws/r7a.8xlarge
    """
    from planner.case import load_catalog, load_fleet, load_profiles
    from planner.catalog.stale import stale_remarks
    from planner.cli import clock
    from planner.cli.rated import mix_of, model_named
    from planner.errors import InputError
    from planner.report.profiles import profile_document, render_machines, render_offer, render_offers

    if machines and offer is not None:
        raise InputError("--machines and --offer: expected one of the two")
    fleet, remarks = load_fleet(config)
    catalog, profiles = load_catalog(fleet, prices="files", as_of=clock.today()), load_profiles(fleet)
    wanted, more = model_named(fleet, profiles, model, slo or ())
    offers = tuple(catalog) if offer is None else (_offer(catalog, offer, fleet.source),)
    listing = _listing(
        wanted,
        offers,
        profiles,
        mix=mix_of(wanted, mix),
        measured_only=measured_only or fleet.policy.measured_only,
        machines=machines,
    )
    money = currency_of(currency, catalog)
    if as_json:
        document = profile_document(listing, points=offer is not None)
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif machines:
        typer.echo(render_machines(listing, screen=screen()), nl=False)
    elif offer is not None:
        typer.echo(render_offer(listing, screen=screen(), currency=money), nl=False)
    else:
        text = render_offers(listing, screen=screen(), currency=money, details=is_verbose(context))
        typer.echo(text, nl=False)
    stale = () if machines else stale_remarks((one.id, one) for one in offers)  # a machine costs nothing there
    say(context, (*remarks, *more, *stale))


def _listing(
    model: "Model",
    offers: "tuple[Offer, ...]",
    profiles: "Mapping[str, Profile]",
    *,
    mix: float,
    measured_only: bool,
    machines: bool,
) -> "ProfileListing":
    """What is shown of the model on the offers; the rule's test only where it estimated one of them."""
    from planner.profile.listing import error_rows, machine_rows, profile_rows
    from planner.report.profiles import ProfileListing

    used = profiles[model.profile]
    rated = [_rated(model, offer, profiles, mix=mix, measured_only=measured_only) for offer in offers]
    rule = used.estimate
    targets = () if rule is None else {f"{one.provider}/{one.server}".lower() for one in rule.targets}
    by_rule = any(one.row.rates is not None and one.row.machine in targets for one in rated)
    return ProfileListing(
        model=model,
        mix=mix,
        profile=profile_rows({used.name: used})[0],
        others=sorted(profiles),
        offers=rated,
        errors=error_rows(used) if by_rule else (),
        rule="" if rule is None else rule.name,
        machines=machine_rows(used) if machines else None,
    )


def _rated(
    model: "Model", offer: "Offer", profiles: "Mapping[str, Profile]", *, mix: float, measured_only: bool
) -> "RatedOffer":
    """The offer with its rates and the cost that follows."""
    from planner.catalog.listing import quoted_usd_hour, usd_mtok
    from planner.profile.listing import offer_row
    from planner.report.profiles import RatedOffer

    row = offer_row(model, offer, profiles, measured_only=measured_only)
    cost = None if row.rates is None else usd_mtok(quoted_usd_hour(offer), row.rates, mix)
    return RatedOffer(offer=offer, row=row, usd_mtok=cost)


def _offer(catalog: "Catalog", name: str, source: str) -> "Offer":
    """The offer of that id; another name is an InputError with the nearest ids, or why it is left out."""
    from planner.catalog.nearest import nearest
    from planner.errors import InputError

    if name in catalog:
        return catalog[name]
    for item in catalog.left_out:
        if item.id == name:
            raise InputError(f"--offer {name}: known but not offered: {item.reason}")
    near = nearest(name, (offer.id for offer in catalog), count=3)
    hint = f"nearest: {', '.join(near)}" if near else "`baseload catalog list` names them"
    raise InputError(f"--offer {name}: no such offer in the catalog of {source}; {hint}")
