"""`baseload replay`: real traffic through the controller against simulated clouds, with the bill."""

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from autoscaler.cli.replay.options import (
    ChartOption,
    CompareOption,
    DaysOption,
    FaultsOption,
    HoursOption,
    LeasesOption,
    NoBoundOption,
    OutputOption,
    PlanOption,
    PoliciesOption,
    SeedOption,
    SweepOption,
    TrafficOption,
    WorldOption,
)
from planner.cli.engine import CheckpointOption, EngineOption, WorkersOption, asked_engine
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
    is_verbose,
    screen,
    split,
)
from planner.cli.paths import check_paths
from planner.errors import InputError

if TYPE_CHECKING:
    from autoscaler.cli.replay.show import Shown


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
    engine: EngineOption = "loky",
    workers: WorkersOption = None,
    checkpoint: CheckpointOption = None,
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
    from autoscaler.cli.replay.inputs import Asked, asked_change, controllers_of
    from autoscaler.cli.replay.run import Execution, run_and_show

    check_paths(
        read=(("--traffic", traffic), ("-c", config), ("--plan", plan)),
        write=(("-o", output), ("--chart", chart), ("--checkpoint", checkpoint)),
    )
    controllers, policy = controllers_of(policies or (), compare=compare)
    is_one = not sweep and len(controllers) == 1
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
    shown = _shown(context, currency, hours=hours, leases=leases, is_one=is_one)
    shown = replace(shown, as_json=as_json, output=output, chart=chart)
    execution = Execution(engine=asked_engine(engine, workers), checkpoint=checkpoint, with_bound=not no_bound)
    raise typer.Exit(run_and_show(context, asked, sweep or [], execution, shown))


def _shown(context: typer.Context, currency: CurrencyCode, *, hours: bool, leases: bool, is_one: bool) -> "Shown":
    """How the result is shown on the screen; `is_one`: it is of one replay, which alone has hours and leases."""
    from autoscaler.cli.replay.show import Shown

    if (hours or leases) and not is_one:
        raise InputError(
            f"--{'hours' if hours else 'leases'}: shows one replay; expected one controller and no --sweep"
        )
    return Shown(
        screen=screen(),
        currency=currency_of(currency),
        hours=hours or is_verbose(context),
        leases=leases or is_verbose(context),
        each_seed=is_verbose(context),
    )
