from datetime import date
from decimal import Decimal

import pytest

from planner.catalog.offer import Catalog, Role
from planner.catalog.read import (
    INTERRUPTION_RANGES,
    FxRate,
    interruptions_per_hour,
    merge,
    read_catalog,
    read_fx,
)
from planner.errors import InputError
from policies.billing import Billing

HEADER = """
provider = "ovh"
price_date = 2026-07-20
currency = "USD"
net_of_vat = true
source = "a list"
spot_source = "an advisor"
spot_date = 2025-07-01
"""
OFFER = """
[[offer]]
product = "b3-64"
role = "burst"
billing = "started_hour"
region = "US"
"""
PRICED = OFFER + "price_usd_hour = 0.4065\n"
RATE = FxRate(usd_per_eur=Decimal("1.25"), date=date(2026, 9, 25), source="a bank")


def read(text: str, header: str = HEADER) -> Catalog:
    return read_catalog(header + text, "mine.toml", fx=RATE)


def complaint(text: str, header: str = HEADER) -> str:
    with pytest.raises(InputError) as error:
        read(text, header)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("mine.toml")
    return message


def test_an_offer_carries_what_the_file_says() -> None:
    catalog = read(PRICED + 'vcpu = 16\nmemory_gib = 64\ncpu = "AMD EPYC-Milan"\nlead_time_s = 93\n')
    offer = catalog["ovh/b3-64"]
    assert offer.price_usd_hour == Decimal("0.4065")
    assert (offer.vcpu, offer.memory_gib, offer.cpu, offer.lead_time_s) == (16, 64.0, "AMD EPYC-Milan", 93.0)
    assert (offer.role, offer.billing, offer.region) == (Role.BURST, Billing.STARTED_HOUR, "US")
    assert (offer.price_date, offer.source, offer.currency) == (date(2026, 7, 20), "a list", "USD")


def test_what_is_not_said_is_unknown_and_not_zero() -> None:
    offer = read(PRICED)["ovh/b3-64"]
    assert (offer.vcpu, offer.cores, offer.memory_gib, offer.lead_time_s, offer.gpu) == (None, None, None, None, None)
    assert offer.max_count is None


def test_prices_in_eur_become_usd_at_the_dated_rate() -> None:
    header = HEADER.replace("USD", "EUR")
    catalog = read(OFFER + "price_eur_hour = 0.40\nsetup_fee_eur = 100\negress_eur_gb = 0.01\n", header)
    offer = catalog["ovh/b3-64"]
    assert (offer.price_usd_hour, offer.setup_fee_usd) == (Decimal("0.5"), Decimal(125))
    assert offer.egress_usd_gb == Decimal("0.0125")
    assert offer.currency == "EUR"
    assert (catalog.usd_per_eur, catalog.usd_per_eur_date) == (Decimal("1.25"), date(2026, 9, 25))


def test_defaults_hold_for_every_offer_and_an_offer_may_differ() -> None:
    catalog = read(
        '[defaults]\nregion = "EU"\nrole = "burst"\nbilling = "second"\n'
        '[[offer]]\nproduct = "a"\nprice_usd_hour = 1\n'
        '[[offer]]\nproduct = "b"\nprice_usd_hour = 1\nregion = "US"\nprovider = "gcp"\nsource = "another list"\n'
    )
    assert (catalog["ovh/a"].region, catalog["ovh/a"].source) == ("EU", "a list")
    assert (catalog["gcp/b"].region, catalog["gcp/b"].source) == ("US", "another list")


def test_a_zone_is_part_of_the_id() -> None:
    assert [o.id for o in read(PRICED + 'zone = "us-east-1a"\nis_spot = true\n')] == ["ovh/b3-64@us-east-1a/spot"]


def test_spot_is_on_demand_times_one_minus_the_savings() -> None:
    catalog = read(PRICED + 'spot = { savings_ratio = 0.60, interruption_range = ">20%" }\n')
    spot = catalog["ovh/b3-64/spot"]
    assert spot.price_usd_hour == Decimal("0.4065") * Decimal("0.40")
    assert spot.is_spot
    assert not catalog["ovh/b3-64"].is_spot
    assert catalog["ovh/b3-64"].interruptions_per_hour is None
    assert spot.interruptions_per_hour == pytest.approx(0.25 / 730)
    assert (spot.price_date, spot.source) == (date(2025, 7, 1), "an advisor")


