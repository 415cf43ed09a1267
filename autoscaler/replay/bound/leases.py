"""One pool billed by the started hour, one model, no waiting: whole leases that cover the demand, exact at all served.

**Claim.** A lease ordered at s with H hours paid costs H hours and is ready over [s + lead, s + H h); ending it sooner
saves nothing, so it stays. On the grid of steps the bill of perfect foresight at 100 % served is the least cost of
leases that cover each step as often as it needs nodes beyond base. The columns of that integer program are intervals:
consecutive ones, a totally unimodular matrix, so its linear relaxation has whole optima and is exact. Written with
starts x, renewals y (a lease whose paid time ends may go on for an hour: y_t <= what ends at t) and the count that
stays ready, it has a handful of coefficients per step. Two further columns per step are its shortage: the part of a
node at the top, whose lack costs the fewest tokens, and the whole nodes below. The tokens short in all are one row:
a linear relaxation of the integer program, so a lower bound; by its price lambda it is the highest line of lines.py.

Of leases that cover a step more than twice as often as the most nodes ever needed, some are idle throughout (keep,
of those that hold the step, the ones that start first and the ones that end last), so columns have upper bounds.

**Starts between the edges of steps** win nothing. Move each lease's order, at share phi of a step, to the edge before
it if phi <= theta, else to the edge after: it keeps its hours, and the moved fleet has all through each step as many
nodes ready as the true one had at share theta of that step, where lead and hour are whole steps. So over theta uniform
its mean service is the true one at the same bill, and one theta serves no less. Where they are not whole steps the lead
is rounded down and the hour up, which only makes leases ready for longer. An hour's price is the least in it and in
the step on either side.
"""

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.bound.case import BoundCase, base_share
from autoscaler.replay.bound.layers import NOTHING_NODES, excess_nodes, most_nodes
from autoscaler.replay.bound.lines import Tangents
from planner.optimize.linear import Assembly, LinearProgram, Method, least
from policies.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]

SMALL_STEPS = 3_000
"""Steps up to which the simplex method is the sooner one where demand may go unserved, and every share is solved."""
LINE_SLACK_RATIO = 5e-4
"""With more steps a line known to be so near stands for the bound."""


