"""The JSON Schemas of `baseload.catalog/1` and `baseload.profile/1`, for readers of `--json`. Pure.

The published copies are docs/schemas/catalog.schema.json and docs/schemas/profile.schema.json.
"""

import json
from typing import Any

from planner.report.listings import CATALOG_SCHEMA
from planner.report.profiles import PROFILE_SCHEMA

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
NUMBER: Json = {"type": "number", "minimum": 0}
POSITIVE: Json = {"type": "number", "exclusiveMinimum": 0}
SIGNED: Json = {"type": "number"}
MONEY: Json = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
DATE: Json = {"type": "string", "format": "date"}
MAX_MODEL_LEN: Json = {
    "anyOf": [COUNT, {"type": "null"}],
    "description": "Longest context of one request that fits memory, tokens; null without memory figures.",
}
BASIS: Json = {"enum": ["measured", "estimated"]}


def catalog_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `catalog list --json` prints."""
    return _document(
        "catalog",
        CATALOG_SCHEMA,
        "Offers, cheapest per million tokens first. Money: USD net of VAT, decimal strings. Unknown is null.",
        {
            "currency": {"const": "USD"},
            "price_basis": TEXT,
            "usd_per_eur": _said(_null(MONEY), "Rate at which prices in EUR were converted."),
            "usd_per_eur_date": _null(DATE),
            "model": _said(TEXT, "Whose tokens the cost is of."),
            "profile": TEXT,
            "slo": _slo(),
            "input_per_output": _said(NUMBER, "Input tokens per output token in the cost."),
            "offers": _list(_catalog_offer()),
            "left_out": _said(_list(_record({"id": TEXT, "reason": TEXT})), "Known but not offered; with --left-out."),
        },
    )


def profile_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `profile show --json` prints."""
    machine = {
        "machine": TEXT,
        "cpu": _null(TEXT),
        "gpu": _null(TEXT),
        "gpu_count": COUNT,
        "kind": {"enum": ["curve", "single stream", "rates", "blended rate"]},
        "lengths": TEXT,
        "max_concurrency": _null(POSITIVE),
        "basis": BASIS,
        "source": TEXT,
        "source_date": TEXT,
    }
    test = dict.fromkeys(("prefill_measured", "prefill_estimated", "decode_measured", "decode_estimated"), POSITIVE)
    return _document(
        "profile",
        PROFILE_SCHEMA,
        "Rates of a model by offer, cheapest per million tokens first. Money: USD net of VAT, decimal strings.",
        {
            "currency": {"const": "USD"},
            "model": TEXT,
            "slo": _slo(),
            "input_per_output": _said(NUMBER, "Input tokens per output token in the cost."),
            "profile": _record(
                {
                    **dict.fromkeys(("name", "title", "source", "source_date", "licence"), TEXT),
                    **dict.fromkeys(("machines", "measured", "estimated"), COUNT),
                }
            ),
            "profiles": _said(_list(TEXT), "Names of all profiles."),
            "offers": _list(_rated_offer()),
            "unfit": _said(
                _list(_record({"offer": TEXT, "reason": TEXT, "max_model_len": MAX_MODEL_LEN})),
                "Offers without a rate, and why; max_model_len with the model split over all of the node.",
            ),
            "leave_one_out": _said(
                _list(_record({"key": TEXT, **test, "prefill_error": SIGNED, "decode_error": SIGNED})),
                "Test of the rule behind estimated offers, tok/s; errors are estimated / measured - 1.",
            ),
        },
        {"machines": _said(_list(_record(machine)), "With --machines.")},
    )


def catalog_schema_text() -> str:
    """The published file docs/schemas/catalog.schema.json."""
    return json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n"


def profile_schema_text() -> str:
    """The published file docs/schemas/profile.schema.json."""
    return json.dumps(profile_schema(), indent=2, ensure_ascii=False) + "\n"


