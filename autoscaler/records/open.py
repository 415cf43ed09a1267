"""Records of one fleet, opened: one connection is kept, every call is a transaction, every failure a StoreError."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import URL, update

from autoscaler.fleet import Controls
from autoscaler.journal import Intent, Outcome
from autoscaler.records.journal import DatabaseJournal
from autoscaler.records.leadership import DatabaseLeadership
from autoscaler.records.rows import entry_of, outcome_of, storable
from autoscaler.records.served import ServedRecorder
from planner.ledger import PriceInForce
from planner.store import journal as store
from planner.store import open_ledger, operate, tables
from planner.store.address import read_url, shown_url
from planner.store.journal import INTENT
from planner.store.kept import KeptConnection
from planner.store.operate import ControlRecord

WAIT_S = 10.0
"""Longest that a statement takes or waits for another process; below the time a call to a provider has."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing the daemon intended, and the last that is known of it."""

    intent: Intent
    outcome: Outcome | None
    """None: nothing yet."""


class Records:
    """What the daemon of one fleet keeps in the database."""

    def __init__(self, kept: KeptConnection, fleet: str, *, journal: DatabaseJournal) -> None:
        self._kept = kept
        self.fleet = fleet
        self.journal = journal

    @property
    def address(self) -> str:
        """Where they are, for people; a password is not in it."""
        return shown_url(self._kept.url)

    def leadership(self, holder: str, *, lease_s: float, checks_clock: bool = True) -> DatabaseLeadership:
        """The lease of `holder`, a name no other daemon has at the same time (host, process, a random part).

        `checks_clock`: a daemon whose clock differs from PostgreSQL's by more than a quarter of the lease does not
        lead; False where the time is not the real one.
        """
        skew_s = lease_s / 4 if checks_clock else None
        return DatabaseLeadership(self._kept, self.fleet, holder, lease_s=lease_s, most_skew_s=skew_s)

    def epoch(self) -> int:
        """The highest epoch that has led; 0: none has."""
        with self._kept.reading() as connection:
            return store.led_by(connection, self.fleet) or 0

    def check_writable(self) -> None:
        """Raises StoreError where nothing can be written. Changes nothing."""
        leader = tables.leader
        with self._kept.writing() as connection:
            changes_nothing = update(leader).where(leader.c.fleet == self.fleet).values(holder=leader.c.holder)
            connection.execute(changes_nothing)

    def served_hours(self, *, longest_s: float) -> ServedRecorder:
        """What adds up tokens served. `longest_s`: a reading speaks of so much time before it; two intervals, say."""
        return ServedRecorder(self._kept, self.fleet, longest_s=longest_s)

    def controls(self) -> Controls:
        """What operators ask; without a word of any, nothing."""
        asked = self.control_history(1)
        if not asked:
            return Controls()
        last = asked[0]
        return Controls(
            is_paused=last.is_paused,
            is_scale_in_paused=last.is_scale_in_paused,
            min_nodes=last.min_nodes,
            max_nodes=last.max_nodes,
        )

    def set_controls(self, controls: Controls, *, at: datetime, by: str, why: str = "") -> None:
        """Writes down what is asked from now on, all of it. A daemon that runs takes it in at its next tick."""
        record = ControlRecord(
            at=at,
            by=storable(by),
            why=storable(why),
            is_paused=controls.is_paused,
            is_scale_in_paused=controls.is_scale_in_paused,
            min_nodes=controls.min_nodes,
            max_nodes=controls.max_nodes,
        )
        with self._kept.writing() as connection:
            operate.add_control(connection, self.fleet, record)

    def control_history(self, limit: int) -> tuple[ControlRecord, ...]:
        """What was asked, by whom, when and why, the last first."""
        with self._kept.reading() as connection:
            return operate.controls(connection, self.fleet, limit)

    def save_status(self, document: str, at: datetime) -> None:
        """Keeps the document in place of the one before."""
        with self._kept.writing() as connection:
            operate.save_status(connection, self.fleet, document, at)

    def status(self) -> tuple[str, datetime] | None:
        """The last document and when it was saved; None: there is none."""
        with self._kept.reading() as connection:
            return operate.saved_status(connection, self.fleet)

    def decisions(self, limit: int) -> tuple[Decision, ...]:
        """The last intents, newest first, with what came of each."""
        with self._kept.reading() as connection:
            rows = store.decisions(connection, self.fleet, limit)
        found = []
        for row, last in rows:
            intent = entry_of(INTENT, row)
            assert isinstance(intent, Intent)  # of an intent's row
            found.append(Decision(intent=intent, outcome=None if last is None else outcome_of(last)))
        return tuple(found)


@contextmanager
def open_records(
    url: URL | str,
    *,
    fleet: str,
    prices: Mapping[str, PriceInForce] = MappingProxyType({}),
    hide: Callable[[str], str] = _as_it_is,
    wait_s: float = WAIT_S,
) -> Iterator[Records]:
    """The records of a fleet. A database that is not there is made; an older one is an InputError, as is a newer one.

    `prices`: by pool and base offer, the price in force; a mapping that is kept and may change. A burst lease pays the
    tariff of its order, in the currency said here; a base node that is found is priced by it.
    `hide`: takes secrets out of a text before it is written. `wait_s`: longest that a statement waits or takes.
    """
    url = read_url(url, source="database") if isinstance(url, str) else url
    with open_ledger(url, create=True) as ledger:
        ledger.make()
    kept = KeptConnection(url, wait_s=wait_s)
    try:
        journal = DatabaseJournal(kept, fleet, price_of=prices.get, said=lambda text: storable(hide(text)))
        yield Records(kept, fleet, journal=journal)
    finally:
        kept.close()
