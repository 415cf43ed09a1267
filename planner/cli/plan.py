"""`baseload plan`: from a forecast to the cheapest fleet."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.case_given import CaseGiven
from planner.cli.database import check_recordable, record_plan
from planner.cli.option_groups import with_options
from planner.cli.options import CurrencyCode, CurrencyOption, JsonOption, currency_of, is_quiet, say, screen
from planner.cli.paths import check_paths
from planner.errors import InputError
from policies.planning import Aim, SpotLoss

if TYPE_CHECKING:
    from planner.case import Case
    from planner.optimize.walk import Effort
    from planner.plan import Plan
    from planner.report.numbers import Currency

UNSERVED = 3
NOT_PROVEN = 4


class Maximize(StrEnum):
    """What a budget can be spent on."""

    TRAFFIC = "traffic"


ExplainOption = Annotated[bool, typer.Option("--explain", help="Say why: marginal prices, offers not chosen, more.")]
LaunchesOption = Annotated[
    bool | None,
    typer.Option(
        "--with-launches/--without-launches",
        help="Search longer for the optimum with launches and say where it is none, or leave launches out, which is "
        "quicker.",
        show_default=False,
    ),
]
ASKED = 4
"""Times as much is done for launches where they are asked for."""
MaximizeOption = Annotated[
    Maximize | None, typer.Option("--maximize", help="traffic: the most traffic that max_usd_month serves.")
]
AimOption = Annotated[
    Aim | None,
    typer.Option(
        "--aim",
        help="With scenarios, make least: expected cost, cvar (dearest outcomes), regret; or keep to a service level.",
    ),
]
SpotLossOption = Annotated[
    SpotLoss | None,
    typer.Option("--survive-spot-loss", help="Plan for futures that lose a spot pool in use, or all of its provider."),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Say what waiting a month for the scenario to show saves or costs.")
]
ReduceOption = Annotated[
    int | None,
    typer.Option("--reduce-scenarios", min=2, help="Plan for this many of the scenarios, and say what that may cost."),
]
RecordOption = Annotated[
    bool, typer.Option("--record", help="Keep the plan and its forecast in the ledger, for the month's report.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGiven:
    """What is planned for, and where the plan goes, as written."""

    currency: CurrencyOption = CurrencyCode.USD
    maximize: MaximizeOption = None
    aim: AimOption = None
    reduce_scenarios: ReduceOption = None
    survive_spot_loss: SpotLossOption = None
    wait: WaitOption = False
    with_launches: LaunchesOption = None
    explain: ExplainOption = False
    as_json: JsonOption = False
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the plan as JSON to this file.")] = None
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw the plan to an .svg or .png file.")] = None
    record: RecordOption = False


@with_options(CaseGiven, PlanGiven)
def plan(context: typer.Context, given: CaseGiven, wanted: PlanGiven) -> None:
    """The cheapest mix of base and burst nodes for a traffic forecast, and how good it is.

    Example: baseload plan -f forecast.csv --month 2026-12 --explain -o plan.json
    """
    check_paths(
        read=(("-f", given.forecast), ("-c", given.config)), write=(("-o", wanted.output), ("--chart", wanted.chart))
    )
    if wanted.maximize is not None and wanted.with_launches:
        raise InputError("--with-launches does not go with --maximize; expected one of them")
    if wanted.record:
        check_recordable(given.config)
    case = given.changed_case(*asked_settings(aim=wanted.aim, survive_spot_loss=wanted.survive_spot_loss))
    asked = Asked(
        maximize=wanted.maximize,
        reduce_to=wanted.reduce_scenarios,
        wait=wanted.wait,
        explain=wanted.explain,
        launches=wanted.with_launches,
    )
    found = solved_plan(context, case, asked)
    write_files(found, wanted.output, wanted.chart)
    print_plan(found, currency_of(wanted.currency, case.catalog), as_json=wanted.as_json, explain=wanted.explain)
    say(context, found.remarks)
    say(context, [f"wrote {path}" for path in (wanted.output, wanted.chart) if path is not None])
    if wanted.record:
        say(context, [record_plan(found, given.forecast, given.config)])
    raise typer.Exit(verdict(context, found))


def asked_settings(**keys: StrEnum | None) -> tuple[str, ...]:
    """Options that stand for policy keys, as --set would write them."""
    return tuple(f"{key}={value}" for key, value in keys.items() if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the solver beside the plan."""

    maximize: Maximize | None
    reduce_to: int | None
    """Scenarios to plan for; None: all."""
    wait: bool
    explain: bool
    launches: bool | None
    """Whether launches are to be part of the optimum; None: as far as it goes."""


