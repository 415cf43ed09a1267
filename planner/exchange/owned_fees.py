"""What owned servers cost a month where the fleet file does not say: the price of the day they were ordered. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from planner.catalog.offer import Catalog
from planner.exchange.quotes import newest_on
from planner.fleet import Owned
from planner.ledger import PriceInForce


def needs_fee(block: Owned) -> bool:
    """Whether its price is to be looked up by the day of its order."""
    return block.ordered_on is not None and block.fee_usd_month is None and block.fee_eur_month is None


def with_fees(owned: Iterable[Owned], recorded: Iterable[PriceInForce], files: Catalog) -> tuple[Owned, ...]:
    """Owned servers, each that was ordered on a known day at the price recorded last by then.

    Ordered before the first recorded price: at that of the catalog's `files`. A fee in euros stays one. Blocks that say
    their fee, or no day, and offers that nobody knows stay as they are.
    """
    prices = tuple(recorded)
    return tuple(_with_fee(block, prices, files) if needs_fee(block) else block for block in owned)


def _with_fee(block: Owned, prices: tuple[PriceInForce, ...], files: Catalog) -> Owned:
    price = newest_on(prices, block.ordered_on).get(block.offer)
    if price is not None:
        return _at(block, price.tariff.fee_usd_month, price.invoice_currency, price.usd_per_unit)
    if block.offer in files:
        listed = files[block.offer]
        return _at(block, listed.fee_usd_month, listed.currency, files.usd_per_eur)
    return block


def _at(block: Owned, fee_usd: Decimal | None, currency: str, usd_per_unit: Decimal | None) -> Owned:
    if fee_usd is None:
        return block
    if currency == "EUR" and usd_per_unit is not None:
        return replace(block, fee_eur_month=fee_usd / usd_per_unit)
    return replace(block, fee_usd_month=fee_usd)
