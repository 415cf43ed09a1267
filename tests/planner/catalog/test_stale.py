"""Old prices: 90 days for what has a list, 7 for spot; marked on the day after."""

from dataclasses import replace
from datetime import date

import pytest

from planner.case import load_catalog
from planner.catalog.offer import Catalog
from planner.catalog.stale import catalog_stale_remarks, with_stale
from planner.fleet import default_fleet
from planner.fleet.value import CatalogSettings
from tests.planner.exchange.test_quotes import an_offer

LIST = an_offer(price_date=date(2026, 1, 1))
SPOT = replace(LIST, id="ovh/b3-8/spot", is_spot=True)


@pytest.mark.parametrize(
    ("day", "marked"),
    [
        (date(2026, 1, 8), (False, False)),
        (date(2026, 1, 9), (False, True)),
        (date(2026, 4, 1), (False, True)),  # 31 + 28 + 31 days
        (date(2026, 4, 2), (True, True)),
        (date(2025, 1, 1), (False, False)),  # a price that is still to come is not old
    ],
)
def test_a_price_is_old_the_day_after_its_age(day: date, marked: tuple[bool, bool]) -> None:
    found = with_stale(Catalog(offers=(LIST, SPOT)), day, max_price_age_days=90, max_spot_age_days=7)
    assert tuple(one.is_price_stale for one in found) == marked


def test_one_sentence_says_whose_prices_are_old_and_since_when() -> None:
    other = replace(LIST, id="hetzner/x", provider="hetzner", price_date=date(2025, 2, 3))
    older = replace(LIST, id="ovh/b3-16", price_date=date(2025, 12, 1))
    catalog = Catalog(offers=(LIST, SPOT, older, other))
    assert catalog_stale_remarks(catalog) == ()
    (said,) = catalog_stale_remarks(with_stale(catalog, date(2026, 6, 1), max_price_age_days=90, max_spot_age_days=7))
    assert said == (
        "old prices: hetzner of 2025-02-03, ovh of 2025-12-01, ovh spot of 2026-01-01; "
        "`baseload catalog refresh` asks for today's"
    )


def test_without_a_day_nothing_is_marked_and_the_fleet_says_the_ages() -> None:
    fleet = default_fleet()
    assert catalog_stale_remarks(load_catalog(fleet)) == ()
    day = date(2026, 7, 25)  # five days after the newest of the shipped prices
    assert "aws of" not in catalog_stale_remarks(load_catalog(fleet, as_of=day))[0]
    strict = replace(fleet, catalog=replace(fleet.catalog, max_price_age_days=4))
    assert "aws of 2026-07-20" in catalog_stale_remarks(load_catalog(strict, as_of=day))[0]
    with pytest.raises(ValueError, match="max_spot_age_days must be 1 or more, got 0"):
        CatalogSettings(max_spot_age_days=0)
