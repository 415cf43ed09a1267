"""Reads `plan.json`, the document `baseload.plan/1`, back into a Plan. Text in; report/plan_json.py writes it."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from planner.errors import InputError
from planner.plan import (
    Alternative,
    CostLines,
    ForesightValue,
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
    ScenarioReduction,
    SpotLossOutcome,
    SwitchingPoint,
    Uncertainty,
    UnitCost,
    Utilization,
    WaitingValue,
)
from planner.profile.model import Basis, Rates
from policies.billing import Billing
from policies.planning import Aim, PlanningPolicy, Sharing, SpotLoss

SCHEMA = "baseload.plan/1"

Json = dict[str, Any]


def read_plan(text: str, *, source: str) -> Plan:
    """The plan of a JSON text; what is no such document is an InputError that names the key."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: not readable as JSON ({error}); expected a plan.json") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{source}: schema is {schema!r}; expected {SCHEMA!r}, as `baseload plan -o` writes")
    try:
        return _plan(document)
    except KeyError as error:
        raise InputError(f"{source}: key {error} is missing; expected a plan.json of {SCHEMA}") from None
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise InputError(f"{source}: a value does not fit {SCHEMA} ({' '.join(str(error).split())})") from None


def _plan(document: Json) -> Plan:
    horizon, unit = document["horizon"], document["cost_usd_mtok"]
    return Plan(
        start=_time(horizon["start"]),
        end=_time(horizon["end"]),
        hours=horizon["hours"],
        fee_basis=horizon["fee_basis"],
        price_basis=document["price_basis"],
        base=document["base"],
        owned_changes=OwnedChanges(**document["owned_changes"]),
        bill_usd=Decimal(document["bill_usd"]),
        setup_due_usd=Decimal(document["setup_due_usd"]),
        total_usd=Decimal(document["total_usd"]),
        relaxed_bound_usd=Decimal(document["relaxed_bound_usd"]),
        lower_bound_usd=Decimal(document["lower_bound_usd"]),
        gap_ratio=document["gap_ratio"],
        gap=Gap(**{key: Decimal(value) for key, value in document["gap"].items()}),
        search=document["search"],
        has_launches=document.get("has_launches", False),
        cost=CostLines(**{key: Decimal(value) for key, value in document["cost"].items()}),
        unserved_ratio=document["unserved_ratio"],
        utilization=Utilization(**document["utilization"]),
        cost_usd_mtok=UnitCost(**{key: _money(unit[key]) for key in ("blended", "input", "output")}),
        policy=_policy(document["policy"]),
        models={name: _model(terms) for name, terms in document["models"].items()},
        offers={name: _offer(terms) for name, terms in document["offers"].items()},
        scenario_shown=document["scenario_shown"] or "",
        hours_detail=tuple(_hour(hour) for hour in document["hours_detail"]),
        leases=tuple(_lease(lease) for lease in document["leases"]),
        scenarios=tuple(_scenario(one) for one in document["scenarios"]),
        rejected=tuple(
            Rejected(offer=one["offer"], reason=one["reason"], cheaper_by_usd=_money(one.get("cheaper_by_usd")))
            for one in document["rejected"]
        ),
        alternatives=tuple(
            Alternative(base=one["base"], **{key: Decimal(one[key]) for key in one if key != "base"})
            for one in document["alternatives"]
        ),
        switching=tuple(SwitchingPoint(**one) for one in document["switching"]),
        provenance=Provenance(**document["provenance"]),
        remarks=tuple(document["remarks"]),
        demand_factor=document.get("demand_factor"),
        uncertainty=_uncertainty(document["uncertainty"]) if "uncertainty" in document else None,
    )


def _policy(table: Json) -> PlanningPolicy:
    money = {key: _money(table[key]) for key in ("unserved_usd_mtok", "max_usd_month")}
    words = {
        "sharing": Sharing(table["sharing"]),
        "aim": Aim(table.get("aim", "expected")),
        "survive_spot_loss": SpotLoss(table.get("survive_spot_loss", "none")),
    }
    return PlanningPolicy(**{**table, **money, **words})


def _model(terms: Json) -> ModelTerms:
    return ModelTerms(
        cache_hit_ratio=terms["cache_hit_ratio"],
        unserved_usd_mtok=Decimal(terms["unserved_usd_mtok"]),
        rates={offer: Rates(**{**rates, "basis": Basis(rates["basis"])}) for offer, rates in terms["rates"].items()},
    )


