"""Offers that share a reason become one entry that still tells the numbers and the offers."""

import pytest

from planner.plan import Rejected
from planner.report.grouping import family_of, group_reasons


def test_the_own_name_of_an_offer_does_not_keep_it_apart() -> None:
    (group,) = group_reasons(
        Rejected(offer=offer, reason=f"no measured rate of m on {product}, and no rule to estimate one")
        for offer, product in (
            ("aws/g5.xlarge", "g5.xlarge"),
            ("aws/g5.xlarge/spot", "g5.xlarge"),
            ("ovh/l4-90", "l4-90"),
            ("aws/g5.xlarge@us-east-1a/spot", "g5.xlarge"),
        )
    )
    assert group.reason == "no measured rate of m on it, and no rule to estimate one"
    assert group.offers == ("aws/g5.xlarge", "aws/g5.xlarge/spot", "ovh/l4-90", "aws/g5.xlarge@us-east-1a/spot")


def test_numbers_that_differ_become_a_range_and_equal_ones_stay() -> None:
    (group,) = group_reasons(
        Rejected(offer=f"aws/c8g.{size}", reason=f"first token after {ms} ms, asked 2000")
        for size, ms in (("xlarge", 8214), ("2xlarge", 4110), ("4xlarge", 11762))
    )
    assert group.reason == "first token after 4110–11762 ms, asked 2000"


def test_a_size_of_the_same_line_is_not_taken_for_the_offer_itself() -> None:
    reason = "dominated by aws/c7a.4xlarge/spot: at least as fast, for no more"
    (group,) = group_reasons([Rejected(offer="aws/c7a.4xlarge", reason=reason)])
    assert group.reason == "dominated by one or more aws/c7a.4xlarge/spot: at least as fast, for no more"


def test_one_or_several_of_the_same_winner_are_one_group() -> None:
    groups = group_reasons(
        Rejected(offer=f"ovh/b3-{size}", reason=f"dominated by {many}ovh/c3-32: for no more")
        for size, many in ((64, ""), (128, "2 x "), (256, "4 x "))
    )
    assert [(group.reason, group.families) for group in groups] == [
        ("dominated by one or more ovh/c3-32: for no more", "ovh/b3-* (3)")
    ]


def test_the_largest_group_comes_first() -> None:
    reasons = [("a/x1", "rare"), ("a/y1", "common"), ("a/y2", "common")]
    groups = group_reasons(Rejected(offer=offer, reason=reason) for offer, reason in reasons)
    assert [group.reason for group in groups] == ["common", "rare"]


@pytest.mark.parametrize(
    ("offer", "family"),
    [
        ("aws/g5.12xlarge/spot", "aws/g5."),
        ("ovh/t2-le-180/month", "ovh/t2-le-"),
        ("hetzner-cloud/ccx13@us", "hetzner-cloud/ccx"),
        ("mine", "mine"),
    ],
)
def test_families_are_lines_of_products(offer: str, family: str) -> None:
    assert family_of(offer) == family
