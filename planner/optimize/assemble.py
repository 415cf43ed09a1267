"""From a dispatch and its proof to a Plan: leases, the bill in Decimal, hours, unit cost, provenance. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import numpy as np

from planner.optimize.aim import ScenarioAim, aim_of, conditional_value_at_risk
from planner.optimize.bill import ScenarioBill, bill_scenarios, exact
from planner.optimize.decompose import Relaxed, column_cost_usd
from planner.optimize.prepare import lead_time_s
from planner.optimize.problem import BaseOption, BurstOption, Floats, Problem
from planner.optimize.serving import Serving, serve
from planner.optimize.walk import Walk
from planner.optimize.whole import Dispatch
from planner.plan import (
    CostLines,
    Gap,
    HourDetail,
    ModelHour,
    ModelTerms,
    OfferTerms,
    OwnedChanges,
    Plan,
    PlannedLease,
    Provenance,
    Rejected,
    ScenarioOutcome,
    Uncertainty,
    UnitCost,
    Utilization,
)
from policies.units import MTOK_PER_TOK_S_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the inputs come from, in words."""

    catalog: str
    forecast: str
    policy: str
    price_basis: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Expected money of a dispatch."""

    cost: CostLines
    setup_due_usd: Decimal
    bill_usd: Decimal
    total_usd: Decimal
    scenarios: tuple[ScenarioOutcome, ...]
    bills: tuple[ScenarioBill, ...]


def serving_of(problem: Problem, dispatch: Dispatch) -> Serving:
    """Who serves what in a dispatch."""
    return serve(problem, base_nodes=dispatch.base_nodes, nodes=dispatch.nodes, unserved=dispatch.unserved)


def count_money(problem: Problem, dispatch: Dispatch) -> Money:
    """The expected bill and total of a dispatch, and those of every scenario."""
    served = serving_of(problem, dispatch)
    bought = base_counts(problem, dispatch.counts)
    fees = sum((o.fee_usd * bought[o.key] for o in problem.base), Decimal(0))
    setup = sum((o.setup_usd * bought[o.key] for o in problem.base), Decimal(0))
    due = sum((o.setup_due_usd * bought[o.key] for o in problem.base), Decimal(0))
    bills = tuple(bill_scenarios(problem, dispatch, served))
    chances = [Decimal(repr(p)) for p in problem.probability]

    def expected(line: str) -> Decimal:
        return sum((p * getattr(bill, line) for p, bill in zip(chances, bills, strict=True)), Decimal(0))

    cost = CostLines(
        base_fees_usd=fees,
        setup_usd=setup,
        burst_usd=expected("burst_usd"),
        egress_usd=expected("egress_usd"),
        interruption_usd=expected("interruption_usd"),
        unserved_penalty_usd=expected("unserved_penalty_usd"),
    )
    bill = fees + setup + cost.burst_usd + cost.egress_usd
    outcomes = []
    for s, one in enumerate(bills):
        own = fees + setup + one.burst_usd + one.egress_usd
        outcomes.append(
            ScenarioOutcome(
                name=problem.scenarios[s],
                probability=problem.probability[s],
                bill_usd=own,
                total_usd=own + one.interruption_usd + one.unserved_penalty_usd,
                unserved_ratio=_unserved_ratio(problem, dispatch.unserved, s),
            )
        )
    return Money(
        cost=cost,
        setup_due_usd=due,
        bill_usd=bill,
        total_usd=bill + cost.interruption_usd + cost.unserved_penalty_usd,
        scenarios=tuple(outcomes),
        bills=bills,
    )


def assemble(
    *,
    problem: Problem,
    relaxed: Relaxed,
    expected: Relaxed,
    walk: Walk,
    dispatch: Dispatch,
    marginal_usd: Floats,
    rejected: tuple[Rejected, ...],
    origin: Origin,
    recourse_name: str,
    remarks: tuple[str, ...],
) -> Plan:
    """The plan of a walk's best dispatch; `marginal_usd` (M, T) per whole demand of a cell.

    `expected`: the relaxed optimum of the expected total; `relaxed` itself where that is the aim.
    """
    served = serving_of(problem, dispatch)
    money = count_money(problem, dispatch)
    shown = _nearest_scenario(money)
    end = problem.start + timedelta(hours=problem.hours)
    aim = aim_of(problem)
    lower = min(exact(walk.bound_usd if aim.is_expected else expected.bound_usd), money.total_usd)
    return Plan(
        start=problem.start,
        end=end,
        hours=problem.hours,
        fee_basis="month" if _is_whole_months(problem) else "prorated",
        price_basis=origin.price_basis,
        base={key: count for key, count in base_counts(problem, dispatch.counts).items() if count},
        owned_changes=_owned_changes(problem, dispatch.counts),
        bill_usd=money.bill_usd,
        setup_due_usd=money.setup_due_usd,
        total_usd=money.total_usd,
        relaxed_bound_usd=min(exact(expected.bound_usd), lower),
        lower_bound_usd=lower,
        gap_ratio=float((money.total_usd - lower) / money.total_usd) if money.total_usd else 0.0,
        gap=_gap(problem, walk, dispatch, money, lower),
        uncertainty=_uncertainty(problem, aim, walk, money),
        search="proven" if walk.is_proven else "limit",
        has_launches=walk.has_launches,
        cost=money.cost,
        unserved_ratio=sum(p * o.unserved_ratio for p, o in zip(problem.probability, money.scenarios, strict=True)),
        utilization=_utilization(problem, dispatch, served),
        cost_usd_mtok=_unit_cost(problem, dispatch, served, money),
        policy=problem.policy,
        models=_model_terms(problem),
        offers=_offer_terms(problem),
        scenario_shown=problem.scenarios[shown],
        hours_detail=_hours(problem, dispatch, marginal_usd, shown),
        leases=_leases(problem, money.bills[shown]),
        scenarios=money.scenarios,
        rejected=rejected,
        provenance=_provenance(origin, relaxed, recourse_name),
        remarks=remarks,
    )


def _provenance(origin: Origin, relaxed: Relaxed, recourse_name: str) -> Provenance:
    return Provenance(
        catalog=origin.catalog,
        forecast=origin.forecast,
        policy=origin.policy,
        solver=relaxed.solver,
        status=relaxed.status,
        recourse=recourse_name,
        version=origin.version,
    )


def base_counts(problem: Problem, counts: Floats) -> dict[str, int]:
    """Base option -> nodes, over all models; options without any too."""
    bought = {option.key: 0 for option in problem.base}
    for count, (_, b) in zip(counts, problem.base_columns(), strict=True):
        bought[problem.base[b].key] += round(float(count))
    return bought


def _owned_changes(problem: Problem, counts: Floats) -> OwnedChanges:
    keep, buy, cancel = {}, {}, {}
    for key, count in base_counts(problem, counts).items():
        option = next(one for one in problem.base if one.key == key)
        if option.owned_count is None:
            buy[key] = count
        else:
            keep[key] = count
            cancel[key] = option.owned_count - count
    return OwnedChanges(
        keep={key: count for key, count in keep.items() if count},
        buy={key: count for key, count in buy.items() if count},
        cancel={key: count for key, count in cancel.items() if count},
    )


def _gap(problem: Problem, walk: Walk, dispatch: Dispatch, money: Money, lower: Decimal) -> Gap:
    """The gap's parts: leases against the cover, the cover against its bound, the counts not examined, the aim."""
    based = float(column_cost_usd(problem) @ dispatch.counts)
    covered = money.total_usd if walk.has_launches else min(exact(based + dispatch.cost_usd), money.total_usd)
    proven = max(min(exact(based + dispatch.bound_usd), covered), lower)
    left = Decimal(0) if walk.is_proven else proven - lower
    aimed = Decimal(0)
    if not aim_of(problem).is_expected:
        left = min(left, max(exact(based + dispatch.aimed_bound_usd - walk.bound_usd), Decimal(0)))
        aimed = proven - lower - left
    return Gap(
        rounding_usd=max(covered, lower) - lower - left - aimed,
        launch_overhead_usd=money.total_usd - max(covered, lower),
        search_usd=left,
        aim_usd=aimed,
    )


