"""Journal: what was intended before it was done, and what came of it. Pure: values and the protocol.

A launch is journaled before the provider is called, so that a crash at any point leaves either a machine with an intent
or an intent without a machine, never a machine nobody meant. The key of a call is made from the intent alone.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class IntentKind(StrEnum):
    """What is to be done."""

    LAUNCH = "launch"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    TERMINATE = "terminate"


class Result(StrEnum):
    """What came of an intent."""

    DONE = "done"
    NO_CAPACITY = "no_capacity"
    """Refused for lack of stock or quota; nothing was made."""
    UNKNOWN = "unknown"
    """The call broke off: it may have happened. The intent stays open and is asked again with its key."""
    REFUSED = "refused"
    """Asking again changes nothing."""
    WITHDRAWN = "withdrawn"
    """Not asked for any more, and proven not to exist."""


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
    epoch: int = 0
    """The leader's, checked where the intent is written (S6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one intent, as far as is known."""

    key: str
    at: datetime
    result: Result
    machine_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A node the provider confirmed to be gone, with what its lease was charged by."""

    node_id: str
    at: datetime
    """End of its lease."""
    was_taken_back: bool


class Journal(Protocol):
    """Where intents, outcomes and ends are kept; survives a restart of the loop."""

    def intend(self, intent: Intent) -> None:
        """Writes the intent down. Raises LostLeadership where another daemon leads."""
        ...

    def settle(self, outcome: Outcome) -> None:
        """Writes down what came of an intent."""
        ...

    def ended(self, end: Ended) -> None:
        """Writes down that a node is gone: only then may it be forgotten."""
        ...

    def intents(self) -> tuple[Intent, ...]:
        """Those whose node is not known to be gone, oldest first."""
        ...

    def outcomes(self) -> tuple[Outcome, ...]:
        """Outcomes of `intents()`, oldest first."""
        ...


class LostLeadership(RuntimeError):  # noqa: N818 - what happened
    """Another daemon has a higher epoch; this one must stop acting."""
