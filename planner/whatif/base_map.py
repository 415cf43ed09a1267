"""The base nodes of the best plan over demand and peakiness: a grid, each point a whole plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.case import Case
from planner.errors import InputError
from planner.plan import Plan
from planner.tasks import Checkpoint, Engine
from planner.tasks.run import Report
from planner.whatif.sweep import Asked, PlanPoint, plan_points

DEMAND = ("0.5", "0.7", "1", "1.4", "2", "2.8", "4")
PEAKINESS = ("0", "0.5", "1", "1.5", "2", "3")
MOST_CELLS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMap:
    """Plans by peakiness, then demand."""

    plan: Plan
    """At demand and peakiness as given."""
    before: PlanPoint
    demand: tuple[str, ...]
    """Factors, as written."""
    peakiness: tuple[str, ...]
    """Powers of `demand.peakiness`, as written."""
    rows: tuple[tuple[PlanPoint, ...], ...]

    def peak_over_mean(self, row: int) -> float:
        """The busiest hour over the mean hour, of all tokens; the same whatever the demand."""
        asked = next((one.figures.demand for one in self.rows[row] if one.figures.demand.mtok > 0), None)
        return 0.0 if asked is None else asked.peak_tok_s / (asked.mtok * 1e6 / 3600 / self.plan.hours)


def base_map(
    case: Case,
    demand: Sequence[str] = DEMAND,
    peakiness: Sequence[str] = PEAKINESS,
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> BaseMap:
    """The plan at every factor of demand and every power of peakiness. Raises InputError."""
    if len(demand) * len(peakiness) > MOST_CELLS:
        raise InputError(f"a map of {len(demand)} x {len(peakiness)}: expected at most {MOST_CELLS} plans")
    for key, option, values in (("demand", "--demand", demand), ("demand.peakiness", "--peakiness", peakiness)):
        for value in values:
            setting = f"*{value}" if key == "demand" else value
            try:
                Asked(case=case, settings={key: setting}, option="--set").checked()
            except InputError as error:
                raise InputError(f"{option} {value}: {str(error).partition(': ')[2]}") from None
    asked = [
        Asked(case=case, settings={"demand": f"*{factor}", "demand.peakiness": power}, option="--demand, --peakiness")
        for power in peakiness
        for factor in demand
    ]
    plan, (before, *found) = plan_points(
        [Asked(case=case), *asked], engine=engine, checkpoint=checkpoint, on_progress=on_progress
    )
    assert plan is not None  # of the case as given it is kept
    width = len(demand)
    rows = tuple(tuple(found[at : at + width]) for at in range(0, len(found), width))
    return BaseMap(plan=plan, before=before, demand=tuple(demand), peakiness=tuple(peakiness), rows=rows)
