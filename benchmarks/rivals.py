"""The same problem solved by others: the monolith in linopy, solved by HiGHS. Needs linopy, a development tool only.

minimise sum fee N + sum_t weight (sum_v cost n + penalty u)   over N whole, n >= 0, u >= 0
         sum_b N_b target/w_b + sum_v n_v target/w_v + u >= 1   in every cell
         sum of N in a group <= group_max

This is the planner's program with its shares eliminated, a row per cell in place of thirteen: half as large as the
design's and quicker for the solver, so the rival is measured at its best. Written in arrays, handed over in memory.
Holds for one model, no base egress, and no limit on burst; burst egress is part of the cost of n, used to the full.
"""

import time
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from planner.optimize.limits import count_limits
from planner.optimize.problem import Problem

GAP = 1e-7
"""Relative gap HiGHS must close: the optima are compared to 1e-6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalRun:
    """A rival's answer and the seconds it took, from the problem in arrays to the optimum."""

    objective_usd: float
    counts: tuple[int, ...]
    build_s: float
    solve_s: float
    status: str


def linopy_monolith(problem: Problem, *, time_limit_s: float) -> RivalRun:
    """The relaxed optimum by linopy and HiGHS: whole base counts, fractional burst."""
    linopy, xr = import_module("linopy"), import_module("xarray")

    started = time.perf_counter()
    target = problem.policy.target_utilization
    cells = ("cell", range(problem.cells))
    bases = ("base", range(len(problem.base)))
    pools = ("burst", range(len(problem.burst)))
    base_share = xr.DataArray(target / problem.base_work[0], coords=[bases, cells])
    burst_share = xr.DataArray(target / problem.burst_work[0], coords=[pools, cells])
    weight = xr.DataArray(problem.weight, coords=[cells])
    node_usd = problem.burst_cost_usd_hour()[:, None] + problem.burst_egress_usd()[0] * burst_share.values
    model = linopy.Model()
    limits = count_limits(problem)
    counts = model.add_variables(
        lower=xr.DataArray(limits.lower, coords=[bases]),
        upper=xr.DataArray(limits.upper, coords=[bases]),
        integer=True,
        name="counts",
    )
    nodes = model.add_variables(lower=xr.zeros_like(burst_share), name="nodes")
    unserved = model.add_variables(lower=xr.zeros_like(weight), name="unserved")
    served = (base_share * counts).sum("base") + (burst_share * nodes).sum("burst") + unserved
    model.add_constraints(served >= 1, name="meet_demand")
    for row in limits.rows:
        model.add_constraints((xr.DataArray(row.coefficient, coords=[bases]) * counts).sum() <= row.most, name=row.name)
    model.add_objective(
        (xr.DataArray(problem.base_cost_usd(), coords=[bases]) * counts).sum()
        + (xr.DataArray(node_usd, coords=[pools, cells]) * weight * nodes).sum()
        + (xr.DataArray(problem.unserved_usd[0], coords=[cells]) * weight * unserved).sum()
    )
    built = time.perf_counter()
    status, condition = model.solve(
        solver_name="highs",
        io_api="direct",
        progress=False,
        output_flag=False,
        mip_rel_gap=GAP,
        time_limit=time_limit_s,
    )
    done = time.perf_counter()
    has_solution = status == "ok" and condition == "optimal"
    return RivalRun(
        objective_usd=float(model.objective.value) if has_solution else float("nan"),
        counts=tuple(int(n) for n in np.rint(model.solution["counts"].values)) if has_solution else (),
        build_s=built - started,
        solve_s=done - built,
        status=condition,
    )
