"""The value of waiting a month: commit now, burst until more is known, or commit in part and adjust. Pure.

What is planned for goes on for a tenure of T months, and after a month it is known which scenario it is. K horizons
make T months, k of them one. With R_s(N) the recourse of scenario s in one horizon, fees f and setup fees g of a node:

    keep    min over N of  K f N + g N + K sum p_s R_s(N)
    adjust  min over N of  k (f N + sum p_s R_s(N)) + g N
                           + sum p_s min over N_s of (K - k) (f N_s + R_s(N_s)) + h max(N_s - N, 0)
    wait    the same with N = M, the cheapest counts there may be (none unless min_count asks for some)

A setup fee paid after the month bears T - 1 of its T months here: h = g (T - 1) / T. `adjust` holds both others, so it
is never dearer. Cuts of every R_s stand in one integer program, added until it has met them. Limits: burst in fractions
of nodes; neither a budget, nor a survived loss, whose levels are no part of N.
"""

from dataclasses import dataclass, replace

import numpy as np
import pulp

from planner.errors import InputError, SolverError
from planner.optimize.assemble import base_counts
from planner.optimize.bill import exact
from planner.optimize.decompose import CLOSE
from planner.optimize.foresight import relaxed_optimum
from planner.optimize.limits import CountLimits, count_limits
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Cut, Recourse
from planner.optimize.scenarios import expecting, one_scenario
from planner.optimize.solver import solve_exactly, weighted
from planner.plan import Plan, WaitingValue
from policies.planning import Aim

MAX_ROUNDS = 100
MOST_SCENARIOS = 60
"""Each has base counts of its own in the integer program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The three ways, USD over the tenure."""

    keep_usd: float
    wait_usd: float
    adjust_usd: float
    adjust_counts: Floats
    """(C,) what to commit to now, where it can be adjusted in a month."""


def value_of_waiting(problem: Problem) -> Waiting:
    """What each of the three ways costs at its best."""
    _refuse(problem)
    blind = expecting(problem)
    limits, relaxed = count_limits(blind), relaxed_optimum(blind)
    horizons = problem.policy.tenure_months / float(problem.months)
    adjusting = _Adjusting(problem, limits)
    adjusting.learn(relaxed.counts)
    wait_usd, _ = adjusting.best(now=adjusting.least_counts())
    adjust_usd, adjust_counts = adjusting.best(now=None)
    return Waiting(
        keep_usd=horizons * relaxed.total_usd,
        wait_usd=wait_usd,
        adjust_usd=adjust_usd,
        adjust_counts=adjust_counts,
    )


def with_waiting(plan: Plan, problem: Problem) -> Plan:
    """The plan with the value of waiting a month."""
    if plan.uncertainty is None:
        raise InputError("--wait: needs a forecast with scenarios; expected columns scenario and probability")
    found = value_of_waiting(problem)
    now = base_counts(problem, found.adjust_counts)
    value = WaitingValue(
        months=problem.policy.tenure_months,
        keep_usd=exact(float(found.keep_usd)),
        wait_usd=exact(float(found.wait_usd)),
        adjust_usd=exact(float(found.adjust_usd)),
        adjust_base={key: count for key, count in now.items() if count},
    )
    return replace(plan, uncertainty=replace(plan.uncertainty, waiting=value))


def _refuse(problem: Problem) -> None:
    policy = problem.policy
    wrong = {
        "max_usd_month": problem.budget_usd is not None,
        "survive_base_losses": policy.survive_base_losses > 0,
        f"aim {policy.aim}": policy.aim is not Aim.EXPECTED,
        f"{len(problem.scenarios)} scenarios, more than {MOST_SCENARIOS}": len(problem.scenarios) > MOST_SCENARIOS,
        "a tenure of one month": policy.tenure_months < 2,
        "a horizon above a month": float(problem.months) > 1 + 1e-9,
    }
    for what, is_so in wrong.items():
        if is_so:
            raise InputError(f"--wait: does not go with {what}")


