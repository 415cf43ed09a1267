"""Spare Cores' prices as quotes of a catalog's offers, and why the other rows are none. Pure.

A row is of an offer where vendor, type, region and, if the offer names one, zone are the same words. Of several rows of
an offer the dearest counts: which of its zones a node starts in is not known, as with AWS' own spot prices.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from planner.catalog.aws_zones import is_local_zone_of, is_zone_of
from planner.catalog.offer import Offer, Role
from planner.catalog.sources.quote import Quote
from planner.exchange.spare_cores.tables import PriceRow

PROVIDERS = {"hcloud": "hetzner-cloud"}
"""Our name of a vendor, where it is another."""
LICENCE = "CC BY-SA 4.0"
SOURCE = f"Spare Cores, {LICENCE}"
_CURRENCY = re.compile("[A-Z]{3}")
AHEAD = timedelta(days=1)
"""A row dated later than this after now would hold against every later price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Rows of a table, counted."""

    rows: int
    used: int
    ignored: Mapping[str, int]
    """By reason, the most rows first."""

    def sentence(self, what: str) -> str:
        """The counts in one line."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.ignored.items())
        return f"{what}: {self.rows:,} rows read, {self.used:,} used" + (f"; not used: {reasons}" if reasons else "")


@dataclass(slots=True)
class Counts:
    """Counts rows while they are read."""

    rows: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    def read(self) -> Read:
        """What was counted."""
        found = dict(sorted(self.ignored.items(), key=lambda one: (-one[1], one[0])))
        return Read(rows=self.rows, used=self.rows - sum(found.values()), ignored=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Quotes, and what they were made of."""

    quotes: tuple[Quote, ...]
    read: Read
    uncapped: tuple[str, ...]
    """Offers whose monthly cap the database does not have."""
    lettered: tuple[str, ...]
    """Offers of an AWS zone by its letter, which stands for another zone in each account."""


def quotes_of(
    rows: Iterable[PriceRow], offers: Iterable[Offer], *, regions: Mapping[str, str], now: datetime
) -> Quoted:
    """A quote of each offer that the rows have; `regions`: by provider, where offers are whose region they do not have.

    Of base offers nothing is quoted: the database has no monthly fees. A price older than the offer's own is none.
    """
    by_product: dict[tuple[str, str], list[Offer]] = {}
    for offer in offers:
        by_product.setdefault((offer.provider, offer.product), []).append(offer)
    kept, counts = [], Counts()
    known = {provider: set[str]() for provider, _ in by_product}
    for row in rows:
        counts.rows += 1
        provider = PROVIDERS.get(row.vendor, row.vendor)
        if provider in known:
            known[provider] |= row.regions
        reason = "of other vendors" if provider not in known else _unfit(row, provider, by_product, now)
        if reason is None:
            kept.append((provider, row))
        else:
            counts.ignored[reason] += 1
    found: dict[str, tuple[Offer, PriceRow]] = {}
    for provider, row in kept:
        candidates = by_product[provider, row.product or ""]
        reason = _take(row, candidates, found, known[provider], regions.get(provider))
        if reason is not None:
            counts.ignored[reason] += 1
    quotes = tuple(_quote(offer, row) for offer, row in found.values())
    return Quoted(
        quotes=tuple(sorted(quotes, key=lambda quote: quote.offer)),
        read=counts.read(),
        uncapped=tuple(sorted(key for key, (offer, _) in found.items() if offer.fee_usd_month is not None)),
        lettered=tuple(sorted(key for key, (offer, _) in found.items() if _is_lettered(offer))),
    )


def _unfit(
    row: PriceRow, provider: str, by_product: Mapping[tuple[str, str], list[Offer]], now: datetime
) -> str | None:
    """Why a row is of no offer, whatever its place; None: it may be."""
    if row.product is None or (provider, row.product) not in by_product:
        return "of types the catalog does not have"
    checks = (
        (not row.is_active, "no longer active"),
        (row.operating_system != "linux", "not of Linux"),
        (row.allocation not in ("ondemand", "spot"), "reserved"),
        (row.unit != "hour" or row.is_tiered or bool(row.price_upfront), "not by the hour alone"),
        (row.price is None or not 0 < row.price < float("inf"), "without a price above 0"),
        (_CURRENCY.fullmatch(row.currency) is None, "without a currency"),
        (row.observed_at is None, "without a date"),
        (row.observed_at is not None and row.observed_at > now + AHEAD, "dated in the future"),
    )
    return next((reason for is_so, reason in checks if is_so), None)


def _take(
    row: PriceRow,
    candidates: Iterable[Offer],
    found: dict[str, tuple[Offer, PriceRow]],
    known: set[str],
    elsewhere: str | None,
) -> str | None:
    """Takes a row for every offer it is of; else why it is of none."""
    market = [one for one in candidates if one.is_spot == (row.allocation == "spot") and one.role is Role.BURST]
    if not market:
        return f"{'spot' if row.allocation == 'spot' else 'on demand'}, where the catalog has no such offer"
    here = [
        one
        for one in market
        if (one.region if one.region in known else elsewhere) in row.regions and _is_where(one, row)
    ]
    if not here:
        return "of other regions or zones"
    day = row.observed_at.date() if row.observed_at is not None else None
    newer = [one for one in here if day is not None and day >= one.price_date]
    if not newer:
        return "older than the price there is"
    for offer in newer:
        held = found.get(offer.id)
        if held is None or (row.price or 0) > (held[1].price or 0):
            found[offer.id] = offer, row
    return None


def _is_where(offer: Offer, row: PriceRow) -> bool:
    """Whether a row of the offer's region is of a zone that its nodes start in."""
    if offer.zone is not None:
        return offer.zone in row.zones
    return offer.provider != "aws" or not any(is_local_zone_of(offer.region, zone) for zone in row.zones)


def _quote(offer: Offer, row: PriceRow) -> Quote:
    assert row.price is not None
    assert row.observed_at is not None  # such rows are not kept
    return Quote(
        offer=offer.id,
        currency=row.currency,
        price_hour=Decimal(repr(row.price)),
        as_of=row.observed_at,
        source=SOURCE,
    )


def _is_lettered(offer: Offer) -> bool:
    return offer.provider == "aws" and offer.zone is not None and is_zone_of(offer.region, offer.zone)
