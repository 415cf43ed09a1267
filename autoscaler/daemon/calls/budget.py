"""Budget: until when a tick may make calls, so that it ends before the next one is due."""

from collections.abc import Callable

LEAST_S = 1.0
"""A call is not begun where less is left: it would only be cut off."""


class Budget:
    """The time a tick has left for its calls."""

    def __init__(self, monotonic_s: Callable[[], float], call_timeout_s: float) -> None:
        self._monotonic_s = monotonic_s
        self._call_timeout_s = call_timeout_s
        self._until_s = float("inf")

    def begin(self, tick_s: float) -> None:
        """Gives the tick that begins now so many seconds."""
        self._until_s = self._monotonic_s() + tick_s

    def for_call_s(self) -> float:
        """Seconds the next call may take; 0: it is to wait for the next tick."""
        left_s = self._until_s - self._monotonic_s()
        if left_s < min(LEAST_S, self._call_timeout_s):
            return 0.0
        return min(left_s, self._call_timeout_s)
