"""What the three views of sensitivity have in common: headings, basis, parts of documents. Pure."""

from typing import Any

from planner.plan import Plan
from planner.report.numbers import Currency, number, span
from planner.report.price.section import TEXT, listed, record
from planner.report.whatif_json import horizon_document, horizon_schema

Json = dict[str, Any]


def heading(what: str, plan: Plan) -> str:
    """The first line: what, of which models, over which hours."""
    return f"{what}: {', '.join(plan.models)}, {span(plan.start, plan.end)} ({number(plan.hours, 0)} h)"


def basis(plan: Plan, currency: Currency, *more: str) -> str:
    """The last line: what the amounts are."""
    return "; ".join(filter(None, (f"Basis: {plan.price_basis}", *more, currency.note)))


def opening(schema: str, plan: Plan) -> Json:
    """The keys every document begins with."""
    return {
        "schema": schema,
        "horizon": horizon_document(plan),
        "currency": "USD",
        "price_basis": plan.price_basis,
        "forecast": plan.provenance.forecast,
        "policy": plan.provenance.policy,
    }


def document_schema(schema: str, description: str, properties: Json) -> Json:
    """The JSON Schema (draft 2020-12) of a document with these keys after the opening, and remarks at its end."""
    name = schema.removeprefix("baseload.").removesuffix("/1")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:baseload:schema:{name}:1",
        "title": schema,
        "description": f"{description} Money: USD net of VAT, decimal strings.",
        **record(
            {
                "schema": {"const": schema},
                "horizon": horizon_schema(),
                "currency": {"const": "USD"},
                **dict.fromkeys(("price_basis", "forecast", "policy"), TEXT),
                **properties,
                "remarks": listed(TEXT),
            }
        ),
        "$defs": {"money": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}},
    }
