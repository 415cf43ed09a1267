"""Time that runs faster than the wall's, alike in every process that is told the same beginning.

A world of an hour is watched in a minute. Prometheus knows no other clock than the wall's: `prometheus_front` stands
before it and translates.
"""

import os
import select
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from json import dumps, loads

VARIABLE = "RENTED_CLOCK"


@dataclass(frozen=True)
class FastTime:
    """A mapping of the wall's time: `start` was at `origin_s` of it, and `scale` seconds pass for each of its own."""

    start: str
    origin_s: float
    scale: float

    @classmethod
    def beginning(cls, start: datetime, *, scale: float) -> "FastTime":
        """Time that begins now."""
        return cls(start=start.isoformat(), origin_s=time.time(), scale=scale)

    @classmethod
    def told(cls) -> "FastTime":
        """As another process says by the environment."""
        return cls(**loads(os.environ[VARIABLE]))

    @property
    def told_by(self) -> dict[str, str]:
        """What another process is to find in its environment."""
        return {VARIABLE: dumps(asdict(self))}

    def __call__(self) -> datetime:
        return datetime.fromisoformat(self.start).astimezone(UTC) + timedelta(seconds=self.monotonic())

    @property
    def now(self) -> datetime:
        """For doubles that ask so."""
        return self()

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return (time.time() - self.origin_s) * self.scale

    def of_wall(self, at_s: float) -> float:
        """Seconds since 1970, of a moment of the wall's."""
        return datetime.fromisoformat(self.start).timestamp() + (at_s - self.origin_s) * self.scale

    def on_wall(self, at_s: float) -> float:
        """When it is so on the wall."""
        return self.origin_s + (at_s - datetime.fromisoformat(self.start).timestamp()) / self.scale


class FastClock:
    """What the daemon asks for the time (`autoscaler.daemon.clock.Clock`), faster."""

    def __init__(self, fast: FastTime) -> None:
        self._fast = fast
        self._heard, self._said = os.pipe()

    def now(self) -> datetime:
        return self._fast()

    def monotonic_s(self) -> float:
        return self._fast.monotonic()

    def sleep_until(self, monotonic_s: float) -> None:
        left_s = max(0.0, monotonic_s - self.monotonic_s()) / self._fast.scale
        ready, _, _ = select.select([self._heard], [], [], left_s)
        if ready:
            os.read(self._heard, 1024)

    def wake(self) -> None:
        os.write(self._said, b"x")

    def close(self) -> None:
        os.close(self._heard)
        os.close(self._said)
