"""The node counts an hour may have: all whose price is near the hour's least. Pure (numpy only).

For given prices (V, H) of a node in each hour: every combination of counts whose cost is within `slack` of the hour's
least, found for all hours at once, one option after another. A partial combination is dropped when its cost and the
least that the rest must cost are beyond the slack. Where more are left than there is room for, the dearest are dropped
and `dropped_usd` says how cheap one of them may be.

A combination with a node to spare is left out where that node's launch costs no more than its hour: ending it for the
hour saves the price, and costs one launch at most. Where a launch costs more, a node may be worth holding idle, and
where its egress is less than others', it may serve in their place: those combinations are listed too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.commitment.chain import SLACK, Chain
from planner.optimize.problem import Floats, Ints

BEAM = 16
"""Partial combinations of an hour that are followed to find a good one first."""
PARTIAL_RATIO = 4
"""Partial combinations kept for each that an hour may list."""
GRID = 256
"""Parts of an hour's need, of each of which the least cost is kept."""
PAIRS_AT_ONCE = 100
"""Pairs of configurations that are joined, in one option, in the time that a partial combination takes."""
MOST_CELLS = 64_000_000
"""Counts in memory at once, half a gigabyte of them."""
TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Configurations:
    """Combinations of counts by hour. K in all, in order of hour."""

    hour: Ints
    """(K,)"""
    nodes: Ints
    """(K, V)"""
    cost_usd: Floats
    """(K,) what the hour costs with them, launches apart."""
    dropped_usd: Floats
    """(H,) no combination left out is cheaper, at the prices they were listed at."""


@dataclass(slots=True)
class _Partial:
    """Combinations of the first options. S states."""

    hour: Ints
    nodes: Ints
    left: Floats
    """Share of the need still open."""
    cost_usd: Floats
    group: Floats
    """Nodes of the group."""

    def take(self, keep: Ints) -> "_Partial":
        return _Partial(self.hour[keep], self.nodes[keep], self.left[keep], self.cost_usd[keep], self.group[keep])


class EffortSpentError(Exception):
    """The chain has so many configurations that looking at them takes more than may be done."""


