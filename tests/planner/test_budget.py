"""A plan under a budget: the bill is within it, also where lead times and started hours cost more than the hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from planner.case import Case, load_case, load_fleet, solve_case
from planner.plan import Plan
from planner.whatif import Change, changed

HOURS = 48


@pytest.fixture(scope="module")
def spiky(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """1,100 tok/s every sixth hour, 66 between: every spike is a launch, and a launch costs as much as its hour."""
    rows = ["timestamp,input_tokens_per_s,output_tokens_per_s"]
    for hour in range(HOURS):
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour)
        tok_s = 1000 if hour % 6 == 0 else 60
        rows.append(f"{at.isoformat()},{tok_s},{tok_s / 10}")
    path: Path = tmp_path_factory.mktemp("spiky") / "spiky.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    fleet, _ = load_fleet(None)
    return changed(load_case(forecast=path, fleet=fleet), Change(only=("ovh",)))


def planned(case: Case, usd_month: int, *more: str) -> Plan:
    return solve_case(changed(case, Change(settings=(f"max_usd_month={usd_month}", *more)))).plan


def allowed(usd_month: int) -> Decimal:
    return Decimal(usd_month) * HOURS / 720  # November has 720 hours


def test_the_bill_is_within_the_budget_and_near_it_while_demand_is_unserved(spiky: Case) -> None:
    for usd_month in (100, 300, 900, 1500):
        plan = planned(spiky, usd_month)
        assert plan.unserved_ratio > 0
        assert allowed(usd_month) * Decimal("0.85") <= plan.bill_usd <= allowed(usd_month)


def test_a_larger_budget_never_serves_less(spiky: Case) -> None:
    unserved = [planned(spiky, usd_month).unserved_ratio for usd_month in (100, 300, 600, 900, 1500, 2000)]
    assert unserved == sorted(unserved, reverse=True)


def test_leads_that_dwarf_the_hours_do_not_break_the_budget(spiky: Case) -> None:
    plan = planned(spiky, 300, "unknown_lead_time_s=7200", "load_time_s=7200")
    assert plan.bill_usd <= allowed(300)
    assert plan.search == "limit"


def test_a_budget_that_is_not_reached_changes_nothing(spiky: Case) -> None:
    free = solve_case(spiky).plan
    plan = planned(spiky, 1_000_000)
    assert (plan.bill_usd, plan.search) == (free.bill_usd, free.search)
