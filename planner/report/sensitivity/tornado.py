"""A tornado as people and programs read it: inputs by how far each moves the bill. Renders values; pure."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number, percent, signed
from planner.report.price.section import TEXT, listed, money, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words
from planner.report.sensitivity.shared import basis, document_schema, heading, opening
from planner.report.whatif_sweep import base_words, point_document, point_schema
from planner.whatif.sweep import PlanPoint
from planner.whatif.tornado import Bar, Of, Tornado

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "baseload.tornado/1"
DISPENSABLE = ("kept, low", "kept, high", "kept, swing")

Json = dict[str, Any]


def render_tornado(shown: Tornado, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """Each input with its ends, and what they change with the base nodes kept and with the plan made anew."""
    screen = screen or Screen()
    code, of, before = currency.code, shown.of, shown.before
    columns = (
        words("input"),
        Column(title="low"),
        Column(title="high"),
        *(Column(title=f"kept, {end}", unit=code) for end in ("low", "high", "swing")),
        *(Column(title=f"anew, {end}", unit=code) for end in ("low", "high", "swing")),
        words("base nodes that change"),
    )
    rows = [_row(bar, shown, currency) for bar in shown.bars]
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    amount = number(currency.amount(of.usd(before.figures)))
    parts: list[RenderableType] = [
        *wrapped(heading(f"What moves the {of}", shown.plan), screen),
        *wrapped(f"As given: {of} {amount} {code}, base nodes {base_words(before.figures.base)}", screen),
        "",
        table(kept, cells),
        "",
        *wrapped(_summary(shown, currency), screen),
        *wrapped(
            "Differences from the plan as given. kept: its base nodes stay and burst follows the hours; anew: planned "
            f"again. Swing: the widest {of} less the least, as given among them",
            screen,
        ),
    ]
    parts += [line for bar in shown.bars for line in wrapped(_unserved(bar), screen) if line]
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    return render([*parts, "", *wrapped(basis(shown.plan, currency), screen)], screen)


def _row(bar: Bar, shown: Tornado, currency: Currency) -> tuple[Cell, ...]:
    of, before = shown.of, shown.before

    def moved(point: PlanPoint) -> str:
        return signed(currency.amount(of.usd(point.figures) - of.usd(before.figures)), 2)

    return (
        bar.name,
        end_words(bar.low.anew.settings),
        end_words(bar.high.anew.settings),
        moved(bar.low.kept),
        moved(bar.high.kept),
        number(currency.amount(bar.swing_usd(of, before, is_kept=True))),
        moved(bar.low.anew),
        moved(bar.high.anew),
        number(currency.amount(bar.swing_usd(of, before))),
        "; ".join(filter(None, (_nodes(before, bar.low.anew, "low"), _nodes(before, bar.high.anew, "high")))),
    )


def end_words(settings: Mapping[str, str]) -> str:
    """One end of an input in few words: its value, or the first of several."""
    values = list(dict.fromkeys(settings.values()))
    shown = values[0].replace("*", "× ") if values else ""
    return shown if len(values) == 1 else f"{shown}, …"


def _nodes(before: PlanPoint, after: PlanPoint, end: str) -> str:
    """Which base nodes an end adds and takes away; empty if none."""
    was, now = before.figures.base, after.figures.base
    more = {key: now.get(key, 0) - was.get(key, 0) for key in dict.fromkeys((*was, *now))}
    told = [f"{signed(count, 0)} {key}" for key, count in more.items() if count]
    return f"{end}: {', '.join(told)}" if told else ""


def _summary(shown: Tornado, currency: Currency) -> str:
    """The widest swing, and what planning anew is worth at most."""
    if not shown.bars:
        return "No input varies."
    widest = shown.bars[0]
    swing = widest.swing_usd(shown.of, shown.before)
    saved, end = max(
        ((Of.TOTAL.usd(end.kept.figures) - Of.TOTAL.usd(end.anew.figures), f"{bar.name} {word}"))
        for bar in shown.bars
        for end, word in ((bar.low, "low"), (bar.high, "high"))
    )
    amount = number(currency.amount(swing))
    text = f"{widest.name} moves the {shown.of} most, by {amount} {currency.code}. "
    if saved <= 0:
        return text + "Planning anew saves nothing at any end: the base nodes as given are right for all of them."
    return text + (
        f"Planning anew saves most at {end}: {number(currency.amount(saved))} {currency.code} of the total, which is "
        "what changing base nodes is worth there."
    )


def _unserved(bar: Bar) -> str:
    """Where an end leaves too much unserved, so that its bill says less than it seems."""
    told = [
        f"{word} {percent(point.figures.unserved_ratio, 2)} %{how}"
        for word, end in (("low", bar.low), ("high", bar.high))
        for point, how in ((end.kept, " with base nodes kept"), (end.anew, ""))
        if not point.is_served
    ]
    return f"{bar.name} leaves more than max_unserved_ratio unserved: {', '.join(told)}" if told else ""


def tornado_document(shown: Tornado) -> Json:
    """The tornado as the JSON document `baseload.tornado/1`."""
    of, before = shown.of, shown.before
    return {
        **opening(SCHEMA, shown.plan),
        "of": str(of),
        "before": point_document(before),
        "inputs": [
            {
                "name": bar.name,
                "swing_usd": money(bar.swing_usd(of, before)),
                "swing_kept_usd": money(bar.swing_usd(of, before, is_kept=True)),
                **{
                    end: {
                        "settings": dict(side.anew.settings),
                        "kept": point_document(side.kept),
                        "anew": point_document(side.anew),
                    }
                    for end, side in (("low", bar.low), ("high", bar.high))
                },
            }
            for bar in shown.bars
        ],
        "remarks": list(shown.plan.remarks),
    }


def tornado_schema_text() -> str:
    """The published file docs/schemas/tornado.schema.json."""
    amount = {"$ref": "#/$defs/money"}
    end = record(
        {
            "settings": {"type": "object", "additionalProperties": TEXT},
            "kept": said(point_schema(), "The base nodes of `before` stay; burst follows the hours."),
            "anew": said(point_schema(), "Planned again."),
        }
    )
    bar = record(
        {
            "name": TEXT,
            "swing_usd": said(amount, "Widest amount less the least over `before`, low and high, planned anew."),
            "swing_kept_usd": said(amount, "The same with the base nodes kept."),
            "low": end,
            "high": end,
        }
    )
    schema = document_schema(
        SCHEMA,
        "What moves the bill, by `baseload sensitivity tornado`; the widest swing first.",
        {"of": {"enum": [str(one) for one in Of]}, "before": point_schema(), "inputs": listed(bar)},
    )
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
