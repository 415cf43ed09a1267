"""Prices: what sources say of pools now, asked every few minutes beside the ticks; a failing one keeps its last word.

A source is asked in a lane of its own, and no tick waits for it: what it said by the next tick is taken in then. What
it said last stays in force however old it gets, and its age is told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from autoscaler.daemon.calls.lane import Call, Lane, StillWaiting
from autoscaler.daemon.plan.parts import at_price
from autoscaler.fleet import Pool
from planner.catalog.offer_id import OfferId
from planner.catalog.sources.source import PoolAsked, PoolNow, Source

REFRESH_S = 300.0
"""How often a source is asked: spot prices move a few times a day, stock more often; the calls are free and limited."""


@dataclass(slots=True, kw_only=True)
class PriceSource:
    """The source of one provider, and what it said."""

    provider: str
    source: Source
    lane: Lane
    clean: Callable[[str], str]
    said: dict[str, PoolNow] = field(default_factory=dict)
    """By pool, the last of each."""
    problem: str = ""
    """Why it said nothing lately; empty: it did."""
    _call: Call[tuple[PoolNow, ...]] | None = None
    _asked_s: float | None = None

    def turn(self, pools: Sequence[PoolAsked], monotonic_s: float) -> None:
        """Takes in what the source said since the last turn, and asks again where it is time. Waits for nothing."""
        call = self._call
        if call is not None and call.has_ended.is_set():
            self._call = None
            if call.error is not None:
                why = str(call.error).removeprefix(f"{self.provider}: ")
                self.problem = self.clean(f"prices of {self.provider}: {why}")
            else:
                self.problem = ""
                self.said |= {one.pool: one for one in call.results[0]}
        if self._asked_s is not None and monotonic_s - self._asked_s < REFRESH_S:
            return
        if not pools:
            return
        try:
            self._call = self.lane.begin("prices and stock", lambda: self.source.now(pools))
        except StillWaiting as error:
            self.problem = f"prices of {self.provider}: {error}"
            return
        self._asked_s = monotonic_s

    def oldest(self, pools: Sequence[str]) -> datetime | None:
        """When the oldest price in force among these pools was said; None: none of them is read live."""
        return min((self.said[key].as_of for key in pools if key in self.said), default=None)


def asked_of(pools: Mapping[str, Pool], provider: str) -> tuple[PoolAsked, ...]:
    """The pools that may be launched at a provider, in its words."""
    return tuple(
        PoolAsked(pool=pool.key, product=OfferId.of(pool.key).product, zone=pool.zone, is_spot=pool.is_spot)
        for pool in pools.values()
        if pool.provider == provider and pool.lead_time_s
    )


def priced(pools: Mapping[str, Pool], said: Mapping[str, PoolNow], held: Mapping[str, int]) -> Mapping[str, Pool]:
    """The pools at the prices and with the stock that sources told; `held`: nodes there are, by pool.

    A pool that is said to be sold out is left alone until its source is asked again. The same mapping where nothing
    was told, so that nobody counts anew.
    """
    if not said:
        return pools
    return {key: _now(pool, said.get(key), held.get(key, 0)) for key, pool in pools.items()}


def _now(pool: Pool, now: PoolNow | None, held: int) -> Pool:
    if now is None:
        return pool
    if now.price_usd_hour is not None and now.price_usd_hour != pool.tariff.price_usd_hour:
        pool = at_price(pool, now.price_usd_hour)
    if now.quota_left is not None:
        most = held + now.quota_left
        pool = replace(pool, max_count=most if pool.max_count is None else min(pool.max_count, most))
    if now.is_available is False:
        pool = replace(pool, retry_at=now.as_of + timedelta(seconds=2 * REFRESH_S))
    return pool
