"""A daemon over simulated clouds, with a clock that moves when it is told to."""

import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from autoscaler.daemon.daemon import Daemon
from autoscaler.daemon.plan.source import PlanFile
from autoscaler.daemon.plan.watch import PlanWatch
from autoscaler.daemon.setup import Setup
from autoscaler.daemon.status import Status
from autoscaler.daemon.telemetry.board import Board
from autoscaler.daemon.telemetry.log import logger_to
from autoscaler.daemon.telemetry.metrics import Metrics
from autoscaler.fleet import Controls
from autoscaler.journal import MemoryJournal
from autoscaler.loop import TickReport
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.serving.serving import ModelReading
from autoscaler.timeline import Timeline
from planner.fleet.daemon import AutoscaleSettings
from planner.plan import Plan
from planner.report.plan_json import plan_text
from policies.scaling import ScalingPolicy
from tests.autoscaler.daemon.clocks import START, SetClock
from tests.autoscaler.daemon.hanging import Seat
from tests.autoscaler.loop.rig import SetServing
from tests.planner.report.plans import POOL, SPOT, small_plan

LEAD_S = 60.0


def launchable(plan: Plan | None = None) -> Plan:
    """The small plan with lead times, so that its pools can be launched."""
    plan = plan or small_plan()
    offers = {
        key: replace(terms, lead_time_s={"m": LEAD_S}) if terms.role == "burst" else terms
        for key, terms in plan.offers.items()
    }
    return replace(plan, offers=offers)


@dataclass
class World:
    """Two clouds and a serving side over one timeline, which the daemon's clock moves."""

    clock: SetClock = field(default_factory=SetClock)
    seat: Seat = field(default_factory=Seat)
    journal: Any = field(default_factory=MemoryJournal)
    serving: SetServing = field(default_factory=SetServing)
    controls: Controls = field(default_factory=Controls)
    saved: list[Status] = field(default_factory=list)
    asked_tok_s: float | None = None

    def __post_init__(self) -> None:
        self.timeline = Timeline(start=START)
        plan = launchable()
        self.clouds = {
            name: SimulatedCloud(
                name=name,
                pools=[
                    SimulatedPool(
                        key=key,
                        provider=name,
                        is_spot=plan.offers[key].is_spot,
                        tariff=_tariff(plan, key),
                        lead_times_s=(LEAD_S,),
                    )
                ],
                timeline=self.timeline,
                rng=Random(0),
                fleet="blue",
                listed_gone_s=60.0,
            )
            for name, key in (("ovh", POOL), ("aws", SPOT))
        }
        for cloud in self.clouds.values():
            cloud.on_running, cloud.on_gone = self.serving.joined, self.serving.left

    def live(self) -> None:
        """Lets the clouds live to the clock's time."""
        while (following := self.timeline.next_at_s()) is not None and following <= self.clock.seconds:
            self.timeline.step()
        self.timeline.plan(self.clock.seconds, "now", lambda: None)
        self.timeline.step()

    def demand(self, output_tok_s: float | None) -> None:
        """What is asked from now on, measured anew at each turn; None: nothing is measured."""
        self.asked_tok_s = output_tok_s
        self.serving.models.clear()
        if output_tok_s is not None:
            self.serving.models["m"] = ModelReading(
                measured_at=self.clock.now(), input_tok_s=0.0, output_tok_s=output_tok_s
            )

    def held(self) -> int:
        """Machines that bill."""
        return sum(one.is_held for cloud in self.clouds.values() for one in cloud.truth)


def _tariff(plan: Plan, key: str):
    from autoscaler.plan_levels import tariff_of

    return tariff_of(plan, key)


class Rig:
    """A daemon of such a world."""

    def __init__(self, folder: Path, world: World | None = None, **other: Any) -> None:
        self.world = world or World()
        self.plan_path = folder / "plan.json"
        if not self.plan_path.exists():
            self.plan_path.write_text(plan_text(launchable()), encoding="utf-8")
        self.err = io.StringIO()
        clock = self.world.clock
        known: dict[str, Any] = {
            "settings": AutoscaleSettings(fleet="blue"),
            "policy": ScalingPolicy(hold_s=0.0, cooldown_s=0.0),
            "models": ("m",),
            "plan": PlanWatch(PlanFile(self.plan_path), models=["m"]),
            "providers": tuple(self.world.clouds.values()),
            "serving": self.world.serving,
            "journal": lambda: self.world.journal,
            "leadership": self.world.seat,
            "controls": lambda: self.world.controls,
            "save": self.world.saved.append,
            "holder": "pod-1",
            "version": "0.0",
        }
        self.setup = Setup(**{**known, **other})
        self.board = Board(started_s=clock.monotonic_s(), late_after_s=180.0)
        self.metrics = Metrics(self.board, clock.now)
        log = logger_to(self.err, clean=self.setup.clean, now=clock.now, form="json", least=10)
        self.daemon = Daemon(self.setup, clock=clock, board=self.board, metrics=self.metrics, log=log)

    def turn(self, seconds: float = 60.0) -> TickReport | None:
        """A turn so many seconds later."""
        self.world.clock.seconds += seconds
        self.world.live()
        self.world.demand(self.world.asked_tok_s)
        return self.daemon.turn()

    @property
    def status(self) -> Status:
        assert self.board.status is not None
        return self.board.status

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.err.getvalue().splitlines()]

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == event]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"baseload_{name}", labels)
