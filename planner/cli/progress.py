"""A progress bar on stderr, for work that takes more than a second at a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, float], None]
"""Told what is being done and which share of it is done, 0-1."""
PATIENCE_S = 1.0


@contextmanager
def progress(quiet: bool) -> Iterator[Report]:
    """A reporter that draws a bar once work has taken a second; silent under -q or when stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )
    task = bar.add_task("", total=1.0)
    begun = time.monotonic()

    def report(what: str, share: float) -> None:
        if not bar.live.is_started and time.monotonic() - begun > PATIENCE_S:
            bar.start()
        bar.update(task, description=what, completed=share)

    try:
        yield report
    finally:
        bar.stop()


def _silent(what: str, share: float) -> None:
    del what, share
