"""A month's facts from a ledger of the test's own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from planner.errors import InputError
from planner.ledger import Lease, Origin
from planner.month.facts import MonthFacts
from planner.month.gather import Setting, gather
from planner.report.plan_json import plan_text
from planner.store import Ledger, open_ledger
from tests.planner.month.months import (
    END,
    POOL,
    START,
    base_lease,
    burst_leases,
    monitoring,
    pool_price,
    served,
    small_catalog,
    small_fleet,
    small_plan,
    small_profile,
)

NOW = datetime(2026, 12, 2, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path):
    """November's facts; a base server since March; one burst node of October; usage of October, a tenth."""
    october = Lease(
        id="october",
        offer=POOL,
        provider="ovh",
        start=START - timedelta(days=3),
        end=START - timedelta(days=2),
        model="m",
        price=pool_price("0.09"),
    )
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as held:
        held.add_leases((base_lease(), *burst_leases(), october), origin("leases"))
        held.add_other_costs((monitoring(),), origin("costs"))
        held.add_served(served(frozenset({7})), origin("usage"))
        tenth = replace(served(hours=72), start=START - timedelta(days=31))
        held.add_served(tenth, origin("october"))
        held.add_plan(plan_text(small_plan()), origin("plan"), start=START, end=END, forecast_source="forecast.csv")
        yield held


def origin(source: str) -> Origin:
    return Origin(source=source, sha256=source, added_at=START - timedelta(days=1))


def facts(ledger: Ledger, month: str, as_of: datetime = NOW) -> MonthFacts:
    setting = Setting(fleet=small_fleet(), catalog=small_catalog(), profiles={"by-hand": small_profile()})
    return gather(ledger, month, setting, as_of=as_of)


def test_a_month_has_its_leases_usage_costs_and_plan(ledger: Ledger) -> None:
    found = facts(ledger, "2026-11")
    assert {lease.id for lease in found.leases} == {"base-1", *(f"burst-{day}" for day in range(1, 21))}
    assert found.served is not None
    assert found.served.gaps == {7}
    assert [cost.id for cost in found.others] == ["grafana-11"]
    assert found.planned is not None
    assert found.planned.plan.bill_usd == 80
    assert found.planned.forecast_source == "forecast.csv"


def test_the_months_before_are_known_by_what_ran_in_them(ledger: Ledger) -> None:
    found = facts(ledger, "2026-11")
    assert [one.month for one in found.earlier] == [f"2026-{month:02d}" for month in range(3, 11)]
    assert [one.bill_usd for one in found.earlier[:2]] == [72 + 25, 72]  # March has the setup fee
    october = found.earlier[-1]
    assert float(october.bill_usd) == pytest.approx(72 + 24 * 0.09)
    assert october.tokens == int(served(hours=72).input_tokens.sum() + served(hours=72).output_tokens.sum())
    assert found.earlier[0].tokens is None
    assert {lease.id for lease in found.previous_leases} == {"base-1", "october"}


def test_a_month_in_which_a_server_merely_ran_can_be_reported(ledger: Ledger) -> None:
    found = facts(ledger, "2026-06")
    assert [lease.id for lease in found.leases] == ["base-1"]
    assert found.served is None
    assert found.planned is None


def test_months_of_nothing_and_of_the_future_are_errors(ledger: Ledger) -> None:
    with pytest.raises(InputError, match=r"month 2025-01: .*ledger.sqlite holds no lease, usage or cost of it; it has"):
        facts(ledger, "2025-01")
    with pytest.raises(InputError, match="month 2027-01: has not begun; expected a month up to 2026-12"):
        facts(ledger, "2027-01")


def test_an_empty_ledger_says_how_facts_come_in(ledger: Ledger) -> None:
    for batch in ledger.batches():
        ledger.retract(batch.id, why="a rehearsal", at=NOW)
    with pytest.raises(InputError, match="it is empty; expected facts, as `baseload ledger import` adds them"):
        facts(ledger, "2026-11")
