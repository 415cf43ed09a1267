"""`baseload history`: past traffic from Prometheus into a file that plan, forecast and ledger read."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.forecast_given import MetricNamesOption, SelectorOption
from planner.cli.options import FleetOption, say

if TYPE_CHECKING:
    from datetime import datetime

    from planner.fleet.daemon import MetricsSettings
    from planner.measure.dialect import Dialect
    from planner.measure.history import Expressions, PastTraffic


def history(
    context: typer.Context,
    start: Annotated[str, typer.Option("--start", help="First hour, such as 2026-11-01T00:00Z.", show_default=False)],
    end: Annotated[str, typer.Option("--end", help="The hour after the last.", show_default=False)],
    config: FleetOption = None,
    prometheus: Annotated[
        str | None, typer.Option("--prometheus", metavar="URL", help="Instead of [metrics] prometheus_url.")
    ] = None,
    metric_names: MetricNamesOption = None,
    selector: SelectorOption = None,
    slot_s: Annotated[
        int, typer.Option("--slot", help="Seconds a rate is taken over; two samples must lie in it.")
    ] = 300,
    tokens: Annotated[bool, typer.Option("--tokens", help="Counts by hour, for `baseload ledger import`.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file instead of stdout.")] = None,
) -> None:
    """Past traffic by the hour, from the counters that Prometheus holds; hours without measurement are marked as gaps.

    Example: baseload history --prometheus http://localhost:9090 --start 2026-10-01T00:00Z --end 2026-11-01T00:00Z
    """
    from planner.case import load_fleet
    from planner.files import check_writable, write_atomic
    from planner.measure.history_csv import rates_csv, tokens_csv

    if output is not None:
        check_writable(output)
    remarks: tuple[str, ...] = ()
    settings, folder = None, "."
    if config is not None:
        fleet, remarks = load_fleet(config)
        settings, folder = fleet.daemon.metrics, fleet.daemon.folder
    found = read(
        settings_of(settings, prometheus=prometheus, engine=metric_names, selector=selector),
        start=hour_of(start, "--start"),
        end=hour_of(end, "--end"),
        slot_s=slot_s,
        folder=folder,
    )
    text = tokens_csv(found) if tokens else rates_csv(found)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(output, text)
    say(context, (*remarks, *said_of(found)))


def settings_of(
    settings: "MetricsSettings | None", *, prometheus: str | None, engine: str | None, selector: str | None
) -> "MetricsSettings":
    """[metrics] with what the command line says otherwise. Raises InputError."""
    from dataclasses import replace

    from planner.errors import InputError
    from planner.fleet.daemon import MetricsSettings
    from planner.measure.dialect import DIALECTS

    if engine is not None and engine not in DIALECTS:
        raise InputError(f"--metric-names {engine}: unknown; expected one of {', '.join(DIALECTS)}")
    if settings is None and prometheus is None:
        raise InputError("--prometheus is missing; expected its URL, or -c with a fleet.toml that has [metrics]")
    given = {"prometheus_url": prometheus, "engine": engine, "selector": selector}
    named = {name: value for name, value in given.items() if value is not None}
    try:
        return MetricsSettings(**named) if settings is None else replace(settings, **named)  # type: ignore[arg-type] # checked
    except ValueError as error:
        raise InputError(f"--prometheus: {error}") from None


def read(
    settings: "MetricsSettings",
    *,
    start: "datetime",
    end: "datetime",
    slot_s: int,
    folder: str,
    expressions: "Expressions | None" = None,
) -> "PastTraffic":
    """The history that `settings` lead to. Raises InputError, MetricsError."""
    from datetime import timedelta

    from autoscaler.settings import Secrets
    from planner.errors import InputError
    from planner.measure.dialect import DIALECTS
    from planner.measure.history import NO_EXPRESSIONS, read_history
    from planner.measure.prometheus import Prometheus

    if end <= start:
        raise InputError(f"--end {end:%Y-%m-%dT%H:%MZ}: is not after --start {start:%Y-%m-%dT%H:%MZ}")
    if not 0 < slot_s <= 3600 or 3600 % slot_s:
        raise InputError(f"--slot {slot_s}: expected seconds that divide an hour, such as 300")
    secrets = Secrets(os.environ, folder=folder)
    token = secrets.find("BASELOAD_PROMETHEUS_TOKEN", settings.token_file, key="[metrics] token_file")
    ca_file = None if settings.ca_file is None else str(Path(folder) / Path(settings.ca_file).expanduser())
    dialect = DIALECTS[settings.engine]
    with Prometheus(settings.prometheus_url, token=token, ca_file=ca_file, timeout_s=120.0) as client:
        found = read_history(
            client,
            dialect,
            start=start,
            end=end,
            slot=timedelta(seconds=slot_s),
            model_of=namer(dialect, settings.served_names),
            matchers=settings.selector,
            expressions=expressions or NO_EXPRESSIONS,
        )
    if not found.rows:
        names = ", ".join(dialect.input_tokens)
        raise InputError(f"{client.shown_url}: has nothing of {names} from {start:%Y-%m-%d} to {end:%Y-%m-%d}")
    return found


def namer(dialect: "Dialect", served_names: Mapping[str, str]) -> Callable[[Mapping[str, str]], str | None]:
    """Labels -> the model by the fleet's name, or by its own; a series that names none is of "model"."""
    ours = {served: model for model, served in served_names.items()}

    def model_of(labels: Mapping[str, str]) -> str | None:
        named = next((labels[name] for name in dialect.model_labels if labels.get(name)), "model")
        return ours.get(named, named)

    return model_of


def said_of(found: "PastTraffic") -> "list[str]":
    """Remarks: warnings, and what was not measured."""
    remarks = [f"Prometheus warns: {one}" for one in found.warnings]
    for model in sorted({row.model for row in found.rows}):
        rows = [row for row in found.rows if row.model == model]
        gaps, partly = sum(row.is_gap for row in rows), sum(0 < row.measured_ratio < 1 for row in rows)
        if gaps or partly:
            remarks.append(f"{model}: {gaps} of {len(rows)} hours are gaps, {partly} are measured in part")
    return remarks


def hour_of(text: str, name: str) -> "datetime":
    """A full hour of UTC. Raises InputError."""
    from planner.errors import InputError
    from planner.exchange.table import read_time

    try:
        moment = read_time(text, name)
    except ValueError as error:
        raise InputError(str(error)) from None
    if moment.minute or moment.second or moment.microsecond:
        raise InputError(f"{name} {text}: expected a full hour of UTC, such as 2026-11-01T00:00Z")
    return moment
