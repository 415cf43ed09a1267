"""Scaling policy: its rules, and sums that must agree with the billing rules they stand for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.billing import Billing, Tariff, charge_usd, charges_by_month, month_span
from policies.scaling import (
    Month,
    ScalingPolicy,
    backoff_s,
    billed_units,
    hourly_usd,
    is_above_band,
    is_below_band,
    is_enough,
    most_by_share,
    owed_in_month_usd,
    paid_left_s,
    units_usd,
    wanted_capacity,
)

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECOND = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36"))
HOUR = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.20"))
CAPPED = Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal("0.10"), fee_usd_month=Decimal(30))
PRORATED = Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(72))
MONTH = Tariff(billing=Billing.MONTH, fee_usd_month=Decimal(72))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"target_utilization": 0.5}, "expected 0 < low_utilization <= target_utilization"),
        ({"high_utilization": 1.1}, "high_utilization <= 1"),
        ({"low_utilization": 0}, "expected 0 < low_utilization"),
        ({"max_pool_share": 1.5}, r"max_pool_share must be in \[0, 1\], got 1.5"),
        ({"cooldown_s": -1}, "cooldown_s must be 0 or more, got -1"),
        ({"queue_clear_s": 0}, "queue_clear_s must be above 0, got 0"),
        ({"stale_after_s": float("nan")}, "stale_after_s must be above 0, got nan"),
        ({"max_launches_per_tick": 0}, "max_launches_per_tick must be 1 or more, got 0"),
        ({"max_nodes": -1}, "max_nodes must be 0 or more"),
        ({"max_usd_month": Decimal("NaN")}, "max_usd_month must be"),
        ({"max_usd_hour": Decimal("Infinity")}, "max_usd_hour must be"),
        ({"backoff_most_s": 30}, "backoff_most_s must be backoff_first_s or more, got 30"),
        ({"min_saving_ratio": 1}, r"min_saving_ratio must be in \[0, 1\), got 1"),
        ({"min_nodes": {"chat": -1}}, "min_nodes.chat must be 0 or more, got -1"),
    ],
)
def test_a_wrong_number_is_refused_with_its_rule(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ScalingPolicy(**changed)


def test_no_limit_and_a_limit_of_zero_are_told_apart() -> None:
    assert ScalingPolicy().max_nodes is None
    assert ScalingPolicy(max_nodes=0, max_usd_month=Decimal(0)).max_nodes == 0


def test_exactly_at_an_end_of_the_band_is_inside_it() -> None:
    policy = ScalingPolicy()
    assert not is_above_band(policy, 8.5, 10)
    assert is_above_band(policy, 8.501, 10)
    assert not is_below_band(policy, 6.0, 0, 10)
    assert is_below_band(policy, 5.999, 0, 10)


def test_the_base_is_filled_to_the_target_before_the_burst_counts_as_busy() -> None:
    # 30 base nodes carry 22.5 at 75 %: the three burst nodes beside them have nothing to do at 22, and 60 % at 24.3
    policy = ScalingPolicy()
    assert is_below_band(policy, 22, 30, 3)
    assert not is_below_band(policy, 24.3, 30, 3)


def test_capacity_wanted_is_work_over_the_target() -> None:
    assert wanted_capacity(ScalingPolicy(), 6) == 8
    assert wanted_capacity(ScalingPolicy(target_utilization=1.0, high_utilization=1.0), 6) == 6
    assert is_enough(0.1 + 0.2, 0.3)
    assert is_enough(0.3, 0.1 + 0.2)
    assert not is_enough(0.29, 0.3)


@pytest.mark.parametrize(
    ("share", "burst", "most"),
    [
        pytest.param(0.5, 1, 1, id="one node is always allowed"),
        pytest.param(0.5, 2, 2, id="and a second: 1 + 1"),
        pytest.param(0.5, 3, 2, id="floor(1.5) + 1"),
        pytest.param(0.7, 10, 8, id="7 + 1"),
        pytest.param(0.29, 100, 30, id="0.29 x 100 is 29, whatever a float says"),
        pytest.param(0.0, 100, 0, id="a share of 0: none"),
        pytest.param(1.0, 100, None, id="a share of 1: no limit"),
    ],
)
def test_a_share_in_whole_nodes(share: float, burst: int, most: int | None) -> None:
    assert most_by_share(share, burst) == most


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 60), (2, 120), (3, 240), (6, 1800), (5000, 1800)])
def test_each_refusal_doubles_the_back_off_up_to_the_most(failures: int, seconds: float) -> None:
    assert backoff_s(ScalingPolicy(), failures) == seconds


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
