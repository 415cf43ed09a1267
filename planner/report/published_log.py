"""The change log of published prices: a table for people, and the JSON document `baseload.published-log/1`. Pure."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.ledger import PublishedPrice
from planner.report.narrow import wrapped
from planner.report.price.section import MONEY, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Column, Screen, render, table, words
from policies.units import TOKENS_PER_MTOK

if TYPE_CHECKING:
    from rich.console import RenderableType

LOG_SCHEMA = "baseload.published-log/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One price, and the one that was charged before it."""

    price: PublishedPrice
    before: PublishedPrice | None
    """Told before, of the same gateway and name; None: it is the first."""
    state: str
    """told; announced: yet to be told; overtaken: announced, and told, or another told since."""

    @property
    def moved_ratio(self) -> Decimal | None:
        """The larger move of input and output price, with its sign; None: the first."""
        if self.before is None:
            return None
        new, old = self.price, self.before
        moves = new.input_usd_token / old.input_usd_token - 1, new.output_usd_token / old.output_usd_token - 1
        return max(moves, key=abs)


def log_rows(prices: Sequence[PublishedPrice], pending: Collection[PublishedPrice]) -> list[LogRow]:
    """Prices in the order they were recorded, each with what was charged before; reviews told nothing: without them."""
    charged: dict[tuple[str, str], PublishedPrice] = {}
    rows = []
    for price in prices:
        if price.is_review:
            continue
        key = price.gateway, price.name
        state = "told"
        if price.announced_at is not None:
            state = "announced" if price in pending else "overtaken"
        rows.append(LogRow(price=price, before=charged.get(key), state=state))
        if price.announced_at is None:
            charged[key] = price
    return rows


def render_log(
    prices: Sequence[PublishedPrice], pending: Collection[PublishedPrice], *, screen: Screen | None = None
) -> str:
    """A row per price, oldest first, and why each moved."""
    screen = screen or Screen()
    rows = log_rows(prices, pending)
    if not rows:
        return render(["Nothing was published yet."], screen)
    columns = [
        *(words("holds from"), words("model"), Column(title="input", unit="USD/Mtok")),
        *(Column(title="output", unit="USD/Mtok"), Column(title="moved", unit="%", places=1, is_ratio=True)),
        *(words("policy"), words("state"), words("gateway")),
    ]
    cells = [
        (
            f"{row.price.effective_at:%Y-%m-%d %H:%MZ}",
            row.price.name,
            _mtok(row.price.input_usd_token),
            _mtok(row.price.output_usd_token),
            row.moved_ratio,
            row.price.policy,
            row.state,
            row.price.gateway,
        )
        for row in rows
    ]
    parts: list[RenderableType] = [table(columns, cells)]
    for row in rows:
        if row.price.why:
            parts += wrapped(f"{row.price.effective_at:%Y-%m-%d %H:%MZ} {row.price.name}: {row.price.why}", screen)
    return render(parts, screen)


def log_document(prices: Sequence[PublishedPrice], pending: Collection[PublishedPrice]) -> Json:
    """The JSON document: money as decimal text, times in UTC, unknown is null."""
    return {
        "schema": LOG_SCHEMA,
        "prices": [
            {
                "gateway": row.price.gateway,
                "name": row.price.name,
                "model": row.price.model,
                "policy": row.price.policy,
                "state": row.state,
                "effective_at": _time(row.price.effective_at),
                "announced_at": None if row.price.announced_at is None else _time(row.price.announced_at),
                "input_cost_per_token": f"{row.price.input_usd_token:f}",
                "output_cost_per_token": f"{row.price.output_usd_token:f}",
                "moved_ratio": None if row.moved_ratio is None else round(float(row.moved_ratio), 6),
                "why": row.price.why or None,
                "description": row.price.description,
            }
            for row in log_rows(prices, pending)
        ],
    }


def log_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `publish log --json` prints."""
    moment: Json = {"type": "string", "format": "date-time"}
    price = {
        "gateway": TEXT,
        "name": said(TEXT, "As requests name it."),
        "model": said(TEXT, "Of the fleet."),
        "policy": TEXT,
        "state": said(
            {"enum": ["told", "announced", "overtaken"]},
            "announced: yet to be told; overtaken: announced, and told, or another told since.",
        ),
        "effective_at": moment,
        "announced_at": said(or_null(moment), "null: it was told at once."),
        "input_cost_per_token": said(MONEY, "USD."),
        "output_cost_per_token": MONEY,
        "moved_ratio": said(or_null({"type": "number"}), "The larger move of the two; null: the first price."),
        "why": said(or_null(TEXT), "null: not kept."),
        "description": TEXT,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:published-log:1",
        "title": "published-log",
        "description": "Prices told to gateways or announced for them, oldest first.",
        **record({"schema": {"const": LOG_SCHEMA}, "prices": listed(record(price))}),
    }


def log_schema_text() -> str:
    """The published file docs/schemas/published-log.schema.json."""
    return json.dumps(log_schema(), indent=2, ensure_ascii=False) + "\n"


def _mtok(usd_token: Decimal) -> str:
    return f"{usd_token * TOKENS_PER_MTOK:.4f}"


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
