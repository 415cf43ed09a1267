"""The cheapest whole nodes of a chain, hour after hour, with the bound that proves how far it can be from the least.

Prices of launches take the hours apart (launch_prices.py); every hour lists the configurations near its least
(configurations.py); the lists are joined exactly (join.py). What may have been lost says which hours need longer lists,
and they are listed again, until nothing can have been lost or the lists may grow no further: then the bound says by how
much the total may be improved at most.

Where a launch costs more than an hour, nodes may be worth holding idle, prices take hours apart badly and lists are
long: with few types every combination of counts is looked at instead (lattice.py).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.configurations import EffortSpentError, Lister
from planner.optimize.commitment.improve import as_listed, improved
from planner.optimize.commitment.join import Joined, join
from planner.optimize.commitment.lattice import lattice_optimum, lattice_points
from planner.optimize.commitment.launch_prices import allowed, launch_prices, merged, node_prices
from planner.optimize.problem import Floats, Ints

CLOSE = 1e-9
"""Totals this near, relatively, are one."""
FIRST_SLACK = 0.03
"""Of the mean hour's cost."""
FAR = 5e-3
"""Relative distance from the bound at which the optimum will hardly be proven, and better nodes are looked for."""
MARGIN = 1e-6
"""Slack beyond what was found to be needed, relative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much may be done. Counted, not timed, so that the same input gives the same plan."""

    price_rounds: int = 10
    join_rounds: int = 5
    far_join_rounds: int = 2
    """The same where the bound is so far that longer lists will not prove the optimum."""
    neighbour_rounds: int = 12
    most_per_hour: int = 400
    """Configurations an hour may list."""
    most_work: float = np.inf
    """Partial combinations looked at, pairs joined included (Lister); some three million take a second."""
    lattice_points: int = 30_000
    """Combinations of counts up to which all of them are looked at where a launch costs more than an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Whole nodes of a chain."""

    nodes: Ints
    """(H, V)"""
    total_usd: float
    """Hours and launches, interruptions, egress and unserved demand included."""
    bound_usd: float
    """No chain of whole nodes costs less."""
    launch_prices_usd: Floats
    """(H + 1, V) prices at which the hours were taken apart."""

    @property
    def is_proven(self) -> bool:
        """Whether the total is the least there is."""
        return self.total_usd - self.bound_usd <= CLOSE * (1 + abs(self.total_usd))


def commit(
    chain: Chain, effort: Effort | None = None, *, start: Floats | None = None, worth_usd: float = np.inf
) -> Committed:
    """The cheapest chain of whole nodes; `start` (H + 1, V): prices of launches to begin with.

    It need not be found where it is sure to cost `worth_usd` or more. Raises EffortSpentError.
    """
    effort = effort or Effort()
    options = chain.undominated()
    if len(options) < chain.options:
        some = commit(
            chain.only(options), effort, start=None if start is None else start[:, options], worth_usd=worth_usd
        )
        return _with_all_options(chain, options, some)
    if not chain.launches_are_cheap and lattice_points(chain) <= effort.lattice_points:
        return _by_lattice(chain)
    lister = Lister(chain, most_per_hour=effort.most_per_hour, most_work=effort.most_work)
    priced = launch_prices(lister, most_rounds=effort.price_rounds, start=start, worth_usd=worth_usd)
    launch, bound = priced.launch_usd, priced.bound_usd
    lister.spend_joining(priced.pool)
    best = join(chain, priced.pool, launch, np.full(chain.hours, np.inf))
    with suppress(EffortSpentError):  # what was found until then is as good as it gets
        for refined in _refined(lister, best, launch, bound, effort, worth_usd):
            best, bound = refined
    return Committed(
        nodes=best.nodes, total_usd=best.total_usd, bound_usd=min(bound, best.total_usd), launch_prices_usd=launch
    )


def _refined(
    lister: Lister, best: Joined, launch: Floats, bound: float, effort: Effort, worth_usd: float
) -> Iterator[tuple[Joined, float]]:
    """Better nodes and a nearer bound, step by step; none once the bound is `worth_usd` or more."""
    chain = lister.chain
    is_far = best.total_usd - bound > FAR * abs(best.total_usd)
    slack = np.full(chain.hours, FIRST_SLACK * abs(bound) / chain.hours) + best.needed_usd
    if is_far and bound < worth_usd:
        best = improved(lister, best, launch, most_rounds=effort.neighbour_rounds)
        yield best, bound
    for _ in range(effort.far_join_rounds if is_far else effort.join_rounds):
        if bound >= worth_usd:
            return
        listed = merged(as_listed(chain, best.nodes), lister.near_least(node_prices(chain, launch), slack))
        lister.spend_joining(listed)
        found = join(chain, listed, launch, slack)
        bound = max(bound, found.bound_usd)
        if found.total_usd <= best.total_usd:
            best = found
        yield best, bound
        if best.total_usd - bound <= CLOSE * (1 + abs(best.total_usd)):
            return
        wider = np.maximum(slack, found.needed_usd * (1 + MARGIN) + CLOSE * abs(best.total_usd))
        if np.all(wider <= slack * (1 + MARGIN)):
            break
        slack = wider
    if is_far and bound < worth_usd:
        yield improved(lister, best, launch, most_rounds=effort.neighbour_rounds), bound


def _by_lattice(chain: Chain) -> Committed:
    nodes = lattice_optimum(chain)
    total = chain.total_usd(nodes)
    none = np.zeros((chain.hours + 1, chain.options))
    return Committed(nodes=nodes, total_usd=total, bound_usd=total, launch_prices_usd=allowed(chain, none))


def _with_all_options(chain: Chain, options: Ints, some: Committed) -> Committed:
    """What was found with some of the options, the others at 0 nodes."""
    nodes = np.zeros((chain.hours, chain.options), dtype=np.int64)
    prices = np.zeros((chain.hours + 1, chain.options))
    nodes[:, options], prices[:, options] = some.nodes, some.launch_prices_usd
    prices[0] = chain.launch_usd
    return replace(some, nodes=nodes, launch_prices_usd=prices)
