"""Money: what a fleet is really charged in a month and in an hour, for S1. Pure.

Where the price of a pool moves, its lowest counts: what a controller can know of a moving price is not exact, and a cap
is only said to be passed where it is passed at any price there was.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.invariants.watch import Life
from policies.billing import Tariff, charges_by_month
from policies.renewal import Month, hourly_usd, owed_in_month_usd


class Charges:
    """What machines were charged in the calendar month of now."""

    def __init__(self) -> None:
        self._month: datetime | None = None
        self._ended_usd = Decimal(0)
        self._tariffs: dict[str, Tariff] = {}

    def ended(self, machine: MachineTruth, cloud: SimulatedCloud, now: datetime) -> None:
        """Adds a lease that is over now."""
        month = self._month_of(now)
        tariff = self.tariff(cloud.pools[machine.pool])
        parts = charges_by_month(tariff, machine.created_at, now, interrupted=machine.was_taken_back)
        self._ended_usd += parts.get(month.first, Decimal(0))

    def to_date_usd(self, held: Iterable[tuple[MachineTruth, SimulatedCloud]], now: datetime) -> Decimal:
        """Charged this month to now: leases that are over, and the others as if they ended now."""
        month = self._month_of(now)
        return self._ended_usd + sum(
            (
                owed_in_month_usd(self.tariff(cloud.pools[machine.pool]), machine.created_at, now, month)
                for machine, cloud in held
            ),
            Decimal(0),
        )

    def tariff(self, pool: SimulatedPool) -> Tariff:
        """What the pool charges at its lowest price."""
        found = self._tariffs.get(pool.key)
        if found is None:
            prices = [price for _, price in pool.prices_usd_hour]
            own = pool.tariff.price_usd_hour
            lowest = own if own is None or not prices else min([own, *prices])
            found = self._tariffs[pool.key] = replace(pool.tariff, price_usd_hour=lowest)
        return found

    def _month_of(self, now: datetime) -> Month:
        month = Month.of(now)
        if self._month != month.first:
            self._month, self._ended_usd = month.first, Decimal(0)
        return month


def usd_hour(lives: Iterable[Life], cloud_of: dict[str, SimulatedCloud], now: datetime) -> Decimal:
    """What the nodes cost an hour at the prices in force."""
    hours = Month.of(now).hours
    return sum((hourly_usd(cloud_of[life.pool].tariff_now(life.pool), hours) for life in lives), Decimal(0))
