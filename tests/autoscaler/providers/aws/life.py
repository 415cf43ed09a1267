"""The life of moto's instances on a clock of ours: pending, running, shutting down, terminated, no more listed.

moto runs an instance at its first look and ends it at once. Here it is set back to what EC2 would show.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

PENDING, RUNNING, SHUTTING_DOWN, TERMINATED = (
    ("pending", 0),
    ("running", 16),
    ("shutting-down", 32),
    ("terminated", 48),
)


class Life:
    """All instances of one account and region."""

    def __init__(self, backend: Any, *, lead_s: float, stopping_s: float, listed_s: float) -> None:
        self._backend = backend
        self._lead_s = lead_s
        self._stopping_s = stopping_s
        self._listed_s = listed_s
        self.ever: dict[str, Any] = {}
        """Every instance that was made, by id: the books."""
        self._born: dict[str, datetime] = {}
        self._seen_from: dict[str, datetime] = {}
        self._ended: dict[str, datetime] = {}
        self.late_s = 0.0
        """What is made from now on is in no list for so long."""

    def instances(self) -> list[Any]:
        """moto's own."""
        return [one for reservation in self._backend.reservations.values() for one in reservation.instances]

    def is_ended(self, instance_id: str) -> bool:
        return instance_id in self._ended

    def held(self) -> int:
        """Instances that are not ended."""
        return sum(one.id not in self._ended for one in self.instances())

    def go_to(self, now: datetime) -> None:
        """Shows every instance as it is at `now`."""
        for one in self.instances():
            if one.id not in self._born:
                self._born[one.id] = one.launch_time = now
                self.ever[one.id] = one
                self._seen_from[one.id] = now + timedelta(seconds=self.late_s)
            if one._state.name == "terminated" and one.id not in self._ended:
                self._ended[one.id] = now
            one._state.name, one._state.code = self._state(one.id, now)
        for key, reservation in list(self._backend.reservations.items()):
            gone = [self._ended.get(one.id) for one in reservation.instances]
            if all(at is not None and (now - at).total_seconds() >= self._listed_s for at in gone):
                del self._backend.reservations[key]

    def _state(self, instance_id: str, now: datetime) -> tuple[str, int]:
        ended = self._ended.get(instance_id)
        if ended is not None:
            return TERMINATED if (now - ended).total_seconds() >= self._stopping_s else SHUTTING_DOWN
        return RUNNING if (now - self._born[instance_id]).total_seconds() >= self._lead_s else PENDING

    def run_at_once(self, instance_id: str, now: datetime) -> None:
        """Lets an instance be one that runs for long."""
        self._born[instance_id] = now - timedelta(days=1)
        self.go_to(now)

    @contextmanager
    def as_listed(self, now: datetime) -> Iterator[None]:
        """Inside, moto has no instance that lists do not show yet."""
        everything = dict(self._backend.reservations)
        for key, reservation in everything.items():
            if any(self._seen_from[one.id] > now for one in reservation.instances):
                del self._backend.reservations[key]
        try:
            yield
        finally:
            self._backend.reservations.clear()
            self._backend.reservations.update(everything)
