"""Jobs: controllers on worlds, run here or by several processes; the results do not depend on which.

Who runs them is workers.py's; what they come to stands beside the bound of its world.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.fleet import FleetPlan
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from autoscaler.replay.bound.of_world import bound_case, with_bounds
from autoscaler.replay.controllers import CONTROLLERS, OURS
from autoscaler.replay.invariants import Invariants, Violation
from autoscaler.replay.result import Replayed
from autoscaler.replay.run import Progress, replay
from autoscaler.replay.workers import Engine, Report, handing_out
from autoscaler.replay.world import World
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


def run_job(job: Job, on_progress: Progress | None = None) -> Replayed:
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
            on_progress=on_progress,
        )
    except Violation as violation:
        raise BrokenInvariant(f"{job.label}: {violation.story()}") from None


def run_jobs(
    jobs: Sequence[Job],
    *,
    engine: Engine = "loky",
    workers: int = 1,
    scheduler: str | None = None,
    with_bound: bool = True,
    on_progress: Report = silent,
) -> list[Replayed]:
    """What every job comes to, in their order, beside its bounds. One worker of this machine is this process."""
    worlds = {id(job.world): job.world for job in jobs}
    share = len(jobs) / (len(jobs) + BOUND_SHARE * len(worlds) * with_bound)
    with handing_out(engine, workers, scheduler, len(jobs)) as hand_out:
        done = hand_out(run_job, jobs, [job.label for job in jobs], lambda what, part: on_progress(what, share * part))
        if not with_bound:
            return done
        mine = [[at for at, job in enumerate(jobs) if id(job.world) == world] for world in worlds]
        tasks = [(world, [done[at] for at in places]) for world, places in zip(worlds.values(), mine, strict=True)]
        found = hand_out(
            bounded, tasks, ["the bound"] * len(tasks), lambda what, part: on_progress(what, share + (1 - share) * part)
        )
    for places, results in zip(mine, found, strict=True):
        for at, one in zip(places, results, strict=True):
            done[at] = one
    return done


def bounded(task: tuple[World, list[Replayed]], on_progress: Progress | None = None) -> list[Replayed]:
    """Results on one world beside its bounds."""
    del on_progress  # the bound does not tell how far it is
    world, results = task
    bound = ClairvoyantBound(bound_case(world))
    return [with_bounds(one, bound) for one in results]
