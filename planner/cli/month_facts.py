"""A month's facts from the ledger, with the fleet they are reckoned with: what every command about a month reads."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli.database import ledger_url

if TYPE_CHECKING:
    from planner.month.facts import MonthFacts


def month_facts(month: str, config: Path | None, *, as_of: datetime) -> "MonthFacts":
    """A calendar month (UTC) as the ledger holds it, without its plan; the fleet of `config`, else the packaged one."""
    from planner.case import load_catalog, load_fleet, load_profiles, with_fees_in_force
    from planner.month.gather import Setting, gather
    from planner.store import open_ledger

    fleet, remarks = load_fleet(config)
    setting = Setting(fleet=with_fees_in_force(fleet), catalog=load_catalog(fleet), profiles=load_profiles(fleet))
    with open_ledger(ledger_url(config)) as held:
        facts = gather(held, month, setting, as_of=as_of, with_earlier=False, with_plan=False)
    return replace(facts, remarks=(*remarks, *facts.remarks))


def check_tag(facts: "MonthFacts", by: str) -> None:
    """Raises InputError where usage bears tags, and none of it the one to charge by."""
    from planner.catalog.nearest import nearest
    from planner.errors import InputError

    known = {} if facts.served is None else {name for tags in facts.served.tags for name, _ in tags}
    if known and by not in known:
        near = nearest(by, known)
        meant = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(sorted(known))}"
        raise InputError(f"--by {by}: no usage of {facts.month} bears this tag; {meant}")
