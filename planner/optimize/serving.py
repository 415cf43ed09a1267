"""Who serves what once nodes are rented: shares of each cell's demand by option. Pure (numpy only)."""

from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Shares of each cell's demand, and the nodes busy with them."""

    base_share: Floats
    """(M, B, T)"""
    burst_share: Floats
    """(M, V, T)"""
    busy_nodes: Floats
    """(T,) nodes busy full time with what is served."""


def serve(problem: Problem, *, base_nodes: Ints, nodes: Ints, unserved: Floats) -> Serving:
    """Shares by option: least egress first, base before burst, the lower price next; each node up to the target.

    `base_nodes` (M, B, T), `nodes` (M, V, T) burst, `unserved` (M, T).
    """
    target = problem.policy.target_utilization
    base_share, burst_share = np.zeros(base_nodes.shape), np.zeros(nodes.shape)
    left = np.where(problem.has_demand, 1.0 - unserved, 0.0)
    busy = np.zeros(problem.cells)
    order = sorted(
        [(float(o.egress_usd_mtok), False, 0.0, b) for b, o in enumerate(problem.base)]
        + [(float(o.egress_usd_mtok), True, float(o.price_usd_hour), v) for v, o in enumerate(problem.burst)]
    )
    for _, is_burst, _, index in order:
        rented = (nodes if is_burst else base_nodes)[:, index]
        work = (problem.burst_work if is_burst else problem.base_work)[:, index]
        usable = (rented > 0) & (work > 0) & np.isfinite(work)
        if not usable.any():
            continue
        finite = np.where(usable, work, 1.0)
        share = np.minimum(left, np.where(usable, target * rented / finite, 0.0))
        left = left - share
        busy += (share * finite).sum(axis=0)
        (burst_share if is_burst else base_share)[:, index] = share
    return Serving(base_share=base_share, burst_share=burst_share, busy_nodes=busy)
