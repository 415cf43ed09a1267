"""Runs the replays asked for, says what is to be said, and answers with the exit code."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from autoscaler.cli.replay.inputs import Asked, Kept, Prepared, at_point, prepare
from autoscaler.cli.replay.show import Outcome, Shown, remarks_of, show, show_sweep, sweep_verdict, verdict
from autoscaler.replay.controllers import CONTROLLERS
from autoscaler.replay.job import Job, run_jobs
from autoscaler.replay.result import Replayed
from autoscaler.replay.score.planned import compared
from autoscaler.replay.sweep import SEED, SweptPoint, points_of
from planner.cli.engine import kept_in
from planner.cli.options import is_quiet, say
from planner.cli.progress import Report, progress
from planner.errors import InputError
from planner.tasks import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Who runs several replays, and where finished ones are kept."""

    engine: Engine
    checkpoint: Path | None
    with_bound: bool


def run_and_show(context: typer.Context, asked: Asked, sweep: list[str], execution: Execution, shown: Shown) -> int:
    """The exit code, once the result is shown and its remarks are said."""
    if sweep:
        points, prepared = swept(context, asked, sweep, execution)
        show_sweep(points, prepared, shown)
        remarks, (code, missed) = prepared.remarks, sweep_verdict(points, prepared.policy.max_unserved_ratio)
    else:
        outcomes = replayed(context, asked, execution)
        show(outcomes, shown)
        remarks, (code, missed) = remarks_of(outcomes), verdict(outcomes)
    say(context, remarks)
    say(context, [f"wrote {path}" for path in (shown.output, shown.chart) if path is not None])
    say(context, [missed] if missed else [])
    return code


def replayed(context: typer.Context, asked: Asked, execution: Execution) -> list[Outcome]:
    """Every controller on every world asked for; progress on stderr."""
    with progress(is_quiet(context)) as report:
        report("making the world", 0.0)
        prepared = prepare(asked)
        jobs = [job for one in prepared for job in _jobs(one, asked)]
        results = iter(_run(context, jobs, execution, report))
    outcomes = []
    for one in prepared:
        found = tuple(next(results) for _ in _names(one, asked))
        planned = None
        if asked.plan is not None and one.plan is not None:
            replayed_s = one.world.traffic.duration_s
            planned = compared(one.plan, found[0], scenario=one.scenario, replayed_s=replayed_s)
        outcomes.append(Outcome(prepared=one, replayed=found, planned=planned))
    return outcomes


def swept(
    context: typer.Context, asked: Asked, sweeps: list[str], execution: Execution
) -> tuple[list[SweptPoint], Prepared]:
    """Every controller at every point of a sweep; progress on stderr."""
    settings = points_of(sweeps)
    kept = Kept()
    jobs, whose, first = [], [], None
    with progress(is_quiet(context)) as report:
        for at, point in enumerate(settings):
            report("making the worlds", 0.1 * at / len(settings))
            prepared = _prepared_at(asked, point, kept)
            if len(prepared) > 1:
                raise InputError(f"--sweep: {asked.traffic} holds {len(prepared)} scenarios; expected one")
            first = first or prepared[0]
            found = _jobs(prepared[0], asked)
            jobs += found
            whose += [point] * len(found)
        results = _run(context, jobs, execution, lambda what, share: report(what, 0.1 + 0.9 * share))
    assert first is not None  # a sweep has a point at least
    if len({point.get(SEED) for point in settings}) > 1:
        said = f"what is said of stock, prices and lead times is of seed {first.world.seed}; each seed draws its own"
        first = replace(first, remarks=(*first.remarks, said))
    points = [SweptPoint(settings=point, replayed=one) for point, one in zip(whose, results, strict=True)]
    return points, first


def _prepared_at(asked: Asked, point: Mapping[str, str], kept: Kept) -> tuple[Prepared, ...]:
    """The worlds of one point of a sweep; what is wrong with a swept setting is said of --sweep, where it was typed."""
    try:
        return prepare(at_point(asked, point), kept)
    except InputError as error:
        said = str(error)
        for key, value in point.items():
            setting = f"{key}={value}"
            if setting not in asked.change.settings:
                said = said.replace(f"--set {setting}", f"--sweep {setting}", 1)
        raise InputError(said) from None


def _jobs(prepared: Prepared, asked: Asked) -> list[Job]:
    return [
        Job(label=name, controller=name, world=prepared.world, policy=prepared.policy, levels=prepared.levels)
        for name in _names(prepared, asked)
    ]


def _names(prepared: Prepared, asked: Asked) -> tuple[str, ...]:
    """The controllers asked for; of all of them, those that need a plan where there is one."""
    if not asked.is_comparison or prepared.levels is not None:
        return asked.controllers
    return tuple(name for name in asked.controllers if not CONTROLLERS[name].needs_plan)


def _run(context: typer.Context, jobs: list[Job], execution: Execution, report: Report) -> list[Replayed]:
    with kept_in(context, execution.checkpoint) as checkpoint:
        return run_jobs(
            jobs,
            engine=execution.engine,
            checkpoint=checkpoint,
            with_bound=execution.with_bound,
            on_progress=report,
        )
