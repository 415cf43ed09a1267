"""Before and after: a case and its changes planned, the figures side by side. Opens nothing, rounds nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from planner.case import Case, solve_case
from planner.catalog.offer import Catalog
from planner.errors import InputError
from planner.optimize.prepare import OWNED
from planner.optimize.solve import Solved
from planner.plan import CostLines, Plan, UnitCost, Utilization
from planner.whatif.causes import Cause, Demand, Side, causes
from planner.whatif.change import Change, changed

Solve = Callable[[Case], Solved]
BEFORE = "before"
AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a comparison shows of one plan; expected over the forecast's scenarios. Money in USD."""

    demand: Demand
    bill_usd: Decimal
    total_usd: Decimal
    lower_bound_usd: Decimal
    gap_ratio: float
    is_proven: bool
    cost: CostLines
    setup_due_usd: Decimal
    cost_usd_mtok: UnitCost
    base: Mapping[str, int]
    """Base nodes by offer, those rented alone."""
    burst_node_hours: Mapping[str, float]
    """Node-hours of each pool while it serves, lead times apart; those rented alone."""
    unserved_ratio: float
    utilization: Utilization

    @property
    def rented(self) -> frozenset[str]:
        """Keys of the offers rented, base and burst."""
        return frozenset(self.base) | frozenset(self.burst_node_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a change comes to."""

    change: Change
    plan: Plan
    figures: Figures
    causes: tuple[Cause, ...]
    """The inputs that differ and matter to what is rented."""
    touched: frozenset[str]
    """Ids of the offers that the change takes away or alters, rented or not."""

    @property
    def name(self) -> str:
        """The scenario's name, or `after`."""
        return self.change.name or AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The plan of a case, and those of its changes in their order."""

    plan: Plan
    """Before."""
    before: Figures
    after: tuple[Outcome, ...]


def compare(case: Case, changes: Sequence[Change], solve: Solve = solve_case) -> Comparison:
    """The plans of the case and of each change; all changes are made before the first plan is.

    A change that is wrong, or that nothing can serve, is an InputError naming its scenario.
    """
    made = []
    for change in changes:
        with _naming(change):
            made.append(changed(case, change))
    plan, before = _planned(case, case, solve)
    outcomes = []
    for change, after in zip(changes, made, strict=True):
        with _naming(change):
            outcomes.append(_outcome(change, (case, plan, before), after, solve))
    return Comparison(plan=plan, before=before, after=tuple(outcomes))


def _outcome(change: Change, before: tuple[Case, Plan, Figures], after: Case, solve: Solve) -> Outcome:
    plan, shown = _planned(after, before[0], solve)
    return Outcome(
        change=change,
        plan=plan,
        figures=shown,
        causes=causes(_side(*before), _side(after, plan, shown)),
        touched=_touched(before[0].catalog, after.catalog),
    )


def _planned(case: Case, first: Case, solve: Solve) -> tuple[Plan, Figures]:
    """The plan of a case and its figures; what explains the plan is let go, so that many scenarios fit in memory."""
    solved = solve(case)
    return solved.plan, figures(solved, is_moved=not _same_demand(first, case))


def figures(solved: Solved, *, is_moved: bool = False) -> Figures:
    """The figures of a plan; `is_moved`: its demand differs in some hour from that compared with."""
    plan, problem, nodes = solved.plan, solved.problem, solved.walk.best.nodes
    asked_tok_s = (problem.input_tok_s + problem.output_tok_s).sum(axis=0)
    by_pool = (nodes.sum(axis=0) * problem.weight).sum(axis=-1)
    return Figures(
        demand=Demand(
            mtok=float(asked_tok_s @ problem.weight) * 3600 / 1e6,
            peak_tok_s=float(asked_tok_s.max(initial=0.0)),
            is_moved=is_moved,
        ),
        bill_usd=plan.bill_usd,
        total_usd=plan.total_usd,
        lower_bound_usd=plan.lower_bound_usd,
        gap_ratio=plan.gap_ratio,
        is_proven=plan.search == "proven",
        cost=plan.cost,
        setup_due_usd=plan.setup_due_usd,
        cost_usd_mtok=plan.cost_usd_mtok,
        base={offer: count for offer, count in plan.base.items() if count},
        burst_node_hours={problem.burst[v].key: float(by_pool[v]) for v in np.flatnonzero(by_pool)},
        unserved_ratio=plan.unserved_ratio,
        utilization=plan.utilization,
    )


def uses(shown: Figures, offers: frozenset[str]) -> bool:
    """Whether any of these offers, as ids, is rented; owned servers of an offer count."""
    return any(key.partition(OWNED)[0] in offers for key in shown.rented)


def _side(case: Case, plan: Plan, shown: Figures) -> Side:
    return Side(plan=plan, catalog=case.catalog, rented=shown.rented, demand=shown.demand)


def _same_demand(one: Case, other: Case) -> bool:
    a, b = one.forecast, other.forecast
    return np.array_equal(a.input_tok_s, b.input_tok_s) and np.array_equal(a.output_tok_s, b.output_tok_s)


def _touched(before: Catalog, after: Catalog) -> frozenset[str]:
    return frozenset(one.id for one in before if one.id not in after or after[one.id] != one)


@contextmanager
def _naming(change: Change) -> Iterator[None]:
    """Errors of a named scenario say its name."""
    try:
        yield
    except InputError as error:
        if not change.name:
            raise
        raise InputError(f"scenario {change.name!r}: {error}") from error
