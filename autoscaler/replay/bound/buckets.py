"""Several pools, models, waiting, stock and shared maxima: a linear relaxation over buckets of whole steps. Pure.

**Claim.** Any controller's run, at whatever seconds its nodes start and end, gives a point of the program below that
obeys every row and costs no more than its bill; so the least of the program is a lower bound. The point holds means
over each bucket b (D seconds, n steps of them):

- `ready` r_vb: nodes of pool v ready. Paid ready time of a bucket is D r_vb, at no less than the least price in it.
- `launched` l_vb >= r_vb - r_v(b-1): a node that becomes ready at share phi of bucket b raises the mean of b by
  1 - phi, and of b + 1 by phi. Booked in these parts its lead time (at the least price of either bucket) is paid once,
  and no rise of the means is without its launches. A node that ends only lowers means.
- `arriving` c_mai: work that arrives in bucket a and is served in bucket a + i. What waits at most `patience_s` is
  served in one of the buckets its steps reach, each step taken as arriving at its end: the work of a served i or more
  buckets later is at most that of the steps that reach so far. What may still wait at the end of the replay is
  served at no cost: a replay may not count it as lost. `lost` is what is left. With no patience i = 0.
- `on` g_mvb: that work by pool; of base too. Work is counted on a reference (the geometric mean of the pools), and a
  pool needs at least its least ratio to the reference among what may be there. Work on a pool is at most its ready
  time: sum_m ratio g_mvb <= r_vb.
- Base nodes are on throughout, but no step's work on base exceeds what arrived within patience of it.
- Tokens lost for an amount of lost work are at least what comes of losing first what has the fewest tokens per work:
  a convex function; its pieces are classes of steps, each at its least tokens per work.
- Nodes ready are at most those in stock, and of a group at most its maximum, in the mean as at each instant.
- Started hours: a lease may be taken to run to the end of its paid hours. With the lead rounded down to whole buckets
  its cover [order + lead, end of its last hour) begins and ends at the same share of a bucket where an hour is whole
  buckets. So its means are a mixture of covers on the grid that begin at b and at b + 1 (1 - phi and phi), each with
  the same hours: starts x, renewals y_b <= what ends at b, cover the sum of both over their lengths, r <= cover. The
  bill of the pool is at least the hours so bought, and at least its ready time and lead times by the second.

Variables may be bounded as in `_peak`: the point cut down to what could ever be used still obeys the rows and costs no
more; covers of more than twice that hold some that are not needed (keep those that start first and that end last).
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from autoscaler.replay.bound.case import BoundCase, BurstPool, launch_usd, price_usd_step
from autoscaler.replay.bound.lines import Tangents
from planner.optimize.linear import Assembly, Least, Method, least
from policies.billing import Billing
from policies.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_POOL_BUCKETS = 28_000
"""Pools x buckets of one program, a pool by the started hour counted twice: what takes up to half a minute."""
MOST_REACH = 3
"""Most buckets that work may wait."""
CLASSES = 4
"""Pieces of the tokens lost for lost work in a bucket."""
SMALL = 4_000
"""Pool-buckets up to which the simplex method is used, and every share is solved for."""
LINE_SLACK_RATIO = 5e-4
"""In larger programs a line known to be so near stands for the bound."""


def bucket_steps(case: BoundCase, most_pool_buckets: int = MOST_POOL_BUCKETS) -> int:
    """Steps in a bucket: the fewest that keep the program small; where hours are whole steps they are whole buckets."""
    whole = round(SECONDS_PER_HOUR / case.step_s)
    hourly = whole >= 1 and whole * case.step_s == SECONDS_PER_HOUR
    sizes = [n for n in range(1, whole + 1) if whole % n == 0] if hourly else list(range(1, case.steps + 1))
    weight = case.models * sum(2 if pool.billing is Billing.STARTED_HOUR else 1 for pool in case.pools)
    for size in sizes:
        buckets = -(-case.steps // size)
        few = buckets * weight <= most_pool_buckets
        if few and case.patience_s <= MOST_REACH * size * case.step_s:
            return size
    reach = int(np.ceil(case.patience_s / (MOST_REACH * case.step_s)))
    return max(sizes[-1], reach)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pool:
    """A burst pool in buckets."""

    pool: BurstPool
    ratio: Floats
    """(M, K) least work here per reference work that may be here; inf: none can."""
    egress_usd: Floats
    """(M, K) USD per reference work, the least."""
    ready_usd: Floats
    """(K,) USD for one node ready throughout."""
    launch_usd: Floats
    """(K,)"""
    most: Floats
    """(K,) mean of the nodes in stock; inf: no limit."""
    peak: float
    """More ready nodes than that are never of use."""


class Buckets:
    """The bound of any replay, burst and egress only."""

    def __init__(self, case: BoundCase, steps_in_bucket: int | None = None) -> None:
        self._case = case
        self._size = steps_in_bucket or bucket_steps(case)
        self._buckets = -(-case.steps // self._size)
        self._bucket_s = self._size * case.step_s
        self._reach = int(np.ceil(round(case.patience_s / self._bucket_s, 9)))
        self._reference = reference_work(case)
        self._work: Floats = self._fold(self._reference, 0.0).mean(axis=2)
        """(M, K) reference work that arrives, in nodes over the bucket."""
        self._here = self._windowed(self._work, np.sum)
        """(M, K) reference work that may be served in the bucket."""
        self._pools = tuple(self._pool(pool) for pool in case.pools)
        is_small = self._buckets * len(case.pools) * case.models <= SMALL
        self._method = Method.SIMPLEX if is_small else Method.INTERIOR
        self._tangents = Tangents(
            solve=self._proven, zero_at=float(case.tokens.sum()), slack_ratio=0.0 if is_small else LINE_SLACK_RATIO
        )
        self._least_unserved: float | None = None

    @property
    def least_unserved_tokens(self) -> float:
        """Tokens that no controller can serve, or fewer."""
        if self._least_unserved is None:
            all_can_be = stock_serves_all(self._case)
            self._least_unserved = 0.0 if all_can_be else max(self._solve(0.0, only_lost=True).proven, 0.0)
        return self._least_unserved

    def usd(self, unserved_tokens: float) -> float:
        """Least burst bill of whoever leaves at most so many tokens unserved; inf: nobody can leave so few."""
        if self._work.sum() == 0:
            return 0.0
        if unserved_tokens < self.least_unserved_tokens - 1e-6 * float(self._case.tokens.sum()):
            return float("inf")
        return max(self._tangents.usd(unserved_tokens), 0.0)

    def _proven(self, unserved_tokens: float) -> tuple[float, float]:
        """The bound and its slope, by the prices of the program: they prove the line through it at any share."""
        found = self._solve(unserved_tokens, only_lost=False)
        return found.proven, float(found.row_price[-1])

    # What the program is made of.

    def _fold(self, steps: Floats, padding: float) -> Floats:
        """(..., T) as (..., K, n), the last bucket filled up."""
        missing = self._buckets * self._size - steps.shape[-1]
        widths = [(0, 0)] * (steps.ndim - 1) + [(0, missing)]
        return np.pad(steps, widths, constant_values=padding).reshape(*steps.shape[:-1], self._buckets, self._size)

    def _windowed(self, buckets: Floats, least_or_sum: object) -> Floats:
        """(M, K) over each bucket and those before it whose work may still wait: their least or their sum."""
        sums = least_or_sum is np.sum
        before = np.full((*buckets.shape[:-1], self._reach), 0.0 if sums else np.inf)
        windows = sliding_window_view(np.concatenate([before, buckets], axis=-1), self._reach + 1, axis=-1)
        return np.asarray(windows.sum(axis=-1) if sums else windows.min(axis=-1), dtype=np.float64)

    def _least_ratio(self, per_step: Floats) -> Floats:
        """(M, K) least of a quantity per reference work, over what may be served in the bucket; inf: nothing."""
        asked = self._reference > 0
        ratio = np.divide(per_step, self._reference, where=asked, out=np.full(per_step.shape, np.inf))
        return self._windowed(self._fold(ratio, np.inf).min(axis=2), np.min)

    def _pool(self, pool: BurstPool) -> _Pool:
        case = self._case
        ratio = self._least_ratio(pool.work)
        egress = np.zeros(case.tokens.shape) if pool.egress_usd is None else pool.egress_usd
        most = np.full(case.steps, np.inf) if pool.most_nodes is None else pool.most_nodes
        launch = self._fold(launch_usd(case, pool), np.inf).min(axis=1)
        price = self._fold(price_usd_step(case, pool), np.inf).min(axis=1)
        if pool.billing is Billing.STARTED_HOUR:
            price = _least_near(self._hour_price(pool), self._hour_buckets()) * self._bucket_s / SECONDS_PER_HOUR
            launch = price * pool.lead_s / self._bucket_s
        return _Pool(
            pool=pool,
            ratio=ratio,
            egress_usd=np.where(np.isfinite(ratio), self._size * self._least_ratio(egress), 0.0),
            ready_usd=price * (self._size if pool.billing is Billing.SECOND else 1),
            launch_usd=np.minimum(launch, np.concatenate([launch[:1], launch[:-1]])),
            most=self._fold(most, np.inf).mean(axis=1),
            peak=float((np.where(np.isfinite(ratio), ratio, 0.0) * self._here).sum(axis=0).max()),
        )

    def _hour_buckets(self) -> int:
        return max(round(SECONDS_PER_HOUR / self._bucket_s), 1)

    def _hours_are_buckets(self) -> bool:
        return self._hour_buckets() * self._bucket_s == SECONDS_PER_HOUR

    def _hour_price(self, pool: BurstPool) -> Floats:
        return np.asarray(self._fold(pool.price_usd_hour, np.inf).min(axis=1), dtype=np.float64)

    # The program.

    def _solve(self, unserved_tokens: float, *, only_lost: bool) -> Least:
        """`only_lost`: the fewest tokens lost instead of the least bill."""
        assembly = Assembly()
        money = 0.0 if only_lost else 1.0
        arriving = self._arrive(assembly, lost_cost=1.0 if only_lost else 0.0)
        ready = [self._hold(assembly, pool, money) for pool in self._pools]
        self._serve(assembly, arriving, ready, money)
        for group in self._case.groups:
            held = assembly.add_rows(self._buckets, upper=group.most)
            for place in group.pools:
                assembly.add_terms(held, ready[place], 1.0)
        self._limit_lost(assembly, np.inf if only_lost else unserved_tokens, money)
        found = least(assembly.program(), method=self._method)
        assert found is not None  # all may be lost, at a price
        return found

    def _arrive(self, assembly: Assembly, *, lost_cost: float) -> Ints:
        """(M, K, 1 + I) work by how much later it is served: it and the lost are all; it had the time for it."""
        case, shape = self._case, (self._case.models, self._buckets)
        late = [self._reaching(i) for i in range(self._reach + 1)]
        at_end = self._reaching_s(case.steps * case.step_s)
        columns = [assembly.add_columns(part.size, upper=part.ravel()).reshape(shape) for part in late]
        arriving = np.stack(columns, axis=-1)
        met = assembly.add_rows(case.models * self._buckets, lower=self._work.ravel(), upper=self._work.ravel())
        assembly.add_terms(met.reshape(*shape, 1), arriving, 1.0)
        for i in range(1, self._reach):
            had_time = assembly.add_rows(self._work.size, upper=late[i].ravel())
            assembly.add_terms(had_time.reshape(*shape, 1), arriving[:, :, i:], 1.0)
        if case.patience_s > 0:
            pending = assembly.add_columns(at_end.size, upper=at_end.ravel())
            assembly.add_terms(met, pending, 1.0)
        self._lost: list[tuple[Ints, Floats]] = []
        for work, tokens in self._classes():
            lost = assembly.add_columns(work.size, upper=work.ravel(), cost=lost_cost * tokens.ravel())
            assembly.add_terms(met, lost, 1.0)
            self._lost.append((lost, tokens.ravel()))
        return arriving

    def _reaching(self, buckets: int) -> Floats:
        """(M, K) work that may be served so many buckets on, in the last of them all at most."""
        if buckets == 0:
            return self._work
        start_s = self._bucket_s * np.arange(buckets, self._buckets + buckets, dtype=np.float64)
        reaching = self._reaching_s(start_s[:, None])
        reaching[:, self._buckets - min(buckets, self._buckets) :] = 0.0
        return reaching

    def _reaching_s(self, moment_s: Floats | float) -> Floats:
        """(M, K) work of the steps whose end and patience go beyond a moment, (K, 1) or one for all."""
        last_s = self._case.step_s * np.arange(1, self._buckets * self._size + 1) + self._case.patience_s
        reaches = last_s.reshape(self._buckets, self._size) > moment_s
        work = np.where(reaches, self._fold(self._reference, 0.0), 0.0).sum(axis=2)
        return np.asarray(work / self._size, dtype=np.float64)

    def _classes(self) -> list[tuple[Floats, Floats]]:
        """Pieces of lost work: (M, K) how much, and the least tokens for one node's bucket of it, fewest first."""
        work = self._fold(self._reference, 0.0)
        tokens = self._fold(self._case.tokens, 0.0)
        per_work = np.divide(tokens, work, where=work > 0, out=np.full(work.shape, np.inf))
        order = np.argsort(per_work, axis=2)
        work, per_work = np.take_along_axis(work, order, axis=2), np.take_along_axis(per_work, order, axis=2)
        finite = np.where(np.isfinite(per_work), per_work, 0.0)
        alike = bool((finite.max(axis=2) <= per_work.min(axis=2) * (1 + 1e-9)).all())
        parts = np.array_split(np.arange(self._size), 1 if alike else min(CLASSES, self._size))
        pieces = []
        for part in parts:
            fewest = per_work[:, :, part[0]]
            tokens_of = np.where(np.isfinite(fewest), fewest, 0.0) * self._size
            pieces.append((work[:, :, part].sum(axis=2) / self._size, tokens_of))
        return pieces

    def _serve(self, assembly: Assembly, arriving: Ints, ready: list[Ints], money: float) -> None:
        """sum_i c_m(b-i)i = sum over pools and base of work on them; ratio x work on a pool <= its ready nodes."""
        shape = self._work.shape
        mixed = assembly.add_rows(self._work.size, lower=0.0, upper=0.0).reshape(shape)
        for i in range(self._reach + 1):
            assembly.add_terms(mixed[:, i:], arriving[:, : self._buckets - i, i], 1.0)
        for pool, nodes in zip(self._pools, ready, strict=True):
            usable = np.isfinite(pool.ratio)
            cost = money * pool.egress_usd[usable]
            on = assembly.add_columns(int(usable.sum()), cost=cost, upper=self._here[usable])
            assembly.add_terms(mixed[usable], on, -1.0)
            carried = assembly.add_rows(self._buckets, upper=0.0)
            assembly.add_terms(carried[np.nonzero(usable)[1]], on, pool.ratio[usable])
            assembly.add_terms(carried, nodes, -1.0)
        for capacity in self._case.base:
            ratio = self._least_ratio(capacity.work)
            usable = np.isfinite(ratio)
            most = np.minimum(self._base_most(capacity.work, capacity.nodes) / np.where(usable, ratio, 1.0), self._here)
            on = assembly.add_columns(int(usable.sum()), upper=most[usable])
            assembly.add_terms(mixed[usable], on, -1.0)
            if usable.any(axis=1).sum() > 1:
                carried = assembly.add_rows(self._buckets, upper=capacity.nodes)
                assembly.add_terms(carried[np.nonzero(usable)[1]], on, ratio[usable])

    def _base_most(self, work: Floats, nodes: float) -> Floats:
        """(M, K) most work on base: in each step at most its nodes, and at most what arrived within patience of it."""
        waits = int(np.ceil(round(self._case.patience_s / self._case.step_s, 9)))
        arrived = np.where((self._case.tokens > 0) & np.isfinite(work), work, 0.0)
        sums = np.concatenate([np.zeros((len(work), 1)), np.cumsum(arrived, axis=1)], axis=1)
        end = np.arange(1, self._case.steps + 1)
        recent = sums[:, end] - sums[:, np.maximum(end - 1 - waits, 0)]
        steps = np.minimum(np.maximum(recent, 0.0) * (1 + 1e-12) + 1e-12, nodes)
        return np.asarray(self._fold(steps, 0.0).mean(axis=2), dtype=np.float64)

    def _hold(self, assembly: Assembly, pool: _Pool, money: float) -> Ints:
        """(K,) ready nodes and what they cost; launched >= the rise of ready."""
        hourly = pool.pool.billing is Billing.STARTED_HOUR and self._hours_are_buckets()
        by_second = 0.0 if hourly else money
        ready = assembly.add_columns(
            self._buckets, cost=by_second * pool.ready_usd, upper=np.minimum(pool.peak, pool.most)
        )
        launched = assembly.add_columns(self._buckets, cost=by_second * pool.launch_usd, upper=pool.peak)
        risen = assembly.add_rows(self._buckets, upper=0.0)
        assembly.add_terms(risen, ready, 1.0)
        assembly.add_terms(risen[1:], ready[:-1], -1.0)
        assembly.add_terms(risen, launched, -1.0)
        if hourly:
            self._lease(assembly, pool, ready, launched, money)
        return ready

    def _lease(self, assembly: Assembly, pool: _Pool, ready: Ints, launched: Ints, money: float) -> None:
        """ready <= cover of the hours bought; the bill >= those hours, and >= ready and lead time by the second."""
        hour, lead = self._hour_buckets(), int(round(pool.pool.lead_s / self._bucket_s, 9))
        price = _least_near(self._hour_price(pool.pool), hour)
        at, most = np.arange(self._buckets), 2 * pool.peak
        first_hours = lead // hour + 1
        first_usd = sum(
            (price[np.clip(at - lead + n * hour, 0, self._buckets - 1)] for n in range(first_hours)), np.zeros(len(at))
        )
        starts = assembly.add_columns(self._buckets, upper=most)
        renewals = assembly.add_columns(self._buckets, upper=most)
        cover = assembly.add_columns(self._buckets, upper=most)
        bill = assembly.add_columns(
            1, cost=money, upper=2 * most * float(first_usd.sum() + price.sum() + pool.launch_usd.sum())
        )
        counted = assembly.add_rows(self._buckets, lower=0.0, upper=0.0)
        assembly.add_terms(counted, cover, 1.0)
        assembly.add_terms(counted[1:], cover[:-1], -1.0)
        renewed = assembly.add_rows(self._buckets, upper=0.0)
        assembly.add_terms(renewed, renewals, 1.0)
        for begun, length in ((starts, first_hours * hour - lead), (renewals, hour)):
            ending = begun[: max(self._buckets - length, 0)]
            assembly.add_terms(counted, begun, -1.0)
            assembly.add_terms(counted[length:], ending, 1.0)
            assembly.add_terms(renewed[length:], ending, -1.0)
        covered = assembly.add_rows(self._buckets, upper=0.0)
        assembly.add_terms(covered, ready, 1.0)
        assembly.add_terms(covered, cover, -1.0)
        for parts in (
            ((starts, first_usd), (renewals, price)),
            ((ready, pool.ready_usd), (launched, pool.launch_usd)),
        ):
            billed = assembly.add_rows(1, upper=0.0)
            assembly.add_terms(billed, bill, -1.0)
            for columns, usd in parts:
                assembly.add_terms(billed, columns, usd)

    def _limit_lost(self, assembly: Assembly, unserved_tokens: float, money: float) -> None:
        """Tokens lost <= those allowed + those beyond, which cost more than any token served."""
        tokens = float(self._case.tokens.sum())
        beyond = assembly.add_columns(1, cost=money * self._dear_usd_token(), upper=tokens)
        limit = assembly.add_rows(1, upper=unserved_tokens)
        assembly.add_terms(limit, beyond, -1.0)
        for lost, tokens_each in self._lost:
            assembly.add_terms(limit, lost, tokens_each)

    def _dear_usd_token(self) -> float:
        """More USD than serving one token takes on any pool, with a launch or an hour of its own."""
        richest = [tokens[tokens > 0].min() for _, tokens in self._classes() if (tokens > 0).any()]
        dearest = 1e-9
        for pool in self._pools:
            usable = np.isfinite(pool.ratio)
            node_usd = (
                pool.ready_usd
                + pool.launch_usd
                + 2 * pool.pool.price_usd_hour.max() * (1 + pool.pool.lead_s / SECONDS_PER_HOUR)
            )
            usd = np.where(usable, pool.ratio, 0.0) * node_usd + pool.egress_usd
            dearest = max(dearest, float(usd.max(initial=0.0)))
        return 4 * dearest / min(richest, default=1.0)


