"""What was asked of a cloud that knows no idempotency keys: so that nothing is bought twice.

An order whose machine the list shows is not asked for again. Between a call that got no answer and the list there is a
gap: an order that may have been asked for, by this process or by one that ended, is asked for again only once a list
later than that by `SETTLING` does not show it. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from autoscaler.providers.provider import Machine, MachineState, Order, Permanent, Temporary

SETTLING = timedelta(seconds=300)
"""Longest that a machine just made is in no list, or one that ended is still shown as if it was not."""
KEPT_FOR = timedelta(hours=24)
"""How long an order is remembered after it was last asked for."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What is known of an order."""

    order: Order
    seen_at: datetime
    without_answer_at: datetime | None
    """It may have been asked for then, and nobody knows what came of it; None: it was not, or was refused."""
    machine: Machine | None = None


@dataclass(slots=True, kw_only=True)
class Orders:
    """The orders of a day."""

    clock: Callable[[], datetime]
    _asked: dict[str, Asked] = field(default_factory=dict)
    _ended: dict[str, datetime] = field(default_factory=dict)
    """Machines whose end was accepted, and when."""

    def take(self, order: Order) -> Asked:
        """What is known of the order. Raises Permanent where its key was another order's."""
        now = self.clock()
        for key in [key for key, asked in self._asked.items() if now - asked.seen_at > KEPT_FOR]:
            del self._asked[key]
        asked = self._asked.setdefault(order.key, Asked(order=order, seen_at=now, without_answer_at=order.asked_at))
        asked.seen_at = now
        if asked.order != order:
            raise Permanent(f"ovh: key {order.key} was that of {asked.order.node_id} in {asked.order.pool}")
        return asked

    def check_settled(self, asked: Asked) -> None:
        """Raises Temporary while a machine may have been made that no list shows yet."""
        if asked.without_answer_at is None:
            return
        age = self.clock() - asked.without_answer_at
        if age < SETTLING:
            raise Temporary(
                f"ovh: {asked.order.node_id} may have been made {age.total_seconds():.0f} s ago, and no list shows it"
                f" yet; it is asked for again after {SETTLING.total_seconds():.0f} s"
            )

    def end(self, machine_id: str) -> None:
        """Takes in that a machine's end was accepted."""
        self._ended.setdefault(machine_id, self.clock())
        for asked in self._asked.values():
            if asked.machine is not None and asked.machine.id == machine_id:
                asked.machine = replace(asked.machine, state=MachineState.STOPPING)

    def is_ended(self, machine_id: str) -> bool:
        """Whether its end was accepted, however long ago."""
        return machine_id in self._ended

    def is_ending(self, machine_id: str) -> bool:
        """Whether its end was accepted so lately that a list may not know."""
        at = self._ended.get(machine_id)
        return at is not None and self.clock() - at < SETTLING

    def forget_ended(self, listed: set[str]) -> None:
        """Forgets ends of machines that are in no list any more."""
        self._ended = {
            machine_id: at
            for machine_id, at in self._ended.items()
            if machine_id in listed or self.is_ending(machine_id)
        }
