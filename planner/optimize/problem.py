"""Problem: the planning problem in arrays, the one door where money becomes float. Pure (numpy only).

Axes: M models, B base options, V burst options, T cells; a cell is one hour of one scenario, t = scenario * H + hour.
Design: served + unserved = 1; work w = input*(1-cache)/P + output/G in nodes busy full time; a node is planned to be
busy at most `target_utilization`. Infinite work: the option cannot serve the model.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from planner.catalog.offer import Offer
from planner.demand.forecast import Forecast
from planner.profile.model import Model, Rates
from policies.planning import PlanningPolicy
from policies.units import MTOK_PER_TOK_S_HOUR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOption:
    """A base offer as the optimiser may rent it: new, or a server already owned at the price in force."""

    key: str
    offer: Offer
    fee_usd: Decimal
    """Fee of one node over the horizon."""
    setup_usd: Decimal
    """Setup fee of one node, the part of its tenure that falls into the horizon; 0 for an owned node."""
    setup_due_usd: Decimal
    """Setup fee of one node that falls due at once; 0 for an owned node."""
    egress_usd_mtok: Decimal
    """Per million output tokens."""
    min_count: int
    max_count: int | None
    count_group: str | None
    owned_count: int | None = None
    """Nodes owned, for an owned option; None for one to buy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstOption:
    """A burst pool as the optimiser may rent it."""

    key: str
    offer: Offer
    price_usd_hour: Decimal
    interruption_usd_hour: Decimal
    """Expected cost of interruptions per node-hour; in no invoice."""
    egress_usd_mtok: Decimal
    max_count: int | None
    count_group: str | None
    is_spot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One planning problem. `rates[m][key]` exist exactly for the options that can serve model m."""

    start: datetime
    hours: int
    models: tuple[Model, ...]
    scenarios: tuple[str, ...]
    probability: tuple[float, ...]
    base: tuple[BaseOption, ...]
    burst: tuple[BurstOption, ...]
    rates: tuple[dict[str, Rates], ...]
    group_max: dict[str, int]
    policy: PlanningPolicy
    months: Decimal
    """Calendar months in the horizon: per month its hours in the horizon / its hours, summed."""
    weight: Floats
    """(T,) probability of the cell's scenario."""
    input_tok_s: Floats
    """(M, T)"""
    output_tok_s: Floats
    """(M, T)"""
    base_work: Floats
    """(M, B, T) work of the cell's whole demand on the option, in nodes; inf where it cannot serve."""
    burst_work: Floats
    """(M, V, T)"""
    unserved_usd: Floats
    """(M, T) penalty of leaving the cell's whole demand unserved."""
    reference_usd: tuple[float, ...] | None = None
    """Aim regret: the least total of each scenario planned for alone; None: not known yet."""

    launch_prices_usd: Floats | None = None
    """(M, V, T) what a node-hour costs more, or less, where prices of launches take the hours apart."""

    @property
    def cells(self) -> int:
        """T: hours x scenarios."""
        return self.hours * len(self.scenarios)

    @property
    def budget_usd(self) -> float | None:
        """What the expected bill of the horizon may be; None: no limit."""
        return None if self.policy.max_usd_month is None else float(self.policy.max_usd_month * self.months)

    @property
    def has_demand(self) -> NDArray[np.bool_]:
        """(M, T) where anything is asked for."""
        return (self.input_tok_s + self.output_tok_s) > 0

    def base_columns(self) -> tuple[tuple[int | None, int], ...]:
        """(model, base option) of each count N; (None, b) where models share the base."""
        if self.policy.sharing == "hourly":
            return tuple(
                (None, b) for b, option in enumerate(self.base) if any(option.key in rates for rates in self.rates)
            )
        return tuple(
            (m, b) for m, rates in enumerate(self.rates) for b, option in enumerate(self.base) if option.key in rates
        )

    def base_cost_usd(self) -> Floats:
        """(B,) fee and setup share of one node over the horizon."""
        return np.array([float(option.fee_usd + option.setup_usd) for option in self.base], dtype=np.float64)

    def burst_cost_usd_hour(self) -> Floats:
        """(V,) price plus expected interruption cost of a node-hour."""
        return np.array([float(o.price_usd_hour + o.interruption_usd_hour) for o in self.burst], dtype=np.float64)

    def burst_cost_usd(self) -> Floats:
        """(M, V, T) what a node costs in each cell, prices of launches included."""
        cost = np.broadcast_to(self.burst_cost_usd_hour()[None, :, None], self.burst_work.shape)
        return cost if self.launch_prices_usd is None else cost + self.launch_prices_usd

    def burst_price_usd_hour(self) -> Floats:
        """(V,) price of a node-hour, as billed."""
        return np.array([float(o.price_usd_hour) for o in self.burst], dtype=np.float64)

    def base_egress_usd(self) -> Floats:
        """(M, B, T) egress of serving the cell's whole demand from the option."""
        return self._egress(tuple(float(o.egress_usd_mtok) for o in self.base))

    def burst_egress_usd(self) -> Floats:
        """(M, V, T) egress of serving the cell's whole demand from the option."""
        return self._egress(tuple(float(o.egress_usd_mtok) for o in self.burst))

    def by_scenario(self, cell_usd: Floats) -> Floats:
        """(S,) sums of values (T,) over the hours of each scenario."""
        sums: Floats = cell_usd.reshape(len(self.scenarios), self.hours).sum(axis=1)
        return sums

    def _egress(self, usd_mtok: tuple[float, ...]) -> Floats:
        mtok_output = self.output_tok_s * MTOK_PER_TOK_S_HOUR
        return mtok_output[:, None, :] * np.array(usd_mtok, dtype=np.float64)[None, :, None]


