"""Chance: independent streams of random numbers by name, so that what one draws shifts no other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from random import Random


class Chance:
    """Streams made from one `random.Random`: the same name is the same stream, whatever else is drawn."""

    def __init__(self, rng: Random) -> None:
        self._root = rng.getrandbits(64)
        self._make = type(rng)

    def stream(self, name: str) -> Random:
        """A new stream at its beginning; seeded by text, which Python hashes the same way on every machine."""
        return self._make(f"{self._root}/{name}")


class Spells:
    """Spells that begin `per_day` times a day at random and last up to `most_s`, one after the other."""

    def __init__(self, rng: Random, *, per_day: float, most_s: float) -> None:
        self._rng = rng
        self._rate = per_day / SECONDS_PER_DAY
        self._most_s = most_s
        self._start_s = self._end_s = float("inf") if per_day <= 0 else 0.0

    def until_s(self, now_s: float) -> float | None:
        """End of the spell that is on; None: none is. Asked in the order of time."""
        while now_s >= self._end_s:
            self._start_s = self._end_s + self._rng.expovariate(self._rate)
            self._end_s = self._start_s + self._rng.uniform(0, self._most_s)
        return self._end_s if now_s >= self._start_s else None
