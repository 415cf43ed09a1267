"""One pool billed by the second, one model, no waiting: whole nodes, each layer of demand kept or relaunched. Pure.

**Claim.** Let x_t be the nodes step t needs beyond base. The k-th node serves clip(x_t - (k-1), 0, 1) of a node's work
in step t: less, the higher k. So for a price lambda of an unserved token, in cost + lambda x unserved the k-th node of
the fleet (ready whenever at least k nodes are ready) has costs and worth of its own: ready time at the price of the
step, a launch (lead time paid) whenever it becomes ready anew, and the tokens it serves. The launches of a fleet are
those of its layers: with n_t nodes ready, sum_k [n_t >= k > n_{t-1}] = (n_t - n_{t-1})+. Hence the least over fleets is
at least the sum over k of the least over each layer alone, a choice of on or off per step: two states, one pass.

Conversely the fleet made of those layers, each solved alone, costs no more than their sum (it launches at most as
often) and serves no less (of j layers that are on, whichever, the worth is at most that of the first j), within the
most nodes of the pool. So the sum is the least itself, in whole nodes. Where every layer must be on wherever it has
work, this is the exact bill of perfect foresight at 100 % served; at other shares it is the convex envelope of the
exact one (lines.py), below it by less than what one stretch of one layer costs.

**Starts between the edges of steps** win nothing. Take any fleet and theta in [0, 1), and move each instant a node
becomes ready or ends, at share phi of a step, to the edge before it if phi <= theta, else to the edge after. The moved
fleet has all through step t as many nodes as the true one had at share theta of step t; so over theta uniform its mean
service is the true service (work arrives evenly and is served at once) and its mean ready time at the prices of the
steps is the true one; `launch_usd` mixes the same way. Hence least(cost + lambda unserved) over fleets on the grid is
at most that of the true fleet; and a fleet that serves all has moved fleets that all serve all, one of them no dearer.

Assumed in favour of the controller: nodes may be ordered before the replay begins (lead time paid), a node that fails
or is cancelled while it loads costs nothing, a node being loaded takes no place in a limited pool, nodes end at once.
"""

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.bound.case import BoundCase, base_share, launch_usd, price_usd_step
from autoscaler.replay.bound.lines import Lines

Floats = NDArray[np.float64]

NOTHING_NODES = 1e-9
"""Work of a step that rounding may have left over."""
_CHUNK_FLOATS = 16_000_000
"""Most numbers held at once."""


