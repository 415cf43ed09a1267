from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.providers.simulated.lease import lease_usd, tariff_at
from policies.billing import Billing, charge_usd
from tests.autoscaler.providers.simulated.clouds import START, a_pool, a_tariff

RISES = ((1000.0, Decimal("0.36")), (2000.0, Decimal("0.72")))


def test_a_price_that_moves_while_a_node_runs_is_integrated_by_the_second():
    pool = a_pool(tariff=a_tariff("0.18"), prices_usd_hour=RISES)
    # 500 s at 0.18, 1,000 s at 0.36 and 500 s at 0.72 USD an hour
    assert lease_usd(pool, START, 500, 2500) == (500 * Decimal("0.18") + 1000 * Decimal("0.36") + 360) / 3600


def test_the_minimum_of_60_seconds_is_charged_at_the_prices_of_those_seconds():
    pool = a_pool(tariff=a_tariff("0.18"), prices_usd_hour=RISES)
    assert lease_usd(pool, START, 970, 980) == (30 * Decimal("0.18") + 30 * Decimal("0.36")) / 3600


def test_a_started_hour_costs_what_its_beginning_costs():
    pool = a_pool(tariff=a_tariff("0.18", billing=Billing.STARTED_HOUR), prices_usd_hour=RISES)
    assert lease_usd(pool, START, 500, 500 + 3601) == Decimal("0.18") + Decimal("0.72")


def test_under_a_monthly_cap_the_price_of_the_order_holds():
    capped = a_tariff("0.18", billing=Billing.STARTED_HOUR_CAPPED, fee_usd_month=Decimal(9))
    pool = a_pool(tariff=capped, prices_usd_hour=RISES)
    assert lease_usd(pool, START, 999, 999 + 7200) == 2 * Decimal("0.18")
    assert lease_usd(pool, START, 1000, 1000 + 7200) == 2 * Decimal("0.36")


def test_the_tariff_in_force_changes_at_the_instant_of_the_step():
    pool = a_pool(tariff=a_tariff("0.18"), prices_usd_hour=RISES)
    assert [tariff_at(pool, at_s).price_usd_hour for at_s in (0, 999.9, 1000, 2000)] == [
        Decimal("0.18"),
        Decimal("0.18"),
        Decimal("0.36"),
        Decimal("0.72"),
    ]


seconds = st.integers(0, 400_000).map(lambda quarter: quarter / 4)


@given(start_s=seconds, held_s=seconds, billing=st.sampled_from([Billing.SECOND, Billing.STARTED_HOUR]))
def test_a_price_that_stays_is_charged_as_the_ledger_charges_it(start_s, held_s, billing):
    tariff = a_tariff("0.1234567", billing=billing)
    price = Decimal("0.1234567")
    pool = a_pool(tariff=tariff, prices_usd_hour=tuple((at_s, price) for at_s in (0.0, 700.5, 40_000.0)))
    start, end = START + timedelta(seconds=start_s), START + timedelta(seconds=start_s + held_s)
    assert lease_usd(pool, START, start_s, start_s + held_s) == charge_usd(tariff, start, end)


@given(start_s=seconds, first_s=st.integers(60, 9000), second_s=st.integers(60, 9000))
def test_two_leases_end_to_end_cost_what_one_does_by_the_second(start_s, first_s, second_s):
    pool = a_pool(tariff=a_tariff("0.18"), prices_usd_hour=RISES)
    middle_s, end_s = start_s + first_s, start_s + first_s + second_s
    parts = lease_usd(pool, START, start_s, middle_s) + lease_usd(pool, START, middle_s, end_s)
    assert float(parts) == pytest.approx(float(lease_usd(pool, START, start_s, end_s)), abs=1e-12)


def test_spot_taken_back_in_its_first_hour_is_free_whatever_its_price_did():
    spot = a_pool(tariff=a_tariff("0.18", is_spot=True), prices_usd_hour=RISES)
    assert lease_usd(spot, START, 500, 4099, interrupted=True) == 0
    assert lease_usd(spot, START, 500, 4100, interrupted=True) > 0
    assert lease_usd(spot, START, 500, 4099) > 0
