"""Cases planned, many at once: the plan of each and the figures that are compared. Who plans them is `planner.tasks`'s.

What explains a plan is let go as soon as its figures are taken, so that thousands fit in memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from planner.case import Case, solve_case
from planner.errors import InputError
from planner.optimize.solve import Solved
from planner.plan import CostLines, Plan, UnitCost, Utilization
from planner.tasks import Checkpoint, Engine, Task, run_tasks
from planner.tasks.run import Report, Share
from planner.whatif.causes import Demand


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
class NamedCase:
    """A case to plan, and the scenario it is of; empty: of none."""

    name: str
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    """The plan of a case, and its figures."""

    plan: Plan
    figures: Figures


def plan_cases(
    cases: Sequence[NamedCase],
    *,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
    on_progress: Report | None = None,
) -> list[PlannedCase]:
    """The plan of each case, in their order. An InputError of a named one says its name."""
    return run_tasks(
        plan_case,
        [Task(label=one.name or "the plan", given=one) for one in cases],
        engine=engine,
        checkpoint=checkpoint,
        on_progress=on_progress,
    )


def plan_case(named: NamedCase, share: Share) -> PlannedCase:
    """The plan of one case."""
    try:
        solved = solve_case(named.case, on_progress=lambda _what, part: share(part))
    except InputError as error:
        if not named.name:
            raise
        raise InputError(f"scenario {named.name!r}: {error}") from error
    return PlannedCase(plan=solved.plan, figures=figures(solved))


def figures(solved: Solved) -> Figures:
    """The figures of a plan."""
    plan, problem, nodes = solved.plan, solved.problem, solved.dispatch.nodes
    asked_tok_s = (problem.input_tok_s + problem.output_tok_s).sum(axis=0)
    by_pool = (nodes.sum(axis=0) * problem.weight).sum(axis=-1)
    return Figures(
        demand=Demand(
            mtok=float(asked_tok_s @ problem.weight) * 3600 / 1e6,
            peak_tok_s=float(asked_tok_s.max(initial=0.0)),
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
