"""Commitment: whole nodes hour after hour with launches, base fixed and free, and harder markets; HiGHS beside it.

The month is that of instances.py, its eight burst types as they are. Harder ones have made-up types of which none
replaces another: sizes from 1 to 6 at nearly the same price for what they serve (numpy.random.default_rng(3)).
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.instances import month_forecast, problem_of
from benchmarks.measure import MeasurementError, Row, Spread, in_child, seconds
from planner.optimize.commitment.best_base import with_launches
from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.chains import chains_of
from planner.optimize.commitment.commit import commit
from planner.optimize.commitment.statement import solve_statement
from planner.optimize.decompose import solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.recourse import Recourse
from planner.optimize.walk import Effort, LaunchEffort, Walk, walk

PATIENCE_S = 900.0
WEEK_H = 168
RIVAL_S = 60.0
QUARTERS = 4


def commitment_rows(runs: int) -> Iterator[Row]:
    """What was promised of the commitment: seconds to a proof, or the gap proven."""
    fixed = _own("commitment_chain", name="month", runs=runs)
    yield _timed("commitment, month × 8 burst types, base fixed: to a proof of 0.01 %", fixed, at_most=2.0)
    free = _own("commitment_base_free", runs=runs)
    yield _timed("  base free, from the base counts before launches", free, at_most=8.0)
    yield _timed("  a week of it, base fixed", _own("commitment_chain", name="week", runs=runs), at_most=0.5)
    worst = max(fixed["gap"], free["gap"])
    yield Row(what="  the larger gap of the two months", unit="ratio", measured=Spread.of([worst]), at_most=1e-4)
    for name, what in (
        ("lead", "lead times of 0.69 h"),
        ("quarters", "steps of 15 minutes, 2,976 of them"),
    ):
        found = _own("commitment_chain", name=name, runs=1)
        yield _timed(f"  {what}", found, at_most=None)
    for name, what, gap, limit_s in (
        ("tenfold", "demand × 10", 0.005, 60.0),
        ("types", "12 types of which none replaces another", 0.0025, 60.0),
        ("dear", "launches at the price of 1.5 hours", 0.005, 300.0),
    ):
        found = _own("commitment_chain", name=name, runs=1)
        yield Row(
            what=f"  {what}: gap proven, {limit_s:g} s allowed",
            unit="ratio",
            measured=Spread.of([found["gap"]]),
            at_most=gap,
            note=f"in {median(found['solved_s']['wall_s']):.1f} s, {median(found['solved_s']['processor_s']):.1f} s "
            f"of processor; {found['types']} types left after dominance",
        )
    rival = _own("commitment_rival", time_limit_s=RIVAL_S)
    our_s = median(fixed["solved_s"]["wall_s"])
    yield Row(
        what="  rival: the month, base fixed, as one integer program by HiGHS",
        unit="s",
        measured=Spread.of([rival["solved_s"]]),
        rival_ratio=rival["solved_s"] / our_s,
        note=f"{rival['status']}, gap {rival['gap']:.2%} after {rival['solved_s']:.0f} s, total "
        f"{rival['total_usd'] / fixed['total_usd'] - 1:+.2%} of ours; ours {our_s:.2f} s",
    )


def commitment_chain(name: str, runs: int) -> dict[str, Any]:
    """A chain solved, how long it took and how far from its bound it is."""
    chain = _chain(name)
    found = commit(chain)
    spent = seconds(lambda: commit(chain), runs, unmeasured=0)
    return {
        "total_usd": found.total_usd,
        "gap": (found.total_usd - found.bound_usd) / found.total_usd,
        "types": len(chain.undominated()),
        "solved_s": asdict(spent),
    }


def commitment_base_free(runs: int) -> dict[str, Any]:
    """The month with base counts to choose; the search before launches is not counted."""
    problem = problem_of(month_forecast())
    limits, before = count_limits(problem), _walked()
    found = with_launches(problem, limits, before, LaunchEffort())
    spent = seconds(lambda: with_launches(problem, limits, before, LaunchEffort()), runs, unmeasured=0)
    return {
        "total_usd": found.total_usd,
        "gap": (found.total_usd - found.bound_usd) / found.total_usd,
        "types": len(problem.burst),
        "solved_s": asdict(spent),
    }


def commitment_rival(time_limit_s: float) -> dict[str, Any]:
    """The month's chain as one integer program, with the types that are left after dominance."""
    chain = _chain("month")
    started = time.perf_counter()
    found = solve_statement(chain.only(chain.undominated()), time_limit_s=time_limit_s)
    return {
        "solved_s": time.perf_counter() - started,
        "total_usd": found.total_usd,
        "gap": (found.total_usd - found.bound_usd) / found.total_usd,
        "status": found.status,
    }