@pytest.mark.parametrize(
    ("interruption_range", "share"),
    [("<5%", 0.025), ("5-10%", 0.075), ("10-15%", 0.125), ("15-20%", 0.175), (">20%", 0.25)],
)
def test_an_advisor_class_is_its_midpoint_over_730_hours(interruption_range: str, share: float) -> None:
    assert interruptions_per_hour(interruption_range) * 730 == pytest.approx(share)
    assert len(INTERRUPTION_RANGES) == 5


def test_a_capped_offer_enters_twice_and_shares_its_maximum() -> None:
    text = PRICED.replace("started_hour", "started_hour_capped") + (
        'fee_usd_month = 250\nalso_base = true\ncount_group = "cloud"\n[group_max]\ncloud = 10\n'
    )
    catalog = read(text)
    hourly, monthly = catalog["ovh/b3-64"], catalog["ovh/b3-64/month"]
    assert (hourly.role, monthly.role) == (Role.BURST, Role.BASE)
    assert hourly.fee_usd_month == monthly.fee_usd_month == Decimal(250)
    assert hourly.count_group == monthly.count_group == "cloud"
    assert catalog.group_max == {"cloud": 10}


def test_left_out_products_keep_their_reason() -> None:
    catalog = read(PRICED + '[[left_out]]\nid = "ovh/b2-7"\nreason = "distrusted"\n')
    assert [(item.id, item.reason) for item in catalog.left_out] == [("ovh/b2-7", "distrusted")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param(OFFER, ["offer b3-64", "price is missing", "price_usd_hour or fee_usd_month"], id="no price"),
        pytest.param(OFFER + "price_usd_hour = 0\n", ["offer b3-64", "price_usd_hour must be above 0"], id="price 0"),
        pytest.param(OFFER + "price_usd_hour = nan\n", ["offer b3-64", "finite"], id="price NaN"),
        pytest.param(OFFER + 'price_usd_hour = "1"\n', ["offer b3-64", "must be a number, got '1'"], id="text price"),
        pytest.param(OFFER + "price_usd_hour = true\n", ["must be a number, got True"], id="a flag is no price"),
        pytest.param(
            OFFER + "price_usd_hr = 1\n", ["unknown key 'price_usd_hr'", "did you mean 'price_usd_hour'?"], id="typo"
        ),
        pytest.param(
            OFFER + "price_eur_hour = 1\n", ["unknown key", "did you mean 'price_usd_hour'?"], id="other currency"
        ),
        pytest.param(OFFER + "xyz = 1\n", ["unknown key 'xyz'", "expected one of provider, product"], id="no near key"),
        pytest.param(
            PRICED.replace('"burst"', '"brust"'), ["role must be one of base, burst", "did you mean 'burst'"], id="role"
        ),
        pytest.param(PRICED.replace("started_hour", "hour"), ["billing must be one of started_hour"], id="billing"),
        pytest.param(PRICED.replace('region = "US"', ""), ["offer b3-64: region is missing"], id="no region"),
        pytest.param(PRICED + 'vcpu = "16"\n', ["vcpu must be a whole number"], id="text vcpu"),
        pytest.param(PRICED + "vcpu = 0\n", ["vcpu must be above 0"], id="no vcpu is unknown, not 0"),
        pytest.param(
            PRICED + 'price_date = "2026-07-20"\n', ["price_date must be a date", "without quotes"], id="date"
        ),
        pytest.param(PRICED + PRICED, ["ovh/b3-64 appears twice"], id="twice"),
        pytest.param(PRICED + 'count_group = "g"\n', ["count_group 'g' has no maximum"], id="group without maximum"),
        pytest.param(PRICED + "also_base = true\n", ["also_base needs", "started_hour_capped"], id="base without cap"),
        pytest.param(
            PRICED + "spot = { savings_ratio = 60, interruption_range = '<5%' }\n",
            ["savings_ratio must be between 0 and 1, got 60"],
            id="percent for a ratio",
        ),
        pytest.param(
            PRICED + "spot = { savings_ratio = 0.6, interruption_range = '20%' }\n",
            ["interruption_range must be one of <5%", "got '20%'"],
            id="no such class",
        ),
        pytest.param(
            PRICED + "spot = { savings = 0.6 }\n", ["unknown key 'savings'", "'savings_ratio'"], id="typo in spot"
        ),
        pytest.param("[[offer]]\nvcpu = 1\n", ["has no product"], id="nameless"),
        pytest.param("offer = 3\n", ["offer must be [[offer]] tables"], id="not a table"),
        pytest.param("offer = [3]\n", ["offer must be [[offer]] tables"], id="not tables"),
        pytest.param("[[offers]]\n", ["unknown key 'offers'", "did you mean 'offer'?"], id="typo in a table"),
        pytest.param("[[left_out]]\nid = 'x'\n", ["left_out x", "reason is missing"], id="no reason"),
        pytest.param("[group_max]\ng = 1.5\n", ["g must be a whole number"], id="half a node"),
        pytest.param("][", ["not valid TOML"], id="no TOML"),
        pytest.param("[defaults]\nregio = 'x'\n" + PRICED, ["defaults", "did you mean 'region'?"], id="typo: defaults"),
    ],
)
def test_bad_input_is_one_line_with_file_key_and_what_was_expected(text: str, parts: list[str]) -> None:
    message = complaint(text)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('currency = "USD"', 'currency = "GBP"', "currency must be USD or EUR, got 'GBP'"),
        ('currency = "USD"', "", "currency is missing"),
        ("net_of_vat = true", "net_of_vat = false", "net_of_vat must be true"),
        ("net_of_vat = true", "", "net_of_vat is missing"),
        ('source = "a list"', "", "source is missing"),
        ('source = "a list"', 'source = ""', "source must be a text, got an empty text"),
        ("price_date = 2026-07-20", "", "price_date is missing"),
        ('provider = "ovh"', "", "provider is missing"),
        ("spot_date = 2025-07-01", "", "spot_date is missing"),
    ],
)
def test_a_header_says_currency_date_and_source(old: str, new: str, part: str) -> None:
    offers = PRICED + "spot = { savings_ratio = 0.6, interruption_range = '<5%' }\n"
    assert part in complaint(offers, HEADER.replace(old, new))


