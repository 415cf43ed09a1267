"""Violation: something that may never be so was so, with all that is needed to see it again. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened, as a line of the event list."""

    at_s: float
    what: str


class Violation(AssertionError):  # noqa: N818 - what happened
    """An invariant was broken: which, in which world, when, and what led there."""

    def __init__(
        self, *, invariant: str, what: str, world: str, seed: int, at_s: float, events: Iterable[Happening] = ()
    ) -> None:
        self.invariant = invariant
        """S1 to S10, or "pause"."""
        self.what = what
        self.world = world
        self.seed = seed
        self.at_s = at_s
        self.events = tuple(events)
        """The last that happened, oldest first."""
        super().__init__(f"{invariant}: {what} ({world}, seed {seed}, at {at_s:.0f} s)")

    def story(self) -> str:
        """The violation under the events that led to it, one a line."""
        lines = [f"{event.at_s:10.1f} s  {event.what}" for event in self.events]
        return "\n".join([*lines, f"{self.at_s:10.1f} s  {self}"])
