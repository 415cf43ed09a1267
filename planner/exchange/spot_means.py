"""Spot prices over the days before now: their mean, weighed by time, and what they lay between. Pure: values.

A price holds from its record until the next one of its type and zone. An offer without a zone has the dearest of its
zones, as the price in force has: where a node starts is not known. What no record reaches is not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from planner.catalog.aws_zones import is_local_zone_of, is_zone_of
from planner.catalog.offer import Offer
from planner.ledger import SpotMean, SpotPrice

TICK = timedelta(microseconds=1)
DIGITS = 6
"""Places behind the point of a mean: those of EC2's own prices."""


def spot_means(
    offers: Iterable[Offer],
    prices: Iterable[SpotPrice],
    *,
    start: datetime,
    end: datetime,
    zones: Iterable[str] = (),
    source: str,
) -> tuple[SpotMean, ...]:
    """The mean of each spot offer in [start, end) that has a price there; `zones`: where nodes may start, none: in all.

    Where `zones` names none of a region, all of it count; local zones beside it only if they are named.
    """
    allowed = frozenset(zones)
    series: dict[str, dict[str, list[SpotPrice]]] = {}
    for one in sorted(prices, key=lambda one: one.since):
        series.setdefault(one.product, {}).setdefault(one.zone, []).append(one)
    found = []
    for offer in offers:
        means = [
            mean
            for zone, records in sorted(_of(offer, series.get(offer.product, {}), allowed).items())
            if (mean := _mean(offer.id, zone, records, start, end, source)) is not None
        ]
        if offer.is_spot and means:
            found.append(max(means, key=lambda one: one.mean_usd_hour))
    return tuple(found)


def _of(offer: Offer, by_zone: Mapping[str, list[SpotPrice]], allowed: frozenset[str]) -> dict[str, list[SpotPrice]]:
    """The records of the zones that its nodes may start in."""
    if offer.zone is not None:
        return {zone: records for zone, records in by_zone.items() if zone == offer.zone}
    named = {zone for zone in allowed if is_zone_of(offer.region, zone) or is_local_zone_of(offer.region, zone)}
    if named:
        return {zone: records for zone, records in by_zone.items() if zone in named}
    return {zone: records for zone, records in by_zone.items() if is_zone_of(offer.region, zone)}


def _mean(
    offer: str, zone: str, records: Sequence[SpotPrice], start: datetime, end: datetime, source: str
) -> SpotMean | None:
    """The mean of a series that is oldest first; None: it says nothing of the time."""
    ends = [*(one.since for one in records[1:]), end]
    held = [
        (one.usd_hour, min(until, end) - max(one.since, start))
        for one, until in zip(records, ends, strict=True)
        if min(until, end) > max(one.since, start)
    ]
    covered = sum((spell for _, spell in held), timedelta())
    if not covered:
        return None
    weighed = sum((usd * (spell // TICK) for usd, spell in held), Decimal(0))
    amounts = [usd for usd, _ in held]
    return SpotMean(
        offer=offer,
        zone=zone,
        said_on=end.date(),
        days=covered / timedelta(days=1),
        mean_usd_hour=round(weighed / (covered // TICK), DIGITS),
        least_usd_hour=min(amounts),
        most_usd_hour=max(amounts),
        source=source,
    )
