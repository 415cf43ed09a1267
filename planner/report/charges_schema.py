"""The JSON Schema of `baseload.charges/1`, published as docs/schemas/charges.schema.json. Pure."""

import json

from planner.report.charges import CHARGES_SCHEMA
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, listed, record, said

COUNT: Json = {"type": "integer", "minimum": 0}


def charges_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `ledger charges --json` prints."""
    charge = record(
        {
            "tag": said(TEXT, "Value of the tag charged by; empty: untagged usage."),
            "model": said(TEXT, "Empty: shared cost that bears the tag of somebody without usage."),
            "input_tokens": said(COUNT, "Served in measured hours, cached ones included."),
            "output_tokens": COUNT,
            "work_node_hours": said(NUMBER, "Node-hours its tokens kept busy."),
            "usage_usd": said(MONEY, "Its part of the busy time."),
            "idle_usd": said(MONEY, "Its part of the model's idle time, by usage."),
            "shared_usd": said(MONEY, "Its part of what is shared, by usage."),
            "allocated_usd": said(MONEY, "Usage + idle + shared."),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:charges:1",
        "title": CHARGES_SCHEMA,
        "description": (
            "A month's bill allocated by a tag: usage + idle + shared = bill, and the sum of allocated + unallocated = "
            "bill, to the cent. Money: USD net of VAT, decimal strings."
        ),
        **record(
            {
                "schema": {"const": CHARGES_SCHEMA},
                "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
                "as_of": said({"type": "string", "format": "date-time"}, "Running leases are charged up to here."),
                "by": said(TEXT, "The tag charged by."),
                "currency": {"const": "USD"},
                "price_basis": TEXT,
                "bill_usd": MONEY,
                "usage_usd": MONEY,
                "idle_usd": said({"type": "object", "additionalProperties": MONEY}, "Model -> paid and not used."),
                "shared_usd": MONEY,
                "unallocated_usd": said(MONEY, "Idle or shared cost without any usage to allocate it by."),
                "charges": listed(charge),
                "remarks": listed(TEXT),
            }
        ),
    }


def charges_schema_text() -> str:
    """The published file docs/schemas/charges.schema.json."""
    return json.dumps(charges_schema(), indent=2, ensure_ascii=False) + "\n"
