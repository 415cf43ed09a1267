"""What owned servers cost a month where the fleet file does not say: the price of the day they were ordered. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from planner.catalog.offer import Catalog
from planner.exchange.quotes import newest_on
from planner.fleet import Fleet, Owned
from planner.ledger import PriceInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedInForce(Owned):
    """Owned servers whose fee was looked up: from when the price is, and who said it."""

    price_date: date
    source: str


def needs_fee(block: Owned) -> bool:
    """Whether its price is to be looked up by the day of its order."""
    return block.ordered_on is not None and block.fee_usd_month is None and block.fee_eur_month is None


def coming_remarks(fleet: Fleet, on: date | None) -> tuple[str, ...]:
    """A sentence for each of the fleet's owned servers whose order is dated after a day; None: the day is not known."""
    return tuple(
        f"{fleet.source}, [[owned]] {block.offer}: ordered_on {block.ordered_on} is yet to come; it counts as a server "
        "that is there, with its setup fee paid"
        for block in fleet.owned
        if on is not None and block.ordered_on is not None and block.ordered_on > on
    )


def with_fees(owned: Iterable[Owned], recorded: Iterable[PriceInForce], files: Catalog) -> tuple[Owned, ...]:
    """Owned servers, each that was ordered on a known day at the price recorded last by then.

    Ordered before the first recorded price: at that of the catalog's `files`. A fee in euros stays one. Blocks that say
    their fee, or no day, and offers that nobody knows stay as they are.
    """
    prices = tuple(recorded)
    return tuple(_with_fee(block, prices, files) if needs_fee(block) else block for block in owned)


def _with_fee(block: Owned, prices: tuple[PriceInForce, ...], files: Catalog) -> Owned:
    price = newest_on(prices, block.ordered_on).get(block.offer)
    if price is not None and price.effective_from is not None:
        fee_usd = price.tariff.fee_usd_month
        return _at(block, fee_usd, price.invoice_currency, price.usd_per_unit, price.effective_from, price.source)
    if block.offer in files:
        listed = files[block.offer]
        return _at(block, listed.fee_usd_month, listed.currency, files.usd_per_eur, listed.price_date, listed.source)
    return block


def _at(
    block: Owned, fee_usd: Decimal | None, currency: str, usd_per_unit: Decimal | None, day: date, source: str
) -> Owned:
    if fee_usd is None:
        return block
    known = {one.name: getattr(block, one.name) for one in fields(Owned)}
    if currency == "EUR" and usd_per_unit is not None:
        known["fee_eur_month"] = fee_usd / usd_per_unit
    else:
        known["fee_usd_month"] = fee_usd
    return OwnedInForce(**known, price_date=day, source=source)
