"""Which offer a price is of, and why another is of none: by vendor, type, region, zone, market, date."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from planner.catalog.offer import Offer, Role
from planner.exchange.spare_cores.prices import Quoted, quotes_of
from planner.exchange.spare_cores.tables import PriceRow
from policies.billing import Billing

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = datetime(2026, 11, 20, 8, tzinfo=UTC)


def an_offer(key: str, region: str = "us-east-1", **figures: object) -> Offer:
    provider, product = key.split("/")[:2]
    values: dict[str, object] = {
        "id": key,
        "provider": provider,
        "product": product.partition("@")[0],
        "role": Role.BURST,
        "region": region,
        "billing": Billing.SECOND,
        "price_usd_hour": Decimal(1),
        "price_date": date(2026, 11, 1),
        "is_spot": key.endswith("/spot"),
        "source": "test",
    }
    return Offer(**{**values, **figures})  # type: ignore[arg-type]  # a builder: the caller names the fields


def a_row(price: float | None = 1.25, **other: object) -> PriceRow:
    values: dict[str, object] = {
        "vendor": "aws",
        "product": "r7a.4xlarge",
        "regions": frozenset({"us-east-1"}),
        "zones": frozenset({"use1-az1", "us-east-1a"}),
        "allocation": "ondemand",
        "unit": "hour",
        "operating_system": "linux",
        "price": price,
        "price_upfront": 0.0,
        "is_tiered": False,
        "currency": "USD",
        "is_active": True,
        "observed_at": DAY,
    }
    return PriceRow(**{**values, **other})  # type: ignore[arg-type]


def quoted(rows: list[PriceRow], *offers: Offer, regions: dict[str, str] | None = None) -> Quoted:
    return quotes_of(rows, offers, regions=regions or {}, now=NOW)


def prices(found: Quoted) -> dict[str, Decimal | None]:
    return {one.offer: one.price_hour for one in found.quotes}


R7A = an_offer("aws/r7a.4xlarge")


def test_a_row_is_a_quote_with_its_date_currency_and_licence() -> None:
    found = quoted([a_row(0.0608)], R7A)
    (quote,) = found.quotes
    assert (quote.offer, quote.price_hour, quote.currency) == ("aws/r7a.4xlarge", Decimal("0.0608"), "USD")
    assert (quote.as_of, quote.source) == (DAY, "Spare Cores, CC BY-SA 4.0")
    assert (quote.fee_month, quote.setup_fee, quote.is_available) == (None, None, None)
    assert found.read.sentence("server_price") == "server_price: 1 rows read, 1 used"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (a_row(vendor="azure"), "of other vendors"),
        (a_row(product="r7a.2xlarge"), "of types the catalog does not have"),
        (a_row(product=None), "of types the catalog does not have"),
        (a_row(is_active=False), "no longer active"),
        (a_row(operating_system="windows"), "not of Linux"),
        (a_row(allocation="reserved"), "reserved"),
        (a_row(unit="month"), "not by the hour alone"),
        (a_row(price_upfront=10.0), "not by the hour alone"),
        (a_row(is_tiered=True), "not by the hour alone"),
        (a_row(0.0), "without a price above 0"),
        (a_row(-1.0), "without a price above 0"),
        (a_row(float("inf")), "without a price above 0"),
        (a_row(float("nan")), "without a price above 0"),
        (a_row(None), "without a price above 0"),
        (a_row(currency="euros"), "without a currency"),
        (a_row(observed_at=None), "without a date"),
        (a_row(observed_at=NOW + timedelta(days=2)), "dated in the future"),
        (a_row(observed_at=datetime(2026, 10, 31, tzinfo=UTC)), "older than the price there is"),
        (a_row(regions=frozenset({"us-west-2"})), "of other regions or zones"),
        (a_row(allocation="spot"), "spot, where the catalog has no such offer"),
    ],
)
def test_a_row_that_is_of_no_offer_is_counted_with_its_reason(row: PriceRow, reason: str) -> None:
    found = quoted([a_row(), row, row], R7A)
    assert prices(found) == {"aws/r7a.4xlarge": Decimal("1.25")}
    assert (found.read.rows, found.read.used, found.read.ignored) == (3, 1, {reason: 2})
    assert found.read.sentence("server_price").endswith(f"3 rows read, 1 used; not used: 2 {reason}")


def test_a_price_of_the_offers_own_day_is_taken() -> None:
    row = a_row(observed_at=datetime(2026, 11, 1, 23, tzinfo=UTC))
    assert prices(quoted([row], R7A)) == {"aws/r7a.4xlarge": Decimal("1.25")}


def test_spot_is_the_dearest_of_the_zones_and_that_of_a_named_zone_its_own() -> None:
    other = frozenset({"use1-az2", "us-east-1b"})
    rows = [a_row(0.4, allocation="spot"), a_row(0.6, allocation="spot", zones=other), a_row(1.25)]
    found = quoted(
        rows,
        R7A,
        an_offer("aws/r7a.4xlarge/spot"),
        an_offer("aws/r7a.4xlarge@us-east-1a/spot", zone="us-east-1a"),
        an_offer("aws/r7a.4xlarge@use1-az2/spot", zone="use1-az2"),
        an_offer("aws/r7a.4xlarge@us-east-1c/spot", zone="us-east-1c"),
    )
    assert prices(found) == {
        "aws/r7a.4xlarge": Decimal("1.25"),
        "aws/r7a.4xlarge/spot": Decimal("0.6"),
        "aws/r7a.4xlarge@us-east-1a/spot": Decimal("0.4"),
        "aws/r7a.4xlarge@use1-az2/spot": Decimal("0.6"),
    }
    assert found.lettered == ("aws/r7a.4xlarge@us-east-1a/spot",)
    assert (found.read.rows, found.read.used) == (3, 3)


def test_a_local_zone_is_none_of_the_regions_and_its_name_is_the_same_in_every_account() -> None:
    local = frozenset({"use1-bos1-az1", "us-east-1-bos-1a"})
    rows = [a_row(0.4, allocation="spot"), a_row(0.9, allocation="spot", zones=local)]
    found = quoted(
        rows,
        an_offer("aws/r7a.4xlarge/spot"),
        an_offer("aws/r7a.4xlarge@us-east-1-bos-1a/spot", zone="us-east-1-bos-1a"),
    )
    assert prices(found) == {
        "aws/r7a.4xlarge/spot": Decimal("0.4"),
        "aws/r7a.4xlarge@us-east-1-bos-1a/spot": Decimal("0.9"),
    }
    assert found.lettered == ()


def test_hetzners_own_name_region_and_cap() -> None:
    row = a_row(0.25, vendor="hcloud", product="ccx43", currency="EUR", regions=frozenset({"4", "fsn1-dc14", "fsn1"}))
    there = a_row(0.75, vendor="hcloud", product="ccx43", currency="EUR", regions=frozenset({"2", "nbg1-dc3", "nbg1"}))
    hourly = an_offer("hetzner-cloud/ccx43", "EU", billing=Billing.STARTED_HOUR_CAPPED, fee_usd_month=Decimal(125))
    monthly = an_offer(
        "hetzner-cloud/ccx43/month",
        "EU",
        role=Role.BASE,
        billing=Billing.STARTED_HOUR_CAPPED,
        fee_usd_month=Decimal(125),
    )
    found = quoted([row, there], hourly, monthly, regions={"hetzner-cloud": "fsn1"})
    assert prices(found) == {"hetzner-cloud/ccx43": Decimal("0.25")}  # a monthly fee is not in the database
    assert found.uncapped == ("hetzner-cloud/ccx43",)
    assert found.read.ignored == {"of other regions or zones": 1}
    assert prices(quoted([row, there], hourly)) == {}  # nobody says where "EU" is


def test_the_offers_own_region_goes_before_the_configured_one() -> None:
    rows = [
        a_row(0.5, vendor="ovh", product="b3-64", regions=frozenset({"GRA11"})),
        a_row(0.7, vendor="ovh", product="b3-64", regions=frozenset({"SBG5"})),
    ]
    here, anywhere = an_offer("ovh/b3-64", "SBG5"), an_offer("ovh/b3-64", "US")
    assert prices(quoted(rows, here, regions={"ovh": "GRA11"})) == {"ovh/b3-64": Decimal("0.7")}
    assert prices(quoted(rows, anywhere, regions={"ovh": "GRA11"})) == {"ovh/b3-64": Decimal("0.5")}
    assert prices(quoted(rows, anywhere)) == {}


def test_another_vendor_of_a_catalog_of_ones_own_is_matched_by_its_own_name() -> None:
    row = a_row(0.79, vendor="gcp", product="g2-standard-8", regions=frozenset({"1210", "europe-west4"}))
    assert prices(quoted([row], an_offer("gcp/g2-standard-8", "europe-west4"))) == {
        "gcp/g2-standard-8": Decimal("0.79")
    }
