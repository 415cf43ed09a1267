"""`baseload forecast`: from past traffic to a forecast with bands, and how good such forecasts would have been.

The command stands here and not with the planner's others because its history may come from Prometheus, whose token is
one of the daemon's secrets.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.engine import CheckpointOption, EngineGiven, EngineOption, Work, WorkersOption
from planner.cli.options import FleetOption, JsonOption, say

if TYPE_CHECKING:
    from planner.demand.forecasting import Forecasted, Wanted
    from planner.demand.history import History

DAYS = 28
"""Of Prometheus, unless said otherwise."""


class Target(StrEnum):
    """What a back-test is scored on."""

    INPUT = "input"
    OUTPUT = "output"


def forecast(  # noqa: PLR0917 - a command's options are its arguments
    context: typer.Context,
    history: Annotated[
        Path | None, typer.Argument(help="Past traffic, CSV or CSV.gz; or --from-ledger, or --prometheus.")
    ] = None,
    from_ledger: Annotated[bool, typer.Option("--from-ledger", help="From the usage facts of the ledger.")] = False,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="That ledger, not the one of -c or the environment.")
    ] = None,
    prometheus: Annotated[
        str | None, typer.Option("--prometheus", metavar="URL", help="From the counters that Prometheus holds.")
    ] = None,
    metric_names: Annotated[
        str | None, typer.Option("--metric-names", help="Whose metric names: vllm, llama.cpp, litellm, sglang.")
    ] = None,
    selector: Annotated[
        str | None, typer.Option("--selector", help="""Label matchers of every query, such as job="vllm".""")
    ] = None,
    input_expr: Annotated[
        list[str] | None,
        typer.Option("--input-expr", metavar="MODEL=PROMQL", help="A model's input tokens per second."),
    ] = None,
    output_expr: Annotated[
        list[str] | None,
        typer.Option("--output-expr", metavar="MODEL=PROMQL", help="A model's output tokens per second."),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Of the history, the last (Prometheus: 28; else all).")
    ] = None,
    horizon: Annotated[
        str | None, typer.Option("--horizon", help="From the history's end: hours, days, weeks such as 31d (31d).")
    ] = None,
    month: Annotated[str | None, typer.Option("--month", help="Instead: a calendar month, such as 2026-12.")] = None,
    method: Annotated[str, typer.Option("--method", help="auto: the one that forecasts this history best.")] = "auto",
    quantiles: Annotated[
        str, typer.Option("--quantiles", help="Of each hour's demand.")
    ] = "0.05,0.1,0.25,0.5,0.75,0.9,0.95",
    paths: Annotated[
        int,
        typer.Option("--paths", min=0, max=1000, help="Scenarios to write: paths that the hours may take together."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the paths.")] = 0,
    tz: Annotated[
        str | None, typer.Option("--tz", metavar="ZONE", help="Where the people live who ask, such as Europe/Berlin.")
    ] = None,
    events: Annotated[
        list[Path] | None, typer.Option("--events", help="Holidays and special days: date,name[,end] in CSV, or TOML.")
    ] = None,
    clean: Annotated[
        str | None,
        typer.Option("--clean", metavar="KINDS", help="What of the history to mend: gaps,outliers,shifts."),
    ] = None,
    no_clean: Annotated[bool, typer.Option("--no-clean", help="Forecast from the history as it is.")] = False,
    growth: Annotated[
        list[str] | None, typer.Option("--growth", metavar="[MODEL=]N%/month", help="Growth on top of the forecast.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--change",
            metavar="[MODEL@]DATE=CHANGE",
            help="From a day on: 2026-12-10=+300tok/s, =-20%, =*1.5; DATE/DATE: until that day.",
        ),
    ] = None,
    assumptions: Annotated[
        Path | None, typer.Option("--assumptions", help="The same as [[growth]] and [[change]] in TOML.")
    ] = None,
    backtest: Annotated[
        bool, typer.Option("--backtest", help="Say how good forecasts of the past would have been.")
    ] = False,
    origins: Annotated[
        int | None, typer.Option("--origins", min=1, help="Moments of the past to forecast from (8, or what fits).")
    ] = None,
    target: Annotated[Target, typer.Option("--target", help="Tokens the back-test is scored on.")] = Target.OUTPUT,
    engine: EngineOption = "loky",
    workers: WorkersOption = None,
    checkpoint: CheckpointOption = None,
    config: FleetOption = None,
    as_json: JsonOption = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the forecast as CSV.")] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the fan to an .svg or .png file.")] = None,
) -> None:
    """Past traffic to a forecast with bands, as `baseload plan -f` reads it; with --backtest, how good it would be.

    Example: baseload forecast history.csv --month 2026-12 --tz Europe/Berlin -o forecast.csv --chart fan.png
    """
    from planner.cli import forecast as asked
    from planner.cli.paths import check_paths

    _one_source(history, from_ledger=from_ledger, prometheus=prometheus)
    _only_with(from_ledger, "--from-ledger", {"--database": database})
    told = {
        "--metric-names": metric_names,
        "--selector": selector,
        "--input-expr": input_expr,
        "--output-expr": output_expr,
    }
    _only_with(prometheus is not None, "--prometheus", told)
    kept = {"--origins": origins, "--workers": workers, "--checkpoint": checkpoint}
    _only_with(backtest, "--backtest", kept)
    work = EngineGiven(engine=engine, workers=workers, checkpoint=checkpoint).work()
    reads = [("HISTORY", history), ("-c", config), ("--assumptions", assumptions)]
    reads += [("--events", path) for path in events or ()]
    check_paths(read=reads, write=(("-o", output), ("--chart", chart)))
    zone, remarks = asked.zone_name(tz, config)
    levels = asked.quantiles_of(quantiles)
    asked.check_method(method)
    kinds = asked.kinds_of(clean, is_off=no_clean)
    calendar = asked.calendar_of(events)
    assumed = asked.assumptions_of(growth, change, assumptions)

    from planner.demand.forecasting import Wanted

    if prometheus is not None:
        past = _measured(prometheus, config, metric_names, selector, days or DAYS, input_expr, output_expr)
    elif from_ledger:
        past = asked.last_days(asked.ledger_history(config, database), days)
    else:
        assert history is not None
        past = asked.last_days(asked.csv_history(history), days)
    span = asked.span_of(past, horizon, month)
    made = _made(
        context,
        past,
        Wanted(
            start=span.start,
            end=span.end,
            zone=zone,
            calendar=calendar,
            clean=kinds,
            assumptions=assumed,
            method=method,
            quantiles=levels,
            paths=paths,
            seed=seed,
            has_backtest=backtest,
            origins=origins,
            target=target.value,
        ),
        work,
    )
    asked.write_files(made, output, chart)
    asked.print_forecast(made, as_json=as_json)
    say(context, (*remarks, *span.remarks, *made.remarks))
    say(context, [f"wrote {path}" for path in (output, chart) if path is not None])


def _made(context: typer.Context, past: "History", wanted: "Wanted", work: Work) -> "Forecasted":
    """The forecast; the forecasts of a back-test are tasks of their own."""
    from planner.demand.forecasting import forecasted

    if not wanted.has_backtest:
        return forecasted(past, wanted)
    from planner.tasks.backtests import runs_on

    with work.running(context) as running:
        return forecasted(past, wanted, runs=runs_on(**running))


def _one_source(history: Path | None, *, from_ledger: bool, prometheus: str | None) -> None:
    from planner.errors import InputError

    given = {"HISTORY": history is not None, "--from-ledger": from_ledger, "--prometheus": prometheus is not None}
    named = [name for name, is_given in given.items() if is_given]
    if len(named) != 1:
        raise InputError(f"expected one of {', '.join(given)}; got {' and '.join(named) or 'none'}")


def _only_with(is_given: bool, option: str, others: Mapping[str, object]) -> None:
    from planner.errors import InputError

    for name, value in others.items():
        if value is not None and not is_given:
            raise InputError(f"{name}: has no effect without {option}")


def _measured(
    prometheus: str,
    config: Path | None,
    metric_names: str | None,
    selector: str | None,
    days: int,
    input_expr: Sequence[str] | None,
    output_expr: Sequence[str] | None,
) -> "History":
    """The last days that Prometheus measured, up to the last full hour."""
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    from autoscaler.cli.history import read, said_of, settings_of
    from planner.fleet import read_fleet_file
    from planner.measure.history import Expressions

    fleet = None if config is None else read_fleet_file(config)
    settings = settings_of(
        None if fleet is None else fleet.daemon.metrics, prometheus=prometheus, engine=metric_names, selector=selector
    )
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    found = read(
        settings,
        start=end - timedelta(days=days),
        end=end,
        slot_s=300,
        folder="." if fleet is None else fleet.daemon.folder,
        expressions=Expressions(
            input_tok_s=_told("--input-expr", input_expr), output_tok_s=_told("--output-expr", output_expr)
        ),
    )
    return replace(found.as_history(source=prometheus), remarks=tuple(said_of(found)))


def _told(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """Expressions by model."""
    from planner.errors import InputError

    found: dict[str, str] = {}
    for text in texts or ():
        model, equals, expression = text.partition("=")
        if not equals or not model.strip() or not expression.strip():
            raise InputError(f"{option} {text}: expected MODEL=PROMQL, such as chat=sum(rate(tokens_total[5m]))")
        if found.setdefault(model.strip(), expression.strip()) != expression.strip():
            raise InputError(f"{option} {text}: {model.strip()} is told twice; expected once")
    return found
