"""The catalogs that come with Baseload: each loads, each price is dated and sourced, figures match their source."""

from collections import Counter
from decimal import Decimal
from importlib import resources

import pytest

from planner.catalog.offer import GPU_NAMES, Offer, Role
from planner.catalog.read import read_catalog, shipped_catalog, shipped_fx
from policies.billing import Billing

CATALOG = shipped_catalog()
FILES = sorted(
    f.name
    for f in (resources.files("planner.catalog") / "offers").iterdir()
    if f.name.endswith(".toml") and f.name != "fx.toml"
)


@pytest.mark.parametrize("name", FILES)
def test_each_file_loads_from_the_package(name: str) -> None:
    text = (resources.files("planner.catalog") / "offers" / name).read_text("utf-8")
    assert len(read_catalog(text, name)) > 0


def test_there_is_one_file_per_provider() -> None:
    assert FILES == ["aws.toml", "hetzner.toml", "hetzner_cloud.toml", "ovh.toml"]
    assert {offer.provider for offer in CATALOG} == {"aws", "hetzner", "hetzner-cloud", "ovh"}


@pytest.mark.parametrize("offer", CATALOG, ids=lambda offer: offer.id)
def test_each_offer_has_a_price_a_date_and_a_source(offer: Offer) -> None:
    assert (offer.price_usd_hour or offer.fee_usd_month or 0) > 0
    assert 2025 <= offer.price_date.year <= 2026
    assert len(offer.source) > 20
    assert offer.id.startswith(f"{offer.provider}/{offer.product}")
    assert offer.vcpu is not None
    assert offer.memory_gib is not None
    assert offer.gpu is None or (offer.gpu in GPU_NAMES and offer.gpu_memory_gib is not None)


def test_nothing_is_both_left_out_and_offered_and_each_reason_is_given() -> None:
    left_out = [item.id for item in CATALOG.left_out]
    assert not {offer.id for offer in CATALOG} & set(left_out)
    assert len(left_out) == len(set(left_out))
    assert all(len(item.reason) > 10 for item in CATALOG.left_out)


def test_a_dedicated_server_without_a_sourced_price_is_left_out() -> None:
    assert {item.id for item in CATALOG.left_out if item.id.startswith("hetzner/")} == {
        "hetzner/ax42",
        "hetzner/ax52",
        "hetzner/ax162-s",
    }
    assert "hetzner/ax42" not in CATALOG


@pytest.mark.parametrize(
    ("offer_id", "price_usd_hour"),
    [
        ("ovh/b3-64", "0.4065"),
        ("ovh/t2-45", "2.101"),
        ("aws/r7a.4xlarge", "1.2172"),
        ("aws/r7a.4xlarge/spot", "0.523396"),  # 1.2172 x 0.43
        ("aws/g5.2xlarge", "1.212"),
        ("aws/p5.48xlarge", "55.04"),
        ("hetzner-cloud/ccx43", "0.172"),
    ],
)
def test_hourly_prices_are_those_of_their_source(offer_id: str, price_usd_hour: str) -> None:
    assert CATALOG[offer_id].price_usd_hour == Decimal(price_usd_hour)


def test_dedicated_fees_are_converted_at_the_dated_rate() -> None:
    rate = shipped_fx()
    ax102 = CATALOG["hetzner/ax102"]
    assert ax102.fee_usd_month == 122 * rate.usd_per_eur
    assert ax102.setup_fee_usd == 269 * rate.usd_per_eur
    assert (ax102.cores, ax102.vcpu, ax102.memory_gib, ax102.currency) == (16, 32, 128.0, "EUR")
    assert (CATALOG.usd_per_eur, CATALOG.usd_per_eur_date) == (rate.usd_per_eur, rate.date)
    assert Decimal("0.8") < rate.usd_per_eur < Decimal("1.6")


def test_hetzner_cloud_enters_twice_under_one_maximum_of_10() -> None:
    cloud = [offer for offer in CATALOG if offer.provider == "hetzner-cloud"]
    assert Counter(offer.role for offer in cloud) == {Role.BASE: 15, Role.BURST: 15}
    assert {offer.count_group for offer in cloud} == {"hetzner-cloud"}
    assert CATALOG.group_max == {"hetzner-cloud": 10}
    assert CATALOG["hetzner-cloud/ccx43/month"].fee_usd_month == Decimal("106.99")
    assert all(offer.billing is Billing.STARTED_HOUR_CAPPED for offer in cloud)


def test_a_cap_is_reached_within_the_shortest_month() -> None:
    for offer in CATALOG:
        if offer.billing is Billing.STARTED_HOUR_CAPPED and offer.price_usd_hour and offer.fee_usd_month:
            assert offer.fee_usd_month <= offer.price_usd_hour * 672, offer.id


def test_only_hetzner_cloud_is_limited_in_number() -> None:
    assert {offer.provider for offer in CATALOG if offer.count_group is not None} == {"hetzner-cloud"}
    assert all(offer.max_count is None for offer in CATALOG)


def test_spot_is_cheaper_than_its_on_demand_twin_and_knows_its_interruptions() -> None:
    spots = [offer for offer in CATALOG if offer.is_spot]
    assert len(spots) > 50
    for spot in spots:
        on_demand = CATALOG[spot.id.removesuffix("/spot")]
        assert spot.price_usd_hour is not None
        assert on_demand.price_usd_hour is not None
        assert spot.price_usd_hour < on_demand.price_usd_hour
        assert spot.interruptions_per_hour is not None
        assert 0.02 < spot.interruptions_per_hour * 730 < 0.26
        assert spot.price_date < on_demand.price_date
    assert all(offer.interruptions_per_hour is None for offer in CATALOG if not offer.is_spot)


def test_egress_is_paid_at_aws_and_included_elsewhere() -> None:
    assert {(o.provider, o.egress_usd_gb) for o in CATALOG} == {
        ("aws", Decimal("0.09")),
        ("ovh", Decimal(0)),
        ("hetzner", Decimal(0)),
        ("hetzner-cloud", Decimal(0)),
    }


def test_lead_times_are_the_measured_medians_and_unknown_where_nothing_was_measured() -> None:
    assert {(o.provider, o.lead_time_s) for o in CATALOG} == {
        ("aws", 31.5),
        ("ovh", 93.0),
        ("hetzner-cloud", 31.0),
        ("hetzner", None),
    }


@pytest.mark.parametrize(
    ("offer_id", "gpu", "count"),
    [
        ("aws/g5.xlarge", "A10G", 1),
        ("aws/g5.12xlarge", "A10G", 4),
        ("aws/g6.48xlarge", "L4", 8),
        ("aws/g6e.xlarge", "L40S", 1),
        ("aws/p4d.24xlarge", "A100-40", 8),
        ("aws/p4de.24xlarge", "A100-80", 8),
        ("aws/p5.4xlarge", "H100", 1),
        ("aws/p5en.48xlarge", "H200", 8),
        ("ovh/t2-90", "V100S", 2),
        ("ovh/l4-360", "L4", 4),
        ("ovh/l40s-90", "L40S", 1),
    ],
)
def test_cards_are_named_in_one_vocabulary(offer_id: str, gpu: str, count: int) -> None:
    assert (CATALOG[offer_id].gpu, CATALOG[offer_id].gpu_count) == (gpu, count)


def test_a_24_gb_card_holds_less_than_24_gib() -> None:
    assert CATALOG["aws/g5.xlarge"].gpu_memory_gib == pytest.approx(23_028 / 1024, abs=0.01)