class Lister:
    """Lists configurations of one chain at changing prices, up to an effort over all that is listed and joined."""

    def __init__(self, chain: Chain, *, most_per_hour: int, most_work: float = np.inf) -> None:
        """`most_work`: partial combinations looked at, and a hundredth of the pairs of hours' joined, options each."""
        self.chain = chain
        self.most_per_hour = most_per_hour
        self._most_work = self._work_left = most_work
        self.limited = chain.in_group | np.isfinite(chain.max_count)
        self.most = chain.most
        self.size = np.where(chain.useful, chain.share, 0.0)
        self.need = chain.need
        stands_by = chain.reserve > np.maximum(chain.demand, 0.0)
        egress = np.where(chain.useful, chain.egress_usd, np.inf).min(axis=0, initial=np.inf)
        least = np.where(stands_by | ~np.isfinite(egress), 0.0, np.minimum(egress, chain.penalty_usd))
        self.egress_range = np.maximum(
            np.where(chain.useful, chain.egress_usd, 0.0).max(axis=0, initial=0.0) - least, 0.0
        )
        """(H,) how much dearer the dearest egress is than the least, for the whole demand."""
        saved = (chain.launch_usd - chain.price_usd_hour)[:, None] + self.size * self.egress_range
        self.may_idle = saved > 0
        """(V, H) options worth a node beyond what the hour needs: for the launch it saves later, or egress now."""
        demand = np.maximum(chain.demand, 0.0)
        self.egress_usd, self.egress_room = least * demand, self.egress_range * demand
        self.penalty = chain.penalty_usd - least
        self.dearest = np.where(chain.reserve > 0, chain.penalty_usd / chain.target_utilization, self.penalty)
        """(H,) what leaving the whole demand open may cost at most: a reserve asks for more than what is open."""

    def near_least(self, prices: Floats, slack: Floats) -> Configurations:
        """All configurations within `slack` (H,) of the hour's least at node prices (V, H)."""
        rest = _Rest(self, prices)
        best = self._guess(prices)
        self._search(rest, prices, best, np.zeros(self.chain.hours), BEAM)
        states, dropped = self._search(rest, prices, best, slack, PARTIAL_RATIO * self.most_per_hour)
        nodes, hour = states.nodes, states.hour
        cost = self.chain.cost_usd(nodes, hour)
        value = cost - nodes @ self.chain.price_usd_hour + (nodes * prices.T[hour]).sum(axis=1)
        keep = np.flatnonzero(~self.has_spare(hour, nodes))
        least = np.full(self.chain.hours, np.inf)
        np.minimum.at(least, hour[keep], value[keep])
        keep = keep[value[keep] <= (least + slack)[hour[keep]] + TINY]
        dropped = dropped + self.egress_usd
        keep = _cheapest(hour[keep], value[keep], keep, dropped, self.most_per_hour)
        keep = keep[np.argsort(hour[keep], kind="stable")]
        return Configurations(
            hour=hour[keep],
            nodes=nodes[keep],
            cost_usd=cost[keep],
            dropped_usd=np.minimum(dropped, least + slack),  # what is beyond the slack was left out, too
        )

    @property
    def is_half_spent(self) -> bool:
        """Whether as much has been done as is left."""
        return self._work_left < self._most_work / 2

    def spend(self, work: float) -> None:
        """Counts work as done; raises EffortSpentError where it is more than is left."""
        if work > self._work_left:
            raise EffortSpentError
        self._work_left -= work

    def spend_joining(self, listed: Configurations) -> None:
        """Counts what joining the lists of all hours takes."""
        by_hour = np.bincount(listed.hour, minlength=self.chain.hours).astype(np.float64)
        self.spend(float(by_hour[:-1] @ by_hour[1:]) * self.chain.options / PAIRS_AT_ONCE)

    def _search(self, rest: "_Rest", prices: Floats, best: Floats, slack: Floats, most: int) -> tuple[_Partial, Floats]:
        """Combinations that may be within the slack of `best` (H,), which falls; and the least of those dropped."""
        chain = self.chain
        none = np.zeros(chain.hours)
        empty = np.zeros((chain.hours, chain.options), dtype=np.int64)
        states = _Partial(np.arange(chain.hours), empty, self.need.copy(), none, none)
        dropped = np.full(chain.hours, np.inf)
        for step, v in enumerate(rest.order.tolist()):
            states = self._with_option(states, v, prices[v], rest, step, best + slack)
            done = states.cost_usd + states.left * self.dearest[states.hour] + self.egress_room[states.hour]
            np.minimum.at(best, states.hour, done)
            reach = states.cost_usd + rest.bound(step + 1, states.hour, states.left, states.group)
            keep = np.flatnonzero(reach <= (best + slack)[states.hour] + TINY)
            if step + 1 < chain.options:
                keep = _cheapest(states.hour[keep], reach[keep], keep, dropped, most)
            states = states.take(keep)
        return states, dropped

    def _guess(self, prices: Floats) -> Floats:
        """(H,) a cost that some configuration does not exceed, least egress apart: one option alone, or none."""
        best = self.need * self.dearest
        for v in range(self.chain.options):
            serves = self.size[v] > 0
            count = np.where(serves, np.ceil(self.need / np.where(serves, self.size[v], 1.0) - SLACK), 0.0)
            most = np.minimum(self.most[v], self.chain.group_left) if self.chain.in_group[v] else self.most[v]
            fits = serves & (count <= most)
            best = np.where(fits, np.minimum(best, count * np.maximum(prices[v], 0.0)), best)
        return np.asarray(best + self.egress_room, dtype=np.float64)

    def _with_option(
        self, states: _Partial, v: int, price: Floats, rest: "_Rest", step: int, limit: Floats
    ) -> _Partial:
        """Every state with 0, 1, 2 ... nodes of the option, as far as the limit (H,) may allow."""
        hour = states.hour
        size, node_usd = self.size[v, hour], price[hour]
        most = np.full(len(hour), float(self.most[v]))
        if self.chain.in_group[v]:
            most = np.minimum(most, np.maximum(self.chain.group_left[hour] - states.group, 0.0))
        full = np.where(size > 0, np.ceil(states.left / np.where(size > 0, size, 1.0) - SLACK), 0.0)
        full = np.minimum(full, most)
        # What the states cost at least is, up to the full count, linear in the count or above the line.
        ratio, given = rest.ratio[step + 1, hour], rest.given[step + 1, hour]
        room = limit[hour] + TINY - states.cost_usd - states.left * ratio - given
        slope = node_usd - ratio * size
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = room / slope
        low = np.where((slope < 0) & (room < 0), np.minimum(np.ceil(crossing - TINY), full), 0.0)
        high = np.where(slope > 0, np.where(room >= 0, np.minimum(np.floor(crossing + TINY), full), -1.0), full)
        if self.may_idle[v].any():
            spare = limit[hour] + TINY - states.cost_usd - given - np.maximum(states.left - full * size, 0.0) * ratio
            more = np.where(node_usd > 0, np.floor(spare / np.where(node_usd > 0, node_usd, 1.0)), most)
            high = np.where(self.may_idle[v, hour] & (high >= full), np.maximum(full, np.minimum(most, more)), high)
        copies = np.maximum(high - low + 1, 0).astype(np.int64)
        if copies.sum() * self.chain.options > MOST_CELLS:
            raise EffortSpentError
        self.spend(float(copies.sum()))
        index = np.repeat(np.arange(len(copies)), copies)
        count = low[index] + np.arange(len(index)) - np.repeat(np.cumsum(copies) - copies, copies)
        grown = states.take(index)
        grown.nodes[:, v] = count
        covered = count * size[index]
        grown.left = np.where(covered >= grown.left * (1 - SLACK), 0.0, grown.left - covered)
        grown.cost_usd = grown.cost_usd + count * node_usd[index]
        grown.group = grown.group + count * float(self.chain.in_group[v])
        return grown

    def has_spare(self, hour: Ints, nodes: Ints) -> NDArray[np.bool_]:
        """(K,) configurations with a node to spare whose end for the hour never costs more than it saves."""
        chain = self.chain
        need, size = self.need[hour], self.size.T[hour]
        over = (nodes * size).sum(axis=1) - need
        found = np.zeros(len(hour), dtype=bool)
        for v in range(chain.options):
            saved = chain.price_usd_hour[v] - chain.launch_usd[v] - size[:, v] * self.egress_range[hour]
            found |= (nodes[:, v] > 0) & (size[:, v] <= over + SLACK * need) & (saved >= 0)
        return found


