"""FleetHours: a month's fleet hour by hour: nodes on, what they cost, how busy they were. Pure; numpy.

    w_o = I (1 - hit) / P_o + O / G_o      nodes of offer o that all of the hour's demand would keep busy
    u   = 1 / sum_o (n_o / w_o)            utilization of every node of the model, at most 1

since each node of a model is taken to be as busy as the others: offer o serves the share n_o u / w_o of the hour's
demand, and the shares sum to 1. Utilization is an outcome of what was rented and served, never an assumption.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from planner.economics.bill import MonthBill
from planner.ledger import ServedHours
from planner.profile.model import Rates
from policies.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]
HOUR = timedelta(hours=1)
_HELD_BACK = 1e-9
"""Utilization this far above 1 is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Nodes of one offer, as base or as burst."""

    offer: str
    is_base: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetHours:
    """M models, P pools, H hours of a month. NaN is unknown: an hour without measurement, or a model without rates."""

    start: datetime
    hours: int
    models: tuple[str, ...]
    """Every model with a node or with tokens, sorted."""
    pools: tuple[Pool, ...]
    """Every offer rented, base before burst, each sorted."""
    nodes: Floats
    """(M, P, H) mean nodes on: a node held for half of the hour is half a node."""
    cost_usd: Floats
    """(M, H) of the model's nodes, each lease's charge spread evenly over the time it was held in the month, and of
    other costs of the model, spread over their span; without setup fees."""
    shared_nodes: Floats
    """(P, H) of leases without a model."""
    shared_cost_usd: Floats
    """(H,) of leases without a model and other costs without one; without setup fees."""
    is_measured: NDArray[np.bool_]
    """(H,) False: the collector was off, or the hour is outside of what was collected."""
    input_tok_s: Floats
    """(M, H) served, cached ones included."""
    output_tok_s: Floats
    busy_nodes: Floats
    """(M, H) utilization x nodes on; 0 where no node was on."""
    utilization: Floats
    """(M, H) u, 0-1; NaN also where no node was on."""
    input_node_s: Floats
    """(M, H) node-seconds that one million input tokens (not cached) kept busy, over the nodes that served them."""
    output_node_s: Floats
    """(M, H) the same of output tokens; input_node_s I (1 - hit) + output_node_s O, in Mtok/h, is busy_nodes x 3600."""
    remarks: tuple[str, ...] = ()

    @property
    def fleet_utilization(self) -> Floats:
        """(H,) busy over ready nodes of all models; NaN where unknown for one that had nodes, or no node was on."""
        on = self.nodes.sum(axis=1)
        busy = np.where(on > 0, self.busy_nodes, 0.0).sum(axis=0)
        return _ratio(busy, on.sum(axis=0))

    @property
    def base_nodes(self) -> Floats:
        """(H,) mean base nodes on, those without a model included."""
        base: Floats = self._all_nodes()[[pool.is_base for pool in self.pools]].sum(axis=0)
        return base

    @property
    def burst_nodes(self) -> dict[str, Floats]:
        """Offer -> (H,) mean burst nodes on, those without a model included."""
        every = self._all_nodes()
        return {pool.offer: every[p] for p, pool in enumerate(self.pools) if not pool.is_base}

    def model_utilization(self, model: str) -> float | None:
        """Busy over paid node-hours of one model, in the hours where that is known; None: in none."""
        m = self.models.index(model)
        known = ~np.isnan(self.busy_nodes[m])
        on = float(self.nodes[m].sum(axis=0)[known].sum())
        return float(self.busy_nodes[m][known].sum()) / on if on > 0 else None

    def _all_nodes(self) -> Floats:
        every: Floats = self.nodes.sum(axis=0) + self.shared_nodes
        return every


def fleet_hours(
    bill: MonthBill,
    served: ServedHours | None,
    rates: Mapping[tuple[str, str], Rates],
    *,
    cache_hit_ratio: Mapping[str, float] | None = None,
) -> FleetHours:
    """The bill's month hour by hour.

    `served`: what was served, of any span; None: nothing was measured. `rates`: by (model, offer id).
    `cache_hit_ratio`: by model, for rows that do not say how many of their input tokens were cached; default 0.
    """
    hours = int((bill.end - bill.start) / HOUR)
    models = _models(bill, served)
    pools = tuple(
        sorted(
            {Pool(offer=one.lease.offer, is_base=one.lease.is_base) for one in bill.leases},
            key=lambda pool: (not pool.is_base, pool.offer),
        )
    )
    nodes, shared_nodes, cost, shared_cost = _held(bill, models, pools, hours)
    traffic = _Traffic.of(served, models, bill.start, hours, cache_hit_ratio or {})
    busy = _Busy.of(nodes, traffic, models, pools, rates)
    return FleetHours(
        start=bill.start,
        hours=hours,
        models=models,
        pools=pools,
        nodes=nodes,
        cost_usd=cost,
        shared_nodes=shared_nodes,
        shared_cost_usd=shared_cost,
        is_measured=traffic.is_measured,
        input_tok_s=traffic.input_tok_s,
        output_tok_s=traffic.output_tok_s,
        busy_nodes=busy.nodes,
        utilization=busy.utilization,
        input_node_s=busy.input_node_s,
        output_node_s=busy.output_node_s,
        remarks=busy.remarks,
    )


def fresh_input_tokens(served: ServedHours, cache_hit_ratio: Mapping[str, float]) -> Floats:
    """(R,) input tokens of each row that were not found in the prefix cache."""
    if served.cached_input_tokens is not None:
        fresh: Floats = np.maximum(served.input_tokens - served.cached_input_tokens, 0).astype(np.float64)
        return fresh
    miss = np.array([1 - cache_hit_ratio.get(name, 0.0) for name in served.models] or [1.0])
    missed: Floats = served.input_tokens * miss[served.model]
    return missed


def _models(bill: MonthBill, served: ServedHours | None) -> tuple[str, ...]:
    rented = {one.lease.model for one in bill.leases} | {one.cost.model for one in bill.others}
    return tuple(sorted({name for name in rented if name is not None} | set(served.models if served else ())))


def _held(
    bill: MonthBill, models: Sequence[str], pools: Sequence[Pool], hours: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Nodes on by model and pool, those without a model, and what either cost."""
    nodes = np.zeros((len(models) + 1, len(pools), hours))  # the last row: without a model
    cost = np.zeros((len(models) + 1, hours))
    row: dict[str | None, int] = {name: m for m, name in enumerate(models)}
    row[None] = len(models)
    number = {pool: p for p, pool in enumerate(pools)}
    for lease in bill.leases:
        m, p = row[lease.lease.model], number[Pool(offer=lease.lease.offer, is_base=lease.lease.is_base)]
        at, share = _shares(bill.start, lease.held_from, lease.held_until)
        nodes[m, p, at] += share
        cost[m, at] += share * (float(lease.amount_usd) / float(share.sum()))
    for other in bill.others:
        at, share = _shares(bill.start, other.charged_from, other.charged_until)
        cost[row[other.cost.model], at] += share * (float(other.amount_usd) / float(share.sum()))
    return nodes[:-1], nodes[-1], cost[:-1], cost[-1]


