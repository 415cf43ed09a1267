"""`baseload whatif`: a plan before and after a change, or beside several named scenarios."""

import json
from collections.abc import Callable
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
    split,
)
from planner.cli.plan import UNSERVED, verdict
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.case import Case
    from planner.cli.progress import Report
    from planner.optimize.solve import Solved
    from planner.whatif import Change, Comparison


def whatif(  # noqa: PLR0917 - a command's options are its arguments
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
    measured_only: MeasuredOption = False,
    scenarios: Annotated[
        Path | None,
        typer.Option("--scenarios", help="Named scenarios, TOML; the options above then hold before and after."),
    ] = None,
    currency: CurrencyOption = CurrencyCode.USD,
    as_json: JsonOption = False,
) -> None:
    """The plan before and after a change of demand, prices, offers, SLO or policy, and why it changes.

    Example: baseload whatif -f forecast.csv --set demand=*1.5 --set price.aws=*1.2 --without ovh
    """
    from planner.case import load_case, load_fleet
    from planner.cli.progress import progress
    from planner.report.whatif_json import whatif_document
    from planner.report.whatif_tables import render_whatif
    from planner.whatif import Change, changed, compare

    given = Change(
        settings=tuple(settings or ()),
        without=split(without),
        only=split(only),
        slo=tuple(slo or ()),
        policy=policy,
        measured_only=measured_only,
    )
    changes = _changes(given, scenarios)
    fleet, remarks = load_fleet(config)
    case = load_case(
        forecast=forecast,
        fleet=fleet,
        month=month,
        fill=None if fill is None else Fill.WEEKLY.value,
        quantile=quantile,
        remarks=remarks,
    )
    if scenarios is not None:
        case = changed(case, given)
    with progress(is_quiet(context)) as report:
        comparison = compare(case, changes, _solver(["before", *(one.name or "after" for one in changes)], report))
    if as_json:
        typer.echo(json.dumps(whatif_document(comparison), indent=2, ensure_ascii=False))
    else:
        shown = currency_of(currency, case.catalog)
        typer.echo(render_whatif(comparison, screen=screen(), currency=shown), nl=False)
    say(context, _remarks(comparison))
    raise typer.Exit(_verdict(context, comparison))


def _changes(given: "Change", scenarios: Path | None) -> "tuple[Change, ...]":
    """What to compare: the scenarios of a file, or the one change of the command line."""
    if scenarios is not None:
        from planner import files
        from planner.whatif import read_scenarios

        return read_scenarios(files.read_text(scenarios), str(scenarios), str(scenarios.parent))
    if not given.words:
        raise InputError(
            "whatif: nothing to change; expected --set KEY=VALUE, --without, --only, --slo, --policy, --measured-only "
            "or --scenarios FILE, such as --set demand=*1.5"
        )
    return (given,)


def _solver(names: list[str], report: "Report") -> "Callable[[Case], Solved]":
    """A solver that tells which of the cases it works on, and how far along all of them are."""
    from planner.case import solve_case

    waiting = iter(enumerate(names))

    def solve(case: "Case") -> "Solved":
        index, name = next(waiting)
        return solve_case(case, on_progress=lambda what, share: report(f"{name}: {what}", (index + share) / len(names)))

    return solve


def _remarks(comparison: "Comparison") -> list[str]:
    """Remarks of the plan before, and those that a change adds; what was changed stands in the legend."""
    from planner.whatif import remark

    before = comparison.plan.remarks
    added = [
        f"{outcome.name}: {text}"
        for outcome in comparison.after
        for text in outcome.plan.remarks
        if text not in before and text != remark(outcome.change)
    ]
    return [*before, *added]


def _verdict(context: typer.Context, comparison: "Comparison") -> int:
    """The exit code: that of the worst plan after a change, unserved before unproven."""
    codes = set()
    for outcome in comparison.after:
        code = verdict(context, outcome.plan)
        if code:
            say(context, [f"this is so for {outcome.name!r}"])
        codes.add(code)
    return UNSERVED if UNSERVED in codes else max(codes)
