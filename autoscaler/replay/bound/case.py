"""What the clairvoyant bound is told of a replay: plain arrays, in steps of equal length from the replay's start. Pure.

M models, T steps. Work is in nodes busy full time over the step with *all* that is asked of a model in it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.billing import Billing, Tariff
from policies.units import SECONDS_PER_HOUR

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LONGEST_MONTH_H = 744


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaseCapacity:
    """Base nodes of one offer, on throughout. One that serves a single model has infinite work for the others."""

    nodes: float
    work: Floats
    """(M, T) the least, such as with a warm cache; inf: the offer does not serve the model."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BurstPool:
    """Burst nodes of one kind. A node pays from order to end, and serves from `lead_s` after the order to its end."""

    name: str
    work: Floats
    """(M, T) the least, such as with a warm cache; inf: the pool does not serve the model."""
    billing: Billing
    """By the second or by the started hour; `billed_as` says what other rules may be taken for."""
    price_usd_hour: Floats
    """(T,) the least price in the step."""
    lead_s: float
    """The least time from order to serving, model load included."""
    most_nodes: Floats | None = None
    """(T,) most nodes that can be held in the step; 0: sold out; None: no limit."""
    taken_back_s: tuple[float, ...] = ()
    """Instants at which the provider takes nodes back, of a pool whose first hour is free then; else empty."""
    egress_usd: Floats | None = None
    """(M, T) USD of egress when all that is asked in the step is served here; None: free."""

    def __post_init__(self) -> None:
        if self.billing not in {Billing.SECOND, Billing.STARTED_HOUR}:
            raise ValueError(f"pool {self.name}: billing must be by second or started hour, got {self.billing.value!r}")
        if not 0 <= self.lead_s < float("inf"):
            raise ValueError(f"pool {self.name}: lead_s must be 0 or more, got {self.lead_s}")
        if self.taken_back_s and self.billing is not Billing.SECOND:
            raise ValueError(f"pool {self.name}: taken_back_s is for pools by the second: no other hour is free")
        if not (np.isfinite(self.price_usd_hour).all() and (self.price_usd_hour >= 0).all()):
            raise ValueError(f"pool {self.name}: price_usd_hour must be finite and 0 or more in every step")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountGroup:
    """Pools that share a maximum of nodes."""

    pools: tuple[int, ...]
    """Their places in `BoundCase.pools`."""
    most: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundCase:
    """A replay as the bound sees it: what no controller can change."""

    step_s: float
    tokens: Floats
    """(M, T) asked for in the step."""
    base_usd: float
    """In every bill."""
    base: tuple[BaseCapacity, ...] = ()
    pools: tuple[BurstPool, ...]
    groups: tuple[CountGroup, ...] = ()
    patience_s: float
    """The longest that work may wait before it is served through or lost; the largest of the models'.

    0: what arrives is served at once or lost, and arrives evenly over its step. Where work arrives in a lump within
    its step, or may be served anywhere in it, give at least `step_s`.
    """

    def __post_init__(self) -> None:
        if not self.step_s > 0:
            raise ValueError(f"step_s must be above 0, got {self.step_s}")
        if not 0 <= self.patience_s < float("inf"):
            raise ValueError(f"patience_s must be 0 or more, got {self.patience_s}")
        if self.tokens.ndim != 2 or self.tokens.shape[1] == 0:
            raise ValueError(f"tokens must have the shape (models, steps), got {self.tokens.shape}")
        if not (np.isfinite(self.tokens).all() and (self.tokens >= 0).all()):
            raise ValueError("tokens must be finite and 0 or more in every step")
        for name, work in [("base", b.work) for b in self.base] + [(p.name, p.work) for p in self.pools]:
            self._check_work(name, work)
        for pool in self.pools:
            for what, steps in (("price_usd_hour", pool.price_usd_hour), ("most_nodes", pool.most_nodes)):
                if steps is not None and steps.shape != (self.steps,):
                    raise ValueError(f"pool {pool.name}: {what} must have {self.steps} steps, got {steps.shape}")
            if pool.egress_usd is not None and pool.egress_usd.shape != self.tokens.shape:
                raise ValueError(f"pool {pool.name}: egress_usd must have the shape {self.tokens.shape}")

    def _check_work(self, name: str, work: Floats) -> None:
        if work.shape != self.tokens.shape:
            raise ValueError(f"work of {name} must have the shape {self.tokens.shape}, got {work.shape}")
        if not (work[self.tokens > 0] > 0).all():
            raise ValueError(f"work of {name} must be above 0 wherever tokens are asked for")

    @property
    def models(self) -> int:
        """M."""
        return int(self.tokens.shape[0])

    @property
    def steps(self) -> int:
        """T."""
        return int(self.tokens.shape[1])