def _uncertainty(problem: Problem, aim: ScenarioAim, walk: Walk, money: Money) -> Uncertainty | None:
    """What the aim made least, as billed, and the dearest outcomes; None with one scenario."""
    if len(money.scenarios) == 1:
        return None
    totals = np.array([float(one.total_usd) for one in money.scenarios])
    aimed = money.total_usd if aim.is_expected else exact(aim.value(totals) - aim.shift_usd)
    worst = max(money.scenarios, key=lambda one: one.total_usd)
    return Uncertainty(
        aim=problem.policy.aim,
        aimed_usd=aimed,
        aimed_bound_usd=min(exact(walk.bound_usd - aim.shift_usd), aimed),
        cvar_usd=exact(conditional_value_at_risk(totals, aim.probability, problem.policy.cvar_level)),
        worst_scenario=worst.name,
        worst_usd=worst.total_usd,
        short_probability=sum(
            one.probability for one in money.scenarios if one.unserved_ratio > problem.policy.max_unserved_ratio
        ),
    )


def _unserved_ratio(problem: Problem, unserved: Floats, scenario: int) -> float:
    cells = slice(scenario * problem.hours, (scenario + 1) * problem.hours)
    asked = (problem.input_tok_s + problem.output_tok_s)[:, cells]
    total = float(asked.sum())
    return float((asked * unserved[:, cells]).sum()) / total if total else 0.0


