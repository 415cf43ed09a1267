"""Profit scenarios: a fleet, its traffic and a price -> revenue, cost, profit, margin, and whether the fleet can do it.

Pure. A month is 720 h, as fees are quoted. A scenario that cannot serve its traffic has two answers: what it would earn
if it could (the figures as planned), and what serving it would take (burst for all that is missing, at full load and at
a realistic utilization). Hour by hour where the traffic is a series; with a mean alone, burst is counted for the mean,
which is the least it can be, and the peak is checked beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from policies.units import HOURS_PER_MONTH, SECONDS_PER_HOUR, TOKENS_PER_MTOK

ZERO = Decimal(0)
SECONDS = Decimal(HOURS_PER_MONTH * SECONDS_PER_HOUR)
PEAK_TO_MEAN = (Decimal("2.3"), Decimal("3.2"))
"""Busiest over mean hour where a scenario says nothing: measured in hourly LLM traffic, ServeGen m-small 2.25, m-large
3.00 (two weeks), Azure code 2024 3.16 (a week); the last two are in examples/forecasts."""
REALISTIC_UTILIZATION = Decimal("0.7")
"""At which burst nodes are also priced: the pricing guide's column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioServer:
    """Servers rented by the month."""

    name: str
    count: int
    usd_month: Decimal
    """Of one."""
    tok_s: Decimal
    """Of one, at full load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioBurst:
    """Nodes by the hour, and how much a month may be spent on them."""

    name: str
    usd_hour: Decimal
    tok_s: Decimal
    budget_usd_month: Decimal = ZERO

    @property
    def usd_mtok(self) -> Decimal:
        """At full load."""
        return self.usd_hour * TOKENS_PER_MTOK / (self.tok_s * SECONDS_PER_HOUR)

    @property
    def bought_tok_s(self) -> Decimal:
        """What the budget buys at full load, averaged over the month."""
        return self.budget_usd_month / (self.usd_hour * HOURS_PER_MONTH) * self.tok_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraCost:
    """Any other cost of the month."""

    what: str
    usd_month: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Tokens asked for: a mean, or a series of hours."""

    mtok_month: Decimal
    peak_to_mean: Decimal | None = None
    """None: the measured range."""
    hourly_tok_s: tuple[float, ...] = ()
    """Input and output together; empty: only the mean is known."""
    source: str = ""

    @property
    def mean_tok_s(self) -> Decimal:
        """Averaged over 720 h."""
        return self.mtok_month * TOKENS_PER_MTOK / SECONDS

    @property
    def peaks_tok_s(self) -> tuple[Decimal, Decimal]:
        """Busiest hour, from and to."""
        if self.hourly_tok_s:
            peak = _exact(max(self.hourly_tok_s))
            return peak, peak
        low, high = PEAK_TO_MEAN if self.peak_to_mean is None else (self.peak_to_mean, self.peak_to_mean)
        return self.mean_tok_s * low, self.mean_tok_s * high


