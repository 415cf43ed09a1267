"""`baseload plan`: from a forecast to the cheapest fleet."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.options import (
    CurrencyCode,
    CurrencyOption,
    Fill,
    FillOption,
    FleetOption,
    ForecastOption,
    JsonOption,
    MeasuredOption,
    MonthOption,
    OnlyOption,
    PolicyOption,
    QuantileOption,
    SetOption,
    SloOption,
    WithoutOption,
    currency_of,
    is_quiet,
    say,
    screen,
)

if TYPE_CHECKING:
    from planner.plan import Plan

UNSERVED = 3
NOT_PROVEN = 4


def plan(  # noqa: PLR0917 - a command's options are its arguments
    context: typer.Context,
    forecast: ForecastOption,
    config: FleetOption = None,
    month: MonthOption = None,
    fill: FillOption = None,
    quantile: QuantileOption = None,
    settings: SetOption = None,
    without: WithoutOption = None,
    only: OnlyOption = None,
    slo: SloOption = None,
    policy: PolicyOption = None,
    currency: CurrencyOption = CurrencyCode.USD,
    measured_only: MeasuredOption = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why: marginal prices, offers not chosen, more.")
    ] = False,
    as_json: JsonOption = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the plan as JSON to this file.")] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the plan to an .svg or .png file.")] = None,
) -> None:
    """The cheapest mix of base and burst nodes for a traffic forecast, and how good it is.

    Example: baseload plan -f forecast.csv --month 2026-12 --explain -o plan.json
    """
    from planner.case import load_case, load_fleet, solve_case
    from planner.cli.progress import progress
    from planner.report.plan_json import plan_document
    from planner.report.tables import render_plan
    from planner.whatif import Change, changed

    if chart is not None:
        from planner.report.charts import check_chart_path

        check_chart_path(chart)
    fleet, remarks = load_fleet(config, policy)
    case = load_case(
        forecast=forecast,
        fleet=fleet,
        month=month,
        fill=None if fill is None else Fill.WEEKLY.value,
        quantile=quantile,
        remarks=remarks,
    )
    change = Change(
        settings=tuple(settings or ()),
        without=tuple(without or ()),
        only=tuple(only or ()),
        slo=tuple(slo or ()),
        measured_only=measured_only,
    )
    case = changed(case, change)
    with progress(is_quiet(context)) as report:
        solved = solve_case(case, on_progress=report)
        found = solved.plan
        if explain:
            from planner.explain import explain as explained

            found = explained(case, solved, on_progress=report)
    document = json.dumps(plan_document(found), indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        from planner import files

        files.write_atomic(output, document)
    if chart is not None:
        from planner.report.charts import write_charts

        write_charts(found, chart)
    if as_json:
        typer.echo(document, nl=False)
    else:
        shown = currency_of(currency, case.catalog)
        typer.echo(render_plan(found, screen=screen(), currency=shown), nl=False)
        if explain:
            from planner.report.reasons import render_explanation

            typer.echo(render_explanation(found, screen=screen(), currency=shown), nl=False)
    say(context, found.remarks)
    for path in (output, chart):
        if path is not None:
            say(context, [f"wrote {path}"])
    raise typer.Exit(verdict(context, found))


def verdict(context: typer.Context, found: "Plan") -> int:
    """The exit code of a plan: 3 unserved beyond the policy, 4 too little proven; said on stderr."""
    policy = found.policy
    if found.unserved_ratio > policy.max_unserved_ratio:
        say(
            context,
            [
                f"{found.unserved_ratio:.2%} of tokens stay unserved, more than max_unserved_ratio "
                f"{policy.max_unserved_ratio:.2%}"
            ],
        )
        return UNSERVED
    if found.search == "limit" and float(found.gap.search_usd) > policy.max_search_gap * float(found.total_usd):
        say(context, ["the search for base counts ended at its limit with more left to gain than max_search_gap"])
        return NOT_PROVEN
    return 0
