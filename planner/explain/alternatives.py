"""Other base counts within a few percent of the plan, in whole nodes and billed with leases as the plan is. Pure.

Where launches are part of the plan's optimum they are part of each alternative's, too: its hours are solved one after
the other like the plan's own (commitment/).
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from planner.explain.effort import Meter, dispatch_units, price_units
from planner.optimize.assemble import Money, base_counts, count_money
from planner.optimize.commitment.commit import Effort
from planner.optimize.commitment.configurations import EffortSpentError
from planner.optimize.commitment.fixed_base import commit_base
from planner.optimize.decompose import column_cost_usd
from planner.optimize.loads import pay_loads
from planner.optimize.problem import Floats
from planner.optimize.solve import Solved
from planner.optimize.walk import LaunchEffort, Report
from planner.optimize.whole import WholeNodes
from planner.plan import Alternative

MOST = 10
WITHIN = Decimal("0.03")
"""Alternatives cost at most this ratio more than the plan."""
PRICED = 400
"""Base counts priced in fractions of nodes."""
DISPATCHED = 40
"""Base counts dispatched in whole nodes, those with the lowest price first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """Other base counts, cheapest first, and what a reader should know of them."""

    alternatives: tuple[Alternative, ...]
    remarks: tuple[str, ...]


def find_alternatives(solved: Solved, meter: Meter, on_progress: Report) -> Alternatives:
    """Up to ten other base counts within 3 % of the plan's total, the cheapest of those looked at."""
    problem, plan = solved.problem, solved.plan
    most = plan.total_usd * (1 + WITHIN)
    whole = WholeNodes(problem)
    found: dict[tuple[tuple[str, int], ...], _Other] = {}
    own = _mix(base_counts(problem, solved.dispatch.counts))
    is_cut_short = False
    for place, (level, counts) in enumerate(_candidates(solved, float(most), meter)):
        mix = _mix(base_counts(problem, counts))
        totals = sorted(one.money.total_usd for one in found.values())
        if place >= DISPATCHED or (len(totals) >= MOST and level >= totals[MOST - 1]):
            break
        if mix == own:
            continue
        if not meter.take(2 * dispatch_units(solved)):
            is_cut_short = True
            break
        on_progress("explaining: other base counts", place / DISPATCHED)
        money = count_money(problem, pay_loads(problem, whole.dispatch(counts)).dispatch)
        if money.total_usd > most or (problem.budget_usd is not None and money.bill_usd > Decimal(problem.budget_usd)):
            continue
        if mix not in found or money.total_usd < found[mix].money.total_usd:
            found[mix] = _Other(counts=counts, money=money)
    others = sorted(found.values(), key=_total_usd)[:MOST]
    if plan.has_launches:
        others = sorted(_with_launches(solved, others, on_progress), key=_total_usd)
    best = tuple(_alternative(solved, other) for other in others)
    return Alternatives(
        alternatives=best, remarks=_remarks(best, is_cut_short and len(best) < MOST, has_launches=plan.has_launches)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Other:
    counts: Floats
    money: Money


def _total_usd(other: _Other) -> Decimal:
    return other.money.total_usd


def _with_launches(solved: Solved, others: list[_Other], on_progress: Report) -> Iterator[_Other]:
    """As many as the plan's own search solves at most, each with its hours solved one after the other."""
    problem = solved.problem
    effort = LaunchEffort()
    each, most = Effort(most_work=effort.most_work), effort.committed_cells // (len(problem.models) * problem.cells)
    for place, other in enumerate(others[:most]):
        on_progress("explaining: other base counts with launches", place / min(len(others), most))
        try:
            dispatch = commit_base(problem, other.counts, each).dispatch
        except EffortSpentError:
            dispatch = None
        if dispatch is None:
            yield other
        else:
            launched = count_money(problem, pay_loads(problem, dispatch).dispatch)
            yield min(other, replace(other, money=launched), key=_total_usd)


def _alternative(solved: Solved, other: _Other) -> Alternative:
    return Alternative(
        base=dict(_mix(base_counts(solved.problem, other.counts))),
        bill_usd=other.money.bill_usd,
        total_usd=other.money.total_usd,
        dearer_by_usd=other.money.total_usd - solved.plan.total_usd,
    )


def _remarks(best: tuple[Alternative, ...], is_cut_short: bool, *, has_launches: bool) -> tuple[str, ...]:
    short = (
        ("of the other base counts near the plan only some were looked at: the problem is large",)
        if is_cut_short
        else ()
    )
    if not best or best[0].dearer_by_usd >= 0:
        return short
    mix = " + ".join(f"{count} {key}" for key, count in best[0].base.items()) or "no base"
    why = "base counts are chosen before launch overhead (lead times, started hours), which is added afterwards"
    if has_launches:
        why = "the search for base counts ended at its limit, --with-launches searches longer"
    return (*short, f"{mix} costs USD {-best[0].dearer_by_usd:,.2f} less than the plan: {why}")


def _candidates(solved: Solved, most_usd: float, meter: Meter) -> Iterator[tuple[float, Floats]]:
    """Base counts around the plan's own, by what they cost with burst in fractions of nodes, up to `most_usd`.

    From the cheapest on, each one's neighbours (one node more, less, or of another kind) are priced in turn; half of
    the work left is for pricing.
    """
    cost = column_cost_usd(solved.problem)
    pricing = Meter(meter.left / 2)
    meter.take(pricing.left)
    known: dict[tuple[int, ...], float] = {}
    heap: list[tuple[float, tuple[int, ...]]] = []

    def price(counts: Floats) -> None:
        key = tuple(round(float(count)) for count in counts)
        if key in known or len(known) >= PRICED or not solved.limits.allow(counts):
            return
        if _promised(solved, cost, counts) > most_usd or not pricing.take(price_units(solved)):
            return
        known[key] = float(cost @ counts) + solved.recourse.evaluate(counts).value_usd
        if known[key] <= most_usd:
            heapq.heappush(heap, (known[key], key))

    price(solved.dispatch.counts.copy())
    price(solved.walk.best.counts.copy())
    for key, _ in solved.walk.examined[:MOST]:
        price(np.array(key, dtype=np.float64))
    ordered: list[tuple[float, tuple[int, ...]]] = []
    while heap:
        level, key = heapq.heappop(heap)
        ordered.append((level, key))
        if len(ordered) > DISPATCHED:
            break
        for trial in _neighbours(np.array(key, dtype=np.float64)):
            price(trial)
    for level, key in sorted(ordered):
        yield level, np.array(key, dtype=np.float64)


def _promised(solved: Solved, cost: Floats, counts: Floats) -> float:
    """The least total the plan's cuts leave for the counts."""
    levels = np.arange(1, solved.problem.policy.survive_base_losses + 1)
    rented = (counts[:, None] >= levels[None, :]).astype(np.float64)
    values = [c.constant_usd + c.slope_usd @ counts + (c.z_slope_usd * rented).sum() for c in solved.relaxed.cuts]
    return float(cost @ counts) + max((float(value) for value in values), default=0.0)


def _neighbours(counts: Floats) -> Iterator[Floats]:
    """One node more or less of a kind, or one of a kind in place of another."""
    steps = np.eye(len(counts))
    for step in steps:
        yield counts + step
    for lost in np.flatnonzero(counts > 0):
        yield counts - steps[lost]
        for c, step in enumerate(steps):
            if c != lost:
                yield counts - steps[lost] + step


def _mix(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((key, count) for key, count in counts.items() if count)