class _Adjusting:
    """The integer program of counts now and, by scenario, after a month."""

    def __init__(self, problem: Problem, limits: CountLimits) -> None:
        columns = [problem.base[b] for _, b in problem.base_columns()]
        self._fee = np.array([float(option.fee_usd) for option in columns])
        self._setup = np.array([float(option.setup_due_usd) for option in columns])
        self._chance = problem.probability
        self._limits = limits
        self._recourse = [Recourse(one_scenario(problem, s)) for s in range(len(problem.scenarios))]
        self._known: dict[tuple[int, bytes], float] = {}
        self._month = 1 / float(problem.months)
        self._rest = (problem.policy.tenure_months - 1) / float(problem.months)
        self._later_setup = self._setup * (problem.policy.tenure_months - 1) / problem.policy.tenure_months
        self.cuts: list[tuple[int, Cut]] = []

    def learn(self, counts: Floats) -> float:
        """Adds each scenario's cut at the counts; the expected recourse there."""
        return sum(chance * self._price(s, counts) for s, chance in enumerate(self._chance))

    def _price(self, scenario: int, counts: Floats) -> float:
        """The recourse of a scenario at the counts, with its cut added the first time."""
        key = (scenario, counts.tobytes())
        if key not in self._known:
            cut = self._recourse[scenario].evaluate(counts)
            self.cuts.append((scenario, cut))
            self._known[key] = cut.value_usd
        return self._known[key]

    def best(self, now: Floats | None) -> tuple[float, Floats]:
        """The least cost and the counts now; `now` fixes them."""
        best, best_counts = np.inf, self._limits.lower
        for _ in range(MAX_ROUNDS):
            promised, counts, later = self._solve(now)
            before = len(self.cuts)
            total = float((self._month * self._fee + self._setup) @ counts) + self._month * self.learn(counts)
            for s, (chance, then) in enumerate(zip(self._chance, later, strict=True)):
                more = float(self._later_setup @ np.maximum(then - counts, 0.0))
                total += chance * (self._rest * (float(self._fee @ then) + self._price(s, then)) + more)
            if total < best:
                best, best_counts = total, counts
            # A cut is tight where it was made: a program that comes back to such points has found its optimum there.
            if len(self.cuts) == before or best - promised <= CLOSE * (1 + abs(promised)):
                return best, best_counts
        raise SolverError(f"the value of waiting did not settle within {MAX_ROUNDS} rounds")

    def least_counts(self) -> Floats:
        """The cheapest counts there may be."""
        program = pulp.LpProblem("least", pulp.LpMinimize)
        counts = self._counts(program, "now", None)
        program += weighted(self._fee + self._setup, counts), "fees_usd"
        _run(program)
        return _values(counts)

    def _solve(self, now: Floats | None) -> tuple[float, Floats, list[Floats]]:
        """The least cost under the cuts, the counts now and those of each scenario after the month."""
        program = pulp.LpProblem("waiting", pulp.LpMinimize)
        size, futures = range(len(self._fee)), range(len(self._chance))
        first = self._counts(program, "now", now)
        later = [self._counts(program, f"then_{s}", None) for s in futures]
        more = [[program.add_variable(f"more_{s}_{c}", 0) for c in size] for s in futures]
        month = [program.add_variable(f"month_{s}", 0) for s in futures]
        rest = [program.add_variable(f"rest_{s}", 0) for s in futures]
        cost = [(self._month * self._fee[c] + self._setup[c]) * first[c] for c in size]
        for s, chance in enumerate(self._chance):
            cost += [chance * self._rest * self._fee[c] * later[s][c] for c in size]
            cost += [chance * self._later_setup[c] * more[s][c] for c in size]
            cost += [chance * self._month * month[s], chance * self._rest * rest[s]]
        program += pulp.lpSum(cost), "total_usd"
        for s in futures:
            for c in size:
                program += more[s][c] >= later[s][c] - first[c], f"more_{s}_{c}"
        for index, (s, cut) in enumerate(self.cuts):
            program += month[s] >= weighted(cut.slope_usd, first) + cut.constant_usd, f"cut_now_{index}"
            program += rest[s] >= weighted(cut.slope_usd, later[s]) + cut.constant_usd, f"cut_then_{index}"
        _run(program)
        return float(pulp.value(program.objective)), _values(first), [_values(one) for one in later]

    def _counts(self, program: pulp.LpProblem, name: str, fixed: Floats | None) -> list[pulp.LpVariable]:
        """Whole base counts within the limits, or given ones."""
        low, high = (self._limits.lower, self._limits.upper) if fixed is None else (fixed, fixed)
        counts = [
            program.add_variable(f"{name}_{c}", float(least), float(most), pulp.LpInteger)
            for c, (least, most) in enumerate(zip(low, high, strict=True))
        ]
        for row in self._limits.rows:
            program += weighted(row.coefficient, counts) <= row.most, f"{row.name}_{name}"
        return counts


def _run(program: pulp.LpProblem) -> None:
    if program.variables():
        solve_exactly(program, "the value of waiting")


def _values(counts: list[pulp.LpVariable]) -> Floats:
    return np.rint(np.array([pulp.value(one) for one in counts], dtype=np.float64))