def _utilization(problem: Problem, dispatch: Dispatch, served: Serving) -> Utilization:
    """Nodes busy full time over nodes on, expected and in the busiest cell."""
    nodes_on = float(dispatch.counts.sum()) + dispatch.nodes.sum(axis=(0, 1))
    rented = float(nodes_on @ problem.weight)
    busy = served.busy_nodes / np.maximum(nodes_on, 1)
    return Utilization(
        mean=float(served.busy_nodes @ problem.weight) / rented if rented else 0.0, peak=float(busy.max(initial=0.0))
    )


def _unit_cost(problem: Problem, dispatch: Dispatch, served: Serving, money: Money) -> UnitCost:
    """Bill per million served tokens; input and output share it by the work they are: I(1-chi)/P against O/G."""
    weight = problem.weight
    work_in, work_out = 0.0, 0.0
    for m, model in enumerate(problem.models):
        for options, shares in ((problem.base, served.base_share[m]), (problem.burst, served.burst_share[m])):
            for index, key in enumerate([option.key for option in options]):
                rates = problem.rates[m].get(key)
                if rates is not None:
                    fresh = problem.input_tok_s[m] * (1 - model.cache_hit_ratio) / rates.prefill_tok_s
                    work_in += float((shares[index] * fresh) @ weight)
                    work_out += float((shares[index] * problem.output_tok_s[m] / rates.decode_tok_s) @ weight)
    share = np.where(problem.has_demand, 1 - dispatch.unserved, 0.0)
    input_mtok = float((share * problem.input_tok_s).sum(axis=0) @ weight) * MTOK_PER_TOK_S_HOUR
    output_mtok = float((share * problem.output_tok_s).sum(axis=0) @ weight) * MTOK_PER_TOK_S_HOUR
    work = work_in + work_out
    if work <= 0:
        return UnitCost(blended=None, input=None, output=None)
    bill = float(money.bill_usd)
    return UnitCost(
        blended=exact(bill / (input_mtok + output_mtok)),
        input=exact(bill * work_in / work / input_mtok) if input_mtok > 0 else None,
        output=exact(bill * work_out / work / output_mtok) if output_mtok > 0 else None,
    )


def _model_terms(problem: Problem) -> dict[str, ModelTerms]:
    default = problem.policy.unserved_usd_mtok
    return {
        model.name: ModelTerms(
            cache_hit_ratio=model.cache_hit_ratio,
            unserved_usd_mtok=default if model.unserved_usd_mtok is None else model.unserved_usd_mtok,
            rates=rates,
        )
        for model, rates in zip(problem.models, problem.rates, strict=True)
    }


