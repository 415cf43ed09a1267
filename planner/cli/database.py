"""Where a command finds the ledger, and what it notes of a file it takes facts from."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL

    from planner.ledger import Origin
    from planner.plan import Plan


def ledger_url(config: Path | None) -> "URL":
    """The ledger's database: BASELOAD_DATABASE_URL, else [database] of the fleet file, else the user's data folder."""
    from planner.case import database_of
    from planner.fleet import read_fleet_file
    from planner.store.address import VARIABLE, database_url

    if config is None or os.environ.get(VARIABLE, "").strip():
        return database_url(os.environ)
    return database_of(read_fleet_file(config))


def origin_of(source: str, text: str, tags: tuple[str, ...] = ()) -> "Origin":
    """The origin of facts read from a text, now."""
    import hashlib

    from planner.ledger import Origin

    return Origin(
        source=source, sha256=hashlib.sha256(text.encode()).hexdigest(), added_at=datetime.now(UTC), tags=tags
    )


def check_recordable(config: Path | None) -> None:
    """Raises an error where a plan could not be recorded, before any work is done for it."""
    from planner.store import open_ledger

    with open_ledger(ledger_url(config), create=True):
        pass


def record_plan(plan: "Plan", forecast: Path, config: Path | None) -> str:
    """Records a plan for its horizon, with the text of its forecast; says where."""
    from planner.files import read_text
    from planner.report.plan_json import plan_text
    from planner.store import open_ledger

    document = plan_text(plan)
    with open_ledger(ledger_url(config), create=True) as held:
        batch = held.add_plan(
            document,
            origin_of("plan", document),
            start=plan.start,
            end=plan.end,
            forecast=read_text(forecast),
            forecast_source=str(forecast),
        )
        return f"recorded in {held.address} as batch {batch.id}"
