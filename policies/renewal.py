"""What a running lease owes at an instant, and for how long it is paid. Pure; standard library only.

`decide` calls these functions a few times per node and tick, so they take seconds and whole numbers where
`policies.billing` takes spans; tests hold each against the billing rule it stands for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from policies.billing import MIN_BILLED_SECONDS, Billing, Tariff, month_span
from policies.units import SECONDS_PER_HOUR


def hourly_usd(tariff: Tariff, month_hours: int) -> Decimal:
    """Price of an hour, USD; of a monthly fee, its part of the calendar month of `month_hours`."""
    if tariff.price_usd_hour is not None:
        return tariff.price_usd_hour
    assert tariff.fee_usd_month is not None  # a tariff has one of them
    return tariff.fee_usd_month / month_hours


def paid_left_s(tariff: Tariff, ordered_at: datetime, now: datetime) -> float:
    """Seconds from `now` for which a running lease costs nothing more: until its renewal instant.

    By the second: 0, or the rest of the first minute. By started hours: the rest of the hour, a whole one at the
    order itself and 0 exactly at its end. With a monthly cap: the rest of the month once the cap is reached. A
    monthly fee: the rest of the month. By the calendar month, 0 where one begins: nothing of it is paid yet.
    """
    age_s = max((now - ordered_at).total_seconds(), 0.0)
    match tariff.billing:
        case Billing.SECOND:
            return max(MIN_BILLED_SECONDS - age_s, 0.0)
        case Billing.STARTED_HOUR:
            return -age_s % SECONDS_PER_HOUR if age_s else float(SECONDS_PER_HOUR)
    first, following = month_span(now)
    if ordered_at < first == now:
        return 0.0
    month_left_s = (following - now).total_seconds()
    if tariff.billing is Billing.MONTH:
        return month_left_s
    age_s = (now - max(ordered_at, first)).total_seconds()
    if tariff.billing is Billing.STARTED_HOUR_CAPPED:
        assert tariff.price_usd_hour is not None  # checked by Tariff
        assert tariff.fee_usd_month is not None
        if tariff.price_usd_hour * _started(age_s) >= tariff.fee_usd_month:
            return month_left_s
    return min(-age_s % SECONDS_PER_HOUR if age_s > 0 else float(SECONDS_PER_HOUR), month_left_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The calendar month (UTC) of one instant, as sums over leases need it."""

    first: datetime
    following: datetime
    hours: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """The month that holds `moment`."""
        moment = moment.astimezone(UTC)
        return _month(moment.year, moment.month)


@cache
def _month(year: int, number: int) -> Month:
    first, following = month_span(datetime(year, number, 1, tzinfo=UTC))
    return Month(first=first, following=following, hours=(following - first) // timedelta(hours=1))


def owed_in_month_usd(tariff: Tariff, ordered_at: datetime, until: datetime, month: Month) -> Decimal:
    """What a lease over [ordered_at, until) is charged in `month`: that month's part of billing.charges_by_month.

    Nothing is taken off for a spot node that may be taken back in its first hour.
    """
    return units_usd(tariff, billed_units(tariff, ordered_at, until, month), month)


def billed_units(tariff: Tariff, ordered_at: datetime, until: datetime, month: Month) -> int:
    """What of [ordered_at, until) is billed in `month`: seconds of a tariff by the second, else hours, or the one fee.

    Of leases whose tariff has no cap the units may be added up before `units_usd` makes money of them.
    """
    begin = max(ordered_at, month.first)
    end = min(until, month.following)
    if end <= begin:
        return 0
    match tariff.billing:
        case Billing.SECOND:
            seconds = -int(-(end - begin).total_seconds() // 1)
            if begin == ordered_at:  # what the 60 s minimum adds belongs to the month the lease starts in
                seconds += max(MIN_BILLED_SECONDS + int(-(until - ordered_at).total_seconds() // 1), 0)
            return seconds
        case Billing.STARTED_HOUR:
            before = _started((begin - ordered_at).total_seconds())
            return _started((end - ordered_at).total_seconds()) - before
        case Billing.STARTED_HOUR_CAPPED | Billing.MONTH_PRORATED:
            return _started((end - begin).total_seconds())
        case Billing.MONTH:
            return 1


def units_usd(tariff: Tariff, units: int, month: Month) -> Decimal:
    """USD of so many billed units in `month`; of a tariff with a cap, of one lease."""
    match tariff.billing:
        case Billing.SECOND:
            assert tariff.price_usd_hour is not None  # checked by Tariff
            return tariff.price_usd_hour * units / SECONDS_PER_HOUR
        case Billing.MONTH:
            assert tariff.fee_usd_month is not None
            return tariff.fee_usd_month * units
        case Billing.STARTED_HOUR_CAPPED:
            assert tariff.fee_usd_month is not None
            return min(hourly_usd(tariff, month.hours) * units, tariff.fee_usd_month)
        case Billing.MONTH_PRORATED:
            assert tariff.fee_usd_month is not None
            return tariff.fee_usd_month * units / month.hours
        case Billing.STARTED_HOUR:
            return hourly_usd(tariff, month.hours) * units


def _started(seconds: float) -> int:
    """Hours begun in a span of so many seconds."""
    return -int(-seconds // SECONDS_PER_HOUR)
