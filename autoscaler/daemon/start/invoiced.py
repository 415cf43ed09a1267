"""Invoiced: what the catalog says of how each pool and base offer is charged, for the facts a daemon writes."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from planner.catalog.offer import Catalog
from planner.fleet import Owned
from planner.ledger import PriceInForce


def prices_in_force(catalog: Catalog, owned: Iterable[Owned]) -> dict[str, PriceInForce]:
    """By pool and base offer: its tariff and the currency of its invoice; of owned servers the price in force."""
    found: dict[str, PriceInForce] = {}
    for offer in catalog:
        rate = catalog.usd_per_eur if offer.currency == "EUR" else Decimal(1)
        if rate is None:
            continue  # its prices could not have been converted without one
        found[offer.id] = PriceInForce(
            offer=offer.id,
            provider=offer.provider,
            tariff=offer.tariff,
            setup_fee_usd=offer.setup_fee_usd,
            invoice_currency=offer.currency,
            usd_per_unit=rate,
            rate_date=catalog.usd_per_eur_date if offer.currency == "EUR" else None,
            source=offer.source,
        )
    for one in owned:
        known, fee = found.get(one.offer), one.fee_in_force_usd(catalog.usd_per_eur)
        if known is not None and fee is not None:
            tariff = replace(known.tariff, fee_usd_month=fee)
            found[one.offer] = replace(known, tariff=tariff, effective_from=one.ordered_on)
    return found
