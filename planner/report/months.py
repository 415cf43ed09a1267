"""A schedule of months as a table for people and as the JSON document `baseload.months/1`. Renders values."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from planner.optimize.months.value import MonthOrders, Schedule
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number, percent
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

MONTHS_SCHEMA = "baseload.months/1"
DISPENSABLE = ("unserved", "burst", "setup", "fees")


def render_months(found: Schedule, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """Month by month, then what to do first and how good all of it is."""
    screen = screen or Screen()
    code = currency.code
    first, last = found.months[0], found.months[-1]
    title = f"Base servers, {first.month} to {last.month}; {code}, net of VAT"
    columns = (
        words("month"),
        words("base"),
        words("buy"),
        words("cancel"),
        Column(title="fees", places=2),
        Column(title="setup", places=2),
        Column(title="burst", places=2),
        Column(title="total", places=2),
        words("unserved"),
    )
    kept, cells, gone = fitted(columns, [_cells(one, currency) for one in found.months], screen, DISPENSABLE)
    parts: list[RenderableType] = [*wrapped(title, screen), "", table(kept, cells), ""]
    for line in _lines(found, currency):
        parts += wrapped(line, screen)
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    return render(parts, screen)


def _cells(one: MonthOrders, currency: Currency) -> list[Cell]:
    return [
        one.month,
        _listed(one.base),
        _listed(one.buy),
        _listed(one.cancel),
        currency.amount(one.fees_usd),
        currency.amount(one.setup_due_usd),
        currency.amount(one.burst_usd + one.egress_usd),
        currency.amount(one.total_usd),
        f"{percent(one.unserved_ratio, 2)} %",
    ]


def _listed(servers: Mapping[str, int], none: str = "–") -> str:
    return ", ".join(f"{count} {key}" for key, count in servers.items()) or none


def _lines(found: Schedule, currency: Currency) -> list[str]:
    code, first = currency.code, found.months[0]
    amount = {
        name: number(currency.amount(usd))
        for name, usd in (
            ("bill", found.bill_usd),
            ("due", found.setup_due_usd),
            ("left", found.setup_left_usd),
            ("total", found.total_usd),
            ("bound", found.bound_usd),
        )
    }
    stays = {key: count - first.buy.get(key, 0) for key, count in first.base.items()}
    kept = {key: count for key, count in stays.items() if count}
    lines = [
        f"For {first.month}: buy {_listed(first.buy, 'nothing')}; cancel {_listed(first.cancel, 'nothing')}; "
        f"keep {_listed(kept, 'nothing')}.",
        f"Bill {amount['bill']} {code}: setup fees of {amount['due']} {code} fall due, of which months after "
        f"{found.months[-1].month} bear {amount['left']} {code} (tenure {found.tenure_months} months).",
        f"Total {amount['total']} {code} with interruptions and the penalty for what is unserved. No orders can cost "
        f"less than {amount['bound']} {code}: {percent(found.gap_ratio, 2)} % of the total is not proven to be needed "
        "(whole burst nodes, their lead times, started hours).",
    ]
    if found.as_it_is_usd is not None:
        as_it_is = number(currency.amount(found.as_it_is_usd))
        saved = number(currency.amount(found.as_it_is_usd - found.total_usd))
        lines.append(
            f"With the servers owned now and no other it would be {as_it_is} {code}: these orders save {saved} {code}."
        )
    if found.unhindered_usd is not None:
        left = number(currency.amount(found.total_usd - found.unhindered_usd))
        wanted = number(currency.amount(found.terms.min_saving_usd))
        lines.append(
            f"A change must save {wanted} {code} a server; with every change that saves anything: {left} less."
        )
    return lines


def months_document(found: Schedule) -> Json:
    """The schedule as the JSON document `baseload.months/1`."""
    return {
        "schema": MONTHS_SCHEMA,
        "currency": "USD",
        "terms": {
            "notice_months": found.terms.notice_months,
            "min_saving_usd": money(found.terms.min_saving_usd),
            "tenure_months": found.tenure_months,
        },
        "months": [
            {
                "month": one.month,
                "base": dict(one.base),
                "buy": dict(one.buy),
                "cancel": dict(one.cancel),
                "fees_usd": money(one.fees_usd),
                "setup_due_usd": money(one.setup_due_usd),
                "burst_usd": money(one.burst_usd),
                "egress_usd": money(one.egress_usd),
                "interruption_usd": money(one.interruption_usd),
                "unserved_penalty_usd": money(one.unserved_penalty_usd),
                "total_usd": money(one.total_usd),
                "unserved_ratio": one.unserved_ratio,
            }
            for one in found.months
        ],
        "setup_due_usd": money(found.setup_due_usd),
        "setup_left_usd": money(found.setup_left_usd),
        "bill_usd": money(found.bill_usd),
        "total_usd": money(found.total_usd),
        "lower_bound_usd": money(found.bound_usd),
        "gap_ratio": found.gap_ratio,
        "as_it_is_usd": money(found.as_it_is_usd),
        "unhindered_usd": money(found.unhindered_usd),
        "remarks": list(found.remarks),
    }


def months_text(found: Schedule) -> str:
    """The document as text."""
    return json.dumps(months_document(found), indent=2, ensure_ascii=False) + "\n"


def months_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `months --json` prints."""
    servers = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    month = record(
        {
            "month": said(TEXT, "Calendar month, UTC, such as 2026-12."),
            "base": said(servers, "Option -> servers held through the month; #owned: those owned at the start."),
            "buy": said(servers, "Ordered for the month's start."),
            "cancel": said(servers, "Not there any more from the month's start on."),
            "fees_usd": said(MONEY, "Each server's at the price of the month it was ordered in."),
            "setup_due_usd": MONEY,
            "burst_usd": MONEY,
            "egress_usd": MONEY,
            "interruption_usd": said(MONEY, "Expected; in no invoice."),
            "unserved_penalty_usd": said(MONEY, "In no invoice."),
            "total_usd": said(MONEY, "The sum of the seven amounts."),
            "unserved_ratio": NUMBER,
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:months:1",
        "title": "Base servers over several months",
        **record(
            {
                "schema": {"const": MONTHS_SCHEMA},
                "currency": {"const": "USD"},
                "terms": record(
                    {
                        "notice_months": {"type": "integer", "minimum": 0},
                        "min_saving_usd": said(MONEY, "What each server bought or cancelled must save."),
                        "tenure_months": {"type": "integer", "minimum": 1},
                    }
                ),
                "months": listed(month),
                "setup_due_usd": MONEY,
                "setup_left_usd": said(MONEY, "The part of setup fees that later months bear, by the tenure."),
                "bill_usd": said(MONEY, "Fees, setup fees, burst and egress of all months less setup_left_usd."),
                "total_usd": said(MONEY, "Bill, interruptions and penalty."),
                "lower_bound_usd": said(MONEY, "No orders, with whatever burst, have a lower total."),
                "gap_ratio": said(NUMBER, "(total - lower bound) / total."),
                "as_it_is_usd": said(or_null(MONEY), "Total with what is owned and no other; null: nothing is owned."),
                "unhindered_usd": said(or_null(MONEY), "Total with every change that saves; null: all are made."),
                "remarks": listed(TEXT),
            }
        ),
    }


def months_schema_text() -> str:
    """The published file docs/schemas/months.schema.json."""
    return json.dumps(months_schema(), indent=2, ensure_ascii=False) + "\n"
