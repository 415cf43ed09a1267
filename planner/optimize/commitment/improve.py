"""Better nodes for a chain whose optimum is not proven: each hour may take a node up, let one go, or swap some. Pure.

An hour's neighbours are its own nodes and those of the hours beside it, each with one node more, one less, one of
another option in place of one, or two in place of one that serves about as much, and the other way round. All hours
move at once: the lists of neighbours are joined like any others (join.py), so what is found is the best of all ways
through them, launches included. Repeated until nothing is better.
"""

import numpy as np

from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.configurations import Configurations, Lister
from planner.optimize.commitment.join import Joined, join
from planner.optimize.commitment.launch_prices import merged, priced_usd
from planner.optimize.problem import Floats, Ints

NEIGHBOUR_SLACK = 0.3
"""Of the mean hour's cost: a neighbour dearer than that, launches priced, is not looked at."""
ALIKE = 1.0
"""Of the smallest node: two nodes are swapped for one where what they serve differs by no more."""
EXCHANGE_CELLS = 2_500_000
"""Hours x options x swaps of two for one that are looked at, the nearest in size first: a bound on memory."""
CLOSE = 1e-9


def improved(lister: Lister, found: Joined, launch: Floats, *, most_rounds: int) -> Joined:
    """The nodes after so many rounds of neighbours at most; never dearer. Their bound stays that of `found`."""
    chain = lister.chain
    best = found
    slack = np.full(chain.hours, NEIGHBOUR_SLACK * abs(found.total_usd) / chain.hours)
    for _ in range(most_rounds):
        near = _neighbours(lister, best.nodes, launch, slack)
        lister.spend_joining(near)
        new = join(chain, near, launch, slack)
        if new.total_usd >= best.total_usd - CLOSE * (1 + abs(best.total_usd)):
            break
        best = new
    return Joined(nodes=best.nodes, total_usd=best.total_usd, bound_usd=found.bound_usd, needed_usd=found.needed_usd)


def _neighbours(lister: Lister, nodes: Ints, launch: Floats, slack: Floats) -> Configurations:
    """The nodes themselves, and neighbours within the slack of the hour's cheapest."""
    chain = lister.chain
    size = lister.size.mean(axis=1)
    moves = _moves(size, most_exchanges=EXCHANGE_CELLS // max(chain.hours * chain.options, 1))
    hours = np.arange(chain.hours)
    hour, some = [], []
    for aside in (-1, 0, 1):
        beside = nodes[np.clip(hours + aside, 0, chain.hours - 1)]
        some.append((beside[:, None, :] + moves[None, :, :]).reshape(-1, chain.options))
        hour.append(np.repeat(hours, len(moves)))
    found = _allowed(lister, np.concatenate(hour), np.concatenate(some))
    value = priced_usd(found, launch)
    least = np.full(chain.hours, np.inf)
    np.minimum.at(least, found.hour, value)
    keep = np.flatnonzero(value <= (least + slack)[found.hour])
    keep = keep[np.argsort(found.hour[keep], kind="stable")]
    near = Configurations(
        hour=found.hour[keep], nodes=found.nodes[keep], cost_usd=found.cost_usd[keep], dropped_usd=found.dropped_usd
    )
    return merged(as_listed(chain, nodes), near)


def as_listed(chain: Chain, nodes: Ints) -> Configurations:
    """The nodes of a whole chain (H, V) as a list with one configuration an hour."""
    hours = np.arange(chain.hours)
    return Configurations(
        hour=hours, nodes=nodes, cost_usd=chain.cost_usd(nodes, hours), dropped_usd=np.full(chain.hours, np.inf)
    )


def _allowed(lister: Lister, hour: Ints, nodes: Ints) -> Configurations:
    """Those within all counts and without a node to spare."""
    chain = lister.chain
    keep = ((nodes >= 0) & (nodes <= chain.max_count)).all(axis=1)
    keep &= nodes[:, chain.in_group].sum(axis=1) <= chain.group_left[hour]
    hour, nodes = hour[keep], nodes[keep]
    keep = ~lister.has_spare(hour, nodes)
    hour, nodes = hour[keep], nodes[keep]
    none = np.full(chain.hours, np.inf)
    return Configurations(hour=hour, nodes=nodes, cost_usd=chain.cost_usd(nodes, hour), dropped_usd=none)


def _moves(size: Floats, *, most_exchanges: int) -> Ints:
    """(K, V) nothing, a node more, one less, every swap of one for one, and of two for one of about their size."""
    one = np.eye(len(size), dtype=np.int64)
    swaps = (one[:, None, :] - one[None, :, :]).reshape(-1, len(size))
    serving = np.flatnonzero(size > 0)
    first, second, third = (index.ravel() for index in np.meshgrid(serving, serving, serving, indexing="ij"))
    differs = np.abs(size[first] + size[second] - size[third])
    alike = (first <= second) & (third != first) & (third != second)
    alike &= differs <= ALIKE * size[serving].min(initial=np.inf)
    nearest = np.flatnonzero(alike)
    nearest = nearest[np.argsort(differs[nearest], kind="stable")[:most_exchanges]]
    exchanged = one[first[nearest]] + one[second[nearest]] - one[third[nearest]]
    return np.unique(np.concatenate([one, -one, swaps, exchanged, -exchanged]), axis=0)
