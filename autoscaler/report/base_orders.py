"""The list of base servers to buy and cancel, as people and programs read it; renders values."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from autoscaler.providers.hetzner.orders import BaseOrders, Buy, Cancel
from planner.report.narrow import wrapped
from planner.report.numbers import USD, Currency, number
from planner.report.price.section import MONEY, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

BASE_ORDERS_SCHEMA = "baseload.base-orders/1"


def render_base_orders(orders: BaseOrders, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """What to buy, what to cancel, and one sentence of what changes."""
    screen = screen or Screen()
    parts: list[RenderableType] = [f"Base orders for the plan of {orders.start:%Y-%m-%d} to {orders.end:%Y-%m-%d}", ""]
    if orders.buys:
        parts += ["Buy", _buys(orders.buys, orders.as_of, currency), ""]
    if orders.cancels:
        parts += ["Cancel", _cancels(orders.cancels, currency), ""]
    return render([*parts, *wrapped(_sentence(orders, currency), screen)], screen)


def base_orders_document(orders: BaseOrders) -> Json:
    """The same as one JSON document."""
    return {
        "schema": BASE_ORDERS_SCHEMA,
        "currency": "USD",
        "as_of": orders.as_of.isoformat(),
        "plan": {"start": orders.start.isoformat(), "end": orders.end.isoformat()},
        "buy": [_buy_document(one) for one in orders.buys],
        "cancel": [_cancel_document(one) for one in orders.cancels],
        "keep": dict(orders.keeps),
        "setup_due_usd": _text(orders.setup_due_usd),
        "fees_usd_month": _text(orders.fees_usd_month),
        "saves_usd_month": _text(orders.saves_usd_month),
        "remarks": list(orders.remarks),
    }


def base_orders_schema_text() -> str:
    """The published file docs/schemas/base-orders.schema.json."""
    moment: Json = {"type": "string", "format": "date-time"}
    day: Json = or_null({"type": "string", "format": "date"})
    count: Json = {"type": "integer", "minimum": 0}
    buy = {
        "offer": TEXT,
        "count": count,
        "setup_fee_usd": said(or_null(MONEY), "Of one."),
        "fee_usd_month": said(or_null(MONEY), "Of one."),
        "price_source": TEXT,
        "order_by": said(or_null(moment), "Ordered then, they are ready at the plan's start."),
        "product": or_null(TEXT),
        "location": or_null(TEXT),
        "trial": said(or_null(record({"is_accepted": {"type": "boolean"}, "said": TEXT})), "With --check."),
    }
    cancel = {
        "offer": TEXT,
        "server_number": said(or_null(count), "Null: which one is for people to say."),
        "server_name": or_null(TEXT),
        "ordered_on": day,
        "paid_until": day,
        "earliest": said(day, "Earliest date Robot would end it."),
        "ends_on": said(day, "Its cancellation is booked for then."),
        "saves_usd_month": or_null(MONEY),
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:base-orders:1",
        "title": BASE_ORDERS_SCHEMA,
        "description": "Base servers to buy and cancel so that a plan holds. Money: USD net of VAT, decimal strings. "
        "Unknown is null.",
        **record(
            {
                "schema": {"const": BASE_ORDERS_SCHEMA},
                "currency": {"const": "USD"},
                "as_of": moment,
                "plan": record({"start": moment, "end": moment}),
                "buy": listed(record(buy)),
                "cancel": listed(record(cancel)),
                "keep": {"type": "object", "additionalProperties": count},
                "setup_due_usd": or_null(MONEY),
                "fees_usd_month": or_null(MONEY),
                "saves_usd_month": or_null(MONEY),
                "remarks": listed(TEXT),
            }
        ),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _buys(buys: Sequence[Buy], now: datetime, currency: Currency) -> "RenderableType":
    is_tried = any(one.trial is not None for one in buys)
    columns = (
        words("offer"),
        Column(title="nodes"),
        Column(title="setup", unit=f"{currency.code} each", places=2),
        Column(title="fee", unit=f"{currency.code}/month each", places=2),
        words("order by"),
        words("where"),
        words("price of"),
        *((words("Robot says"),) if is_tried else ()),
    )
    rows = [
        (
            one.offer,
            one.count,
            currency.amount(one.setup_fee_usd),
            currency.amount(one.fee_usd_month),
            _order_by(one.order_by, now),
            one.location,
            one.price_source,
            *((_trial(one),) if is_tried else ()),
        )
        for one in buys
    ]
    return table(columns, rows)


def _order_by(moment: datetime | None, now: datetime) -> str | None:
    if moment is None:
        return None
    return f"{moment:%Y-%m-%d %H:%M}" if moment > now else f"at once ({moment:%Y-%m-%d %H:%M} is over)"


def _trial(buy: Buy) -> str | None:
    return None if buy.trial is None else f"{'yes' if buy.trial.is_accepted else 'no'}: {buy.trial.said}"


def _cancels(cancels: Sequence[Cancel], currency: Currency) -> "RenderableType":
    columns = (
        words("offer"),
        words("server"),
        words("name"),
        words("ordered"),
        words("paid until"),
        words("earliest end"),
        Column(title="saves", unit=f"{currency.code}/month", places=2),
    )
    rows = [
        (
            one.offer,
            None if one.server is None else str(one.server.number),
            None if one.server is None else one.server.name,
            _day(one.ordered_on),
            None if one.server is None else _day(one.server.paid_until),
            f"cancelled, ends {_day(one.ends_on) or 'soon'}"
            if one.server is not None and one.server.is_cancelled
            else _day(one.earliest),
            currency.amount(one.saves_usd_month),
        )
        for one in cancels
    ]
    return table(columns, rows)


def _sentence(orders: BaseOrders, currency: Currency) -> str:
    keeps = ", ".join(f"{count} {offer}" for offer, count in orders.keeps.items()) or "none"
    if not orders.buys and not orders.cancels:
        return f"Nothing to buy and nothing to cancel; owned and kept: {keeps}."

    def money(amount: Decimal | None) -> str:
        return f"{currency.code} {number(currency.amount(amount))}"

    changes = []
    if orders.buys:
        changes.append(f"{money(orders.setup_due_usd)} of setup and {money(orders.fees_usd_month)} a month are added")
    if orders.cancels:
        changes.append(f"{money(orders.saves_usd_month)} a month end")
    return (
        f"{'; '.join(changes)}; owned and kept: {keeps}. "
        "Nothing was ordered or cancelled: people do that, at the provider."
    )


def _buy_document(one: Buy) -> Json:
    return {
        "offer": one.offer,
        "count": one.count,
        "setup_fee_usd": _text(one.setup_fee_usd),
        "fee_usd_month": _text(one.fee_usd_month),
        "price_source": one.price_source,
        "order_by": None if one.order_by is None else one.order_by.isoformat(),
        "product": one.product,
        "location": one.location,
        "trial": None if one.trial is None else {"is_accepted": one.trial.is_accepted, "said": one.trial.said},
    }


def _cancel_document(one: Cancel) -> Json:
    server = one.server
    return {
        "offer": one.offer,
        "server_number": None if server is None else server.number,
        "server_name": None if server is None else server.name,
        "ordered_on": _day(one.ordered_on),
        "paid_until": None if server is None else _day(server.paid_until),
        "earliest": _day(one.earliest),
        "ends_on": _day(one.ends_on),
        "saves_usd_month": _text(one.saves_usd_month),
    }


def _day(moment: date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
