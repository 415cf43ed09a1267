"""Pools whose machines came to nothing: OVH often says yes and then has no room. Pure.

A machine in error is ended by the loop, and the next one of its pool would be bought at once, for another started hour;
so the pool counts as sold out for a while.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autoscaler.providers.provider import CapacityUnavailable, Machine

BACK_OFF = timedelta(seconds=600)
"""A pool is not asked for so long after a machine of it came to nothing."""


@dataclass(slots=True, kw_only=True)
class SoldOut:
    """What came to nothing lately, as the lists showed it."""

    clock: Callable[[], datetime]
    _seen: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """By machine: its pool, and when it was first seen to be broken."""

    def look(self, machines: Iterable[Machine]) -> None:
        """Takes in a list."""
        now = self.clock()
        broken = {machine.id: machine.pool for machine in machines if machine.is_broken}
        kept = {one: (pool, at) for one, (pool, at) in self._seen.items() if one in broken or now - at < BACK_OFF}
        self._seen = {**{one: (pool, now) for one, pool in broken.items()}, **kept}

    def check(self, pool: str) -> None:
        """Raises CapacityUnavailable where the pool came to nothing lately."""
        now = self.clock()
        for machine_id, (of_pool, at) in self._seen.items():
            if of_pool == pool and now - at < BACK_OFF:
                raise CapacityUnavailable(
                    f"ovh: {machine_id} of {pool} came to nothing {(now - at).total_seconds():.0f} s ago"
                )