class Leases:
    """The bound of one pool by the started hour and one model, burst and egress only."""

    def __init__(self, case: BoundCase) -> None:
        (pool,) = case.pools
        tokens = case.tokens[0]
        asked = (tokens > 0) & np.isfinite(pool.work[0])
        self._steps = case.steps
        self._hour = int(np.ceil(round(SECONDS_PER_HOUR / case.step_s, 9)))
        self._lead = int(round(pool.lead_s / case.step_s, 9))
        self._hour_usd = _least_around(pool.price_usd_hour, self._hour)
        self._excess = excess_nodes(case)
        self._needed = np.ceil(np.maximum(self._excess - NOTHING_NODES, 0.0))
        self._lacking = np.maximum(self._needed - most_nodes(case), 0.0)
        self._node_tokens = np.divide(tokens, pool.work[0], where=asked, out=np.zeros(case.steps))
        egress = np.zeros(case.steps) if pool.egress_usd is None else pool.egress_usd[0]
        self._egress_usd = np.divide(egress, pool.work[0], where=asked, out=np.zeros(case.steps))
        self._top = np.where(self._needed > 0, self._excess - (self._needed - 1), 0.0)
        """Work of the last node needed, part of a node."""
        lost = np.where(self._lacking > 0, self._top + self._lacking - 1, 0.0)
        beyond_pool = float((tokens * (1 - base_share(case)[0]))[~asked].sum())
        self._beyond_base_tokens = float(self._excess @ self._node_tokens) + beyond_pool
        self._unreachable_tokens = beyond_pool
        self.least_unserved_tokens = float(lost @ self._node_tokens) + beyond_pool
        """What even all nodes of the pool leave."""
        self._all_served: float | None = None
        self._tangents = Tangents(
            solve=self._solve_lacking,
            zero_at=self._beyond_base_tokens,
            slack_ratio=0.0 if case.steps <= SMALL_STEPS else LINE_SLACK_RATIO,
        )

    def usd(self, unserved_tokens: float) -> float:
        """Least burst bill of whoever leaves at most so many tokens unserved; inf: nobody can leave so few."""
        total = max(self._beyond_base_tokens, 1.0)
        if unserved_tokens < self.least_unserved_tokens - 1e-9 * total:
            return float("inf")
        if unserved_tokens >= self._beyond_base_tokens or not self._needed.any():
            return 0.0
        if unserved_tokens > self.least_unserved_tokens * (1 + 1e-12):
            return max(self._tangents.usd(unserved_tokens), 0.0)
        if self._all_served is None:
            self._all_served = self._solve_all()
        return self._all_served

    def _solve_all(self) -> float:
        """Of all that can be served."""
        if self._lacking.any():
            return max(self._solve_lacking(self.least_unserved_tokens)[0], 0.0)
        found = least(self._program(0.0, may_lack=False))
        assert found is not None  # the columns' bounds leave room for twice the need
        return max(found.proven, 0.0) + float(self._egress_usd @ self._excess)

    def _solve_lacking(self, unserved_tokens: float) -> tuple[float, float]:
        """The bound and its slope, by the prices of the program: they prove the line through it at any share."""
        method = Method.INTERIOR if self._steps > SMALL_STEPS else Method.SIMPLEX
        spare = max(unserved_tokens - self._unreachable_tokens, 0.0)
        found = least(self._program(spare, may_lack=True), method=method)
        if found is None:
            return float("inf"), 0.0
        return found.proven + float(self._egress_usd @ self._excess), float(found.row_price[-1])

    def _program(self, spare_tokens: float, *, may_lack: bool) -> LinearProgram:
        steps, first_hours = self._steps, self._lead // self._hour + 1
        covered = first_hours * self._hour - self._lead
        most = 2 * float(self._needed.max())
        at = np.arange(steps)
        first_usd = sum(
            (self._price_at(at - self._lead + hour * self._hour) for hour in range(first_hours)), np.zeros(steps)
        )
        assembly = Assembly()
        starts = assembly.add_columns(steps, cost=first_usd, upper=most)
        renewals = assembly.add_columns(steps, cost=self._price_at(at), upper=most)
        ready = assembly.add_columns(steps, lower=0.0 if may_lack else self._needed, upper=most)
        counted = assembly.add_rows(steps, lower=0.0, upper=0.0)
        assembly.add_terms(counted, ready, 1.0)
        assembly.add_terms(counted[1:], ready[:-1], -1.0)
        renewed = assembly.add_rows(steps, upper=0.0)
        assembly.add_terms(renewed, renewals, 1.0)
        for begun, length in ((starts, covered), (renewals, self._hour)):
            assembly.add_terms(counted, begun, -1.0)
            assembly.add_terms(counted[length:], begun[: max(steps - length, 0)], 1.0)
            assembly.add_terms(renewed[length:], begun[: max(steps - length, 0)], -1.0)
        if may_lack:
            self._let_lack(assembly, ready, spare_tokens)
        return assembly.program()

    def _let_lack(self, assembly: Assembly, ready: NDArray[np.int64], spare_tokens: float) -> None:
        """ready + short >= needed; the tokens short in all are at most the spare ones; egress is saved on them."""
        part = np.minimum(self._needed, 1.0)
        above = assembly.add_columns(
            self._steps, cost=-self._egress_usd * self._top, lower=np.minimum(self._lacking, 1.0), upper=part
        )
        below = assembly.add_columns(
            self._steps,
            cost=-self._egress_usd,
            lower=np.maximum(self._lacking - 1.0, 0.0),
            upper=self._needed - part,
        )
        met = assembly.add_rows(self._steps, lower=self._needed)
        for columns in (ready, above, below):
            assembly.add_terms(met, columns, 1.0)
        spare = assembly.add_rows(1, upper=spare_tokens * (1 + 1e-12))
        assembly.add_terms(spare, above, self._node_tokens * self._top)
        assembly.add_terms(spare, below, self._node_tokens)

    def _price_at(self, step: NDArray[np.int64]) -> Floats:
        return np.asarray(self._hour_usd[np.clip(step, 0, self._steps - 1)], dtype=np.float64)


def _least_around(price: Floats, hour: int) -> Floats:
    """(T,) least price in the hour from each step, a step before and after it included."""
    padded = np.concatenate([price[:1], price, np.full(hour + 1, price[-1])])
    windows = np.lib.stride_tricks.sliding_window_view(padded, hour + 2)
    return np.asarray(windows.min(axis=1)[: len(price)], dtype=np.float64)
