"""Units and their conversions. Pure; standard library only."""

from decimal import Decimal

HOURS_PER_MONTH = 720
"""Hours of the display month: for quoting a monthly fee per hour, nothing else. Bills use calendar hours."""

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400
TOKENS_PER_MTOK = 1_000_000
BYTES_PER_GB = 1_000_000_000
CENT = Decimal("0.01")
MTOK_PER_TOK_S_HOUR = SECONDS_PER_HOUR / TOKENS_PER_MTOK
"""Million tokens of one token per second kept up for an hour."""
