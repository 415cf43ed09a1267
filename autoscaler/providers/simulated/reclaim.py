"""Reclaim: taking nodes back where the stock of a pool falls below what is held, after advice and notice. Pure."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from autoscaler.providers.simulated.faults import Dice
from autoscaler.providers.simulated.stock import falls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autoscaler.providers.simulated.chance import Chance
    from autoscaler.providers.simulated.spec import FaultMix, SimulatedPool, Stock
    from autoscaler.providers.simulated.truth import MachineTruth
    from autoscaler.timeline import Timeline


class Reclaim:
    """Who is taken back from one provider's pools, and who is told before."""

    def __init__(
        self,
        timeline: Timeline,
        faults: FaultMix,
        chance: Chance,
        *,
        held: Mapping[str, Mapping[str, MachineTruth]],
        changed: Callable[[MachineTruth], None],
        take: Callable[[MachineTruth], None],
    ) -> None:
        self._timeline = timeline
        self._chosen = chance.stream("taken_back")
        self._notice_missing = Dice(chance, "notice_missing", faults.notice_missing)
        self._notice_late = Dice(chance, "notice_late", faults.notice_late)
        self._held = held
        self._changed = changed
        self._take = take

    def plan(self, pool: SimulatedPool) -> None:
        """Plans advice, notice and end for every fall of the pool's stock."""
        for fall in falls(pool):
            at_s = fall.start_s
            if pool.rebalance_s is not None:
                self._timeline.plan(at_s - pool.rebalance_s, f"{pool.key} advises", partial(self._advise, pool, fall))
            if pool.notice_s is not None:
                self._timeline.plan(at_s - pool.notice_s, f"{pool.key} gives notice", partial(self._notify, pool, fall))
            self._timeline.plan(at_s, f"{pool.key} takes back", partial(self._take_back, pool, fall))

    def _doomed(self, pool: SimulatedPool, fall: Stock) -> list[MachineTruth]:
        """The machines that go at the fall: those chosen before, and as many more as are now too many."""
        held = self._held[pool.key].values()
        staying = [one for one in held if one.doomed_s is None]
        doomed = [one for one in held if one.doomed_s == fall.start_s]
        for one in self._chosen.sample(staying, max(0, len(staying) - fall.nodes)):
            one.doomed_s = fall.start_s
            doomed.append(one)
        return doomed

    def _advise(self, pool: SimulatedPool, fall: Stock) -> None:
        for truth in self._doomed(pool, fall):
            truth.is_at_risk = True
            self._changed(truth)

    def _notify(self, pool: SimulatedPool, fall: Stock) -> None:
        for truth in self._doomed(pool, fall):
            is_missing, is_late = self._notice_missing.happens(), self._notice_late.happens()
            if is_missing:
                continue
            at_s = fall.start_s - (pool.notice_s or 0.0) / 10 if is_late else self._timeline.now_s
            self._timeline.plan(at_s, f"{truth.id} is given notice", partial(self._tell, truth))

    def _tell(self, truth: MachineTruth) -> None:
        if truth.is_held and truth.doomed_s is not None:
            truth.taken_back_at = self._timeline.start + timedelta(seconds=truth.doomed_s)
            self._changed(truth)

    def _take_back(self, pool: SimulatedPool, fall: Stock) -> None:
        for truth in self._doomed(pool, fall):
            self._take(truth)
