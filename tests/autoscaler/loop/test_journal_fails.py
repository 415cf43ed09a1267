"""The journal that cannot write: nothing is done unwritten, and later nothing is lost or bought twice."""

from dataclasses import dataclass

import pytest

from autoscaler.journal import Intent, IntentKind
from autoscaler.replay.crash import CrashingJournal, Fuse
from planner.errors import StoreError
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import Rig, a_pool, at
from tests.autoscaler.loop.test_crash import a_day_of

POLICY = ScalingPolicy(launch_timeout_s=600, orphan_after_s=900)


@dataclass(slots=True, kw_only=True)
class Outage(Fuse):
    """A database that fails from one step on, for so many steps."""

    lasts: int = 1

    def step(self) -> None:
        number, self.steps = self.steps, self.steps + 1
        if self.crash_at is not None and self.crash_at <= number < self.crash_at + self.lasts:
            raise StoreError(f"the disk is full, at step {number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingJournal(CrashingJournal):
    """A journal each of whose writes may fail, before it is done or after; so may the look at who leads."""

    def lead(self, epoch: int) -> None:
        self.fuse.step()
        self.journal.lead(epoch)


class FailingRig(Rig):
    """A rig whose loop goes on after a tick that broke, as the daemon does."""

    def __init__(self, outage: Outage) -> None:
        self.outage = outage
        self.broken = 0
        super().__init__(a_pool("aws/m"), a_pool("ovh/m"), wanted=0, policy=POLICY, tick_s=60.0)

    def started(self, **more):
        failing = FailingJournal(journal=self.journal, fuse=self.outage)
        at_step, self.outage.crash_at = self.outage.crash_at, None
        controller = super().started(journal=failing, **more)
        self.outage.crash_at, self.outage.steps = at_step, 0
        return controller

    def tick(self, ticks: int = 1):
        for _ in range(ticks):
            try:
                super().tick()
            except StoreError:
                self.broken += 1
        return self.reports[-1] if self.reports else None


def steps_of_a_day() -> int:
    rig = FailingRig(Outage())
    a_day_of(rig)
    return rig.outage.steps


STEPS = steps_of_a_day()


@pytest.mark.parametrize("lasts", [1, 2, 5])
@pytest.mark.parametrize("step", range(STEPS))
def test_a_journal_that_fails_at_any_write_costs_a_tick_and_no_machine(step, lasts):
    rig = FailingRig(Outage(crash_at=step, lasts=lasts))
    a_day_of(rig)
    rig.tick(12)
    assert rig.broken >= 1
    assert rig.held() == []
    assert rig.controller.nodes == ()
    made = [one.key for cloud in rig.clouds.values() for one in cloud.truth]
    assert len(made) == len(set(made)) <= 4
    entries = rig.journal.entries(at(0))
    intended = {entry.key for entry in entries if isinstance(entry, Intent) and entry.kind is IntentKind.LAUNCH}
    assert set(made) <= intended
    assert not any(isinstance(entry, Intent) and entry.kind is IntentKind.ADOPT for entry in entries)


def test_while_who_leads_is_not_known_nobody_is_called():
    rig = FailingRig(Outage())
    rig.keeper.wanted = 2
    rig.outage.crash_at, rig.outage.lasts = rig.outage.steps, 3
    rig.tick(3)
    assert rig.broken == 3
    assert sum(len(cloud.calls) for cloud in rig.clouds.values()) == 0
    rig.tick(2)
    assert len(rig.held()) == 2


def test_an_intent_that_cannot_be_written_is_not_acted_on():
    rig = FailingRig(Outage())
    rig.keeper.wanted = 2
    rig.outage.crash_at = rig.outage.steps + 1  # after the look at who leads, the first intent
    rig.tick()
    assert (rig.broken, rig.held()) == (1, [])
    assert rig.journal.entries(at(0)) == ()
    rig.tick()
    assert len(rig.held()) == 2


def test_an_intent_that_was_written_after_all_is_asked_for_with_its_key():
    rig = FailingRig(Outage())
    rig.keeper.wanted = 2
    rig.outage.crash_at = rig.outage.steps + 2  # after the first intent was written
    rig.tick()
    assert (rig.broken, rig.held()) == (1, [])
    (written,) = rig.journal.entries(at(0))
    assert isinstance(written, Intent)
    rig.tick()
    assert len(rig.held()) == 2
    assert written.key in {one.key for one in rig.held()}


def test_while_a_tick_is_broken_the_last_nodes_are_still_shown():
    rig = FailingRig(Outage())
    rig.keeper.wanted = 1
    rig.tick(3)
    shown = rig.controller.nodes
    rig.outage.crash_at = rig.outage.steps
    rig.tick()
    assert rig.controller.nodes == shown
