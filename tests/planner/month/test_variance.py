"""The parts of a variance sum to the difference, whatever the facts."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.month.facts import MonthFacts, PlanOfMonth, reckon
from planner.month.value import Variance
from planner.month.variance import variance
from policies.billing import Billing, Tariff
from tests.planner.month.months import (
    START,
    base_lease,
    base_price,
    burst_leases,
    monitoring,
    pool_price,
    served,
    small_catalog,
    small_facts,
    small_plan,
)

money = st.decimals(min_value="0.01", max_value="5000", places=4)


def of(facts: MonthFacts) -> Variance:
    found, why = variance(reckon(facts))
    assert found is not None, why
    return found


def planned_with(**changes: Any) -> PlanOfMonth:
    return PlanOfMonth(plan=replace(small_plan(), **changes), saved_at=None, source="plan.json")


@settings(max_examples=60)
@given(
    fee=money,
    hourly=money,
    other=money,
    factor=st.floats(0, 3),
    burst=st.integers(0, 20),
    days=st.integers(1, 31),
    gaps=st.frozensets(st.integers(0, 719), max_size=50),
)
def test_the_parts_sum_to_the_difference_to_the_last_digit(
    fee: Decimal, hourly: Decimal, other: Decimal, factor: float, burst: int, days: int, gaps: frozenset[int]
) -> None:
    usage = served(gaps)
    usage = replace(
        usage,
        input_tokens=(usage.input_tokens * factor).astype(np.int64),
        output_tokens=(usage.output_tokens * factor**2).astype(np.int64),
    )
    facts = small_facts(
        leases=(base_lease(price=base_price(str(fee))), *burst_leases(pool_price(str(hourly)))[:burst]),
        others=(monitoring(str(other)),),
        served=usage,
        as_of=START + timedelta(days=days),
    )
    if days * 24 - len([gap for gap in gaps if gap < days * 24]) == 0:
        return
    found = of(facts)
    nodes = found.volume_usd + found.price_usd + found.utilization_usd
    assert nodes == found.nodes_actual_usd - found.nodes_planned_usd
    assert nodes + found.other_usd == found.actual_usd - found.planned_usd
    bill = reckon(facts).bill
    assert abs(found.actual_usd - bill.bill_usd) < Decimal("0.000002")


def test_volume_is_planned_unit_cost_times_the_difference() -> None:
    """c_in 0.025 x 400 Mtok + c_out 0.25 x 40 Mtok; and with input alone doubled, 0.025 x 2400 + 10."""
    assert of(small_facts()).volume_usd == Decimal(10) + 10
    usage = served()
    doubled = replace(usage, input_tokens=usage.input_tokens * 2)
    assert of(small_facts(served=doubled)).volume_usd == Decimal(60) + 10


def test_a_dearer_base_fee_is_price_and_an_idle_server_utilization() -> None:
    dearer = of(small_facts(leases=(base_lease(price=base_price("80")), *burst_leases())))
    assert dearer.price_usd == Decimal("9.6")  # 8.00 of the fee, 80 x 0.02
    idle = of(small_facts(leases=(base_lease(), base_lease(id="base-2"), *burst_leases())))
    assert idle.price_usd == Decimal("1.6")
    assert idle.utilization_usd == Decimal("-21.6") + 72


def test_setup_egress_and_other_costs_are_no_nodes() -> None:
    cost = replace(small_plan().cost, setup_usd=Decimal(2), egress_usd=Decimal(3))
    planned = planned_with(cost=cost, bill_usd=Decimal(85))
    found = of(small_facts(leases=(base_lease(start=START), *burst_leases()), planned=planned))
    assert found.planned_usd == 85
    assert found.other_usd == 25 + 20 - 2 - 3
    assert found.nodes_planned_usd == 80
    assert any("spreads setup fees over 12 months" in remark for remark in found.remarks)


def test_a_cap_is_planned_at_its_planned_height() -> None:
    """A capped node held all month costs its cap: 40.00 against 30.00 planned."""
    capped = pool_price()
    tariff = Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal("0.10"), fee_usd_month=Decimal(40))
    lease = replace(burst_leases()[0], start=START, end=None, price=replace(capped, tariff=tariff))
    plan = small_plan()
    terms = replace(plan.offers[lease.offer], cap_usd_month=Decimal(30), rate_usd_hour=Decimal("0.10"))
    found = of(
        small_facts(leases=(base_lease(), lease), planned=planned_with(offers={**plan.offers, lease.offer: terms}))
    )
    assert found.price_usd == 10


def with_other_pool(day: date) -> MonthFacts:
    """Burst on a pool that was no option of the plan: 0.10 paid, 0.08 asked by the catalog of `day`."""
    other = "ovh/b3-128"
    price = replace(pool_price(), offer=other)
    catalog = small_catalog(hourly="0.08", day=day)
    pool = replace(catalog.offers[1], id=other)
    return small_facts(
        leases=(base_lease(), *(replace(one, offer=other, price=price) for one in burst_leases())),
        catalog=replace(catalog, offers=(catalog.offers[0], pool)),
    )


def test_an_offer_the_plan_could_not_use_is_held_against_the_catalog_of_its_time() -> None:
    old = of(with_other_pool(date(2026, 10, 12)))
    assert old.price_usd == Decimal("1.6")
    new = of(with_other_pool(date(2026, 11, 20)))
    assert new.price_usd == 0
    assert any("have no price effect" in remark for remark in new.remarks)


def test_a_plan_of_a_quarter_counts_a_third_of_its_fees() -> None:
    """The plan of 91 days: fees for three months; only November's are compared."""
    plan = small_plan()
    fees = replace(plan.offers["hetzner/ax102"], fee_usd_horizon=Decimal(216))
    planned = planned_with(
        start=START - timedelta(days=31),
        end=START + timedelta(days=61),
        hours=92 * 24,
        offers={**plan.offers, "hetzner/ax102": fees},
        cost=replace(plan.cost, base_fees_usd=Decimal(216)),
        hours_detail=(*[plan.hours_detail[12]] * 744, *plan.hours_detail, *[plan.hours_detail[12]] * 744),
    )
    found = of(small_facts(planned=planned))
    assert found.planned_usd == 80
    assert found.volume_usd == 20


def test_a_plan_that_covers_a_part_says_so() -> None:
    planned = planned_with(end=START + timedelta(days=10))
    found, why = variance(reckon(small_facts(planned=planned)))
    assert found is None
    assert "not all of the month" in why[0]


def test_two_models_are_each_at_their_own_unit_cost() -> None:
    """Model b was planned at half of the nodes' cost and not served: minus 40.00; a grew by a quarter: plus 10.00."""
    plan = small_plan()
    half = dict.fromkeys(("m", "b"), plan.models["m"])
    hours = tuple(
        replace(
            hour,
            by_model={
                name: replace(
                    hour.by_model["m"],
                    base={"hetzner/ax102": 1} if (index % 2 == 0) == (name == "m") else {},
                    burst=hour.by_model["m"].burst if name == "m" else {},
                )
                for name in ("m", "b")
            },
        )
        for index, hour in enumerate(plan.hours_detail)
    )
    leases = tuple(
        replace(lease, model="b", charge_usd=lease.charge_usd) if index % 2 else lease
        for index, lease in enumerate(plan.leases)
    )
    planned = planned_with(models=half, hours_detail=hours, leases=leases)
    found = of(small_facts(planned=planned))
    assert found.volume_usd == -40 + 10
    assert any("model by model" in remark for remark in found.remarks)
