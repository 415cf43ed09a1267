"""Model changes of shared base nodes: the load time is paid with capacity; what is missing is burst or unserved. Pure.

A base node that served one model in the hour before and serves another in this one spends the model's load time first.
A node that stood idle in the hour before loads then, and costs nothing. The hours' own cover leaves load times out, as
it leaves out the lead times of burst nodes: both are launch overhead.
"""

from dataclasses import dataclass, replace

import numpy as np

from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.whole import Dispatch
from policies.planning import Sharing

SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """A dispatch whose model changes are paid for."""

    dispatch: Dispatch
    changes: int
    """Nodes that change model while busy in both hours, over all scenarios."""


def pay_loads(problem: Problem, dispatch: Dispatch) -> Loads:
    """The dispatch with burst nodes added, or demand left unserved, where load times take too much of an hour."""
    if problem.policy.sharing is not Sharing.HOURLY or len(problem.models) < 2:
        return Loads(dispatch=dispatch, changes=0)
    changing = busy_changes(problem, dispatch)
    lost = changing * np.array([model.load_time_s for model in problem.models])[:, None, None] / 3600
    short = np.maximum(_served(dispatch, problem) - _carried(problem, dispatch, lost), 0.0)
    nodes, unserved = dispatch.nodes.copy(), dispatch.unserved.copy()
    target = problem.policy.target_utilization
    price = problem.burst_cost_usd_hour()
    for m, t in np.argwhere(short > SLACK).tolist():
        work = problem.burst_work[m, :, t] / target
        need = np.where(np.isfinite(work), np.ceil(short[m, t] * work - SLACK), 0.0)
        cost = np.where(np.isfinite(work), need * price, np.inf)
        penalty = short[m, t] * problem.unserved_usd[m, t]
        for v in np.argsort(cost, kind="stable").tolist():
            trial = nodes[:, :, t].copy()
            trial[m, v] += int(need[v])
            if cost[v] < penalty and _fits(problem, dispatch.counts, trial):
                nodes[:, :, t] = trial
                break
        else:
            unserved[m, t] += short[m, t]
    paid = replace(dispatch, nodes=nodes, unserved=unserved)
    return Loads(dispatch=paid, changes=int(changing.sum()))


def busy_changes(problem: Problem, dispatch: Dispatch) -> Ints:
    """(M, B, T) nodes that begin to serve a model in the cell and served another one in the hour before."""
    base = dispatch.base_nodes.reshape(*dispatch.base_nodes.shape[:2], len(problem.scenarios), problem.hours)
    rented = np.zeros(base.shape[1])
    for c, (_, b) in enumerate(problem.base_columns()):
        rented[b] += dispatch.counts[c]
    changing = np.zeros(base.shape, dtype=np.int64)
    gained = np.maximum(base[..., 1:] - base[..., :-1], 0)
    idle = np.maximum(rented[:, None, None] - base[..., :-1].sum(axis=0), 0).astype(np.int64)
    # Idle nodes take the longest loads.
    for m in np.argsort([-model.load_time_s for model in problem.models], kind="stable"):
        free = np.minimum(gained[m], idle)
        idle = idle - free
        changing[m, ..., 1:] = gained[m] - free
    return changing.reshape(dispatch.base_nodes.shape)


def _served(dispatch: Dispatch, problem: Problem) -> Floats:
    return np.where(problem.has_demand, 1.0 - dispatch.unserved, 0.0)


def _carried(problem: Problem, dispatch: Dispatch, lost: Floats) -> Floats:
    """(M, T) share the nodes carry at target utilization, load times taken off."""
    target = problem.policy.target_utilization
    with np.errstate(divide="ignore", invalid="ignore"):
        base = np.where(problem.base_work > 0, target / problem.base_work, 0.0)
        burst = np.where(problem.burst_work > 0, target / problem.burst_work, 0.0)
    on_base = np.maximum(dispatch.base_nodes - lost, 0.0)
    carried: Floats = (on_base * base).sum(axis=1) + (dispatch.nodes * burst).sum(axis=1)
    return carried


def _fits(problem: Problem, counts: Floats, nodes: Ints) -> bool:
    """Whether a cell's burst nodes (M, V) obey counts, groups and shares."""
    pool = nodes.sum(axis=0)
    total = int(pool.sum())
    policy = problem.policy
    spot = sum(int(n) for n, option in zip(pool, problem.burst, strict=True) if option.is_spot)
    if policy.max_spot_share < 1 and spot > (policy.max_spot_share * total + 1 if policy.max_spot_share else 0):
        return False
    most = policy.max_pool_share * total + 1 if policy.max_pool_share else 0
    if policy.max_pool_share < 1 and pool.max(initial=0) > most:
        return False
    if any(o.max_count is not None and n > o.max_count for n, o in zip(pool, problem.burst, strict=True)):
        return False
    for group, group_max in problem.group_max.items():
        held = sum(int(n) for n, option in zip(pool, problem.burst, strict=True) if option.count_group == group)
        columns = zip(counts, problem.base_columns(), strict=True)
        held += sum(round(float(n)) for n, (_, b) in columns if problem.base[b].count_group == group)
        if held > group_max:
            return False
    return True
