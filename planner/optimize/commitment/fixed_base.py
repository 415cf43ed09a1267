"""The chronological optimum of a problem with its base counts given: its chains, each solved, and limits checked again.

A limit that joins models (a count, a group, a share) is left out of the chains, so their bound holds either way. Where
the nodes found break it, models take turns with what is left of a group; where that is not it, there is a bound but no
dispatch.
"""

from dataclasses import dataclass, replace

import numpy as np

from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.chains import chains_of
from planner.optimize.commitment.commit import Committed, Effort, commit
from planner.optimize.limits import breaking_cells
from planner.optimize.problem import Floats, Problem
from planner.optimize.whole import Dispatch, own_base


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedBase:
    """What given base counts cost beyond the base, launches included; expected over scenarios."""

    dispatch: Dispatch | None
    """None where the nodes found break a limit that joins models."""
    launches_usd: float
    """Of the dispatch's cost, what launches are."""
    bound_usd: float
    launch_usd: tuple[Floats, ...]
    """Prices of launches by chain, (H + 1, V) each."""

    def by_cell(self, problem: Problem) -> Floats:
        """(M, V, T) what the prices of launches add to a node-hour."""
        models, added = len(problem.models), np.empty(problem.burst_work.shape)
        for place, price in enumerate(self.launch_usd):
            s, m = divmod(place, models)
            added[m, :, s * problem.hours : (s + 1) * problem.hours] = (price[:-1] - price[1:]).T
        return added


def commit_base(
    problem: Problem,
    counts: Floats,
    effort: Effort | None = None,
    *,
    start: tuple[Floats, ...] | None = None,
    worth_usd: float = np.inf,
) -> FixedBase:
    """The cheapest whole nodes of the base counts (C,), hour after hour.

    They need not be found where they are sure to cost `worth_usd` or more. `start`: prices of launches to begin with.
    Raises EffortSpentError.
    """
    chains = chains_of(problem, counts)
    models = len(problem.models)
    chance = [problem.probability[place // models] for place in range(len(chains))]
    # One chain alone can tell that all is lost.
    worth = worth_usd / chance[0] if len(chains) == 1 else np.inf
    found = [
        commit(chain, effort, start=None if start is None else start[place], worth_usd=worth)
        for place, chain in enumerate(chains)
    ]
    bound = sum(p * one.bound_usd for p, one in zip(chance, found, strict=True))
    kept = found
    dispatch = _dispatch(problem, counts, chains, kept, bound)
    if dispatch is None and 1 < len(chains) == models:
        kept = _in_turns(chains, found, effort)
        dispatch = _dispatch(problem, counts, chains, kept, bound)
    launches = sum(p * chain.launches_usd(one.nodes) for p, chain, one in zip(chance, chains, kept, strict=True))
    return FixedBase(
        dispatch=dispatch,
        launches_usd=launches,
        bound_usd=bound,
        launch_usd=tuple(one.launch_prices_usd for one in found),
    )


def _in_turns(chains: list[Chain], alone: list[Committed], effort: Effort | None) -> list[Committed]:
    """Every model's nodes with what the others leave of the group: first come, first served, in the better of orders.

    Orders looked at: from the dearest model on, and from the cheapest.
    """
    by_cost = sorted(range(len(chains)), key=lambda m: alone[m].total_usd)
    tried = []
    for order in (by_cost[::-1], by_cost):
        left = chains[0].group_left
        found = list(alone)
        for m in order:
            found[m] = commit(replace(chains[m], group_left=left), effort, start=alone[m].launch_prices_usd)
            left = left - found[m].nodes[:, chains[m].in_group].sum(axis=1)
        tried.append(found)
    return min(tried, key=lambda found: sum(one.total_usd for one in found))


def _dispatch(
    problem: Problem, counts: Floats, chains: list[Chain], kept: list[Committed], bound_usd: float
) -> Dispatch | None:
    """The nodes as a dispatch; None where they break a limit."""
    models, hours = len(problem.models), problem.hours
    nodes = np.zeros(problem.burst_work.shape, dtype=np.int64)
    unserved = np.zeros((models, problem.cells))
    total = 0.0
    for place, (chain, found) in enumerate(zip(chains, kept, strict=True)):
        s, m = divmod(place, models)
        cells = slice(s * hours, (s + 1) * hours)
        nodes[m, :, cells] = found.nodes.T
        unserved[m, cells] = chain.unserved(found.nodes, np.arange(hours))
        total += problem.probability[s] * found.total_usd
    if breaking_cells(problem, counts, nodes.astype(np.float64), unserved).any():
        return None
    return Dispatch(
        counts=counts,
        nodes=nodes,
        base_nodes=own_base(problem, counts),
        unserved=unserved,
        cost_usd=total,
        bound_usd=bound_usd,
        aimed_usd=total,
        aimed_bound_usd=bound_usd,
    )


def launches_are_cheap(problem: Problem, counts: Floats) -> bool:
    """Whether no launch costs more than an hour of its node."""
    chains: list[Chain] = chains_of(problem, counts)
    return all(chain.launches_are_cheap for chain in chains)
