"""`baseload licences`: on whose terms the installed packages may be used."""

import json
from dataclasses import asdict

import typer

from planner.cli.options import JsonOption, screen


def licences(as_json: JsonOption = False) -> None:
    """Licences of every installed package that Baseload needs, as the packages state them.

    Example: baseload licences --json
    """
    from planner.licences import licences as found
    from planner.report.licences import render_licences

    rows = found()
    if as_json:
        typer.echo(json.dumps({"packages": [asdict(one) for one in rows]}, indent=2, ensure_ascii=False))
    else:
        typer.echo(render_licences(rows, screen=screen()), nl=False)
