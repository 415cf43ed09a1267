"""What is measured inside a process of its own: `python -m benchmarks.tasks NAME ARGUMENTS` prints one line of JSON."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import instances
from benchmarks.commitment import commitment_base_free, commitment_chain, commitment_rival
from benchmarks.decide_speed import decide_speed
from benchmarks.instances import BASE, BURST, EXAMPLE, MONTH, first_scenarios, month_forecast, problem_of, year_forecast
from benchmarks.measure import peak_mb, seconds
from benchmarks.months import months
from benchmarks.replay_bills import replay_days, replay_second, replay_started_hour
from benchmarks.replay_speed import replay_speed
from benchmarks.uncertainty import aims_by_monolith, hundred
from planner.case import load_case, load_fleet, solve_case
from planner.demand.forecast import Forecast
from planner.optimize.assemble import Origin
from planner.optimize.decompose import Relaxed, solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.solve import Solved, solve
from planner.optimize.walk import Effort, Walk, walk

Found = dict[str, Any]
ORIGIN = Origin(catalog="shipped", forecast="benchmark", policy="default", price_basis="", version="")


def month(runs: int) -> Found:
    """744 hours x 12 offers: the relaxed optimum, then the whole-node optimum, from the problem in arrays."""
    problem = problem_of(month_forecast())
    walked = _walked(problem)
    relaxed = _relaxed(problem)
    return {
        "offers": len(BASE) + len(BURST),
        "relaxed_usd": relaxed.total_usd,
        "counts": [round(n) for n in relaxed.counts],
        "total_usd": walked.total_usd,
        "bound_usd": walked.bound_usd,
        "is_proven": walked.is_proven,
        "relaxed_s": asdict(seconds(lambda: _relaxed(problem), runs)),
        "walked_s": asdict(seconds(lambda: _walked(problem), runs)),
        "peak_mb": peak_mb(),
    }


def month_case(runs: int) -> Found:
    """The month with every shipped offer, as `baseload plan` solves it: rates, options, optimum, leases, bill."""
    fleet, _ = load_fleet(None)
    case = load_case(forecast=EXAMPLE, fleet=fleet, month=MONTH, fill="weekly")
    solved = solve_case(case)
    problem = solved.problem
    return {
        "offers": len(case.catalog),
        "options": len(problem.base) + len(problem.burst),
        "gap_ratio": solved.plan.gap_ratio,
        "solved_s": asdict(seconds(lambda: solve_case(case), runs)),
    }


def month_pulp(solver: str, runs: int) -> Found:
    """The month's relaxed optimum by the monolith of planner/optimize/model.py, its building included."""
    from planner.optimize.model import build, solve_monolith
    from planner.optimize.solver import SolverName

    name: SolverName = "cbc" if solver == "cbc" else "highs"
    problem = problem_of(month_forecast())
    found = solve_monolith(problem, solver=name)
    return {
        "objective_usd": found.objective_usd,
        "counts": found.counts.tolist(),
        "built_s": seconds(lambda: build(problem), 1).wall_s[0],
        "solved_s": asdict(seconds(lambda: solve_monolith(problem, solver=name), runs)),
    }


def write_year(path: str) -> Found:
    """Writes the year's forecast."""
    return {"rows": instances.write_year(Path(path))}


def year(path: str, runs: int) -> Found:
    """20 scenarios of a year: reading; N, bound and expected recourse. Memory is taken before anything is repeated."""
    started = time.perf_counter()
    demand = year_forecast(Path(path))
    first_read_s = time.perf_counter() - started
    read_mb = peak_mb()
    relaxed = _relaxed(problem_of(demand))
    solved_mb = peak_mb()
    return {
        "rows": demand.hours * len(demand.scenarios),
        "first_read_s": first_read_s,
        "read_mb": read_mb,
        "solved_mb": solved_mb,
        "total_usd": relaxed.total_usd,
        "bound_usd": relaxed.bound_usd,
        "counts": [round(n) for n in relaxed.counts],
        "rounds": relaxed.rounds,
        "solved_s": asdict(seconds(lambda: _relaxed(problem_of(demand)), runs)),
        "read_s": asdict(seconds(lambda: year_forecast(Path(path)), runs)),
    }


