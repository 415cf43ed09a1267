"""`baseload publish`: prices at a gateway, read back and tried."""

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.database import check_recordable, ledger_url, origin_of
from planner.cli.option_groups import with_options
from planner.cli.options import FleetOption, JsonOption, say, screen
from planner.cli.paths import check_paths
from planner.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from planner.fleet import Fleet
    from planner.fleet.publish import PublishSettings
    from planner.publish.outcome import Published

publish_app = typer.Typer(no_args_is_help=True)

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


@publish_app.callback()
def publish() -> None:
    """Prices at a gateway."""


@publish_app.command("litellm")
@with_options(PublishGiven)
def litellm(context: typer.Context, given: PublishGiven) -> None:
    """Write each model's cost per token into LiteLLM, read it back, and see that a chat request is charged it.

    The proxy's master key comes from LITELLM_MASTER_KEY, or [publish] key_file.

    Example: baseload publish litellm --plan plan.json -c fleet.toml --config-file litellm.yaml --dry-run
    """
    from planner.case import load_fleet
    from planner.cli.publish_prices import prices_by
    from planner.publish.gateway import Gateway
    from planner.publish.litellm_api import GatewayError
    from planner.report.published import published_document, render_published

    now = datetime.now(UTC)
    check_paths(read=(("--plan", given.plan), ("-c", given.config)), write=())
    if [given.plan, given.month, given.trailing_days].count(None) != 2:
        raise InputError("prices are made of one thing: expected one of --plan, --month and --trailing-days")
    keeps = given.record and not given.dry_run and not given.check
    if keeps:
        check_recordable(given.config)
    fleet, remarks = load_fleet(given.config)
    settings = _settings(fleet, given)
    prices, said = prices_by(replace(fleet, publish=settings), given, now)
    gateway = Gateway(settings=settings, key=lambda: _key(settings))
    found = gateway.publish(prices, is_dry_run=given.dry_run or given.check, probe=given.probe)
    found = replace(found, is_check=given.check, diff=() if given.check else found.diff)
    if given.as_json:
        typer.echo(json.dumps(published_document(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_published(found, screen=screen()), nl=False)
    say(context, (*remarks, *said))
    if keeps:
        say(context, _recorded(found, given.config))
    if found.alarms:
        raise GatewayError("; ".join(found.alarms))


def _recorded(found: "Published", config: Path | None) -> tuple[str, ...]:
    """Adds what was published to the ledger, once for each name; says where."""
    from planner.ledger import PublishedPrice
    from planner.store import open_ledger

    now = datetime.now(UTC)
    changed = {one.name: one.price for one in found.told if one.is_repriced}
    if not changed:
        return ()
    prices = [
        PublishedPrice(
            gateway=found.where,
            name=name,
            model=price.model,
            policy=price.policy,
            input_usd_token=price.input_usd_token,
            output_usd_token=price.output_usd_token,
            effective_at=now,
            description=price.description,
        )
        for name, price in changed.items()
    ]
    with open_ledger(ledger_url(config), create=True) as held:
        batch = held.add_published(prices, origin_of("publish", f"{now.isoformat()} {prices}"))
        return (f"recorded in {held.address} as batch {batch.id}",)


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
