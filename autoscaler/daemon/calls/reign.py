"""Reign: the term of this daemon, and the check before each act that it lasts long enough for it (S6).

A term ends by the wall's clock (others go by it) and by the monotonic one (a clock set back lengthens no term).
"""

from collections.abc import Callable
from datetime import datetime

from autoscaler.leadership import Leadership, Term
from planner.errors import PlannerError


class NotLeading(Exception):  # noqa: N818 - what is so
    """This daemon's term does not last for the act: nothing was done."""


class Reign:
    """The lease of this daemon, renewed as it is used."""

    def __init__(
        self, leadership: Leadership, *, now: Callable[[], datetime], monotonic_s: Callable[[], float], lease_s: float
    ) -> None:
        self._leadership = leadership
        self._now = now
        self._monotonic_s = monotonic_s
        self._lease_s = lease_s
        self._until_s = 0.0
        self.term: Term | None = None
        """None: another leads, or who leads is not known."""
        self.problem = ""
        """Why it is not known who leads; empty: it is known."""

    @property
    def renew_every_s(self) -> float:
        """How often a lease is renewed: three times before it ends."""
        return self._lease_s / 3

    def left_s(self) -> float:
        """For how long this daemon may act, by the more careful of the two clocks; 0: it may not."""
        if self.term is None:
            return 0.0
        by_wall_s = (self.term.ends_at - self._now()).total_seconds()
        return max(0.0, min(by_wall_s, self._until_s - self._monotonic_s()))

    def renew(self) -> Term | None:
        """The term, begun or renewed; None: another leads, or it is not known who does (`problem`)."""
        asked_s, now = self._monotonic_s(), self._now()
        try:
            term = self._leadership.lead(now)
        except Exception as error:  # noqa: BLE001 - whatever it is: who leads is not known, and nothing is done
            named = isinstance(error, PlannerError)
            self.problem = str(error) if named else f"{type(error).__name__}: {error}"
            if self.left_s() <= 0:
                self.term = None
            return self.term
        self.problem = ""
        self.term = term
        if term is not None:
            self._until_s = asked_s + (term.ends_at - now).total_seconds()
        return term

    def hold(self, epoch: int, needs_s: float) -> None:
        """Returns where `epoch` leads for `needs_s` yet, having renewed the term if need be. Raises NotLeading."""
        if self.left_s() < max(needs_s, self._lease_s - self.renew_every_s):
            self.renew()
        if self.term is None:
            why = self.problem or "another daemon leads"
            raise NotLeading(f"not done, this daemon does not lead any more: {why}")
        if self.term.epoch != epoch:
            raise NotLeading(f"not done, epoch {epoch} led and {self.term.epoch} leads now")
        if self.left_s() < needs_s:
            raise NotLeading(f"not done, the lease lasts {self.left_s():.0f} s yet and the call may take {needs_s:.0f}")

    def resign(self) -> None:
        """Gives the lease back. Raises LeadershipError."""
        if self.term is not None:
            self.term = None
            self._leadership.resign()
