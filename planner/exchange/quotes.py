"""Prices of a day: a provider's quote as a price in force, and a catalog at the prices a ledger keeps. Pure.

A refresh records what providers ask on a day; what was ordered before keeps its price, because a lease pays the price
in force on the day of its order. Amounts are kept in USD with the currency of the list and its dated rate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from planner.catalog.offer import Catalog, Offer, Trailing
from planner.catalog.read import FxRate, interruptions_per_hour
from planner.catalog.sources.quote import Quote
from planner.ledger import NOTHING_OF_SPOT, InterruptionClass, PriceInForce, SpotFacts, SpotMean
from policies.billing import Billing

STIR = Decimal("0.0005")
"""Relative change of a mean below which it is the same one: what a table shows as 0.0 %."""
Said = TypeVar("Said", InterruptionClass, SpotMean)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """An offer before and after; a price is None where it is not known."""

    offer: str
    before: Offer
    after: Offer
    is_available: bool | None = None
    """Whether it could be had when it was asked; None: nobody said."""

    @property
    def ratio(self) -> Decimal:
        """After / before, of the monthly fee where the offer is base, else of the hour."""
        return _main_usd(self.after) / _main_usd(self.before)

    @property
    def setup_change_usd(self) -> Decimal:
        """What the setup fee rose by."""
        return self.after.setup_fee_usd - self.before.setup_fee_usd

    @property
    def has_other_price(self) -> bool:
        """Whether its price or setup fee is another; a mean moves a little with every hour, which is not meant."""
        is_mean = self.before.trailing is not None and self.after.trailing is not None
        has_moved = abs(self.ratio - 1) >= STIR if is_mean else self.ratio != 1
        return has_moved or self.setup_change_usd != 0

    @property
    def has_other_interruptions(self) -> bool:
        """Whether it is taken back more or less often."""
        return self.after.interruptions_per_hour != self.before.interruptions_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Quotes as prices in force, and the quotes that cannot be."""

    prices: tuple[PriceInForce, ...]
    remarks: tuple[str, ...]


def priced(quotes: Iterable[Quote], catalog: Catalog, fx: FxRate | None) -> Priced:
    """Prices in force from the day of each quote on; `fx` converts euros, and what has no rate is said.

    A dedicated server that has an hourly price now is charged by started hours up to the month's fee (docs/billing.md).
    What a quote does not say stays as the catalog has it.
    """
    found, remarks = [], []
    for quote in quotes:
        rate = Decimal(1) if quote.currency == "USD" else fx.usd_per_eur if quote.currency == "EUR" and fx else None
        if rate is None:
            remarks.append(f"{quote.offer}: is quoted in {quote.currency}, and no rate to USD is known; not taken")
            continue
        offer = catalog[quote.offer]
        tariff = offer.tariff
        hour, month = _usd(quote.price_hour, rate), _usd(quote.fee_month, rate)
        has_become_hourly = tariff.billing is Billing.MONTH_PRORATED and hour is not None
        found.append(
            PriceInForce(
                offer=offer.id,
                provider=offer.provider,
                tariff=replace(
                    tariff,
                    billing=Billing.STARTED_HOUR_CAPPED if has_become_hourly else tariff.billing,
                    price_usd_hour=tariff.price_usd_hour if hour is None else hour,
                    fee_usd_month=tariff.fee_usd_month if month is None else month,
                ),
                setup_fee_usd=offer.setup_fee_usd if quote.setup_fee is None else quote.setup_fee * rate,
                invoice_currency=quote.currency,
                usd_per_unit=rate,
                rate_date=fx.date if quote.currency == "EUR" and fx is not None else None,
                effective_from=quote.as_of.date(),
                source=quote.source,
            )
        )
    return Priced(prices=tuple(found), remarks=tuple(remarks))


def at_prices(
    catalog: Catalog,
    prices: Iterable[PriceInForce],
    spot: SpotFacts = NOTHING_OF_SPOT,
    *,
    on: date | None = None,
) -> Catalog:
    """The catalog with each offer at its newest dated price and class of `on` or before; None: the newest there are.

    A spot offer costs its mean over the days before, where that was said no earlier than its newest price.
    Amounts in euros are converted at the catalog's rate, so that a catalog has one. A price that says nothing of its
    date is what somebody pays, not what is asked, and changes nothing here.
    """
    newest = newest_on(prices, on)
    said, means = _newest_said(spot.interruptions, on), _newest_said(spot.means, on)
    offers = (_at(offer, newest.get(offer.id), catalog.usd_per_eur) for offer in catalog)
    averaged = (_on_average(offer, means.get(offer.id)) for offer in offers)
    return replace(catalog, offers=tuple(_taken_back(offer, said.get(offer.id)) for offer in averaged))