def billed_as(tariff: Tariff, hours: float) -> tuple[Billing, float]:
    """The billing and hourly price to give a pool of that tariff in a replay of so many hours: never dearer than it.

    A monthly cap: of the n started hours in a calendar month min(n x price, cap) >= n x min(price, cap / the most hours
    a lease can have in one month), and the started hours of a lease's parts are no fewer than those of the lease. The
    fee by started hour of the month is at least the fee / 744 for each. A monthly fee, charged whole in every month
    touched, is at least the fee / the most hours for each started hour in it.
    """
    most_hours = min(LONGEST_MONTH_H, int(hours) + 2)
    price, fee = tariff.price_usd_hour, tariff.fee_usd_month
    match tariff.billing:
        case Billing.SECOND | Billing.STARTED_HOUR:
            assert price is not None  # checked by Tariff
            return tariff.billing, float(price)
        case Billing.STARTED_HOUR_CAPPED:
            assert price is not None  # checked by Tariff
            assert fee is not None
            return Billing.STARTED_HOUR, min(float(price), float(fee) / most_hours)
        case Billing.MONTH_PRORATED:
            assert fee is not None
            return Billing.STARTED_HOUR, float(fee) / LONGEST_MONTH_H
        case Billing.MONTH:
            assert fee is not None
            return Billing.STARTED_HOUR, float(fee) / most_hours


def price_usd_step(case: BoundCase, pool: BurstPool) -> Floats:
    """(T,) least USD for a node that is ready all through the step.

    A node that the provider takes back at X within an hour of its order is free. Its ready time lies in
    [X - 1 h + lead, X], so a lease charged nothing in that span is never charged more than it is.
    """
    start_s = case.step_s * np.arange(case.steps)
    price = pool.price_usd_hour * case.step_s / SECONDS_PER_HOUR
    free = np.zeros(case.steps, dtype=bool)
    for moment in pool.taken_back_s:
        free |= (start_s < moment) & (start_s + case.step_s > moment - SECONDS_PER_HOUR + pool.lead_s)
    return np.where(free, 0.0, price)


def launch_usd(case: BoundCase, pool: BurstPool) -> Floats:
    """(T,) least USD paid before a node is ready, for one that becomes ready in the step or the step before it.

    Paid from the order, `lead_s` before. `bill(a)`, the price summed over the lead time before readiness at a, is
    linear in `a` between the edges of steps and those edges moved by the lead. Where the lead is whole steps it is
    linear throughout the step, and so exact at its edge: a schedule whose node becomes ready at share phi of step t is
    a mixture, (1 - phi) to phi, of readiness at t and at t + 1. Else the least of both steps stands for both.
    Before the replay the first price holds; nodes ordered then exist in no replay, so this can only lower the bound.
    """
    at = pool.lead_s / case.step_s
    price = pool.price_usd_hour * case.step_s / SECONDS_PER_HOUR
    edges = np.concatenate([[0.0], np.cumsum(price)])

    def paid_until(step: Floats) -> Floats:
        inside: Floats = np.interp(step, np.arange(case.steps + 1.0), edges)
        paid: Floats = inside + np.minimum(step, 0.0) * price[0]
        return paid

    starts = np.arange(case.steps + 1.0)
    at_edge = paid_until(starts) - paid_until(starts - at)
    if at == round(at):
        least = at_edge[:-1]
    else:
        turn = np.floor(starts[:-1] - at) + 1 + at
        within = np.minimum(np.minimum(at_edge[:-1], at_edge[1:]), paid_until(turn) - paid_until(turn - at))
        least = np.minimum(within, np.concatenate([within[:1], within[:-1]]))
    return np.where(_may_be_free(case, pool), 0.0, least)


def _may_be_free(case: BoundCase, pool: BurstPool) -> Bools:
    """(T,) whether a node ready in this step or the one before may have been ordered within an hour of a take-back."""
    start_s = case.step_s * np.arange(case.steps)
    free = np.zeros(case.steps, dtype=bool)
    for moment in pool.taken_back_s:
        free |= (start_s - case.step_s < moment) & (start_s + case.step_s > moment - SECONDS_PER_HOUR + pool.lead_s)
    return free


def base_share(case: BoundCase) -> Floats:
    """(M, T) most of what is asked that base could serve at once if each model had all of its nodes; at most 1."""
    share = np.zeros(case.tokens.shape)
    for capacity in case.base:
        with np.errstate(divide="ignore", invalid="ignore"):
            share += np.where(case.tokens > 0, capacity.nodes / capacity.work, 0.0)
    return np.minimum(share, 1.0)