def _offer_terms(problem: Problem) -> dict[str, OfferTerms]:
    def common(option: BaseOption | BurstOption) -> OfferTerms:
        offer = option.offer
        return OfferTerms(
            role="base",
            offer_id=offer.id,
            fee_usd_horizon=None,
            setup_usd_horizon=None,
            rate_usd_hour=None,
            interruption_usd_hour=Decimal(0),
            egress_usd_mtok=option.egress_usd_mtok,
            min_count=option.min_count if isinstance(option, BaseOption) else 0,
            max_count=option.max_count,
            count_group=option.count_group,
            lead_time_s={},
            group_max=None if option.count_group is None else problem.group_max[option.count_group],
            billing=offer.billing,
            cap_usd_month=None,
            is_spot=offer.is_spot,
            price_date=offer.price_date,
            is_price_stale=offer.is_price_stale,
            source=offer.source,
        )

    base = {
        one.key: replace(common(one), fee_usd_horizon=one.fee_usd, setup_usd_horizon=one.setup_usd)
        for one in problem.base
    }
    burst = {
        one.key: replace(
            common(one),
            role="burst",
            lead_time_s={
                model.name: round(lead_time_s(one.offer, model, problem.policy))
                for model, rates in zip(problem.models, problem.rates, strict=True)
                if one.key in rates
            },
            rate_usd_hour=one.price_usd_hour,
            interruption_usd_hour=one.interruption_usd_hour,
            cap_usd_month=one.offer.fee_usd_month,
        )
        for one in problem.burst
    }
    return base | burst


def _nearest_scenario(money: Money) -> int:
    """The scenario whose total is nearest to the expected one, of those not far less probable than the likeliest."""
    likeliest = max(one.probability for one in money.scenarios)
    usual = [s for s, one in enumerate(money.scenarios) if one.probability >= likeliest / 10]
    return min(usual, key=lambda s: abs(money.scenarios[s].total_usd - money.total_usd))


def _is_whole_months(problem: Problem) -> bool:
    end = problem.start + timedelta(hours=problem.hours)
    return all(instant.day == 1 and instant.hour == 0 for instant in (problem.start, end))


def _leases(problem: Problem, bill: ScenarioBill) -> tuple[PlannedLease, ...]:
    leases = [
        PlannedLease(
            offer=problem.burst[v].key,
            model=problem.models[m].name,
            start=span.start,
            end=span.end,
            count=span.count,
            charge_usd=span.charge_usd * span.count,
        )
        for m, v, span in bill.leases
    ]
    return tuple(sorted(leases, key=lambda lease: (lease.start, lease.end, lease.offer, lease.model)))


def _hours(problem: Problem, dispatch: Dispatch, marginal_usd: Floats, scenario: int) -> tuple[HourDetail, ...]:
    """Every hour of the scenario shown."""
    first = scenario * problem.hours
    asked = problem.input_tok_s + problem.output_tok_s
    with np.errstate(divide="ignore", invalid="ignore"):
        per_mtok = np.where(asked > 0, marginal_usd / (asked * MTOK_PER_TOK_S_HOUR), np.nan)
    hours = []
    for h in range(problem.hours):
        t = first + h
        by_model = {
            model.name: ModelHour(
                input_tok_s=float(problem.input_tok_s[m, t]),
                output_tok_s=float(problem.output_tok_s[m, t]),
                base=_counted([o.key for o in problem.base], dispatch.base_nodes[m, :, t]),
                burst=_counted([o.key for o in problem.burst], dispatch.nodes[m, :, t]),
                unserved_ratio=float(dispatch.unserved[m, t]),
                marginal_usd_mtok=None if np.isnan(per_mtok[m, t]) else float(per_mtok[m, t]),
            )
            for m, model in enumerate(problem.models)
        }
        total = float(asked[:, t].sum())
        hours.append(
            HourDetail(
                hour=problem.start + timedelta(hours=h),
                by_model=by_model,
                base=_counted([o.key for o in problem.base], dispatch.base_nodes[:, :, t].sum(axis=0)),
                burst=_counted([o.key for o in problem.burst], dispatch.nodes[:, :, t].sum(axis=0)),
                unserved_ratio=float((asked[:, t] * dispatch.unserved[:, t]).sum()) / total if total else 0.0,
                marginal_usd_mtok=_mean_marginal(by_model, total),
            )
        )
    return tuple(hours)


def _counted(keys: list[str], nodes: Floats | np.ndarray[tuple[int], np.dtype[np.int64]]) -> dict[str, int]:
    return {keys[index]: int(nodes[index]) for index in np.flatnonzero(nodes)}


def _mean_marginal(by_model: Mapping[str, ModelHour], asked_tok_s: float) -> float | None:
    """Marginal cost of a token at the hour's mix of models."""
    if asked_tok_s <= 0:
        return None
    parts = [(hour.input_tok_s + hour.output_tok_s, hour.marginal_usd_mtok) for hour in by_model.values()]
    return sum(tok_s * usd for tok_s, usd in parts if usd is not None) / asked_tok_s
