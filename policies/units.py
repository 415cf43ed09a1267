"""Units and their conversions. Pure; standard library only."""

from decimal import Decimal

HOURS_PER_MONTH = 720
"""Hours of the display month: for quoting a monthly fee per hour, nothing else. Bills use calendar hours."""

SECONDS_PER_HOUR = 3600
TOKENS_PER_MTOK = 1_000_000
BYTES_PER_GB = 1_000_000_000
CENT = Decimal("0.01")


def mtok_per_hour(tok_s: float) -> float:
    """Million tokens an hour at a rate of `tok_s` tokens per second."""
    return tok_s * SECONDS_PER_HOUR / TOKENS_PER_MTOK
