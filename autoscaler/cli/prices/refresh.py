"""The command `baseload catalog refresh`: lists are read side by side, compared, and recorded as one batch."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from planner.cli.options import CurrencyCode, CurrencyOption, FleetOption, JsonOption, currency_of, say, screen
from planner.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from autoscaler.cli.prices.asked import Asked
    from autoscaler.cli.prices.price_lists import Asking, PriceList
    from planner.catalog.offer import Catalog
    from planner.catalog.read import FxRate
    from planner.catalog.sources.quote import Quote
    from planner.catalog.sources.source import SourceError
    from planner.exchange.quotes import Priced
    from planner.fleet import Fleet
    from planner.ledger import SpotFacts
    from planner.report.numbers import Currency
    from planner.report.price_changes import PriceChanges

T = TypeVar("T")

ProviderOption = Annotated[
    list[str] | None,
    typer.Option("--provider", help="Whose list: aws, hetzner, hetzner-cloud, ovh; none: all that can be asked."),
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Ask and compare; record nothing (profiles are written).")]
SpareCoresOption = Annotated[
    str | None,
    typer.Option(
        "--spare-cores",
        metavar="FILE|URL",
        help="Spare Cores' database in place of the providers' lists; no credentials.",
    ),
]
ProfilesOption = Annotated[
    Path | None,
    typer.Option(
        "--profiles-out",
        metavar="FOLDER",
        help="With --spare-cores: save its llama.cpp throughput, a profile per model.",
    ),
]


def refresh(
    context: typer.Context,
    provider: ProviderOption = None,
    config: FleetOption = None,
    spare_cores: SpareCoresOption = None,
    profiles_out: ProfilesOption = None,
    dry_run: DryOption = False,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """Ask providers for today's prices, say what changed, and record them in the ledger, each with its date.

    Plans use them with `prices = "ledger"` in [catalog] of fleet.toml. What was ordered before keeps its price.
    With --spare-cores nobody is asked: prices of all providers are read from that database.

    Example: baseload catalog refresh -c fleet.toml --provider ovh --provider hetzner-cloud
    """
    from autoscaler.cli.prices.price_lists import Asking
    from autoscaler.cli.prices.spot import spot_facts
    from autoscaler.settings import Secrets
    from planner.case import load_catalog, load_fleet
    from planner.exchange.quotes import at_prices, changes, priced
    from planner.report.price_changes import PriceChanges

    if profiles_out is not None and spare_cores is None:
        raise InputError(
            "--profiles-out: only Spare Cores' database has throughput; expected --spare-cores FILE|URL too"
        )
    fleet, remarks = load_fleet(config)
    before = load_catalog(fleet, prices="ledger")
    secrets = Secrets(os.environ, folder=fleet.daemon.folder)
    asking = Asking(fleet=fleet, secrets=secrets, clock=lambda: datetime.now(UTC))
    if spare_cores is None:
        asked = _asked_providers(context, before, asking, provider or ())
    else:
        from autoscaler.cli.prices.spare_cores import asked_spare_cores

        asked = asked_spare_cores(
            spare_cores, before, fleet, providers=provider or (), profiles_out=profiles_out, now=asking.clock()
        )
    fx, unknown = _rate(fleet, asked.quotes)
    found = priced(asked.quotes, before, fx)
    now = asking.clock()
    spot = spot_facts(asked, before, fleet, now)
    is_anything = bool(found.prices or spot.interruptions or spot.means)
    recorded = None if dry_run or not is_anything else _record(found, spot, fleet, now)
    shown = PriceChanges(
        offers=changes(before, at_prices(before, found.prices, spot), _stock(found, spot, asked)),
        asked=asked.offers,
        fx=fx,
        recorded=recorded,
    )
    _show(shown, currency_of(currency, before), as_json=as_json)
    remarks = (*remarks, *asked.remarks, *unknown, *found.remarks, *(f"{error}" for error in asked.failures[1:]))
    say(context, (*remarks, *_closing(recorded, fleet, dry_run=dry_run)))
    if asked.failures:
        raise asked.failures[0]


def _asked_providers(
    context: typer.Context, catalog: "Catalog", asking: "Asking", providers: "Sequence[str]"
) -> "Asked":
    """What the providers' own lists say. Raises InputError where none can be asked, SourceError where none answers."""
    from autoscaler.cli.prices.price_lists import named, price_lists

    lists, passed_over = named(price_lists(catalog, asking), providers)
    if not lists:
        raise InputError(f"no provider can be asked; {'; '.join(passed_over) or 'the catalog has none with a list'}")
    asked = _read(lists)
    if asked.failures and not (asked.quotes or asked.interruptions or asked.spot_prices):
        say(context, (*passed_over, *(f"{error}" for error in asked.failures[1:])))
        raise asked.failures[0]
    return replace(asked, remarks=passed_over)