def year_whole(path: str) -> Found:
    """20 scenarios of a year in whole nodes: dispatch, leases and bill of every scenario."""
    demand = year_forecast(Path(path))
    found: list[Solved] = []
    spent = seconds(
        lambda: found.append(solve(Prepared(problem=problem_of(demand), rejected=(), remarks=()), ORIGIN)),
        1,
        unmeasured=0,
    )
    plan = found[0].plan
    return {"solved_s": asdict(spent), "peak_mb": peak_mb(), "gap_ratio": plan.gap_ratio, "search": plan.search}


def year_part(path: str, scenarios: int, runs: int) -> Found:
    """The first scenarios of the year: the relaxed optimum, from the problem in arrays, as the rival is timed."""
    problem = problem_of(_part(path, scenarios))
    relaxed = _relaxed(problem)
    return {
        "total_usd": relaxed.total_usd,
        "counts": [round(n) for n in relaxed.counts],
        "solved_s": asdict(seconds(lambda: _relaxed(problem), runs)),
    }


def year_linopy(path: str, scenarios: int, time_limit_s: float) -> Found:
    """The first scenarios of the year by linopy and HiGHS."""
    from benchmarks.rivals import linopy_monolith

    found = linopy_monolith(problem_of(_part(path, scenarios)), time_limit_s=time_limit_s)
    return {
        "objective_usd": found.objective_usd,
        "counts": list(found.counts),
        "build_s": found.build_s,
        "solve_s": found.solve_s,
        "status": found.status,
        "peak_mb": peak_mb(),
    }


def write_usage(path: str) -> Found:
    """Writes a ledger of a million usage rows."""
    from benchmarks.chargeback import write_ledger

    return {"rows": write_ledger(Path(path))}


def charge_usage(path: str, runs: int) -> Found:
    """A month of a million usage rows charged to teams, from the ledger's file to whole cents."""
    from benchmarks.chargeback import charged, usage_by_team

    charges, _ = charged(Path(path))
    first_mb = peak_mb()
    spent = seconds(lambda: charged(Path(path)), runs, unmeasured=0)
    return {
        "charges": len(charges.charges),
        "bill_usd": float(charges.bill_usd),
        "usage_usd": usage_by_team(charges),
        "charged_s": asdict(spent),
        "peak_mb": first_mb,
    }


def charge_usage_by_row(path: str) -> Found:
    """The same usage by a loop over rows."""
    from benchmarks.chargeback import Charged, charged_row_by_row

    found: list[Charged] = []
    spent = seconds(lambda: found.append(charged_row_by_row(Path(path))), 1, unmeasured=0)
    return {"usage_usd": found[0].usage_usd, "rows": found[0].rows, "charged_s": asdict(spent), "peak_mb": peak_mb()}


def _part(path: str, scenarios: int) -> Forecast:
    return first_scenarios(year_forecast(Path(path)), scenarios)


def _relaxed(problem: Problem) -> Relaxed:
    return solve_relaxed(problem, Recourse(problem), count_limits(problem))


def _walked(problem: Problem) -> Walk:
    limits, recourse = count_limits(problem), Recourse(problem)
    return walk(problem, recourse, limits, solve_relaxed(problem, recourse, limits), Effort())


TASKS = {
    task.__name__: task
    for task in (
        *(month, month_case, month_pulp, write_year, year, year_whole, year_part, year_linopy),
        *(commitment_chain, commitment_base_free, commitment_rival),
        *(write_usage, charge_usage, charge_usage_by_row),
        *(hundred, aims_by_monolith),
        *(months, decide_speed, replay_speed, replay_second, replay_started_hour, replay_days),
    )
}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
