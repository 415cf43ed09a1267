"""`baseload sensitivity`: what moves the bill, and where the best base nodes change."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.case_given import CaseGiven
from planner.cli.engine import EngineGiven, Work
from planner.cli.option_groups import with_options
from planner.cli.options import CurrencyCode, CurrencyOption, JsonOption, currency_of, say, screen
from planner.cli.paths import check_paths
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.case import Case
    from planner.report.numbers import Currency


class View(StrEnum):
    """What is shown."""

    TORNADO = "tornado"
    DEMAND = "demand"
    MAP = "map"


class Amount(StrEnum):
    """Which amount a tornado is of."""

    BILL = "bill"
    TOTAL = "total"


ViewArgument = Annotated[
    View,
    typer.Argument(
        help="tornado: what moves the bill; demand: base nodes over demand; map: base nodes over demand and peakiness."
    ),
]
VaryOption = Annotated[
    list[str] | None,
    typer.Option("--vary", metavar="KEY=LOW,HIGH", help="tornado: these ends for an input, or one more input."),
]
InputsOption = Annotated[
    Path | None, typer.Option("--inputs", help="tornado: the inputs of this TOML file in place of the default ones.")
]
OfOption = Annotated[Amount | None, typer.Option("--of", help="tornado: order by the bill or by the total.")]
DemandOption = Annotated[
    str | None,
    typer.Option("--demand", metavar="FACTORS", help="demand: LOW..HIGH; map: 0.5,1,2 or 0.5..2:0.25."),
]
PeakinessOption = Annotated[
    str | None, typer.Option("--peakiness", metavar="POWERS", help="map: 0,1,2 or 0..3:0.5; 0 is flat, 1 as forecast.")
]
ChartOption = Annotated[Path | None, typer.Option("--chart", help="Draw it to an .svg or .png file.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewGiven:
    """What is shown, and how, as written."""

    view: ViewArgument = View.TORNADO
    vary: VaryOption = None
    inputs: InputsOption = None
    of: OfOption = None
    demand: DemandOption = None
    peakiness: PeakinessOption = None
    currency: CurrencyOption = CurrencyCode.USD
    as_json: JsonOption = False
    chart: ChartOption = None

    def refuse_unused(self) -> None:
        """Options of another view are refused, not ignored."""
        views = {View.TORNADO: ("--inputs", "--of", "--vary"), View.DEMAND: ("--demand",)}
        used = views.get(self.view, ("--demand", "--peakiness"))
        given = {"--vary": self.vary, "--inputs": self.inputs, "--of": self.of}
        for option, value in {**given, "--demand": self.demand, "--peakiness": self.peakiness}.items():
            if value and option not in used:
                raise InputError(f"{option}: is not used by sensitivity {self.view}; expected {', '.join(used)}")


@with_options(CaseGiven, ViewGiven, EngineGiven)
def sensitivity(context: typer.Context, given: CaseGiven, shown: ViewGiven, engine: EngineGiven) -> None:
    """What moves the bill: each uncertain input varied and planned again; where the best base nodes change.

    Example: baseload sensitivity tornado -f forecast.csv --vary price.aws.spot=*0.5,*2 --chart tornado.png
    """
    from planner.whatif import changed

    shown.refuse_unused()
    check_paths(
        read=(("-f", given.forecast), ("-c", given.config), ("--inputs", shown.inputs)),
        write=(("--chart", shown.chart), ("--checkpoint", engine.checkpoint)),
    )
    work = engine.work()
    case = changed(given.case(), given.change())
    view = {View.TORNADO: _tornado, View.DEMAND: _ranges, View.MAP: _map}[shown.view]
    document, text, remarks = view(context, case, shown, work, currency_of(shown.currency, case.catalog))
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False) + "\n" if shown.as_json else text, nl=False)
    say(context, remarks)
    say(context, [f"wrote {shown.chart}"] if shown.chart is not None else [])


Shown = tuple[dict[str, Any], str, tuple[str, ...]]
"""The document, the text, and the remarks."""


def _tornado(context: typer.Context, case: "Case", shown: ViewGiven, work: Work, currency: "Currency") -> Shown:
    from planner import files
    from planner.report.sensitivity.chart import write_tornado_chart
    from planner.report.sensitivity.tornado import render_tornado, tornado_document
    from planner.whatif.inputs import default_inputs, read_inputs, varied
    from planner.whatif.tornado import Of, tornado

    path, of = shown.inputs, Of(shown.of.value if shown.of is not None else "bill")
    inputs = default_inputs(case) if path is None else read_inputs(files.read_text(path), str(path))
    with work.running(context) as how:
        found = tornado(case, varied(inputs, shown.vary or ()), of, **how)
    if shown.chart is not None:
        write_tornado_chart(found, shown.chart, currency)
    text = render_tornado(found, screen=screen(), currency=currency)
    return tornado_document(found), text, found.plan.remarks


def _ranges(context: typer.Context, case: "Case", shown: ViewGiven, work: Work, currency: "Currency") -> Shown:
    from planner.report.sensitivity.chart import write_ranges_chart
    from planner.report.sensitivity.ranges import ranges_document, render_ranges
    from planner.whatif.ranges import LEAST, MOST, base_ranges

    low, high = (LEAST, MOST) if shown.demand is None else _span(shown.demand)
    with work.running(context) as how:
        found = base_ranges(case, low, high, **how)
    if shown.chart is not None:
        write_ranges_chart(found, shown.chart, currency)
    return ranges_document(found), render_ranges(found, screen=screen(), currency=currency), found.plan.remarks


def _map(context: typer.Context, case: "Case", shown: ViewGiven, work: Work, currency: "Currency") -> Shown:
    from planner.report.sensitivity.base_map import map_document, render_map
    from planner.report.sensitivity.chart import write_map_chart
    from planner.whatif.base_map import DEMAND, PEAKINESS, base_map

    factors = DEMAND if shown.demand is None else _values("--demand", shown.demand)
    powers = PEAKINESS if shown.peakiness is None else _values("--peakiness", shown.peakiness)
    with work.running(context) as how:
        found = base_map(case, factors, powers, **how)
    if shown.chart is not None:
        write_map_chart(found, shown.chart)
    return map_document(found), render_map(found, screen=screen(), currency=currency), found.plan.remarks


def _span(written: str) -> tuple[float, float]:
    """The two factors of LOW..HIGH."""
    low, dots, high = written.partition("..")
    try:
        found = float(low), float(high)
    except ValueError:
        found = (0.0, 0.0)
    if not (dots and 0 < found[0] < found[1] <= 1e6):
        raise InputError(f"--demand {written}: expected LOW..HIGH, two rising factors such as 0.25..4")
    return found


def _values(option: str, written: str) -> tuple[str, ...]:
    """The values of a list or a range, as a sweep writes them."""
    from planner.tasks.sweep import axes_of

    try:
        (values,) = axes_of([f"{option}={written}"]).values()
    except InputError as error:
        raise InputError(str(error).replace(f"--sweep {option}={written}", f"{option} {written}")) from None
    return values
