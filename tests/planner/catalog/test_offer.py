from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from planner.catalog.offer import Catalog, LeftOut, Offer, Role
from policies.billing import Billing


def an_offer(offer_id: str = "ovh/b3-64", **changes: Any) -> Offer:
    values: dict[str, Any] = {
        "id": offer_id,
        "provider": "ovh",
        "product": "b3-64",
        "role": Role.BURST,
        "region": "US",
        "billing": Billing.STARTED_HOUR,
        "price_usd_hour": Decimal("0.4065"),
        "price_date": date(2025, 10, 1),
        "source": "a list",
    }
    return Offer(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"price_usd_hour": None}, "ovh/b3-64: a price is missing", id="no price is no free node"),
        pytest.param({"price_usd_hour": Decimal(0)}, "must be above 0", id="a price of 0"),
        pytest.param({"price_usd_hour": Decimal(-1)}, "must be above 0", id="a negative price"),
        pytest.param({"billing": Billing.MONTH}, "fee_usd_month is missing", id="a price its rule cannot use"),
        pytest.param({"is_spot": True, "role": Role.BASE}, "spot offer is burst", id="spot is no base"),
        pytest.param({"gpu": "L4"}, "gpu and gpu_count go together", id="a card without a count"),
        pytest.param({"gpu_count": 1}, "gpu and gpu_count go together", id="a count without a card"),
        pytest.param({"min_count": 3, "max_count": 2}, "max_count 2 is below min_count 3", id="no room"),
        pytest.param({"memory_gib": 0.0}, "memory_gib must be above 0", id="unknown is None, never 0"),
        pytest.param({"egress_usd_gb": Decimal(-1)}, "egress_usd_gb must be 0 or more", id="negative egress"),
        pytest.param({"lead_time_s": float("nan")}, "lead_time_s must be 0 or more", id="NaN is no time"),
    ],
)
def test_an_offer_that_cannot_be_is_refused_by_name(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as error:
        an_offer(**changes)
    assert "offer ovh/b3-64" in str(error.value)


def test_the_tariff_knows_spot() -> None:
    offer = an_offer(is_spot=True, billing=Billing.SECOND)
    assert offer.tariff.is_spot
    assert offer.tariff.price_usd_hour == Decimal("0.4065")


@pytest.mark.parametrize(
    ("changes", "market"),
    [
        ({}, "on-demand"),
        ({"is_spot": True}, "spot"),
        ({"role": Role.BASE, "billing": Billing.MONTH, "fee_usd_month": Decimal(1)}, "base"),
    ],
)
def test_the_market_of_an_offer(changes: dict[str, Any], market: str) -> None:
    assert an_offer(**changes).market == market


def test_a_catalog_finds_its_offers_by_id() -> None:
    offer = an_offer()
    catalog = Catalog(offers=(offer,))
    assert catalog["ovh/b3-64"] is offer
    assert "ovh/b3-64" in catalog
    assert "ovh/b3-65" not in catalog
    assert len(catalog) == 1
    with pytest.raises(KeyError):
        catalog["ovh/b3-65"]


def test_catalogs_of_the_same_offers_are_equal() -> None:
    assert Catalog(offers=(an_offer(),)) == Catalog(offers=(an_offer(),))


@pytest.mark.parametrize(
    ("catalog", "complaint"),
    [
        pytest.param({"offers": (an_offer(), an_offer())}, "appears twice", id="an id is one offer"),
        pytest.param({"offers": (an_offer(count_group="g"),)}, "'g' has no maximum", id="a group without a maximum"),
        pytest.param({"offers": (), "group_max": {"g": -1}}, "0 or more, got -1", id="a negative maximum"),
        pytest.param(
            {"offers": (an_offer(),), "left_out": (LeftOut(id="ovh/b3-64", reason="x"),)},
            "both in the catalog and left out",
            id="in and out",
        ),
    ],
)
def test_a_catalog_that_contradicts_itself_is_refused(catalog: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Catalog(**catalog)
