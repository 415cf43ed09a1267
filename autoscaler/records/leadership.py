"""Leadership by a row of the database: taken and renewed in one transaction, with an epoch that only ever rises."""

from datetime import datetime, timedelta

from autoscaler.leadership import LeadershipError, Term
from planner.errors import StoreError
from planner.store import leader
from planner.store.kept import KeptConnection


class DatabaseLeadership:
    """The lease of one daemon (autoscaler.leadership.Leadership)."""

    def __init__(
        self, kept: KeptConnection, fleet: str, holder: str, *, lease_s: float, most_skew_s: float | None
    ) -> None:
        self._kept = kept
        self._fleet = fleet
        self._holder = holder
        self._lease = timedelta(seconds=lease_s)
        self._most_skew = None if most_skew_s is None else timedelta(seconds=most_skew_s)
        self._epoch: int | None = None
        """What it led with last."""

    def lead(self, now: datetime) -> Term | None:
        """The term of this daemon, begun or renewed; None: another leads. Raises LeadershipError."""
        ends_at = now + self._lease
        try:
            with self._kept.writing() as connection:
                self._check_clock(leader.clock_of(connection), now)
                epoch = leader.take_or_renew(
                    connection, self._fleet, self._holder, self._epoch, now=now, ends_at=ends_at
                )
        except StoreError as error:
            raise LeadershipError(f"who leads is not known: {error}") from error
        self._epoch = epoch
        return None if epoch is None else Term(epoch=epoch, ends_at=ends_at)

    def resign(self) -> None:
        """Gives the lease back, if it is held. Raises LeadershipError."""
        if self._epoch is None:
            return
        try:
            with self._kept.writing() as connection:
                leader.give_back(connection, self._fleet, self._holder, self._epoch)
        except StoreError as error:
            raise LeadershipError(f"the lease was not given back, and ends by itself: {error}") from error
        self._epoch = None

    def _check_clock(self, database: datetime | None, now: datetime) -> None:
        if database is None or self._most_skew is None:
            return
        skew = now - database
        if abs(skew) > self._most_skew:
            side = "ahead of" if skew > timedelta(0) else "behind"
            raise LeadershipError(
                f"the clock is {abs(skew).total_seconds():.0f} s {side} the database's;"
                f" expected at most {self._most_skew.total_seconds():g} s: leases are compared between machines"
            )
