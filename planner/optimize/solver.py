"""Programs in PuLP, run and judged: what the solver calls a solution is checked before anyone reads a variable.

A small program of whole base counts is solved exactly (`solve_exactly`); a large one within a time or a gap (`run`).
"""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import pulp

from planner.errors import InputError, SolverError
from planner.optimize.problem import Floats

SolverName: TypeAlias = Literal["highs", "cbc"]

EXACT_HIGHS = {"presolve": "off", "mip_allow_restart": False}
"""Options without which HiGHS 1.14 and 1.15 call wrong integer optima optimal: presolve of integer programs drops
better solutions (ERGO-Code/HiGHS issues 3043, 3073, 3094; tests/planner/optimize/test_model.py has one of ours), and a
restart presolves again. Its tolerances stay as they are, too: mip_feasibility_tolerance 1e-9 gives false bounds."""
ROW_TOLERANCE = 1e-6
"""How far a row may be violated, relative to its terms, before a solution is refused."""


def weighted(coefficient: Floats, variables: Sequence[pulp.LpVariable]) -> pulp.LpAffineExpression:
    """The sum of coefficient x variable, one coefficient for each."""
    return pulp.lpSum(float(a) * one for a, one in zip(coefficient, variables, strict=True) if a != 0)


def solve_exactly(program: pulp.LpProblem, what: str, *, gap_ratio: float = 0.0) -> None:
    """Runs HiGHS until it has proven the optimum. Raises SolverError, naming `what`, where it has not."""
    program.solve(pulp.HiGHS(msg=False, gapRel=gap_ratio, gapAbs=0, **EXACT_HIGHS))
    if program.sol_status != pulp.LpSolutionOptimal:
        raise SolverError(f"{what} was not solved: {pulp.LpStatus[program.status]}")


def run(lp: pulp.LpProblem, solver: SolverName, time_limit_s: float | None, gap: float) -> Literal["optimal", "limit"]:
    """How far the solver got; afterwards every variable holds a value that was checked.

    PuLP reports Optimal also at a time limit, so the solution's own status is judged.
    """
    if not lp.variables():
        return "optimal"
    runner: pulp.LpSolver
    if solver == "highs":
        runner = pulp.HiGHS(msg=False, timeLimit=time_limit_s, gapRel=gap, gapAbs=0.0, **EXACT_HIGHS)
    else:
        path = pulp.PULP_CBC_CMD.pulp_cbc_path
        runner = pulp.COIN_CMD(path=path, msg=False, timeLimit=time_limit_s, gapRel=gap, gapAbs=0.0)
    try:
        lp.solve(runner)
    except pulp.PulpSolverError as error:
        raise SolverError(f"{solver} failed: {error}") from error
    if lp.sol_status == pulp.LpSolutionInfeasible:
        raise InputError("no plan obeys every limit; expected counts, groups and budget that can be met together")
    if lp.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        raise SolverError(
            f"{solver} found no solution ({pulp.LpSolution[lp.sol_status]}); expected one within the time limit"
        )
    for variable in lp.variables():
        _settle(variable)
    _check_rows(lp)
    return "optimal" if lp.sol_status == pulp.LpSolutionOptimal else "limit"


def bound_usd(lp: pulp.LpProblem, solver: SolverName, *, proven: bool) -> float | None:
    """The proven lower bound: HiGHS tells it, of CBC only a finished proof is known."""
    if solver == "highs" and lp.isMIP() and lp.variables():
        return float(lp.solverModel.getInfo().mip_dual_bound)
    return float(pulp.value(lp.objective) or 0.0) if proven else None


def _settle(variable: pulp.LpVariable) -> None:
    """Rounds an integer (solvers return 2.9999999) and clips a bound missed by a tolerance; refuses what is neither."""
    value = variable.varValue
    if value is None or not math.isfinite(value):
        raise SolverError(f"the solver returned no value for {variable.name}")
    if variable.cat == pulp.LpInteger:
        whole = round(value)
        if abs(value - whole) > 1e-5:
            raise SolverError(f"the solver returned {value} for {variable.name}; expected a whole number")
        value = float(whole)
    low = -math.inf if variable.lowBound is None else variable.lowBound
    high = math.inf if variable.upBound is None else variable.upBound
    if not low - ROW_TOLERANCE <= value <= high + ROW_TOLERANCE:
        raise SolverError(f"the solver returned {value} for {variable.name}; expected {low} to {high}")
    variable.varValue = min(max(value, low), high)


def _check_rows(lp: pulp.LpProblem) -> None:
    for row in lp.constraints():
        terms = [coefficient * variable.varValue for variable, coefficient in row.items()]
        excess = sum(terms) + row.constant
        if row.sense == pulp.LpConstraintGE:
            excess = -excess
        elif row.sense == pulp.LpConstraintEQ:
            excess = abs(excess)
        if excess > ROW_TOLERANCE * (1 + abs(row.constant) + sum(abs(term) for term in terms)):
            raise SolverError(f"the solver's solution breaks row {row.name} by {excess:g}")
