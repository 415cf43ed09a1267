"""Hours joined to blocks, blocks to longer ones, up to the whole chain, exactly. Pure (numpy only).

Each hour has a list of configurations. Inside a block launches cost what they cost; at its two ends a node has its
price (launch_prices.py). The cheapest way through a block by each configuration follows from one pass forward and one
back; configurations whose way is dearer than the block's best by more than the hour's slack are dropped, and the block
remembers how cheap a way it may have lost. So lists get shorter as blocks get longer, and at the end the best way of
the whole chain is known, with what may have been missed: nothing is estimated.

A way through a block that was dropped costs the rest of the chain at least what the other blocks cost: that bounds it,
and says how much slack an hour would have needed (`needed_usd`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.optimize.commitment.chain import Chain
from planner.optimize.commitment.configurations import Configurations
from planner.optimize.commitment.launch_prices import priced_usd
from planner.optimize.problem import Floats, Ints

FIRST_JOINS = (2, 2)
"""Lists are long at first: few hours are joined at once."""
JOINS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The best way through a chain's listed configurations."""

    nodes: Ints
    """(H, V)"""
    total_usd: float
    bound_usd: float
    """No chain of nodes costs less, listed or not."""
    needed_usd: Floats
    """(H,) slack with which nothing that could win would have been dropped, were all else as it was."""


@dataclass(slots=True)
class _Block:
    first: int
    end: int
    best: float
    """The cheapest way through listed configurations."""
    lost: float
    """No way through a configuration dropped is cheaper."""
    parts: list["_Block"] = field(default_factory=list)

    @property
    def bound(self) -> float:
        return min(self.best, self.lost)


class _Lists:
    """The configurations of every hour that are still in the race."""

    def __init__(self, chain: Chain, listed: Configurations, launch: Floats, slack: Floats) -> None:
        starts = np.cumsum(np.bincount(listed.hour, minlength=chain.hours))[:-1]
        used = np.flatnonzero(listed.nodes.any(axis=0) & (chain.launch_usd > 0))
        self.nodes = np.split(listed.nodes, starts)
        self.cost_usd = np.split(listed.cost_usd, starts)
        self.scaled = np.split(listed.nodes[:, used] * chain.launch_usd[used], starts)
        """Nodes in dollars of their launches."""
        self.entry = [nodes @ price for nodes, price in zip(self.nodes, launch[:-1], strict=True)]
        self.exit = [nodes @ price for nodes, price in zip(self.nodes, launch[1:], strict=True)]
        self.slack = slack
        self.first_value = np.split(priced_usd(listed, launch), starts)

    def launches_usd(self, hour: int) -> Floats:
        """(K, K') launches between the configurations of the hour and those of the next: sum of max(0, rise)."""
        before, after = self.scaled[hour], self.scaled[hour + 1]
        cost = np.repeat(-before.sum(axis=1)[:, None], len(after), axis=1)
        for one, other in zip(before.T, after.T, strict=True):
            cost += np.maximum(one[:, None], other[None, :])
        return cost

    def keep(self, hour: int, value: Floats, best: float) -> float:
        """Drops what is dearer than the slack; the least value dropped."""
        stays = value <= best + self.slack[hour]
        if stays.all():
            return np.inf
        for lists in (self.nodes, self.cost_usd, self.scaled, self.entry, self.exit):
            lists[hour] = lists[hour][stays]
        return float(value[~stays].min())


def join(chain: Chain, listed: Configurations, launch: Floats, slack: Floats) -> Joined:
    """The best way through the configurations, `slack` (H,) dearer than a block's best being kept."""
    lists = _Lists(chain, listed, launch, slack)
    blocks = []
    for hour, value in enumerate(lists.first_value):
        best = float(value.min())
        lost = min(lists.keep(hour, value, best), float(listed.dropped_usd[hour]))
        blocks.append(_Block(first=hour, end=hour + 1, best=best, lost=lost))
    level = 0
    while len(blocks) > 1:
        width = FIRST_JOINS[level] if level < len(FIRST_JOINS) else JOINS
        groups = [blocks[i : i + width] for i in range(0, len(blocks), width)]
        blocks = [group[0] if len(group) == 1 else _joined(lists, group) for group in groups]
        level += 1
    (whole,) = blocks
    nodes = _best_way(lists, chain.hours)
    total = chain.total_usd(nodes)
    needed = np.zeros(chain.hours)
    _note_needed(whole, 0.0, total, needed)
    return Joined(nodes=nodes, total_usd=total, bound_usd=min(total, whole.bound), needed_usd=needed)


def _joined(lists: _Lists, parts: Sequence[_Block]) -> _Block:
    first, end = parts[0].first, parts[-1].end
    bound = sum(part.bound for part in parts)
    lost = bound + min(part.lost - part.bound for part in parts)
    launches = [lists.launches_usd(hour) for hour in range(first, end - 1)]
    forward = [lists.cost_usd[first] + lists.entry[first]]
    for hour in range(first + 1, end):
        forward.append((forward[-1][:, None] + launches[hour - 1 - first]).min(axis=0) + lists.cost_usd[hour])
    backward = [-lists.exit[end - 1]]
    for hour in range(end - 2, first - 1, -1):
        backward.append((launches[hour - first] + (backward[-1] + lists.cost_usd[hour + 1])[None, :]).min(axis=1))
    backward.reverse()
    best = float((forward[-1] + backward[-1]).min())
    for hour in range(first, end):
        lost = min(lost, lists.keep(hour, forward[hour - first] + backward[hour - first], best))
    return _Block(first=first, end=end, best=best, lost=lost, parts=list(parts))


def _best_way(lists: _Lists, hours: int) -> Ints:
    """(H, V) the nodes of the cheapest way through what is left."""
    value = lists.cost_usd[0] + lists.entry[0]
    came_from: list[Ints] = []
    for hour in range(1, hours):
        ways = value[:, None] + lists.launches_usd(hour - 1)
        came_from.append(ways.argmin(axis=0))
        value = ways.min(axis=0) + lists.cost_usd[hour]
    place = int(value.argmin())
    nodes = [lists.nodes[-1][place]]
    for hour in range(hours - 2, -1, -1):
        place = int(came_from[hour][place])
        nodes.append(lists.nodes[hour][place])
    nodes.reverse()
    return np.array(nodes, dtype=np.int64)


def _note_needed(block: _Block, others: float, total: float, needed: Floats) -> None:
    """What an hour's slack would have to be: the total less the hour's best and the bests of all blocks beside it."""
    if not block.parts:
        needed[block.first] = max(total - others - block.best, 0.0)
    for part in block.parts:
        beside = sum(other.best for other in block.parts if other is not part)
        _note_needed(part, others + beside, total, needed)
