"""Jobs: controllers on worlds, run here or by several processes; the results do not depend on which.

Who runs them is the business of planner.tasks; what they come to stands beside the bound of its world.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.fleet import FleetPlan
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from autoscaler.replay.bound.of_world import bound_case, with_bounds
from autoscaler.replay.controllers import CONTROLLERS, OURS
from autoscaler.replay.invariants import Invariants, Violation
from autoscaler.replay.result import Replayed
from autoscaler.replay.run import replay
from autoscaler.replay.world import World
from planner.tasks import Checkpoint, Engine, Task, run_tasks
from planner.tasks.run import Report, Share
from policies.scaling import ScalingPolicy

OURS_TOO = frozenset({OURS, "oracle"})
"""Controllers that decide as ours does, and are held to all it promises; of the others what the loop answers for."""
BOUND_SHARE = 2
"""What a bound takes, about, in replays."""


def silent(what: str, share: float) -> None:
    """Shows nothing."""
    del what, share


class BrokenInvariant(AssertionError):  # noqa: N818 - what happened
    """What may never be so was so: a bug. The message tells the seed and the events that led to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One controller on one world: all that a process needs to run it."""

    label: str
    """What a progress bar calls it."""
    controller: str
    world: World
    policy: ScalingPolicy
    levels: FleetPlan | None = None


def run_job(job: Job, share: Share | None = None) -> Replayed:
    """What the job's controller does, every invariant judged after every event. Raises BrokenInvariant."""
    invariants = Invariants(is_ours=job.controller in OURS_TOO)
    decider = invariants.recording(CONTROLLERS[job.controller].make(job.world, job.levels))
    try:
        return replay(
            job.world,
            name=job.controller,
            decider=decider,
            policy=job.policy,
            plan=job.levels,
            checks=invariants,
            on_progress=None if share is None else lambda ticks, of: share(ticks / of),
        )
    except Violation as violation:
        raise BrokenInvariant(f"{job.label}: {violation.story()}") from None


def run_jobs(
    jobs: Sequence[Job],
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    with_bound: bool = True,
    on_progress: Report = silent,
) -> list[Replayed]:
    """What every job comes to, in their order, beside its bounds."""
    worlds = {id(job.world): job.world for job in jobs}
    share = len(jobs) / (len(jobs) + BOUND_SHARE * len(worlds) * with_bound)
    done = run_tasks(
        run_job,
        [Task(label=job.label, given=job) for job in jobs],
        engine=engine,
        checkpoint=checkpoint,
        on_progress=lambda what, part: on_progress(what, share * part),
    )
    if not with_bound:
        return done
    mine = [[at for at, job in enumerate(jobs) if id(job.world) == world] for world in worlds]
    found = run_tasks(
        bounded,
        [
            Task(label="the bound", given=(world, tuple(done[at] for at in places)))
            for world, places in zip(worlds.values(), mine, strict=True)
        ],
        engine=engine,
        checkpoint=checkpoint,
        on_progress=lambda what, part: on_progress(what, share + (1 - share) * part),
    )
    for places, results in zip(mine, found, strict=True):
        for at, one in zip(places, results, strict=True):
            done[at] = one
    return done


def bounded(task: tuple[World, tuple[Replayed, ...]], share: Share | None = None) -> list[Replayed]:
    """Results on one world beside its bounds."""
    del share  # the bound does not tell how far it is
    world, results = task
    bound = ClairvoyantBound(bound_case(world))
    return [with_bounds(one, bound) for one in results]
