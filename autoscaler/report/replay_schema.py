"""The JSON Schema of `baseload.replay/1`, for readers of `replay --json`. Renders values.

The published copy is docs/schemas/replay.schema.json.
"""

import json

from autoscaler.report.planned_tables import expected_schema, planned_schema
from autoscaler.report.replay_json import REPLAY_SCHEMA
from planner.report.price.section import MONEY, NUMBER, SIGNED, TEXT, Json, listed, or_null, record, said

COUNT: Json = {"type": "integer", "minimum": 0}
RATIO: Json = {"type": "number", "minimum": 0, "maximum": 1}
MOMENT: Json = {"type": "string", "format": "date-time"}
BY_POOL: Json = {"type": "object", "additionalProperties": NUMBER}


def replay_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `replay --json` prints."""
    head = {
        "schema": {"const": REPLAY_SCHEMA},
        "currency": {"const": "USD"},
        "world": world_schema(),
        "expected": said(expected_schema(), "Latency to expect of each offer at the target utilization."),
        "planned": said(planned_schema(), "With --plan: the plan's bill against its replay, by scenario; else empty."),
        "remarks": listed(TEXT),
    }
    one = record({**head, **figures_schema()})
    several = record(
        {
            **head,
            "policies": said(
                {"type": "object", "additionalProperties": record(figures_schema()), "minProperties": 2},
                "By name of the controller; all on the same world.",
            ),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:replay:1",
        "title": REPLAY_SCHEMA,
        "description": "Traffic replayed against simulated clouds, and the bill. Money: USD net of VAT, decimal "
        "strings. Minutes from the start of the replay. Unknown is null.",
        "anyOf": [one, several],
    }


def replay_schema_text() -> str:
    """The published file docs/schemas/replay.schema.json."""
    return json.dumps(replay_schema(), indent=2, ensure_ascii=False) + "\n"


def world_schema() -> Json:
    """The schema of what every controller had to do with."""
    base = {"offer": TEXT, "model": TEXT, "count": COUNT, "bill_usd": MONEY}
    return record(
        {
            "name": TEXT,
            "seed": {"type": "integer"},
            "faults": TEXT,
            "tick_s": NUMBER,
            "start": MOMENT,
            "end": MOMENT,
            "traffic": said(TEXT, "Where the traffic comes from, and what was changed of it."),
            "step_s": NUMBER,
            "unmeasured_steps": said(COUNT, "Steps that were interpolated."),
            "models": listed(TEXT),
            "base": listed(record(base)),
            "pools": said(listed(TEXT), "What a controller could launch."),
            "target_utilization": RATIO,
            "max_unserved_ratio": RATIO,
        }
    )


def figures_schema() -> Json:
    """The schemas of what one controller did, by key."""
    return {
        "policy": said(TEXT, "Name of the controller."),
        "minutes": NUMBER,
        "bill_usd": said(MONEY, "Base, burst and egress."),
        "base_usd": MONEY,
        "base_nodes": COUNT,
        "burst_usd": MONEY,
        "egress_usd": MONEY,
        "bound_usd": said(or_null(MONEY), "Least bill of perfect foresight that serves every token."),
        "bound_at_unserved_usd": said(or_null(MONEY), "The same at this controller's own unserved ratio."),
        "ratio_to_bound": said(or_null(NUMBER), "bill_usd / bound_usd."),
        "unserved_ratio": said(RATIO, "Share of the tokens asked for."),
        "delay": said(
            record(dict.fromkeys(("p50_s", "p95_s", "p99_s"), or_null(NUMBER))),
            "Estimated time to first token over the tokens served, seconds.",
        ),
        "launches": COUNT,
        "interruptions": COUNT,
        "capacity_failures": said(COUNT, "Launches refused for lack of stock or quota."),
        "opposite_moves": said(COUNT, "Scale-outs within an hour of a scale-in of the same model, and the reverse."),
        "wasted_paid_usd": said(MONEY, "Paid for time in which a node was not ready or not needed."),
        "ticks": COUNT,
        "ticks_per_s": said(or_null(NUMBER), "Per second of this run; the one figure that a second run changes."),
        "leases": said(listed(_lease()), "Burst nodes, by their order."),
        "hours": listed(_hour()),
        "reasons": said(
            {"type": "object", "additionalProperties": COUNT}, "How often each kind of reason for a move was given."
        ),
    }


def _lease() -> Json:
    return record(
        {
            "offer": TEXT,
            "model": TEXT,
            "start_min": said(NUMBER, "Ordered."),
            "ready_min": said(or_null(NUMBER), "First served; null: never."),
            "end_min": said(NUMBER, "Ended, or the end of the replay."),
            "count": COUNT,
            "charge_usd": MONEY,
            "wasted_usd": MONEY,
            "how_it_ended": TEXT,
        }
    )


def _hour() -> Json:
    return record(
        {
            "hour": MOMENT,
            "asked_tokens": NUMBER,
            "unserved_tokens": NUMBER,
            "work_nodes": said(NUMBER, "Mean work asked for, in nodes of each model's reference offer."),
            "ready_nodes": said(NUMBER, "Mean ready capacity in the same nodes, base included."),
            "coming_nodes": NUMBER,
            "pools": said(BY_POOL, "Mean nodes paid for."),
            "interruptions": NUMBER,
            "cost_usd": said(SIGNED, "Base and burst as accrued; a float, for pictures."),
            "ttft_p95_s": or_null(NUMBER),
        }
    )
