"""A plan as the JSON document `baseload.plan/1`. Pure: the plan's own values, written out; nothing is rounded.

Money is a decimal string at full precision, floats are unrounded numbers, times are UTC with a Z, unknown is null.
The schema is docs/schemas/plan.schema.json, made by report/plan_schema.py.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from planner.plan import (
    ForesightValue,
    HourDetail,
    ModelHour,
    ModelTerms,
    OfferTerms,
    Plan,
    PlannedLease,
    Rejected,
    ScenarioOutcome,
    ScenarioReduction,
    SpotLossOutcome,
    Uncertainty,
    WaitingValue,
)
from planner.profile.model import Rates
from policies.planning import PlanningPolicy

SCHEMA = "baseload.plan/1"

Json = dict[str, object]


def plan_document(plan: Plan) -> Json:
    """The plan as the JSON document `baseload.plan/1`, made of dicts, lists, strings, numbers and None."""
    return {
        "schema": SCHEMA,
        **({} if plan.demand_factor is None else {"demand_factor": plan.demand_factor}),
        **_head(plan),
        "policy": _policy(plan.policy),
        "models": {name: _model(terms) for name, terms in plan.models.items()},
        "offers": {name: _offer(terms) for name, terms in plan.offers.items()},
        "scenario_shown": plan.scenario_shown or None,
        "hours_detail": [_hour(hour, plan.scenario_shown) for hour in plan.hours_detail],
        "leases": [_lease(lease) for lease in plan.leases],
        "scenarios": [_scenario(scenario) for scenario in plan.scenarios],
        **({} if plan.uncertainty is None else {"uncertainty": _uncertainty(plan.uncertainty)}),
        "rejected": [_rejected(rejected) for rejected in plan.rejected],
        "alternatives": [
            {
                "base": _counts(other.base),
                "bill_usd": _money(other.bill_usd),
                "total_usd": _money(other.total_usd),
                "dearer_by_usd": _money(other.dearer_by_usd),
            }
            for other in plan.alternatives
        ],
        "switching": [
            {
                "offer": point.offer,
                "factor": float(point.factor),
                "count_below": int(point.count_below),
                "count_above": int(point.count_above),
            }
            for point in plan.switching
        ],
        "provenance": {
            "catalog": plan.provenance.catalog,
            "forecast": plan.provenance.forecast,
            "policy": plan.provenance.policy,
            "solver": plan.provenance.solver,
            "status": plan.provenance.status,
            "recourse": plan.provenance.recourse,
            "version": plan.provenance.version,
        },
        "remarks": list(plan.remarks),
    }


def plan_text(plan: Plan) -> str:
    """The document as text: one line per key, hour, lease and offer, so that two plans can be compared line by line."""
    lines = []
    for key, value in plan_document(plan).items():
        lines.append(f"{_dump(key)}: {_block(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _block(value: object) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {_dump(item)}" for item in value) + "\n]"
    if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
        return "{\n" + ",\n".join(f"  {_dump(key)}: {_dump(item)}" for key, item in value.items()) + "\n}"
    return _dump(value)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _head(plan: Plan) -> Json:
    """What was planned and what it costs."""
    cost, gap, unit = plan.cost, plan.gap, plan.cost_usd_mtok
    return {
        "horizon": {
            "start": _time(plan.start),
            "end": _time(plan.end),
            "hours": int(plan.hours),
            "fee_basis": plan.fee_basis,
        },
        "currency": "USD",
        "price_basis": plan.price_basis,
        "base": _counts(plan.base),
        "owned_changes": {
            "keep": _counts(plan.owned_changes.keep),
            "buy": _counts(plan.owned_changes.buy),
            "cancel": _counts(plan.owned_changes.cancel),
        },
        "bill_usd": _money(plan.bill_usd),
        "setup_due_usd": _money(plan.setup_due_usd),
        "total_usd": _money(plan.total_usd),
        "relaxed_bound_usd": _money(plan.relaxed_bound_usd),
        "lower_bound_usd": _money(plan.lower_bound_usd),
        "gap_ratio": float(plan.gap_ratio),
        "gap": {
            "rounding_usd": _money(gap.rounding_usd),
            "launch_overhead_usd": _money(gap.launch_overhead_usd),
            "search_usd": _money(gap.search_usd),
            **({"aim_usd": _money(gap.aim_usd)} if gap.aim_usd else {}),
        },
        "search": plan.search,
        "has_launches": plan.has_launches,
        "cost": {
            "base_fees_usd": _money(cost.base_fees_usd),
            "setup_usd": _money(cost.setup_usd),
            "burst_usd": _money(cost.burst_usd),
            "egress_usd": _money(cost.egress_usd),
            "interruption_usd": _money(cost.interruption_usd),
            "unserved_penalty_usd": _money(cost.unserved_penalty_usd),
        },
        "unserved_ratio": float(plan.unserved_ratio),
        "utilization": {"mean": float(plan.utilization.mean), "peak": float(plan.utilization.peak)},
        "cost_usd_mtok": {
            "blended": _money_or_none(unit.blended),
            "input": _money_or_none(unit.input),
            "output": _money_or_none(unit.output),
        },
    }


def _policy(policy: PlanningPolicy) -> Json:
    return {
        "target_utilization": float(policy.target_utilization),
        "survive_base_losses": policy.survive_base_losses,
        "max_spot_share": float(policy.max_spot_share),
        "max_pool_share": float(policy.max_pool_share),
        "tenure_months": policy.tenure_months,
        "sharing": str(policy.sharing),
        "max_unserved_ratio": float(policy.max_unserved_ratio),
        "unserved_usd_mtok": _money(policy.unserved_usd_mtok),
        "egress_bytes_per_output_token": policy.egress_bytes_per_output_token,
        "lost_work_s": float(policy.lost_work_s),
        "max_usd_month": _money_or_none(policy.max_usd_month),
        "measured_only": policy.measured_only,
        "max_search_gap": float(policy.max_search_gap),
        "unknown_lead_time_s": float(policy.unknown_lead_time_s),
        "aim": str(policy.aim),
        "cvar_level": float(policy.cvar_level),
        "cvar_weight": float(policy.cvar_weight),
        "max_short_probability": float(policy.max_short_probability),
        "survive_spot_loss": str(policy.survive_spot_loss),
    }


def _model(terms: ModelTerms) -> Json:
    return {
        "cache_hit_ratio": float(terms.cache_hit_ratio),
        "unserved_usd_mtok": _money(terms.unserved_usd_mtok),
        "rates": {offer: _rates(rates) for offer, rates in terms.rates.items()},
    }


def _rates(rates: Rates) -> Json:
    return {
        "prefill_tok_s": float(rates.prefill_tok_s),
        "decode_tok_s": float(rates.decode_tok_s),
        "basis": str(rates.basis),
        "concurrency": _float_or_none(rates.concurrency),
        "rule": rates.rule,
        "source": rates.source,
        "source_date": rates.source_date,
        "residual_ratio": _float_or_none(rates.residual_ratio),
    }


def _offer(terms: OfferTerms) -> Json:
    optional = {
        "fee_usd_horizon": _money_or_none(terms.fee_usd_horizon),
        "setup_usd_horizon": _money_or_none(terms.setup_usd_horizon),
        "rate_usd_hour": _money_or_none(terms.rate_usd_hour),
        "cap_usd_month": _money_or_none(terms.cap_usd_month),
        "count_group": terms.count_group,
        "group_max": terms.group_max,
    }
    return {
        "role": str(terms.role),
        "offer_id": terms.offer_id,
        **{key: value for key, value in optional.items() if value is not None},
        "interruption_usd_hour": _money(terms.interruption_usd_hour),
        "egress_usd_mtok": _money(terms.egress_usd_mtok),
        "min_count": terms.min_count,
        "max_count": terms.max_count,
        "lead_time_s": dict(terms.lead_time_s),
        "billing": str(terms.billing),
        "is_spot": terms.is_spot,
        "price_date": terms.price_date.isoformat(),
        "is_price_stale": terms.is_price_stale,
        "source": terms.source,
    }


def _hour(hour: HourDetail, scenario: str) -> Json:
    document: Json = {"hour": _time(hour.hour)}
    if scenario:
        document["scenario"] = scenario
    document["demand"] = {
        name: {"input_tok_s": float(part.input_tok_s), "output_tok_s": float(part.output_tok_s)}
        for name, part in hour.by_model.items()
    }
    document["base"] = _counts(hour.base)
    document["burst"] = _counts(hour.burst)
    if len(hour.by_model) > 1:
        document["by_model"] = {name: _model_hour(part) for name, part in hour.by_model.items()}
    document["unserved_ratio"] = float(hour.unserved_ratio)
    document["marginal_usd_mtok"] = _float_or_none(hour.marginal_usd_mtok)
    return document


def _model_hour(part: ModelHour) -> Json:
    return {
        "base": _counts(part.base),
        "burst": _counts(part.burst),
        "unserved_ratio": float(part.unserved_ratio),
        "marginal_usd_mtok": _float_or_none(part.marginal_usd_mtok),
    }


def _lease(lease: PlannedLease) -> Json:
    return {
        "offer": lease.offer,
        "model": lease.model,
        "start": _time(lease.start),
        "end": _time(lease.end),
        "count": int(lease.count),
        "charge_usd": _money(lease.charge_usd),
    }


def _scenario(scenario: ScenarioOutcome) -> Json:
    return {
        "name": scenario.name,
        "probability": float(scenario.probability),
        "bill_usd": _money(scenario.bill_usd),
        "total_usd": _money(scenario.total_usd),
        "unserved_ratio": float(scenario.unserved_ratio),
    }


def _uncertainty(known: Uncertainty) -> Json:
    value = known.foresight
    return {
        "aim": str(known.aim),
        "aimed_usd": _money(known.aimed_usd),
        "aimed_bound_usd": _money(known.aimed_bound_usd),
        "cvar_usd": _money(known.cvar_usd),
        "worst_scenario": known.worst_scenario,
        "worst_usd": _money(known.worst_usd),
        "short_probability": float(known.short_probability),
        "foresight": None if value is None else _foresight(value),
        **({} if known.reduction is None else {"reduction": _reduction(known.reduction)}),
        **({} if known.spot_loss is None else {"spot_loss": _spot_loss(known.spot_loss)}),
        **({} if known.waiting is None else {"waiting": _waiting(known.waiting)}),
    }


def _waiting(value: WaitingValue) -> Json:
    return {
        "months": value.months,
        "keep_usd": _money(value.keep_usd),
        "wait_usd": _money(value.wait_usd),
        "adjust_usd": _money(value.adjust_usd),
        "adjust_base": _counts(value.adjust_base),
    }


def _spot_loss(outcome: SpotLossOutcome) -> Json:
    return {
        "probability": float(outcome.probability),
        "outage_hours": outcome.outage_hours,
        "pools": list(outcome.pools),
        "unaware_usd": _money(outcome.unaware_usd),
        "ignored_usd": _money(outcome.ignored_usd),
        "worst_unserved_ratio": float(outcome.worst_unserved_ratio),
    }


def _reduction(reduction: ScenarioReduction) -> Json:
    return {
        "scenarios": reduction.scenarios,
        "kept": reduction.kept,
        "bound_usd": _money(reduction.bound_usd),
        "all_usd": _money(reduction.all_usd),
        "least_usd": _money(reduction.least_usd),
    }


def _foresight(value: ForesightValue) -> Json:
    return {
        "alone_usd": [_money(usd) for usd in value.alone_usd],
        "perfect_saves_at_most_usd": _money(value.perfect_saves_at_most_usd),
        "perfect_relaxed_usd": _money(value.perfect_relaxed_usd),
        "perfect_whole_usd": _money_or_none(value.perfect_whole_usd),
        "mean_base": _counts(value.mean_base),
        "mean_relaxed_usd": _money(value.mean_relaxed_usd),
        "mean_whole_usd": _money_or_none(value.mean_whole_usd),
        "regret_usd": _money(value.regret_usd),
        "regret_scenario": value.regret_scenario,
    }


def _rejected(rejected: Rejected) -> Json:
    document: Json = {"offer": rejected.offer, "reason": rejected.reason}
    if rejected.cheaper_by_usd is not None:
        document["cheaper_by_usd"] = _money(rejected.cheaper_by_usd)
    return document


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {offer: int(count) for offer, count in counts.items()}


def _money(amount: Decimal) -> str:
    """The exact amount; never in powers of ten, which few readers of money expect."""
    return format(amount, "f")


def _money_or_none(amount: Decimal | None) -> str | None:
    return None if amount is None else _money(amount)


def _float_or_none(value: float | None) -> float | None:
    return None if value is None else float(value)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
