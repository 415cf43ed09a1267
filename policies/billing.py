"""How time becomes money: the billing rules shared by plan, ledger and replay. Pure; standard library only.

Money is USD in `Decimal`, unrounded; spans are aware, half-open and reckoned in UTC, so a DST change is no event.
Sources of the rules, and what each one leaves out: docs/billing.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from policies.units import SECONDS_PER_HOUR

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
_FINEST_USD = Decimal("1e-18")
"""What a month's part is cut to where a price leaves more digits: then parts add up without rounding."""
MIN_BILLED_SECONDS = 60
"""Least seconds a lease by the second is charged (AWS)."""


class Billing(StrEnum):
    """The rule by which a lease is charged."""

    STARTED_HOUR = "started_hour"
    """Every started hour at the hourly price (OVH)."""
    STARTED_HOUR_CAPPED = "started_hour_capped"
    """min(started hours x hourly price, monthly cap) per calendar month (Hetzner)."""
    SECOND = "second"
    """Per second, 60 s at least; spot is free if the provider interrupts it in its first hour (AWS)."""
    MONTH_PRORATED = "month_prorated"
    """The fee x started hours / hours of the calendar month, where no hourly price is known (Hetzner dedicated)."""
    MONTH = "month"
    """The fee once per calendar month touched (the guides' view)."""


