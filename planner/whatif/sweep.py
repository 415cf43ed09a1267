"""Sweeps of plans: every combination of values of some settings, planned. The points are tasks of `planner.tasks`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

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
        return label_of(self.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptPlans:
    """A sweep: the case as given, and every point."""

    plan: Plan
    """Of the case as given."""
    before: PlanPoint
    points: tuple[PlanPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A point to plan: a case with some settings changed."""

    case: Case
    settings: Mapping[str, str] = field(default_factory=dict)
    option: str = "--sweep"
    """What a person wrote the settings with."""
    note: str = ""
    """What a progress bar says beside the settings."""

    def checked(self) -> Self:
        """This, once the case could be changed. Raises InputError that says what was written."""
        self.changed()
        return self

    def changed(self) -> Case:
        """The case with the settings in force."""
        with self.saying():
            change = Change(settings=tuple(f"{key}={value}" for key, value in self.settings.items()))
            return changed(self.case, change) if self.settings else self.case

    @contextmanager
    def saying(self) -> Iterator[None]:
        """What is wrong with a setting is said of where it was written; anything else names the point."""
        try:
            yield
        except InputError as error:
            said = str(error)
            for key, value in self.settings.items():
                said = said.replace(f"--set {key}={value}", f"{self.option} {key}={value}", 1)
            if self.settings and self.option not in said:
                said = f"{self.option} {label_of(self.settings)}: {said}"
            raise InputError(said) from None


def sweep_plans(
    case: Case,
    sweeps: Sequence[str],
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> SweptPlans:
    """The case planned as given and at every point of the sweeps. Each value is tried alone before the first plan."""
    for key, values in axes_of(sweeps).items():
        for value in values:
            Asked(case=case, settings={key: value}).checked()
    asked = [Asked(case=case), *(Asked(case=case, settings=settings) for settings in crossed(sweeps))]
    plan, found = plan_points(asked, engine=engine, checkpoint=checkpoint, on_progress=on_progress)
    assert plan is not None  # of the case as given it is kept
    return SweptPlans(plan=plan, before=found[0], points=tuple(found[1:]))


def plan_points(
    asked: Sequence[Asked],
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> tuple[Plan | None, list[PlanPoint]]:
    """The points in their order; and the plan of the first one, where it changes nothing."""
    found = run_tasks(
        _planned,
        [Task(label=" ".join(filter(None, (label_of(one.settings), one.note))), given=one) for one in asked],
        engine=engine,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    return found[0][0] if found else None, [point for _, point in found]


def label_of(settings: Mapping[str, str]) -> str:
    """Settings in few words."""
    return ", ".join(f"{key}={value}" for key, value in settings.items()) or "the plan as given"


def _planned(asked: Asked, share: Share) -> tuple[Plan | None, PlanPoint]:
    """What is shown of the plan at one point; of the case as given the plan, too."""
    case = asked.changed()
    with asked.saying():
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
