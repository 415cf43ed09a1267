"""Ids are taken apart in one place."""

import pytest

from planner.catalog.offer_id import OfferId


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("hetzner-cloud/ccx43", OfferId(provider="hetzner-cloud", product="ccx43"), id="on demand"),
        pytest.param(
            "hetzner-cloud/ccx43/month",
            OfferId(provider="hetzner-cloud", product="ccx43", is_by_month=True),
            id="monthly twin",
        ),
        pytest.param("aws/r7a.4xlarge/spot", OfferId(provider="aws", product="r7a.4xlarge", is_spot=True), id="spot"),
        pytest.param(
            "aws/r7a.4xlarge@us-east-1a/spot",
            OfferId(provider="aws", product="r7a.4xlarge", zone="us-east-1a", is_spot=True),
            id="spot of a zone",
        ),
        pytest.param(
            "aws/r7a.4xlarge@us-east-1a", OfferId(provider="aws", product="r7a.4xlarge", zone="us-east-1a"), id="zone"
        ),
        pytest.param("mine", OfferId(provider="mine", product=""), id="no product"),
    ],
)
def test_an_id_says_provider_product_zone_and_market(text: str, expected: OfferId) -> None:
    assert OfferId.of(text) == expected