def solved_plan(context: typer.Context, case: "Case", asked: Asked) -> "Plan":
    """The plan of a case, with its reasons where they are asked for; progress on stderr."""
    from planner.case import reduced_case, solve_case
    from planner.cli.progress import progress
    from planner.optimize.foresight import with_foresight
    from planner.optimize.reduce import with_reduction
    from planner.optimize.waiting import with_waiting
    from planner.whatif.traffic import most_traffic

    with progress(is_quiet(context)) as report:
        reduced = None
        if asked.reduce_to is not None and asked.reduce_to < len(case.forecast.scenarios):
            if asked.maximize is not None:
                raise InputError("--reduce-scenarios: does not go with --maximize, which changes what scenarios cost")
            report("choosing scenarios", 0.0)
            reduced = reduced_case(case, asked.reduce_to)
            case = reduced.case
        if asked.maximize is None:
            solved = solve_case(case, _effort(asked.launches), on_progress=report)
        else:
            most = most_traffic(case, on_progress=report)
            case, solved = most.case, most.solved
        found = with_foresight(solved.plan, solved.problem, report)
        if reduced is not None:
            found = with_reduction(found, solved.dispatch.counts, reduced.whole, reduced.reduction)
        if asked.wait:
            report("weighing a month's wait", 0.0)
            found = with_waiting(found, solved.problem)
        if not asked.explain:
            return found
        from planner.explain import explain as explained

        return explained(case, replace(solved, plan=found), on_progress=report)


def _effort(launches: bool | None) -> "Effort":
    from planner.optimize.walk import Effort, LaunchEffort

    if launches is False:
        return Effort()
    usual = LaunchEffort()
    asked = LaunchEffort(
        committed_cells=ASKED * usual.committed_cells,
        dispatched_cells=ASKED * usual.dispatched_cells,
        most_work=ASKED * usual.most_work,
        is_asked=True,
    )
    return Effort(launches=asked if launches else usual)


def write_files(found: "Plan", output: Path | None, chart: Path | None) -> None:
    """The files asked for."""
    from planner.files import write_atomic
    from planner.report.plan_json import plan_text

    if output is not None:
        write_atomic(output, plan_text(found))
    if chart is not None:
        from planner.report.charts import write_charts

        write_charts(found, chart)


def print_plan(found: "Plan", currency: "Currency", *, as_json: bool, explain: bool) -> None:
    """The plan on stdout: a table for people or the JSON document."""
    from planner.report.plan_json import plan_text
    from planner.report.tables import render_plan

    if as_json:
        typer.echo(plan_text(found), nl=False)
        return
    typer.echo(render_plan(found, screen=screen(), currency=currency), nl=False)
    if explain:
        from planner.report.reasons import render_explanation

        typer.echo(render_explanation(found, screen=screen(), currency=currency), nl=False)


def verdict(context: typer.Context, found: "Plan") -> int:
    """The exit code of a plan: 3 unserved beyond the policy, 4 too little proven; said on stderr."""
    policy, known = found.policy, found.uncertainty
    if policy.aim is Aim.SERVICE and known is not None:
        if known.short_probability > policy.max_short_probability + 1e-12:
            say(
                context,
                [
                    f"more than max_unserved_ratio {policy.max_unserved_ratio:.2%} stays unserved with probability "
                    f"{known.short_probability:.1%}, more than max_short_probability {policy.max_short_probability:.1%}"
                ],
            )
            return UNSERVED
    elif found.unserved_ratio > policy.max_unserved_ratio:
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
