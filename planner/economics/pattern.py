"""Utilization patterns: how full a fleet can be for a shape of traffic, measured on hourly series. Pure.

Rented for its peak hour at target utilization τ, a fleet of capacity peak/τ is busy mean x τ / peak on average, and a
million tokens costs 1 / utilization times what it costs at full load. Renting base for less and burst for the rest is
cheaper; how much depends on the price of burst over that of base, per unit of capacity.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast
from planner.plan import Plan

Floats = NDArray[np.float64]

DEFAULT_BURST_PRICE_RATIO = 1.5
"""Burst price over base price where no plan tells it: an assumption, stated beside the figures."""
TAIL = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideRange:
    """What the pricing guide says of a pattern: ratios from, to."""

    utilization: tuple[float, float]
    multiplier: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedShape:
    """A shape that comes with the program: a real series, and the guide's range for the pattern it stands for."""

    name: str
    file: str
    """Packaged, in the format of a forecast."""
    source: str
    guide: GuideRange


SHIPPED = (
    ShippedShape(
        name="steady",
        file="defaults/shapes/steady.csv",
        source="an LLM service around the clock, two weeks (ServeGen m-small)",
        guide=GuideRange(utilization=(0.70, 0.85), multiplier=(1.2, 1.4)),
    ),
    ShippedShape(
        name="business hours",
        file="defaults/shapes/business-hours.csv",
        source="a coding assistant, one week (Azure LLM trace 2024)",
        guide=GuideRange(utilization=(0.30, 0.50), multiplier=(2.0, 3.3)),
    ),
    ShippedShape(
        name="bursty",
        file="defaults/shapes/bursty.csv",
        source="requests of a web load balancer, two weeks (NAB, AWS ELB)",
        guide=GuideRange(utilization=(0.20, 0.40), multiplier=(2.5, 5.0)),
    ),
    ShippedShape(
        name="dev",
        file="defaults/shapes/dev.csv",
        source="messages naming one company, four weeks (NAB); a stand-in: no series of a single tenant is published",
        guide=GuideRange(utilization=(0.05, 0.15), multiplier=(6.7, 20.0)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """One way to rent for a shape."""

    base_ratio: float
    """Base capacity at τ over the mean load."""
    base_share: float
    """Share of the tokens the base serves; the rest is burst."""
    utilization: float
    """Mean load over what is rented, 0-1."""
    cost_multiplier: float
    """Cost per million tokens over that of base capacity busy all the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A shape, measured."""

    name: str
    source: str
    hours: int
    peak_ratio: float
    """Busiest hour over mean hour."""
    p99_ratio: float
    """The hour that 99 % of hours do not exceed, over the mean."""
    quiet_ratio: float
    """Quietest hour over mean hour."""
    for_peak: Provisioned
    """Base for the peak hour, no burst."""
    for_p99: Provisioned
    """Base up to p99, burst for the hours above."""
    cheapest: Provisioned
    """The cheapest mix of base and burst."""
    guide: GuideRange | None = None


def levels_of(forecast: Forecast) -> Floats:
    """Expected tokens per second of each hour, over all models and scenarios."""
    tok_s = (forecast.input_tok_s + forecast.output_tok_s).sum(axis=1)
    levels: Floats = np.asarray(forecast.probability, dtype=np.float64) @ tok_s
    return levels


def levels_of_plan(plan: Plan) -> Floats:
    """Tokens per second of each hour of the plan's shown scenario."""
    return np.array(
        [sum(part.input_tok_s + part.output_tok_s for part in hour.by_model.values()) for hour in plan.hours_detail]
    )


def measure(
    levels: Floats,
    *,
    name: str,
    source: str,
    target_utilization: float,
    burst_price_ratio: float,
    guide: GuideRange | None = None,
) -> Pattern:
    """The shape's ratios and what it costs to rent for it."""
    if not 0 < target_utilization <= 1:
        raise ValueError(f"target_utilization must be in (0, 1], got {target_utilization}")
    if not burst_price_ratio > 0:
        raise ValueError(f"burst_price_ratio must be above 0, got {burst_price_ratio}")
    if not (len(levels) and np.isfinite(levels).all() and levels.min() >= 0 and levels.sum() > 0):
        raise ValueError("a shape needs hours, none below 0, and some traffic")
    shape = levels / levels.mean()
    ordered = np.sort(shape)
    p99 = _quantile(ordered, TAIL)

    def provisioned(base: float) -> Provisioned:
        above = float(np.maximum(shape - base, 0).mean())
        return Provisioned(
            base_ratio=base,
            base_share=1 - above,
            utilization=target_utilization / (base + above),
            cost_multiplier=(base + burst_price_ratio * above) / target_utilization,
        )

    # Base pays for itself where it is busy in more than 1 of `burst_price_ratio` hours.
    cheapest = 0.0 if burst_price_ratio <= 1 else _quantile(ordered, 1 - 1 / burst_price_ratio)
    return Pattern(
        name=name,
        source=source,
        hours=len(levels),
        peak_ratio=float(ordered[-1]),
        p99_ratio=p99,
        quiet_ratio=float(ordered[0]),
        for_peak=provisioned(float(ordered[-1])),
        for_p99=provisioned(p99),
        cheapest=provisioned(cheapest),
        guide=guide,
    )


def burst_price_ratio(plan: Plan) -> float | None:
    """Price of the plan's burst over that of its base, per node of work it can do; None where it has not both.

    Work is counted at the plan's own mix of tokens, in the hours of the scenario shown; burst at its hourly prices.
    """
    base_usd = float(plan.cost.base_fees_usd + plan.cost.setup_usd)
    capacity = {"base": 0.0, "burst": 0.0}
    burst_usd = 0.0
    for name, terms in plan.models.items():
        parts = [hour.by_model[name] for hour in plan.hours_detail if name in hour.by_model]
        input_tok_s = sum(part.input_tok_s for part in parts) * (1 - terms.cache_hit_ratio)
        output_tok_s = sum(part.output_tok_s for part in parts)
        for role in ("base", "burst"):
            nodes: dict[str, int] = {}
            for part in parts:
                for offer, count in getattr(part, role).items():
                    nodes[offer] = nodes.get(offer, 0) + count
            for offer, count in nodes.items():
                rates = terms.rates[offer]
                work = input_tok_s / rates.prefill_tok_s + output_tok_s / rates.decode_tok_s
                capacity[role] += count / work if work > 0 else 0.0
                if role == "burst":
                    burst_usd += count * float(plan.offers[offer].rate_usd_hour or 0)
    if min(*capacity.values(), base_usd, burst_usd) <= 0:
        return None
    return (burst_usd / capacity["burst"]) / (base_usd / capacity["base"])


def _quantile(ordered: Floats, share: float) -> float:
    """The smallest level that at least `share` of the hours do not exceed."""
    return float(ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)])
