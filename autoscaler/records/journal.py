"""The journal in the database: each entry is one transaction, checked against the epoch that leads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from autoscaler.journal import MADE_NOTHING, Ended, Entry, Found, Intent, LostLeadership, Outcome
from autoscaler.records.rows import PriceOf, end_row, entry_of, found_row, intent_row, outcome_row
from planner.errors import StoreError
from planner.store import journal as store
from planner.store.kept import KeptConnection


class DatabaseJournal:
    """The journal of one fleet (autoscaler.journal.Journal)."""

    def __init__(self, kept: KeptConnection, fleet: str, *, price_of: PriceOf, said: Callable[[str], str]) -> None:
        """`said`: a text as it may be written."""
        self._kept = kept
        self._fleet = fleet
        self._price_of = price_of
        self._said = said
        self._charged: dict[datetime, tuple[int, Decimal]] = {}
        """Month -> number of the last end that is in the sum, and the sum."""

    def lead(self, epoch: int) -> None:
        """Writes down who leads from now on; nothing is written where it is known."""
        with self._reading() as connection:
            known = store.led_by(connection, self._fleet)
        if known != epoch:
            with self._writing() as connection:
                store.raise_epoch(connection, self._fleet, epoch)

    def intend(self, intent: Intent) -> None:
        """Writes the intent down, by its own epoch."""
        row = intent_row(intent, self._price_of, self._said)
        with self._writing() as connection:
            store.add_intent(connection, self._fleet, row)

    def settle(self, outcome: Outcome, epoch: int) -> None:
        """Writes down what came of an intent; a beginning that made nothing is past with it."""
        row = outcome_row(outcome, epoch, self._said)
        with self._writing() as connection:
            store.add_outcome(connection, self._fleet, row, made_nothing=outcome.result in MADE_NOTHING)

    def ended(self, end: Ended, epoch: int) -> None:
        """Writes down that a node is gone, with its charges."""
        row = end_row(end, epoch, self._price_of)
        with self._writing() as connection:
            store.add_end(connection, self._fleet, row, end.charges_usd)

    def found(self, base: Found, epoch: int) -> None:
        """Writes down that a base node is there."""
        row = found_row(base, epoch, self._price_of)
        with self._writing() as connection:
            store.add_found(connection, self._fleet, row)

    def entries(self, since: datetime) -> tuple[Entry | Found, ...]:
        """All about open nodes, and all others from `since` on, in the order they were written."""
        with self._reading() as connection:
            rows = store.entries(connection, self._fleet, since)
        return tuple(entry_of(kind, row) for kind, row in rows)

    def charged_usd(self, month: datetime) -> Decimal:
        """What ended leases were charged for the month; what was added up already is not read again."""
        last, total = self._charged.get(month, (0, Decimal(0)))
        with self._reading() as connection:
            charges = store.charges_of(connection, self._fleet, month, last)
        for number, usd in charges:
            last, total = number, total + usd
        self._charged[month] = (last, total)
        return total

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._kept.reading() as connection:
                yield connection
        except StoreError:
            self._charged.clear()  # the database may be another one from now on
            raise

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._kept.writing() as connection:
                yield connection
        except store.Fenced as error:
            raise LostLeadership(str(error)) from error
        except StoreError:
            self._charged.clear()
            raise
