"""Foresight: what knowing the scenario would be worth, and what planning on the mean demand would cost. Pure.

Relaxed figures are exact: every optimum is that of the decomposition. RP: the least expected total; WS: the expectation
of the least totals of each scenario alone (wait and see); EEV: the expected total of the base counts that are best for
the mean demand. EVPI = RP - WS, the expected value of perfect information; VSS = EEV - RP, the value of the stochastic
solution (Birge 1982).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from planner.optimize.assemble import base_counts, count_money
from planner.optimize.bill import exact
from planner.optimize.decompose import Relaxed, column_cost_usd, solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.loads import pay_loads
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.scenarios import expecting, mean_scenario, one_scenario
from planner.optimize.walk import Report
from planner.optimize.whole import WholeNodes
from planner.plan import ForesightValue, Plan
from policies.planning import Aim

MOST_CELLS = 60_000
"""Hours x scenarios beyond which no other plan is dispatched in whole nodes and billed: some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """The relaxed optima that the value of foresight is made of."""

    expected_usd: float
    """RP"""
    alone: tuple[Relaxed, ...]
    """The optimum of each scenario alone."""
    alone_usd: Floats
    """(S,) its proven least total."""
    mean_counts: Floats
    """(C,) base counts that are best for the mean demand."""
    mean_usd: float
    """EEV"""

    def evpi_usd(self, probability: Floats) -> float:
        """RP - WS."""
        return self.expected_usd - float(probability @ self.alone_usd)

    @property
    def vss_usd(self) -> float:
        """EEV - RP."""
        return self.mean_usd - self.expected_usd


def relaxed_optimum(problem: Problem) -> Relaxed:
    """The least aim over whole base counts, burst in fractions of nodes."""
    return solve_relaxed(problem, Recourse(problem), count_limits(problem))


def with_reference(problem: Problem) -> Problem:
    """The problem with the least total of each scenario alone, where its aim is regret."""
    if problem.policy.aim is not Aim.REGRET or len(problem.scenarios) == 1:
        return problem
    alone = [relaxed_optimum(one_scenario(problem, s)).bound_usd for s in range(len(problem.scenarios))]
    return replace(problem, reference_usd=tuple(alone))


def foresight(problem: Problem, on_progress: Report | None = None) -> Foresight:
    """The relaxed optima of the problem, of each of its scenarios and of its mean demand."""
    count = len(problem.scenarios)
    alone = []
    for s in range(count):
        if on_progress is not None:
            on_progress("planning for each scenario alone", s / count)
        alone.append(relaxed_optimum(one_scenario(problem, s)))
    blind = expecting(problem)
    recourse, limits = Recourse(blind), count_limits(blind)
    relaxed = solve_relaxed(blind, recourse, limits)
    # The mean's counts stay within the limits of all: its peak is no higher, and the other limits are the same.
    mean_counts = relaxed_optimum(mean_scenario(problem)).counts
    return Foresight(
        expected_usd=relaxed.total_usd,
        alone=tuple(alone),
        alone_usd=np.array([one.bound_usd for one in alone]),
        mean_counts=mean_counts,
        mean_usd=float(column_cost_usd(blind) @ mean_counts) + recourse.evaluate(mean_counts).value_usd,
    )


def with_foresight(plan: Plan, problem: Problem, on_progress: Report | None = None) -> Plan:
    """The plan with the value of foresight; unchanged with one scenario, under a budget or a service level.

    A budget of each scenario alone would be another budget than that of their expectation, and a service level over
    scenarios says nothing of one alone.
    """
    if plan.uncertainty is None or problem.budget_usd is not None or problem.policy.aim is Aim.SERVICE:
        return plan
    known = foresight(problem, on_progress)
    probability = np.array(problem.probability)
    regret = [one.total_usd - exact(float(usd)) for one, usd in zip(plan.scenarios, known.alone_usd, strict=True)]
    worst = max(range(len(regret)), key=lambda s: regret[s])
    mean_total, alone_total = _whole_totals(problem, known, [one.total_usd for one in plan.scenarios])
    value = ForesightValue(
        alone_usd=tuple(exact(float(usd)) for usd in known.alone_usd),
        perfect_saves_at_most_usd=plan.total_usd - exact(float(probability @ known.alone_usd)),
        perfect_relaxed_usd=_positive(known.evpi_usd(probability)),
        perfect_whole_usd=None if alone_total is None else plan.total_usd - alone_total,
        mean_base={key: count for key, count in base_counts(problem, known.mean_counts).items() if count},
        mean_relaxed_usd=_positive(known.vss_usd),
        mean_whole_usd=None if mean_total is None else mean_total - plan.total_usd,
        regret_usd=regret[worst],
        regret_scenario=problem.scenarios[worst],
    )
    return replace(plan, uncertainty=replace(plan.uncertainty, foresight=value))


def _whole_totals(problem: Problem, known: Foresight, planned: list[Decimal]) -> tuple[Decimal | None, Decimal | None]:
    """Expected total as billed of the mean's counts; and of each scenario's own, or the plan's where they cost less."""
    if problem.cells > MOST_CELLS:
        return None, None
    mean = billed_usd(expecting(problem), known.mean_counts)
    alone = sum(
        (
            Decimal(repr(chance)) * min(planned[s], billed_usd(one_scenario(problem, s), known.alone[s].counts))
            for s, chance in enumerate(problem.probability)
        ),
        Decimal(0),
    )
    return mean, alone


def billed_usd(problem: Problem, counts: Floats) -> Decimal:
    """Expected total of base counts in whole nodes, with leases."""
    dispatch = WholeNodes(problem).dispatch(counts)
    return count_money(problem, pay_loads(problem, dispatch).dispatch).total_usd


def _positive(usd: float) -> Decimal:
    """Below 0 by no more than the solver's tolerance."""
    return exact(max(float(usd), 0.0))
