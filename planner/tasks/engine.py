"""Who does the tasks: the processes of this machine, or a Dask cluster; and the door to the cluster.

joblib hands tasks out to either; it and `distributed` (the extra `dask`) are imported where they are used.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from planner.errors import InputError, PlannerError

ANSWER_WITHIN_S = 10.0
"""A scheduler that has not answered for so long is taken not to be there; a cluster without a worker likewise."""
IDLE_S = 10.0
"""A process that had nothing to do for so long ends: a run that was killed leaves none behind for longer."""
ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://\S+:\d{1,5}")


class EngineError(PlannerError):
    """Who should do the tasks cannot be reached, broke down, or runs another program. Exit code 5."""


class Kind(StrEnum):
    """Who does them."""

    LOKY = "loky"
    """Processes of this machine."""
    DASK = "dask"
    """A Dask cluster: one that runs already, or one of our own on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Who does the tasks, and how many at once."""

    kind: Kind = Kind.LOKY
    address: str | None = None
    """Of the scheduler; None: a cluster of our own."""
    workers: int | None = None
    """Processes; None: one for each core of this machine. A cluster that runs already has its own."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be 1 or more, got {self.workers}")


def engine_of(written: str, workers: int | None = None) -> Engine:
    """The engine a person names: loky, dask, or a scheduler's address such as tcp://10.0.0.5:8786."""
    text = written.strip()
    if text in tuple(Kind):
        return Engine(kind=Kind(text), workers=workers)
    if ADDRESS.fullmatch(text):
        if workers is not None:
            raise InputError(f"--workers {workers}: the cluster at {text} has its own workers; expected one of the two")
        return Engine(kind=Kind.DASK, address=text)
    raise InputError(f"--engine {written}: expected loky, dask, or a scheduler's address such as tcp://10.0.0.5:8786")


def cores() -> int:
    """How many processes this machine can feed: its cores, less where the process may use fewer."""
    from joblib import cpu_count

    return int(cpu_count())


@contextmanager
def backend(engine: Engine) -> Iterator[None]:
    """joblib's tasks go to the engine."""
    from joblib import parallel_config

    if engine.kind is Kind.LOKY:
        with parallel_config(backend="loky", n_jobs=engine.workers or cores(), idle_worker_timeout=IDLE_S):
            yield
        return
    with ExitStack() as stack:
        client = stack.enter_context(_client(engine, stack))
        made = parallel_config(backend="dask", client=client, wait_for_workers_timeout=ANSWER_WITHIN_S)
        _even_of_one(stack.enter_context(made)["backend"])
        yield


def _even_of_one(dask: Any) -> None:
    """joblib does the tasks itself where a cluster has a single worker; they were asked for there."""
    counted = dask.effective_n_jobs
    dask.effective_n_jobs = lambda n_jobs: max(2, counted(n_jobs))


def _client(engine: Engine, stack: ExitStack) -> Any:
    """A client of the cluster; a cluster of our own ends with `stack`."""
    try:
        import distributed
    except ImportError as error:
        raise InputError("--engine: a Dask cluster needs distributed; install baseload[dask]") from error
    _silence_dask()
    untyped: Any = distributed
    if engine.address is None:
        cluster = untyped.LocalCluster(
            n_workers=engine.workers or cores(), threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        )
        return untyped.Client(stack.enter_context(cluster))
    try:
        return untyped.Client(engine.address, timeout=f"{ANSWER_WITHIN_S:g}s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise EngineError(f"--engine {engine.address}: no Dask scheduler answers ({reason})") from None


def _silence_dask() -> None:
    """What goes wrong is one line of ours; Dask sets these two levels itself when it is imported."""
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