def _walked() -> Walk:
    problem = problem_of(month_forecast())
    limits, recourse = count_limits(problem), Recourse(problem)
    return walk(problem, recourse, limits, solve_relaxed(problem, recourse, limits), Effort())


def _chain(name: str) -> Chain:
    """The month's chain at the base counts before launches, or what the name makes of it."""
    if name == "types":
        return _undominated_types(12)
    (month,) = chains_of(problem_of(month_forecast()), _walked().best.counts)
    if name == "week":
        return _hours(month, np.arange(WEEK_H))
    if name == "lead":
        return replace(month, launch_usd=month.price_usd_hour * 0.69)
    if name == "dear":
        return replace(month, launch_usd=month.price_usd_hour * 1.5)
    if name == "tenfold":
        return replace(
            month, share=month.share / 10, penalty_usd=month.penalty_usd * 10, egress_usd=month.egress_usd * 10
        )
    if name == "quarters":
        rng = np.random.default_rng(1)
        within = np.exp(rng.normal(0, 0.1, month.hours * QUARTERS))
        steps = _hours(month, np.repeat(np.arange(month.hours), QUARTERS))
        return replace(
            steps,
            price_usd_hour=month.price_usd_hour / QUARTERS,
            share=steps.share / within,
            egress_usd=steps.egress_usd * within / QUARTERS,
            penalty_usd=steps.penalty_usd * within / QUARTERS,
        )
    return month


def _hours(chain: Chain, hours: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Chain:
    """The chain of some of its hours, in the order given."""
    return replace(
        chain,
        share=chain.share[:, hours],
        egress_usd=chain.egress_usd[:, hours],
        penalty_usd=chain.penalty_usd[hours],
        demand=chain.demand[hours],
        reserve=chain.reserve[hours],
        group_left=chain.group_left[hours],
    )


def _undominated_types(types: int) -> Chain:
    """A month of a daily and weekly swing, and types of nearly one price for what they serve, lead times to 0.7 h."""
    rng = np.random.default_rng(3)
    hour = np.arange(744)
    size = np.sort(np.exp(rng.uniform(0.0, np.log(6.0), types)))
    price = 0.25 * size**0.97 * np.exp(rng.normal(0, 0.03, types))
    launch = price * rng.uniform(0.05, 0.7, types)
    swing = 1 + 0.6 * np.sin(2 * np.pi * (hour - 8) / 24) + 0.15 * np.sin(np.pi * hour / 6)
    demand = (swing - 0.25 * ((hour // 24) % 7 >= 5)) * np.exp(rng.normal(0, 0.1, len(hour)))
    demand = demand / demand.max() * 40
    burst = np.maximum(demand - 0.5 * np.median(demand), 0.0)
    return Chain(
        price_usd_hour=price,
        launch_usd=launch,
        share=size[:, None] / demand,
        egress_usd=np.zeros((types, len(hour))),
        penalty_usd=demand * 5,
        demand=burst / demand,
        reserve=np.zeros(len(hour)),
        max_count=np.full(types, np.inf),
        in_group=np.zeros(types, dtype=bool),
        group_left=np.full(len(hour), np.inf),
        target_utilization=0.75,
    )


def _timed(what: str, found: dict[str, Any], *, at_most: float | None) -> Row:
    return Row(
        what=what,
        unit="s",
        measured=Spread.of(found["solved_s"]["wall_s"]),
        processor_s=median(found["solved_s"]["processor_s"]),
        at_most=at_most,
        note=f"gap {found['gap']:.4%}; USD {found['total_usd']:,.2f}; {found['types']} types looked at",
    )


def _own(task: str, **arguments: Any) -> dict[str, Any]:
    found = in_child(task, timeout_s=PATIENCE_S, **arguments)
    if found is None:
        raise MeasurementError(f"benchmark {task} {arguments} did not end within {PATIENCE_S:g} s")
    return found
