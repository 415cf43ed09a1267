"""Journal: what was intended before it was done, and what came of it. Pure: values, the protocol, and one in memory.

A launch is journaled before the provider is called, so that a crash at any point leaves either a machine with an intent
or an intent without a machine, never a machine nobody meant. The key of a call is made from the intent alone.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import Protocol, TypeAlias

from policies.billing import Tariff


class IntentKind(StrEnum):
    """What is to be done."""

    LAUNCH = "launch"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    TERMINATE = "terminate"
    ADOPT = "adopt"
    """A machine with our tag was found that nobody intended: it is watched from then on, and ended in time."""


BEGINS_A_NODE = frozenset({IntentKind.LAUNCH, IntentKind.ADOPT})
"""The first intent about a node."""


class Result(StrEnum):
    """What came of an intent."""

    DONE = "done"
    READY = "ready"
    """Of a launch that was done: its node serves."""
    UNREADY = "unready"
    """Of a launch whose node served: it says that it does not."""
    NO_CAPACITY = "no_capacity"
    """Refused for lack of stock or quota; nothing was made."""
    UNKNOWN = "unknown"
    """The call broke off: it may have happened. The intent stays open and is asked again with its key."""
    REFUSED = "refused"
    """Asking again changes nothing."""
    WITHDRAWN = "withdrawn"
    """Not asked for any more, and proven not to exist."""


MADE_NOTHING = frozenset({Result.NO_CAPACITY, Result.REFUSED, Result.WITHDRAWN})
"""A launch with one of these has no node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One thing to do, written down before it is done."""

    key: str
    """Unique; for a launch the provider's idempotency key."""
    kind: IntentKind
    at: datetime
    node_id: str
    pool: str
    model: str
    reason: str
    replaces: str | None = None
    """Of a launch: id of the node it is to replace (`Launch.replaces`, `Node.replaces`)."""
    provider: str = ""
    """Of a launch: who is asked, also after the pool has left the configuration."""
    tariff: Tariff | None = None
    """Of a launch: the price in force when it was ordered, by which it is charged. Of an adoption: its pool's then."""
    is_spot: bool = False
    """Of a launch: its pool sells what may be taken back."""
    epoch: int = 0
    """The leader's, checked where the intent is written (S6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one intent, as far as is known."""

    key: str
    at: datetime
    result: Result
    machine_id: str | None = None
    billed_from: datetime | None = None
    """Of a launch that was done: when its provider says that the machine was made."""
    failures: int = 0
    """Of a launch refused: how many in a row its pool has refused, this one included."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A node the provider confirmed to be gone, with what its lease was charged."""

    node_id: str
    pool: str
    model: str
    at: datetime
    """End of its lease."""
    was_taken_back: bool
    machine_id: str | None = None
    charges_usd: tuple[tuple[datetime, Decimal], ...] = ()
    """(first instant of a calendar month, USD) per month touched."""
    billed_from: datetime | None = None
    """Start of its lease; None: it had none."""
    tariff: Tariff | None = None
    """What it was charged by; None: its price was not known, or is not ours to know (base)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A base node of ours as a list first showed it: watched from then on, never ordered or ended."""

    node_id: str
    machine_id: str
    provider: str
    pool: str
    """Its offer."""
    model: str
    at: datetime
    ordered_at: datetime


Entry: TypeAlias = Intent | Outcome | Ended


class Journal(Protocol):
    """Where intents, outcomes and ends are kept; survives a restart of the loop.

    What is written carries the epoch of who writes. A lower epoch than one that has led raises LostLeadership, and
    nothing is written (S6). Where the journal cannot write, it raises StoreError: the entry may be written, or not.
    """

    def lead(self, epoch: int) -> None:
        """Writes down who leads from now on. Raises LostLeadership where a higher epoch leads already."""
        ...

    def intend(self, intent: Intent) -> None:
        """Writes the intent down, by its own epoch."""
        ...

    def settle(self, outcome: Outcome, epoch: int) -> None:
        """Writes down what came of an intent."""
        ...

    def ended(self, end: Ended, epoch: int) -> None:
        """Writes down that a node is gone: only then may it be forgotten."""
        ...

    def found(self, base: Found, epoch: int) -> None:
        """Writes down that a base node is there: it counts until it is gone, also while no list can be had."""
        ...

    def entries(self, since: datetime) -> tuple[Entry | Found, ...]:
        """In the order they were written: all about nodes not known to be gone, and all others from `since` on.

        Read once, when a loop starts; while it runs it knows what it has written.
        """
        ...

    def charged_usd(self, month: datetime) -> Decimal:
        """What ended leases were charged for the calendar month that begins at `month`."""
        ...


