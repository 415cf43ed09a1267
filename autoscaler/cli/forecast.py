"""`baseload forecast`: from past traffic to a forecast with bands, and how good such forecasts would have been.

The command stands here and not with the planner's others because its history may come from Prometheus, whose token is
one of the daemon's secrets.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from planner.cli.engine import EngineGiven, Work
from planner.cli.forecast_given import JudgedGiven, PastGiven, ShownGiven, WantedGiven
from planner.cli.option_groups import with_options
from planner.cli.options import say
from planner.cli.paths import check_paths

if TYPE_CHECKING:
    from pathlib import Path

    from planner.demand.forecasting import Forecasted, Wanted
    from planner.demand.history import History

DAYS = 28
"""Of Prometheus, unless said otherwise."""


@with_options(PastGiven, WantedGiven, JudgedGiven, EngineGiven, ShownGiven)
def forecast(
    context: typer.Context,
    given: PastGiven,
    wanted: WantedGiven,
    judged: JudgedGiven,
    engine: EngineGiven,
    shown: ShownGiven,
) -> None:
    """Past traffic to a forecast with bands, as `baseload plan -f` reads it; with --backtest, how good it would be.

    Example: baseload forecast history.csv --month 2026-12 --tz Europe/Berlin -o forecast.csv --chart fan.png
    """
    from planner.cli import forecast as asked

    given.check()
    judged.check(engine)
    work = engine.work()
    reads = [("HISTORY", given.history), ("-c", shown.config), ("--assumptions", wanted.assumptions)]
    reads += [("--events", path) for path in wanted.events or ()]
    check_paths(read=reads, write=(("-o", shown.output), ("--chart", shown.chart)))
    settled = asked.settled(wanted, shown.config)
    past = _past(given, shown.config)
    span = asked.span_of(past, wanted.horizon, wanted.month)
    made = _made(context, past, asked.wanted_of(settled, wanted, judged, span), work)
    asked.write_files(made, shown.output, shown.chart)
    asked.print_forecast(made, as_json=shown.as_json)
    say(context, (*settled.remarks, *span.remarks, *made.remarks))
    say(context, [f"wrote {path}" for path in (shown.output, shown.chart) if path is not None])


def _past(given: PastGiven, config: "Path | None") -> "History":
    """The past of the one source that is given."""
    from planner.cli import forecast as asked

    if given.prometheus is not None:
        return _measured(given, given.prometheus, config)
    if given.from_ledger:
        return asked.last_days(asked.ledger_history(config, given.database), given.days)
    assert given.history is not None
    return asked.last_days(asked.csv_history(given.history), given.days)


def _made(context: typer.Context, past: "History", wanted: "Wanted", work: Work) -> "Forecasted":
    """The forecast; the forecasts of a back-test are tasks of their own."""
    from planner.demand.forecasting import forecasted

    if not wanted.has_backtest:
        return forecasted(past, wanted)
    from planner.tasks.backtests import runs_on

    with work.running(context) as running:
        return forecasted(past, wanted, runs=runs_on(**running))


def _measured(given: PastGiven, prometheus: str, config: "Path | None") -> "History":
    """The last days that Prometheus measured, up to the last full hour."""
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    from autoscaler.cli.history import read, said_of, settings_of
    from planner.fleet import read_fleet_file
    from planner.measure.history import Expressions

    fleet = None if config is None else read_fleet_file(config)
    settings = settings_of(
        None if fleet is None else fleet.daemon.metrics,
        prometheus=prometheus,
        engine=given.metric_names,
        selector=given.selector,
    )
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    found = read(
        settings,
        start=end - timedelta(days=given.days or DAYS),
        end=end,
        slot_s=300,
        folder="." if fleet is None else fleet.daemon.folder,
        expressions=Expressions(
            input_tok_s=_told("--input-expr", given.input_expr), output_tok_s=_told("--output-expr", given.output_expr)
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
