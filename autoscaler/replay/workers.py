"""Workers: who does the tasks of several replays: this process, others of this machine, or a Dask cluster.

joblib hands tasks out, to processes (loky) or to a cluster; it is imported when it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Literal, TypeAlias

from planner.errors import InputError, PlannerError

Engine: TypeAlias = Literal["loky", "dask"]

Report: TypeAlias = Callable[[str, float], None]
"""Told what is being done and which share of it is done, 0-1."""
ANSWER_WITHIN_S = 10.0
"""A scheduler that has not answered for so long is taken not to be there."""

HandOut: TypeAlias = Callable[[Callable[[Any], Any], Sequence[Any], Sequence[str], Report], list[Any]]
"""Calls a function with each task and tells how far it is."""


class ClusterError(PlannerError):
    """The cluster cannot be reached or broke down. Exit code 5."""


@contextmanager
def handing_out(engine: Engine, workers: int, scheduler: str | None, jobs: int) -> Iterator[HandOut]:
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
        client = untyped.Client(scheduler, timeout=f"{ANSWER_WITHIN_S:g}s")
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ClusterError(f"--scheduler {scheduler}: no Dask scheduler answers ({reason})") from None
    return client