class LostLeadership(RuntimeError):  # noqa: N818 - what happened
    """Another daemon has a higher epoch; this one must stop acting."""


def _nothing(_: Entry) -> None:
    return


@dataclass(slots=True, kw_only=True)
class MemoryJournal:
    """A journal that lives as long as the object; what is past is dropped after `kept_for`, so it does not grow."""

    kept_for: timedelta = timedelta(days=1)
    """Longest that entries about nodes which are gone are kept."""
    epoch: int = 0
    on_entry: Callable[[Entry], None] = _nothing
    """Told each entry once it is written."""
    _written: int = 0
    _open: dict[str, list[tuple[int, Entry | Found]]] = field(default_factory=dict)
    """By node id, with the order of writing."""
    _intents: dict[str, Intent] = field(default_factory=dict)
    """By key, of those in `_open`."""
    _past: deque[tuple[int, Entry | Found]] = field(default_factory=deque)
    _charged: dict[datetime, Decimal] = field(default_factory=dict)

    def lead(self, epoch: int) -> None:
        """Lets intents of `epoch` and above be written from now on."""
        if epoch < self.epoch:
            raise LostLeadership(f"epoch {self.epoch} leads, this one is {epoch}")
        self.epoch = epoch

    def intend(self, intent: Intent) -> None:
        """Writes the intent down where its epoch leads."""
        if intent.key in self._intents and intent.epoch >= self.epoch:
            raise ValueError(f"intent {intent.key} is written already")
        self.lead(intent.epoch)
        self._intents[intent.key] = intent
        self._open.setdefault(intent.node_id, []).append(self._numbered(intent))
        self.on_entry(intent)

    def settle(self, outcome: Outcome, epoch: int) -> None:
        """Writes the outcome down; a launch that made nothing is past with it."""
        intent = self._intents.get(outcome.key)
        if intent is None and epoch >= self.epoch:
            raise ValueError(f"no intent {outcome.key} is open")
        self.lead(epoch)
        assert intent is not None  # what leads no more was refused
        self._open[intent.node_id].append(self._numbered(outcome))
        if outcome.result in MADE_NOTHING and intent.kind in BEGINS_A_NODE:
            self._close(intent.node_id, outcome.at)
        self.on_entry(outcome)

    def ended(self, end: Ended, epoch: int) -> None:
        """Writes the end down and adds its charges to their months."""
        self.lead(epoch)
        self._open.setdefault(end.node_id, []).append(self._numbered(end))
        for month, usd in end.charges_usd:
            self._charged[month] = self._charged.get(month, Decimal(0)) + usd
        self._close(end.node_id, end.at)
        self.on_entry(end)

    def found(self, base: Found, epoch: int) -> None:
        """Writes the base node down."""
        self.lead(epoch)
        self._open.setdefault(base.node_id, []).append(self._numbered(base))

    def entries(self, since: datetime) -> tuple[Entry | Found, ...]:
        """All about open nodes, and what is past from `since` on."""
        past = [numbered for numbered in self._past if numbered[1].at >= since]
        running = [numbered for entries in self._open.values() for numbered in entries]
        return tuple(entry for _, entry in sorted(past + running, key=itemgetter(0)))

    def charged_usd(self, month: datetime) -> Decimal:
        """What ended leases were charged for the month."""
        return self._charged.get(month, Decimal(0))

    def _numbered(self, entry: Entry | Found) -> tuple[int, Entry | Found]:
        self._written += 1
        return self._written, entry

    def _close(self, node_id: str, at: datetime) -> None:
        for numbered in self._open.pop(node_id):
            self._past.append(numbered)
            if isinstance(numbered[1], Intent):
                del self._intents[numbered[1].key]
        while self._past and self._past[0][1].at < at - self.kept_for:
            self._past.popleft()
