"""Spot prices over the days before now: means weighed by time, and whose they are."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.catalog.offer import Offer, Role
from planner.exchange.spot_means import spot_means
from planner.ledger import SpotMean, SpotPrice
from policies.billing import Billing

END = datetime(2026, 11, 26, 12, tzinfo=UTC)
START = END - timedelta(days=30)


def an_offer(**changed: Any) -> Offer:
    known: dict[str, Any] = {
        "id": "aws/r7a.4xlarge/spot",
        "provider": "aws",
        "product": "r7a.4xlarge",
        "role": Role.BURST,
        "region": "us-east-1",
        "billing": Billing.SECOND,
        "is_spot": True,
        "price_usd_hour": Decimal(1),
        "price_date": date(2025, 10, 1),
        "source": "shipped",
    }
    return Offer(**(known | changed))


def at(days_ago: float, usd: str, zone: str = "us-east-1a", product: str = "r7a.4xlarge") -> SpotPrice:
    since = END - timedelta(days=days_ago)
    return SpotPrice(provider="aws", product=product, zone=zone, since=since, usd_hour=Decimal(usd))


def means(prices: list[SpotPrice], *offers: Offer, zones: tuple[str, ...] = ()) -> tuple[SpotMean, ...]:
    return spot_means(offers or (an_offer(),), prices, start=START, end=END, zones=zones, source="EC2")


def test_a_mean_is_weighed_by_time_and_opens_with_the_price_in_force() -> None:
    (found,) = means([at(20, "0.40"), at(100, "0.90"), at(50, "0.70")])
    # 10 days at 0.70, 20 at 0.40; what was before the 30 days does not count
    assert (found.mean_usd_hour, found.least_usd_hour, found.most_usd_hour) == (
        Decimal("0.5"),
        Decimal("0.40"),
        Decimal("0.70"),
    )
    assert (found.days, found.zone, found.said_on) == (30.0, "us-east-1a", date(2026, 11, 26))


def test_what_no_record_reaches_is_not_counted_as_free() -> None:
    (found,) = means([at(6, "0.40"), at(2, "0.10")])
    assert (found.days, found.mean_usd_hour) == (6.0, Decimal("0.3"))


def test_an_offer_without_a_zone_has_the_zone_with_the_dearest_mean_and_not_the_dearest_moment() -> None:
    calm, leaping = at(60, "0.50"), [at(60, "0.10", "us-east-1b"), at(1, "0.90", "us-east-1b")]
    (found,) = means([calm, *leaping])
    assert (found.zone, found.mean_usd_hour) == ("us-east-1a", Decimal("0.5"))


@pytest.mark.parametrize(
    ("zone", "allowed", "usd"),
    [
        (None, (), "0.5"),
        (None, ("us-east-1b",), "0.2"),
        (None, ("eu-west-1a",), "0.5"),
        ("us-east-1b", ("us-east-1a",), "0.2"),
        (None, ("us-east-1b", "us-east-1-bos-1a"), "0.8"),
        ("us-east-1-bos-1a", (), "0.8"),
    ],
    ids=["any zone", "the fleet's zone", "another region's", "an offer's own", "the fleet's local one", "an own local"],
)
def test_the_zones_that_count_are_the_offers_else_the_fleets_else_all(
    zone: str | None, allowed: tuple[str, ...], usd: str
) -> None:
    prices = [at(60, "0.50"), at(60, "0.20", "us-east-1b"), at(60, "0.90", "eu-west-1a")]
    prices.append(at(60, "0.80", "us-east-1-bos-1a"))  # a local zone: nodes start there only where it is named
    (found,) = means(prices, an_offer(zone=zone), zones=allowed)
    assert found.mean_usd_hour == Decimal(usd)


def test_what_has_no_price_or_is_no_spot_has_no_mean() -> None:
    assert means([at(60, "0.5", product="m7a.large"), at(-1, "0.4")]) == ()  # another type's, and one of tomorrow
    assert means([at(60, "0.5")], an_offer(id="aws/r7a.4xlarge", is_spot=False)) == ()


@given(
    st.lists(
        st.tuples(st.integers(1, 60 * 24), st.integers(1, 9999)), min_size=1, max_size=12, unique_by=lambda x: x[0]
    )
)
def test_a_mean_lies_in_its_range_and_saying_a_price_again_changes_nothing(rows: list[tuple[int, int]]) -> None:
    prices = [at(hours / 24, str(Decimal(mils) / 1000)) for hours, mils in rows]
    again = [at((hours - 0.5) / 24, str(Decimal(mils) / 1000)) for hours, mils in rows]
    found = means(prices)
    assert len(found) == 1
    assert found[0].least_usd_hour <= found[0].mean_usd_hour <= found[0].most_usd_hour
    assert 0 < found[0].days <= 30
    assert means([*prices, *again]) == found
