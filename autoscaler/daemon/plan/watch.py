"""Plan watch: the plan in force, read again when its source changes; a bad one keeps the last good one and says why.

A source that changed without its content is no news. A plan that begins later waits for its first hour where the one in
force lasts until then.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from autoscaler.daemon.plan.parts import parts_of
from autoscaler.daemon.plan.source import PlanSource
from planner.errors import InputError, PlannerError
from planner.exchange.plan_file import read_plan
from planner.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInForce:
    """A plan that was taken in."""

    plan: Plan
    sha256: str
    """Of its text."""
    written_at: datetime
    """When it was written or recorded."""
    since: datetime
    """When it came into force."""


class PlanWatch:
    """One source of plans."""

    def __init__(self, source: PlanSource, *, models: Collection[str]) -> None:
        """`models`: those of the fleet, each of which a plan must know."""
        self._source = source
        self._models = tuple(models)
        self._waiting: PlanInForce | None = None
        self.in_force: PlanInForce | None = None
        self.problem = ""
        """Why what the source has now is not in force; empty: it is, or waits for its first hour."""

    def look(self, now: datetime) -> PlanInForce | None:
        """The plan in force at `now`; None: there never was a good one (`problem`)."""
        try:
            found = self._changed(now)
        except PlannerError as error:
            self.problem = str(error)
            found = None
        if found is not None:
            self._take(found, now)
        if self.in_force is None and self.problem:
            self.in_force = self._another(now)
        if self._waiting is not None and now >= self._waiting.plan.start:
            self.in_force, self._waiting = replace(self._waiting, since=now), None
        return self.in_force

    def _another(self, now: datetime) -> PlanInForce | None:
        """At the start, the best plan of the source that can be used, where the first cannot (`problem`)."""
        for found in self._source.others():
            try:
                plan = read_plan(found.text, source=self._source.name)
                self._check_usable(plan, now)
            except InputError:
                continue
            if not why_not(plan, None, models=self._models, now=now, source=self._source.name):
                return PlanInForce(plan=plan, sha256=found.sha256, written_at=found.written_at, since=now)
        return None

    @property
    def next_start(self) -> datetime | None:
        """First hour of a plan that waits; None: none does."""
        return None if self._waiting is None else self._waiting.plan.start

    def _changed(self, now: datetime) -> PlanInForce | None:
        """The plan of a source that changed; None: nothing new. Raises PlannerError."""
        found = self._source.changed(now)
        if found is None:
            return None
        for known in (self.in_force, self._waiting):
            if known is not None and found.sha256 == known.sha256:
                self.problem = ""
                return None
        plan = read_plan(found.text, source=self._source.name)
        self._check_usable(plan, now)
        return PlanInForce(plan=plan, sha256=found.sha256, written_at=found.written_at, since=now)

    def _check_usable(self, plan: Plan, now: datetime) -> None:
        """Raises InputError where a loop could not be made of the plan: found out now, not in every tick to come."""
        try:
            parts_of(plan, now=now, models=self._models, providers=(), quota={})
        except (LookupError, ValueError, ArithmeticError, TypeError, AssertionError) as error:
            what = f"{type(error).__name__}: {error}"
            raise InputError(
                f"{self._source.name}: no fleet can be kept by it ({what}); expected a whole plan"
            ) from None

    def _take(self, found: PlanInForce, now: datetime) -> None:
        """Takes the plan in, unless the one in force is better than it."""
        former = None if self.in_force is None else self.in_force.plan
        self.problem = why_not(found.plan, former, models=self._models, now=now, source=self._source.name)
        if self.problem:
            return
        self._waiting = None
        if former is not None and former.end > now and now < found.plan.start <= former.end:
            self._waiting = found
        else:
            self.in_force = found


def why_not(plan: Plan, former: Plan | None, *, models: Collection[str], now: datetime, source: str) -> str:
    """Why a readable plan is not to be taken, in a line; empty: it is.

    One that does not know a model of the fleet is never taken. One that is past, or has lost every burst offer, is
    taken where there is no other: its hours are laid over today's dates, and its age is told.
    """
    missing = [name for name in models if name not in plan.models]
    if missing:
        return f"{source}: does not plan {', '.join(missing)}; expected every model of the fleet"
    if former is None:
        return ""
    if plan.end <= now:
        return f"{source}: ended {plan.end:%Y-%m-%d %H:%M} UTC; the plan before it stays in force"
    if _burst(former) and not _burst(plan):
        return f"{source}: has no burst offer, the plan before it had {_burst(former)}; that one stays in force"
    return ""


def _burst(plan: Plan) -> int:
    return sum(terms.role == "burst" for terms in plan.offers.values())