def newest_on(prices: Iterable[PriceInForce], on: date | None = None) -> dict[str, PriceInForce]:
    """By offer, its newest dated price of `on` or before, of one day the later in order; None: the newest there is."""
    newest: dict[str, PriceInForce] = {}
    for one in prices:
        if one.effective_from is None or (on is not None and one.effective_from > on):
            continue
        known = newest.get(one.offer)
        if known is None or known.effective_from is None or one.effective_from >= known.effective_from:
            newest[one.offer] = one
    return newest


def newest_rate(prices: Iterable[PriceInForce]) -> FxRate | None:
    """The newest rate of the euro that prices were converted at; None: there is none."""
    dated = [one for one in prices if one.invoice_currency == "EUR" and one.rate_date is not None]
    if not dated:
        return None
    newest = max(dated, key=lambda one: one.rate_date or date.min)
    assert newest.rate_date is not None
    return FxRate(usd_per_eur=newest.usd_per_unit, date=newest.rate_date, source="the ledger's newest price in euros")


def changes(before: Catalog, after: Catalog, available: Mapping[str, bool | None]) -> tuple[PriceChange, ...]:
    """Offers of both that `available` names, the greatest change of price first."""
    found = [
        PriceChange(offer=key, before=before[key], after=after[key], is_available=said)
        for key, said in available.items()
        if key in before and key in after
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.ratio - 1), -abs(one.setup_change_usd), one.offer)))


def differing(found: Sequence[PriceChange]) -> tuple[PriceChange, ...]:
    """Those whose price, setup fee or interruptions are another."""
    return tuple(one for one in found if one.has_other_price or one.has_other_interruptions)


def _at(offer: Offer, price: PriceInForce | None, usd_per_eur: Decimal | None) -> Offer:
    if price is None or price.effective_from is None:
        return offer
    is_euro = price.invoice_currency == "EUR" and usd_per_eur is not None
    again = usd_per_eur / price.usd_per_unit if is_euro and usd_per_eur is not None else Decimal(1)
    return replace(
        offer,
        billing=price.tariff.billing,
        price_usd_hour=_usd(price.tariff.price_usd_hour, again),
        fee_usd_month=_usd(price.tariff.fee_usd_month, again),
        setup_fee_usd=price.setup_fee_usd * again,
        trailing=None,
        price_date=price.effective_from,
        source=price.source,
        currency=price.invoice_currency,
        note="",
    )


def _on_average(offer: Offer, mean: SpotMean | None) -> Offer:
    """The offer at its mean, if that is not older than its price."""
    if mean is None or not offer.is_spot or mean.said_on < offer.price_date:
        return offer
    return replace(
        offer,
        price_usd_hour=mean.mean_usd_hour,
        trailing=Trailing(days=mean.days, least_usd_hour=mean.least_usd_hour, most_usd_hour=mean.most_usd_hour),
        price_date=mean.said_on,
        source=f"{mean.source}, mean of the days before",
        currency="USD",
        note=f"mean of {mean.days:.3g} days in {mean.zone}",
    )


def _taken_back(offer: Offer, said: InterruptionClass | None) -> Offer:
    """The offer, interrupted as often as was said."""
    if said is None or not offer.is_spot:
        return offer
    told = f"interrupted {said.interruption_range} a month, {said.source} of {said.said_on}"
    note = told if offer.trailing is None else f"{offer.note.partition('; interrupted ')[0]}; {told}"
    return replace(offer, interruptions_per_hour=interruptions_per_hour(said.interruption_range), note=note)


def _newest_said(facts: Iterable[Said], on: date | None) -> dict[str, Said]:
    """By offer, the newest of `on` or before, of one day the later in order; None: the newest there is."""
    said = (one for one in facts if on is None or one.said_on <= on)
    return {one.offer: one for one in sorted(said, key=lambda one: one.said_on)}


def _usd(amount: Decimal | None, rate: Decimal) -> Decimal | None:
    return None if amount is None else amount * rate


def _main_usd(offer: Offer) -> Decimal:
    by_month = offer.role == "base" and offer.fee_usd_month is not None
    found = offer.fee_usd_month if by_month else offer.price_usd_hour or offer.fee_usd_month
    assert found is not None  # an offer has one of them
    return found
