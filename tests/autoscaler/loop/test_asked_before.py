"""A provider is told whether an order may have been asked for before: some clouds know no idempotency keys."""

from dataclasses import dataclass, field

from autoscaler.providers.provider import Order, Temporary
from tests.autoscaler.loop.rig import Rig, Veiled


@dataclass
class Listening(Veiled):
    """Remembers the orders it gets, and answers none of the first two."""

    orders: list[Order] = field(default_factory=list)

    def launch(self, order):
        self.orders.append(order)
        if len(self.orders) <= 2:
            raise Temporary("timed out")
        return super().launch(order)


def test_an_order_says_when_it_was_last_asked_for():
    rig = Rig(wanted=1)
    listening = Listening(cloud=rig.cloud)
    rig.controller = rig.started(providers=[listening])
    rig.tick()
    first = rig.timeline.now
    rig.tick()
    second = rig.timeline.now
    rig.tick()
    assert [order.asked_at for order in listening.orders] == [None, first, second]
    assert len({order.key for order in listening.orders}) == 1


def test_after_a_restart_an_open_order_may_have_been_asked_for_until_then():
    rig = Rig(wanted=1)
    listening = Listening(cloud=rig.cloud)
    rig.controller = rig.started(providers=[listening])
    rig.tick()
    rig.controller = rig.started(providers=[listening])
    rig.tick()
    assert listening.orders[1].asked_at == rig.timeline.now
