"""Budget: how much of what may go unserved is spent, and what follows for the margin. Pure."""

from math import exp

from policies.units import SECONDS_PER_DAY

_OPENS_WITH_S = 14.0 * SECONDS_PER_DAY
_STEEPNESS = 3
_LEAST, _MOST = 0.5, 2.0
_LEAST_LEFT = 0.3
"""However much was lost at the start: more is not made up for within two weeks."""


class Budget:
    """Unserved work against what may go unserved, old measurements forgotten.

    It opens with two weeks served exactly as promised, so that a bad hour at the start is not taken for the rule.
    What went unserved before the first node ordered could serve is spent too, but no margin is widened for it: it could
    not have been helped, and what is lost is lost. With `regains_start` it is made up for: of what may go unserved so
    much less is left for two weeks.
    """

    def __init__(self, *, max_unserved_ratio: float, over_s: float, regains_start: bool = False) -> None:
        self._max_unserved_ratio = max_unserved_ratio
        self._over_s = over_s
        self._regains_start = regains_start
        self._time_s = 0.0
        self._asked = 0.0
        self._unserved = 0.0
        self._unserved_at_start = 0.0

    def spend(self, asked_node_s: float, unserved_ratio: float, step_s: float, *, is_start: bool) -> None:
        """Take in that `unserved_ratio` of the work asked for over `step_s` was not served."""
        kept = exp(-step_s / self._over_s)
        self._time_s = kept * self._time_s + step_s
        self._asked = kept * self._asked + asked_node_s
        self._unserved = kept * self._unserved + asked_node_s * unserved_ratio
        self._unserved_at_start = kept * self._unserved_at_start + (asked_node_s * unserved_ratio if is_start else 0.0)

    def margin(self) -> float:
        """Factor of the chance that demand exceeds capacity: above 1 while less went unserved than may, else below."""
        if self._max_unserved_ratio * self._asked <= 0:
            return 1.0
        if self._regains_start:
            spent = self._spent((self._unserved - self._unserved_at_start) / self._left())
        else:
            spent = self._spent(self._unserved)
            if spent > 1:
                spent = max(1.0, self._spent(self._unserved - self._unserved_at_start))
        return min(_MOST, max(_LEAST, spent**-_STEEPNESS))

    def _left(self) -> float:
        """Share of what may go unserved in two weeks that the start has left."""
        allowed = self._max_unserved_ratio * self._asked / self._time_s
        return max(_LEAST_LEFT, 1 - self._unserved_at_start / allowed / _OPENS_WITH_S)

    def _spent(self, unserved_node_s: float) -> float:
        """1: as much is unserved as may be."""
        allowed = self._max_unserved_ratio * self._asked / self._time_s
        return (_OPENS_WITH_S + unserved_node_s / allowed) / (_OPENS_WITH_S + self._time_s)
