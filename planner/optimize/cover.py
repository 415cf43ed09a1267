"""The cheapest whole burst nodes for every cell of one model, given the base. Pure (numpy only).

For each cell: minimise sum_v (price_v * n_v + egress) + penalty * unserved, n whole, for the share the base leaves.
With base losses to survive a cell may need more nodes than its demand: the larger of two requirements.

All cells advance together, one option at a time: a state is (share still open, cost so far); states that a bound or a
better state of the same cell rules out are dropped, so what is left at the end is the optimum of every cell. Options go
in order of egress price, so that filling greedily is the cheapest egress.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.problem import Floats, Ints

SLACK = 1e-9
"""Nodes that miss a requirement by this ratio still count as covering it: the noise of float division."""
MAX_STATES = 2_000_000
"""States kept at once; beyond it a cell keeps its best ones and its bound says what was dropped."""
STATES_PER_CELL = 64
"""States a cell has room for when cells are taken in chunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The burst options of one model over some cells. V options, T cells."""

    share: Floats
    """(V, T) share of the cell's demand one node serves at target utilization; 0 where it cannot serve."""
    price_usd_hour: Floats
    """(V, T) price and expected interruption cost of a node-hour in the cell."""
    egress_usd: Floats
    """(V, T) egress of serving the cell's whole demand."""
    unserved_usd: Floats
    """(T,) penalty of leaving the cell's whole demand unserved."""
    max_count: Floats
    """(V,) most nodes of an option; inf: no limit."""
    in_group: NDArray[np.bool_]
    """(V,) options that share `group_left` nodes."""
    group_left: Floats
    """(T,) nodes the group may still have; inf: no limit."""
    target_utilization: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Whole nodes per cell."""

    count: Ints
    """(V, T)"""
    unserved: Floats
    """(T,) share left unserved."""
    cost_usd: Floats
    """(T,)"""
    bound_usd: Floats
    """(T,) no whole-node cover of the cell is cheaper; equal to the cost unless states were dropped."""


def cover_cells(
    market: Market, demand: Floats, reserve: Floats | None = None, *, max_states: int = MAX_STATES
) -> Cover:
    """The cheapest whole nodes covering what the base leaves of each cell.

    `demand` (T,): share of the cell's demand that burst must serve. `reserve` (T,): share of it, at target utilization,
    that burst must be able to carry so that base losses are survived; the larger of the two decides how many nodes.
    """
    options, cells = market.share.shape
    reserve = np.zeros(cells) if reserve is None else reserve
    count = np.zeros((options, cells), dtype=np.int64)
    unserved, cost, bound = np.zeros(cells), np.zeros(cells), np.zeros(cells)
    busy = np.flatnonzero(np.maximum(demand, reserve) > SLACK)
    if not options:
        short = np.maximum(np.maximum(demand, reserve / market.target_utilization), 0.0)
        unserved[busy] = short[busy]
        return Cover(
            count=count,
            unserved=unserved,
            cost_usd=unserved * market.unserved_usd,
            bound_usd=unserved * market.unserved_usd,
        )
    chunk = max(1, max_states // STATES_PER_CELL)
    for first in range(0, len(busy), chunk):
        part = busy[first : first + chunk]
        found = _Chunk(market, demand[part], reserve[part], part).cover(max_states)
        count[:, part], unserved[part], cost[part], bound[part] = found
    return Cover(count=count, unserved=unserved, cost_usd=cost, bound_usd=bound)


@dataclass(slots=True)
class _States:
    """States of all cells after a step, in order of cell."""

    cell: Ints
    open_share: Floats
    cost: Floats
    group: Floats
    parent: Ints
    """State of the step before."""
    nodes: Ints
    """Nodes of the step's option."""

    def take(self, keep: Ints) -> "_States":
        return _States(
            self.cell[keep],
            self.open_share[keep],
            self.cost[keep],
            self.group[keep],
            self.parent[keep],
            self.nodes[keep],
        )


