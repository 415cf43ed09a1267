"""Plan watch: the plan in force, read again when its file changes; a bad one keeps the last good one and says why.

A change is told by the file's time and size, then by its content, so that a file touched or put back is no news. A plan
that begins later waits for its first hour where the one in force lasts until then.
"""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from planner.errors import InputError
from planner.exchange.plan_file import read_plan
from planner.files import read_bytes
from planner.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInForce:
    """A plan that was taken in."""

    plan: Plan
    sha256: str
    """Of its file."""
    written_at: datetime
    """The file's own time."""
    since: datetime
    """When it came into force."""


class PlanWatch:
    """One plan file."""

    def __init__(self, path: Path, *, models: Collection[str], read: Callable[[Path], bytes] = read_bytes) -> None:
        """`models`: those of the fleet, each of which a plan must know."""
        self._path = path
        self._models = tuple(models)
        self._read = read
        self._seen: tuple[int, int, int] | None = None
        self._waiting: PlanInForce | None = None
        self.in_force: PlanInForce | None = None
        self.problem = ""
        """Why the file as it is now is not in force; empty: it is, or waits for its first hour."""

    def look(self, now: datetime) -> PlanInForce | None:
        """The plan in force at `now`; None: there never was a good one (`problem`)."""
        try:
            found = self._changed(now)
        except InputError as error:
            self.problem = str(error)
            found = None
        if found is not None:
            self._take(found, now)
        if self._waiting is not None and now >= self._waiting.plan.start:
            self.in_force, self._waiting = self._since(self._waiting, now), None
        return self.in_force

    @property
    def next_start(self) -> datetime | None:
        """First hour of a plan that waits; None: none does."""
        return None if self._waiting is None else self._waiting.plan.start

    def _changed(self, now: datetime) -> PlanInForce | None:
        """The plan of a file that is not the one seen last; None: nothing new. Raises InputError."""
        try:
            status = self._path.stat()
        except OSError as error:
            self._seen = None
            raise InputError(
                f"{self._path}: {error.strerror}; expected the plan that `baseload plan -o` wrote"
            ) from None
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen == self._seen:
            return None
        data = self._read(self._path)
        self._seen = seen
        digest = hashlib.sha256(data).hexdigest()
        for known in (self.in_force, self._waiting):
            if known is not None and digest == known.sha256:
                self.problem = ""
                return None
        plan = read_plan(_text(data, self._path), source=str(self._path))
        written_at = datetime.fromtimestamp(status.st_mtime, UTC)
        return PlanInForce(plan=plan, sha256=digest, written_at=written_at, since=now)

    def _take(self, found: PlanInForce, now: datetime) -> None:
        """Takes the plan in, unless the one in force is better than it."""
        former = None if self.in_force is None else self.in_force.plan
        self.problem = why_not(found.plan, former, models=self._models, now=now, source=str(self._path))
        if self.problem:
            return
        self._waiting = None
        if former is not None and former.end > now and now < found.plan.start <= former.end:
            self._waiting = found
        else:
            self.in_force = found

    @staticmethod
    def _since(waiting: PlanInForce, now: datetime) -> PlanInForce:
        return PlanInForce(
            plan=waiting.plan, sha256=waiting.sha256, written_at=waiting.written_at, since=max(now, waiting.plan.start)
        )


def why_not(plan: Plan, former: Plan | None, *, models: Collection[str], now: datetime, source: str) -> str:
    """Why a readable plan is not to be taken, in a line; empty: it is.

    One that does not know a model of the fleet is never taken. One that is past, or has lost every burst offer, is
    taken where there is no other: its hours are laid over today's dates, and its age is told.
    """
    missing = [name for name in models if name not in plan.models]
    if missing:
        return f"{source}: does not plan {', '.join(missing)}; expected every model of the fleet"
    if former is None:
        return ""
    if plan.end <= now:
        return f"{source}: ended {plan.end:%Y-%m-%d %H:%M} UTC; the plan before it stays in force"
    if _burst(former) and not _burst(plan):
        return f"{source}: has no burst offer, the plan before it had {_burst(former)}; that one stays in force"
    return ""


def _burst(plan: Plan) -> int:
    return sum(terms.role == "burst" for terms in plan.offers.values())


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text in UTF-8; expected a plan.json") from None
