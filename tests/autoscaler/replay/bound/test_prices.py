"""Prices that move and nodes that are taken back: no schedule from any second pays less than the bound."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.bound.buckets import Buckets
from autoscaler.replay.bound.case import BoundCase, billed_as, launch_usd
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from policies.billing import Billing, Tariff, charge_usd
from tests.autoscaler.replay.bound.worlds import START, Held, a_case, demands, paid_by_second, quick, served_at_once

STEP_S = 1200.0
prices = st.lists(st.sampled_from([0.1, 0.5, 1.0, 4.0]), min_size=8, max_size=8)
leads = st.sampled_from([0.0, 500.0, 1200.0, 3000.0])
held = st.lists(st.tuples(st.integers(0, 1), st.floats(-4000, 9000), st.floats(0, 9000), st.booleans()), max_size=6)


def spot(case: BoundCase, *taken_back_s: float) -> BoundCase:
    return replace(case, pools=(replace(case.pools[0], taken_back_s=taken_back_s),))


def test_the_hour_before_a_take_back_may_be_free() -> None:
    case = a_case([1] * 4, step_s=1800, lead_s=0, price=1.0)
    assert ClairvoyantBound(case).usd(0.0) == pytest.approx(7.0)
    assert ClairvoyantBound(spot(case, 7200.0)).usd(0.0) == pytest.approx(6.0)


def test_the_lead_of_a_free_node_is_free_and_shortens_the_time_it_serves() -> None:
    case = a_case([1] * 4, step_s=1800, lead_s=1800, price=1.0)
    assert ClairvoyantBound(case).usd(0.0) == pytest.approx(7.5)
    assert ClairvoyantBound(spot(case, 7200.0)).usd(0.0) == pytest.approx(7.0)


def test_a_launch_pays_the_prices_of_its_lead_even_where_that_is_part_of_a_step() -> None:
    def usd(lead_s: float) -> list[float]:
        case = a_case([1] * 4, step_s=3600, lead_s=lead_s, price=[1.0, 2.0, 4.0, 8.0])
        return launch_usd(case, case.pools[0]).tolist()

    assert usd(0) == pytest.approx([0, 0, 0, 0])
    assert usd(3600) == pytest.approx([1, 1, 2, 4])
    assert usd(1800) == pytest.approx([0.5, 0.5, 0.5, 1])  # the least in its step and the one before


def test_only_pools_by_the_second_have_a_free_hour() -> None:
    case = a_case([1], billing=Billing.STARTED_HOUR)
    with pytest.raises(ValueError, match="taken_back_s is for pools by the second"):
        spot(case, 60.0)


@quick(200)
@given(
    nodes=demands(8), price=prices, other=prices, leads=st.tuples(leads, leads), held=held, taken=st.floats(100, 9600)
)
def test_no_schedule_pays_less_at_moving_prices_with_take_backs(nodes, price, other, leads, held, taken) -> None:
    steps = len(nodes)
    one = spot(a_case(nodes, step_s=STEP_S, lead_s=leads[0], price=price[:steps]), taken)
    second = replace(
        one.pools[0],
        taken_back_s=(),
        price_usd_hour=np.array(other[:steps]),
        lead_s=leads[1],
        work=one.pools[0].work / 2,
    )
    two = replace(one, pools=(one.pools[0], second))
    for case in (one, two):
        leases = []
        for place, start, length, is_taken in held:
            end = taken if is_taken and start < taken else start + length
            leases.append((place % len(case.pools), Held(start, end)))
        bill = case.base_usd + sum(paid_by_second(case, place, lease) for place, lease in leases)
        ratio = served_at_once(case, leases)
        assert ClairvoyantBound(case).usd(ratio) <= bill + 1e-7
        assert case.base_usd + Buckets(case, 3).usd(max(ratio, 0.0) * float(case.tokens.sum())) <= bill + 1e-7


tariffs = st.sampled_from(
    [
        Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal(1), fee_usd_month=Decimal(20)),
        Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal(1), fee_usd_month=Decimal(600)),
        Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(300)),
        Tariff(billing=Billing.MONTH, fee_usd_month=Decimal(300)),
        Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal(1)),
        Tariff(billing=Billing.SECOND, price_usd_hour=Decimal(1)),
    ]
)


@quick(200)
@given(tariff=tariffs, hours=st.floats(1, 2000), start_h=st.floats(0, 1500), share=st.floats(0.001, 1.0))
def test_what_a_pool_is_billed_as_is_never_dearer_than_its_tariff(tariff, hours, start_h, share) -> None:
    billing, price = billed_as(tariff, hours)
    start = START + timedelta(hours=start_h)
    end = start + timedelta(hours=hours * share)
    held_h = (end - start).total_seconds() / 3600
    least = price * (held_h if billing is Billing.SECOND else np.ceil(round(held_h, 9)))
    assert least <= float(charge_usd(tariff, start, end)) + 1e-9
