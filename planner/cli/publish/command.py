"""`baseload publish litellm`: prices at a LiteLLM proxy, read back and tried."""

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli import clock
from planner.cli.database import check_recordable
from planner.cli.option_groups import with_options
from planner.cli.options import FleetOption, JsonOption, say, screen
from planner.cli.paths import check_paths
from planner.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from planner.fleet import Fleet
    from planner.fleet.publish import PublishSettings

KEY = "LITELLM_MASTER_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishGiven:
    """What is published, and where, as written."""

    plan: Annotated[Path | None, typer.Option("--plan", help="The plan prices are made of (`baseload plan -o`).")] = (
        None
    )
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="Or a calendar month (UTC) of the ledger.")
    ] = None
    trailing_days: Annotated[
        int | None, typer.Option("--trailing-days", min=1, max=366, help="Or the last days of the ledger, up to now.")
    ] = None
    config: FleetOption = None
    config_file: Annotated[
        Path | None, typer.Option("--config-file", help="LiteLLM's config.yaml; without it [publish] config_file.")
    ] = None
    url: Annotated[str | None, typer.Option("--url", help="Of the running proxy; without it [publish] url.")] = None
    effective_from: Annotated[
        str | None,
        typer.Option(
            "--effective-from",
            metavar="DAY",
            help="The prices hold from this day or moment (UTC): announced until then, told by the next such run.",
        ),
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False
    check: Annotated[
        bool, typer.Option("--check", help="Say which reasons to review a price apply, and what it would become.")
    ] = False
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Send a chat request per model and compare what it was charged.")
    ] = True
    record: Annotated[
        bool,
        typer.Option("--record/--no-record", help="Keep what was published in the ledger, for the month's report."),
    ] = True
    as_json: JsonOption = False


@with_options(PublishGiven)
def litellm(context: typer.Context, given: PublishGiven) -> None:
    """Write each model's cost per token into LiteLLM, read it back, and see that a chat request is charged it.

    The proxy's master key comes from LITELLM_MASTER_KEY, or [publish] key_file.

    Example: baseload publish litellm --plan plan.json -c fleet.toml --config-file litellm.yaml --dry-run
    """
    from planner.case import load_fleet
    from planner.cli.publish.prices import prices_by
    from planner.cli.publish.record import as_announced, last_reviews, recorded
    from planner.publish.gateway import Gateway
    from planner.publish.litellm_api import GatewayError
    from planner.report.published import published_document, render_published

    now = clock.now()
    check_paths(read=(("--plan", given.plan), ("-c", given.config)), write=())
    if [given.plan, given.month, given.trailing_days].count(None) != 2:
        raise InputError("prices are made of one thing: expected one of --plan, --month and --trailing-days")
    moment = None if given.effective_from is None else _moment(given.effective_from)
    is_to_come = moment is not None and moment > now
    keeps = given.record and not given.dry_run and not given.check
    if is_to_come and not given.record:
        raise InputError("--effective-from: what is announced is kept in the ledger; expected --record beside it")
    if keeps:
        check_recordable(given.config)
    fleet, remarks = load_fleet(given.config)
    settings = _settings(fleet, given)
    prices, said = prices_by(replace(fleet, publish=settings), given, now)
    gateway = Gateway(
        settings=settings,
        key=lambda: _key(settings),
        now=moment if moment is not None and is_to_come else now,
        reviewed=last_reviews(settings, given.config),
    )
    if moment is not None and not is_to_come:
        prices, missing = as_announced(prices, settings, moment, given.config)
        said = (*said, *missing)
    found = gateway.publish(prices, is_dry_run=given.dry_run or given.check or is_to_come, probe=given.probe)
    shows_diff = given.dry_run and not given.check
    found = replace(
        found,
        is_check=given.check,
        diff=found.diff if shows_diff else (),
        announced_for=moment if is_to_come else None,
    )
    if given.as_json:
        typer.echo(json.dumps(published_document(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_published(found, screen=screen()), nl=False)
    say(context, (*remarks, *said, *found.notes))
    if keeps:
        say(context, recorded(found, settings, given.config, now))
    if found.alarms:
        raise GatewayError("; ".join(found.alarms))


def _moment(text: str) -> datetime:
    """A day (its first instant) or a moment, UTC where it names no zone. Raises InputError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--effective-from {text}: expected a day or a moment, such as 2026-12-01 or 2026-12-01T06:00Z"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _settings(fleet: "Fleet", given: PublishGiven) -> "PublishSettings":
    """The fleet's settings with the options in force. Raises InputError where they name no gateway."""
    try:
        settings = replace(
            fleet.publish,
            config_file=str(given.config_file) if given.config_file is not None else fleet.publish.config_file,
            url=given.url or fleet.publish.url,
        )
    except ValueError as error:
        raise InputError(f"--url: {error}") from None
    if settings.config_file is None and settings.url is None:
        raise InputError("no gateway: expected --config-file or --url, or one of them in [publish]")
    unknown = [one.model for one in settings.model if one.model not in fleet.model_names]
    if unknown:
        raise InputError(
            f"{fleet.source}: publish.model {unknown[0]!r}: no such model; expected one of "
            f"{', '.join(fleet.model_names)}"
        )
    return settings


def _key(settings: "PublishSettings") -> "SecretStr":
    """The proxy's master key. Raises InputError where there is none."""
    from pydantic import SecretStr

    from planner import files

    if settings.key_file is not None:
        return SecretStr(files.read_text(settings.key_file).strip())
    key = os.environ.get(KEY)
    if not key:
        raise InputError(f"{KEY} is not set; expected the proxy's master key there, or [publish] key_file")
    return SecretStr(key)
