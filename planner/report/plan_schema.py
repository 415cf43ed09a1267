"""The JSON Schema of `baseload.plan/1`, the contract for readers of plan.json. Pure.

The published copy is docs/schemas/plan.schema.json, written by report/schemas.py (`make schemas`).
"""

import json
from typing import Any

from planner.report.plan_json import SCHEMA
from policies.planning import Aim, SpotLoss

Json = dict[str, Any]


def plan_schema() -> Json:
    """The JSON Schema (draft 2020-12) of the document that `plan --json` prints."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:plan:1",
        "title": SCHEMA,
        "description": "A plan of `baseload plan --json`. Money: USD net of VAT, decimal strings. Times: UTC.",
        **_record(
            {
                "schema": {"const": SCHEMA},
                **_head(),
                "policy": _policy(),
                "models": _by_name(_model(), "What the plan assumed of each model."),
                "offers": _by_name(_offer(), "Exactly the offers that the optimiser could use."),
                "scenario_shown": _nullable(_text("The scenario of hours_detail and leases; null: there is one only.")),
                "hours_detail": _list(_hour(), "Every hour of the horizon, in order."),
                "leases": _list(_lease(), "Burst nodes as they will be billed."),
                "scenarios": _list(_scenario(), "What the plan costs in each scenario."),
                "rejected": _list(_rejected(), "Offers that were not chosen, and the binding reason."),
                "alternatives": _list(_alternative(), "Other base counts, billed in whole nodes like the plan."),
                "switching": _list(_switching(), "Demand factors at which a base count changes."),
                "provenance": _record(
                    {
                        name: {"type": "string"}
                        for name in ("catalog", "forecast", "policy", "solver", "status", "recourse", "version")
                    }
                ),
                "remarks": _list({"type": "string"}, "What a reader should know; also printed on stderr."),
            },
            {
                "has_launches": {
                    "type": "boolean",
                    "description": "Are launches part of the optimum and of its bound? Absent in earlier plans: no.",
                },
                "demand_factor": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "description": "What the forecast was multiplied by, under --maximize traffic.",
                },
                "uncertainty": _uncertainty(),
            },
        ),
        "$defs": {"money": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}},
    }


def _head() -> Json:
    money = {"$ref": "#/$defs/money"}
    costs = ("base_fees_usd", "setup_usd", "burst_usd", "egress_usd", "interruption_usd", "unserved_penalty_usd")
    return {
        "horizon": _record(
            {
                "start": _time("Start of the first hour."),
                "end": _time("The instant after the last hour."),
                "hours": {"type": "integer", "minimum": 1},
                "fee_basis": {"enum": ["month", "prorated"]},
            }
        ),
        "currency": {"const": "USD"},
        "price_basis": _text("What the prices are: VAT, hours, currency rate."),
        "base": _counts("Base nodes to rent."),
        "owned_changes": _record({name: _counts() for name in ("keep", "buy", "cancel")}),
        "bill_usd": money | {"description": "Expected invoice: base fees, setup spread over tenure, burst, egress."},
        "setup_due_usd": money | {"description": "Setup fees that fall due at once."},
        "total_usd": money | {"description": "bill + unserved penalty + interruption cost."},
        "relaxed_bound_usd": money | {"description": "Least cost with burst in fractions of nodes."},
        "lower_bound_usd": money | {"description": "Best proven lower bound on total_usd."},
        "gap_ratio": {"type": "number", "description": "(total - lower bound) / total."},
        "gap": _record(
            dict.fromkeys(("rounding_usd", "launch_overhead_usd", "search_usd"), money),
            {"aim_usd": money | {"description": "What an aim other than the expected total costs in expectation."}},
        ),
        "search": {"enum": ["proven", "limit"], "description": "Were the base counts proven to be optimal?"},
        "cost": _record(dict.fromkeys(costs, money)),
        "unserved_ratio": _ratio("Expected share of tokens unserved."),
        "utilization": _record({"mean": _ratio(), "peak": _ratio()}),
        "cost_usd_mtok": _record({name: _nullable(money) for name in ("blended", "input", "output")}),
    }


def _policy() -> Json:
    return _record(
        {
            "target_utilization": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "survive_base_losses": {"type": "integer", "minimum": 0, "maximum": 2},
            "max_spot_share": _ratio(),
            "max_pool_share": _ratio(),
            "tenure_months": {"type": "integer", "minimum": 1},
            "sharing": {"enum": ["none", "hourly"]},
            "max_unserved_ratio": _ratio(),
            "unserved_usd_mtok": {"$ref": "#/$defs/money"},
            "egress_bytes_per_output_token": {"type": "integer", "minimum": 0},
            "lost_work_s": {"type": "number", "minimum": 0},
            "max_usd_month": _nullable({"$ref": "#/$defs/money"}),
            "measured_only": {"type": "boolean"},
            "max_search_gap": _ratio(),
            "unknown_lead_time_s": {"type": "number", "minimum": 0},
            "aim": {"enum": [str(aim) for aim in Aim]},
            "cvar_level": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "cvar_weight": _ratio(),
            "max_short_probability": _ratio(),
            "survive_spot_loss": {"enum": [str(loss) for loss in SpotLoss]},
        }
    )


def _model() -> Json:
    rates = _record(
        {
            "prefill_tok_s": _positive("Input tok/s of a node doing only prefill."),
            "decode_tok_s": _positive("Output tok/s of a node doing only decode."),
            "basis": {"enum": ["measured", "estimated"]},
            "concurrency": _nullable(_positive("Requests in flight at the rated point.")),
            "rule": {"type": "string"},
            "source": {"type": "string"},
            "source_date": {"type": "string"},
            "residual_ratio": _nullable({"type": "number", "minimum": 0}),
        }
    )
    return _record(
        {
            "cache_hit_ratio": _ratio("Share of input tokens served from the prefix cache."),
            "unserved_usd_mtok": {"$ref": "#/$defs/money"},
            "rates": _by_name(rates, "By offer; an offer without rates cannot serve the model."),
        }
    )


def _offer() -> Json:
    money = {"$ref": "#/$defs/money"}
    optional = {
        "fee_usd_horizon": money | {"description": "Fee of one base node over the horizon."},
        "setup_usd_horizon": money | {"description": "Setup fee of one base node, the horizon's part of its tenure."},
        "rate_usd_hour": {
            "oneOf": [money, {"type": "array", "items": money}],
            "description": "Price of a burst node-hour; a list: by hour of the horizon.",
        },
        "cap_usd_month": money | {"description": "Monthly cap of an hourly price, where leases are charged with one."},
        "count_group": _text("Offers of one group share group_max nodes."),
        "group_max": {"type": "integer", "minimum": 0},
    }
    required = {
        "role": {"enum": ["base", "burst"]},
        "offer_id": _text("The offer's id in the catalog; keys of owned servers differ from it."),
        "interruption_usd_hour": money | {"description": "Expected cost of interruptions per node-hour."},
        "egress_usd_mtok": money | {"description": "Per million output tokens."},
        "min_count": {"type": "integer", "minimum": 0},
        "max_count": _nullable({"type": "integer", "minimum": 0}) | {"description": "null: no limit."},
        "lead_time_s": {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0},
            "description": "By model: request to ready with the model loaded; empty for base.",
        },
        "billing": {"enum": ["started_hour", "started_hour_capped", "second", "month_prorated", "month"]},
        "is_spot": {"type": "boolean"},
        "price_date": {"type": "string", "format": "date"},
        "is_price_stale": {"type": "boolean", "description": "Older than the fleet allowed when the plan was made."},
        "source": {"type": "string"},
    }
    return _record(required, optional)


def _hour() -> Json:
    demand = _record({name: {"type": "number", "minimum": 0} for name in ("input_tok_s", "output_tok_s")})
    marginal = _nullable(
        {
            "type": "number",
            "description": "USD of a further million tokens, by the relaxation; null: nothing asked for.",
        }
    )
    part = {
        "base": _counts("Base nodes serving."),
        "burst": _counts("Burst nodes, whole."),
        "unserved_ratio": _ratio(),
        "marginal_usd_mtok": marginal,
    }
    return _record(
        {"hour": _time("Start of the hour."), "demand": _by_name(demand, "By model."), **part},
        {
            "scenario": {"type": "string"},
            "by_model": _by_name(_record(part), "Present when there is more than one model."),
        },
    )


def _lease() -> Json:
    return _record(
        {
            "offer": {"type": "string"},
            "model": {"type": "string"},
            "start": _time("When the nodes are ordered: one lead time before their first hour."),
            "end": _time("When they are given back."),
            "count": {"type": "integer", "minimum": 1},
            "charge_usd": {"$ref": "#/$defs/money", "description": "For all nodes of the lease together."},
        }
    )


def _scenario() -> Json:
    return _record(
        {
            "name": {"type": "string"},
            "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "bill_usd": {"$ref": "#/$defs/money"},
            "total_usd": {"$ref": "#/$defs/money"},
            "unserved_ratio": _ratio(),
        }
    )


def _uncertainty() -> Json:
    """What only a plan for several scenarios has."""
    money = {"$ref": "#/$defs/money"}
    whole = "In whole nodes, as billed; null: too many hours to dispatch."
    foresight = _record(
        {
            "alone_usd": _list(money, "Least total of a plan for each scenario alone, relaxed: a bound."),
            "perfect_saves_at_most_usd": money | {"description": "total_usd - the expectation of alone_usd."},
            "perfect_relaxed_usd": money | {"description": "Expected value of perfect information, relaxed."},
            "perfect_whole_usd": _nullable(money) | {"description": whole},
            "mean_base": _counts("Base nodes of the plan for the mean demand."),
            "mean_relaxed_usd": money | {"description": "What planning on the mean costs more, relaxed."},
            "mean_whole_usd": _nullable(money) | {"description": whole},
            "regret_usd": money | {"description": "The most that hindsight would have saved, at most."},
            "regret_scenario": {"type": "string"},
        }
    )
    return _record(
        {
            "aim": {"enum": [str(aim) for aim in Aim]},
            "aimed_usd": money | {"description": "What the aim made least."},
            "aimed_bound_usd": money | {"description": "Best proven lower bound on aimed_usd."},
            "cvar_usd": money | {"description": "Mean total of the dearest 1 - policy.cvar_level of outcomes."},
            "worst_scenario": {"type": "string"},
            "worst_usd": money,
            "short_probability": _ratio("Of the scenarios that leave more than policy.max_unserved_ratio unserved."),
            "foresight": _nullable(foresight),
        },
        {"reduction": _reduction(), "spot_loss": _spot_loss(), "waiting": _waiting()},
    )


def _waiting() -> Json:
    money = {"$ref": "#/$defs/money"}
    return _record(
        {
            "months": {"type": "integer", "minimum": 2, "description": "The tenure the amounts are for."},
            "keep_usd": money | {"description": "The base committed to now and kept."},
            "wait_usd": money | {"description": "Burst alone for a month, then the best base for what came."},
            "adjust_usd": money | {"description": "The best base to begin with, adjusted after the month."},
            "adjust_base": _counts("Base nodes of adjust_usd now."),
        }
    )


def _spot_loss() -> Json:
    money = {"$ref": "#/$defs/money"}
    return _record(
        {
            "probability": _ratio("Of any loss within the horizon."),
            "outage_hours": {"type": "integer", "minimum": 1},
            "pools": _list({"type": "string"}, "Pools in use that may be lost."),
            "unaware_usd": money | {"description": "Total of the plan that knows of no losses, if none comes."},
            "ignored_usd": money | {"description": "Total of that plan's base counts when losses come."},
            "worst_unserved_ratio": _ratio("Of this plan, over the scenarios."),
        }
    )


def _reduction() -> Json:
    money = {"$ref": "#/$defs/money"}
    return _record(
        {
            "scenarios": {"type": "integer", "minimum": 2, "description": "Of the forecast."},
            "kept": {"type": "integer", "minimum": 2},
            "bound_usd": money | {"description": "The least over the kept ones differs from that over all by no more."},
            "all_usd": money | {"description": "This plan's base counts over all scenarios, burst in fractions."},
            "least_usd": money | {"description": "The least over all scenarios, proven, burst in fractions."},
        }
    )


def _rejected() -> Json:
    cheaper = "How much less it would have to cost: per node and horizon for base, per node-hour for burst."
    return _record(
        {"offer": {"type": "string"}, "reason": {"type": "string"}},
        {"cheaper_by_usd": {"$ref": "#/$defs/money", "description": cheaper}},
    )


def _alternative() -> Json:
    money = {"$ref": "#/$defs/money"}
    return _record({"base": _counts(), "bill_usd": money, "total_usd": money, "dearer_by_usd": money})


def _switching() -> Json:
    count = {"type": "integer", "minimum": 0}
    return _record(
        {"offer": {"type": "string"}, "factor": _positive(), "count_below": count, "count_above": count},
    )


def _record(required: Json, optional: Json | None = None) -> Json:
    """A closed object."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def _by_name(value: Json, description: str) -> Json:
    return {"type": "object", "additionalProperties": value, "description": description}


def _list(items: Json, description: str) -> Json:
    return {"type": "array", "items": items, "description": description}


def _counts(description: str = "") -> Json:
    counts: Json = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
    return counts | ({"description": description} if description else {})


def _nullable(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _ratio(description: str = "") -> Json:
    ratio: Json = {"type": "number", "minimum": 0, "maximum": 1}
    return ratio | ({"description": description} if description else {})


def _positive(description: str = "") -> Json:
    positive: Json = {"type": "number", "exclusiveMinimum": 0}
    return positive | ({"description": description} if description else {})


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


def _time(description: str) -> Json:
    return {"type": "string", "format": "date-time", "pattern": "Z$", "description": description}


def plan_schema_text() -> str:
    """The published file docs/schemas/plan.schema.json."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
