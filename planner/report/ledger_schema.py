"""The JSON Schemas of `baseload.ledger/1` and `baseload.db/1`, published in docs/schemas. Pure."""

import json

from planner.report.database import DB_SCHEMA
from planner.report.ledger import LEDGER_SCHEMA
from planner.report.price.section import TEXT, Json, listed, or_null, record, said

COUNT: Json = {"type": "integer", "minimum": 0}
TIME: Json = {"type": "string", "format": "date-time"}
FLAG: Json = {"type": "boolean"}
ROWS: Json = {"type": "object", "additionalProperties": COUNT, "description": "By table."}


def ledger_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `ledger import`, `list` and `retract` print."""
    batch = record(
        {
            "batch": said({"type": "integer", "minimum": 1}, "Number, in the order batches came."),
            "kind": {"enum": ["leases", "usage", "costs", "prices", "plan"]},
            "source": said(TEXT, "Name of the file, or plan."),
            "sha256": said({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "Of the text that was read."),
            "added_at": TIME,
            "tags": said(listed(TEXT), "Names of the tags that were kept."),
            "rows": COUNT,
            "start": said(or_null(TIME), "Of the time its facts speak of."),
            "end": said(or_null(TIME), "Null also where a lease is still running."),
            "retracted_at": or_null(TIME),
            "why_retracted": or_null(TEXT),
        }
    )
    month = record(
        {
            "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
            "leases": said(COUNT, "That touch it."),
            "usage_rows": said(COUNT, "By hour, model and tags."),
            "hours": said(COUNT, "Of the calendar, UTC."),
            "gap_hours": said(COUNT, "Of them, those in which usage is unknown."),
            "other_costs": COUNT,
            "plans": said(COUNT, "Whose horizon touches it."),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:ledger:1",
        "title": LEDGER_SCHEMA,
        "description": "Batches of facts, and what the ledger holds of each month. Times are UTC; unknown is null.",
        **record(
            {
                "schema": {"const": LEDGER_SCHEMA},
                "batches": listed(batch),
                "months": said(listed(month), "Of `ledger list`; else empty."),
            }
        ),
    }


def db_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `db upgrade | backup | restore | check` print."""
    head: Json = {
        "schema": {"const": DB_SCHEMA},
        "address": said(TEXT, "Of the database, a password as ***."),
        "revision": said(TEXT, "Of its schema; of a restore, the backup's."),
    }
    done = record(
        {
            **head,
            "action": {"enum": ["upgrade", "backup", "restore"]},
            "what": said(TEXT, "In words."),
            "rows": or_null(ROWS),
            "sha256": said(or_null(TEXT), "Of the backup's lines."),
            "file": or_null(TEXT),
        }
    )
    check = record(
        {
            **head,
            "action": {"const": "check"},
            "database": said(TEXT, "Name and version."),
            "is_ok": FLAG,
            "checks": listed(record({"name": TEXT, "is_ok": FLAG, "detail": TEXT})),
            "rows": ROWS,
            "newest_batch_at": or_null(TIME),
            "newest_hour": said(or_null(TIME), "Last hour with usage."),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:db:1",
        "title": DB_SCHEMA,
        "description": "What was done to the ledger's database, or found in it.",
        "oneOf": [done, check],
    }


def ledger_schema_text() -> str:
    """The published file docs/schemas/ledger.schema.json."""
    return json.dumps(ledger_schema(), indent=2, ensure_ascii=False) + "\n"


def db_schema_text() -> str:
    """The published file docs/schemas/db.schema.json."""
    return json.dumps(db_schema(), indent=2, ensure_ascii=False) + "\n"
