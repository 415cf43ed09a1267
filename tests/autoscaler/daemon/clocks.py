"""A clock that is told what time it is; sleeping moves it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass
class SetClock:
    """Wall and monotonic time; `jump_s` is what the wall's clock was set forward by."""

    seconds: float = 0.0
    jump_s: float = 0.0
    slept_until: list[float] | None = None
    is_woken: bool = False

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.jump_s)

    def monotonic_s(self) -> float:
        return self.seconds

    def sleep_until(self, monotonic_s: float) -> None:
        if self.slept_until is not None:
            self.slept_until.append(monotonic_s)
        if not self.is_woken:
            self.seconds = max(self.seconds, monotonic_s)
        self.is_woken = False

    def wake(self) -> None:
        self.is_woken = True
