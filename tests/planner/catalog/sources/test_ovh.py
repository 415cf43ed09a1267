"""Prices and stock of OVHcloud, on the double of its API."""

from decimal import Decimal
from typing import Any

import pytest

from planner.catalog.sources.ovh import OvhPrices, price_list
from planner.catalog.sources.source import PoolAsked, SourceError
from tests.autoscaler.providers.ovh.cloud import PROJECT, REGION
from tests.autoscaler.providers.ovh.double import Clock, OvhDouble
from tests.autoscaler.providers.ovh.projects import a_catalog, a_pricing, an_addon, an_api

B3_8 = PoolAsked(pool="ovh/b3-8", product="b3-8")
CATALOG = ("GET", "/order/catalog/public/cloud")
RATE = Decimal("1.2")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def double(clock):
    with OvhDouble(now=clock, catalog=a_catalog()) as served:
        yield served
    assert served.violations == []


@pytest.fixture
def api(double):
    made = an_api(double)
    yield made
    made.close()


def prices_of(double: OvhDouble, read: Any, **rest) -> OvhPrices:
    defaults = {"project": PROJECT, "region": REGION, "subsidiary": "FR", "usd_per_eur": RATE, "endpoint": double.url}
    return OvhPrices(read=read, clock=double.now, **{**defaults, **rest})


def test_price_stock_and_quota_of_a_pool(api, double, clock):
    (now,) = prices_of(double, api.read).now([B3_8])
    assert now.price_usd_hour == Decimal("0.06144")  # 5,120,000 in 1e-8 EUR, at 1.2
    assert (now.is_available, now.quota_left, now.as_of) == (True, 20, clock())
    assert now.source == "OVHcloud /flavor, price list read 2026-12-01"


def test_what_is_sold_out_keeps_its_price(api, double):
    double.cloud.flavors["b3-8"] |= {"available": False, "quota": 0}
    (now,) = prices_of(double, api.read).now([B3_8])
    assert (now.price_usd_hour, now.is_available, now.quota_left) == (Decimal("0.06144"), False, 0)


def test_a_flavor_the_region_does_not_have_cannot_be_had(api, double):
    elsewhere = PoolAsked(pool="ovh/b3-8@SBG5", product="b3-8", zone="SBG5")
    unknown = PoolAsked(pool="ovh/b9-9", product="b9-9")
    assert [one.is_available for one in prices_of(double, api.read).now([elsewhere, unknown])] == [False, False]


def test_a_region_with_plans_of_its_own_has_the_price_of_that_very_plan(api, double):
    double.cloud.flavors["b3-8"]["planCodes"]["hourly"] = "b3-8.consumption.3AZ"
    source = prices_of(double, api.read)
    assert source.now([B3_8])[0].price_usd_hour is None  # b3-8.consumption is another plan
    double.catalog = a_catalog(an_addon("b3-8.consumption.3AZ", 9000000), an_addon("b3-8.consumption", 5120000))
    assert prices_of(double, api.read).now([B3_8])[0].price_usd_hour == Decimal("0.108")


def test_a_flavor_that_is_not_sold_by_the_hour_has_no_price(api, double):
    double.cloud.flavors["b3-8"]["planCodes"]["hourly"] = None
    assert prices_of(double, api.read).now([B3_8])[0].price_usd_hour is None


def test_without_keys_the_price_is_known_and_stock_is_not(double):
    (now,) = prices_of(double, None).now([B3_8])
    assert (now.price_usd_hour, now.is_available, now.quota_left) == (Decimal("0.06144"), None, None)
    assert now.source == "OVHcloud price list read 2026-12-01"
    assert double.calls == []  # nothing was signed


def test_the_price_list_is_read_once_a_day(api, double, clock):
    source = prices_of(double, api.read)
    for _ in range(3):
        source.now([B3_8])
    assert [(method, path) for method, path, _ in double.bodies].count(CATALOG) == 1
    clock.wait(86400)
    source.now([B3_8])
    assert [(method, path) for method, path, _ in double.bodies].count(CATALOG) == 2


@pytest.mark.parametrize("fault", ["server error", "rate limit", "timeout before"])
def test_a_price_list_that_cannot_be_read_is_an_error_and_no_price(api, double, fault):
    double.broken[CATALOG] = fault
    with pytest.raises(SourceError, match="ovh: GET /order/catalog/public/cloud"):
        prices_of(double, api.read).now([B3_8])


def test_stock_that_cannot_be_read_is_an_error(api, double):
    double.broken[("GET", "/flavor")] = "auth"
    with pytest.raises(SourceError, match=r"ovh: GET .*/flavor: This credential is not valid"):
        prices_of(double, api.read).now([B3_8])


def test_a_list_in_dollars_needs_no_rate_and_one_in_zloty_has_no_price():
    dollars = price_list(a_catalog(currency="USD")).usd(None)
    assert dollars["b3-64.consumption"] == Decimal("0.4092")
    assert price_list(a_catalog(currency="PLN")).usd(RATE) == {}
    assert price_list(a_catalog()).usd(None) == {}


def test_only_what_has_one_price_of_an_hour_of_use_has_a_price():
    tiers = an_addon("tiers", 100) | {"pricings": [a_pricing(100), a_pricing(90, mode="volume")]}
    setup = an_addon("setup", 100) | {"pricings": [a_pricing(100), a_pricing(7, capacities=["installation"])]}
    found = price_list(a_catalog(tiers, setup, an_addon("month", 100, unit="month"), an_addon("free", 0)))
    assert found.usd(Decimal(1)) == {"setup": Decimal("0.00000100")}


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"locale": {"currencyCode": "EUR"}}, a_catalog(an_addon("x", -1)), a_catalog(an_addon("x", True))],
)
def test_a_document_that_is_no_price_list_is_an_error(document):
    with pytest.raises(SourceError, match="an answer that cannot be read"):
        price_list(document)


OFFERS = {"ovh/b3-8": "b3-8", "ovh/b3-64": "b3-64", "ovh/b9-9": "b9-9"}


def test_quotes_without_keys_are_the_public_list_in_its_own_currency(double):
    found = prices_of(double, None).quotes(OFFERS)
    assert [(one.offer, one.price_hour, one.currency, one.is_available) for one in found] == [
        ("ovh/b3-8", Decimal("0.0512"), "EUR", None),
        ("ovh/b3-64", Decimal("0.4092"), "EUR", None),
    ]


def test_quotes_with_keys_are_of_the_regions_own_plan_and_know_stock(api, double):
    double.catalog = a_catalog(an_addon("b3-8.consumption.3AZ", 9000000), an_addon("b3-8.consumption", 5120000))
    double.cloud.flavors["b3-8"]["planCodes"]["hourly"] = "b3-8.consumption.3AZ"
    double.cloud.flavors["b3-8"] |= {"available": False}
    (found,) = prices_of(double, api.read).quotes(OFFERS)
    assert (found.offer, found.price_hour, found.is_available) == ("ovh/b3-8", Decimal("0.09"), False)
