"""Prices of Robot and stock of Hetzner Cloud, from doubles that are held to the APIs' descriptions."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from planner.catalog.sources.currency import amount
from planner.catalog.sources.hetzner import market, product_key, product_prices, quotes
from planner.catalog.sources.hetzner_cloud import HetznerCloudPrices
from planner.catalog.sources.source import PoolAsked, SourceError
from tests.autoscaler.providers.hetzner.double import Account, a_market_server, a_product
from tests.autoscaler.providers.hetzner.robots import a_robot
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN, Project

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def account():
    with Account() as account:
        yield account
    assert account.http.violations == []
    assert account.changes == []


@pytest.fixture
def project():
    with Project() as project:
        yield project
    assert project.http.violations == []


def cloud_prices(project: Project, token: str = TOKEN, usd_per_eur: str | None = "1.2") -> HetznerCloudPrices:
    return HetznerCloudPrices(
        token=SecretStr(token),
        location="fsn1",
        usd_per_eur=None if usd_per_eur is None else Decimal(usd_per_eur),
        clock=lambda: NOW,
        endpoint_url=project.http.url,
    )


def asked(product: str, zone: str | None = None) -> PoolAsked:
    return PoolAsked(pool=f"hetzner-cloud/{product}", product=product, zone=zone)


def test_stock_and_price_are_those_of_the_pools_location(project):
    project.stock["cx33", "nbg1"] = False
    here, there = cloud_prices(project).now([asked("cx33"), asked("cx33", "nbg1")])
    assert (here.is_available, here.price_usd_hour, here.quota_left) == (True, Decimal("0.01248"), None)
    assert (there.is_available, there.price_usd_hour) == (False, Decimal("0.01248"))
    assert here.as_of == NOW


def test_a_type_that_is_not_offered_cannot_be_had(project):
    (found,) = cloud_prices(project).now([asked("ccx99")])
    assert (found.is_available, found.price_usd_hour) == (False, None)


def test_a_price_in_euro_without_a_rate_is_unknown(project):
    (found,) = cloud_prices(project, usd_per_eur=None).now([asked("cx33")])
    assert (found.is_available, found.price_usd_hour) == (True, None)


def test_every_page_of_types_is_read(project):
    project.page = 1
    assert all(one.is_available for one in cloud_prices(project).now([asked("cx33"), asked("ccx43")]))


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (503, "unavailable"), (None, "")])
def test_a_cloud_that_does_not_say_is_an_error(project, status, code):
    project.fault("GET", "/pricing", status, code)
    with pytest.raises(SourceError) as raised:
        cloud_prices(project).now([asked("cx33")])
    assert TOKEN not in f"{raised.value} {raised.value.__cause__!r}"


def test_robots_prices_are_net_and_by_location(account):
    account.products = [a_product("AX102", fee="130.00", setup="269.00", location=["FSN1"])]
    (found,) = product_prices(a_robot(account))
    assert (found.product, found.location, found.currency) == ("AX102", "FSN1", "EUR")
    assert (found.fee_month, found.setup_fee, found.price_hour) == (Decimal(130), Decimal(269), Decimal("0.21"))


def test_a_product_whose_price_cannot_be_read_is_no_free_server(account):
    account.products = [a_product(fee="free")]
    with pytest.raises(SourceError, match="AX102"):
        product_prices(a_robot(account))


def test_servers_of_the_auction_say_whether_their_price_falls(account):
    account.market = [a_market_server(1), a_market_server(2, fixed_price=True, price_hourly=None)]
    falling, fixed = market(a_robot(account))
    assert (falling.fee_month, falling.price_hour, falling.is_price_fixed) == (Decimal(63), Decimal("0.101"), False)
    assert (fixed.price_hour, fixed.is_price_fixed) == (None, True)


@pytest.mark.parametrize(
    ("name", "key"), [("AX102", "ax102"), ("AX162 R", "ax162-r"), ("Server Auction", "server-auction")]
)
def test_a_product_is_spelt_as_in_offers(name, key):
    assert product_key(name) == key


@pytest.mark.parametrize("text", ["", "NaN", "-1", "Infinity", None, 1.5])
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError, match=r"no decimal string|no price"):
        amount(text)


def test_quotes_of_the_cloud_have_hour_cap_and_stock_in_the_accounts_currency(project):
    project.stock["ccx43", "fsn1"] = False
    offers = {
        "hetzner-cloud/cx33": "cx33",
        "hetzner-cloud/cx33/month": "cx33",
        "hetzner-cloud/ccx43": "ccx43",
        "x": "y",
    }
    hourly, monthly, sold_out = cloud_prices(project, usd_per_eur=None).quotes(offers)
    assert (hourly.price_hour, hourly.fee_month, hourly.currency) == (Decimal("0.0104"), Decimal("6.49"), "EUR")
    assert (monthly.offer, monthly.price_hour, monthly.fee_month) == (
        "hetzner-cloud/cx33/month",
        hourly.price_hour,
        hourly.fee_month,
    )
    assert (hourly.is_available, sold_out.is_available) == (True, False)


def test_quotes_of_robot_are_those_of_the_cheapest_location_unless_one_is_named(account):
    here, there = (
        a_product("AX102", fee="130", setup="269", location=["FSN1"]),
        a_product("AX102", fee="128", setup="299"),
    )
    there["prices"] = [price | {"location": "HEL1"} for price in there["prices"][:1]]
    account.products = [here | {"prices": here["prices"] + there["prices"], "location": ["FSN1", "HEL1"]}]
    robot, offers = a_robot(account), {"hetzner/ax102": "ax102", "hetzner/ax162-r": "ax162-r"}
    (cheapest,) = quotes(robot, offers, location=None, as_of=NOW)
    (named,) = quotes(robot, offers, location="fsn1", as_of=NOW)
    assert (cheapest.fee_month, cheapest.setup_fee, cheapest.price_hour) == (
        Decimal(128),
        Decimal(299),
        Decimal("0.21"),
    )
    assert (named.fee_month, named.setup_fee, named.currency) == (Decimal(130), Decimal(269), "EUR")
    assert quotes(robot, offers, location="NBG1", as_of=NOW) == ()
