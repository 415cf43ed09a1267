"""Writes the ledger's facts as the CSV files it reads: values in, text out; read again, they are the same facts. Pure.

Tags stand in columns named `tag:NAME`, which are read as tags without being named again.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO

import numpy as np

from planner.exchange.table import TAG_PREFIX
from planner.ledger import Lease, OtherCost, PriceInForce, ServedHours, Tags

PRICE_HEAD = (
    *("billing", "price_usd_hour", "fee_usd_month", "setup_fee_usd", "is_spot", "currency", "usd_per_unit"),
    *("rate_date", "effective_from", "price_source"),
)

Cells = tuple[str, ...]


def leases_csv(leases: Sequence[Lease]) -> str:
    """leases.csv: each lease with the price it pays."""
    tags = _tag_names(lease.tags for lease in leases)
    head = ("id", "offer", "provider", "start", "end", "role", "model", "region", "interrupted", *PRICE_HEAD)
    rows = (
        (
            *(lease.id, lease.offer, lease.provider, _time(lease.start), _time(lease.end)),
            *("base" if lease.is_base else "burst", lease.model or "", lease.region or "", _mark(lease.interrupted)),
            *_price(lease.price),
            *_tags(lease.tags, tags),
        )
        for lease in leases
    )
    return _text((*head, *_tag_head(tags)), rows)


def prices_csv(prices: Sequence[PriceInForce]) -> str:
    """prices.csv: what each offer costs from which date on."""
    return _text(("offer", "provider", *PRICE_HEAD), ((one.offer, one.provider, *_price(one)) for one in prices))


def costs_csv(costs: Sequence[OtherCost]) -> str:
    """costs.csv: amounts in USD, with the invoice's currency and its rate."""
    tags = _tag_names(cost.tags for cost in costs)
    head = ("id", "provider", "what", "start", "end", "amount_usd", "currency", "usd_per_unit", "rate_date", "model")
    rows = (
        (
            *(cost.id, cost.provider, cost.what, _time(cost.start), _time(cost.end), _money(cost.amount_usd)),
            *(cost.invoice_currency, _rate(cost.invoice_currency, cost.usd_per_unit), _day(cost.rate_date)),
            *(cost.model or "", *_tags(cost.tags, tags)),
        )
        for cost in costs
    )
    return _text((*head, *_tag_head(tags)), rows)


def usage_csv(usage: ServedHours) -> str:
    """usage.csv: a row per hour, model and tags; a gap is a row marked so, and so is an empty hour at either end.

    Hours of a gap before the first or after the last hour measured are left out: nothing is known of them.
    """
    tags = _tag_names(usage.tags)
    recorded = [
        (name, column)
        for name, column in (
            ("cached_input_tokens", usage.cached_input_tokens),
            ("unserved_tokens", usage.unserved_tokens),
        )
        if column is not None and len(column)
    ]
    head = ("hour", "model", "input_tokens", "output_tokens", *(name for name, _ in recorded), "gap")
    shown = [_tags(one, tags) for one in usage.tags]
    columns = [usage.hour, usage.model, usage.tag, usage.input_tokens, usage.output_tokens, *(c for _, c in recorded)]
    rows = [
        (_time(usage.at(hour)), usage.models[model], *map(str, counts), "", *shown[tag])
        for hour, model, tag, *counts in zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    ]
    measured = sorted(set(range(usage.hours)) - usage.gaps)
    if not measured:
        return _text((*head, *_tag_head(tags)), [])
    any_model = usage.models[0] if usage.models else "-"
    nothing = tuple("" for _ in tags)
    held = set(np.unique(usage.hour).tolist())
    zeros = tuple("0" for _ in head[2:-1])
    rows += [
        (_time(usage.at(edge)), any_model, *zeros, "", *nothing) for edge in sorted({measured[0], measured[-1]} - held)
    ]
    rows += [
        (_time(usage.at(gap)), any_model, *("" for _ in zeros), "1", *nothing)
        for gap in sorted(usage.gaps)
        if measured[0] < gap < measured[-1]
    ]
    return _text((*head, *_tag_head(tags)), rows)


def _price(price: PriceInForce) -> Cells:
    return (
        price.tariff.billing.value,
        _money(price.tariff.price_usd_hour),
        _money(price.tariff.fee_usd_month),
        _money(price.setup_fee_usd),
        _mark(price.tariff.is_spot),
        price.invoice_currency,
        _rate(price.invoice_currency, price.usd_per_unit),
        _day(price.rate_date),
        _day(price.effective_from),
        price.source,
    )


def _text(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _tag_names(tag_sets: Iterable[Tags]) -> tuple[str, ...]:
    return tuple(sorted({name for tags in tag_sets for name, _ in tags}))


def _tag_head(names: Sequence[str]) -> Cells:
    return tuple(f"{TAG_PREFIX}{name}" for name in names)


def _tags(tags: Tags, names: Sequence[str]) -> Cells:
    values = dict(tags)
    return tuple(values.get(name, "") for name in names)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")


def _day(day: object) -> str:
    return "" if day is None else str(day)


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else format(amount, "f")


def _rate(currency: str, usd_per_unit: Decimal) -> str:
    return "" if currency == "USD" else _money(usd_per_unit)


def _mark(given: bool) -> str:
    return "1" if given else ""
