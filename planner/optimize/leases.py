"""Leases from hourly counts: the k-th node of a pool is on in every hour whose count is at least k. Pure.

A lease starts one lead time before its first hour, so that the node is ready in time. A gap is bridged when keeping the
node is no dearer than ending it and launching it again. Charges follow policies/billing.py, in Decimal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from planner.optimize.problem import Ints
from policies.billing import Billing, Tariff, charge_usd

HOUR_S = 3600
BY_DURATION = frozenset({Billing.STARTED_HOUR, Billing.SECOND})
"""Rules whose charge depends on how long a lease lasts, not on when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`count` nodes held over [start, end), each charged `charge_usd`."""

    start: datetime
    end: datetime
    count: int
    charge_usd: Decimal

    @property
    def hours(self) -> Decimal:
        """Hours one node is held."""
        return Decimal(int((self.end - self.start).total_seconds())) / HOUR_S


class LeaseFormer:
    """Forms the leases of one pool; remembers charges, which repeat. Instants are seconds from the first hour."""

    def __init__(
        self, tariff: Tariff, *, start: datetime, lead_time_s: int, interruption_usd_hour: Decimal = Decimal(0)
    ) -> None:
        """`start`: first hour of the counts; `lead_time_s`: request to ready with the model loaded."""
        self._tariff = tariff
        self._start = start
        self._lead_time_s = lead_time_s
        self._interruption_usd_hour = interruption_usd_hour
        self._charges: dict[object, Decimal] = {}
        self._costs: dict[object, Decimal] = {}

    def form(self, counts: Ints) -> list[Span]:
        """The leases that hold `counts` (H,) nodes ready in each hour, in order of start and end."""
        spans: dict[tuple[int, int], int] = {}
        previous: list[tuple[int, int]] | None = None
        leases: list[tuple[int, int]] = []
        for level in range(1, int(counts.max(initial=0)) + 1):
            runs = list(_runs(counts >= level))
            if runs != previous:
                previous, leases = runs, list(self._bridge(runs))
            for lease in leases:
                spans[lease] = spans.get(lease, 0) + 1
        return [
            Span(
                start=self._start + timedelta(seconds=start),
                end=self._start + timedelta(seconds=end),
                count=count,
                charge_usd=self._charge(start, end),
            )
            for (start, end), count in sorted(spans.items())
        ]

    def _bridge(self, runs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Leases of one level: its runs of hours, joined where a new launch would not be cheaper."""
        held: tuple[int, int] | None = None
        for first, last in runs:
            launch, end = first * HOUR_S - self._lead_time_s, last * HOUR_S
            if held is None:
                held = (launch, end)
            elif launch <= held[1] or self._cost(held[0], end) <= self._cost(*held) + self._cost(launch, end):
                held = (held[0], end)
            else:
                yield held
                held = (launch, end)
        if held is not None:
            yield held

    def _cost(self, start: int, end: int) -> Decimal:
        """Charge and expected interruptions of a lease."""
        key = self._key(start, end)
        cost = self._costs.get(key)
        if cost is None:
            interruption = self._interruption_usd_hour * (end - start) / HOUR_S
            cost = self._costs[key] = self._charge(start, end) + interruption
        return cost

    def _charge(self, start: int, end: int) -> Decimal:
        key = self._key(start, end)
        charge = self._charges.get(key)
        if charge is None:
            first, last = self._start + timedelta(seconds=start), self._start + timedelta(seconds=end)
            charge = self._charges[key] = charge_usd(self._tariff, first, last)
        return charge

    def _key(self, start: int, end: int) -> object:
        return end - start if self._tariff.billing in BY_DURATION else (start, end)


def _runs(on: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Iterator[tuple[int, int]]:
    """[first, last) hours of every stretch that is on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
