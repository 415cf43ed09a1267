"""The chronological optimum of a problem with its base counts given: its chains, each solved, and limits checked again.

A limit that joins models (a count, a group, a share) is left out of the chains, so their bound holds either way; where
the nodes found break one, there is a bound but no dispatch.
"""

from dataclasses import dataclass

import numpy as np

from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.chains import chains_of
from planner.optimize.commitment.commit import Effort, commit
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
    """
    chains = chains_of(problem, counts)
    models, hours = len(problem.models), problem.hours
    chance = [problem.probability[place // models] for place in range(len(chains))]
    # One chain alone can tell that all is lost.
    worth = worth_usd / chance[0] if len(chains) == 1 else np.inf
    nodes = np.zeros(problem.burst_work.shape, dtype=np.int64)
    unserved = np.zeros((models, problem.cells))
    total, launches, bound, prices = 0.0, 0.0, 0.0, []
    for place, chain in enumerate(chains):
        found = commit(chain, effort, start=None if start is None else start[place], worth_usd=worth)
        s, m = divmod(place, models)
        cells = slice(s * hours, (s + 1) * hours)
        nodes[m, :, cells] = found.nodes.T
        unserved[m, cells] = chain.unserved(found.nodes, np.arange(hours))
        total += chance[place] * found.total_usd
        launches += chance[place] * chain.launches_usd(found.nodes)
        bound += chance[place] * found.bound_usd
        prices.append(found.launch_prices_usd)
    breaks = breaking_cells(problem, counts, nodes.astype(np.float64), unserved).any()
    dispatch = Dispatch(
        counts=counts,
        nodes=nodes,
        base_nodes=own_base(problem, counts),
        unserved=unserved,
        cost_usd=total,
        bound_usd=bound,
        aimed_usd=total,
        aimed_bound_usd=bound,
    )
    return FixedBase(
        dispatch=None if breaks else dispatch, launches_usd=launches, bound_usd=bound, launch_usd=tuple(prices)
    )


def launches_are_cheap(problem: Problem, counts: Floats) -> bool:
    """Whether no launch costs more than an hour of its node."""
    chains: list[Chain] = chains_of(problem, counts)
    return all(chain.launches_are_cheap for chain in chains)
