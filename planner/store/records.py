"""Facts as rows and rows as facts: what stands in which column. Pure."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Result

from planner.ledger import Batch, BatchKind, Lease, Origin, OtherCost, PlanRecord, PriceInForce, PublishedPrice
from policies.billing import Billing, Tariff

Row = dict[str, Any]


def rows_of(found: Result[Any]) -> Iterator[Row]:
    """The rows of an answer as dictionaries; a mapping of SQLAlchemy's costs five times as much to copy."""
    names = tuple(found.keys())
    for row in found:
        yield dict(zip(names, row, strict=True))


def price_row(price: PriceInForce) -> Row:
    """The columns of a price."""
    return {
        "billing": price.tariff.billing.value,
        "price_usd_hour": price.tariff.price_usd_hour,
        "fee_usd_month": price.tariff.fee_usd_month,
        "is_spot": price.tariff.is_spot,
        "setup_fee_usd": price.setup_fee_usd,
        "invoice_currency": price.invoice_currency,
        "usd_per_unit": price.usd_per_unit,
        "rate_date": price.rate_date,
        "effective_from": price.effective_from,
        "price_source": price.source,
    }


def tariff_of(row: Mapping[Any, Any]) -> Tariff:
    """The tariff in a row that has one."""
    return Tariff(
        billing=Billing(row["billing"]),
        price_usd_hour=row["price_usd_hour"],
        fee_usd_month=row["fee_usd_month"],
        is_spot=row["is_spot"],
    )


def price_of(row: Mapping[Any, Any]) -> PriceInForce:
    """The price in a row of leases or prices."""
    return PriceInForce(
        offer=row["offer"],
        provider=row["provider"],
        tariff=tariff_of(row),
        setup_fee_usd=row["setup_fee_usd"],
        invoice_currency=row["invoice_currency"],
        usd_per_unit=row["usd_per_unit"],
        rate_date=row["rate_date"],
        effective_from=row["effective_from"],
        source=row["price_source"],
    )


def published_row(price: PublishedPrice) -> Row:
    """The columns of a published price."""
    return {one.name: getattr(price, one.name) for one in fields(PublishedPrice)}


def published_of(row: Mapping[Any, Any]) -> PublishedPrice:
    """The published price of a row."""
    return PublishedPrice(**{one.name: row[one.name] for one in fields(PublishedPrice)})


def lease_row(lease: Lease) -> Row:
    """The columns of a lease."""
    return {
        "lease_id": lease.id,
        "offer": lease.offer,
        "provider": lease.provider,
        "start_at": lease.start,
        "end_at": lease.end,
        "is_base": lease.is_base,
        "model": lease.model,
        "region": lease.region,
        "tags": lease.tags,
        "interrupted": lease.interrupted,
        **price_row(lease.price),
    }


def lease_of(row: Mapping[Any, Any]) -> Lease:
    """The lease of a row."""
    return Lease(
        id=row["lease_id"],
        offer=row["offer"],
        provider=row["provider"],
        start=row["start_at"],
        end=row["end_at"],
        is_base=row["is_base"],
        model=row["model"],
        region=row["region"],
        tags=row["tags"],
        interrupted=row["interrupted"],
        price=price_of(row),
    )


def cost_row(cost: OtherCost) -> Row:
    """The columns of another cost."""
    return {
        "cost_id": cost.id,
        "provider": cost.provider,
        "what": cost.what,
        "start_at": cost.start,
        "end_at": cost.end,
        "amount_usd": cost.amount_usd,
        "invoice_currency": cost.invoice_currency,
        "usd_per_unit": cost.usd_per_unit,
        "rate_date": cost.rate_date,
        "model": cost.model,
        "tags": cost.tags,
    }


def cost_of(row: Mapping[Any, Any]) -> OtherCost:
    """The other cost of a row."""
    return OtherCost(
        id=row["cost_id"],
        provider=row["provider"],
        what=row["what"],
        start=row["start_at"],
        end=row["end_at"],
        amount_usd=row["amount_usd"],
        invoice_currency=row["invoice_currency"],
        usd_per_unit=row["usd_per_unit"],
        rate_date=row["rate_date"],
        model=row["model"],
        tags=row["tags"],
    )


def plan_of(row: Mapping[Any, Any]) -> PlanRecord:
    """The recorded plan of a row."""
    return PlanRecord(
        batch=row["batch_id"],
        start=row["start_at"],
        end=row["end_at"],
        saved_at=row["saved_at"],
        document=gzip.decompress(row["document_gz"]).decode(),
        forecast=None if row["forecast_gz"] is None else gzip.decompress(row["forecast_gz"]).decode(),
        forecast_source=row["forecast_source"],
    )


def batch_of(row: Mapping[Any, Any]) -> Batch:
    """The batch of a row, with its retraction where there is one."""
    return Batch(
        id=row["id"],
        kind=BatchKind(row["kind"]),
        origin=Origin(
            source=row["source"], sha256=row["sha256"], added_at=row["added_at"], tags=tuple(json.loads(row["tags"]))
        ),
        rows=row["row_count"],
        start=row["span_start"],
        end=row["span_end"],
        retracted_at=row["retracted_at"],
        why_retracted=row["why"],
    )
