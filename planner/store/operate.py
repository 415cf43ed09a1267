"""What an operator asks of a running daemon, and what the daemon last said of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from planner.store import tables
from planner.store.journal import insert_once


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRecord:
    """What was asked, by whom, when and why. The last one holds."""

    at: datetime
    by: str
    why: str
    is_paused: bool
    is_scale_in_paused: bool
    min_nodes: Mapping[str, int] = field(default_factory=dict)
    """By model."""
    max_nodes: Mapping[str, int] = field(default_factory=dict)


def add_control(connection: Connection, fleet: str, record: ControlRecord) -> None:
    """Writes down what is asked from now on."""
    last = select(func.max(tables.control.c.number)).where(tables.control.c.fleet == fleet)
    row = {
        "fleet": fleet,
        "number": (connection.execute(last).scalar() or 0) + 1,
        "at": record.at,
        "by": record.by,
        "why": record.why,
        "is_paused": record.is_paused,
        "is_scale_in_paused": record.is_scale_in_paused,
        "min_nodes": _text(record.min_nodes),
        "max_nodes": _text(record.max_nodes),
    }
    connection.execute(insert(tables.control), row)


def controls(connection: Connection, fleet: str, limit: int) -> tuple[ControlRecord, ...]:
    """What was asked, the last first."""
    control = tables.control
    query = select(control).where(control.c.fleet == fleet).order_by(control.c.number.desc()).limit(limit)
    return tuple(
        ControlRecord(
            at=row.at,
            by=row.by,
            why=row.why,
            is_paused=row.is_paused,
            is_scale_in_paused=row.is_scale_in_paused,
            min_nodes=json.loads(row.min_nodes),
            max_nodes=json.loads(row.max_nodes),
        )
        for row in connection.execute(query)
    )


def save_status(connection: Connection, fleet: str, document: str, at: datetime) -> None:
    """Puts the document in place of the fleet's last one."""
    status = tables.status
    if not insert_once(connection, status, {"fleet": fleet, "at": at, "document": document}):
        changed = status.update().where(status.c.fleet == fleet)
        connection.execute(changed.values(at=at, document=document))


def saved_status(connection: Connection, fleet: str) -> tuple[str, datetime] | None:
    """The last document and when it was saved; None: there is none."""
    row = connection.execute(select(tables.status).where(tables.status.c.fleet == fleet)).first()
    return None if row is None else (row.document, row.at)


def _text(counts: Mapping[str, int]) -> str:
    return json.dumps(dict(sorted(counts.items())), ensure_ascii=False, separators=(",", ":"))