def test_a_rate_is_dated_and_above_0() -> None:
    rate = read_fx('usd_per_eur = 1.25\ndate = 2026-09-25\nsource = "a bank"\n', "fx.toml")
    assert rate == RATE
    with pytest.raises(InputError, match="usd_per_eur must be above 0, got 0"):
        read_fx('usd_per_eur = 0\ndate = 2026-09-25\nsource = "a bank"\n', "fx.toml")
    with pytest.raises(InputError, match="date is missing"):
        read_fx('usd_per_eur = 1.25\nsource = "a bank"\n', "fx.toml")


def test_a_later_catalog_replaces_an_offer_and_brings_back_what_was_left_out() -> None:
    first = read(PRICED + '[[left_out]]\nid = "ovh/new"\nreason = "no price"\n')
    second = read(PRICED.replace("0.4065", "0.5") + PRICED.replace("b3-64", "new"))
    merged = merge(first, second)
    assert merged["ovh/b3-64"].price_usd_hour == Decimal("0.5")
    assert [offer.id for offer in merged] == ["ovh/b3-64", "ovh/new"]
    assert merged.left_out == ()


def test_merged_catalogs_share_one_rate() -> None:
    eur = HEADER.replace("USD", "EUR")
    priced = OFFER + "price_eur_hour = 1\n"
    one = read(priced, eur)
    other = read_catalog(eur + priced, "b.toml", fx=FxRate(usd_per_eur=Decimal(2), date=date(2026, 1, 1), source="x"))
    assert merge(one, read(PRICED)).usd_per_eur == Decimal("1.25")
    with pytest.raises(InputError, match=r"different rates of USD per EUR: 1\.25, 2"):
        merge(one, other)


def test_nothing_merged_is_an_empty_catalog() -> None:
    assert len(merge()) == 0
