"""Checks the files of a command before any work is done for them."""

from collections.abc import Iterable
from pathlib import Path

from planner.errors import InputError


def check_paths(*, read: Iterable[tuple[str, Path | None]], write: Iterable[tuple[str, Path | None]]) -> None:
    """Raises InputError where a file could not be written, or is one of the others; each with its option."""
    from planner.files import check_writable

    taken = {path.resolve(): option for option, path in read if path is not None}
    for option, path in write:
        if path is None:
            continue
        if option == "--chart":
            from planner.report.charts import check_chart_path

            check_chart_path(path)
        check_writable(path)
        if path.resolve() in taken:
            raise InputError(f"{option} {path}: is also the file of {taken[path.resolve()]}; expected another one")
        taken[path.resolve()] = option
