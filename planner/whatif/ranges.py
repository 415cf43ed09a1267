"""The base nodes of the best plan over a range of demand: each set of them, and from which factor to which.

Whole plans, each solved as `plan` solves it: a grid of factors, each step the same ratio, halved where the base nodes
of two neighbours differ, until the step is small.
"""

from dataclasses import dataclass
from itertools import groupby, pairwise
from math import sqrt

from planner.case import Case
from planner.errors import InputError
from planner.plan import Plan
from planner.tasks import Checkpoint, Engine
from planner.tasks.run import Report, silent
from planner.whatif.sweep import Asked, PlanPoint, plan_points

LEAST, MOST = 0.25, 4.0
STEPS = 16
WIDTH = 0.02
"""Steps between two sets of base nodes end within this ratio."""
FINEST = 1e-3
ROUNDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Demand factors at which the plan has the same base nodes; between two ranges lies less than the width."""

    low: PlanPoint
    high: PlanPoint
    low_factor: float
    high_factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRanges:
    """The ranges from the lowest factor to the highest."""

    plan: Plan
    """At demand as given."""
    before: PlanPoint
    width: float
    solved: int
    """Plans made."""
    ranges: tuple[Range, ...]


def base_ranges(
    case: Case,
    low: float = LEAST,
    high: float = MOST,
    width: float = WIDTH,
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> BaseRanges:
    """The base nodes over the factors from `low` to `high`; changes known to `width`. Raises InputError."""
    if not 0 < low < high:
        raise InputError(f"demand from {low:g} to {high:g}: expected two rising factors above 0")
    if not FINEST <= width <= 1:
        raise InputError(f"a width of {width:g}: expected {FINEST:g} to 1")
    tell = on_progress or silent
    plan, (before,) = plan_points([Asked(case=case)], engine=engine, checkpoint=checkpoint)
    assert plan is not None  # of the case as given it is kept
    known: dict[float, PlanPoint] = {1.0: before} if low <= 1.0 <= high else {}
    wanted = [_rounded(low * (high / low) ** (step / STEPS)) for step in range(STEPS + 1)]
    for number in range(ROUNDS):
        wanted = [factor for factor in dict.fromkeys(wanted) if factor not in known]
        if not wanted:
            break
        _, points = plan_points(
            [Asked(case=case, settings={"demand": f"*{factor:g}"}) for factor in wanted],
            engine=engine,
            checkpoint=checkpoint,
            on_progress=lambda what, share, number=number: tell(what, 1 - (1 - share / 2) / 2**number),  # type: ignore[misc]
        )
        known |= dict(zip(wanted, points, strict=True))
        wanted = [
            _rounded(sqrt(a * b))
            for a, b in pairwise(sorted(known))
            if _base(known[a]) != _base(known[b]) and b > a * (1 + width)
        ]
    return BaseRanges(plan=plan, before=before, width=width, solved=len(known), ranges=_ranges(known))


def _ranges(known: dict[float, PlanPoint]) -> tuple[Range, ...]:
    found = []
    for _, run in groupby(sorted(known), key=lambda factor: _base(known[factor])):
        factors = list(run)
        found.append(
            Range(
                low=known[factors[0]],
                high=known[factors[-1]],
                low_factor=factors[0],
                high_factor=factors[-1],
            )
        )
    return tuple(found)


def _base(point: PlanPoint) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(point.figures.base.items()))


def _rounded(factor: float) -> float:
    """As it is written: the same factor is the same task."""
    return float(f"{factor:.5g}")
