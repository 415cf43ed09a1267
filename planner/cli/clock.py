"""The clock of the commands: what is planned is a value of its inputs, and the day they were read on is one of them."""

from datetime import UTC, date, datetime


def today() -> date:
    """The day, UTC."""
    return datetime.now(UTC).date()
