"""An option at a lower price: the problem with it, and how much of it a dispatch uses. Pure."""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from planner.optimize.problem import BaseOption, BurstOption, Floats, Problem
from planner.optimize.whole import Dispatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A base or burst option of a problem, by its place there."""

    key: str
    is_base: bool
    index: int
    price_usd: float
    """Fee and setup share of a node over the horizon, or the price of a node-hour."""
    per_usd: float
    """What a dollar of price costs: interruptions cost in proportion to the price of a node-hour."""


def options(problem: Problem) -> tuple[Option, ...]:
    """Every option the optimiser could use, base first."""
    base = [
        Option(key=o.key, is_base=True, index=b, price_usd=float(o.fee_usd + o.setup_usd), per_usd=1.0)
        for b, o in enumerate(problem.base)
    ]
    burst = [
        Option(
            key=o.key,
            is_base=False,
            index=v,
            price_usd=float(o.price_usd_hour),
            per_usd=1 + float(o.interruption_usd_hour / o.price_usd_hour) if o.price_usd_hour else 1.0,
        )
        for v, o in enumerate(problem.burst)
    ]
    return (*base, *burst)


def columns_of(problem: Problem, option: Option) -> list[int]:
    """Base columns of a base option."""
    return [c for c, (_, b) in enumerate(problem.base_columns()) if b == option.index]


def cheaper(problem: Problem, option: Option, usd: float) -> Problem:
    """The problem with the option's price lowered by `usd`; interruptions cost less in proportion."""
    if option.is_base:
        base = list(problem.base)
        base[option.index] = _cheaper_base(base[option.index], Decimal(repr(usd)))
        return replace(problem, base=tuple(base))
    burst = list(problem.burst)
    burst[option.index] = _cheaper_burst(burst[option.index], Decimal(repr(usd)))
    return replace(problem, burst=tuple(burst))


def _cheaper_base(option: BaseOption, usd: Decimal) -> BaseOption:
    return replace(option, fee_usd=option.fee_usd - usd)


def _cheaper_burst(option: BurstOption, usd: Decimal) -> BurstOption:
    price = option.price_usd_hour - usd
    return replace(
        option,
        price_usd_hour=price,
        interruption_usd_hour=option.interruption_usd_hour * price / option.price_usd_hour,
    )


def nodes_used(problem: Problem, option: Option, dispatch: Dispatch) -> float:
    """Base nodes rented, or expected node-hours of burst, of a dispatch."""
    if option.is_base:
        return float(sum(dispatch.counts[c] for c in columns_of(problem, option)))
    hours: Floats = dispatch.nodes[:, option.index].sum(axis=0).astype(np.float64)
    return float(hours @ problem.weight)
