"""The most traffic a budget serves: the largest multiple of the forecast whose plan stays within it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.case import Case, solve_case
from planner.errors import InputError
from planner.optimize.solve import Solved
from planner.optimize.walk import Effort

CLOSE = 0.001
"""Relative width of the bracket around the factor at which the search ends."""
QUICK = Effort(dispatched_cells=1, boxes=1)
"""While the factor is searched, the base counts of the relaxed optimum are good enough."""
USUAL_TRIES = 30
"""For the progress bar: a bracket, and ten halvings of a factor of two, and some."""
MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class MostTraffic:
    """The plan at the factor, and the next factor tried that did not fit."""

    factor: float
    too_much: float
    case: Case
    """The case with the demand multiplied by the factor."""
    solved: Solved


def most_traffic(case: Case, on_progress: Callable[[str, float], None] | None = None) -> MostTraffic:
    """The plan of the largest demand factor that the budget pays for, with no more unserved than the policy allows.

    Whole-node plans, bracketed to a thousandth. The bill grows with traffic but for the steps of whole nodes, so a
    factor a little above the bracket may fit again; none below it was left untried by more than the bracket.
    """
    policy = case.fleet.policy
    budget = policy.max_usd_month
    if budget is None:
        raise InputError("--maximize traffic needs a budget; expected max_usd_month in [policy] or by --set")
    free = replace(case, fleet=replace(case.fleet, policy=replace(policy, max_usd_month=None)))
    held: dict[float, Solved] = {}
    tried: list[float] = []

    def affordable(factor: float, effort: Effort | None) -> Solved | None:
        solved = solve_case(_scaled(free, factor), effort)
        is_paid = solved.plan.bill_usd <= budget * solved.problem.months
        return solved if is_paid and solved.plan.unserved_ratio <= policy.max_unserved_ratio else None

    def fits(factor: float) -> bool:
        tried.append(factor)
        if on_progress is not None:
            on_progress("searching for the most traffic", min(len(tried) / USUAL_TRIES, 1.0))
        found = affordable(factor, QUICK) or affordable(factor, None)
        if found is not None:
            held[factor] = found
        return found is not None

    low, high = _bracket(fits)
    while high > low * (1 + CLOSE):
        middle = (low * high) ** 0.5 if low > 0 else high / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
        if high < CLOSE:
            raise InputError(f"max_usd_month: {budget} USD serve less than a thousandth of the forecast")
    # Proven base counts cost a little less than the quick ones or, after launches, a little more.
    solved = _with_budget(affordable(low, None) or held[low], case, low)
    return MostTraffic(factor=low, too_much=high, case=_scaled(case, low), solved=solved)


def _bracket(fits: Callable[[float], bool]) -> tuple[float, float]:
    """A factor that fits and one that does not, a factor of two apart; the first may be 0."""
    low, high = (1.0, 2.0) if fits(1.0) else (0.5, 1.0)
    for _ in range(MOST_DOUBLINGS):
        if low >= 1 and fits(high):
            low, high = high, high * 2
        elif low < 1 and not fits(low):
            low, high = low / 2, low
        else:
            return low, high
    if low >= 1:
        raise InputError("--maximize traffic: 2^30 times the forecast still fits; expected a smaller budget")
    return 0.0, high


def _scaled(case: Case, factor: float) -> Case:
    return replace(case, forecast=case.forecast.scaled(factor))


def _with_budget(solved: Solved, case: Case, factor: float) -> Solved:
    """The plan as one under the budget it was made for, the factor said."""
    policy = case.fleet.policy
    mean = float((case.forecast.input_tok_s + case.forecast.output_tok_s).sum(axis=1).mean()) * factor
    said = (
        f"the budget of {policy.max_usd_month} USD a month serves {factor:.4g} times the forecast, "
        f"{mean:,.0f} tok/s (input + output) on average"
    )
    plan = replace(solved.plan, policy=policy, demand_factor=factor, remarks=(said, *solved.plan.remarks))
    return replace(solved, plan=plan)
