"""`baseload publish log`: every price that was told or announced, and why."""

import json
from typing import Annotated

import typer

from planner.cli.database import ledger_url
from planner.cli.options import FleetOption, JsonOption, screen


def log(
    name: Annotated[str | None, typer.Option("--name", help="Only this model, as requests name it.")] = None,
    config: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every price that was told to a gateway or announced for it, by how much it moved, and why.

    Example: baseload publish log --name qwen2.5-7b-instruct
    """
    from planner.errors import InputError
    from planner.report.published_log import log_document, render_log
    from planner.store import open_ledger

    with open_ledger(ledger_url(config), create=True) as held:  # which makes none by being read
        prices, pending = held.all_published(), held.announced()
    if name is not None:
        known = sorted({one.name for one in prices})
        if name not in known:
            named = ", ".join(known) or "none, for nothing was published yet"
            raise InputError(f"--name {name}: nothing of this name was published; expected one of {named}")
        prices = tuple(one for one in prices if one.name == name)
    if as_json:
        typer.echo(json.dumps(log_document(prices, pending), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_log(prices, pending, screen=screen()), nl=False)
