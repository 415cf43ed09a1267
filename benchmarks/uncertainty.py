"""A year of a hundred scenarios: two-stage by expected cost, conditional value at risk and regret, and fewer of them.

Exactness is shown twice: each optimum against its own bound, and on a week of three scenarios against the monolithic
program, with Rockafellar and Uryasev's variables and HiGHS.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child

if TYPE_CHECKING:
    from planner.optimize.problem import Problem

SAME = 1e-6
AIMS = {
    "expected": ("expected cost", 3.0, 7),
    "cvar": ("CVaR of the dearest 5 %", 10.0, 3),
    "regret": ("least regret, each scenario's own optimum included", None, 1),
}
"""Words, seconds promised, runs."""


def uncertainty_rows(runs: int) -> Iterator[Row]:
    """Time, memory and exactness by aim; what fewer scenarios take."""
    for aim, (words, most_s, most_runs) in AIMS.items():
        found = _child("hundred", aim=aim, runs=min(runs, most_runs))
        yield _timed(f"8,760 h × 100 scenarios × 8 burst × 4 base: {words}", found, most_s)
        yield Row(
            what="  found above its bound", unit="relative", measured=Spread.of([found["difference"]]), at_most=SAME
        )
        most_mb = 1000 if aim != "regret" else None
        yield Row(what="  peak memory", unit="MB", measured=Spread.of([found["peak_mb"]]), at_most=most_mb)
    found = _child("hundred", aim="reduced", runs=1)
    yield _timed("  20 of the 100 scenarios chosen", found, None)
    checked = _child("aims_by_monolith")
    yield Row(
        what="  largest difference to the monolith, by aim, 168 h × 3 scenarios",
        unit="relative",
        measured=Spread.of([checked["difference"]]),
        at_most=SAME,
        note=f"the monolith takes {checked['monolith_s']:.1f} s for all, the decomposition {checked['own_s']:.2f} s",
    )


def _timed(what: str, found: dict[str, Any], most_s: float | None) -> Row:
    return Row(
        what=what,
        unit="s",
        measured=Spread.of(found["solved_s"]["wall_s"]),
        processor_s=sorted(found["solved_s"]["processor_s"])[len(found["solved_s"]["processor_s"]) // 2],
        at_most=most_s,
        note=found["note"],
    )


def _child(task: str, **arguments: Any) -> dict[str, Any]:
    found = in_child(task, timeout_s=600.0, **arguments)
    if found is None:
        raise MeasurementError(f"{task} took more than 600 s")
    return found


def hundred(aim: str, runs: int) -> dict[str, Any]:
    """The year of 100 scenarios from the forecast in memory; memory is taken before anything is repeated."""
    from dataclasses import asdict

    from benchmarks.instances import hundred_forecast, problem_of
    from benchmarks.measure import peak_mb, seconds
    from planner.optimize.reduce import reduce_scenarios

    demand = hundred_forecast()
    if aim == "reduced":
        problem = problem_of(demand)
        reduced = reduce_scenarios(problem, 20)
        spent = seconds(lambda: reduce_scenarios(problem, 20), runs, unmeasured=0)
        note = f"the least expected cost moves by at most {reduced.distance_usd:,.0f} USD"
        return {"solved_s": asdict(spent), "note": note, "peak_mb": peak_mb()}
    total, bound, note = _optimum(problem_of(demand), aim)
    first_mb = peak_mb()
    spent = seconds(lambda: _optimum(problem_of(demand), aim), runs)
    return {
        "solved_s": asdict(spent),
        "difference": (total - bound) / abs(total),
        "note": note,
        "peak_mb": first_mb,
    }


def _optimum(problem: "Problem", aim: str) -> tuple[float, float, str]:
    """The least aim, its bound, and the counts in words."""
    from dataclasses import replace

    from planner.optimize.aim import aim_of
    from planner.optimize.foresight import relaxed_optimum, with_reference
    from policies.planning import Aim

    known = with_reference(replace(problem, policy=replace(problem.policy, aim=Aim(aim))))
    found, shift = relaxed_optimum(known), aim_of(known).shift_usd
    counts = " + ".join(str(round(n)) for n in found.counts)
    note = f"{found.total_usd - shift:,.2f} USD at N = {counts}; {found.rounds} rounds"
    return found.total_usd - shift, found.bound_usd - shift, note


def aims_by_monolith() -> dict[str, Any]:
    """Every aim on a week of three scenarios by the decomposition and by the monolith."""
    import time
    from dataclasses import replace

    import numpy as np

    from benchmarks.instances import hundred_forecast, problem_of
    from planner.optimize.foresight import with_reference
    from planner.optimize.model import solve_monolith
    from planner.optimize.scenarios import kept_scenarios
    from policies.planning import Aim

    demand = hundred_forecast(3)
    week = replace(demand, input_tok_s=demand.input_tok_s[:, :, :168], output_tok_s=demand.output_tok_s[:, :, :168])
    problem = kept_scenarios(problem_of(week), [0, 1, 2], (0.5, 0.3, 0.2))
    worst, own_s, monolith_s = 0.0, 0.0, 0.0
    for aim in (Aim.EXPECTED, Aim.CVAR, Aim.REGRET):
        policy = replace(problem.policy, aim=aim, cvar_level=0.7, cvar_weight=0.6)
        known = with_reference(replace(problem, policy=policy))
        started = time.perf_counter()
        own, _, _ = _optimum(replace(problem, policy=policy), str(aim))
        own_s += time.perf_counter() - started
        started = time.perf_counter()
        other = solve_monolith(known).objective_usd
        monolith_s += time.perf_counter() - started
        worst = max(worst, abs(own - other) / float(np.abs(other)))
    return {"difference": worst, "own_s": own_s, "monolith_s": monolith_s}
