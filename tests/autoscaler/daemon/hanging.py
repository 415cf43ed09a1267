"""Sides of the world that hang until they are let go, and a leader's office with one seat. No sleeps."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autoscaler.fleet import Node
from autoscaler.leadership import LeadershipError, Term
from autoscaler.providers.provider import Listing, Machine, MachineState, Order
from autoscaler.serving.serving import Readings
from tests.autoscaler.daemon.clocks import START


@dataclass
class Hanging:
    """A provider whose calls hang while `gate` is shut."""

    name: str = "aws"
    gate: threading.Event = field(default_factory=threading.Event)
    calls: list[str] = field(default_factory=list)
    error: Exception | None = None
    as_of: datetime = START
    running: int = 0
    most_running: int = 0

    def _call(self, what: str) -> None:
        self.calls.append(what)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.gate.wait()
        self.running -= 1
        if self.error is not None:
            raise self.error

    def machines(self) -> Listing:
        self._call("list")
        return Listing(provider=self.name, as_of=self.as_of, is_complete=True, machines=())

    def launch(self, order: Order) -> Machine:
        self._call(f"launch {order.key}")
        return Machine(
            id="i-1",
            node_id=order.node_id,
            fleet=order.fleet,
            pool=order.pool,
            state=MachineState.PENDING,
            created_at=START,
        )

    def terminate(self, machine_id: str) -> None:
        self._call(f"end {machine_id}")


@dataclass
class HangingServing:
    """The same of a serving side."""

    gate: threading.Event = field(default_factory=threading.Event)
    calls: list[str] = field(default_factory=list)
    error: Exception | None = None

    def _call(self, what: str) -> None:
        self.calls.append(what)
        self.gate.wait()
        if self.error is not None:
            raise self.error

    def read(self) -> Readings:
        self._call("read")
        return Readings(models={}, nodes={})

    def stop_routing(self, node_id: str) -> None:
        self._call(f"stop {node_id}")

    def resume_routing(self, node_id: str) -> None:
        self._call(f"resume {node_id}")

    def follow(self, nodes: Sequence[Node]) -> None:
        self._call("follow")


@dataclass
class Seat:
    """A leader's lease that lasts `lease_s`; `taken`: another daemon has it; `is_down`: nobody can tell."""

    lease_s: float = 60.0
    epoch: int = 1
    taken: bool = False
    is_down: bool = False
    asked: int = 0
    resigned: int = 0

    def lead(self, now: datetime) -> Term | None:
        self.asked += 1
        if self.is_down:
            raise LeadershipError("the database does not answer")
        if self.taken:
            return None
        return Term(epoch=self.epoch, ends_at=now + timedelta(seconds=self.lease_s))

    def resign(self) -> None:
        self.resigned += 1
