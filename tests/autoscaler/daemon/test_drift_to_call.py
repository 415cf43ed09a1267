"""From a drift of demand to the provider's call: one interval at most, by the daemon's own pace."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autoscaler.providers.provider import Listing, Machine, Order
from tests.autoscaler.daemon.clocks import SetClock
from tests.autoscaler.daemon.rig import Rig, World

INTERVAL_S = 60.0
ONE_NODE_TOK_S, THREE_NODES_TOK_S = 37.5, 112.5
"""0.75 and 2.25 nodes busy at 50 output tok/s each: one node, and three, at a utilization of 0.75."""
ENDS_S = 600.0


@dataclass
class Heard:
    """A provider that notes when it is asked for a machine."""

    provider: Any
    clock: SetClock
    at_s: list[float]

    @property
    def name(self) -> str:
        return str(self.provider.name)

    def machines(self) -> Listing:
        return self.provider.machines()

    def launch(self, order: Order) -> Machine:
        self.at_s.append(self.clock.seconds)
        return self.provider.launch(order)

    def terminate(self, machine_id: str) -> None:
        self.provider.terminate(machine_id)


@dataclass
class LivedClock(SetClock):
    """Sleeping lets the world live, with its demand as it is by then."""

    rises_at_s: float = 0.0
    rig: list[Rig] = field(default_factory=list)

    def sleep_until(self, monotonic_s: float) -> None:
        super().sleep_until(monotonic_s)
        (rig,) = self.rig
        rig.world.live()
        rig.world.demand(THREE_NODES_TOK_S if self.seconds >= self.rises_at_s else ONE_NODE_TOK_S)
        if self.seconds >= ENDS_S:
            rig.daemon.stop()


@pytest.mark.parametrize("after_tick_s", [0.001, 1.0, 30.0, 59.9])
def test_a_rise_right_after_a_tick_is_ordered_by_the_next_one(tmp_path: Path, after_tick_s: float) -> None:
    clock = LivedClock(rises_at_s=4 * INTERVAL_S + after_tick_s)
    world = World(clock=clock)
    at_s: list[float] = []
    heard = tuple(Heard(provider=one, clock=clock, at_s=at_s) for one in world.clouds.values())
    rig = Rig(tmp_path, world, providers=heard)
    clock.rig.append(rig)
    world.demand(ONE_NODE_TOK_S)

    rig.daemon.run()

    assert at_s == [0.0, 300.0, 300.0]
    assert all(0 < one - clock.rises_at_s <= INTERVAL_S for one in at_s[1:])
