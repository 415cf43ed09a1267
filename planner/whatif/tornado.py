"""Tornado: what moves the bill, input by input, with the base nodes kept and with the plan made anew.

Kept: the base nodes of the plan as given stay, burst follows the hours as they come. Made anew: base nodes change, too.
One input varies at a time; what two of them do together is a sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from planner.case import Case
from planner.plan import Plan
from planner.tasks import Checkpoint, Engine
from planner.tasks.run import Report, silent
from planner.whatif.inputs import Uncertain
from planner.whatif.planned import Figures
from planner.whatif.sweep import Asked, PlanPoint, plan_points

KEPT = "with the base nodes kept"
FIRST_SHARE = 0.05


class Of(StrEnum):
    """Which amount is looked at."""

    BILL = "bill"
    TOTAL = "total"
    """Bill, expected interruptions and the penalty for unserved tokens."""

    def usd(self, figures: Figures) -> Decimal:
        """The amount of one plan."""
        return figures.bill_usd if self is Of.BILL else figures.total_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of an input: the plan with the base nodes kept, and the plan made anew."""

    kept: PlanPoint
    anew: PlanPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One input, varied."""

    name: str
    low: End
    high: End

    def swing_usd(self, of: Of, before: PlanPoint, *, is_kept: bool = False) -> Decimal:
        """How far the amount moves over both ends and what was given."""
        ends = [end.kept if is_kept else end.anew for end in (self.low, self.high)]
        usd = [of.usd(point.figures) for point in (before, *ends)]
        return max(usd) - min(usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tornado:
    """The plan as given and every input, the widest swing of the plan made anew first."""

    plan: Plan
    before: PlanPoint
    of: Of
    bars: tuple[Bar, ...]


def tornado(
    case: Case,
    inputs: Sequence[Uncertain],
    of: Of = Of.BILL,
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> Tornado:
    """Every input at both its ends, planned twice each. Inputs are tried before the first plan; raises InputError."""
    ends = [(one, settings) for one in inputs for settings in (one.low, one.high)]
    for one, settings in ends:
        Asked(case=case, settings=settings, option=one.option).checked()
    tell = on_progress or silent
    plan, (before,) = plan_points([Asked(case=case)], engine=engine, checkpoint=checkpoint)
    assert plan is not None  # of the case as given it is kept
    tell("the plan as given", FIRST_SHARE)
    held = replace(case, base_counts=dict(before.figures.base))
    asked = [
        Asked(case=start, settings=settings, option=one.option, note=note)
        for one, settings in ends
        for start, note in ((held, KEPT), (case, ""))
    ]
    _, points = plan_points(
        asked,
        engine=engine,
        checkpoint=checkpoint,
        on_progress=lambda what, share: tell(what, FIRST_SHARE + (1 - FIRST_SHARE) * share),
    )
    sides = [End(kept=kept, anew=anew) for kept, anew in zip(points[::2], points[1::2], strict=True)]
    bars = [
        Bar(name=one.name, low=low, high=high) for one, low, high in zip(inputs, sides[::2], sides[1::2], strict=True)
    ]
    bars.sort(key=lambda bar: bar.swing_usd(of, before), reverse=True)
    return Tornado(plan=plan, before=before, of=of, bars=tuple(bars))
