"""Crash: the loop dies between two of its steps, as a killed process does; for tests and replays. Pure.

Journal, providers and serving side are wrapped; every call that changes something counts twice, before its effect and
after it. The `Crash` that ends the loop is no `Exception`, so nothing in the loop catches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from autoscaler.fleet import Node
from autoscaler.journal import Ended, Entry, Found, Intent, Journal, Outcome
from autoscaler.providers.provider import Listing, Machine, Order, Provider
from autoscaler.serving.serving import Readings, Serving


class Crash(BaseException):
    """The loop was killed here."""


@dataclass(slots=True, kw_only=True)
class Fuse:
    """Counts steps, and crashes at one of them."""

    crash_at: int | None = None
    """Step at which it crashes, from 0; None: it only counts."""
    steps: int = 0

    def step(self) -> None:
        """One step more. Raises Crash."""
        at, self.steps = self.steps, self.steps + 1
        if at == self.crash_at:
            raise Crash(f"at step {at}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingJournal:
    """A journal whose writer may die before or after a line is written."""

    journal: Journal
    fuse: Fuse

    def lead(self, epoch: int) -> None:
        """As the journal."""
        self.journal.lead(epoch)

    def intend(self, intent: Intent) -> None:
        """Writes the intent down, if it lives to."""
        self.fuse.step()
        self.journal.intend(intent)
        self.fuse.step()

    def settle(self, outcome: Outcome, epoch: int) -> None:
        """Writes the outcome down, if it lives to."""
        self.fuse.step()
        self.journal.settle(outcome, epoch)
        self.fuse.step()

    def ended(self, end: Ended, epoch: int) -> None:
        """Writes the end down, if it lives to."""
        self.fuse.step()
        self.journal.ended(end, epoch)
        self.fuse.step()

    def found(self, base: Found, epoch: int) -> None:
        """Writes the base node down, if it lives to."""
        self.fuse.step()
        self.journal.found(base, epoch)
        self.fuse.step()

    def entries(self, since: datetime) -> tuple[Entry | Found, ...]:
        """As the journal."""
        return self.journal.entries(since)

    def charged_usd(self, month: datetime) -> Decimal:
        """As the journal."""
        return self.journal.charged_usd(month)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingProvider:
    """A provider whose caller may die before or after a call has its effect."""

    provider: Provider
    fuse: Fuse

    @property
    def name(self) -> str:
        """The provider's."""
        return self.provider.name

    def machines(self) -> Listing:
        """As the provider."""
        return self.provider.machines()

    def launch(self, order: Order) -> Machine:
        """The machine of the order, if the caller lives to see it."""
        self.fuse.step()
        machine = self.provider.launch(order)
        self.fuse.step()
        return machine

    def terminate(self, machine_id: str) -> None:
        """Asks for the machine's end, if the caller lives to."""
        self.fuse.step()
        self.provider.terminate(machine_id)
        self.fuse.step()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingServing:
    """A serving side whose caller may die before or after a call has its effect."""

    serving: Serving
    fuse: Fuse

    def read(self) -> Readings:
        """As the serving side."""
        return self.serving.read()

    def stop_routing(self, node_id: str) -> None:
        """Sends the node no new work, if the caller lives to."""
        self.fuse.step()
        self.serving.stop_routing(node_id)
        self.fuse.step()

    def resume_routing(self, node_id: str) -> None:
        """Sends the node work again, if the caller lives to."""
        self.fuse.step()
        self.serving.resume_routing(node_id)
        self.fuse.step()

    def follow(self, nodes: Sequence[Node]) -> None:
        """As the serving side."""
        self.serving.follow(nodes)