def traffic_of_series(hourly_tok_s: Sequence[float], source: str) -> Traffic:
    """The traffic of a series of hours, its mean kept up for a month of 720 h."""
    if not hourly_tok_s or not sum(hourly_tok_s) > 0:
        raise ValueError(f"{source}: no traffic in it; expected tokens")
    mean = _exact(sum(hourly_tok_s) / len(hourly_tok_s))
    return Traffic(
        mtok_month=mean * SECONDS / TOKENS_PER_MTOK,
        peak_to_mean=_exact(max(hourly_tok_s)) / mean,
        hourly_tok_s=tuple(hourly_tok_s),
        source=source,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitScenario:
    """What is asked: fleet, traffic, price."""

    name: str
    price_usd_mtok: Decimal
    traffic: Traffic
    servers: tuple[ScenarioServer, ...] = ()
    bursts: tuple[ScenarioBurst, ...] = ()
    costs: tuple[ExtraCost, ...] = ()
    utilization: Decimal = REALISTIC_UTILIZATION

    @property
    def owned_tok_s(self) -> Decimal:
        """What the servers sustain at full load."""
        return sum((one.count * one.tok_s for one in self.servers), ZERO)

    @property
    def standing_usd(self) -> Decimal:
        """Servers and other costs, without burst."""
        fees = sum((one.count * one.usd_month for one in self.servers), ZERO)
        return fees + sum((one.usd_month for one in self.costs), ZERO)

    @property
    def cheapest_burst(self) -> ScenarioBurst | None:
        """The one that costs least per token at full load; what is missing is priced at it."""
        return min(self.bursts, key=lambda one: one.usd_mtok, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Revenue against cost, a month."""

    revenue_usd: Decimal
    cost_usd: Decimal

    @property
    def profit_usd(self) -> Decimal:
        """Below 0: a loss."""
        return self.revenue_usd - self.cost_usd

    @property
    def margin_ratio(self) -> Decimal | None:
        """Profit over revenue; None: nothing is earned."""
        return self.profit_usd / self.revenue_usd if self.revenue_usd else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feasibility:
    """Whether the fleet can serve the traffic."""

    mean_tok_s: Decimal
    peak_tok_s: tuple[Decimal, Decimal]
    owned_tok_s: Decimal
    bought_tok_s: Decimal
    """What the burst budget buys, averaged over the month, at full load."""
    missing_tok_s: Decimal
    """Averaged over the month, above what the servers sustain: what burst must serve."""
    unserved_tok_s: Decimal
    """Averaged over the month, above servers and burst budget."""
    is_by_hour: bool
    """From a series; else from the mean, and then missing and unserved are the least they can be."""
    peak_nodes: int | None
    """Burst nodes at once in the busiest hour (the higher peak); None: there is no burst offer."""
    peak_unserved_ratio: Decimal
    """Of the busiest hour (the lower peak), where no burst has a budget; else 0."""

    @property
    def unserved_ratio(self) -> Decimal:
        """Share of all tokens."""
        return self.unserved_tok_s / self.mean_tok_s

    @property
    def is_feasible(self) -> bool:
        """Whether nothing is left unserved, on average and at the peak."""
        return self.unserved_tok_s == 0 and self.peak_unserved_ratio == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a scenario comes to."""

    scenario: ProfitScenario
    feasibility: Feasibility
    planned: Result
    """All tokens sold, at the cost as planned: true only where it is feasible."""
    served: Result
    """Only what servers and burst budget serve is sold, at the cost as planned."""
    needed_burst_usd: tuple[Decimal, Decimal] | None
    """Burst for all that is missing, at full load and at `scenario.utilization`; None: missing, and nothing to rent."""
    needed: tuple[Result, Result] | None
    """All tokens sold, at the cost of serving them."""
    break_even_usd_mtok: Decimal
    """Cost as planned over the traffic."""
    break_even_mtok: Decimal
    """Traffic at which the cost as planned is earned at the price, burst held constant as the guide does."""
    serves_break_even: bool
    """Whether servers and burst budget serve that traffic on average."""


def outcome_of(scenario: ProfitScenario) -> Outcome:
    """The scenario's outcome."""
    feasibility = _feasibility(scenario)
    traffic, price = scenario.traffic, scenario.price_usd_mtok
    budget = sum((one.budget_usd_month for one in scenario.bursts), ZERO)
    cost = scenario.standing_usd + budget
    revenue = price * traffic.mtok_month
    needed_burst = _needed_burst(scenario, feasibility)
    needed = None
    if needed_burst is not None:
        full, real = (Result(revenue_usd=revenue, cost_usd=scenario.standing_usd + usd) for usd in needed_burst)
        needed = (full, real)
    even = cost / price
    within = feasibility.owned_tok_s + feasibility.bought_tok_s
    return Outcome(
        scenario=scenario,
        feasibility=feasibility,
        planned=Result(revenue_usd=revenue, cost_usd=cost),
        served=Result(revenue_usd=revenue * (1 - feasibility.unserved_ratio), cost_usd=cost),
        needed_burst_usd=needed_burst,
        needed=needed,
        break_even_usd_mtok=cost / traffic.mtok_month,
        break_even_mtok=even,
        serves_break_even=even * TOKENS_PER_MTOK / SECONDS <= within,
    )


def _feasibility(scenario: ProfitScenario) -> Feasibility:
    traffic, owned = scenario.traffic, scenario.owned_tok_s
    bought = sum((one.bought_tok_s for one in scenario.bursts), ZERO)
    if traffic.hourly_tok_s:
        over = sum(max(0.0, asked - float(owned)) for asked in traffic.hourly_tok_s)
        missing = _exact(over / len(traffic.hourly_tok_s))
    else:
        missing = max(ZERO, traffic.mean_tok_s - owned)
    low, high = traffic.peaks_tok_s
    burst = scenario.cheapest_burst
    nodes = None
    if burst is not None:
        nodes = int((max(ZERO, high - owned) / burst.tok_s).to_integral_value(ROUND_CEILING))
    return Feasibility(
        mean_tok_s=traffic.mean_tok_s,
        peak_tok_s=(low, high),
        owned_tok_s=owned,
        bought_tok_s=bought,
        missing_tok_s=missing,
        unserved_tok_s=max(ZERO, missing - bought),
        is_by_hour=bool(traffic.hourly_tok_s),
        peak_nodes=nodes,
        peak_unserved_ratio=ZERO if bought else max(ZERO, 1 - owned / low),
    )


def _needed_burst(scenario: ProfitScenario, feasibility: Feasibility) -> tuple[Decimal, Decimal] | None:
    if not feasibility.missing_tok_s:
        return ZERO, ZERO
    burst = scenario.cheapest_burst
    if burst is None:
        return None
    full = feasibility.missing_tok_s / burst.tok_s * burst.usd_hour * HOURS_PER_MONTH
    return full, full / scenario.utilization


def _exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))
