"""What a running lease owes: sums that must agree with the billing rules they stand for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.billing import Billing, Tariff, charge_usd, charges_by_month, month_span
from policies.renewal import Month, billed_units, hourly_usd, owed_in_month_usd, paid_left_s, units_usd

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECOND = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36"))
HOUR = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.20"))
CAPPED = Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal("0.10"), fee_usd_month=Decimal(30))
PRORATED = Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(72))
MONTH = Tariff(billing=Billing.MONTH, fee_usd_month=Decimal(72))


@pytest.mark.parametrize(
    ("tariff", "age", "left_s"),
    [
        pytest.param(SECOND, timedelta(seconds=20), 40, id="the first minute is paid"),
        pytest.param(SECOND, timedelta(minutes=5), 0, id="by the second nothing is paid ahead"),
        pytest.param(HOUR, timedelta(0), 3600, id="an hour is paid at the order"),
        pytest.param(HOUR, timedelta(minutes=59), 60, id="a minute before its end"),
        pytest.param(HOUR, timedelta(hours=1), 0, id="exactly at its end"),
        pytest.param(HOUR, timedelta(hours=1, seconds=1), 3599, id="the second hour began"),
        pytest.param(CAPPED, timedelta(minutes=30), 1800, id="below the cap, by the hour"),
        pytest.param(MONTH, timedelta(days=1), 20.5 * 86_400, id="a month is paid to its end"),
        pytest.param(PRORATED, timedelta(minutes=45), 900, id="prorated by started hours"),
    ],
)
def test_paid_time_left(tariff: Tariff, age: timedelta, left_s: float) -> None:
    assert paid_left_s(tariff, NOON - age, NOON) == left_s


def test_once_the_monthly_cap_is_reached_the_rest_of_the_month_is_free() -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    at_the_cap = first + timedelta(hours=299, minutes=1)  # the 300th hour has begun: 300 x 0.10 = 30
    rest = (datetime(2026, 12, 1, tzinfo=UTC) - at_the_cap).total_seconds()
    assert paid_left_s(CAPPED, first, at_the_cap) == rest
    assert paid_left_s(CAPPED, first, at_the_cap - timedelta(hours=1)) == 59 * 60


def test_a_capped_lease_begins_anew_with_the_month() -> None:
    ordered = datetime(2026, 10, 1, tzinfo=UTC)
    assert paid_left_s(CAPPED, ordered, datetime(2026, 11, 1, 0, 15, tzinfo=UTC)) == 45 * 60
    before_midnight = datetime(2026, 10, 31, 23, 50, tzinfo=UTC)
    late = datetime(2026, 10, 31, 23, 40, tzinfo=UTC)
    assert paid_left_s(CAPPED, late, before_midnight) == 10 * 60


@pytest.mark.parametrize("tariff", [CAPPED, PRORATED, MONTH])
def test_nothing_of_a_month_is_paid_at_the_instant_it_begins(tariff: Tariff) -> None:
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert paid_left_s(tariff, november - timedelta(hours=1), november) == 0
    assert paid_left_s(tariff, november, november) == (30 * 86_400 if tariff is MONTH else 3600)


TARIFFS = st.sampled_from([SECOND, HOUR, CAPPED, PRORATED, MONTH])
START = datetime(2026, 10, 30, tzinfo=UTC)
SPAN_S = st.integers(0, 40 * 86_400)


@given(tariff=TARIFFS, begin_s=st.integers(0, 4 * 86_400), length_s=SPAN_S, month=st.sampled_from([10, 11, 12]))
def test_what_is_owed_in_a_month_is_the_part_billing_puts_into_it(
    tariff: Tariff, begin_s: int, length_s: int, month: int
) -> None:
    ordered = START + timedelta(seconds=begin_s)
    until = ordered + timedelta(seconds=length_s)
    first = datetime(2026, month, 1, tzinfo=UTC)
    expected = charges_by_month(tariff, ordered, until).get(first, Decimal(0)) if until > ordered else Decimal(0)
    owed = owed_in_month_usd(tariff, ordered, until, Month.of(first))
    assert abs(owed - expected) < Decimal("1e-15")


@given(tariff=TARIFFS, begin_s=st.integers(0, 4 * 86_400), age_s=st.integers(1, 40 * 86_400))
def test_paid_time_costs_nothing_more_and_one_second_past_it_does(tariff: Tariff, begin_s: int, age_s: int) -> None:
    ordered = START + timedelta(seconds=begin_s)
    now = ordered + timedelta(seconds=age_s)
    left = timedelta(seconds=paid_left_s(tariff, ordered, now))
    paid = charge_usd(tariff, ordered, now)
    if tariff.billing is not Billing.SECOND:
        assert charge_usd(tariff, ordered, now + left) == paid
    assert charge_usd(tariff, ordered, now + left + timedelta(seconds=1)) > paid


def test_units_of_leases_without_a_cap_add_up() -> None:
    month = Month.of(NOON)
    units = [billed_units(HOUR, NOON, NOON + timedelta(minutes=minutes), month) for minutes in (30, 61)]
    assert units == [1, 2]
    assert units_usd(HOUR, sum(units), month) == Decimal("0.60")


def test_a_monthly_fee_is_shared_out_over_the_hours_of_its_month() -> None:
    assert (Month.of(NOON).first, Month.of(NOON).following) == month_span(NOON)
    assert hourly_usd(MONTH, Month.of(NOON).hours) == Decimal("0.1")  # 72 over 720 h of November
    assert hourly_usd(HOUR, 720) == Decimal("0.20")
