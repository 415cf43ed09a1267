"""Plan source: where a plan comes from, a file or the plans recorded in the database, and how a change is noticed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeAlias

from planner.errors import InputError
from planner.files import read_bytes
from planner.ledger import PlanRecord

ALWAYS = timedelta(days=400)
"""Recorded plans that end or begin within this time are looked at."""
LOOK_EVERY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The text of a plan, as it was found."""

    text: str
    sha256: str
    written_at: datetime


class PlanSource(Protocol):
    """Where the plan comes from."""

    @property
    def name(self) -> str:
        """What a message calls it."""
        ...

    def changed(self, now: datetime) -> Found | None:
        """The plan, where it may be another than at the last call; None: it is not. Raises PlannerError."""
        ...


class PlanFile:
    """A plan.json. A change is told by its time, size and number; what has none of these new is not read again."""

    def __init__(self, path: Path, read: Callable[[Path], bytes] = read_bytes) -> None:
        self._path = path
        self._read = read
        self._seen: tuple[int, int, int] | None = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def changed(self, now: datetime) -> Found | None:
        """The file's text, where the file changed. Raises InputError."""
        del now
        try:
            status = self._path.stat()
        except OSError as error:
            self._seen = None
            raise InputError(
                f"{self.name}: {error.strerror}; expected the plan that `baseload plan -o` wrote"
            ) from None
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen == self._seen:
            return None
        data = self._read(self._path)
        self._seen = seen
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{self.name}: is no text in UTF-8; expected a plan.json") from None
        written_at = datetime.fromtimestamp(status.st_mtime, UTC)
        return Found(text=text, sha256=hashlib.sha256(data).hexdigest(), written_at=written_at)


Plans: TypeAlias = Callable[[datetime, datetime], Sequence[PlanRecord]]
"""Recorded plans whose horizon touches a span, the first saved first. Raises StoreError."""


class RecordedPlans:
    """The plans of `baseload plan --record`: the last saved of those that cover now, else the next, else the last."""

    def __init__(self, plans: Plans, *, name: str) -> None:
        self._plans = plans
        self._name = name
        self._looked_at: datetime | None = None
        self._batch: int | None = None

    @property
    def name(self) -> str:
        """The database."""
        return f"plans recorded in {self._name}"

    def changed(self, now: datetime) -> Found | None:
        """The plan to go by at `now`, where it is another one. Raises InputError where there is none, StoreError."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOK_EVERY:
            return None
        chosen = chosen_at(now, self._plans(now - ALWAYS, now + ALWAYS))
        if chosen is None:
            raise InputError(
                f"{self.name}: there is none; expected one of `baseload plan --record`, "
                "or a file named by [autoscale] plan"
            )
        self._looked_at = now
        if chosen.batch == self._batch:
            return None
        self._batch = chosen.batch
        digest = hashlib.sha256(chosen.document.encode()).hexdigest()
        return Found(text=chosen.document, sha256=digest, written_at=chosen.saved_at)


def chosen_at(now: datetime, plans: Sequence[PlanRecord]) -> PlanRecord | None:
    """The plan to go by; `plans`: the first saved first."""
    covering = [one for one in plans if one.start <= now < one.end]
    if covering:
        return covering[-1]
    later = [one for one in plans if one.start > now]
    if later:
        first = min(one.start for one in later)
        return next(one for one in reversed(later) if one.start == first)
    return max(plans, key=lambda one: (one.end, one.saved_at), default=None)