class _Rest:
    """What covering the rest of an hour's need costs at least, from each step of the options' order on.

    Limited options come first and count with what a node of them can save at most; the others by the best ratio of
    price to share, and by a table over parts of the need in which a node covers whole parts, rounded up.
    """

    def __init__(self, lister: Lister, prices: Floats) -> None:
        self._lister = lister
        chain = lister.chain
        paid = np.maximum(prices, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(lister.size > 0, paid / lister.size, np.inf)
        mean = np.where(np.isfinite(ratio), ratio, 0.0).mean(axis=1)
        self.order: Ints = np.lexsort((-mean, ~lister.limited))
        steps = chain.options + 1
        self.ratio = np.tile(lister.penalty, (steps, 1))
        """(V+1, H) the least cost of a share, over the options from the step on and unserved."""
        self.given = np.zeros((steps, chain.hours))
        """(V+1, H) what nodes of negative price may take off."""
        unlimited = np.where(lister.limited[:, None], np.inf, ratio)
        self._free = np.minimum(lister.penalty, unlimited.min(axis=0, initial=np.inf))
        saves = np.where(lister.limited[:, None], np.maximum(lister.size * self._free - paid, 0.0), 0.0)
        self._alone, self._grouped = np.zeros((steps, chain.hours)), np.zeros((steps, chain.hours))
        for step in range(chain.options - 1, -1, -1):
            v = self.order[step]
            self.ratio[step] = np.minimum(self.ratio[step + 1], ratio[v])
            self.given[step] = self.given[step + 1]
            self.given[step] += np.where(lister.may_idle[v], np.minimum(prices[v], 0.0) * lister.most[v], 0.0)
            self._alone[step], self._grouped[step] = self._alone[step + 1], self._grouped[step + 1]
            if chain.in_group[v]:
                self._grouped[step] = np.maximum(self._grouped[step], saves[v])
            else:
                self._alone[step] += saves[v] * lister.most[v]
        self._parts = np.where(lister.need > 0, GRID / np.where(lister.need > 0, lister.need, 1.0), 0.0)
        self._table = self._fill(paid)

    def bound(self, step: int, hour: Ints, left: Floats, group: Floats) -> Floats:
        """(S,) what the states must still pay."""
        part = np.floor(left * self._parts[hour] * (1 - 1e-12)).astype(np.int64)
        bound = np.maximum(self._table[step][part, hour], left * self.ratio[step, hour])
        if self._lister.limited[self.order[step:]].any():
            room = np.maximum(self._lister.chain.group_left[hour] - group, 0.0) if self._grouped[step].any() else 0.0
            saved = self._alone[step, hour] + room * self._grouped[step, hour]
            bound = np.maximum(bound, left * self._free[hour] - saved)
        return np.asarray(bound + self.given[step, hour], dtype=np.float64)

    def _fill(self, paid: Floats) -> list[Floats]:
        """Per step, (GRID + 1, H): the least cost of so many parts of the need."""
        lister = self._lister
        hours = np.arange(lister.chain.hours)
        tables = [np.arange(GRID + 1)[:, None] / GRID * (lister.need * lister.penalty)]
        for v in self.order[::-1]:
            width = np.ceil(lister.size[v] * self._parts - TINY).astype(np.int64)
            node_usd = np.where(width > 0, paid[v], np.inf)
            table = tables[-1].copy()
            flat = table.reshape(-1)
            for part in range(1, GRID + 1):
                before = np.maximum(part - width, 0) * len(hours) + hours
                np.minimum(table[part], node_usd + flat[before], out=table[part])
            tables.append(table)
        tables.reverse()
        return tables


def _cheapest(hour: Ints, value: Floats, index: Ints, dropped: Floats, most: int) -> Ints:
    """At most `most` of each hour, the least values first; the least of those cut is noted in `dropped` (H,)."""
    if not len(index) or int(np.bincount(hour).max()) <= most:
        return index
    rank = np.lexsort((value, hour))
    place = np.arange(len(rank)) - np.searchsorted(hour[rank], hour[rank])
    cut = rank[place >= most]
    np.minimum.at(dropped, hour[cut], value[cut])
    return index[np.sort(rank[place < most])]
