"""Which zones are a region's own, and which are local ones beside it."""

import pytest

from planner.catalog.aws_zones import is_local_zone_of, is_zone_of


@pytest.mark.parametrize(
    ("zone", "is_own", "is_local"),
    [
        ("us-east-1a", True, False),
        ("us-east-1f", True, False),
        ("us-east-1-bos-1a", False, True),
        ("us-east-1-wl1-bos-wlz-1", False, True),
        ("us-east-10a", False, False),
        ("us-east-1", False, False),
        ("us-east-2a", False, False),
        ("use1-az1", False, False),
    ],
)
def test_a_zone_of_a_region_is_its_name_and_one_letter(zone: str, *, is_own: bool, is_local: bool) -> None:
    assert (is_zone_of("us-east-1", zone), is_local_zone_of("us-east-1", zone)) == (is_own, is_local)
