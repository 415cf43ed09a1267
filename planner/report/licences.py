"""Licences as a table; renders values."""

from collections.abc import Sequence

from planner.licences import Licence
from planner.report.screen import Screen, render, table, words


def render_licences(rows: Sequence[Licence], *, screen: Screen | None = None) -> str:
    """A row for each package, and one sentence; what says nothing of its licence is named."""
    shown = table(
        (words("package"), words("version"), words("licence"), words("needed by")),
        [(one.package, one.version, one.licence, ", ".join(one.needed_by)) for one in rows],
    )
    silent = [one.package for one in rows if one.licence is None]
    says = f"{', '.join(silent)} do not state one." if silent else "Each states its licence."
    return render([shown, "", f"{len(rows)} packages. {says}"], screen or Screen())
