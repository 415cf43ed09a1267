"""`baseload whatif`: a plan before and after a change, or beside several named scenarios."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.case_given import CaseGiven
from planner.cli.engine import EngineGiven, Work
from planner.cli.option_groups import with_options
from planner.cli.options import CurrencyCode, CurrencyOption, JsonOption, currency_of, say, screen
from planner.cli.paths import check_paths
from planner.cli.plan import NOT_PROVEN, UNSERVED, verdict
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.case import Case
    from planner.report.numbers import Currency
    from planner.whatif import Change, Comparison


ScenariosOption = Annotated[
    Path | None,
    typer.Option("--scenarios", help="Named scenarios, TOML; the options above then hold before and after."),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep", metavar="KEY=a,b,c", help="Plan each value, such as demand=*0.5..*2:0.1; several are crossed."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesGiven:
    """Which changes are compared, and how they are shown, as written."""

    scenarios: ScenariosOption = None
    sweep: SweepOption = None
    currency: CurrencyOption = CurrencyCode.USD
    as_json: JsonOption = False
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the sweep to an .svg or .png file.")] = None

    def check(self) -> None:
        """Refuses options that do not go together."""
        if self.sweep and self.scenarios is not None:
            raise InputError(f"--sweep {self.sweep[0]}: --scenarios is given, too; expected one of them")
        if self.chart is not None and not self.sweep:
            raise InputError(f"--chart {self.chart}: draws a sweep; expected --sweep KEY=a,b,c")
        if self.chart is not None:
            from planner.report.charts import check_chart_path

            check_chart_path(self.chart)


@with_options(CaseGiven, ChangesGiven, EngineGiven)
def whatif(context: typer.Context, given: CaseGiven, asked: ChangesGiven, engine: EngineGiven) -> None:
    """The plan before and after a change of demand, prices, offers, SLO or policy, and why it changes.

    Example: baseload whatif -f forecast.csv --set demand=*1.5 --set price.aws=*1.2 --without ovh
    """
    from planner.report.whatif_json import whatif_document
    from planner.report.whatif_tables import render_whatif
    from planner.whatif import changed, compare
    from planner.whatif.planned import plan_cases

    asked.check()
    check_paths(
        read=(("-f", given.forecast), ("-c", given.config), ("--scenarios", asked.scenarios)),
        write=(("--checkpoint", engine.checkpoint), ("--chart", asked.chart)),
    )
    work = engine.work()
    changes = () if asked.sweep else _changes(given.change(), asked.scenarios)
    case = given.case()
    if asked.scenarios is not None or asked.sweep:
        case = changed(case, given.change())
    shown = currency_of(asked.currency, case.catalog)
    if asked.sweep:
        raise typer.Exit(swept(context, case, asked, work, shown))
    with work.running(context) as how:
        comparison = compare(case, changes, lambda cases: plan_cases(cases, **how))
    if asked.as_json:
        typer.echo(json.dumps(whatif_document(comparison), indent=2, ensure_ascii=False))
    else:
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
            "whatif: nothing to change; expected --set KEY=VALUE, --without, --only, --slo, --policy, --measured-only, "
            "--scenarios FILE or --sweep KEY=a,b,c, such as --set demand=*1.5"
        )
    return (given,)


def swept(context: typer.Context, case: "Case", asked: ChangesGiven, work: Work, currency: "Currency") -> int:
    """The exit code of a sweep, once it is shown: 3 where no point serves enough, 4 where one is not proven enough."""
    from planner.report.whatif_sweep import render_sweep, sweep_document
    from planner.whatif.sweep import sweep_plans

    with work.running(context) as how:
        found = sweep_plans(case, asked.sweep or [], **how)
    if asked.chart is not None:
        from planner.report.whatif_chart import write_sweep_chart

        write_sweep_chart(found, asked.chart, currency)
    if asked.as_json:
        typer.echo(json.dumps(sweep_document(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(render_sweep(found, screen=screen(), currency=currency), nl=False)
    say(context, found.plan.remarks)
    say(context, [f"wrote {asked.chart}"] if asked.chart is not None else [])
    if not any(point.is_served for point in found.points):
        say(context, ["no point leaves as little unserved as max_unserved_ratio"])
        return UNSERVED
    return 0 if all(point.is_settled for point in found.points) else NOT_PROVEN


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
