"""`baseload replay`: real traffic through the controller against simulated clouds, with the bill."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from planner.cli.options import (
    CurrencyCode,
    CurrencyOption,
    FleetOption,
    JsonOption,
    MeasuredOption,
    OnlyOption,
    SetOption,
    SloOption,
    WithoutOption,
    currency_of,
    is_quiet,
    is_verbose,
    say,
    screen,
    split,
)
from planner.cli.progress import Report, progress
from planner.errors import InputError

if TYPE_CHECKING:
    from autoscaler.cli.replay_inputs import Asked, Prepared
    from autoscaler.cli.replay_show import Outcome, Shown
    from autoscaler.replay.job import Job
    from autoscaler.replay.result import Replayed
    from autoscaler.replay.sweep import SweptPoint


class Faults(StrEnum):
    """What goes wrong in the simulated clouds."""

    NONE = "none"
    NORMAL = "normal"
    STORM = "storm"


class Hands(StrEnum):
    """Who runs several replays."""

    LOKY = "loky"
    DASK = "dask"


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who runs several replays, and how many at once."""

    engine: Literal["loky", "dask"]
    workers: int
    scheduler: str | None
    with_bound: bool

    def __post_init__(self) -> None:
        if self.scheduler is not None and self.engine != "dask":
            raise InputError(f"--scheduler {self.scheduler}: is a Dask scheduler; expected --engine dask with it")


TrafficOption = Annotated[
    Path | None,
    typer.Option("--traffic", help="Traffic, CSV or CSV.gz: a series of 1 s to 1 h steps, or single requests."),
]
PlanOption = Annotated[Path | None, typer.Option("--plan", help="Replay this plan.json, and hold it to its bill.")]
WorldOption = Annotated[
    str | None, typer.Option("--world", metavar="NAME|FILE", help="realistic (without --plan), reference, or a file.")
]
PoliciesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy", metavar="NAME", help="Controller: baseload, oracle, hpa, …; or a preset or policy file. Repeatable."
    ),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep", metavar="KEY=a,b,c", help="Replay each value, such as scaling.hold_s=300,600 or seed=0..9."
    ),
]


CompareOption = Annotated[bool, typer.Option("--compare", help="Run every controller on the same world.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of all chance in the world.")]
DaysOption = Annotated[float | None, typer.Option("--days", help="Replay the first days of the traffic.")]
FaultsOption = Annotated[Faults | None, typer.Option("--faults", help="What goes wrong; else as the world says.")]
EngineOption = Annotated[Hands, typer.Option("--engine", help="Who runs several replays.")]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, help="Processes for several replays; 1: this one alone.")
]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler; else a cluster of its own.")
]
NoBoundOption = Annotated[
    bool, typer.Option("--no-bound", help="Without the least bill of perfect foresight, which may take long.")
]
HoursOption = Annotated[bool, typer.Option("--hours", help="Show each hour; so does -v.")]
LeasesOption = Annotated[bool, typer.Option("--leases", help="Show each lease; so does -v.")]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="Write the result as JSON to this file.")]
ChartOption = Annotated[Path | None, typer.Option("--chart", help="Draw the result to an .svg or .png file.")]


def replay(  # noqa: PLR0917 - a command's options are its arguments
    context: typer.Context,
    traffic: TrafficOption = None,
    config: FleetOption = None,
    plan: PlanOption = None,
    world: WorldOption = None,
    policies: PoliciesOption = None,
    compare: CompareOption = False,
    seed: SeedOption = 0,
    days: DaysOption = None,
    faults: FaultsOption = None,
    settings: SetOption = None,
    without: WithoutOption = None,
    only: OnlyOption = None,
    slo: SloOption = None,
    measured_only: MeasuredOption = False,
    sweep: SweepOption = None,
    engine: EngineOption = Hands.LOKY,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    no_bound: NoBoundOption = False,
    currency: CurrencyOption = CurrencyCode.USD,
    hours: HoursOption = False,
    leases: LeasesOption = False,
    as_json: JsonOption = False,
    output: OutputOption = None,
    chart: ChartOption = None,
) -> None:
    """Real traffic through the controller against simulated clouds: the bill, what was missed, and the least possible.

    Example: baseload replay --traffic day.csv --compare --chart day.png
    """
    from autoscaler.cli.replay_inputs import Asked, asked_change, controllers_of
    from autoscaler.cli.replay_show import Shown, check_paths

    check_paths(read=(traffic, config, plan), write=(("-o", output), ("--chart", chart)))
    controllers, policy = controllers_of(policies or (), compare=compare)
    if (hours or leases) and (sweep or len(controllers) > 1):
        raise InputError(
            f"--{'hours' if hours else 'leases'}: shows one replay; expected one controller and no --sweep"
        )
    change, is_from_slo = asked_change(settings or (), slo or (), measured_only=measured_only)
    asked = Asked(
        traffic=traffic,
        config=config,
        plan=plan,
        world=world,
        policy=policy,
        controllers=controllers,
        is_comparison=compare,
        change=replace(change, without=split(without), only=split(only)),
        is_from_slo=is_from_slo,
        seed=seed,
        days=days,
        faults=None if faults is None else faults.value,
    )
    shown = Shown(
        screen=screen(),
        currency=currency_of(currency),
        as_json=as_json,
        hours=hours or is_verbose(context),
        leases=leases or is_verbose(context),
        output=output,
        chart=chart,
    )
    hands = By(engine=engine.value, workers=workers, scheduler=scheduler, with_bound=not no_bound)
    raise typer.Exit(run_and_show(context, asked, sweep or [], hands, shown))


