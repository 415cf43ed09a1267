from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.billing import (
    Billing,
    Tariff,
    charge_usd,
    charges_by_month,
    horizon_fee_usd,
    month_span,
    months_in,
    started_hours,
)

ovh = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.40"))
hetzner_cloud = Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal("0.10"), fee_usd_month=Decimal("60"))
aws = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("3.60"))
spot = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("3.60"), is_spot=True)
dedicated = Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal("144"))
fixed = Tariff(billing=Billing.MONTH, fee_usd_month=Decimal("154"))
ALL = (ovh, hetzner_cloud, aws, spot, dedicated, fixed)

NOON = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
HALF_PAST = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)
LATE_NOVEMBER = datetime(2026, 11, 11, tzinfo=UTC)  # 20 days of November remain
MONTH_END = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("tariff", "start", "held", "usd"),
    [
        pytest.param(ovh, NOON, minutes(20), "0.40", id="20 minutes are one started hour"),
        pytest.param(ovh, NOON, minutes(60), "0.40", id="60 minutes are one started hour"),
        pytest.param(ovh, NOON, minutes(61), "0.80", id="61 minutes are two started hours"),
        pytest.param(ovh, HALF_PAST, minutes(60), "0.40", id="hours count from the lease's start, not from the clock"),
        pytest.param(ovh, MONTH_END, minutes(60), "0.40", id="a month boundary is nothing to a rule without a month"),
        pytest.param(ovh, LATE_NOVEMBER, timedelta(days=40), "384.00", id="40 days by the hour are 960 hours"),
        pytest.param(hetzner_cloud, NOON, minutes(20), "0.10", id="20 minutes of a capped offer"),
        pytest.param(hetzner_cloud, NOON, minutes(61), "0.20", id="61 minutes of a capped offer"),
        pytest.param(
            hetzner_cloud, LATE_NOVEMBER, timedelta(days=20), "48.00", id="480 hours stay below the cap of 600"
        ),
        pytest.param(
            hetzner_cloud, datetime(2026, 11, 1, tzinfo=UTC), timedelta(days=25), "60", id="600 hours are just the cap"
        ),
        pytest.param(
            hetzner_cloud, datetime(2026, 11, 1, tzinfo=UTC), timedelta(days=30), "60", id="monthly cap reached"
        ),
        pytest.param(
            hetzner_cloud,
            LATE_NOVEMBER,
            timedelta(days=40),
            "96.00",
            id="40 days across two months: 480 h in each, no cap reached though 960 h would",
        ),
        pytest.param(
            hetzner_cloud,
            datetime(2026, 11, 1, tzinfo=UTC),
            timedelta(days=61),
            "120",
            id="two whole months are two caps",
        ),
        pytest.param(
            hetzner_cloud, MONTH_END, minutes(60), "0.20", id="an hour across a month boundary is begun in each month"
        ),
        pytest.param(aws, NOON, minutes(20), "1.20", id="20 minutes by the second"),
        pytest.param(aws, NOON, minutes(61), "3.66", id="61 minutes by the second"),
        pytest.param(aws, NOON, timedelta(seconds=59), "0.06", id="59 s are charged as the minimum of 60 s"),
        pytest.param(aws, NOON, timedelta(seconds=60), "0.06", id="60 s are 60 s"),
        pytest.param(aws, NOON, timedelta(seconds=61), "0.061", id="61 s are 61 s"),
        pytest.param(aws, NOON, timedelta(seconds=60.5), "0.061", id="a begun second is a second"),
        pytest.param(dedicated, LATE_NOVEMBER, timedelta(days=20), "96", id="480 of November's 720 hours, prorated"),
        pytest.param(
            dedicated,
            LATE_NOVEMBER,
            timedelta(days=51),
            "240",
            id="prorated across two months: 2/3 of November and all of December",
        ),
        pytest.param(dedicated, NOON, minutes(20), "0.20", id="prorating is by started hours: 144 / 720"),
        pytest.param(fixed, NOON, minutes(20), "154", id="20 minutes of a fixed month are a month"),
        pytest.param(fixed, LATE_NOVEMBER, timedelta(days=20), "154", id="a lease ending at midnight of the 1st"),
        pytest.param(fixed, LATE_NOVEMBER, timedelta(days=40), "308", id="40 days across two months are two fees"),
        pytest.param(fixed, MONTH_END, timedelta(days=32), "462", id="touching three months is three fees"),
    ],
)
def test_charge_of_a_lease(tariff: Tariff, start: datetime, held: timedelta, usd: str) -> None:
    assert charge_usd(tariff, start, start + held) == Decimal(usd)


