"""What goes wrong with the calls to one simulated cloud. Pure: decisions drawn from a stream per fault.

Every fault that can happen draws at every occasion it could, so that one switched off shifts none of the others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

from autoscaler.providers.provider import CapacityUnavailable, Machine, ProviderError, Temporary
from autoscaler.providers.simulated.chance import Chance, Spells

if TYPE_CHECKING:
    from random import Random

    from autoscaler.providers.simulated.spec import FaultMix

Rows = tuple[Machine, ...]


class Dice:
    """One fault: whether it happens this time."""

    def __init__(self, chance: Chance, name: str, probability: float) -> None:
        self._rng = chance.stream(name)
        self._probability = probability

    def happens(self) -> bool:
        """Draws once; what can never happen draws nothing."""
        return self._probability > 0 and self._rng.random() < self._probability


class CallFaults:
    """Which calls fail, and whether before or after their side effect."""

    def __init__(self, mix: FaultMix, chance: Chance, provider: str) -> None:
        self._provider = provider
        self._outages = Spells(chance.stream("outage"), per_day=mix.outage_per_day, most_s=mix.outage_most_s)
        self._before = (
            (Dice(chance, "timeout_before", mix.timeout_before), "the call timed out"),
            (Dice(chance, "server_error", mix.server_error), "503 Service Unavailable"),
            (Dice(chance, "rate_limited", mix.rate_limited), "429 Too Many Requests"),
        )
        self._after = Dice(chance, "timeout_after", mix.timeout_after)
        self._no_capacity = Dice(chance, "extra_no_capacity", mix.extra_no_capacity)
        self.never_happen = (
            max(mix.timeout_before, mix.server_error, mix.rate_limited, mix.timeout_after, mix.outage_per_day) <= 0
        )

    def before(self, call: str, now_s: float) -> ProviderError | None:
        """Raises what keeps the call from having any effect; returns what hides its effect once it had one."""
        drawn = [why for dice, why in self._before if dice.happens()]
        hides = self._after.happens()
        if self._outages.until_s(now_s) is not None:
            raise Temporary(f"{self._provider}: {call}: 503 Service Unavailable (outage)")
        if drawn:
            raise Temporary(f"{self._provider}: {call}: {drawn[0]}")
        return Temporary(f"{self._provider}: {call}: the call timed out") if hides else None

    def refuse_capacity(self, pool: str) -> None:
        """Raises CapacityUnavailable now and then although there is stock."""
        if self._no_capacity.happens():
            raise CapacityUnavailable(f"{self._provider}: no capacity for {pool} (momentarily)")


class ListFaults:
    """Lists that are old or lack a page; each says so."""

    def __init__(self, mix: FaultMix, chance: Chance) -> None:
        self._stale = Dice(chance, "stale_list", mix.stale_list)
        self._age: Random = chance.stream("stale_age")
        self._most_s = mix.stale_most_s
        self._partial = Dice(chance, "partial_list", mix.partial_list)
        self._page: Random = chance.stream("partial_page")
        self.keeps_history = mix.stale_list > 0
        self.never_happen = mix.stale_list <= 0 and mix.partial_list <= 0
        self._history: deque[tuple[float, Rows]] = deque()

    def remember(self, now_s: float, rows: Rows) -> None:
        """Keeps what lists show from now on, as far back as one can be old."""
        if self._history and self._history[-1][0] == now_s:
            self._history.pop()
        self._history.append((now_s, rows))
        while len(self._history) > 1 and self._history[1][0] <= now_s - self._most_s:
            self._history.popleft()

    def told(self, now_s: float, rows: Rows) -> tuple[float, Rows, bool]:
        """Time, rows and completeness of the list that is given instead of the true `rows` of `now_s`."""
        is_stale, is_partial = self._stale.happens(), self._partial.happens()
        as_of_s = now_s
        if is_stale and self._history:
            age_s = self._age.uniform(0, self._most_s)
            as_of_s = max(now_s - age_s, self._history[0][0])
            index = bisect_right([at_s for at_s, _ in self._history], as_of_s) - 1
            rows = self._history[index][1]
        if is_partial:
            page = max(1, (len(rows) + 1) // 2)
            start = self._page.choice((0, page))
            rows = rows[:start] + rows[start + page :]
        return as_of_s, rows, not is_partial
