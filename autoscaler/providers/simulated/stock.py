"""Stock: how many nodes of a pool may be held at a time, and how many must be given back. Pure."""

from bisect import bisect_right

from autoscaler.providers.simulated.spec import SimulatedPool, Stock


class Shelf:
    """The stock of one pool by time."""

    def __init__(self, pool: SimulatedPool) -> None:
        self._stock = pool.stock
        self._starts = [one.start_s for one in pool.stock]
        self._notice_s = pool.notice_s or 0.0

    def most(self, now_s: float) -> int | None:
        """Nodes that may be held now; None: no limit.

        From the notice before a fall on, no more are sold than will be left: a cloud that takes back does not sell.
        """
        index = bisect_right(self._starts, now_s) - 1
        limits = []
        if index >= 0 and now_s < self._stock[index].end_s:
            limits.append(self._stock[index].nodes)
        for window in self._stock[index + 1 :]:
            if window.start_s > now_s + self._notice_s:
                break
            limits.append(window.nodes)
        return min(limits, default=None)


def falls(pool: SimulatedPool) -> tuple[Stock, ...]:
    """The windows at whose start nodes may have to be given back: those with less than just before."""
    found = []
    before: Stock | None = None
    for window in pool.stock:
        is_joined = before is not None and before.end_s == window.start_s
        if not (is_joined and before is not None and before.nodes <= window.nodes):
            found.append(window)
        before = window
    return tuple(found)
