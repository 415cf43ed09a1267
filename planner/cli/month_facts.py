"""A month's facts from the ledger, with the fleet they are reckoned with: what every command about a month reads."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli.database import ledger_url

if TYPE_CHECKING:
    from planner.fleet import Fleet
    from planner.month.facts import MonthFacts
    from planner.month.gather import Setting


def month_facts(month: str, config: Path | None, *, as_of: datetime) -> "MonthFacts":
    """A calendar month (UTC) as the ledger holds it, without its plan; the fleet of `config`, else the packaged one."""
    from planner.case import load_fleet
    from planner.month.gather import gather
    from planner.store import open_ledger

    fleet, remarks = load_fleet(config)
    setting = setting_of(fleet)
    with open_ledger(ledger_url(config)) as held:
        facts = gather(held, month, setting, as_of=as_of, with_earlier=False, with_plan=False)
    return replace(facts, remarks=(*remarks, *facts.remarks))


def setting_of(fleet: "Fleet", *, as_of: date | None = None) -> "Setting":
    """What a month is reckoned with; `as_of` as in `load_catalog`."""
    from planner.case import fleet_and_catalog, load_profiles
    from planner.month.gather import Setting

    fleet, catalog = fleet_and_catalog(fleet, as_of=as_of)
    return Setting(fleet=fleet, catalog=catalog, profiles=load_profiles(fleet))


def check_tag(facts: "MonthFacts", by: str) -> None:
    """Raises InputError where usage bears tags, and none of it the one to charge by."""
    from planner.catalog.nearest import nearest
    from planner.errors import InputError

    known = {} if facts.served is None else {name for tags in facts.served.tags for name, _ in tags}
    if known and by not in known:
        near = nearest(by, known)
        meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(sorted(known))}"
        raise InputError(f"--by {by}: no usage of {facts.month} bears this tag; {meant}")
