"""A launch at a cloud that knows no idempotency keys: what is there is returned, else it is asked for, once at a time.

The order of things, for instances and node pools alike: find the order's machine in the list; if it is not there, wait
until no list can lack it any more, leave a pool alone that came to nothing lately, and only then ask.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.providers.ovh.api import Errand, OvhApi, Refused
from autoscaler.providers.ovh.asked import Asked, Orders
from autoscaler.providers.ovh.sold_out import SoldOut
from autoscaler.providers.provider import Machine, Order, Temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """How one kind of machine is launched."""

    api: OvhApi
    orders: Orders
    sold_out: SoldOut
    rows: Callable[[Errand], list[Any]]
    """What the list shows. Raises Refused, as the two below."""
    find: Callable[[Errand, list[Any], Order], Machine | None]
    """The machine of the order in the list; None: it is not there."""
    make: Callable[[Errand, list[Any], Asked], Machine]
    """The machine, made now, by way of `ask`."""

    def launch(self, order: Order) -> Machine:
        """The order's machine: made now, or already there. Raises ProviderError."""
        asked = self.orders.take(order)
        errand = self.api.errand()
        try:
            rows = self.rows(errand)
            found = self.find(errand, rows, order)
            if found is not None:
                asked.machine, asked.without_answer_at = found, None
            elif asked.machine is None:
                self.orders.check_settled(asked)
                self.sold_out.check(order.pool)
                asked.machine = self.make(errand, rows, asked)
        except Refused as refused:
            error = refused.sorted_without_node()
        else:
            assert asked.machine is not None  # found, made before, or made now
            return asked.machine
        raise error

    def ask(
        self,
        errand: Errand,
        asked: Asked,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[Any], Machine],
        *,
        made_all_the_same: frozenset[int] = frozenset(),
    ) -> Machine:
        """The machine that `read` makes of the answer. Raises Refused, Temporary.

        Remembered as asked for until it is known what came of it. `made_all_the_same`: statuses of a refusal after
        which the machine may be there.
        """
        asked.without_answer_at = self.orders.clock()
        try:
            answer = errand.send("POST", path, body)
        except Refused as refused:
            if not refused.answer.may_have_happened and refused.answer.status not in made_all_the_same:
                asked.without_answer_at = None
            raise
        except Temporary:
            asked.without_answer_at = None  # no time was left to ask
            raise
        machine = read(answer)  # what cannot be read was made all the same
        asked.without_answer_at = None
        return machine
