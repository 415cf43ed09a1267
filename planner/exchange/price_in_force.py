"""The price a lease pays where its row names none: the ledger's, else the owned server's, else the catalog's. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from planner.catalog.offer import Catalog, Offer
from planner.fleet import Fleet
from planner.ledger import PriceInForce


class PricesInForce:
    """Looks prices up by offer and date of order; `remarks` says where they came from, once per offer."""

    def __init__(self, ledger: Sequence[PriceInForce], fleet: Fleet, catalog: Catalog) -> None:
        self._ledger = list(ledger)
        self._fleet = fleet
        self._catalog = catalog
        self._said: dict[str, str] = {}

    def add(self, prices: Sequence[PriceInForce]) -> None:
        """Prices that are about to come into the ledger; they win over those there."""
        self._ledger.extend(prices)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Prices that were taken from the fleet or the catalog."""
        return tuple(self._said.values())

    def __call__(self, offer: str, ordered_on: date) -> PriceInForce | None:
        """The price in force of an offer ordered on a date; None: none is known."""
        known = [
            one
            for one in self._ledger
            if one.offer == offer and (one.effective_from is None or one.effective_from <= ordered_on)
        ]
        if known:
            return max(reversed(known), key=lambda one: one.effective_from or date.min)
        return self._owned(offer) or self._listed(offer)

    def _owned(self, offer: str) -> PriceInForce | None:
        """Of the fleet's [[owned]] servers, those with a fee of their own."""
        if offer not in self._catalog:
            return None
        rate = self._catalog.usd_per_eur
        for block in self._fleet.owned:
            fee = block.fee_in_force_usd(rate)
            if block.offer != offer or fee is None:
                continue
            self._said[offer] = f"{offer}: priced as in [[owned]] of {self._fleet.source}"
            is_euro = block.fee_eur_month is not None and rate is not None
            listed = self._catalog[offer]
            return PriceInForce(
                offer=offer,
                provider=listed.provider,
                tariff=replace(listed.tariff, fee_usd_month=fee),
                setup_fee_usd=listed.setup_fee_usd,
                invoice_currency="EUR" if is_euro else "USD",
                usd_per_unit=rate if is_euro and rate is not None else Decimal(1),
                rate_date=self._catalog.usd_per_eur_date if is_euro else None,
                effective_from=block.ordered_on,
                source=f"{self._fleet.source}, [[owned]]",
            )
        return None

    def _listed(self, offer: str) -> PriceInForce | None:
        if offer not in self._catalog:
            return None
        listed = self._catalog[offer]
        self._said[offer] = (
            f"{offer}: priced as in the catalog of {listed.price_date}, not as invoiced;"
            " price columns in leases.csv or prices.csv say what is paid"
        )
        return self._price(listed, listed.source)

    def _price(self, listed: Offer, source: str) -> PriceInForce:
        rate = self._catalog.usd_per_eur
        is_euro = listed.currency == "EUR" and rate is not None
        return PriceInForce(
            offer=listed.id,
            provider=listed.provider,
            tariff=listed.tariff,
            setup_fee_usd=listed.setup_fee_usd,
            invoice_currency="EUR" if is_euro else "USD",
            usd_per_unit=rate if is_euro and rate is not None else Decimal(1),
            rate_date=self._catalog.usd_per_eur_date if is_euro else None,
            source=source,
        )