def work_nodes(input_tok_s: Floats, output_tok_s: Floats, cache_hit_ratio: float, rates: Rates) -> Floats:
    """Nodes busy full time with the demand: w = I(1-chi)/P + O/G (design section 2)."""
    return input_tok_s * ((1 - cache_hit_ratio) / rates.prefill_tok_s) + output_tok_s / rates.decode_tok_s


def build_problem(
    *,
    forecast: Forecast,
    models: tuple[Model, ...],
    base: tuple[BaseOption, ...],
    burst: tuple[BurstOption, ...],
    rates: tuple[dict[str, Rates], ...],
    group_max: dict[str, int],
    policy: PlanningPolicy,
    months: Decimal,
) -> Problem:
    """The problem of a forecast, its models in the forecast's order, and the options that could be rented."""
    shape = (len(models), forecast.hours * len(forecast.scenarios))
    input_tok_s = np.ascontiguousarray(forecast.input_tok_s.transpose(1, 0, 2).reshape(shape))
    output_tok_s = np.ascontiguousarray(forecast.output_tok_s.transpose(1, 0, 2).reshape(shape))
    base_work = np.full((shape[0], len(base), shape[1]), np.inf)
    burst_work = np.full((shape[0], len(burst), shape[1]), np.inf)
    penalty = np.empty(shape)
    for m, model in enumerate(models):
        for work, keys in ((base_work, [o.key for o in base]), (burst_work, [o.key for o in burst])):
            for index, key in enumerate(keys):
                known = rates[m].get(key)
                if known is not None:
                    work[m, index] = work_nodes(input_tok_s[m], output_tok_s[m], model.cache_hit_ratio, known)
        usd_mtok = policy.unserved_usd_mtok if model.unserved_usd_mtok is None else model.unserved_usd_mtok
        penalty[m] = (input_tok_s[m] + output_tok_s[m]) * (float(usd_mtok) * MTOK_PER_TOK_S_HOUR)
    return Problem(
        start=forecast.start,
        hours=forecast.hours,
        models=models,
        scenarios=forecast.scenarios,
        probability=forecast.probability,
        base=base,
        burst=burst,
        rates=rates,
        group_max=group_max,
        policy=policy,
        months=months,
        weight=np.repeat(np.array(forecast.probability, dtype=np.float64), forecast.hours),
        input_tok_s=input_tok_s,
        output_tok_s=output_tok_s,
        base_work=base_work,
        burst_work=burst_work,
        unserved_usd=penalty,
    )
