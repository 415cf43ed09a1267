"""Service level: the least expected total with enough served in all scenarios but a few. A chance constraint.

With short_s = [more than the tolerance of scenario s stays unserved] and its probability p_s:

    minimise  cost N + sum p_s Q_s   where  sum p_s short_s <= max_short_probability

The recourse of a scenario that must not be short is its linear program with one more row, unserved tokens <= tolerance.
A master of counts N, of short_s and of one cost per scenario takes cuts of both: the row's cuts bind where short_s = 0.
Limits: burst in fractions of nodes decides the counts; whole nodes are dispatched for these, at a penalty raised until
no more than the tolerance is left. So base counts are proven only against that bound. Neither budget nor survived base
losses, and an hourly linear program over all scenarios: slow beyond some ten thousand hours.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pulp

from planner.errors import InputError, SolverError
from planner.optimize.coupled import CoupledRecourse
from planner.optimize.coupled import Recourse as CoupledValue
from planner.optimize.decompose import CLOSE, Relaxed, column_cost_usd
from planner.optimize.limits import CountLimits
from planner.optimize.master import solver_name
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.solver import solve_exactly, weighted
from planner.optimize.walk import Walk
from planner.optimize.whole import Dispatch, WholeNodes

MAX_ROUNDS = 200
RAISES = 12
"""How often a penalty is made four times as high while too much is left unserved."""
OVER = 1e-6
"""Unserved ratio beyond the tolerance that is the solver's noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The counts that keep to the service level at the least expected total, burst in fractions of nodes."""

    relaxed: Relaxed
    may_be_short: tuple[bool, ...]
    """By scenario."""


