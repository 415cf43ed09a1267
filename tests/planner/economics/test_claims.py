"""Claims: a figure agrees at the decimals it is written with."""

from decimal import Decimal

import pytest

from planner.economics.claims import Claim, Verdict, checked

USD = Decimal


@pytest.mark.parametrize(
    ("claimed", "computed", "verdict"),
    [
        pytest.param("0.28", "0.2831", Verdict.AGREES, id="rounded to its decimals"),
        pytest.param("0.28", "0.285", Verdict.AGREES, id="exactly half a step off"),
        pytest.param("0.28", "0.2851", Verdict.TOO_LOW, id="more than half a step"),
        pytest.param("0.02", "0.20", Verdict.TOO_LOW, id="ten times off"),
        pytest.param("2676", "-1705.4", Verdict.TOO_HIGH, id="a loss called a profit"),
        pytest.param("-54", "-54", Verdict.AGREES, id="a loss"),
        pytest.param("5e9", "5000000000", Verdict.AGREES, id="in exponents"),
    ],
)
def test_a_figure_is_held_against_the_computed_one(claimed: str, computed: str, verdict: Verdict) -> None:
    claim = Claim(of="a / b", claimed=(USD(claimed), USD(claimed)))
    assert checked(claim, USD(computed)).verdict is verdict


@pytest.mark.parametrize(
    ("computed", "verdict", "off"),
    [
        ("0.5", Verdict.TOO_HIGH, "0.2"),
        ("0.6", Verdict.AGREES, None),
        ("0.8", Verdict.AGREES, None),
        ("1", Verdict.TOO_LOW, "-0.2"),
    ],
)
def test_a_range_includes_its_ends_and_is_off_by_its_nearer_one(
    computed: str, verdict: Verdict, off: str | None
) -> None:
    found = checked(Claim(of="a", claimed=(USD("0.6"), USD("0.8"))), USD(computed))
    assert found.verdict is verdict
    assert found.off_ratio == (None if off is None else USD(off))


def test_a_rounded_claim_may_say_how_far_it_may_be_off() -> None:
    claim = Claim(of="a", claimed=(USD(57_300), USD(57_300)), within_ratio=USD("0.001"))
    assert checked(claim, USD(57_333)).verdict is Verdict.AGREES
    assert checked(claim, USD(57_400)).verdict is Verdict.TOO_LOW


def test_what_is_not_computed_is_unknown() -> None:
    found = checked(Claim(of="a", claimed=(USD(1), USD(1))), None)
    assert (found.verdict, found.off_ratio) == (Verdict.UNKNOWN, None)
    assert checked(Claim(of="a", claimed=(USD(1), USD(1))), USD(0)).off_ratio is None


def test_a_claim_that_cannot_be_meant_is_refused() -> None:
    for of, low, high, said in (
        (" ", "1", "1", "of is empty"),
        ("a", "2", "1", "a range that rises"),
        ("a", "nan", "1", "rises"),
    ):
        with pytest.raises(ValueError, match=said):
            Claim(of=of, claimed=(USD(low), USD(high)))
