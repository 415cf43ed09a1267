"""Sweeps of plans: every combination of values of some settings, planned. The points are tasks of `planner.tasks`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from planner.case import Case, solve_case
from planner.errors import InputError
from planner.plan import Plan
from planner.tasks import Checkpoint, Engine, Task, run_tasks
from planner.tasks.run import Report, Share
from planner.tasks.sweep import axes_of, crossed
from planner.whatif.change import Change, changed
from planner.whatif.planned import Figures, figures


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPoint:
    """One point of a sweep, planned."""

    settings: Mapping[str, str]
    """Key -> value as written; empty: the case as given."""
    figures: Figures
    is_served: bool
    """No more tokens are left unserved than the policy allows."""
    is_settled: bool
    """The base counts are proven, or no more is left to gain than the policy allows."""

    @property
    def label(self) -> str:
        """The point in few words."""
        return ", ".join(f"{key}={value}" for key, value in self.settings.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptPlans:
    """A sweep: the case as given, and every point."""

    plan: Plan
    """Of the case as given."""
    before: PlanPoint
    points: tuple[PlanPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A point to plan."""

    case: Case
    settings: Mapping[str, str]


def sweep_plans(
    case: Case,
    sweeps: Sequence[str],
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> SweptPlans:
    """The case planned as given and at every point of the sweeps. Each value is tried alone before the first plan."""
    axes = axes_of(sweeps)
    for key, values in axes.items():
        for value in values:
            with _said_of_sweep({key: value}):
                changed(case, _change({key: value}))
    points = crossed(sweeps)
    asked = [_Asked(case=case, settings=settings) for settings in points]
    found = run_tasks(
        _planned,
        [
            Task(label="the plan as given", given=_Asked(case=case, settings={})),
            *(Task(label=_label(one.settings), given=one) for one in asked),
        ],
        engine=engine,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    plan, before = found[0]
    assert plan is not None  # of the case as given it is kept
    return SweptPlans(plan=plan, before=before, points=tuple(point for _, point in found[1:]))


def _planned(asked: _Asked, share: Share) -> tuple[Plan | None, PlanPoint]:
    """What is shown of the plan at one point; of the case as given the plan, too."""
    with _said_of_sweep(asked.settings):
        case = changed(asked.case, _change(asked.settings)) if asked.settings else asked.case
        solved = solve_case(case, on_progress=lambda _what, part: share(part))
    plan = solved.plan
    gap = float(plan.gap.search_usd)
    point = PlanPoint(
        settings=asked.settings,
        figures=figures(solved),
        is_served=plan.unserved_ratio <= plan.policy.max_unserved_ratio,
        is_settled=plan.search == "proven" or gap <= plan.policy.max_search_gap * float(plan.total_usd),
    )
    return (None if asked.settings else plan), point


def _change(settings: Mapping[str, str]) -> Change:
    return Change(settings=tuple(f"{key}={value}" for key, value in settings.items()))


def _label(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


@contextmanager
def _said_of_sweep(settings: Mapping[str, str]) -> Iterator[None]:
    """What is wrong with a swept setting is said of --sweep, where it was typed; anything else names the point."""
    try:
        yield
    except InputError as error:
        said = str(error)
        for key, value in settings.items():
            said = said.replace(f"--set {key}={value}", f"--sweep {key}={value}", 1)
        if "--sweep" not in said and settings:
            said = f"--sweep {_label(settings)}: {said}"
        raise InputError(said) from None
