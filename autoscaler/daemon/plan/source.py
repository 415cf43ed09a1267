"""Plan source: where a plan comes from, a file or the plans recorded in the database, and how a change is noticed."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
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

    def others(self) -> Iterable[Found]:
        """What else there was at the last call, the best first: for who starts and cannot use the first."""
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

    def others(self) -> Iterable[Found]:
        """None: a file is one plan."""
        return ()


Plans: TypeAlias = Callable[[datetime, datetime], Sequence[PlanRecord]]
"""Recorded plans whose horizon touches a span, the first saved first. Raises StoreError."""


class RecordedPlans:
    """The plans of `baseload plan --record`: the last saved of those that cover now, else the next, else the last."""

    def __init__(self, plans: Plans, *, name: str) -> None:
        self._plans = plans
        self._name = name
        self._looked_at: datetime | None = None
        self._batch: int | None = None
        self._others: Sequence[PlanRecord] = ()

    @property
    def name(self) -> str:
        """The database."""
        return f"plans recorded in {self._name}"

    def changed(self, now: datetime) -> Found | None:
        """The plan to go by at `now`, where it is another one. Raises InputError where there is none, StoreError."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOK_EVERY:
            return None
        ranked = ranked_at(now, self._plans(now - ALWAYS, now + ALWAYS))
        if not ranked:
            raise InputError(
                f"{self.name}: there is none; expected one of `baseload plan --record`, "
                "or a file named by [autoscale] plan"
            )
        self._looked_at = now
        chosen, *self._others = ranked
        if chosen.batch == self._batch:
            return None
        self._batch = chosen.batch
        return _found(chosen)

    def others(self) -> Iterable[Found]:
        """The plans that were not chosen."""
        return (_found(one) for one in self._others)


def _found(plan: PlanRecord) -> Found:
    digest = hashlib.sha256(plan.document.encode()).hexdigest()
    return Found(text=plan.document, sha256=digest, written_at=plan.saved_at)


def ranked_at(now: datetime, plans: Sequence[PlanRecord]) -> list[PlanRecord]:
    """The plans, the one to go by first; `plans`: the first saved first."""
    last_saved_first = plans[::-1]
    covering = [one for one in last_saved_first if one.start <= now < one.end]
    later = sorted((one for one in last_saved_first if one.start > now), key=lambda one: one.start)
    past = sorted((one for one in plans if one.end <= now), key=lambda one: (one.end, one.saved_at), reverse=True)
    return [*covering, *later, *past]
