"""Explain: why this plan. Offers not chosen and what they would have to cost, other base counts, switching points.

Pure: re-solves the problem of a plan with a changed price or demand. Work is counted, not timed, so that the same input
gives the same explanation; what a large problem leaves no room for is said in the reasons and remarks.
The marginal price of a token in each hour is in the plan already (`hours_detail`).
"""

from dataclasses import replace

from planner.case import Case
from planner.errors import SolverError
from planner.explain.alternatives import find_alternatives
from planner.explain.effort import Meter, dispatch_units, room
from planner.explain.rejected import reject_unchosen
from planner.explain.switching import find_switching
from planner.optimize.solve import Solved
from planner.optimize.walk import Report
from planner.plan import Plan, Rejected
from policies.planning import Aim


def explain(case: Case, solved: Solved, *, on_progress: Report | None = None) -> Plan:
    """The plan with `rejected`, `alternatives` and `switching` filled, and remarks on what they are good for."""
    plan = solved.plan
    tell = on_progress or _silent
    if plan.policy.aim is not Aim.EXPECTED and len(plan.scenarios) > 1:
        only = (
            f"why offers are not chosen and what other plans cost is told for aim expected only, not {plan.policy.aim}"
        )
        return replace(plan, remarks=(*plan.remarks, only))
    remarks: list[str] = []
    unchosen: tuple[Rejected, ...] = ()
    try:
        unchosen = reject_unchosen(solved, Meter(room(solved, REJECTED_UNITS)), tell)
    except SolverError as error:
        remarks.append(f"what the offers not chosen would have to cost is left out: {error}")
    try:
        units = max(ALTERNATIVES_UNITS, LEAST_DISPATCHED * dispatch_units(solved))
        found = find_alternatives(solved, Meter(units), tell)
        plan = replace(plan, alternatives=found.alternatives)
        remarks.extend(found.remarks)
    except SolverError as error:
        remarks.append(f"other base counts are left out: {error}")
    try:
        switching = find_switching(solved, Meter(room(solved, SWITCHING_UNITS)), tell)
        plan = replace(plan, switching=switching.points)
        remarks.extend(switching.remarks)
    except SolverError as error:
        remarks.append(f"switching points are left out: {error}")
    tell("explaining", 1.0)
    return replace(
        plan,
        rejected=_in_catalog_order(case, (*unchosen, *plan.rejected)),
        remarks=(*plan.remarks, *remarks),
    )


REJECTED_UNITS = 2_500_000
ALTERNATIVES_UNITS = 800_000
SWITCHING_UNITS = 2_200_000
"""Units of work (effort.py) each part may take: some seconds on one core of 2024."""
LEAST_DISPATCHED = 12
"""Dispatches that other base counts get, however large the problem: half go into pricing, and each is billed too."""


def _in_catalog_order(case: Case, rejected: tuple[Rejected, ...]) -> tuple[Rejected, ...]:
    """Each offer once, in the order of the catalog; owned servers beside their offer, offers left out last."""
    place = {offer.id: index for index, offer in enumerate(case.catalog)}
    once = {one.offer: one for one in reversed(rejected)}
    return tuple(sorted(once.values(), key=lambda one: place.get(one.offer.partition("#")[0], len(place))))


def _silent(_what: str, _share: float) -> None:
    """Progress that nobody asked for."""
