"""Dry run: the journal of a daemon that writes nothing, over the real one that it reads. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from autoscaler.journal import Ended, Entry, Found, Intent, Journal, Outcome
from autoscaler.leadership import Term


@dataclass(slots=True, kw_only=True)
class DryRunJournal:
    """What the real journal holds, and what this run would have written after it."""

    real: Journal
    written: list[Entry | Found] = field(default_factory=list)

    def lead(self, epoch: int) -> None:
        """Nothing: whoever looks on leads nobody."""
        del epoch

    def intend(self, intent: Intent) -> None:
        """Keeps the intent for this run."""
        self.written.append(intent)

    def settle(self, outcome: Outcome, epoch: int) -> None:
        """Keeps the outcome for this run."""
        del epoch
        self.written.append(outcome)

    def ended(self, end: Ended, epoch: int) -> None:
        """Keeps the end for this run."""
        del epoch
        self.written.append(end)

    def found(self, base: Found, epoch: int) -> None:
        """Keeps the base node for this run."""
        del epoch
        self.written.append(base)

    def entries(self, since: datetime) -> tuple[Entry | Found, ...]:
        """The real ones; what this run wrote is not true."""
        return self.real.entries(since)

    def charged_usd(self, month: datetime) -> Decimal:
        """As really charged, and by the ends this run found out."""
        own = (usd for end in self.written if isinstance(end, Ended) for at, usd in end.charges_usd if at == month)
        return self.real.charged_usd(month) + sum(own, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingOn:
    """The leadership of a dry run: it needs nobody's leave, and takes nobody's place."""

    term: Term

    def lead(self, now: datetime) -> Term:
        """A term without end."""
        del now
        return self.term

    def resign(self) -> None:
        """Nothing to give back."""
