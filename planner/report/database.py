"""What `baseload db` did and found, as text and as the JSON document `baseload.db/1`. Renders values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from planner.report.screen import Column, Screen, render, table, words

if TYPE_CHECKING:
    from planner.store.check import Health

DB_SCHEMA = "baseload.db/1"

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done to a ledger's database."""

    action: str
    """"upgrade", "backup" or "restore"."""
    address: str
    revision: str
    what: str
    """In words."""
    rows: Mapping[str, int] | None = None
    """By table."""
    sha256: str | None = None
    """Of the backup's lines."""
    file: str | None = None


def done_document(done: Done) -> Json:
    """The JSON document `baseload.db/1` of an action."""
    return {
        "schema": DB_SCHEMA,
        "action": done.action,
        "address": done.address,
        "revision": done.revision,
        "what": done.what,
        "rows": None if done.rows is None else dict(done.rows),
        "sha256": done.sha256,
        "file": done.file,
    }


def render_health(health: "Health", *, screen: Screen | None = None) -> str:
    """What was looked at, and what is newest."""
    checks = [(one.name, "ok" if one.is_ok else "WRONG", one.detail) for one in health.checks]
    rows = [(name.removeprefix("ledger_"), count) for name, count in health.rows.items()]
    return render(
        [
            f"{health.address} ({health.database})",
            "",
            table((words("check"), words("state"), words("found")), checks),
            "",
            table((words("table"), Column(title="rows")), rows),
            "",
            f"newest batch: {_shown(health.newest_batch_at)}; newest hour with usage: {_shown(health.newest_hour)}",
        ],
        screen or Screen(),
    )


def health_document(health: "Health") -> Json:
    """The JSON document `baseload.db/1` of a check."""
    return {
        "schema": DB_SCHEMA,
        "action": "check",
        "address": health.address,
        "database": health.database,
        "revision": health.revision,
        "is_ok": health.is_ok,
        "checks": [{"name": one.name, "is_ok": one.is_ok, "detail": one.detail} for one in health.checks],
        "rows": dict(health.rows),
        "newest_batch_at": _time(health.newest_batch_at),
        "newest_hour": _time(health.newest_hour),
    }


def _shown(moment: datetime | None) -> str:
    return "none" if moment is None else f"{moment:%Y-%m-%d %H:%MZ}"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
