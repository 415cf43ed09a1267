"""Prices that were read too long ago to plan money by: which offers they are of, and a sentence that says so. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from planner.catalog.offer import Catalog
from planner.catalog.offer_id import OfferId


def with_stale(catalog: Catalog, on: date, *, max_price_age_days: int, max_spot_age_days: int) -> Catalog:
    """The catalog with each offer marked whose price is older than that on a day; spot has an age of its own."""
    oldest = {
        is_spot: on - timedelta(days=days) for is_spot, days in ((False, max_price_age_days), (True, max_spot_age_days))
    }
    offers = tuple(replace(one, is_price_stale=one.price_date < oldest[one.is_spot]) for one in catalog)
    return replace(catalog, offers=offers)


class Priced(Protocol):
    """An offer of a catalog, or what a plan says of one."""

    @property
    def is_spot(self) -> bool:
        """Whether it can be taken back."""

    @property
    def price_date(self) -> date:
        """Of its price."""

    @property
    def is_price_stale(self) -> bool:
        """Whether that is too long ago."""


def stale_remarks(offers: Iterable[tuple[str, Priced]]) -> tuple[str, ...]:
    """One sentence of all marked offers, each with its id: by provider and market, with the oldest date of each.

    None where none is marked.
    """
    found: dict[tuple[str, str], date] = {}
    for key, one in offers:
        if one.is_price_stale:
            group = OfferId.of(key).provider, "spot" if one.is_spot else ""
            found[group] = min(found.get(group, one.price_date), one.price_date)
    if not found:
        return ()
    named = ", ".join(f"{' '.join(filter(None, key))} of {day}" for key, day in sorted(found.items()))
    return (f"old prices: {named}; `baseload catalog refresh` asks for today's",)


def catalog_stale_remarks(catalog: Catalog) -> tuple[str, ...]:
    """The same of a whole catalog."""
    return stale_remarks((one.id, one) for one in catalog)
