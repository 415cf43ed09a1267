"""StormRun: a controller in a storm, with an operator, strangers' machines and a second leader, judged all along."""

from functools import partial

from autoscaler.decide import decide
from autoscaler.fleet import Controls
from autoscaler.journal import LostLeadership
from autoscaler.loop import Controller
from autoscaler.replay.invariants import Invariants, Violation
from autoscaler.replay.run import Engine
from autoscaler.replay.storms.storm import Storm, Stranger
from autoscaler.replay.world import Decider


class StormRun(Engine):
    """One storm, from its start to its end."""

    def __init__(self, storm: Storm, *, rival: Decider | None = None) -> None:
        """`rival`: who decides in place of our own `decide`, judged by what the loop answers for."""
        decider = rival or decide
        self.invariants = Invariants(is_ours=rival is None)
        super().__init__(
            storm.world,
            decider=self.invariants.recording(decider),
            policy=storm.policy,
            plan=storm.plan,
            checks=self.invariants,
        )
        self.storm = storm
        self._unrecorded = decider
        self._deposed: Controller | None = None
        self._successions = list(storm.successions)
        for stranger in storm.strangers:
            self.timeline.plan(stranger.at_s, f"a stranger in {stranger.pool}", partial(self._appear, stranger))

    def run(self) -> "StormRun":
        """Itself, at the storm's end. Raises Violation."""
        for tick in range(self.world.ticks):
            self.tick((tick + 1) * self.world.tick_s)
        self.finish()
        return self

    def tick(self, at_s: float) -> None:
        """One tick of whoever leads, under what the operator asks for, then of who does not know that it lost."""
        if self._successions and at_s >= self._successions[0]:
            self._successions.pop(0)
            self._deposed = self._controller
            self._deposed.decider = self._unrecorded
            self._epoch += 1
            self._controller = self._started()
        self._controller.controls = controls_at(self.storm, at_s)
        try:
            super().tick(at_s)
            if self._deposed is not None:
                self._deposed.tick(self.timeline.now)
        except LostLeadership:
            self._deposed = None
        except Violation:
            raise
        except Exception as error:
            what = f"the loop stopped: {type(error).__name__}: {error}"
            raise self.invariants.violation("S10", what) from error

    def _appear(self, stranger: Stranger) -> None:
        cloud = next(cloud for cloud in self.clouds.values() if stranger.pool in cloud.pools)
        number = len(cloud.truth) + 1
        cloud.add_foreign(pool=stranger.pool, fleet=stranger.fleet, node_id=f"stranger-{number}", model=stranger.model)


def controls_at(storm: Storm, at_s: float) -> Controls:
    """What the operator asks for at that second."""
    asked = Controls()
    for from_s, controls in storm.controls:
        if from_s <= at_s:
            asked = controls
    return asked
