"""Who leads a fleet: one row, taken and renewed by compare and set in one transaction. Its epoch only ever rises.

Times are the caller's. Where the database has a clock of its own (PostgreSQL), `clock_of` reads it, so that a caller
whose clock is off can be told so: leases are compared across machines.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, update

from planner.store import tables
from planner.store.journal import insert_once, raise_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The lease of a fleet's leader, as it is in the database."""

    epoch: int
    holder: str
    ends_at: datetime | None
    """None: it was given back, or leadership is kept elsewhere."""


def clock_of(connection: Connection) -> datetime | None:
    """The database's own time; None: it has none (a SQLite file is written by this machine)."""
    if connection.dialect.name == "sqlite":
        return None
    return connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]  # of func


def held(connection: Connection, fleet: str, *, for_update: bool = False) -> Held | None:
    """The lease; None: nobody has ever led."""
    leader = tables.leader
    query = select(leader).where(leader.c.fleet == fleet, leader.c.epoch > 0)
    row = connection.execute(query.with_for_update() if for_update else query).first()
    return None if row is None else Held(epoch=row.epoch, holder=row.holder, ends_at=row.ends_at)


def take_or_renew(
    connection: Connection, fleet: str, holder: str, epoch: int | None, *, now: datetime, ends_at: datetime
) -> int | None:
    """The epoch of `holder` from now on; None: another leads. `epoch`: what it led with so far.

    It renews what it has; it takes what was given back, has ended by `now`, or is nobody's, with the next epoch.
    """
    first = {"fleet": fleet, "epoch": 0, "holder": "", "ends_at": None, "written": 0}
    insert_once(connection, tables.leader, first)
    query = select(tables.leader).where(tables.leader.c.fleet == fleet).with_for_update()
    row = connection.execute(query).one()
    is_mine = epoch is not None and row.epoch == epoch and row.holder == holder
    if not is_mine:
        if row.ends_at is not None and now < row.ends_at:
            return None
        epoch = row.epoch + 1
        raise_epoch(connection, fleet, epoch, holder=holder, at=now)
    changed = update(tables.leader).where(tables.leader.c.fleet == fleet)
    connection.execute(changed.values(ends_at=ends_at))
    return epoch


def give_back(connection: Connection, fleet: str, holder: str, epoch: int) -> None:
    """Ends the lease where it is still the holder's."""
    leader = tables.leader
    mine = (leader.c.fleet == fleet, leader.c.holder == holder, leader.c.epoch == epoch)
    connection.execute(update(leader).where(*mine).values(ends_at=None))
