"""The month made by hand holds together: what its text says is what its numbers are."""

from decimal import Decimal

from policies.billing import charge_usd
from tests.planner.month.months import (
    END,
    burst_leases,
    hindsight_plan,
    monitoring,
    next_plan,
    report_with_gaps,
    served,
    small_charges,
    small_plan,
    small_report,
)


def test_the_parts_of_the_bill_are_the_bill() -> None:
    report = small_report()
    leased = 72 + sum(charge_usd(one.price.tariff, one.start, one.end or END) for one in burst_leases())
    assert leased + monitoring().amount_usd == report.bill_usd
    assert sum(line.amount_usd for line in report.bill) == report.bill_usd == report.spend.cost_usd
    assert sum(one.allocated_usd for one in small_charges().charges) == report.bill_usd


def test_the_variance_is_the_difference() -> None:
    variance = small_report().variance
    assert variance is not None
    nodes = variance.volume_usd + variance.price_usd + variance.utilization_usd
    assert nodes == variance.nodes_actual_usd - variance.nodes_planned_usd
    assert nodes + variance.other_usd == variance.actual_usd - variance.planned_usd == Decimal(20)


def test_plans_cost_their_lines_and_use_their_hours() -> None:
    for plan, burst_hours in ((small_plan(), 100), (hindsight_plan(), 80), (next_plan(), 0)):
        assert plan.bill_usd == plan.cost.base_fees_usd + plan.cost.burst_usd
        assert sum(lease.charge_usd for lease in plan.leases) == plan.cost.burst_usd
        assert sum(sum(hour.burst.values()) for hour in plan.hours_detail) == burst_hours
        assert len(plan.hours_detail) == plan.hours


def test_tokens_are_those_of_the_text() -> None:
    usage = served()
    assert int(usage.input_tokens.sum()) == 2_000_000_000
    assert int(usage.output_tokens.sum()) == 200_000_000
    assert report_with_gaps().gap_hours == 24