def _stock(found: "Priced", spot: "SpotFacts", asked: "Asked") -> dict[str, bool | None]:
    """The offers of which something is recorded, and whether they can be had."""
    said = {quote.offer: quote.is_available for quote in asked.quotes}
    taken = (one.offer for facts in (found.prices, spot.interruptions, spot.means) for one in facts)
    return {offer: said.get(offer) for offer in taken}


def _read(lists: "Sequence[PriceList]") -> "Asked":
    """What the lists say, read side by side; a list that cannot be read stops no other."""
    from concurrent.futures import ThreadPoolExecutor

    from autoscaler.cli.prices.asked import Asked

    failures: list[SourceError] = []
    with ThreadPoolExecutor(max_workers=3 * len(lists)) as pool:
        asked = [pool.submit(one.read) for one in lists if one.read is not None]
        advice = [pool.submit(one.advise) for one in lists if one.advise is not None]
        history = [pool.submit(one.recall) for one in lists if one.recall is not None]
        quotes, interruptions = _answers(asked, failures), _answers(advice, failures)
        spot_prices = _answers(history, failures)
    return Asked(
        quotes=quotes,
        offers=sum(len(one.offers) for one in lists),
        failures=tuple(failures),
        interruptions=interruptions,
        spot_prices=spot_prices,
    )


def _answers(asked: "Iterable[Future[tuple[T, ...]]]", failures: "list[SourceError]") -> "tuple[T, ...]":
    """What was answered; what could not be goes to the failures."""
    from planner.catalog.sources.source import SourceError

    found: list[T] = []
    for one in asked:
        try:
            found += one.result()
        except SourceError as error:
            failures.append(error)
    return tuple(found)


def _rate(fleet: "Fleet", quotes: "Sequence[Quote]") -> "tuple[FxRate | None, tuple[str, ...]]":
    """USD for one euro: the fleet's own, else today's of the ECB, else the newest that is known, which is said."""
    from planner.case import rate_of
    from planner.catalog.read import shipped_fx
    from planner.catalog.sources.ecb import fetch_rate
    from planner.catalog.sources.source import SourceError

    if all(quote.currency != "EUR" for quote in quotes):
        return None, ()
    own = rate_of(fleet)
    if own is not None:
        return own, ()
    try:
        return fetch_rate(), ()
    except SourceError as error:
        shipped = shipped_fx()
        return shipped, (f"{error}; euros are converted at {shipped.usd_per_eur} of {shipped.date}",)


def _record(found: "Priced", spot: "SpotFacts", fleet: "Fleet", now: datetime) -> str:
    """Adds the prices and what is known of spot to the ledger as one batch; says where."""
    import hashlib

    from planner.case import database_of
    from planner.ledger import Origin
    from planner.store import open_ledger

    text = "\n".join(repr(one) for one in (*found.prices, spot)) + now.isoformat()
    origin = Origin(source="catalog refresh", sha256=hashlib.sha256(text.encode()).hexdigest(), added_at=now)
    with open_ledger(database_of(fleet), create=True) as held:
        batch = held.add_prices(found.prices, origin, spot=spot)
        return f"{held.address}, batch {batch.id}"


def _show(shown: "PriceChanges", currency: "Currency", *, as_json: bool) -> None:
    from planner.report.price_changes import price_changes_document, render_price_changes

    if as_json:
        typer.echo(json.dumps(price_changes_document(shown), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_price_changes(shown, screen=screen(), currency=currency), nl=False)


def _closing(recorded: str | None, fleet: "Fleet", *, dry_run: bool) -> tuple[str, ...]:
    if recorded is None:
        return ("nothing recorded (--dry-run)",) if dry_run else ()
    said = (f"recorded in {recorded}",)
    if fleet.catalog.prices == "ledger":
        return said
    return (*said, 'plans use the catalog\'s own prices; with `prices = "ledger"` in [catalog] of fleet.toml, these')