class LimitedRecourse(CoupledRecourse):
    """The linear program of every scenario with a limit on what is left unserved; beyond it a forbidding price."""

    def __init__(self, problem: Problem, most_unserved: float | None, over_usd: float) -> None:
        """`most_unserved`: ratio of each scenario's tokens; None: no limit. `over_usd`: for the whole of them."""
        self._most_unserved, self._over_usd = most_unserved, over_usd
        super().__init__(problem, np.arange(problem.cells))

    def _keep_budget(self) -> None:
        """And sum of unserved tokens - over <= most_unserved of the scenario's tokens."""
        super()._keep_budget()
        problem, assembly = self._problem, self._assembly
        asked = problem.input_tok_s + problem.output_tok_s
        total = problem.by_scenario(asked.sum(axis=0))
        exists = (total > 0) & (self._most_unserved is not None)
        self._over = assembly.add_columns(exists, self._over_usd)
        rows = assembly.add_rows(exists, -np.inf, self._most_unserved or 0.0)
        share = asked / np.maximum(np.repeat(total, problem.hours), 1e-300)
        assembly.add_terms(np.repeat(rows, problem.hours)[None, :], self._unserved, share)
        assembly.add_terms(rows, self._over, -1.0)

    def price(self, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """(S,) cost with what is over, (S, C) slopes, (S,) ratio over the limit."""
        problem = self._problem
        found = self.evaluate(np.rint(counts).astype(np.int64))
        assert found is not None  # there is no budget, and the master keeps to the groups
        size = len(problem.scenarios)
        value, reduced, dual, lost = self._solution
        over = np.where(self._over >= 0, value[self._over] if len(value) else 0.0, 0.0)
        slopes = np.array(
            [
                self._slopes(reduced, dual, np.repeat((np.arange(size) == s).astype(float), problem.hours), lost)[0]
                for s in range(size)
            ]
        ).reshape(size, len(counts))
        return problem.by_scenario(found.value_usd) + self._over_usd * over, slopes, over

    def _read(self, value: Floats, reduced: Floats, dual: Floats, lost: Ints | None, weigh: Any) -> CoupledValue:
        self._solution = (value, reduced, dual, lost)
        return super()._read(value, reduced, dual, lost, weigh)


def solve_service(problem: Problem, limits: CountLimits) -> Service:
    """The least expected total within the service level; InputError where nothing reaches it."""
    if problem.budget_usd is not None or problem.policy.survive_base_losses > 0:
        raise InputError("[policy] aim: service goes neither with max_usd_month nor with survive_base_losses")
    cost = column_cost_usd(problem)
    over_usd = 1e3 * (
        1 + float(cost @ limits.upper) + float(problem.by_scenario(problem.unserved_usd.sum(axis=0)).max())
    )
    free = LimitedRecourse(problem, None, over_usd)
    held = LimitedRecourse(problem, problem.policy.max_unserved_ratio, over_usd)
    master = _Master(problem, cost, limits)
    best, best_counts, best_short = np.inf, limits.lower, np.ones(len(problem.scenarios), dtype=bool)
    best_over = np.inf
    counts, known, promised = limits.lower, set[bytes](), -np.inf
    for _ in range(MAX_ROUNDS):
        returned = counts.tobytes() in known
        if not returned:
            known.add(counts.tobytes())
            free_usd, free_slope, _ = free.price(counts)
            held_usd, held_slope, over = held.price(counts)
            master.add(counts, free_usd, free_slope, held_usd, held_slope)
            short = _cheapest_short(problem, held_usd - free_usd)
            total = float(cost @ counts) + float(np.array(problem.probability) @ np.where(short, free_usd, held_usd))
            if total < best and limits.allow(counts):
                best, best_counts, best_short = total, counts, short
                best_over = float(np.where(short, 0.0, over).max())
        if returned or (np.isfinite(promised) and best - promised <= CLOSE * (1 + abs(promised))):
            break
        promised, counts = master.solve()
    else:
        raise SolverError(f"the service level did not settle within {MAX_ROUNDS} rounds")
    if best_over > OVER:
        raise InputError(
            f"[policy] aim service: no plan keeps within max_unserved_ratio {problem.policy.max_unserved_ratio} in all "
            f"but {problem.policy.max_short_probability} of scenarios; the offers' limits leave {best_over:.2%} more"
        )
    relaxed = Relaxed(
        counts=best_counts,
        total_usd=best,
        bound_usd=min(promised, best),
        cuts=(),
        rounds=len(known),
        solver=solver_name(),
        status=master.status,
    )
    return Service(relaxed=relaxed, may_be_short=tuple(bool(one) for one in best_short))


def dispatch_service(problem: Problem, service: Service) -> Walk:
    """Whole nodes for the counts found: penalties raised in scenarios that must not be short until they are not.

    Where whole nodes cannot serve what fractions can, some stay short: `short_probability` tells.
    """
    counts, size = service.relaxed.counts, len(problem.scenarios)
    raised = np.ones(size)
    must = ~np.array(service.may_be_short)
    late = np.zeros(size, dtype=np.bool_)
    dispatch = None
    for _ in range(RAISES):
        raised = np.where(late, 4 * raised, raised)  # before the dispatch, so that the last one is known by its penalty
        dear = replace(problem, unserved_usd=problem.unserved_usd * np.repeat(raised, problem.hours))
        dispatch = WholeNodes(dear).dispatch(counts)
        late = must & (unserved_ratios(problem, dispatch.unserved) > problem.policy.max_unserved_ratio)
        if not late.any():
            break
    assert dispatch is not None
    extra = problem.unserved_usd * np.repeat(raised - 1, problem.hours)
    paid = dispatch.cost_usd - float((dispatch.unserved * extra).sum(axis=0) @ problem.weight)
    based = float(column_cost_usd(problem) @ counts)
    total, bound = based + paid, min(service.relaxed.bound_usd, based + paid)
    found: Dispatch = replace(dispatch, cost_usd=paid, bound_usd=paid, aimed_usd=paid, aimed_bound_usd=paid)
    return Walk(
        best=found,
        total_usd=total,
        bound_usd=bound,
        is_proven=total - bound <= CLOSE * (1 + abs(total)),
        examined=((tuple(round(float(n)) for n in counts), total),),
    )


def unserved_ratios(problem: Problem, unserved: Floats) -> Floats:
    """(S,) share of each scenario's tokens left unserved, from shares (M, T)."""
    asked = problem.input_tok_s + problem.output_tok_s
    total = problem.by_scenario(asked.sum(axis=0))
    left = problem.by_scenario((asked * unserved).sum(axis=0))
    return left / np.where(total > 0, total, 1.0)


def short_probability(problem: Problem, unserved: Floats) -> float:
    """Of the scenarios that leave more than `max_unserved_ratio` unserved."""
    late = unserved_ratios(problem, unserved) > problem.policy.max_unserved_ratio
    return float(np.array(problem.probability) @ late)


def _cheapest_short(problem: Problem, saved_usd: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which scenarios to leave short: those that save most within the probability; a knapsack."""
    program = pulp.LpProblem("short", pulp.LpMaximize)
    chance = problem.probability
    short = [program.add_variable(f"short_{s}", 0, 1, pulp.LpInteger) for s in range(len(chance))]
    program += pulp.lpSum(p * float(usd) * one for p, usd, one in zip(chance, saved_usd, short, strict=True)), "saved"
    most = problem.policy.max_short_probability + 1e-12
    program += pulp.lpSum(p * one for p, one in zip(chance, short, strict=True)) <= most, "most"
    solve_exactly(program, "the choice of scenarios that may be short")
    return np.array([pulp.value(one) > 0.5 for one in short], dtype=bool)


class _Master:
    """Counts, which scenarios are short, and one cost per scenario, under cuts of both kinds."""

    def __init__(self, problem: Problem, cost_usd: Floats, limits: CountLimits) -> None:
        self._limits, self._cuts, self.status = limits, 0, "not solved"
        program = pulp.LpProblem("service", pulp.LpMinimize)
        chance = problem.probability
        self._count = [
            program.add_variable(f"count_{c}", float(low), float(high), pulp.LpInteger)
            for c, (low, high) in enumerate(zip(limits.lower, limits.upper, strict=True))
        ]
        self._short = [program.add_variable(f"short_{s}", 0, 1, pulp.LpInteger) for s in range(len(chance))]
        self._usd = [program.add_variable(f"usd_{s}", 0) for s in range(len(chance))]
        expected = pulp.lpSum(p * usd for p, usd in zip(chance, self._usd, strict=True))
        program += weighted(cost_usd, self._count) + expected, "total_usd"
        most = problem.policy.max_short_probability + 1e-12
        program += pulp.lpSum(p * short for p, short in zip(chance, self._short, strict=True)) <= most, "most_short"
        for row in limits.rows:
            program += weighted(row.coefficient, self._count) <= row.most, row.name
        self._program = program

    def add(self, at: Floats, free_usd: Floats, free: Floats, held_usd: Floats, held: Floats) -> None:
        """The cuts of every scenario at the counts."""
        low, high = self._limits.lower - at, self._limits.upper - at
        for s in range(len(self._usd)):
            name = f"{self._cuts:03d}_{s:03d}"
            constant = float(free_usd[s] - free[s] @ at)
            self._program += self._usd[s] >= weighted(free[s], self._count) + constant, f"free_{name}"
            most = max(float(held_usd[s] + np.maximum(held[s] * low, held[s] * high).sum()), 0.0)
            constant = float(held_usd[s] - held[s] @ at)
            self._program += (
                self._usd[s] >= weighted(held[s], self._count) + constant - most * self._short[s],
                f"held_{name}",
            )
        self._cuts += 1

    def solve(self) -> tuple[float, Floats]:
        """The least total the cuts promise, and its counts."""
        solve_exactly(self._program, "the service level")
        self.status = str(pulp.LpSolution[self._program.sol_status])
        counts = np.rint(np.array([pulp.value(count) for count in self._count], dtype=np.float64))
        return float(pulp.value(self._program.objective)), counts