@pytest.mark.parametrize(
    ("tariff", "held", "usd"),
    [
        pytest.param(spot, minutes(20), "0", id="spot interrupted in its first hour is free"),
        pytest.param(spot, minutes(60) - timedelta(seconds=1), "0", id="also in the last second of that hour"),
        pytest.param(spot, minutes(60), "3.60", id="interrupted as the second hour begins: charged in full"),
        pytest.param(spot, minutes(90), "5.40", id="interrupted later: the seconds used"),
        pytest.param(aws, minutes(20), "1.20", id="on-demand that fails is charged"),
        pytest.param(ovh, minutes(20), "0.40", id="OVH has no such rule"),
    ],
)
def test_charge_of_an_interrupted_lease(tariff: Tariff, held: timedelta, usd: str) -> None:
    assert charge_usd(tariff, NOON, NOON + held, interrupted=True) == Decimal(usd)


def test_spot_ended_by_us_in_its_first_hour_is_charged() -> None:
    assert charge_usd(spot, NOON, NOON + minutes(20)) == Decimal("1.20")


NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tariff", "start", "held", "november", "december"),
    [
        pytest.param(ovh, MONTH_END, minutes(60), "0.40", "0", id="an hour belongs to the month it begins in"),
        pytest.param(ovh, MONTH_END, minutes(61), "0.40", "0.40", id="the second hour begins in December"),
        pytest.param(ovh, LATE_NOVEMBER, timedelta(days=40), "192.00", "192.00", id="480 hours in each"),
        pytest.param(hetzner_cloud, MONTH_END, minutes(60), "0.10", "0.10", id="a month is a bill of its own"),
        pytest.param(hetzner_cloud, NOVEMBER, timedelta(days=50), "60", "48.00", id="November is at its cap"),
        pytest.param(dedicated, LATE_NOVEMBER, timedelta(days=51), "96", "144", id="2/3 of November, all of December"),
        pytest.param(fixed, LATE_NOVEMBER, timedelta(days=40), "154", "154", id="a fee for each month touched"),
        pytest.param(aws, MONTH_END, minutes(45), "1.80", "0.90", id="30 minutes, then 15, by the second"),
        pytest.param(aws, DECEMBER - minutes(0.5), timedelta(seconds=40), "0.05", "0.01", id="the minimum in November"),
        pytest.param(aws, DECEMBER - timedelta(seconds=0.5), minutes(2), "0.001", "0.119", id="a begun second"),
        pytest.param(spot, MONTH_END, minutes(45), "1.80", "0.90", id="spot that we ended"),
    ],
)
def test_a_charge_falls_on_its_months(
    tariff: Tariff, start: datetime, held: timedelta, november: str, december: str
) -> None:
    charges = charges_by_month(tariff, start, start + held)
    assert charges == {NOVEMBER: Decimal(november), DECEMBER: Decimal(december)}


def test_a_charge_that_is_waived_is_waived_in_every_month() -> None:
    charges = charges_by_month(spot, MONTH_END, MONTH_END + minutes(45), interrupted=True)
    assert charges == {NOVEMBER: 0, DECEMBER: 0}


def test_a_lease_of_no_length_touches_no_month() -> None:
    assert charges_by_month(ovh, NOON, NOON) == {}


