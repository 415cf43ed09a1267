"""Plan: base counts, hourly dispatch, leases, the bill, the proof and the provenance. Pure: values only.

Money is USD in `Decimal`, net of VAT. report/plan_json.py writes it as the JSON document `baseload.plan/1`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from planner.profile.model import Rates
from policies.billing import Billing
from policies.planning import Aim, PlanningPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLines:
    """What the total is made of, expected over scenarios, USD."""

    base_fees_usd: Decimal
    setup_usd: Decimal
    """Setup fees spread over the tenure, the horizon's part."""
    burst_usd: Decimal
    egress_usd: Decimal
    interruption_usd: Decimal
    """Expected relaunches and lost work; in no invoice."""
    unserved_penalty_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What separates the total from its lower bound, USD; the parts sum to total - lower bound."""

    rounding_usd: Decimal
    """Of the chosen base counts: whole-node dispatch not proven to be the cheapest."""
    launch_overhead_usd: Decimal
    """Leases against the hour-by-hour cover: lead times, started hours, idle hours bridged."""
    search_usd: Decimal
    """Base counts that were not examined."""
    aim_usd: Decimal = Decimal(0)
    """What an aim other than the expected total costs in expectation: above the bound of the cheapest plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilization:
    """Served work over rented nodes, 0-1."""

    mean: float
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCost:
    """Bill per million tokens served; input and output by their measured share of the work. None: nothing served."""

    blended: Decimal | None
    input: Decimal | None
    output: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTerms:
    """What the plan assumed of a model."""

    cache_hit_ratio: float
    unserved_usd_mtok: Decimal
    rates: Mapping[str, Rates]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTerms:
    """What the plan assumed of an option the optimiser could use. Owned servers have a key of their own."""

    role: str
    offer_id: str
    fee_usd_horizon: Decimal | None
    setup_usd_horizon: Decimal | None
    rate_usd_hour: Decimal | None
    interruption_usd_hour: Decimal
    egress_usd_mtok: Decimal
    min_count: int
    max_count: int | None
    count_group: str | None
    group_max: int | None
    lead_time_s: Mapping[str, float]
    """By model: request to ready with the model loaded; empty for base."""
    billing: Billing
    cap_usd_month: Decimal | None
    """Monthly cap of an hourly price, where leases are charged with one."""
    is_spot: bool
    price_date: date
    source: str
    is_price_stale: bool = False
    """Whether it was older than the fleet allows when the plan was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHour:
    """One model in one hour: nodes serving it, what is left unserved, what a further million tokens would cost."""

    input_tok_s: float
    output_tok_s: float
    base: Mapping[str, int]
    burst: Mapping[str, int]
    unserved_ratio: float
    marginal_usd_mtok: float | None
    """Marginal cost of the relaxation; None where nothing is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourDetail:
    """One hour of the scenario shown."""

    hour: datetime
    by_model: Mapping[str, ModelHour]
    base: Mapping[str, int]
    burst: Mapping[str, int]
    unserved_ratio: float
    marginal_usd_mtok: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLease:
    """`count` burst nodes of one pool over one span, for one model, in the scenario shown."""

    offer: str
    model: str
    start: datetime
    end: datetime
    count: int
    charge_usd: Decimal
    """For all `count` nodes together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioOutcome:
    """What the plan costs if this scenario comes true."""

    name: str
    probability: float
    bill_usd: Decimal
    total_usd: Decimal
    unserved_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ForesightValue:
    """What knowing more would be worth, USD over the horizon.

    Relaxed: burst in fractions of nodes, exact. Whole: in whole nodes with leases, as billed; the other plans' base
    counts are those of their relaxed optimum, so what they cost is an upper bound of what they could.
    """

    alone_usd: tuple[Decimal, ...]
    """Of each scenario, the least relaxed total of a plan for it alone: a bound on every plan in that scenario."""
    perfect_saves_at_most_usd: Decimal
    """This plan's expected total - the expectation of `alone_usd`: no plan that knows the scenario saves more."""
    perfect_relaxed_usd: Decimal
    """Expected value of perfect information, relaxed."""
    perfect_whole_usd: Decimal | None
    """The same in whole nodes; None: too many hours to dispatch."""
    mean_base: Mapping[str, int]
    """Base counts of the plan for the mean demand."""
    mean_relaxed_usd: Decimal
    """Value of the stochastic solution, relaxed: what planning on the mean costs more."""
    mean_whole_usd: Decimal | None
    """The same in whole nodes; None: too many hours to dispatch."""
    regret_usd: Decimal
    """The most that hindsight would have saved in any scenario, at most: total - `alone_usd`."""
    regret_scenario: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioReduction:
    """What planning for some of the scenarios may have cost, USD of the aim; burst in fractions of nodes."""

    scenarios: int
    """Before."""
    kept: int
    bound_usd: Decimal
    """The least over the kept ones differs from the least over all by at most this, whatever the costs turn out as."""
    all_usd: Decimal
    """This plan's base counts over all scenarios."""
    least_usd: Decimal
    """The least over all scenarios, proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotLossOutcome:
    """What surviving the loss of spot costs, expected USD over the horizon, as billed."""

    probability: float
    """Of any loss within the horizon."""
    outage_hours: int
    pools: tuple[str, ...]
    """Pools in use that may be lost."""
    unaware_usd: Decimal
    """Total of the plan that knows of no losses, if none comes."""
    ignored_usd: Decimal
    """Total of that plan's base counts when losses come as often as they do; burst makes the best of it."""
    worst_unserved_ratio: float
    """Of this plan, over the scenarios."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingValue:
    """Expected USD over the tenure if the scenario is known after a month and goes on; burst in fractions of nodes."""

    months: int
    """The tenure."""
    keep_usd: Decimal
    """The base committed to now and kept."""
    wait_usd: Decimal
    """Burst alone for a month, then the best base for the scenario that came."""
    adjust_usd: Decimal
    """The best base to begin with, added to or cancelled after the month; never dearer than the other two."""
    adjust_base: Mapping[str, int]
    """Base counts of `adjust_usd` now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """How a plan for several scenarios fares when they differ from the expectation."""

    aim: Aim
    aimed_usd: Decimal
    """What the aim made least: the expected total, the mixed conditional value at risk, or the regret."""
    aimed_bound_usd: Decimal
    """No plan has a lower one."""
    cvar_usd: Decimal
    """Mean total of the dearest 1 - `policy.cvar_level` of outcomes."""
    worst_scenario: str
    worst_usd: Decimal
    short_probability: float = 0.0
    """Of the scenarios that leave more than `policy.max_unserved_ratio` unserved."""
    foresight: ForesightValue | None = None
    """None: not asked for."""
    reduction: ScenarioReduction | None = None
    """None: all scenarios of the forecast are in the plan."""
    spot_loss: SpotLossOutcome | None = None
    """None: the policy does not look at it, or no spot is used."""
    waiting: WaitingValue | None = None
    """None: not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An offer that was not chosen, and the binding reason."""

    offer: str
    reason: str
    cheaper_by_usd: Decimal | None = None
    """How much less it would have to cost (per node and horizon for base, per node-hour for burst) to be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Other base counts, whole-node billed like the plan."""

    base: Mapping[str, int]
    bill_usd: Decimal
    total_usd: Decimal
    dearer_by_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingPoint:
    """Demand factors in [0.25, 4] between which a base offer keeps its count."""

    offer: str
    factor: float
    count_below: int
    count_above: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the plan comes from."""

    catalog: str
    forecast: str
    policy: str
    solver: str
    status: str
    recourse: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedChanges:
    """What to do with servers: keep and cancel what is owned, buy what is not; key of the option -> count."""

    keep: Mapping[str, int]
    buy: Mapping[str, int]
    cancel: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The cheapest plan found, what it costs, and how good it is proven to be."""

    start: datetime
    end: datetime
    hours: int
    fee_basis: str
    """"month": whole calendar months; "prorated": per calendar month, its hours in the horizon / its hours."""
    price_basis: str
    base: Mapping[str, int]
    owned_changes: OwnedChanges
    bill_usd: Decimal
    """Expected invoice of the horizon: fees, setup spread over the tenure, burst leases, egress."""
    setup_due_usd: Decimal
    """Setup fees that fall due at once."""
    total_usd: Decimal
    """bill + unserved penalty + interruption cost."""
    relaxed_bound_usd: Decimal
    lower_bound_usd: Decimal
    gap_ratio: float
    gap: Gap
    search: str
    """"proven" or "limit"."""
    has_launches: bool = False
    """Whether launches are part of the optimum: the search and its bound are with them."""
    cost: CostLines
    unserved_ratio: float
    """Expected share of tokens unserved."""
    utilization: Utilization
    cost_usd_mtok: UnitCost
    policy: PlanningPolicy
    models: Mapping[str, ModelTerms]
    offers: Mapping[str, OfferTerms]
    scenario_shown: str
    hours_detail: tuple[HourDetail, ...]
    leases: tuple[PlannedLease, ...]
    scenarios: tuple[ScenarioOutcome, ...]
    uncertainty: Uncertainty | None = None
    """None: there is one scenario only."""
    rejected: tuple[Rejected, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    switching: tuple[SwitchingPoint, ...] = ()
    provenance: Provenance
    remarks: tuple[str, ...] = ()
    demand_factor: float | None = None
    """What the forecast was multiplied by, where the most traffic of a budget was asked for."""

    @property
    def rented(self) -> dict[str, OfferTerms]:
        """The options that are paid for, of the scenario shown: base nodes, and burst with leases."""
        keys = {*(key for key, count in self.base.items() if count), *(one.offer for one in self.leases)}
        return {key: terms for key, terms in self.offers.items() if key in keys}