class Layers:
    """The bound of one pool and one model, burst and egress only."""

    def __init__(self, case: BoundCase) -> None:
        (pool,) = case.pools
        tokens = case.tokens[0]
        asked = (tokens > 0) & np.isfinite(pool.work[0])
        self._excess = excess_nodes(case)
        most = most_nodes(case)
        self._ready_usd = price_usd_step(case, pool)
        self._launch_usd = launch_usd(case, pool)
        self._node_tokens = np.divide(tokens, pool.work[0], where=asked, out=np.zeros(case.steps))
        egress = np.zeros(case.steps) if pool.egress_usd is None else pool.egress_usd[0]
        self._egress_usd = np.divide(egress, pool.work[0], where=asked, out=np.zeros(case.steps))
        count = int(np.ceil(self._excess.max(initial=0.0) - NOTHING_NODES))
        layer = np.arange(max(count, 0))
        self._need = np.clip(self._excess[:, None] - layer, 0.0, 1.0)
        self._need[self._need <= NOTHING_NODES] = 0.0
        self._barred = layer >= most[:, None]
        self._beyond_base_tokens = float((tokens * (1 - base_share(case)[0])).sum())
        served_at_most = (self._need * ~self._barred).sum(axis=1) @ self._node_tokens
        self.least_unserved_tokens = max(self._beyond_base_tokens - float(served_at_most), 0.0)
        """What even all nodes of the pool leave."""
        node_tokens = self._node_tokens[self._node_tokens > 0]
        cheapest = (
            self._ready_usd[self._ready_usd > 0].min(initial=np.inf) / node_tokens.max(initial=0.0) if count else 0.0
        )
        self._lines = Lines(value=self.lagrangian_usd, least_usd=cheapest if 0 < cheapest < np.inf else 1e-9)

    def usd(self, unserved_tokens: float) -> float:
        """Least burst bill of whoever leaves at most so many tokens unserved; inf: nobody can leave so few."""
        total = max(self._beyond_base_tokens, 1.0)
        if unserved_tokens < self.least_unserved_tokens - 1e-9 * total:
            return float("inf")
        if unserved_tokens >= self._beyond_base_tokens:
            return 0.0
        if unserved_tokens <= self.least_unserved_tokens * (1 + 1e-12):
            return self.all_served_usd()
        return max(self._lines.usd(unserved_tokens), 0.0)

    def all_served_usd(self) -> float:
        """Exact burst bill of serving all that can be served: every layer on wherever it has work.

        A prize for each such step that no saving outweighs (leaving one out saves at most its ready time and two
        launches) makes the pass keep them all, and is taken off again.
        """
        needed = (self._need > 0) & ~self._barred
        prize = 2 * float(self._ready_usd.max() + 2 * self._launch_usd.max()) + 1e-6
        reduced = np.where(self._barred, np.inf, self._ready_usd[:, None] - prize * needed)
        egress = float((self._need * ~self._barred).sum(axis=1) @ self._egress_usd)
        return float(cheapest_usd(reduced, self._launch_usd).sum()) + prize * float(needed.sum()) + egress

    def lagrangian_usd(self, usd_per_token: Floats) -> Floats:
        """Least of burst cost + price x unserved tokens, for each price."""
        steps, layers = self._need.shape
        values = usd_per_token * self._beyond_base_tokens
        if layers == 0:
            return values
        chunk = max(1, _CHUNK_FLOATS // (steps * layers))
        for first in range(0, len(usd_per_token), chunk):
            prices = usd_per_token[first : first + chunk]
            worth = np.maximum(np.multiply.outer(self._node_tokens, prices) - self._egress_usd[:, None], 0.0)
            reduced = self._ready_usd[:, None, None] - worth[:, :, None] * self._need[:, None, :]
            reduced[np.broadcast_to(self._barred[:, None, :], reduced.shape)] = np.inf
            passed = cheapest_usd(reduced.reshape(steps, -1), self._launch_usd)
            values[first : first + chunk] += passed.reshape(len(prices), layers).sum(axis=1)
        return values


def excess_nodes(case: BoundCase) -> Floats:
    """(T,) nodes of the one pool that the one model's work needs beyond base; 0 where the pool cannot serve it."""
    (pool,) = case.pools
    work = np.where((case.tokens[0] > 0) & np.isfinite(pool.work[0]), pool.work[0], 0.0)
    return np.asarray(work * (1 - base_share(case)[0]), dtype=np.float64)


def most_nodes(case: BoundCase) -> Floats:
    """(T,) most nodes of the one pool, its groups' maxima included."""
    (pool,) = case.pools
    most = np.full(case.steps, np.inf) if pool.most_nodes is None else np.floor(pool.most_nodes)
    for group in case.groups:
        if 0 in group.pools:
            most = np.minimum(most, np.floor(group.most))
    return np.asarray(most, dtype=np.float64)


def cheapest_usd(reduced_usd: Floats, launch_usd: Floats) -> Floats:
    """Per column, the least of the sum of `reduced_usd` over the steps it is on and `launch_usd` where it comes on.

    With off and on the least costs so far by state, only their difference d = on - off is carried: a step turns it into
    clip(d, 0, launch) + reduced, and off grows by min(d, 0).
    """
    difference = np.full(reduced_usd.shape[1], np.inf)
    history = np.empty_like(reduced_usd)
    for step, launch in enumerate(launch_usd.tolist()):
        row = history[step]
        np.minimum(difference, launch, out=row)
        np.maximum(row, 0.0, out=row)
        row += reduced_usd[step]
        difference = row
    saved: Floats = np.minimum(history, 0.0).sum(axis=0)
    return saved