def _catalog_offer() -> Json:
    return _record(
        {
            "id": TEXT,
            "role": {"enum": ["base", "burst"]},
            "market": {"enum": ["base", "on-demand", "spot"]},
            "region": TEXT,
            "zone": _null(TEXT),
            "vcpu": _null(COUNT),
            "memory_gib": _null(POSITIVE),
            "gpu": _null(TEXT),
            "gpu_count": COUNT,
            "gpu_memory_gib": _said(_null(POSITIVE), "Of one card, as its driver reports it."),
            "price_usd_hour": _said(_null(MONEY), "Of what is sold by the hour."),
            "mean_days": _said(_null(NUMBER), "Of how many days the price is the mean; null: the price of one day."),
            "least_usd_hour": _said(_null(MONEY), "In those days."),
            "most_usd_hour": _said(_null(MONEY), "In those days."),
            "fee_usd_month": _said(_null(MONEY), "Monthly fee, or the monthly cap of an hourly price."),
            "setup_fee_usd": MONEY,
            "quoted_usd_hour": _said(MONEY, "What the cost is reckoned with: a base offer's fee / 720 h."),
            "billing": {"enum": ["started_hour", "started_hour_capped", "second", "month_prorated", "month"]},
            "egress_usd_gb": MONEY,
            "interruptions_per_hour": _null(NUMBER),
            "price_date": DATE,
            "is_price_stale": _said({"type": "boolean"}, "Older than [catalog] max_price_age_days, max_spot_age_days."),
            "source": TEXT,
            "currency": _said({"enum": ["USD", "EUR"]}, "Of the source; prices here are converted."),
            "basis": _null(BASIS),
            "usd_mtok": _said(_null(MONEY), "Per million tokens of the mix, on a node busy all the time."),
            "no_rate_reason": _said(_null(TEXT), "Why there is no cost."),
        }
    )


def _rated_offer() -> Json:
    workload = {
        "workload": TEXT,
        "concurrency": POSITIVE,
        "ttft_p95_ms": _null(NUMBER),
        "tpot_ms": _null(NUMBER),
        "residual_ratio": _said(_null(SIGNED), "input / P + output / G - 1; above 0 the rates understate the machine."),
    }
    point = {
        "workload": TEXT,
        **dict.fromkeys(("prompt_tokens", "output_tokens", "concurrency", "input_tok_s", "output_tok_s"), NUMBER),
        "ttft_p95_ms": _null(NUMBER),
        "tpot_ms": _null(NUMBER),
        "is_rated": {"type": "boolean"},
    }
    return _record(
        {
            "offer": TEXT,
            "machine": _said(_null(TEXT), "Whose measurements these are."),
            "prefill_tok_s": _said(POSITIVE, "P: input tok/s of a node doing only prefill."),
            "decode_tok_s": _said(POSITIVE, "G: output tok/s of a node doing only decode."),
            "concurrency": _said(_null(POSITIVE), "Requests in flight at the rated point."),
            "ttft_p95_ms": _said(_null(NUMBER), "Of the slowest workload at its rated point."),
            "tpot_ms": _said(_null(NUMBER), "Of the slowest workload at its rated point."),
            "residual_ratio": _null(NUMBER),
            "max_model_len": MAX_MODEL_LEN,
            "usd_mtok": _null(MONEY),
            "basis": BASIS,
            **dict.fromkeys(("rule", "source", "source_date"), TEXT),
            "remarks": _list(TEXT),
            "workloads": _said(
                _list(_record(workload)), "Of the machine measured; a node may hold several side by side."
            ),
        },
        {"points": _said(_list(_record(point)), "With --offer: the curves.")},
    )


def _document(name: str, schema: str, description: str, required: Json, optional: Json | None = None) -> Json:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:baseload:schema:{name}:1",
        "title": schema,
        "description": description,
        **_record({"schema": {"const": schema}, **required}, optional),
    }


def _record(required: Json, optional: Json | None = None) -> Json:
    """A closed object."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def _slo() -> Json:
    return _record({"ttft_ms": _null(POSITIVE), "tpot_ms": _null(POSITIVE)})


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _said(schema: Json, description: str) -> Json:
    return schema | {"description": description}
