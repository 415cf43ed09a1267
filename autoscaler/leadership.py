"""Leadership: of several daemons of one fleet one acts. Pure: values and the protocol.

A leader holds a lease that it renews; its epoch is a number that only ever rises. What it writes carries the epoch, and
is refused once a higher one has led (S6): a leader that was cut off can finish a call it began, and begin none.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from planner.errors import PlannerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The right to act until it ends or is renewed."""

    epoch: int
    """Higher than that of every leader before."""
    ends_at: datetime
    """Not to act from then on unless it was renewed."""


class Leadership(Protocol):
    """Where the lease of the leader is kept."""

    def lead(self, now: datetime) -> Term | None:
        """The term of this daemon, begun or renewed; None: another one leads. Raises LeadershipError."""
        ...

    def resign(self) -> None:
        """Gives the lease back, if it is held, so that another need not wait for its end. Raises LeadershipError."""
        ...


class LeadershipError(PlannerError):
    """Who leads cannot be found out: this daemon does not act until it can."""