def test_the_month_of_a_moment_is_reckoned_in_utc() -> None:
    assert month_span(datetime(2026, 12, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))) == (NOVEMBER, DECEMBER)
    assert month_span(DECEMBER) == (DECEMBER, datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("end_hour", "hours"),
    [
        pytest.param(6, 7, id="clocks go back: six hours on the wall are seven"),
        pytest.param(2, 2, id="before the change"),
    ],
)
def test_a_dst_change_does_not_matter(end_hour: int, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 10, 25, 0, 0, tzinfo=berlin)
    end = datetime(2026, 10, 25, end_hour, 0, tzinfo=berlin)
    assert charge_usd(ovh, start, end) == hours * Decimal("0.40")
    assert charge_usd(ovh, start, end) == charge_usd(ovh, start.astimezone(UTC), end.astimezone(UTC))


def test_the_month_is_the_month_in_utc() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    start = datetime(2026, 12, 1, 1, 0, tzinfo=tokyo)  # 16:00 UTC on 30 November
    assert charge_usd(fixed, start, start + minutes(60)) == Decimal(154)
    assert charge_usd(fixed, start, start + timedelta(hours=9)) == Decimal(308)


@pytest.mark.parametrize("tariff", ALL)
def test_a_zero_length_span_costs_nothing(tariff: Tariff) -> None:
    assert charge_usd(tariff, NOON, NOON) == 0
    assert horizon_fee_usd(tariff, NOON, NOON) == 0