def run_and_show(context: typer.Context, asked: "Asked", sweep: list[str], hands: By, shown: "Shown") -> int:
    """The exit code, once the result is shown and its remarks are said."""
    from autoscaler.cli.replay_show import remarks_of, show, show_sweep, sweep_verdict, verdict

    if sweep:
        points, prepared = swept(context, asked, sweep, hands)
        show_sweep(points, prepared, shown)
        remarks, (code, missed) = prepared.remarks, sweep_verdict(points, prepared.policy.max_unserved_ratio)
    else:
        outcomes = replayed(context, asked, hands)
        show(outcomes, shown)
        remarks, (code, missed) = remarks_of(outcomes), verdict(outcomes)
    say(context, remarks)
    say(context, [f"wrote {path}" for path in (shown.output, shown.chart) if path is not None])
    say(context, [missed] if missed else [])
    return code


def replayed(context: typer.Context, asked: "Asked", hands: By) -> "list[Outcome]":
    """Every controller on every world asked for; progress on stderr."""
    from autoscaler.cli.replay_inputs import prepare
    from autoscaler.cli.replay_show import Outcome
    from autoscaler.replay.score.planned import compared

    with progress(is_quiet(context)) as report:
        report("making the world", 0.0)
        prepared = prepare(asked)
        jobs = [job for one in prepared for job in _jobs(one, asked)]
        results = iter(_run(jobs, hands, report))
    outcomes = []
    for one in prepared:
        found = tuple(next(results) for _ in _names(one, asked))
        planned = None
        if asked.plan is not None and one.plan is not None:
            hours = round(one.world.traffic.duration_s / 3600)
            planned = compared(one.plan, found[0], scenario=one.scenario, hours=hours)
        outcomes.append(Outcome(prepared=one, replayed=found, planned=planned))
    return outcomes


def swept(context: typer.Context, asked: "Asked", sweeps: list[str], hands: By) -> "tuple[list[SweptPoint], Prepared]":
    """Every controller at every point of a sweep; progress on stderr."""
    from autoscaler.cli.replay_inputs import Kept, at_point, prepare
    from autoscaler.replay.sweep import SweptPoint, points_of

    settings = points_of(sweeps)
    kept = Kept()
    jobs, whose, first = [], [], None
    with progress(is_quiet(context)) as report:
        for at, point in enumerate(settings):
            report("making the worlds", 0.1 * at / len(settings))
            prepared = prepare(at_point(asked, point), kept)
            if len(prepared) > 1:
                raise InputError(f"--sweep: {asked.traffic} holds {len(prepared)} scenarios; expected one")
            first = first or prepared[0]
            found = _jobs(prepared[0], asked)
            jobs += found
            whose += [point] * len(found)
        results = _run(jobs, hands, lambda what, share: report(what, 0.1 + 0.9 * share))
    assert first is not None  # a sweep has a point at least
    points = [SweptPoint(settings=point, replayed=one) for point, one in zip(whose, results, strict=True)]
    return points, first


def _jobs(prepared: "Prepared", asked: "Asked") -> "list[Job]":
    from autoscaler.replay.job import Job

    return [
        Job(label=name, controller=name, world=prepared.world, policy=prepared.policy, levels=prepared.levels)
        for name in _names(prepared, asked)
    ]


def _names(prepared: "Prepared", asked: "Asked") -> tuple[str, ...]:
    """The controllers asked for; of all of them, those that need a plan where there is one."""
    from autoscaler.replay.controllers import CONTROLLERS

    if not asked.is_comparison or prepared.levels is not None:
        return asked.controllers
    return tuple(name for name in asked.controllers if not CONTROLLERS[name].needs_plan)


def _run(jobs: "list[Job]", hands: By, report: Report) -> "list[Replayed]":
    from autoscaler.replay.job import run_jobs

    return run_jobs(
        jobs,
        engine=hands.engine,
        workers=hands.workers,
        scheduler=hands.scheduler,
        with_bound=hands.with_bound,
        on_progress=report,
    )