def stock_serves_all(case: BoundCase) -> bool:
    """Whether the stock of pools outside of groups could carry all that is asked at once: then nothing need be lost."""
    grouped = {place for group in case.groups for place in group.pools}
    carried = np.where(case.tokens.sum(axis=0) > 0, 0.0, 1.0)
    for place, pool in enumerate(case.pools):
        needed = np.where(case.tokens > 0, pool.work, 0.0).sum(axis=0)
        if place not in grouped and np.isfinite(needed).all():
            most = np.full(case.steps, np.inf) if pool.most_nodes is None else pool.most_nodes
            carried += np.divide(most, needed, where=needed > 0, out=np.zeros(case.steps))
    return bool((carried >= 1).all())


def reference_work(case: BoundCase) -> Floats:
    """(M, T) work on a node that is the geometric mean of the pools that serve the model; tokens where none does."""
    reference = np.where(case.tokens > 0, case.tokens, 0.0)
    for model in range(case.models):
        asked = case.tokens[model] > 0
        serving = [pool.work[model][asked] for pool in case.pools if np.isfinite(pool.work[model][asked]).all()]
        if serving and asked.any():
            reference[model, asked] = np.exp(np.mean(np.log(np.array(serving)), axis=0))
    return reference


def _least_near(price: Floats, hour: int) -> Floats:
    """(K,) least price in the hour from each bucket, a bucket before and after it included."""
    padded = np.concatenate([price[:1], price, np.full(hour + 1, price[-1])])
    return np.asarray(sliding_window_view(padded, hour + 2).min(axis=1)[: len(price)], dtype=np.float64)
