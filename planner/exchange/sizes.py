"""Sizes a number typed by a person may have; beyond them it is a slip of the hand. Pure."""

from decimal import Decimal

LEAST, MOST = Decimal("0.000001"), Decimal(1_000_000_000)
EXPECTED = "a number between 0.000001 and 1,000,000,000"


def is_reasonable(value: Decimal) -> bool:
    """Whether the number is finite, and 0 or of a size between the two."""
    return value.is_finite() and (value == 0 or LEAST <= abs(value) <= MOST)
