"""The instances measured: a month and a year of 20 scenarios, of shipped offers, profiles and the ServeGen example.

Demand: `examples/forecasts/servegen_m_large_x0.01.csv`, 336 real hours, repeated by week. The year lays a season, a
level and noise over it, input and output apart, so that the mix differs in every hour and scenario. Offers: four base
and eight burst ones with measured or estimated rates of the packaged model, given to the optimiser as they are:
`prepare` would set dominated ones aside, and fewer than twelve would be in the problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.case import load_catalog, load_fleet, load_profiles
from planner.catalog.offer import Offer, Role
from planner.demand.forecast import Forecast
from planner.demand.horizon import for_models, select_month
from planner.demand.read import read_forecast
from planner.fleet import Fleet
from planner.optimize.prepare import egress_usd_mtok, interruption_usd_hour
from planner.optimize.problem import BaseOption, BurstOption, Problem, build_problem
from planner.profile.model import Rates
from planner.profile.rate import rates_for
from policies.billing import horizon_fee_usd, months_in

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "forecasts" / "servegen_m_large_x0.01.csv"
MONTH = "2025-03"
"""744 hours; the example's own 336 are its 3rd to 16th day."""
YEAR_START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR_HOURS = 8_760
WEEK_HOURS = 168
SCENARIOS = 20
SEED = 20250303
"""Of the year's scenarios: numpy.random.default_rng(SEED)."""

BASE = ("hetzner/ax102", "hetzner/ax162-r", "hetzner-cloud/ccx63/month", "hetzner-cloud/cpx62/month")
BURST = (
    "aws/c7a.4xlarge/spot",
    "aws/r7a.8xlarge/spot",
    "aws/c7a.8xlarge/spot",
    "aws/c7a.16xlarge/spot",
    "ovh/b3-64",
    "ovh/c3-32",
    "ovh/c3-64",
    "ovh/r3-256",
)

Floats = NDArray[np.float64]


def month_forecast() -> Forecast:
    """The example's demand over the 744 hours of a month."""
    demand = read_forecast(EXAMPLE.read_text(encoding="utf-8"), source=EXAMPLE.name)
    return select_month(for_models(demand, _fleet().model_names), MONTH, "weekly")


def year_forecast(path: Path) -> Forecast:
    """The forecast of a file that `write_year` wrote, by the fleet's name of the model."""
    return for_models(read_forecast(path.read_text(encoding="utf-8"), source=path.name), _fleet().model_names)


def first_scenarios(demand: Forecast, count: int) -> Forecast:
    """The forecast of the first `count` scenarios, equally probable."""
    return Forecast(
        start=demand.start,
        models=demand.models,
        scenarios=demand.scenarios[:count],
        probability=(1 / count,) * count,
        input_tok_s=demand.input_tok_s[:count],
        output_tok_s=demand.output_tok_s[:count],
        source=demand.source,
    )


def write_year(path: Path) -> int:
    """Writes 20 scenarios of 8,760 hours as CSV; the number of rows."""
    demand = read_forecast(EXAMPLE.read_text(encoding="utf-8"), source=EXAMPLE.name)
    rng = np.random.default_rng(SEED)
    tokens = [_scenarios(series[0, 0], rng, SCENARIOS) for series in (demand.input_tok_s, demand.output_tok_s)]
    hours = [f"{YEAR_START + timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" for h in range(YEAR_HOURS)]
    with path.open("w", encoding="utf-8") as file:
        file.write("timestamp,scenario,probability,input_tokens_per_s,output_tokens_per_s\n")
        for s in range(SCENARIOS):
            rows = zip(hours, tokens[0][s], tokens[1][s], strict=True)
            file.writelines(f"{hour},s{s:02d},{1 / SCENARIOS:g},{i:.3f},{o:.3f}\n" for hour, i, o in rows)
    return SCENARIOS * YEAR_HOURS


