"""`baseload autoscale run | once`: the daemon, or one tick of it."""

import gc
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoscaler.cli.autoscale.check import configuration, refuse
from autoscaler.cli.autoscale.inputs import ConfigOption, given_of
from planner.cli.options import JsonOption, is_quiet, is_verbose, screen
from planner.errors import PlannerError

if TYPE_CHECKING:
    from autoscaler.daemon.clock import SystemClock
    from autoscaler.daemon.serve import Voice
    from autoscaler.daemon.setup import Setup


class LogForm(StrEnum):
    """How lines of the log look."""

    TEXT = "text"
    JSON = "json"


DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Observe truly, act not at all, write nothing.")]
LogOption = Annotated[
    LogForm, typer.Option("--log", envvar="BASELOAD_LOG", help="Lines of key=value, or of JSON.", show_envvar=True)
]


class NotDone(PlannerError):  # noqa: N818 - what is so
    """The one tick that was asked for did not take place. Exit code 5."""


def run(
    context: typer.Context, config: ConfigOption, dry_run: DryRunOption = False, log: LogOption = LogForm.TEXT
) -> None:
    """Keep the fleet at what is asked of it, tick by tick, until SIGTERM or Ctrl-C; a tick that runs is finished.

    Example: baseload autoscale run -c fleet.toml --dry-run
    """
    from autoscaler.daemon.serve import serve

    gc.set_threshold(2000, 10, 10)  # a process of weeks, other than a plan's few seconds
    with _parts(config, is_dry_run=dry_run) as (setup, clock):
        serve(setup, clock, _voice(context, log))


def once(
    context: typer.Context,
    config: ConfigOption,
    dry_run: DryRunOption = False,
    log: LogOption = LogForm.TEXT,
    as_json: JsonOption = False,
) -> None:
    """One tick, and what it saw, decided and did. It needs the lease: beside a daemon that runs, add --dry-run.

    Example: baseload autoscale once -c fleet.toml --dry-run
    """
    from autoscaler.daemon.serve import made
    from autoscaler.daemon.telemetry.relay import relayed
    from autoscaler.report.status_json import status_text
    from autoscaler.report.status_tables import render_status

    with _parts(config, is_dry_run=dry_run) as (setup, clock):
        running = made(setup, clock, _voice(context, log))
        with relayed(running.log):
            report = running.daemon.turn()
            running.daemon.end()
        status = running.board.status
        assert status is not None  # a turn leaves one
        if report is None:
            why = (
                "; ".join(status.problems)
                or status.lead.problem
                or "another daemon leads; expected --dry-run beside it"
            )
            raise NotDone(f"no tick: {setup.clean(why)}")
        text = status_text(status)
        if not as_json:
            text = render_status(status, clock.now(), told_by="this tick", screen=screen(), is_full=is_verbose(context))
        typer.echo(setup.clean(text), nl=False)


@contextmanager
def _parts(config: Path, *, is_dry_run: bool) -> Iterator[tuple["Setup", "SystemClock"]]:
    """The daemon's parts, built after the configuration was checked. Raises InputError, StoreError, ProviderError."""
    from autoscaler.daemon.clock import SystemClock
    from autoscaler.daemon.start.build import built, plan_watch_of, secrets_for

    with closing(SystemClock()) as clock:
        given = given_of(config, clock, is_dry_run=is_dry_run)
        secrets = secrets_for(given.fleet, given.database, given.environ)
        watch = plan_watch_of(given)
        try:
            refuse(configuration(given, watch), config)
            with built(given, watch, secrets) as parts:
                yield parts.setup, clock
        except PlannerError as error:
            raise type(error)(secrets.hidden(str(error))) from None


def _voice(context: typer.Context, log: LogForm) -> "Voice":
    from autoscaler.daemon.serve import Voice
    from autoscaler.daemon.telemetry.log import DEBUG, INFO, WARNING
    from autoscaler.report.status_json import status_text

    least = WARNING if is_quiet(context) else DEBUG if is_verbose(context) else INFO
    return Voice(stream=sys.stderr, render=status_text, form=log.value, least=least)