@pytest.mark.parametrize("tariff", ALL)
@pytest.mark.parametrize("charge", [charge_usd, horizon_fee_usd])
def test_a_span_that_is_no_span_is_refused(tariff: Tariff, charge: object) -> None:
    assert callable(charge)
    with pytest.raises(ValueError, match="end must not be before start"):
        charge(tariff, NOON, NOON - timedelta(seconds=1))
    with pytest.raises(ValueError, match="start must be an aware time"):
        charge(tariff, NOON.replace(tzinfo=None), NOON)
    with pytest.raises(ValueError, match="end must be an aware time"):
        charge(tariff, NOON, NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("billing", "price", "fee", "complaint"),
    [
        (Billing.STARTED_HOUR, None, "60", "price_usd_hour is missing"),
        (Billing.SECOND, None, "60", "price_usd_hour is missing"),
        (Billing.STARTED_HOUR_CAPPED, "0.1", None, "fee_usd_month is missing"),
        (Billing.MONTH, "0.1", None, "fee_usd_month is missing"),
        (Billing.MONTH_PRORATED, "0.1", None, "fee_usd_month is missing"),
        (Billing.SECOND, "0", None, "price_usd_hour must be above 0"),
        (Billing.SECOND, "NaN", None, "price_usd_hour must be above 0"),
        (Billing.MONTH, None, "-1", "fee_usd_month must be above 0"),
    ],
)
def test_a_tariff_has_the_prices_its_rule_needs(
    billing: Billing, price: str | None, fee: str | None, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Tariff(
            billing=billing,
            price_usd_hour=None if price is None else Decimal(price),
            fee_usd_month=None if fee is None else Decimal(fee),
        )


@pytest.mark.parametrize(
    ("start", "end", "fee"),
    [
        pytest.param("2026-12-01", "2027-01-01", "154", id="a whole month of 744 h is one fee"),
        pytest.param("2026-02-01", "2026-03-01", "154", id="a whole month of 672 h is the same fee"),
        pytest.param("2026-01-01", "2027-01-01", "1848", id="a year is twelve fees"),
        pytest.param("2026-11-01", "2026-11-16", "77", id="half of November's 30 days"),
        pytest.param("2026-11-16", "2027-01-01", "231", id="half of November and all of December"),
    ],
)
@pytest.mark.parametrize("billing", [Billing.MONTH, Billing.MONTH_PRORATED])
def test_fee_of_a_horizon_is_prorated_by_calendar_month(billing: Billing, start: str, end: str, fee: str) -> None:
    tariff = Tariff(billing=billing, fee_usd_month=Decimal(154))
    first, last = (datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (start, end))
    assert horizon_fee_usd(tariff, first, last) == Decimal(fee)


def test_fee_of_a_capped_node_over_a_horizon_is_its_cap() -> None:
    first, last = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert horizon_fee_usd(hetzner_cloud, first, last) == Decimal(60)


def test_fee_of_a_node_without_a_monthly_fee_is_its_charge_over_the_horizon() -> None:
    first, last = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert horizon_fee_usd(ovh, first, last) == 720 * Decimal("0.40")


def test_months_in_a_horizon_are_counted_by_their_own_length() -> None:
    start, end = datetime(2026, 1, 17, 12, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    assert months_in(start, end) == Decimal("14.5") / 31 + 1


def test_started_hours_at_the_edges() -> None:
    held = [timedelta(0), timedelta(microseconds=1), minutes(60), minutes(60) + timedelta(microseconds=1)]
    assert [started_hours(span) for span in held] == [0, 1, 1, 2]


starts = st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda after: datetime(2026, 1, 1, tzinfo=UTC) + after)
spans = st.timedeltas(timedelta(0), timedelta(days=100))


@given(tariff=st.sampled_from(ALL), start=starts, held=spans, more=spans)
def test_longer_never_costs_less(tariff: Tariff, start: datetime, held: timedelta, more: timedelta) -> None:
    shorter = charge_usd(tariff, start, start + held)
    assert charge_usd(tariff, start, start + held + more) >= shorter
    if tariff.fee_usd_month is not None:
        # Rounded in the last of 28 digits, where two sums of thirds may differ.
        assert horizon_fee_usd(tariff, start, start + held + more) >= horizon_fee_usd(
            tariff, start, start + held
        ) - Decimal("1e-20")


@given(start=starts, held=spans)
def test_capped_is_never_above_the_cap_per_month_touched(start: datetime, held: timedelta) -> None:
    months = charge_usd(fixed, start, start + held) / 154
    assert charge_usd(hetzner_cloud, start, start + held) <= 60 * months
    assert charge_usd(dedicated, start, start + held) <= 144 * months


@given(tariff=st.sampled_from(ALL), third=st.booleans(), start=starts, held=spans, interrupted=st.booleans())
def test_the_months_of_a_charge_sum_to_it(
    tariff: Tariff, third: bool, start: datetime, held: timedelta, interrupted: bool
) -> None:
    if third and tariff.price_usd_hour is not None:  # a converted price may have every digit there is
        tariff = replace(tariff, price_usd_hour=tariff.price_usd_hour / 3)
    charges = charges_by_month(tariff, start, start + held, interrupted=interrupted)
    assert sum(charges.values()) == charge_usd(tariff, start, start + held, interrupted=interrupted)
    assert all(usd >= 0 for usd in charges.values())


@given(start=starts, held=spans)
def test_rounding_up_adds_less_than_one_unit(start: datetime, held: timedelta) -> None:
    hours = Decimal(held // timedelta(microseconds=1)) / Decimal(3_600_000_000)
    assert 0 <= charge_usd(ovh, start, start + held) - Decimal("0.40") * hours < Decimal("0.40")
    if held >= timedelta(seconds=60):
        rounding = charge_usd(aws, start, start + held) - Decimal("3.60") * hours
        assert Decimal("-1e-20") < rounding < Decimal("0.001")  # the hours themselves are rounded to 28 digits


@given(start=starts, held=spans)
def test_cutting_a_horizon_in_two_leaves_its_fee(start: datetime, held: timedelta) -> None:
    middle, end = start + held // 2 // timedelta(seconds=1) * timedelta(seconds=1), start + held
    whole = horizon_fee_usd(fixed, start, end)
    parts = horizon_fee_usd(fixed, start, middle) + horizon_fee_usd(fixed, middle, end)
    assert abs(whole - parts) <= Decimal("0.001")  # spans are reckoned in whole seconds