def _shares(start: datetime, begin: datetime, until: datetime) -> tuple[slice, Floats]:
    """The hours a span touches, and the part of each that it takes; a moment is taken as its whole hour."""
    first, last = (begin - start) / HOUR, (until - start) / HOUR
    at = slice(int(first), max(int(np.ceil(last)), int(first) + 1))
    if begin == until:
        return at, np.ones(1)
    edges = np.clip(np.arange(at.start, at.stop + 1), first, last)
    return at, np.diff(edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    """What was served by model and hour, (M, H) tok/s; NaN where nothing was measured."""

    is_measured: NDArray[np.bool_]
    input_tok_s: Floats
    fresh_tok_s: Floats
    output_tok_s: Floats

    @classmethod
    def of(
        cls,
        served: ServedHours | None,
        models: Sequence[str],
        start: datetime,
        hours: int,
        cache_hit_ratio: Mapping[str, float],
    ) -> "_Traffic":
        """The rows added up."""
        shape = (len(models), hours)
        is_measured = np.zeros(hours, dtype=np.bool_)
        if served is None or not models:
            unknown = np.full(shape, np.nan)
            return cls(is_measured=is_measured, input_tok_s=unknown, fresh_tok_s=unknown, output_tok_s=unknown)
        offset = int((served.start - start) / HOUR)
        is_measured[max(offset, 0) : max(offset + served.hours, 0)] = True
        off = np.array([hour + offset for hour in served.gaps], dtype=np.int64)
        is_measured[off[(off >= 0) & (off < hours)]] = False
        hour = served.hour.astype(np.int64) + offset
        inside = (hour >= 0) & (hour < hours)
        number = np.array([models.index(name) for name in served.models], dtype=np.int64)
        cell = (number[served.model] * hours + hour)[inside]

        def by_hour(tokens: NDArray[np.int64] | Floats) -> Floats:
            total = np.bincount(cell, weights=tokens[inside], minlength=shape[0] * hours)
            return np.where(is_measured, total.reshape(shape) / SECONDS_PER_HOUR, np.nan)

        return cls(
            is_measured=is_measured,
            input_tok_s=by_hour(served.input_tokens),
            fresh_tok_s=by_hour(fresh_input_tokens(served, cache_hit_ratio)),
            output_tok_s=by_hour(served.output_tokens),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Busy:
    """How busy the nodes were, (M, H)."""

    nodes: Floats
    utilization: Floats
    input_node_s: Floats
    output_node_s: Floats
    remarks: tuple[str, ...]

    @classmethod
    def of(
        cls,
        nodes: Floats,
        traffic: _Traffic,
        models: Sequence[str],
        pools: Sequence[Pool],
        rates: Mapping[tuple[str, str], Rates],
    ) -> "_Busy":
        """Equal utilization of all nodes of a model, hour by hour."""
        shape = traffic.input_tok_s.shape
        busy, used, per_input, per_output = (np.full(shape, np.nan) for _ in range(4))
        remarks: list[str] = []
        for m, model in enumerate(models):
            known = [rates.get((model, pool.offer)) for pool in pools]
            prefill = np.array([np.nan if one is None else one.prefill_tok_s for one in known])[:, None]
            decode = np.array([np.nan if one is None else one.decode_tok_s for one in known])[:, None]
            fresh, out = traffic.fresh_tok_s[m], traffic.output_tok_s[m]
            on = nodes[m].sum(axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                work = fresh / prefill + out / decode  # (P, H)
                per_work = np.where(nodes[m] > 0, nodes[m] / work, 0.0)  # inf without demand, NaN without a rate
                u = 1 / per_work.sum(axis=0)
                u = np.where((fresh + out == 0) & (on > 0), 0.0, np.where(on > 0, u, np.nan))
                above = u > 1 + _HELD_BACK
                u = np.minimum(u, 1.0)
                share = np.where(np.isinf(per_work), 0.0, per_work * u)  # of the demand each offer serves
                per_input[m] = 1e6 * np.where(nodes[m] > 0, share / prefill, 0.0).sum(axis=0)
                per_output[m] = 1e6 * np.where(nodes[m] > 0, share / decode, 0.0).sum(axis=0)
            used[m] = u
            busy[m] = np.where(on > 0, u * on, np.where(traffic.is_measured, 0.0, np.nan))
            remarks += _remarks(model, pools, nodes[m], known, int(above.sum()), _unplaced(fresh, out, on))
        return cls(
            nodes=busy, utilization=used, input_node_s=per_input, output_node_s=per_output, remarks=tuple(remarks)
        )


def _unplaced(fresh: Floats, out: Floats, on: Floats) -> int:
    """Hours in which tokens were served and no node was on."""
    return int(((np.nan_to_num(fresh) + np.nan_to_num(out) > 0) & (on <= 0)).sum())


def _remarks(
    model: str,
    pools: Iterable[Pool],
    nodes: Floats,
    known: Sequence[Rates | None],
    above: int,
    unplaced: int,
) -> list[str]:
    """What a reader must know of one model."""
    said = []
    if above:
        said.append(
            f"{model}: in {hours_said(above)} more was served than its profile says the nodes sustain; "
            "utilization is taken as 1"
        )
    if unplaced:
        said.append(f"{model}: in {hours_said(unplaced)} tokens were served and no node was rented for it")
    bare = [
        f"{pool.offer} ({rented:.0f} node-hours)"
        for pool, one, rented in zip(pools, known, nodes.sum(axis=1), strict=True)
        if one is None and rented > 0
    ]
    if bare:
        said.append(f"{model}: no rate is known on {', '.join(bare)}; utilization is unknown while they serve")
    return said


def hours_said(count: int) -> str:
    """A number of hours in words."""
    return f"{count} hour" if count == 1 else f"{count} hours"


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where(whole > 0, part / whole, np.nan)
    return ratio
