"""What a refresh learned of spot: classes, changes of prices, and their mean together with those the ledger keeps."""

from datetime import datetime, timedelta

from autoscaler.cli.prices.asked import Asked
from planner.catalog.offer import Catalog
from planner.catalog.sources.aws import KEPT_DAYS, SPOT_SOURCE
from planner.exchange.spot_means import spot_means
from planner.fleet import Fleet
from planner.ledger import SpotFacts, SpotPrice


def spot_facts(asked: Asked, catalog: Catalog, fleet: Fleet, now: datetime) -> SpotFacts:
    """The facts to record; the mean is of the fleet's days before now, of which AWS itself keeps no more than 90."""
    if not asked.spot_prices:
        return SpotFacts(interruptions=asked.interruptions)
    from planner.case import database_of
    from planner.store import open_ledger

    days = fleet.catalog.spot_days
    start = now - timedelta(days=days)
    kept: tuple[SpotPrice, ...] = ()
    if days > KEPT_DAYS:
        with open_ledger(database_of(fleet), create=True) as held:  # reads alone: none is made
            kept = held.spot_prices("aws", start)
    settings = fleet.daemon.providers.aws
    known = {(one.product, one.zone, one.since): one for one in (*kept, *asked.spot_prices)}
    means = spot_means(
        [offer for offer in catalog if offer.provider == "aws" and offer.is_spot],
        known.values(),
        start=start,
        end=now,
        zones=() if settings is None else settings.subnets,
        source=SPOT_SOURCE,
    )
    return SpotFacts(interruptions=asked.interruptions, prices=asked.spot_prices, means=means)
