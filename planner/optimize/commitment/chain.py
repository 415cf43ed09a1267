"""A chain: the hours of one model in one scenario, what they need of burst, and what nodes and launches cost. Pure.

The problem. Choose whole nodes n(v, h) >= 0 of every burst option v in every hour h, and minimise

    sum_h [ sum_v price_v n(v, h) + launch_v max(0, n(v, h) - n(v, h-1)) + egress(h) + penalty(h) unserved(h) ],

n(v, -1) = 0, subject to counts and the group's count in every hour. `unserved` is what the nodes of the hour leave of
its demand, or of the reserve for lost base nodes; egress is that of the options that serve, the cheapest first.

Why this is the lease's own charge: a lease of k hours with lead time L is charged for k hours and L, by the second as
they are, by started hours k + ceil(L). Either way that is k times `price` and once `launch`, interruptions included,
and held level by level n nodes need sum_h max(0, n(h) - n(h-1)) leases, the least there can be. A node may be held
idle through a gap: then n counts it. A monthly cap makes long leases cheaper than that (chains.py).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.problem import Floats, Ints

SLACK = 1e-9
"""Nodes that miss a requirement by this ratio still count as covering it: the noise of float division."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """V burst options over H hours. Shares are of the hour's whole demand."""

    price_usd_hour: Floats
    """(V,) an hour of a node, expected interruptions included."""
    launch_usd: Floats
    """(V,) what a lease costs beyond its hours: its lead time, as billed."""
    share: Floats
    """(V, H) share of the hour's demand that one node serves at target utilization; 0 where it cannot serve."""
    egress_usd: Floats
    """(V, H) egress of serving the hour's whole demand."""
    penalty_usd: Floats
    """(H,) penalty of leaving the hour's whole demand unserved."""
    demand: Floats
    """(H,) share that burst must serve; at most 0 where the base serves all."""
    reserve: Floats
    """(H,) share, at target utilization, that burst must be able to carry so that base losses are survived."""
    max_count: Floats
    """(V,) most nodes of an option; inf: no limit."""
    in_group: NDArray[np.bool_]
    """(V,) options that share `group_left` nodes."""
    group_left: Floats
    """(H,) most nodes of the group; inf: no limit."""
    target_utilization: float

    @property
    def options(self) -> int:
        """V."""
        return len(self.price_usd_hour)

    @property
    def hours(self) -> int:
        """H."""
        return len(self.demand)

    @property
    def need(self) -> Floats:
        """(H,) share that decides how many nodes are needed: the demand or the reserve; 0 where neither asks."""
        need: Floats = np.maximum(np.maximum(self.demand, self.reserve), 0.0)
        return np.where(need > SLACK, need, 0.0)

    @property
    def useful(self) -> NDArray[np.bool_]:
        """(V, H) options whose nodes serve: cheaper than leaving demand unserved, or standing by for a reserve."""
        stands_by = self.reserve > np.maximum(self.demand, 0.0)
        return (self.share > 0) & ((self.egress_usd < self.penalty_usd) | stands_by) & (self.need > 0)

    @property
    def most(self) -> Ints:
        """(V,) nodes of an option beyond which a further one serves in no hour."""
        useful = self.useful
        size = np.where(useful, self.share, 1.0)
        wanted = np.where(useful, np.ceil(self.need / size - SLACK), 0.0).max(axis=1, initial=0.0)
        limit = np.where(self.in_group, np.minimum(self.max_count, self.group_left.max(initial=0.0)), self.max_count)
        most: Ints = np.minimum(wanted, limit).astype(np.int64)
        return most

    @property
    def launches_are_cheap(self) -> bool:
        """Whether no launch costs more than an hour of the node: then no node is worth holding idle."""
        return bool(np.all(self.launch_usd <= self.price_usd_hour))

    def undominated(self) -> Ints:
        """Options that whole nodes of one other option do not replace, in every hour, for no more in any respect.

        The other option must be without limits; a replaced node's egress may cost more than before.
        """
        kept = list(range(self.options))
        free = [v for v in kept if not self.in_group[v] and np.isinf(self.max_count[v])]
        for v in sorted(kept, key=lambda v: -self.price_usd_hour[v]):
            if any(self._replaces(w, v) for w in free if w != v and w in kept):
                kept.remove(v)
        return np.array(kept, dtype=np.int64)

    def _replaces(self, w: int, v: int) -> bool:
        """Whether nodes of w do all that one node of v does."""
        here = self.useful[v]
        if not here.any():
            return True
        if not self.useful[w][here].all():
            return False
        nodes = np.ceil((self.share[v, here] / self.share[w, here]).max() - SLACK)
        more_egress = np.maximum(self.egress_usd[w] - self.egress_usd[v], 0.0) * self.share[v]
        hour_usd = nodes * self.price_usd_hour[w] + float(more_egress[here].max())
        return bool(hour_usd <= self.price_usd_hour[v] and nodes * self.launch_usd[w] <= self.launch_usd[v])

    def only(self, options: Ints) -> "Chain":
        """The chain with some of its options."""
        return replace(
            self,
            price_usd_hour=self.price_usd_hour[options],
            launch_usd=self.launch_usd[options],
            share=self.share[options],
            egress_usd=self.egress_usd[options],
            max_count=self.max_count[options],
            in_group=self.in_group[options],
        )

    def unserved(self, nodes: Ints, hours: Ints) -> Floats:
        """(K,) share left unserved with nodes (K, V) in the hours (K,)."""
        return self._unserved(*self._capacity(nodes, hours), hours)

    def cost_usd(self, nodes: Ints, hours: Ints) -> Floats:
        """(K,) what the hours (K,) cost with nodes (K, V), launches apart."""
        ready, serving = self._capacity(nodes, hours)
        unserved = self._unserved(ready, serving, hours)
        left = np.maximum(np.maximum(self.demand[hours], 0.0) - unserved, 0.0)
        cost = nodes @ self.price_usd_hour + unserved * self.penalty_usd[hours]
        if self.egress_usd.any():
            for v in np.argsort(self.egress_usd.mean(axis=1), kind="stable").tolist():
                served = np.minimum(left, serving[:, v])
                left = left - served
                cost = cost + served * self.egress_usd[v, hours]
        return np.asarray(cost, dtype=np.float64)

    def _capacity(self, nodes: Ints, hours: Ints) -> tuple[Floats, Floats]:
        """(K, V) share that the nodes could carry, and that of those which serve for less than the penalty."""
        ready = np.asarray(nodes * np.where(self.useful, self.share, 0.0).T[hours], dtype=np.float64)
        return ready, np.where((self.egress_usd < self.penalty_usd).T[hours], ready, 0.0)

    def _unserved(self, ready: Floats, serving: Floats, hours: Ints) -> Floats:
        need, demand = self.need[hours], self.demand[hours]
        covered = ready.sum(axis=1)
        covered = np.where(covered >= need * (1 - SLACK), need, covered)
        carried = (self.reserve[hours] - covered) / self.target_utilization
        short = demand - np.minimum(covered, serving.sum(axis=1))
        short = np.where(short > SLACK * np.abs(demand), short, 0.0)
        return np.where(need > 0, np.maximum(np.maximum(short, carried), 0.0), 0.0)

    def launches_usd(self, nodes: Ints) -> float:
        """What the launches of a whole chain of nodes (H, V) cost."""
        rises = np.maximum(np.diff(nodes, axis=0, prepend=np.zeros((1, self.options), dtype=np.int64)), 0)
        return float((rises @ self.launch_usd).sum())

    def total_usd(self, nodes: Ints) -> float:
        """The objective of a whole chain of nodes (H, V)."""
        return float(self.cost_usd(nodes, np.arange(self.hours)).sum()) + self.launches_usd(nodes)
