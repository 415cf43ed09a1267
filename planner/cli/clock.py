"""The clock of the commands: what is planned is a value of its inputs, and the day they were read on is one of them."""

from datetime import UTC, date, datetime


def now() -> datetime:
    """The moment, UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The day, UTC."""
    return now().date()
