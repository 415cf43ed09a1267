"""`baseload autoscale status`: what the daemon knows, from its port, else as it last saved it."""

import http.client
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoscaler.cli.autoscale.inputs import ConfigOption, fleet_of, open_for
from planner.cli.options import JsonOption, is_verbose, say, screen
from planner.errors import PlannerError

if TYPE_CHECKING:
    from autoscaler.daemon.status import Status
    from planner.fleet import Fleet

TIMEOUT_S = 3.0
SAVED = "saved in"
UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="HOST:PORT", help="Where the daemon listens, if not as fleet.toml says.")
]


class NoDaemon(PlannerError):  # noqa: N818 - what is so
    """Nobody tells anything of the fleet. Exit code 5."""


def status(context: typer.Context, config: ConfigOption, as_json: JsonOption = False, url: UrlOption = None) -> None:
    """What a running daemon knows: fleet, work, money against caps, leases, decisions, what the plan does next.

    Example: baseload autoscale status -c fleet.toml
    """
    from autoscaler.report.status_json import status_text
    from autoscaler.report.status_tables import ago, render_status

    fleet = fleet_of(config)
    listen = fleet.daemon.autoscale.listen if url is None else url.removeprefix("http://").split("/")[0]
    told, where, remarks = _told(config, fleet, listen)
    now = datetime.now(UTC)
    if now - told.at > timedelta(seconds=3 * told.interval_s):
        remarks = (*remarks, f"this was so {ago(now - told.at)} ago; no tick has ended since")
    say(context, remarks)
    if as_json:
        typer.echo(status_text(told), nl=False)
    else:
        is_saved = where.startswith(SAVED)
        shown = render_status(told, now, told_by=where, is_saved=is_saved, screen=screen(), is_full=is_verbose(context))
        typer.echo(shown, nl=False)


def _told(config: Path, fleet: "Fleet", listen: str) -> tuple["Status", str, tuple[str, ...]]:
    """The status of the daemon that leads, where it comes from, and remarks. Raises NoDaemon."""
    from autoscaler.daemon.start.build import is_there
    from autoscaler.report.status_json import read_status
    from planner.cli.database import ledger_url

    answered, why = _asked(listen)
    if answered is not None and answered.fleet != fleet.daemon.autoscale.fleet:
        why = f"the daemon at {listen} keeps fleet {answered.fleet}"
        answered = None
    if answered is not None and answered.lead.role == "leads":
        return answered, listen, ()
    saved, address, has_failed = None, "", False
    try:
        if is_there(ledger_url(config)):
            with open_for(config, fleet) as records:
                saved, address = records.status(), records.address
    except PlannerError as error:
        has_failed = True
        why = f"{why}; {error}" if why else str(error)
    if saved is not None:
        whose = why or f"the daemon at {listen} stands by"
        return read_status(saved[0], source=address), f"{SAVED} {address}", (f"{whose}: this is what was saved last",)
    if answered is not None:
        return answered, listen, ()
    more = "" if has_failed else ", and no status of it is saved; is a daemon running?"
    raise NoDaemon(f"fleet {fleet.daemon.autoscale.fleet}: {why}{more}")


def _asked(listen: str) -> tuple["Status | None", str]:
    """What the daemon at an address says, or why it says nothing."""
    from autoscaler.daemon.telemetry.port import address_of
    from autoscaler.report.status_json import read_status

    host, port = address_of(listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a daemon that listens to all is here too
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/status")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return None, f"no daemon answers at {listen} ({getattr(error, 'strerror', None) or error})"
    finally:
        connection.close()
    if answer.status == http.client.SERVICE_UNAVAILABLE:
        return None, f"the daemon at {listen} has not come round yet"
    if answer.status != http.client.OK:
        return None, f"what answers at {listen} is no daemon (HTTP {answer.status})"
    return read_status(text, source=f"http://{listen}/status"), ""
