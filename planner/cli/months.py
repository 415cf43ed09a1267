"""`baseload months`: base servers to order and cancel in each of several months."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.case_given import ChangedGiven
from planner.cli.option_groups import with_options
from planner.cli.options import (
    CurrencyCode,
    CurrencyOption,
    Fill,
    JsonOption,
    currency_of,
    is_quiet,
    say,
    screen,
)
from planner.cli.paths import check_paths
from planner.cli.plan import UNSERVED
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.case import Case
    from planner.optimize.months.value import Schedule, Terms
    from planner.report.numbers import Currency

FromOption = Annotated[
    str | None, typer.Option("--from", metavar="MONTH", help="First month, such as 2026-12 (the forecast's first).")
]
CountOption = Annotated[int, typer.Option("--months", help="How many months.")]
GrowthOption = Annotated[
    str | None, typer.Option("--growth", metavar="RATIO", help="Demand grows so much a month, such as 5%.")
]
LaterOption = Annotated[
    list[str] | None,
    typer.Option("--set-from", metavar="MONTH:KEY=VALUE", help="A change from a month on; servers keep their price."),
]
NoticeOption = Annotated[
    int, typer.Option("--notice-months", min=0, max=12, help="From a cancellation to the server's end.")
]
SavingOption = Annotated[
    str, typer.Option("--min-saving", metavar="USD", help="Least saving for which a server is bought or cancelled.")
]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="Write the JSON document to this file.")]
ChartOption = Annotated[Path | None, typer.Option("--chart", help="Draw the months to an .svg or .png file.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthsGiven:
    """Which months, what grows or changes in them, and how they are shown, as written."""

    first: FromOption = None
    count: CountOption = 12
    growth: GrowthOption = None
    later: LaterOption = None
    notice_months: NoticeOption = 0
    min_saving: SavingOption = "0"
    currency: CurrencyOption = CurrencyCode.USD
    as_json: JsonOption = False
    output: OutputOption = None
    chart: ChartOption = None


@with_options(ChangedGiven, MonthsGiven)
def months(context: typer.Context, given: ChangedGiven, asked: MonthsGiven) -> None:
    """Base servers to order and cancel in each month: setup fees, notice, prices of the order date and growth weighed.

    Example: baseload months -f forecast.csv --from 2026-12 --fill weekly --growth 5% --min-saving 50
    """
    from planner.case import load_case, load_fleet
    from planner.cli.clock import today
    from planner.report.months import months_text, render_months
    from planner.whatif.months import first_whole_month, month_cases, months_from, read_growth, read_later

    output, chart = asked.output, asked.chart
    check_paths(read=(("-f", given.forecast), ("-c", given.config)), write=(("-o", output), ("--chart", chart)))
    if chart is not None:
        from planner.report.charts import check_chart_path

        check_chart_path(chart)
    terms = _terms(asked.notice_months, asked.min_saving)
    fleet, remarks = load_fleet(given.config, given.policy)
    case = load_case(forecast=given.forecast, fleet=fleet, quantile=given.quantile, remarks=remarks, as_of=today())
    cases = month_cases(
        case,
        months_from(asked.first or first_whole_month(case.forecast), asked.count),
        fill=None if given.fill is None else Fill.WEEKLY.value,
        growth_ratio=0.0 if asked.growth is None else read_growth(asked.growth),
        change=replace(given.change(), policy=None),
        later=[read_later(one) for one in asked.later or ()],
    )
    found = _scheduled(context, cases, terms)
    shown = currency_of(asked.currency, case.catalog)
    _write_files(found, output, chart, shown)
    if asked.as_json:
        typer.echo(months_text(found), nl=False)
    else:
        typer.echo(render_months(found, screen=screen(), currency=shown), nl=False)
    say(context, [*found.remarks, *(f"wrote {path}" for path in (output, chart) if path is not None)])
    raise typer.Exit(_verdict(context, found, fleet.policy.max_unserved_ratio))


def _write_files(found: "Schedule", output: Path | None, chart: Path | None, currency: "Currency") -> None:
    """The files asked for."""
    if output is not None:
        from planner.files import write_atomic
        from planner.report.months import months_text

        write_atomic(output, months_text(found))
    if chart is not None:
        from planner.report.months_chart import write_months_chart

        write_months_chart(found, chart, currency)


def _terms(notice_months: int, min_saving: str) -> "Terms":
    from planner.optimize.months.value import Terms

    try:
        saving = Decimal(min_saving)
        if saving.is_finite():
            return Terms(notice_months=notice_months, min_saving_usd=saving)
    except (ArithmeticError, ValueError):
        pass
    raise InputError(f"--min-saving {min_saving!r}: expected USD, 0 or more, such as 50")


def _scheduled(context: typer.Context, cases: "tuple[Case, ...]", terms: "Terms") -> "Schedule":
    """The schedule of the months; progress on stderr."""
    from planner.case import prepare_case
    from planner.cli.progress import progress
    from planner.optimize.months.solve import solve_months

    with progress(is_quiet(context)) as report:
        prepared = [prepare_case(case, keeps_base=True) for case in cases]
        return solve_months(prepared, terms, on_progress=report)


def _verdict(context: typer.Context, found: "Schedule", most: float) -> int:
    """3 where a month leaves more unserved than the policy allows; said on stderr."""
    short = [one for one in found.months if one.unserved_ratio > most]
    if not short:
        return 0
    named = ", ".join(f"{one.month} {one.unserved_ratio:.2%}" for one in short[:3])
    more = f" and {len(short) - 3} more months" if len(short) > 3 else ""
    say(context, [f"unserved beyond max_unserved_ratio {most:.2%}: {named}{more}"])
    return UNSERVED
