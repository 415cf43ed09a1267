"""Season: what the days before did at this time of day, and whether it is worth listening to. Pure.

A profile of the day is kept in slots. What it says of the lead time to come is compared, once that time is over, with
what the trend missed: only where the two went together on the days before does the profile add to what is expected, by
the slope of that regression. So a service without habits is not disturbed by yesterday.
"""

from collections import deque

from policies.units import SECONDS_PER_DAY

_SHORTEST_SLOT_S = 60.0
_LONGEST_SLOT_S = 600.0
_JUDGED_OVER_S = 2 * SECONDS_PER_DAY
_MOST_SCALE = 3.0
"""A day this many times as busy as the ones before is another kind of day."""
_TELLING = 0.1
"""Least share of what the trend missed that the time of day must have explained."""


class Season:
    """The rise that the time of day brings within one lead time, beyond what the trend sees coming."""

    def __init__(self, *, lead_time_s: float) -> None:
        self._lead_time_s = lead_time_s
        self._slots = max(1, round(SECONDS_PER_DAY / min(max(lead_time_s / 4, _SHORTEST_SLOT_S), _LONGEST_SLOT_S)))
        self._profile: list[float | None] = [None] * self._slots
        self._slot = -1
        self._sum = 0.0
        self._count = 0
        self._last_s = 0.0
        self._pending: deque[tuple[float, float, float]] = deque()
        self._square = self._product = self._missed_square = 0.0

    def observe(self, at_s: float, work: float) -> None:
        """Take in one measurement: judge what was said of now, and remember it for the days to come."""
        kept = max(0.0, 1 - (at_s - self._last_s) / _JUDGED_OVER_S)
        self._last_s = at_s
        while self._pending and self._pending[0][0] <= at_s:
            due_s, expected, rise = self._pending.popleft()
            if at_s - due_s < self._lead_time_s:
                missed = work - expected
                self._square = kept * self._square + rise * rise
                self._product = kept * self._product + rise * missed
                self._missed_square = kept * self._missed_square + missed * missed
        slot = self._slot_at(at_s)
        if slot != self._slot:
            if self._count:
                before, seen = self._profile[self._slot], self._sum / self._count
                self._profile[self._slot] = seen if before is None else (before + seen) / 2
            self._slot, self._sum, self._count = slot, 0.0, 0
        self._sum += work
        self._count += 1

    def rise(self, at_s: float, level: float, expected: float) -> float:
        """Work to add to what is expected one lead time from `at_s`; 0 where habit has told nothing so far."""
        now, then = self._profile[self._slot_at(at_s)], self._profile[self._slot_at(at_s + self._lead_time_s)]
        if now is None or then is None or now <= 0:
            return 0.0
        rise = (then - now) * min(level / now, _MOST_SCALE)
        self._pending.append((at_s + self._lead_time_s, expected, rise))
        if self._product <= 0 or self._product**2 < _TELLING * self._square * self._missed_square:
            return 0.0
        return max(0.0, rise * min(1.0, self._product / self._square))

    def _slot_at(self, at_s: float) -> int:
        return int(at_s % SECONDS_PER_DAY / SECONDS_PER_DAY * self._slots) % self._slots
