"""What a simulated machine costs: the tariff's rule, with a price that may move while it runs. Pure.

By the second, a moving price is integrated: each piece of constant price is charged for its own time, to the
microsecond, over the billed span (whole seconds begun, 60 at least). By started hours each hour costs what its
beginning costs. A rule with a monthly cap or fee keeps the price of the order.
"""

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from autoscaler.providers.simulated.spec import SimulatedPool
from policies.billing import HOUR, MIN_BILLED_SECONDS, SECOND, Billing, Tariff, charge_usd

_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_PER_HOUR = 3_600_000_000


def tariff_at(pool: SimulatedPool, at_s: float) -> Tariff:
    """The pool's tariff at the price in force then."""
    taken = _steps_before(pool, at_s)
    return pool.tariff if taken == 0 else replace(pool.tariff, price_usd_hour=pool.prices_usd_hour[taken - 1][1])


def lease_usd(
    pool: SimulatedPool, origin: datetime, start_s: float, end_s: float, *, interrupted: bool = False
) -> Decimal:
    """The charge of one machine held over [start_s, end_s) seconds after `origin`, USD. `interrupted`: taken back."""
    start, end = origin + timedelta(seconds=start_s), origin + timedelta(seconds=end_s)
    tariff = tariff_at(pool, start_s)
    constant_usd = charge_usd(tariff, start, end, interrupted=interrupted)
    if not pool.prices_usd_hour or constant_usd == 0:
        return constant_usd
    match tariff.billing:
        case Billing.SECOND:
            billed = max(MIN_BILLED_SECONDS, -(-(end - start) // SECOND)) * SECOND
            return _integrated_usd(pool, origin, start_s, start, start + billed)
        case Billing.STARTED_HOUR:
            hours = -(-(end - start) // HOUR)
            return sum((_price(tariff_at(pool, start_s + 3600.0 * hour)) for hour in range(hours)), Decimal(0))
        case _:
            return constant_usd


def _integrated_usd(pool: SimulatedPool, origin: datetime, start_s: float, start: datetime, end: datetime) -> Decimal:
    """Σ price × time of each piece of constant price in [start, end), `start_s` seconds after `origin`."""
    price = _price(tariff_at(pool, start_s))
    price_microseconds, begin = Decimal(0), start
    for at_s, following in islice(pool.prices_usd_hour, _steps_before(pool, start_s), None):
        until = origin + timedelta(seconds=at_s)
        if until >= end:
            break
        price_microseconds += price * ((until - begin) // _MICROSECOND)
        price, begin = following, until
    price_microseconds += price * ((end - begin) // _MICROSECOND)
    return price_microseconds / _MICROSECONDS_PER_HOUR


def _steps_before(pool: SimulatedPool, at_s: float) -> int:
    """Steps of the price that have been taken by then."""
    return bisect_right(pool.prices_usd_hour, at_s, key=lambda step: step[0])


def _price(tariff: Tariff) -> Decimal:
    assert tariff.price_usd_hour is not None  # rules by the second and by started hours have one
    return tariff.price_usd_hour
