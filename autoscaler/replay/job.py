"""Jobs: controllers on worlds, run here or by several processes; the results do not depend on which.

joblib hands jobs out, to processes of this machine (loky) or to a Dask cluster; it is imported when it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from autoscaler.fleet import FleetPlan
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from autoscaler.replay.bound.of_world import bound_case, with_bounds
from autoscaler.replay.controllers import CONTROLLERS, OURS
from autoscaler.replay.invariants import Invariants, Violation
from autoscaler.replay.result import Replayed
from autoscaler.replay.run import Progress, replay
from autoscaler.replay.world import World
from planner.errors import InputError, PlannerError
from policies.scaling import ScalingPolicy

Engine = Literal["loky", "dask"]


Report: TypeAlias = Callable[[str, float], None]
"""Told what is being done and which share of it is done, 0-1."""
BOUND_SHARE = 2
"""What a bound takes, about, in replays."""


def silent(what: str, share: float) -> None:
    """Shows nothing."""
    del what, share


class ClusterError(PlannerError):
    """The cluster cannot be reached or broke down. Exit code 5."""


class BrokenInvariant(AssertionError):  # noqa: N818 - what happened
    """What may never be so was so: a bug. The message tells the seed and the events that led to it."""


OURS_TOO = frozenset({OURS, "oracle"})
"""Controllers that decide as ours does, and are held to all it promises; of the others what the loop answers for."""


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
    with _hands(engine, workers, scheduler, len(jobs)) as hands:
        done = hands(run_job, jobs, [job.label for job in jobs], lambda what, part: on_progress(what, share * part))
        if not with_bound:
            return done
        mine = [[at for at, job in enumerate(jobs) if id(job.world) == world] for world in worlds]
        tasks = [(world, [done[at] for at in places]) for world, places in zip(worlds.values(), mine, strict=True)]
        found = hands(
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


Hands: TypeAlias = Callable[[Callable[[Any], Any], Sequence[Any], Sequence[str], Report], list[Any]]
"""Calls a function with each task and tells how far it is."""


@contextmanager
def _hands(engine: Engine, workers: int, scheduler: str | None, jobs: int) -> Iterator[Hands]:
    """This process, or joblib on processes or a cluster."""
    if engine == "loky" and (workers == 1 or jobs == 1):
        yield _here
        return
    with _backend(engine, workers, scheduler):
        yield _elsewhere


def _here(function: Callable[..., Any], tasks: Sequence[Any], labels: Sequence[str], tell: Report) -> list[Any]:
    done = []
    for index, (task, label) in enumerate(zip(tasks, labels, strict=True)):
        tell(label, index / len(tasks))

        def on_progress(ticks: int, of: int, index: int = index, label: str = label) -> None:
            tell(label, (index + ticks / of) / len(tasks))

        done.append(function(task, on_progress))
    return done


def _elsewhere(function: Callable[..., Any], tasks: Sequence[Any], labels: Sequence[str], tell: Report) -> list[Any]:
    from joblib import Parallel, delayed

    done = []
    for one in Parallel(return_as="generator")(delayed(function)(task) for task in tasks):
        done.append(one)
        tell(labels[min(len(done), len(labels) - 1)], len(done) / len(tasks))
    return done


@contextmanager
def _backend(engine: Engine, workers: int, scheduler: str | None) -> Iterator[None]:
    """Where joblib runs: processes of this machine, a Dask cluster of its own on it, or the one at `scheduler`."""
    from joblib import parallel_config

    if engine == "loky":
        with parallel_config(backend="loky", n_jobs=workers):
            yield
        return
    with ExitStack() as stack:
        stack.enter_context(_client(workers, scheduler, stack))
        stack.enter_context(parallel_config(backend="dask"))
        yield


def _client(workers: int, scheduler: str | None, stack: ExitStack) -> AbstractContextManager[Any]:
    """A client of the cluster; one made here ends with `stack`."""
    try:
        import distributed
    except ImportError as error:
        raise InputError("--engine dask needs distributed; install baseload[dask]") from error
    untyped: Any = distributed
    if scheduler is None:
        cluster = untyped.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        )
        client: AbstractContextManager[Any] = untyped.Client(stack.enter_context(cluster))
        return client
    try:
        client = untyped.Client(scheduler, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ClusterError(f"--scheduler {scheduler}: no Dask scheduler answers ({reason})") from None
    return client
