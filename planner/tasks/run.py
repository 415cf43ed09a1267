"""Runs tasks: what is in the checkpoint is taken from it, the rest is done by the engine; results in order of tasks.

By default the first seconds of work are done in this process, since processes of their own take a second to start;
what is left then goes to every core. Which process does a task changes nothing in its result.
"""

import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from planner.tasks.checkpoint import Checkpoint
from planner.tasks.code_version import code_version
from planner.tasks.digest import Digests
from planner.tasks.engine import Engine, EngineError, Kind, backend, cores

Given = TypeVar("Given")
Result = TypeVar("Result")

Report: TypeAlias = Callable[[str, float], None]
"""Told what is being done and which share of it is done, 0-1."""
Share: TypeAlias = Callable[[float], None]
"""Told which share of one task is done, 0-1."""
PATIENCE_S = 2.0
"""Work that ends within this is not worth a process of its own."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What the system refused a task, as a worker tells it: of that type the engine's own failures are, too."""

    error: OSError


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Given]):
    """What a function is called with, and what people call it."""

    label: str
    given: Given
    """Plain values: all that the result depends on, seed included."""


def run_tasks(
    function: Callable[[Given, Share], Result],
    tasks: Sequence[Task[Given]],
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> list[Result]:
    """The function's result for each task, in their order, whoever does them. An error of a task is raised."""
    keys = _keys(function, tasks) if checkpoint is not None else [""] * len(tasks)
    results: dict[int, Result] = {}
    if checkpoint is not None:
        results = {at: checkpoint.take(key) for at, key in enumerate(keys) if key in checkpoint}
    waiting = [at for at in range(len(tasks)) if at not in results]
    tell = on_progress or silent
    for at, result in _done(function, tasks, waiting, engine or Engine(), tell, clock):
        if checkpoint is not None:
            checkpoint.keep(keys[at], tasks[at].label, result)
        results[at] = result
        tell(tasks[at].label, len(results) / len(tasks))
    return [results[at] for at in range(len(tasks))]


def _keys(function: Callable[..., object], tasks: Sequence[Task[Any]]) -> list[str]:
    """What each task is kept under: a digest of the program, the function and all that it is given."""
    digests = Digests()
    return [digests.hex((code_version(), function, task.given)) for task in tasks]


def _done(
    function: Callable[[Any, Share], Any],
    tasks: Sequence[Task[Any]],
    waiting: Sequence[int],
    engine: Engine,
    tell: Report,
    clock: Callable[[], float],
) -> Iterator[tuple[int, Any]]:
    """Each waiting task's place and result, as they come."""
    left = list(waiting)
    here = engine.kind is Kind.LOKY and (engine.workers == 1 or len(left) <= 1 or (not engine.workers and cores() == 1))
    is_undecided = engine.kind is Kind.LOKY and engine.workers is None
    begun = clock()
    while left and (here or (is_undecided and (clock() - begun < PATIENCE_S or len(left) == 1))):
        at = left.pop(0)
        task, done = tasks[at], len(tasks) - len(left) - 1

        def share(part: float, label: str = task.label, done: int = done) -> None:
            tell(label, (done + part) / len(tasks))

        tell(task.label, done / len(tasks))
        yield at, function(task.given, share)
    if left:
        tell(tasks[left[0]].label, (len(tasks) - len(left)) / len(tasks))
        yield from _elsewhere(function, tasks, left, engine)


def _elsewhere(
    function: Callable[[Any, Share], Any], tasks: Sequence[Task[Any]], left: Sequence[int], engine: Engine
) -> Iterator[tuple[int, Any]]:
    """The same, from processes or a cluster; a cluster must run the same program."""
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel, delayed

    program = code_version()
    refused: OSError | None = None
    with backend(engine), ExitStack() as stack:
        try:
            handed = Parallel(return_as="generator_unordered")(
                # A tuple: joblib would lend anything else to one worker, and lose it with that worker.
                delayed(_call)((function, at, tasks[at].given))
                for at in left
            )
            stack.callback(_close, handed)
            for at, there, result in handed:
                if there != program:
                    raise EngineError(
                        f"--engine {engine.address or engine.kind}: a worker runs Baseload {there}, this is {program}; "
                        "expected the same on both"
                    )
                if isinstance(result, Refused):
                    refused = result.error
                    raise refused
                yield at, result
        except Exception as error:
            is_of_engine = isinstance(error, OSError | BrokenProcessPool) and error is not refused
            if is_of_engine or type(error).__module__.startswith("distributed."):
                said = " ".join(str(error).split())
                raise EngineError(f"--engine {engine.address or engine.kind}: broke down ({said})") from error
            raise


def _close(handed: Generator[Any, None, None]) -> None:
    """Ends what was handed out and nobody waits for; joblib would tell the user to ask for less."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        handed.close()


def _call(work: tuple[Callable[[Any, Share], Any], int, Any]) -> tuple[int, str, Any]:
    """In a worker: the task's place, the program that did it, and its result, or what the system refused it."""
    function, at, given = work
    program = code_version()
    try:
        return at, program, function(given, _unheard)
    except OSError as error:
        return at, program, Refused(error)


def silent(what: str, share: float) -> None:
    """A report that nobody hears."""
    del what, share


def _unheard(share: float) -> None:
    """A worker's progress, which nobody hears."""
    del share