class _Chunk:
    """Some cells of a market while they are covered. V options, n cells."""

    def __init__(self, market: Market, demand: Floats, reserve: Floats, cells: Ints) -> None:
        self.market = market
        self.demand = np.maximum(demand, 0.0)
        self.reserve = reserve
        self.need = np.maximum(self.demand, reserve)
        self.share, self.egress = market.share[:, cells], market.egress_usd[:, cells]
        self.price = market.price_usd_hour[:, cells]
        self.penalty = market.unserved_usd[cells]
        self.group_left = market.group_left[cells]
        # Where the reserve decides, a node may stand by: its egress is no part of what the next share costs.
        self.stands_by = reserve > self.demand
        self.egress_bound = np.where(self.stands_by, 0.0, self.egress)
        self.useful = (self.share > 0) & ((self.egress < self.penalty) | self.stands_by)
        self.size = np.where(self.useful, self.share, 1.0)
        ratio = np.where(self.useful, self.price / self.size + self.egress_bound, np.inf)
        known = np.isfinite(ratio)
        mean = np.where(known, ratio, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        # By egress, the group together, the cheapest per share first.
        self.order = np.lexsort((mean, ~market.in_group, self.egress.mean(axis=1)))
        self.tail = np.empty((len(self.order) + 1, len(cells)))
        """(V+1, n) the cheapest cost of a share among the options from a step on, and unserved."""
        self.tail[-1] = self.penalty
        for step in range(len(self.order) - 1, -1, -1):
            self.tail[step] = np.minimum(self.tail[step + 1], ratio[self.order[step]])

    def cover(self, max_states: int) -> tuple[Ints, Floats, Floats, Floats]:
        """Counts (V, n), unserved (n,), cost (n,) and bound (n,)."""
        best_cost, count, best_open = self._first_guess()
        cells = np.arange(len(self.need))
        alive = cells[self.need * self.tail[0] < best_cost - SLACK * (1 + best_cost)]
        none, zero = np.zeros(len(alive)), np.zeros(len(alive), dtype=np.int64)
        states = _States(alive, self.need[alive], none, none, zero, zero)
        dropped = np.full(len(cells), np.inf)
        steps: list[_States] = []
        best_step, best_state = np.full(len(cells), -1), np.zeros(len(cells), dtype=np.int64)
        for step, option in enumerate(self.order):
            states = self._add_option(states, int(option), best_cost, self.tail[step + 1])
            if not self.market.in_group[self.order[step + 1 :]].any():
                states.group = np.zeros(len(states.cell))
            finished = states.cost + self._penalty(states.cell, states.open_share)
            improves = np.flatnonzero(finished < best_cost[states.cell])
            np.minimum.at(best_cost, states.cell[improves], finished[improves])
            hit = improves[finished[improves] <= best_cost[states.cell[improves]]]
            # The winners go first, so that the states kept follow them: `steps` holds both for the way back.
            winner = states.cell[hit]
            best_step[winner], best_state[winner], best_open[winner] = step, np.arange(len(hit)), states.open_share[hit]
            kept = _keep_best(states, self.tail[step + 1], best_cost, max_states, dropped)
            kept = kept[_undominated(states.take(kept))]
            steps.append(states.take(np.concatenate([hit, kept])))
            states = states.take(kept)
            states.parent = len(hit) + np.arange(len(kept))
            if not len(kept):
                break
        self._walk_back(count, steps, best_step, best_state)
        return count, self._unserved(cells, best_open), best_cost, np.minimum(best_cost, dropped)

    def _walk_back(self, count: Ints, steps: list[_States], best_step: Ints, best_state: Ints) -> None:
        """Fills in the counts (V, n) of the cells whose best state was found in a step."""
        found = np.flatnonzero(best_step >= 0)
        count[:, found] = 0
        state = best_state.copy()
        for step in range(len(steps) - 1, -1, -1):
            cells = found[best_step[found] >= step]
            count[self.order[step], cells] = steps[step].nodes[state[cells]]
            state[cells] = steps[step].parent[state[cells]]

    def _unserved(self, cell: Ints, open_share: Floats) -> Floats:
        """Share of the demand left unserved when `open_share` of the need stays open.

        With c covered: u >= demand - c, and survivors at utilization 1 carry what is served: u >= (reserve - c)/target.
        """
        covered = self.need[cell] - open_share
        carried = (self.reserve[cell] - covered) / self.market.target_utilization
        return np.maximum(np.maximum(self.demand[cell] - covered, carried), 0.0)

    def _penalty(self, cell: Ints, open_share: Floats) -> Floats:
        return self.penalty[cell] * self._unserved(cell, open_share)

    def _to_serve(self, cell: Ints, open_share: Floats) -> Floats:
        """Share of the demand no node serves yet."""
        return np.maximum(self.demand[cell] - (self.need[cell] - open_share), 0.0)

    def _first_guess(self) -> tuple[Floats, Ints, Floats]:
        """A good start: as many whole nodes of one option as fit, the rest from the best single other option."""
        market, need = self.market, self.need
        cells = np.arange(len(need))
        best, left_open = self._penalty(cells, need), need.copy()
        pair, nodes = np.zeros((2, len(need)), dtype=np.int64), np.zeros((2, len(need)))
        limit = np.where(market.in_group[:, None], self.group_left, np.inf)
        limit = np.minimum(limit, market.max_count[:, None])
        price = self.price
        for a in range(len(self.share)):
            n_a = np.where(self.useful[a], np.minimum(np.floor(need / self.size[a] + SLACK), limit[a]), 0.0)
            rest = np.maximum(need - n_a * self.size[a], 0.0)
            rest[rest <= SLACK * need] = 0.0
            to_serve = self._to_serve(cells, rest)
            cost_a = n_a * price[a] + (self.demand - to_serve) * self.egress[a]
            n_b = np.ceil(rest / self.size - SLACK)
            together = market.in_group & market.in_group[a]
            together[a] = True
            fits = (self.useful | (rest == 0)) & (n_b <= limit - np.where(together[:, None], n_a, 0.0))
            cost = np.where(fits, cost_a + n_b * price + to_serve * self.egress, np.inf)
            b = cost.argmin(axis=0)
            for own_cost, own_nodes, own_open in (
                (cost[b, cells], n_b[b, cells], 0.0),
                (cost_a + self._penalty(cells, rest), 0.0, rest),
            ):
                better = own_cost < best
                best, left_open = np.where(better, own_cost, best), np.where(better, own_open, left_open)
                pair = np.where(better, np.array([np.full(len(cells), a), b]), pair)
                nodes = np.where(better, np.array([n_a, np.broadcast_to(own_nodes, n_a.shape)]), nodes)
        count = np.zeros(self.share.shape, dtype=np.int64)
        for row in range(2):
            np.add.at(count, (pair[row], cells), nodes[row].astype(np.int64))
        return best, count, left_open

    def _add_option(self, states: _States, option: int, best_cost: Floats, tail: Floats) -> _States:
        """Every state with 0, 1, 2 ... nodes of the option that the bound does not rule out."""
        low, high = self._count_range(states, option, best_cost, tail)
        copies = np.maximum(high - low + 1, 0).astype(np.int64)
        index = np.repeat(np.arange(len(copies)), copies)
        nodes = low[index] + np.arange(len(index)) - np.repeat(np.cumsum(copies) - copies, copies)
        grown = states.take(index)
        cell = grown.cell
        covered = nodes * self.share[option, cell]
        before = self._to_serve(cell, grown.open_share)
        full = covered >= grown.open_share * (1 - SLACK)
        grown.open_share = np.where(full, 0.0, grown.open_share - covered)
        served = before - self._to_serve(cell, grown.open_share)
        grown.cost = grown.cost + nodes * self.price[option, cell] + served * self.egress[option, cell]
        grown.group = grown.group + nodes * self.market.in_group[option]
        grown.nodes = nodes.astype(np.int64)
        limit = best_cost[cell]
        return grown.take(np.flatnonzero(grown.cost + grown.open_share * tail[cell] <= limit + SLACK * (1 + limit)))

    def _count_range(self, states: _States, option: int, best_cost: Floats, tail: Floats) -> tuple[Floats, Floats]:
        """Fewest and most nodes of the option worth trying in each state; most < fewest: none.

        The cost with n nodes and the rest at the best tail ratio is linear in n: the room to the best known cost limits
        n. The last node is only partly used, so the line does not bind it: it is allowed, and filtered afterwards.
        """
        market, cell = self.market, states.cell
        one = self.size[option, cell]
        full = np.where(self.useful[option, cell], np.ceil(states.open_share / one - SLACK), 0.0)
        full = np.minimum(full, market.max_count[option])
        if market.in_group[option]:
            full = np.minimum(full, np.maximum(self.group_left[cell] - states.group, 0.0))
        slope = self.price[option, cell] + (self.egress_bound[option, cell] - tail[cell]) * one
        room = best_cost[cell] * (1 + SLACK) + SLACK - states.cost - states.open_share * tail[cell]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = room / slope
        low = np.where(slope < 0, np.ceil(np.maximum(crossing, 0.0) - SLACK), 0.0)
        high = np.where(slope > 0, np.minimum(full, np.floor(crossing + SLACK)), full)
        return np.minimum(low, full), np.where(slope < 0, full, np.maximum(high, -1.0))


def _undominated(states: _States) -> Ints:
    """Positions of the states but those that leave at least as much open for at least the cost, with the same group."""
    if not len(states.cell):
        return np.zeros(0, dtype=np.int64)
    block = states.cell * (float(states.group.max()) + 1) + states.group
    # One key: blocks apart by 2, the open share within; what rounding swaps differs by less than the slack.
    scale = 1 / (float(states.open_share.max()) + 1.0)
    rank = np.argsort(block * 2 + states.open_share * scale, kind="stable")
    block, cost = block[rank], states.cost[rank]
    first = np.concatenate([[True], np.diff(block) != 0])
    # Within a block cost must fall as more is left open: a running minimum, kept apart between blocks by an offset.
    span = float(np.abs(cost).max()) + 1.0
    shifted = cost - (np.cumsum(first) - 1) * (2 * span)
    before = np.concatenate([[np.inf], np.minimum.accumulate(shifted)[:-1]])
    kept: Ints = np.sort(rank[first | (shifted < before - SLACK)])
    return kept


def _keep_best(states: _States, tail: Floats, best_cost: Floats, max_states: int, dropped: Floats) -> Ints:
    """Positions of states that can still win; the most promising if there are too many, the rest noted in `dropped`."""
    reach = states.cost + states.open_share * tail[states.cell]
    limit = best_cost[states.cell]
    alive = np.flatnonzero(reach < limit - SLACK * (1 + limit))
    if len(alive) <= max_states:
        return alive
    cell, reach = states.cell[alive], reach[alive]
    rank = np.lexsort((reach, cell))
    position = np.arange(len(rank)) - np.searchsorted(cell[rank], cell[rank])
    per_cell = max(1, max_states // len(np.unique(cell)))
    cut = rank[position >= per_cell]
    np.minimum.at(dropped, cell[cut], reach[cut])
    kept: Ints = alive[np.sort(rank[position < per_cell])]
    return kept
