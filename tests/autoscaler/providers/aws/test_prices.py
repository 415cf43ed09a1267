"""planner/catalog/sources/aws.py against the double of EC2, which lives beside the provider's tests."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from planner.catalog.sources.aws import AwsPrices
from planner.catalog.sources.aws_pricing import AwsOnDemandPrices, on_demand_usd
from planner.catalog.sources.source import PoolAsked, SourceError
from tests.autoscaler.providers.aws.builders import ON_DEMAND, SPOT, SPOT_A, a_provider
from tests.autoscaler.providers.aws.double import REGION
from tests.autoscaler.providers.aws.price_list import a_row

KIND = "r7a.4xlarge"
ASKED = [
    PoolAsked(pool=SPOT_A, product=KIND, zone="us-east-1a", is_spot=True),
    PoolAsked(pool=SPOT, product=KIND, is_spot=True),
    PoolAsked(pool=ON_DEMAND, product=KIND),
]


@pytest.fixture
def prices(server, double, session):
    def hours(number: int) -> datetime:
        return double.now - timedelta(hours=number)

    double.prices = {
        (KIND, "us-east-1a"): [(hours(50), Decimal("0.30")), (hours(5), Decimal("0.31")), (hours(1), Decimal("0.33"))],
        (KIND, "us-east-1b"): [(hours(100), Decimal("0.28"))],
        (KIND, "us-east-1f"): [(hours(9), Decimal("0.99"))],
        ("c5.large", "us-east-1a"): [(hours(2), Decimal("0.04"))],
    }
    return AwsPrices(
        region=REGION,
        zones=("us-east-1a", "us-east-1b"),
        clock=double.clock,
        endpoint_url=server.url,
        timeout_s=20,
        session=session,
    )


def test_prices_are_read_by_the_client_of_the_provider_so_that_one_session_describes_ec2(
    prices, server, double, session
):
    provider = a_provider(server, double, session)
    lent = AwsPrices(region=REGION, zones=("us-east-1a",), clock=double.clock, client=provider.prices_client)
    assert lent.now(ASKED[:1])[0].price_usd_hour == Decimal("0.33")
    assert provider.prices_client() is provider.prices_client()
    ours, theirs = (one.meta.service_model for one in (provider.prices_client(), provider._clients.ec2))
    assert ours.metadata is theirs.metadata


def test_a_price_of_nothing_is_no_price(prices, double):
    double.prices = {(KIND, "us-east-1a"): [(double.now - timedelta(hours=1), Decimal(0))]}
    assert prices.now(ASKED[:1])[0].price_usd_hour is None


def test_the_price_in_force_is_the_last_one_of_the_zone(prices, double):
    spot, _, _ = prices.now(ASKED)
    assert (spot.pool, spot.price_usd_hour, spot.as_of) == (SPOT_A, Decimal("0.33"), double.now)


def test_a_pool_without_a_zone_has_the_price_of_its_dearest_configured_zone(prices):
    assert prices.now(ASKED)[1].price_usd_hour == Decimal("0.33")


def test_a_local_zone_counts_only_where_it_is_named(server, double, session, monkeypatch):
    prices = {"us-east-1a": "0.30", "us-east-1-bos-1a": "0.90"}
    double.prices = {(KIND, zone): [(double.now - timedelta(hours=1), Decimal(usd))] for zone, usd in prices.items()}
    monkeypatch.setattr(AwsPrices, "offered", lambda *_: {KIND: frozenset(prices)})  # the double has no such zones

    def asked(*zones: str) -> Decimal | None:
        source = AwsPrices(
            region=REGION, zones=zones, clock=double.clock, endpoint_url=server.url, timeout_s=20, session=session
        )
        return source.now(ASKED[1:2])[0].price_usd_hour

    assert (asked(), asked("us-east-1-bos-1a"), asked("us-east-1b")) == (Decimal("0.30"), Decimal("0.90"), None)


def test_an_on_demand_price_is_not_known_here_and_that_a_type_is_sold_does_not_say_that_it_can_be_had(prices):
    on_demand = prices.now(ASKED)[2]
    assert (on_demand.price_usd_hour, on_demand.is_available) == (None, None)


def test_a_type_that_is_sold_nowhere_here_is_not_available(prices):
    asked = [PoolAsked(pool="aws/r99.huge", product="r99.huge", is_spot=True)]
    (said,) = prices.now(asked)
    assert (said.price_usd_hour, said.is_available) == (None, False)


def test_the_record_before_the_window_gives_the_price_in_force_at_its_start(prices, double):
    found = prices.history({KIND}, start=double.now - timedelta(hours=6), end=double.now)
    in_a = [(one.usd_hour, double.now - one.since) for one in found if one.zone == "us-east-1a"]
    assert in_a == [
        (Decimal("0.30"), timedelta(hours=50)),
        (Decimal("0.31"), timedelta(hours=5)),
        (Decimal("0.33"), timedelta(hours=1)),
    ]


def test_a_history_of_several_pages_is_whole(prices, double):
    double.price_page = 2
    found = prices.history({KIND, "c5.large"}, start=double.now - timedelta(hours=6), end=double.now)
    assert len(found) == 3 + 1 + 1 + 1
    assert double.counted()["ec2:DescribeSpotPriceHistory"] == 3


def test_zones_are_those_a_type_is_sold_in(prices):
    assert {"us-east-1a", "us-east-1b"} <= prices.offered({KIND})[KIND]


def test_nothing_asked_is_nothing_sent(prices, double):
    assert prices.now([]) == ()
    assert not double.calls


@pytest.mark.parametrize("fault", ["timeout before", "server error", "rate limit", "auth", "nonsense"])
@pytest.mark.parametrize("action", ["DescribeSpotPriceHistory", "DescribeInstanceTypeOfferings"])
def test_a_source_that_fails_says_so(prices, double, fault, action):
    double.break_(fault, action)
    with pytest.raises(SourceError, match=f"aws: {action}"):
        prices.now(ASKED)


# --- quotes, for a catalog


def test_a_quote_of_spot_is_the_price_in_force_and_none_is_made_of_on_demand(prices, double):
    (in_a, anywhere) = prices.quotes(ASKED)
    assert (in_a.offer, in_a.price_hour, in_a.currency, in_a.as_of) == (SPOT_A, Decimal("0.33"), "USD", double.now)
    assert (anywhere.offer, anywhere.price_hour) == (SPOT, Decimal("0.33"))


@pytest.fixture
def listed(server, double, session):
    double.on_demand = {KIND: Decimal("1.2172"), "c5.large": Decimal("0.085")}
    return AwsOnDemandPrices(region=REGION, clock=double.clock, endpoint_url=server.url, timeout_s=20, session=session)


def test_an_on_demand_price_is_that_of_linux_on_shared_hardware_without_a_reservation(listed, double):
    found = listed.quotes({ON_DEMAND: KIND, "aws/c5.large": "c5.large", "aws/r99.huge": "r99.huge"})
    assert [(one.offer, one.price_hour) for one in found] == [
        (ON_DEMAND, Decimal("1.2172")),
        ("aws/c5.large", Decimal("0.085")),
    ]
    assert double.counted()["awspricelistservice:GetProducts"] == 3


def test_a_type_of_another_region_has_no_price(server, double, session, listed):
    elsewhere = AwsOnDemandPrices(
        region="eu-west-1", clock=double.clock, endpoint_url=server.url, timeout_s=20, session=session
    )
    assert elsewhere.quotes({ON_DEMAND: KIND}) == ()


def test_two_prices_for_one_type_are_none(listed, double, monkeypatch):
    kinds = [{"operatingSystem": "Linux", "tenancy": "Shared", "capacitystatus": "Used", "usage": use} for use in "ab"]
    monkeypatch.setattr("tests.autoscaler.providers.aws.price_list.KINDS", kinds)
    double.price_page = 1  # the second is on a page of its own
    assert listed.quotes({ON_DEMAND: KIND}) == ()
    assert double.counted()["awspricelistservice:GetProducts"] == 2


@pytest.mark.parametrize("fault", ["timeout before", "server error", "rate limit", "auth", "nonsense"])
def test_a_price_list_that_fails_says_so(listed, double, fault):
    double.break_(fault, "GetProducts")
    with pytest.raises(SourceError, match="aws: GetProducts"):
        listed.quotes({ON_DEMAND: KIND})


def test_a_reservation_of_nothing_and_a_price_by_the_month_are_no_prices_of_an_hour():
    free, by_month = a_row(KIND, Decimal(0)), a_row(KIND, Decimal(9), unit="Mo")
    assert [*on_demand_usd(json.dumps(free)), *on_demand_usd(json.dumps(by_month))] == []


@pytest.mark.parametrize("row", ["", "[]", "{}", '{"terms": {"OnDemand": {"x": {}}}}'])
def test_a_row_that_is_no_price_is_an_error(row):
    with pytest.raises(SourceError, match="a price that cannot be read"):
        list(on_demand_usd(row))
