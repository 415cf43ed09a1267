"""Truth: what is really so at one instant of a replay, for checks that judge a controller. Pure: values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from autoscaler.fleet import Action, FleetPlan, Snapshot
from autoscaler.journal import MemoryJournal
from autoscaler.loop import TickReport
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.replay.serving.simulated import SimulatedServing
from autoscaler.replay.world import World
from autoscaler.timeline import Timeline
from policies.scaling import ScalingPolicy


@dataclass(slots=True, kw_only=True)
class Truth:
    """The parts of a running replay: one object, the same all along, whose parts move."""

    world: World
    policy: ScalingPolicy
    plan: FleetPlan | None
    timeline: Timeline
    clouds: Mapping[str, SimulatedCloud]
    """By provider; the `truth` of each is what exists."""
    serving: SimulatedServing
    journal: MemoryJournal
    snapshot: Snapshot | None = None
    """What the controller saw at its last tick; None: before the first, or it crashed."""
    actions: tuple[Action, ...] = ()
    """What it asked for at its last tick."""
    report: TickReport | None = None
    """Of its last tick; None as above."""
    ticks: int = 0
    crashes: int = 0


class Checks(Protocol):
    """What judges a replay while it runs."""

    def after(self, event: str, truth: Truth) -> None:
        """Looks at the truth after one event, "tick" among them; raises where something may never be so."""
        ...
