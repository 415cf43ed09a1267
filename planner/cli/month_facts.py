"""A month's facts from the ledger, with the fleet they are reckoned with: what every command about a month reads."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli.database import ledger_url

if TYPE_CHECKING:
    from planner.month.facts import MonthFacts, PlanOfMonth
    from planner.store import Ledger


def month_facts(month: str, config: Path | None, *, as_of: datetime) -> "MonthFacts":
    """The facts of a calendar month (UTC) as the ledger holds them; the fleet is of `config`, else the packaged one."""
    from planner.case import load_catalog, load_fleet, load_profiles
    from planner.demand.horizon import month_span
    from planner.month.facts import MonthFacts
    from planner.store import open_ledger

    start, end = month_span(month)
    fleet, remarks = load_fleet(config)
    catalog, profiles = load_catalog(fleet), load_profiles(fleet)
    with open_ledger(ledger_url(config)) as held:
        served = held.served(start, end)
        planned, more = plan_of_month(held, month)
        return MonthFacts(
            month=month,
            as_of=as_of,
            leases=held.leases(start, end),
            others=held.other_costs(start, end),
            served=served if len(served.gaps) < served.hours else None,
            planned=planned,
            prices=held.prices(),
            fleet=fleet,
            catalog=catalog,
            profiles=profiles,
            remarks=(*remarks, *more),
        )


def plan_of_month(held: "Ledger", month: str) -> tuple["PlanOfMonth | None", tuple[str, ...]]:
    """The plan a month is held against, and remarks."""
    from planner.exchange.plan_file import read_plan
    from planner.month.facts import PlanOfMonth

    record, remarks = held.plan_of_month(month)
    if record is None:
        return None, remarks
    source = f"plan of batch {record.batch}, saved {record.saved_at:%Y-%m-%d}"
    plan = read_plan(record.document, source=source)
    return PlanOfMonth(
        plan=plan, saved_at=record.saved_at, source=source, forecast_source=record.forecast_source
    ), remarks
