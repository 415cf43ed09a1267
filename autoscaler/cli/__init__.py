"""The one command `baseload`: every part's commands under options that hold for all of them.

Modules that take long to load are imported by the commands that use them, so that `--help` is quick.
"""

import gc
import os
import sys
from typing import Annotated

import typer

from autoscaler.cli.autoscale import autoscale_app
from autoscaler.cli.base import base_app
from autoscaler.cli.edge import QUIET, VERBOSE, options_first, run
from autoscaler.cli.export import export_app
from autoscaler.cli.forecast import forecast
from autoscaler.cli.history import history
from autoscaler.cli.prices import refresh
from autoscaler.cli.replay import replay
from planner.cli.catalog import catalog_app

catalog_app.command("refresh")(refresh)

__all__ = ["baseload", "for_all_commands", "main", "options_first", "run"]


def main() -> None:
    """Run `baseload` with the arguments of this process, and end the process with the exit code of the contract."""
    # A plan is a short run: collecting while modules load and arrays are made costs a tenth of it.
    gc.set_threshold(100_000, 50, 50)
    # Matrices here are small: threads would take longer to wake than to work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run(baseload(), sys.argv[1:]))


def baseload() -> typer.Typer:
    """The whole command: the planner's commands and the autoscaler's, under options that hold for all of them."""
    from planner.cli import app as planning

    app = typer.Typer(
        name="baseload",
        rich_markup_mode=None,  # plain help: loading rich for it would cost a third of the time
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="-q and -v may stand anywhere. Exit codes: 0 done, 2 bad input, 3 unserved, 4 not proven, 5 failed.",
    )
    app.callback(invoke_without_command=True)(for_all_commands)
    app.add_typer(planning)
    app.command("replay")(replay)
    app.add_typer(base_app, name="base")
    app.add_typer(export_app, name="export")
    app.command("history")(history)
    app.command("forecast")(forecast)
    app.add_typer(autoscale_app, name="autoscale", help="The daemon: keeps the fleet at the plan; what it is asked.")
    return app


def for_all_commands(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option(*QUIET, help="No remarks and no progress on stderr; errors stay.")] = False,
    verbose: Annotated[bool, typer.Option(*VERBOSE, help="Say more on stderr; a traceback if it is a bug.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Base load and burst for self-hosted LLM inference: the cheapest fleet for the traffic you expect.

    Example: baseload plan -f forecast.csv --explain
    """
    if quiet and verbose:
        raise typer.BadParameter("expected one of -q and -v, got both")
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"baseload {installed('baseload')}")
        raise typer.Exit
    context.ensure_object(dict).update(quiet=quiet, verbose=verbose)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
