"""`baseload report`: the monthly capacity report, from the ledger to files."""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.options import CurrencyCode, FleetOption, JsonOption, PolicyOption, currency_of, say, split

if TYPE_CHECKING:
    from planner.demand.forecast import Forecast
    from planner.fleet import Fleet
    from planner.measure.offer_use import FleetUse
    from planner.month.facts import MonthFacts, PlanOfMonth
    from planner.month.gather import Setting
    from planner.month.value import MonthReport
    from planner.report.month.document import Document
    from planner.report.month.reading import Reading


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    PDF = "pdf"
    MD = "md"
    JSON = "json"


def report(  # noqa: PLR0917 - a command's options are its arguments
    context: typer.Context,
    month: Annotated[
        str, typer.Option("--month", help="The calendar month (UTC), such as 2026-11.", show_default=False)
    ],
    config: FleetOption = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", metavar="FORMATS", help="html, pdf, md, json; several by comma.")
    ] = None,
    tz: Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Zone of hours of the day (UTC).")] = None,
    currency: Annotated[
        CurrencyCode | None, typer.Option("--currency", help="Currency amounts are shown in; JSON stays in USD.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", metavar="FOLDER", help="Where to write the files (here).")
    ] = None,
    forecast: Annotated[
        Path | None, typer.Option("-f", "--forecast", help="Of the month after; else the last week is repeated.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="The plan to compare with, not the recorded one.")
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option("--prometheus", metavar="URL", help="Which recorded utilization and throughput by offer."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="TAG", help="The tag of usage to charge by (team).")] = None,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """The monthly capacity report: bill, plan against actual, unit cost, charges, hindsight, next month.

    Example: baseload report --month 2026-11 -c fleet.toml --format html,pdf
    """
    targets = _targets(month, _formats(formats, as_json=as_json), output_dir)  # before anything slow is loaded

    from planner.case import load_fleet
    from planner.cli.clock import today
    from planner.cli.database import ledger_url
    from planner.cli.month_facts import check_tag, setting_of
    from planner.month.gather import gather
    from planner.month.report import month_report
    from planner.report.month_json import month_text
    from planner.store import open_ledger

    fleet, remarks = load_fleet(config, policy)
    setting = setting_of(fleet, as_of=today())
    reading = _reading(fleet, setting, tz, currency)
    expected = None if forecast is None else _next_forecast(forecast, month, fleet)
    planned = None if plan is None else _plan_of(plan, month)
    with open_ledger(ledger_url(config)) as ledger:
        facts = gather(ledger, month, setting, as_of=datetime.now(UTC), planned=planned)
    if by is not None:
        check_tag(facts, by)
    facts = _with_market_and_use(facts, prometheus)
    found = month_report(facts, by=by or fleet.report.by, title=fleet.report.title, forecast=expected)
    _write(found, reading, targets)
    typer.echo(month_text(found) if as_json else _summary(found, reading), nl=False)
    say(context, (*remarks, *found.remarks))
    say(context, [f"wrote {path}" for path in targets.values()])


def _with_market_and_use(facts: "MonthFacts", prometheus: str | None) -> "MonthFacts":
    """The facts with what hosted models cost, what a Prometheus recorded, and what is doubtful of both."""
    from planner.catalog.stale import catalog_stale_remarks
    from planner.exchange.hosted_prices import shipped_hosted_prices

    use = _use(prometheus, facts)
    warned = () if use is None else tuple(f"Prometheus warns: {one}" for one in use.warnings)
    stale = catalog_stale_remarks(facts.catalog)
    return replace(facts, hosted=shipped_hosted_prices(), use=use, remarks=(*facts.remarks, *warned, *stale))


def _use(prometheus: str | None, facts: "MonthFacts") -> "FleetUse | None":
    """What a Prometheus recorded by offer in the past part of the month. Raises InputError, MetricsError."""
    if prometheus is None:
        return None
    from planner.cli.prometheus import prometheus_at
    from planner.measure.recorded import read_fleet_use

    with prometheus_at(prometheus) as client:
        return read_fleet_use(client, start=facts.start, end=facts.known_until)


def _formats(given: list[str] | None, *, as_json: bool) -> tuple[Format, ...]:
    """The formats asked for, each once; HTML where none is, and none beside --json."""
    from planner.catalog.nearest import nearest
    from planner.errors import InputError

    names = split(given)
    if not names:
        return () if as_json else (Format.HTML,)
    known = [one.value for one in Format]
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            hint = f"did you mean {meant[0]!r}?" if meant else f"expected {', '.join(known)}"
            raise InputError(f"--format {name}: no such format; {hint}")
    return tuple(Format(name) for name in dict.fromkeys(names))


def _targets(month: str, formats: tuple[Format, ...], folder: Path | None) -> dict[Format, Path]:
    """The file of each format; raises InputError where one could not be written, before any work is done for it."""
    from planner.demand.horizon import month_span
    from planner.errors import InputError
    from planner.files import check_writable

    month_span(month)
    if folder is not None and not formats:
        raise InputError("-o: nothing is written beside --json; expected --format too")
    targets = {one: (folder or Path()) / f"capacity-report-{month}.{one.value}" for one in formats}
    for path in targets.values():
        check_writable(path)
    if Format.PDF in formats:
        from planner.report.month.pdf import check_pdf

        check_pdf()
    return targets


def _reading(fleet: "Fleet", setting: "Setting", tz: str | None, currency: CurrencyCode | None) -> "Reading":
    """The reader's zone and currency: the options', else the fleet's."""
    from planner.report.month.reading import Reading, zone_of
    from planner.report.numbers import Currency

    name = tz or fleet.report.tz
    code = currency or CurrencyCode(fleet.report.currency)
    shown, own = currency_of(code, setting.catalog), fleet.catalog.usd_per_eur
    if code is CurrencyCode.EUR and own is not None:  # also where no offer is in EUR
        shown = Currency(code=code.value, usd_per_unit=own, rate_date=fleet.catalog.usd_per_eur_date)
    return Reading(currency=shown, zone=zone_of(name), zone_name=name)


def _next_forecast(path: Path, month: str, fleet: "Fleet") -> "Forecast":
    """The forecast of the month after; hours it lacks repeat its last week, with a remark."""
    from planner.demand.horizon import for_models, month_span, select_month
    from planner.demand.read import read_forecast
    from planner.files import read_text

    demand = for_models(read_forecast(read_text(path), source=str(path)), fleet.model_names)
    return select_month(demand, f"{month_span(month)[1]:%Y-%m}", "weekly")


def _plan_of(path: Path, month: str) -> "PlanOfMonth":
    """The plan of a file, which must touch the month."""
    from planner.demand.horizon import month_span
    from planner.errors import InputError
    from planner.exchange.plan_file import read_plan
    from planner.files import read_text
    from planner.month.facts import PlanOfMonth

    found = read_plan(read_text(path), source=str(path))
    start, end = month_span(month)
    if found.end <= start or found.start >= end:
        raise InputError(f"{path}: plans {found.start:%Y-%m-%d} to {found.end:%Y-%m-%d}; expected a plan of {month}")
    return PlanOfMonth(plan=found, saved_at=None, source=str(path))


def _write(found: "MonthReport", reading: "Reading", targets: dict[Format, Path]) -> None:
    """The files asked for; all are made before the first is written."""
    from planner.files import write_atomic
    from planner.report.month.outline import outline

    if not targets:
        return
    document = outline(found, reading)
    made = {path: _rendered(one, found, document) for one, path in targets.items()}
    for path, content in made.items():
        write_atomic(path, content)


def _rendered(form: Format, found: "MonthReport", document: "Document") -> str | bytes:
    match form:
        case Format.JSON:
            from planner.report.month_json import month_text

            return month_text(found)
        case Format.MD:
            from planner.report.month.markdown import markdown

            return markdown(document)
        case Format.HTML:
            from planner.report.month.html import html

            return html(document)
        case Format.PDF:
            from planner.report.month.html import html
            from planner.report.month.pdf import pdf

            return pdf(html(document))


def _summary(found: "MonthReport", reading: "Reading") -> str:
    """The five sentences, for the terminal."""
    from planner.report.month.summary import summary

    return "".join(f"{sentence}\n" for sentence in summary(found, reading))
