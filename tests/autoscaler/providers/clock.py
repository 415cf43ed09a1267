"""Time that a test moves, for a double and for the provider that speaks to it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(slots=True)
class Clock:
    """The time, until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        """Seconds since the start, which only ever grow."""
        return (self.now - START).total_seconds()

    def pass_s(self, seconds: float) -> None:
        """Lets that long pass."""
        self.now += timedelta(seconds=seconds)