def hundred_forecast(scenarios: int = 100) -> Forecast:
    """Scenarios of the year drawn like those of the file, in memory."""
    demand = read_forecast(EXAMPLE.read_text(encoding="utf-8"), source=EXAMPLE.name)
    rng = np.random.default_rng(SEED)
    tokens = [_scenarios(one[0, 0], rng, scenarios)[:, None] for one in (demand.input_tok_s, demand.output_tok_s)]
    return Forecast(
        start=YEAR_START,
        models=_fleet().model_names,
        scenarios=tuple(f"s{s:02d}" for s in range(scenarios)),
        probability=(1 / scenarios,) * scenarios,
        input_tok_s=tokens[0],
        output_tok_s=tokens[1],
        source=EXAMPLE.name,
    )


def _scenarios(shape: Floats, rng: np.random.Generator, count: int) -> Floats:
    """(count, 8760): the shape by week, a season of ±20 %, a level of ±25 %, growth up to 50 %, noise of 10 %."""
    hour = np.arange(YEAR_HOURS)
    # The shape starts on a Monday, the year on a Wednesday: two days on keep weekday and hour of the day.
    weekly = shape[(hour + 2 * 24) % (len(shape) // WEEK_HOURS * WEEK_HOURS)]
    season = 1 + 0.2 * np.cos(2 * np.pi * (hour - 18 * WEEK_HOURS) / YEAR_HOURS)
    level = rng.normal(0, 0.25, (count, 1))
    growth = rng.uniform(0, 0.5, (count, 1)) * hour / YEAR_HOURS
    noise = rng.normal(0, 0.1, (count, YEAR_HOURS))
    return np.asarray(weekly * season * (1 + growth) * np.exp(level + noise), dtype=np.float64)


def problem_of(demand: Forecast) -> Problem:
    """The problem of serving a forecast of the packaged model from the twelve offers."""
    fleet = _fleet()
    market = _market()
    return build_problem(
        forecast=demand,
        models=fleet.models,
        base=_base(market.offers, demand, fleet),
        burst=tuple(_burst(offer, fleet) for offer in market.offers if offer.role is Role.BURST),
        rates=(market.rates,),
        group_max=market.group_max,
        policy=fleet.policy,
        months=months_in(demand.start, demand.end),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The twelve offers, and what a node of each sustains of the packaged model."""

    offers: tuple[Offer, ...]
    rates: dict[str, Rates]
    group_max: dict[str, int]


@cache
def _market() -> Market:
    fleet = _fleet()
    (model,) = fleet.models
    catalog, profiles = load_catalog(fleet), load_profiles(fleet)
    offers = tuple(catalog[offer_id] for offer_id in (*BASE, *BURST))
    rates: dict[str, Rates] = {}
    for offer in offers:
        found = rates_for(model, offer, profiles, measured_only=False)
        if not isinstance(found, Rates):
            raise TypeError(f"{offer.id} serves {model.name} no more ({found.reason}); choose another offer to measure")
        rates[offer.id] = found
    return Market(offers=offers, rates=rates, group_max=dict(catalog.group_max))


@cache
def _fleet() -> Fleet:
    return load_fleet(None)[0]


def _base(offers: Sequence[Offer], demand: Forecast, fleet: Fleet) -> tuple[BaseOption, ...]:
    months = months_in(demand.start, demand.end)
    return tuple(
        BaseOption(
            key=offer.id,
            offer=offer,
            fee_usd=horizon_fee_usd(offer.tariff, demand.start, demand.end),
            setup_usd=offer.setup_fee_usd * months / fleet.policy.tenure_months,
            setup_due_usd=offer.setup_fee_usd,
            egress_usd_mtok=egress_usd_mtok(offer, fleet.policy),
            min_count=offer.min_count,
            max_count=offer.max_count,
            count_group=offer.count_group,
        )
        for offer in offers
        if offer.role is Role.BASE
    )


def _burst(offer: Offer, fleet: Fleet) -> BurstOption:
    assert offer.price_usd_hour is not None, offer.id
    return BurstOption(
        key=offer.id,
        offer=offer,
        price_usd_hour=offer.price_usd_hour,
        interruption_usd_hour=interruption_usd_hour(offer, fleet.models, fleet.policy),
        egress_usd_mtok=egress_usd_mtok(offer, fleet.policy),
        max_count=offer.max_count,
        count_group=offer.count_group,
        is_spot=offer.is_spot,
    )
