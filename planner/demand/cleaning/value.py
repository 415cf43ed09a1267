"""What cleaning found and did. Pure: values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from planner.demand.history import History


class Kind(StrEnum):
    """What can be wrong with a history."""

    GAPS = "gaps"
    """Zeros that are none: the collector was off."""
    OUTLIERS = "outliers"
    """Few hours far from what is usual in them."""
    SHIFTS = "shifts"
    """Days from which on demand is another."""


EVERY_KIND = frozenset(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found, and what was done about it."""

    kind: Kind
    model: str | None
    """None: all of them."""
    start: datetime
    """First hour, UTC; of a shift, the first of the new level."""
    end: datetime
    """The instant after the last; of a shift, the history's end."""
    hours: int
    """That are not used, or are rescaled."""
    ratio: float | None
    """Measured over usual; of a shift, the new level over the old. None: there is none."""
    words: str
    """The same for people, with what was done."""
    is_kept: bool = False
    """Said only; the hours are used as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A history to forecast from."""

    history: History
    findings: tuple[Finding, ...]
