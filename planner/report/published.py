"""What publishing prices did, as a table for people and as the JSON document `baseload.published/1`. Opens nothing."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from planner.publish.entry import COSTS, Change, Price, published_cost
from planner.publish.outcome import Published, reasons_of
from planner.report.narrow import wrapped
from planner.report.price.section import MONEY, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words
from policies.units import TOKENS_PER_MTOK

if TYPE_CHECKING:
    from rich.console import RenderableType

PUBLISHED_SCHEMA = "baseload.published/1"


def render_published(found: Published, *, screen: Screen | None = None) -> str:
    """A row per model, before and after; the diff of a dry run; what the probes were charged."""
    screen = screen or Screen()
    columns = [
        words("model"),
        Column(title="input was", unit="USD/Mtok"),
        Column(title="is", unit="USD/Mtok"),
        Column(title="output was", unit="USD/Mtok"),
        Column(title="is", unit="USD/Mtok"),
        Column(title="moved", unit="%", places=1, is_ratio=True),
        words("policy"),
        words("entry"),
    ]
    did = "Would be published" if found.is_dry_run else "Published"
    if found.announced_for is not None:
        did = f"To be charged from {found.announced_for:%Y-%m-%d %H:%M} UTC"
    head = f"{did} at {found.where}"
    parts: list[RenderableType] = [head, table(columns, [_cells(one) for one in found.changes])]
    for name, price in {change.name: change.price for change in found.changes}.items():
        parts += wrapped(f"{name}: {price.description}", screen)
    if found.is_check:
        parts += ["", *_reasons(found, screen)]
    if found.diff:
        parts += ["", *found.diff]
    for one in found.probes:
        charged = "–" if one.charged_usd is None else f"USD {one.charged_usd:f}"
        tokens = f"{one.input_tokens} tokens in, {one.output_tokens} out"
        line = f"Probe of {one.name}: {tokens}, charged {charged}, our price comes to USD {one.expected_usd:f}"
        parts += wrapped(f"{line}{'' if one.alarm is None else f': {one.alarm}'}.", screen)
    return render(parts, screen)


def _reasons(found: Published, screen: Screen) -> "list[RenderableType]":
    """Which of the four reasons to review a price apply, entry by entry."""
    lines: list[RenderableType] = []
    for change in found.changes:
        seen = reasons_of(change)
        if change.before is None:
            lines += wrapped(f"{change.name}: not published yet.", screen)
        elif seen is None:
            lines += wrapped(
                f"{change.name}: what its price was made of is not known: it was announced, or set by hand.",
                screen,
            )
        else:
            told = [f"{one.name}: {'no change' if one.said is None else one.said}" for one in seen]
            lines += wrapped(f"{change.name}: {'; '.join(told)}.", screen)
    return lines


def _cells(change: Change) -> list[Cell]:
    low, high = (_before_and_after(change, cost) for cost in COSTS)
    return [change.name, *low, *high, change.moved_ratio, change.price.policy, change.kind.value]


def _before_and_after(change: Change, cost: str) -> tuple[str, str]:
    """What the entry charges now, and after this: a price that is kept is the same in both."""
    before = None if change.before is None else published_cost(change.before, cost)
    return _mtok(before), _mtok(published_cost(change.after, cost))


def _mtok(usd_token: Decimal | None) -> str:
    return "–" if usd_token is None else f"{usd_token * TOKENS_PER_MTOK:.4f}"


def published_document(found: Published) -> dict[str, Any]:
    """The JSON document."""
    return {
        "schema": PUBLISHED_SCHEMA,
        "where": found.where,
        "dry_run": found.is_dry_run,
        "announced_for": None
        if found.announced_for is None
        else found.announced_for.isoformat().replace("+00:00", "Z"),
        "models": [
            {
                "name": one.name,
                "model": one.price.model,
                "policy": one.price.policy,
                "became": one.kind.value,
                "input_cost_per_token": f"{one.price.input_usd_token:f}",
                "output_cost_per_token": f"{one.price.output_usd_token:f}",
                **{f"{cost}_before": _text(one.before, cost) for cost in COSTS},
                "towards": _towards(one.price),
                "bound": one.price.bound,
                "max_tokens": one.price.max_tokens,
                "description": one.price.description,
                "body": one.after,
                "reasons": None if (seen := reasons_of(one)) is None else {each.name: each.said for each in seen},
            }
            for one in found.changes
        ],
        "notes": list(found.notes),
        "probes": [
            {
                "name": one.name,
                "input_tokens": one.input_tokens,
                "output_tokens": one.output_tokens,
                "charged_usd": None if one.charged_usd is None else f"{one.charged_usd:f}",
                "expected_usd": f"{one.expected_usd:f}",
                "alarm": one.alarm,
            }
            for one in found.probes
        ],
    }


def _towards(price: Price) -> dict[str, Any] | None:
    if price.towards is None:
        return None
    return {
        "input_cost_per_token": f"{price.towards.input_usd_token:f}",
        "output_cost_per_token": f"{price.towards.output_usd_token:f}",
        "weight_ratio": round(price.towards.weight_ratio, 6),
    }


def _text(entry: dict[str, Any] | None, cost: str) -> str | None:
    found = None if entry is None else published_cost(entry, cost)
    return None if found is None else f"{found:f}"


def published_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `publish litellm --json` prints."""
    count: Json = {"type": "integer", "minimum": 0}
    model = {
        "name": said(TEXT, "At the gateway."),
        "model": said(TEXT, "Of the fleet."),
        "policy": {"enum": ["cost", "single-stream", "market"]},
        "became": said({"enum": ["created", "updated", "kept"]}, "kept: the price moved too little."),
        "input_cost_per_token": said(MONEY, "USD, as computed now."),
        "output_cost_per_token": MONEY,
        "input_cost_per_token_before": or_null(MONEY),
        "output_cost_per_token_before": or_null(MONEY),
        "towards": said(
            or_null(
                record(
                    {
                        "input_cost_per_token": MONEY,
                        "output_cost_per_token": MONEY,
                        "weight_ratio": {"type": "number", "minimum": 0, "maximum": 1},
                    }
                )
            ),
            "What a smoothed price is on its way to, and how much of the way it goes now; null: it is as computed.",
        ),
        "bound": said(or_null({"enum": ["min_usd_mtok", "max_usd_mtok"]}), "The bound it was held at."),
        "max_tokens": said(or_null(count), "Longest context its machines hold; null: not known."),
        "description": TEXT,
        "body": said({"type": "object"}, "As `/model/new` takes it."),
        "reasons": said(
            or_null(record(dict.fromkeys(("price", "instance type", "throughput", "spot"), or_null(TEXT)))),
            "What has changed since the entry was priced, or null; null in all: it does not say what it was made of.",
        ),
    }
    probe = {
        "name": TEXT,
        "input_tokens": count,
        "output_tokens": count,
        "charged_usd": said(or_null(MONEY), "null: the proxy did not say."),
        "expected_usd": MONEY,
        "alarm": or_null(TEXT),
    }
    properties = {
        "schema": {"const": PUBLISHED_SCHEMA},
        "where": TEXT,
        "dry_run": {"type": "boolean"},
        "announced_for": said(
            or_null({"type": "string", "format": "date-time"}), "The gateway is told then; null: prices hold at once."
        ),
        "models": listed(record(model)),
        "notes": said(listed(TEXT), "Of a file that was made, or changed and not read back."),
        "probes": listed(record(probe)),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:published:1",
        "title": "published",
        "description": "Prices at a gateway, before and after, and what probes were charged. Unknown is null.",
        **record(properties),
    }


def published_schema_text() -> str:
    """The published file docs/schemas/published.schema.json."""
    return json.dumps(published_schema(), indent=2, ensure_ascii=False) + "\n"
