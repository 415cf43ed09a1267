"""A provider is told whether an order may have been asked for before: some clouds know no idempotency keys."""

from dataclasses import dataclass, field

import pytest

from autoscaler.providers.provider import Order, Temporary
from autoscaler.replay.crash import Crash
from tests.autoscaler.loop.rig import Rig, Veiled, at


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


@dataclass
class Deadly(Veiled):
    """The loop dies in its first two calls, after they were made."""

    orders: list[Order] = field(default_factory=list)

    def launch(self, order):
        self.orders.append(order)
        if len(self.orders) <= 2:
            raise Crash
        return super().launch(order)


def test_a_call_that_left_no_record_before_a_second_crash_may_have_been_made_until_the_restart():
    """Asked for at 30 s, and again at 630 s by a loop that died before it could write so: the journal knows 30 s alone.

    By that time, or by that of the intent, a cloud without idempotency keys would be asked a third time at 660 s, when
    no list of it need show what was made 30 s before.
    """
    rig = Rig(wanted=1)
    deadly = Deadly(cloud=rig.cloud)
    for at_s in (30, 630):
        rig.controller = rig.started(providers=[deadly])
        rig.run_to(at_s)
        with pytest.raises(Crash):
            rig.controller.tick(rig.timeline.now)
    rig.controller = rig.started(providers=[deadly])
    rig.run_to(660)
    rig.controller.tick(rig.timeline.now)
    assert [order.asked_at for order in deadly.orders] == [None, at(630), at(660)]