NEEDS_HOURLY_PRICE = frozenset({Billing.STARTED_HOUR, Billing.STARTED_HOUR_CAPPED, Billing.SECOND})
NEEDS_MONTHLY_FEE = frozenset({Billing.STARTED_HOUR_CAPPED, Billing.MONTH_PRORATED, Billing.MONTH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a lease is charged by: the rule and its prices, USD net of VAT."""

    billing: Billing
    price_usd_hour: Decimal | None = None
    fee_usd_month: Decimal | None = None
    """Monthly fee, or the monthly cap of an hourly price."""
    is_spot: bool = False

    def __post_init__(self) -> None:
        if self.price_usd_hour is None and self.billing in NEEDS_HOURLY_PRICE:
            raise ValueError(f"price_usd_hour is missing; billing {self.billing.value!r} needs it")
        if self.fee_usd_month is None and self.billing in NEEDS_MONTHLY_FEE:
            raise ValueError(f"fee_usd_month is missing; billing {self.billing.value!r} needs it")
        for name, price in (("price_usd_hour", self.price_usd_hour), ("fee_usd_month", self.fee_usd_month)):
            if price is not None and not (price.is_finite() and price > 0):
                raise ValueError(f"{name} must be above 0, got {price}")


def charge_usd(tariff: Tariff, start: datetime, end: datetime, *, interrupted: bool = False) -> Decimal:
    """The charge of one node held over [start, end), setup fee apart. `interrupted`: taken back by the provider.

    A span of no length costs nothing. Started hours are counted from the start of the lease; under a rule with a
    monthly cap or fee each calendar month (UTC) is a bill of its own, and its hours are counted from the start of the
    lease's part in that month.
    """
    start, end = _span(start, end)
    if start == end:
        return Decimal(0)
    match tariff.billing:
        case Billing.STARTED_HOUR:
            return _price(tariff) * started_hours(end - start)
        case Billing.STARTED_HOUR_CAPPED:
            return sum((_capped_usd(tariff, part) for _, part in _month_parts(start, end)), Decimal(0))
        case Billing.SECOND:
            return _by_second_usd(tariff, end - start, interrupted=interrupted)
        case Billing.MONTH_PRORATED:
            parts = _month_parts(start, end)
            return sum((_fee(tariff) * started_hours(part) / (month // HOUR) for month, part in parts), Decimal(0))
        case Billing.MONTH:
            return _fee(tariff) * sum(1 for _ in _month_parts(start, end))


def charges_by_month(
    tariff: Tariff, start: datetime, end: datetime, *, interrupted: bool = False
) -> dict[datetime, Decimal]:
    """How a lease's charge falls on calendar months: first instant of each month touched (UTC) -> USD.

    The parts sum to `charge_usd` exactly. Under a rule with a monthly cap or fee each month is charged as it is;
    a started hour belongs to the month it begins in, a second to its own month, and what the 60 s minimum adds to the
    month the lease starts in. Setup fees are apart, as in `charge_usd`.
    """
    start, end = _span(start, end)
    spans = _month_spans(start, end)
    if tariff.fee_usd_month is not None and tariff.billing in NEEDS_MONTHLY_FEE:
        return {first: charge_usd(tariff, begin, until) for first, begin, until in spans}
    total = charge_usd(tariff, start, end, interrupted=interrupted)
    charges: dict[datetime, Decimal] = {}
    for first, _, until in spans:
        so_far = total if until == end else _finest(_by_then_usd(tariff, start, until, end, total))
        charges[first] = so_far - sum(charges.values(), Decimal(0))
    return charges


def month_span(moment: datetime) -> tuple[datetime, datetime]:
    """The calendar month (UTC) that holds `moment`: its first instant, and that of the next."""
    moment = moment.astimezone(UTC)
    first = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    return first, datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)


def horizon_fee_usd(tariff: Tariff, start: datetime, end: datetime) -> Decimal:
    """The fee of a base node over a plan's horizon, USD: per calendar month, fee x time in the horizon / its length.

    A whole month is charged its fee, part of a month the part. A node without a monthly fee (by the hour or second) is
    charged as held over the whole horizon.
    """
    if tariff.fee_usd_month is None:
        return charge_usd(tariff, start, end)
    start, end = _span(start, end)
    parts = _month_parts(start, end)
    return sum((tariff.fee_usd_month * (part // SECOND) / (month // SECOND) for month, part in parts), Decimal(0))


def months_in(start: datetime, end: datetime) -> Decimal:
    """Calendar months (UTC) in [start, end): per month its time in the span / its length, summed."""
    start, end = _span(start, end)
    parts = _month_parts(start, end)
    return sum((Decimal(part // SECOND) / (month // SECOND) for month, part in parts), Decimal(0))


def started_hours(held: timedelta) -> int:
    """Hours begun in a span: 0 for no time, 1 from the first instant to the 60th minute, 2 after it."""
    return -(-held // HOUR)


def _capped_usd(tariff: Tariff, held: timedelta) -> Decimal:
    return min(_price(tariff) * started_hours(held), _fee(tariff))


def _by_second_usd(tariff: Tariff, held: timedelta, *, interrupted: bool) -> Decimal:
    if interrupted and tariff.is_spot and held < HOUR:
        return Decimal(0)
    seconds = max(MIN_BILLED_SECONDS, -(-held // SECOND))
    return _price(tariff) * seconds / SECONDS_PER_HOUR


def _span(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The span in UTC: two local times of one zone would be subtracted by the clock on the wall."""
    for name, moment in (("start", start), ("end", end)):
        if moment.tzinfo is None or moment.utcoffset() is None:
            raise ValueError(f"{name} must be an aware time, got {moment.isoformat()} without a zone")
    start = start if start.tzinfo is UTC else start.astimezone(UTC)
    end = end if end.tzinfo is UTC else end.astimezone(UTC)
    if end < start:
        raise ValueError(f"end must not be before start, got {start.isoformat()} to {end.isoformat()}")
    return start, end


def _by_then_usd(tariff: Tariff, start: datetime, until: datetime, end: datetime, total: Decimal) -> Decimal:
    """What of the charge `total` of [start, end) falls before a month's end `until`, for rules without a month."""
    if tariff.billing is Billing.STARTED_HOUR:
        return _price(tariff) * started_hours(until - start)
    after = -(-(end - start) // SECOND) + (until - start) // -SECOND  # whole seconds begun from there on
    return max(total - _price(tariff) * after / SECONDS_PER_HOUR, Decimal(0))


def _finest(usd: Decimal) -> Decimal:
    exponent = usd.as_tuple().exponent
    return usd.quantize(_FINEST_USD) if isinstance(exponent, int) and exponent < -18 else usd


def _month_parts(start: datetime, end: datetime) -> Iterator[tuple[timedelta, timedelta]]:
    """Per calendar month touched: its length, and the part of [start, end) in it."""
    for first, begin, until in _month_spans(start, end):
        yield month_span(first)[1] - first, until - begin


def _month_spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, datetime]]:
    """Per calendar month touched: its first instant, and the part of [start, end) in it."""
    while start < end:
        first, following = month_span(start)
        until = min(end, following)
        yield first, start, until
        start = until


def _price(tariff: Tariff) -> Decimal:
    assert tariff.price_usd_hour is not None  # checked by Tariff
    return tariff.price_usd_hour


def _fee(tariff: Tariff) -> Decimal:
    assert tariff.fee_usd_month is not None  # checked by Tariff
    return tariff.fee_usd_month
