"""Timeline: a simulated clock and what is to happen when. Pure: time only moves when it is told to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

Happening = Callable[[], None]


@dataclass(slots=True, kw_only=True)
class Timeline:
    """Events by time; those of one instant happen in the order they were planned in, so a run repeats byte for byte."""

    start: datetime
    """Instant of second 0, aware UTC."""
    now_s: float = 0.0
    _planned: list[tuple[float, int, str, Happening]] = field(default_factory=list, repr=False)
    _count: int = 0

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC:
            raise ValueError(f"start must be UTC, got {self.start}")

    @property
    def now(self) -> datetime:
        """The instant of `now_s`."""
        return self.moment(self.now_s)

    def moment(self, at_s: float) -> datetime:
        """The instant `at_s` seconds from the start."""
        return self.start + timedelta(seconds=at_s)

    def plan(self, at_s: float, name: str, happening: Happening) -> None:
        """Lets `happening` happen at `at_s`; what is planned for the past happens now."""
        self._count += 1
        heappush(self._planned, (max(at_s, self.now_s), self._count, name, happening))

    def next_at_s(self) -> float | None:
        """Time of the next event; None: nothing is planned."""
        return self._planned[0][0] if self._planned else None

    def step(self) -> str | None:
        """Moves to the next event, lets it happen, and returns its name; None: nothing was planned."""
        if not self._planned:
            return None
        self.now_s, _, name, happening = heappop(self._planned)
        happening()
        return name
