"""MonthReport: everything the monthly capacity report shows, computed. Pure: values only.

Money is USD net of VAT in `Decimal`, unrounded unless a field says cents; report/ renders it in the reading currency.
Hours are UTC: bills stay by the provider's calendar month, whatever the reader's zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from planner.economics.charges import Chargeback
from planner.economics.spend import Spend
from planner.measure.offer_use import FleetUse
from planner.plan import OwnedChanges, Plan, UnitCost, Utilization

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """What one offer, or one other cost, adds to the month's bill."""

    provider: str
    what: str
    """Id of the offer, or the other cost in words."""
    role: str
    """"base", "burst", "setup" or "other"."""
    model: str | None
    """None: shared."""
    nodes: int
    """Leases that touched the month."""
    node_hours: Decimal
    """0 for what has no hours."""
    amount_usd: Decimal
    invoice_currency: str
    amount_invoice: Decimal
    """The same in the invoice's currency."""
    usd_per_unit: Decimal
    rate_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """The month hour by hour, H hours; NaN where nothing was measured."""

    start: datetime
    input_tok_s: Floats
    output_tok_s: Floats
    utilization: Floats
    """Busy over ready nodes, all models, 0-1."""
    base_nodes: Floats
    """Mean nodes on in the hour."""
    burst_nodes: Mapping[str, Floats]
    """By offer."""
    cost_usd: Floats
    """Each lease's charge spread evenly over the time it was held in the month, other costs over theirs; no setup."""
    unserved_tok_s: Floats | None = None
    """Input and output tokens asked for and not served; None: not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMonth:
    """One model in the month."""

    model: str
    input_tokens: int
    output_tokens: int
    unserved_tokens: int | None
    """None: not recorded."""
    cost_usd: Decimal
    """Of its own nodes, idle time included, without shared cost."""
    utilization: float | None
    unit: UnitCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """Actual less planned bill, USD: exactly volume + price + utilization + other, each to a millionth of a dollar.

    The first three explain the cost of nodes (`nodes_actual_usd` - `nodes_planned_usd`). Order of substitution: volume
    at the planned unit costs of input and output; then prices, of the node-hours actually used; then the rest, which is
    more or fewer (or dearer kinds of) node-hours for the same work: utilization. What is no node's cost stands apart:
    setup fees, egress and other costs (`other_usd`).
    """

    planned_usd: Decimal
    actual_usd: Decimal
    nodes_planned_usd: Decimal
    """Base fees and burst."""
    nodes_actual_usd: Decimal
    volume_usd: Decimal
    price_usd: Decimal
    utilization_usd: Decimal
    other_usd: Decimal
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """What the best plan for the traffic that came would have cost."""

    hindsight: Plan
    hindsight_usd: Decimal
    """Its bill on the same basis as `actual_usd`."""
    actual_usd: Decimal
    """The part of the actual bill a plan can decide: leases, egress, and setup fees spread over the tenure as a plan
    spreads them; without other costs, and without setup fees paid before the month."""
    remarks: tuple[str, ...] = ()

    @property
    def regret_usd(self) -> Decimal:
        """Actual less hindsight: what knowing the traffic would have saved."""
        return self.actual_usd - self.hindsight_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesError:
    """How far off the forecast of one direction of one model was, over the hours compared."""

    model: str
    direction: str
    """"input" or "output"."""
    forecast_tok_s: float
    """Mean of the forecast."""
    actual_tok_s: float
    """Mean of what came: served and, where recorded, unserved."""
    bias_ratio: float | None
    """Forecast over actual, less 1: above 0 it expected too much; None: nothing came."""
    error_ratio: float | None
    """Mean absolute error of an hour over the mean of what came."""
    mase_vs_seasonal_naive: float | None
    """Mean absolute error over that of the same hour a week before, in the hours of the month that have one measured;
    None: there are none, or it made no error."""
    coverage: Mapping[str, float]
    """Share of hours within the band, by the band's level such as "0.9"; of the bands the forecast had."""
    peak_error_ratio: float | None
    """Highest hour of the forecast over the highest that came, less 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastError:
    """How good the forecast was that the plan was made for."""

    source: str
    """What the forecast was called when the plan was recorded."""
    hours: int
    """Of the month, that were planned, are over and were measured."""
    series: tuple[SeriesError, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFactor:
    """An offer that does not do for a model what it is rated at."""

    model: str
    offer: str
    throughput_ratio: float
    """Throughput measured in the month over what a node is rated at now."""
    throughput_factor: float
    """What `throughput_factor_by_offer` is to say of it, for the next plan to be made at what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMeasuredRates:
    """The next month with these offers at what was measured of them."""

    factors: tuple[MeasuredFactor, ...]
    plan: Plan | None
    """None: there is none at such rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextMonth:
    """The plan for the month after, and what it saves against staying as is."""

    month: str
    plan: Plan
    changes: OwnedChanges
    staying_usd: Decimal | None
    """Bill of keeping this month's base and the same offers for the forecast; None: it cannot serve it."""
    at_measured_rates: AtMeasuredRates | None = None
    """None: nothing was measured that differs from what the plan takes nodes to do."""
    remarks: tuple[str, ...] = ()

    @property
    def saving_usd(self) -> Decimal | None:
        """What the plan saves against staying as is."""
        return None if self.staying_usd is None else self.staying_usd - self.plan.bill_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One risk, with its figure."""

    name: str
    """Such as "spot share"."""
    figure: str
    """Such as "63 % of burst node-hours"."""
    meaning: str
    """What may happen, in one sentence."""
    is_warning: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One thing the report rests on."""

    what: str
    value: str
    dated: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """What one price needs to pay for the fleet."""

    price_usd_mtok: Decimal
    tokens_month: Decimal | None
    """None: never."""
    tok_s: Decimal | None
    """On average over a month of 720 h."""
    why_never: str = ""
    until_tokens_month: Decimal | None = None
    """Beyond this traffic it is a loss again; None: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """One price of the price table, with its true margin."""

    tier: str
    model: str | None = None
    """None: there is one model only."""
    price_usd_mtok: Decimal
    input_usd_mtok: Decimal | None
    output_usd_mtok: Decimal | None
    margin_ratio: float | None
    """(price - cost) / price, on the month's whole cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """Cost per million tokens in one month of the ledger; None: nothing served."""

    month: str
    cost_usd_mtok: Decimal | None
    bill_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReport:
    """One calendar month (UTC): what was planned, what came, what it cost, what is next."""

    month: str
    """Such as 2026-11."""
    start: datetime
    end: datetime
    as_of: datetime
    """When the facts were read; before `end` the month is not over, and running leases are charged up to here."""
    title: str
    models: tuple[str, ...]
    bill_usd: Decimal
    bill: tuple[BillLine, ...]
    charges: Chargeback
    model_months: tuple[ModelMonth, ...]
    hourly: Hourly
    gap_hours: int
    """Hours without measurement."""
    utilization: Utilization | None
    """Busy node-hours over paid ones, and the busiest hour; None: nothing was measured."""
    use: FleetUse | None
    """Utilization, batching and throughput by offer and model; None: no Prometheus was asked."""
    unserved_ratio: float | None
    """Share of the tokens asked for that was not served; None: not recorded."""
    unit: UnitCost
    """Allocation basis: the whole bill, idle time and shared cost included, per million tokens."""
    usage_unit: UnitCost
    """Usage basis: the busy part of the nodes' cost per million tokens."""
    spend: Spend
    trend: tuple[TrendPoint, ...]
    plan: Plan | None
    """What was planned for the month; None: no plan is recorded."""
    variance: Variance | None
    forecast_error: ForecastError | None
    """None: no forecast is recorded with the plan, or nothing was measured."""
    regret: Regret | None
    next_month: NextMonth | None
    break_even: tuple[BreakEven, ...]
    prices: tuple[PriceRow, ...]
    risks: tuple[Risk, ...]
    assumptions: tuple[Assumption, ...]
    remarks: tuple[str, ...] = ()
    """What a reader must know first: gaps, a month that is not over, a missing plan."""

    @property
    def is_over(self) -> bool:
        """Whether the facts reach to the end of the month."""
        return self.as_of >= self.end