def _offer(terms: Json) -> OfferTerms:
    rate = terms.get("rate_usd_hour")
    if isinstance(rate, list):  # nothing writes one yet
        raise TypeError("rate_usd_hour is a list; expected one price")
    return OfferTerms(
        role=terms["role"],
        offer_id=terms["offer_id"],
        fee_usd_horizon=_money(terms.get("fee_usd_horizon")),
        setup_usd_horizon=_money(terms.get("setup_usd_horizon")),
        rate_usd_hour=_money(rate),
        interruption_usd_hour=Decimal(terms["interruption_usd_hour"]),
        egress_usd_mtok=Decimal(terms["egress_usd_mtok"]),
        min_count=terms["min_count"],
        max_count=terms["max_count"],
        count_group=terms.get("count_group"),
        group_max=terms.get("group_max"),
        lead_time_s=terms["lead_time_s"],
        billing=Billing(terms["billing"]),
        cap_usd_month=_money(terms.get("cap_usd_month")),
        is_spot=terms["is_spot"],
        price_date=date.fromisoformat(terms["price_date"]),
        is_price_stale=terms.get("is_price_stale", False),
        source=terms["source"],
    )


def _hour(hour: Json) -> HourDetail:
    """An hour; where there is one model, what the document says of the hour is said of the model."""
    parts = hour.get("by_model") or dict.fromkeys(hour["demand"], hour)
    return HourDetail(
        hour=_time(hour["hour"]),
        by_model={
            name: ModelHour(
                input_tok_s=demand["input_tok_s"],
                output_tok_s=demand["output_tok_s"],
                base=parts[name]["base"],
                burst=parts[name]["burst"],
                unserved_ratio=parts[name]["unserved_ratio"],
                marginal_usd_mtok=parts[name]["marginal_usd_mtok"],
            )
            for name, demand in hour["demand"].items()
        },
        base=hour["base"],
        burst=hour["burst"],
        unserved_ratio=hour["unserved_ratio"],
        marginal_usd_mtok=hour["marginal_usd_mtok"],
    )


def _lease(lease: Json) -> PlannedLease:
    return PlannedLease(
        offer=lease["offer"],
        model=lease["model"],
        start=_time(lease["start"]),
        end=_time(lease["end"]),
        count=lease["count"],
        charge_usd=Decimal(lease["charge_usd"]),
    )


def _scenario(one: Json) -> ScenarioOutcome:
    return ScenarioOutcome(
        name=one["name"],
        probability=one["probability"],
        bill_usd=Decimal(one["bill_usd"]),
        total_usd=Decimal(one["total_usd"]),
        unserved_ratio=one["unserved_ratio"],
    )


def _uncertainty(table: Json) -> Uncertainty:
    money = {key: Decimal(table[key]) for key in ("aimed_usd", "aimed_bound_usd", "cvar_usd", "worst_usd")}
    value, reduction = table["foresight"], table.get("reduction")
    return Uncertainty(
        **money,
        aim=Aim(table["aim"]),
        worst_scenario=table["worst_scenario"],
        short_probability=table["short_probability"],
        foresight=None if value is None else _foresight(value),
        reduction=None if reduction is None else _reduction(reduction),
        spot_loss=_spot_loss(table["spot_loss"]) if "spot_loss" in table else None,
        waiting=_waiting(table["waiting"]) if "waiting" in table else None,
    )


def _waiting(table: Json) -> WaitingValue:
    money = {key: Decimal(table[key]) for key in ("keep_usd", "wait_usd", "adjust_usd")}
    return WaitingValue(**{**table, **money})


def _spot_loss(table: Json) -> SpotLossOutcome:
    money = {key: Decimal(table[key]) for key in ("unaware_usd", "ignored_usd")}
    return SpotLossOutcome(**{**table, **money, "pools": tuple(table["pools"])})


def _reduction(table: Json) -> ScenarioReduction:
    money = {key: Decimal(table[key]) for key in ("bound_usd", "all_usd", "least_usd")}
    return ScenarioReduction(scenarios=table["scenarios"], kept=table["kept"], **money)


def _foresight(value: Json) -> ForesightValue:
    kept = ("mean_base", "regret_scenario")
    money = {key: _money(amount) for key, amount in value.items() if key not in {*kept, "alone_usd"}}
    alone = tuple(Decimal(usd) for usd in value["alone_usd"])
    return ForesightValue(**{**money, **{key: value[key] for key in kept}, "alone_usd": alone})


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
