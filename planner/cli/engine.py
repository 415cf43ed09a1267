"""Options of commands that do many tasks: who does them, and where finished ones are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from planner.cli.options import is_quiet, say

if TYPE_CHECKING:
    from planner.cli.progress import Report
    from planner.tasks import Checkpoint, Engine

USUAL_ENGINE = "loky"
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="loky|dask|ADDRESS",
        help="Who works: this machine, a Dask cluster of its own, or the one at tcp://HOST:8786.",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes; 1: this one alone. Default: every core.")
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option("--checkpoint", help="Keep what is finished in this file; a run that was killed goes on from it."),
]


def asked_engine(written: str, workers: int | None) -> "Engine":
    """The engine the options name."""
    from planner.tasks import engine_of

    return engine_of(written, workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineGiven:
    """The options as written."""

    engine: EngineOption = USUAL_ENGINE
    workers: WorkersOption = None
    checkpoint: CheckpointOption = None

    def work(self) -> "Work":
        """Who does the tasks, and where finished ones are kept."""
        return Work(engine=asked_engine(self.engine, self.workers), checkpoint=self.checkpoint)


class Running(TypedDict):
    """How tasks are run, as the functions that run them take it."""

    engine: "Engine"
    checkpoint: "Checkpoint | None"
    on_progress: "Report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Who does the tasks of a command, and where finished ones are kept."""

    engine: "Engine"
    checkpoint: Path | None

    @contextmanager
    def running(self, context: typer.Context) -> Iterator[Running]:
        """The arguments of what runs tasks: engine, open checkpoint, and a bar on stderr."""
        from planner.cli.progress import progress

        with kept_in(context, self.checkpoint) as checkpoint, progress(is_quiet(context)) as report:
            yield Running(engine=self.engine, checkpoint=checkpoint, on_progress=report)


@contextmanager
def kept_in(context: typer.Context, path: Path | None) -> "Iterator[Checkpoint | None]":
    """The checkpoint of a run, if it has one; how much was taken from it is said on stderr."""
    if path is None:
        yield None
        return
    from planner.tasks import Checkpoint

    with Checkpoint(path) as checkpoint:
        yield checkpoint
        if checkpoint.taken:
            say(context, [f"{checkpoint.taken} results were taken from {path}"])
