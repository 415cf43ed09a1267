"""Options of commands that do many tasks: who does them, and where finished ones are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.options import say

if TYPE_CHECKING:
    from planner.tasks import Checkpoint, Engine

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
