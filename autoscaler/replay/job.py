"""Jobs: controllers on worlds, run here or by several processes; the results do not depend on which.

joblib hands jobs out, to processes of this machine (loky) or to a Dask cluster; it is imported when it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from autoscaler.fleet import FleetPlan
from autoscaler.replay.controllers import CONTROLLERS
from autoscaler.replay.result import Replayed
from autoscaler.replay.run import Progress, replay
from autoscaler.replay.world import World
from planner.errors import InputError, PlannerError
from policies.scaling import ScalingPolicy

Engine = Literal["loky", "dask"]


class ClusterError(PlannerError):
    """The cluster cannot be reached or broke down. Exit code 5."""


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
    """What the job's controller does."""
    decider = CONTROLLERS[job.controller].make(job.world, job.levels)
    return replay(
        job.world, name=job.controller, decider=decider, policy=job.policy, plan=job.levels, on_progress=on_progress
    )


def run_jobs(
    jobs: Sequence[Job],
    *,
    engine: Engine = "loky",
    workers: int = 1,
    scheduler: str | None = None,
    on_progress: Callable[[str, float], None] | None = None,
) -> list[Replayed]:
    """What every job comes to, in their order. One worker of this machine is this process."""
    tell = on_progress or (lambda what, share: None)  # noqa: ARG005 - a progress that shows nothing
    if engine == "loky" and (workers == 1 or len(jobs) == 1):
        return [_here(job, index, len(jobs), tell) for index, job in enumerate(jobs)]
    done: list[Replayed] = []
    with _backend(engine, workers, scheduler):
        from joblib import Parallel, delayed

        tell(f"{len(jobs)} replays", 0.0)
        for one in Parallel(return_as="generator")(delayed(run_job)(job) for job in jobs):
            done.append(one)
            tell(f"{len(jobs)} replays", len(done) / len(jobs))
    return done


def _here(job: Job, index: int, jobs: int, tell: Callable[[str, float], None]) -> Replayed:
    def on_progress(ticks: int, of: int) -> None:
        tell(job.label, (index + ticks / of) / jobs)

    tell(job.label, index / jobs)
    return run_job(job, on_progress)


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
