"""Tiny worlds and schedules for the bound: what a schedule pays and serves, reckoned without the bound's own code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations_with_replacement, pairwise

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autoscaler.replay.bound.case import BaseCapacity, BoundCase, BurstPool
from policies.billing import Billing, Tariff, charge_usd

Floats = NDArray[np.float64]

TOKENS_OF_A_NODE_STEP = 100.0
START = datetime(2026, 11, 2, tzinfo=UTC)


def quick(examples: int) -> settings:
    """So many examples of a claim; each may take long, since each solves a program."""
    return settings(max_examples=examples, deadline=timedelta(seconds=60), derandomize=True)


def a_case(
    nodes: Sequence[float],
    *,
    step_s: float = 60.0,
    lead_s: float = 120.0,
    price: Sequence[float] | float = 0.6,
    billing: Billing = Billing.SECOND,
    richness: Sequence[float] | float = 1.0,
    most: Sequence[float] | None = None,
    base_nodes: float = 0.0,
    base_usd: float = 5.0,
    patience_s: float = 0.0,
    egress_usd_step: float = 0.0,
) -> BoundCase:
    """One model, one pool: `nodes` of work in each step, `richness` x 100 tokens to a node's step of it."""
    work = np.array([nodes], dtype=float)
    steps = work.shape[1]
    return BoundCase(
        step_s=step_s,
        tokens=work * TOKENS_OF_A_NODE_STEP * np.broadcast_to(np.asarray(richness, dtype=float), (1, steps)),
        base_usd=base_usd,
        base=(BaseCapacity(nodes=base_nodes, work=work),) if base_nodes else (),
        pools=(
            BurstPool(
                name="burst",
                work=work,
                billing=billing,
                price_usd_hour=np.broadcast_to(np.asarray(price, dtype=float), (steps,)).copy(),
                lead_s=lead_s,
                most_nodes=None if most is None else np.array(most, dtype=float),
                egress_usd=egress_usd_step * work if egress_usd_step else None,
            ),
        ),
        patience_s=patience_s,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A lease: ordered at, ended at, seconds of the replay."""

    start_s: float
    end_s: float


def played(case: BoundCase, leases: Sequence[Held], price_usd_hour: Decimal) -> tuple[float, float]:
    """Bill and unserved ratio of those leases of the one pool at one price, served at once, by the clock's instants."""
    (pool,) = case.pools
    tariff = Tariff(billing=pool.billing, price_usd_hour=price_usd_hour)
    bill = Decimal(0)
    for lease in leases:
        moments = (START + timedelta(seconds=s) for s in (lease.start_s, lease.end_s))
        bill += charge_usd(tariff, *moments)
    edges = {case.step_s * step for step in range(case.steps + 1)}
    spans = [
        (lease.start_s + pool.lead_s, lease.end_s) for lease in leases if lease.start_s + pool.lead_s < lease.end_s
    ]
    edges |= {edge for span in spans for edge in span if 0 < edge < case.step_s * case.steps}
    served = egress = 0.0
    for begin, end in pairwise(sorted(edges)):
        step = int(begin // case.step_s)
        tokens, work = case.tokens[0, step], pool.work[0, step]
        if tokens == 0:
            continue
        base = min(1.0, sum(capacity.nodes / capacity.work[0, step] for capacity in case.base))
        ready = sum(1 for first, last in spans if first <= begin and end <= last)
        burst = min(1 - base, ready / work)
        length = (end - begin) / case.step_s
        served += tokens * (base + burst) * length
        egress += length * burst * (0.0 if pool.egress_usd is None else float(pool.egress_usd[0, step]))
    total = float(case.tokens.sum())
    return case.base_usd + float(bill) + egress, 1 - served / total if total else 0.0


def fleets(most: int, steps: int) -> NDArray[np.int64]:
    """Every count of ready nodes per step, (count, steps)."""
    return np.stack(np.meshgrid(*[np.arange(most + 1)] * steps, indexing="ij"), axis=-1).reshape(-1, steps)


def brute_by_second(case: BoundCase, most: int) -> tuple[Floats, Floats]:
    """Bill and unserved tokens of every fleet on the grid, billed by the second with a lead of whole steps."""
    (pool,) = case.pools
    lead = round(pool.lead_s / case.step_s)
    counts = fleets(most, case.steps)
    if pool.most_nodes is not None:
        counts = counts[(counts <= pool.most_nodes).all(axis=1)]
    usd = pool.price_usd_hour * case.step_s / 3600
    before = np.concatenate([np.full(lead, usd[0]), usd])  # a node may be ordered before the replay, at its first price
    launch = np.array([before[step : step + lead].sum() for step in range(case.steps)])
    launches = np.maximum(np.diff(counts, axis=1, prepend=0), 0)
    bills = case.base_usd + counts @ usd + launches @ launch
    served, burst = served_share(case, counts)
    if pool.egress_usd is not None:
        bills = bills + burst @ pool.egress_usd[0]
    return bills, case.tokens[0].sum() - served @ case.tokens[0]


def served_share(case: BoundCase, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Share of each step served in all and by burst, with so many nodes ready, (fleets, steps)."""
    work = np.where(case.tokens[0] > 0, case.pools[0].work[0], 1.0)
    base = np.minimum(1.0, sum((capacity.nodes / work for capacity in case.base), np.zeros(case.steps)))
    burst = np.minimum(counts / work, 1 - base)
    return base + burst, burst


def least_usd(bills: Floats, unserved: Floats, ratio: float, total: float) -> float:
    """The cheapest of those that leave at most that share; inf: none does."""
    fits = unserved <= ratio * total + 1e-9
    return float(bills[fits].min()) if fits.any() else float("inf")


def demands(steps: int = 6, most: float = 3.0) -> st.SearchStrategy[list[float]]:
    """Nodes of work per step, in quarters."""
    quarters = st.integers(0, int(4 * most)).map(lambda n: n / 4)
    return st.lists(quarters, min_size=1, max_size=steps)


def brute_by_hour(case: BoundCase, most_leases: int) -> tuple[Floats, Floats]:
    """Bill and unserved tokens of every set of so many leases on the grid, billed by the started hour."""
    (pool,) = case.pools
    lead, hour = round(pool.lead_s / case.step_s), round(3600 / case.step_s)
    choices = [(0.0, np.zeros(case.steps, dtype=np.int64))]
    for ready in range(case.steps):
        for hours in range(1, -(-(case.steps + lead) // hour) + 2):
            end = ready - lead + hours * hour
            cover = (np.arange(case.steps) >= ready) & (np.arange(case.steps) < end)
            if cover.any():
                choices.append((hours * float(pool.price_usd_hour[0]), cover.astype(np.int64)))
    sets = list(combinations_with_replacement(range(len(choices)), most_leases))
    usd = np.array([choice[0] for choice in choices])
    covers = np.array([choice[1] for choice in choices])
    counts = covers[np.array(sets)].sum(axis=1)
    if pool.most_nodes is not None:
        counts = np.minimum(counts, pool.most_nodes).astype(np.int64)
    served, burst = served_share(case, counts)
    bills = case.base_usd + usd[np.array(sets)].sum(axis=1)
    if pool.egress_usd is not None:
        bills = bills + burst @ pool.egress_usd[0]
    return bills, case.tokens[0].sum() - served @ case.tokens[0]


def brute_waiting(case: BoundCase, most: int, waits: int) -> tuple[Floats, Floats]:
    """Bill and unserved tokens of every fleet of the pools by second, work waiting so many whole steps, oldest first.

    One model, the same tokens per work throughout, so that serving the most work serves the most tokens.
    """
    pools = case.pools
    counts = fleets(most, case.steps * len(pools)).reshape(-1, len(pools), case.steps)
    bills = np.full(len(counts), case.base_usd)
    capacity = np.zeros((len(counts), case.steps))
    for place, pool in enumerate(pools):
        lead = round(pool.lead_s / case.step_s)
        usd = pool.price_usd_hour * case.step_s / 3600
        launches = np.maximum(np.diff(counts[:, place], axis=1, prepend=0), 0)
        bills += counts[:, place] @ usd + launches.sum(axis=1) * lead * usd[0]
        capacity += counts[:, place] * node_work(case, pool.work)
    for base in case.base:
        capacity += base.nodes * node_work(case, base.work)
    return bills, case.tokens[0].sum() - oldest_first(case.tokens[0], capacity, waits)


def node_work(case: BoundCase, work: Floats) -> float:
    """Tokens of a node's step."""
    asked = case.tokens[0] > 0
    return float((case.tokens[0][asked] / work[0][asked])[0]) if asked.any() else 0.0


def oldest_first(arrived: Floats, capacity: Floats, waits: int) -> Floats:
    """(runs,) tokens served, those that came first before the others, each within so many steps after its own."""
    waiting = np.zeros((len(capacity), waits + 1))
    served = np.zeros(len(capacity))
    for step, tokens in enumerate(arrived.tolist()):
        waiting = np.concatenate([waiting[:, 1:], np.full((len(capacity), 1), tokens)], axis=1)
        left = capacity[:, step].copy()
        for age in range(waits + 1):
            taken = np.minimum(waiting[:, age], left)
            waiting[:, age] -= taken
            left -= taken
            served += taken
    return served


def paid_by_second(case: BoundCase, place: int, lease: Held) -> float:
    """USD of one lease at the price of each moment, the first and last price held; free if taken back in its hour."""
    pool = case.pools[place]
    if lease.end_s in pool.taken_back_s and lease.end_s - lease.start_s < 3600:
        return 0.0
    edges = [lease.start_s, *(case.step_s * step for step in range(1, case.steps)), lease.end_s]
    usd = 0.0
    for begin, end in pairwise(sorted(min(max(edge, lease.start_s), lease.end_s) for edge in edges)):
        step = min(max(int((begin + end) / 2 // case.step_s), 0), case.steps - 1)
        usd += float(pool.price_usd_hour[step]) * (end - begin) / 3600
    return usd


def served_at_once(case: BoundCase, held: Sequence[tuple[int, Held]]) -> float:
    """Unserved ratio of leases of the pools (place, lease), of one model, work served the moment it arrives."""
    ready = [(place, lease.start_s + case.pools[place].lead_s, lease.end_s) for place, lease in held]
    span = case.step_s * case.steps
    edges = {case.step_s * step for step in range(case.steps + 1)}
    edges |= {edge for _, *ends in ready for edge in ends if 0 < edge < span}
    served = 0.0
    for begin, end in pairwise(sorted(edges)):
        step = min(int((begin + end) / 2 // case.step_s), case.steps - 1)
        if case.tokens[0, step] == 0:
            continue
        share = sum(base.nodes / base.work[0, step] for base in case.base)
        for place, first, last in ready:
            share += (1 / case.pools[place].work[0, step]) if first <= begin and end <= last else 0.0
        served += min(share, 1.0) * case.tokens[0, step] * (end - begin) / case.step_s
    total = float(case.tokens.sum())
    return 1 - served / total if total else 0.0


def finer(case: BoundCase, parts: int) -> BoundCase:
    """The same replay told in steps of a part of the length: what any step may hold, its parts may hold too."""

    def spread(steps: Floats) -> Floats:
        return np.repeat(steps, parts, axis=-1)

    return replace(
        case,
        step_s=case.step_s / parts,
        tokens=spread(case.tokens) / parts,
        base=tuple(replace(base, work=spread(base.work)) for base in case.base),
        pools=tuple(
            replace(
                pool,
                work=spread(pool.work),
                price_usd_hour=spread(pool.price_usd_hour),
                most_nodes=None if pool.most_nodes is None else spread(pool.most_nodes),
                egress_usd=None if pool.egress_usd is None else spread(pool.egress_usd) / parts,
            )
            for pool in case.pools
        ),
    )
