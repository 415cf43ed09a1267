"""Clock: when it is, how long something takes, and sleeping until a time or a wake-up. The one place that looks.

Two clocks are read: the wall's for facts, the monotonic one for pace, so that a clock set forward or back neither
skips ticks nor repeats them.
"""

import os
import select
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the daemon asks for the time."""

    def now(self) -> datetime:
        """The wall's, aware UTC; may jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        ...

    def sleep_until(self, monotonic_s: float) -> None:
        """Returns at that time, or earlier where it was woken."""
        ...

    def wake(self) -> None:
        """Ends a sleep, or the next one; may be called by a signal handler."""
        ...


class SystemClock:
    """The machine's clocks. A pipe wakes it, so that a signal handler needs no lock."""

    def __init__(self) -> None:
        self._heard, self._said = os.pipe()
        os.set_blocking(self._said, False)
        os.set_blocking(self._heard, False)

    def now(self) -> datetime:
        """The wall's time."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds since some instant."""
        return time.monotonic()

    def sleep_until(self, monotonic_s: float) -> None:
        """Waits for the time, or to be woken."""
        self.wait_s(monotonic_s - self.monotonic_s())

    def wait_s(self, seconds: float) -> None:
        """Waits so long, or for a byte in the pipe."""
        ready, _, _ = select.select([self._heard], [], [], max(0.0, seconds))
        if ready:
            os.read(self._heard, 4096)

    def wake(self) -> None:
        """Writes a byte; a full pipe wakes as well."""
        try:
            os.write(self._said, b"!")
        except BlockingIOError:
            return

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self._heard)
        os.close(self._said)


@dataclass(slots=True)
class JumpWatch:
    """Tells how far the wall's clock was set between two looks: what it gained on the monotonic one."""

    _wall: datetime | None = None
    _monotonic_s: float = 0.0

    def look(self, now: datetime, monotonic_s: float) -> float:
        """Seconds the wall's clock jumped since the last look; below 0: back."""
        before, before_s = self._wall, self._monotonic_s
        self._wall, self._monotonic_s = now, monotonic_s
        if before is None:
            return 0.0
        return (now - before).total_seconds() - (monotonic_s - before_s)
