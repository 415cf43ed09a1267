"""A month's bill in the columns of FinOps FOCUS 1.2, "cost and usage": a CSV that FinOps tools read. Pure.

One row per lease and month, one per setup fee and other cost, each in the currency of its invoice, so that BilledCost
sums to the bill in each billing currency. A row with an allocated charge (x_Allocated...) costs 0: what it shares out
is billed in the rows above. No discount is known: list, contracted and effective cost are the billed cost.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

from planner.catalog.offer_id import OfferId
from planner.economics.bill import LeaseCharge, MonthBill, OtherCharge
from planner.economics.charges import Charge, Chargeback
from planner.economics.services import service_of
from planner.exchange.focus_terms import COLUMNS, seller_of
from planner.ledger import Tags
from policies.billing import SECOND, Billing

_COST_PLACES = Decimal("1e-12")
_RENEWED = frozenset({Billing.MONTH, Billing.MONTH_PRORATED})
_ALLOCATION = "baseload"
"""Whose the rows of allocated charges are: nobody invoices them."""

Row = dict[str, str]


def focus_csv(
    bill: MonthBill,
    *,
    accounts: Mapping[str, str] | None = None,
    invoices: Mapping[str, str] | None = None,
    charges: Chargeback | None = None,
) -> str:
    """The bill as CSV.

    `accounts`: provider -> billing account id, where known; else the provider's id stands there. `invoices`: provider
    -> invoice id, where it has come. `charges`: with the bill's allocation to models and teams, one row per charge.
    """
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(focus_rows(bill, accounts=accounts, invoices=invoices, charges=charges))
    return out.getvalue()


def focus_rows(
    bill: MonthBill,
    *,
    accounts: Mapping[str, str] | None = None,
    invoices: Mapping[str, str] | None = None,
    charges: Chargeback | None = None,
) -> Iterator[Row]:
    """The rows, null columns left out."""

    def base(provider: str) -> Row:
        return _base(bill, provider, (accounts or {}).get(provider, provider), (invoices or {}).get(provider, ""))

    for lease in bill.leases:
        yield base(lease.lease.provider) | _lease_row(lease)
        if lease.setup_usd:
            yield base(lease.lease.provider) | _setup_row(lease)
    for other in bill.others:
        yield base(other.cost.provider) | _other_row(other)
    if charges is not None:
        for charge in charges.charges:
            yield base(_ALLOCATION) | _allocated_row(bill, charges.by, charge)


def _base(bill: MonthBill, provider: str, account: str, invoice: str) -> Row:
    """What all rows of a provider have."""
    seller = seller_of(provider)
    return {
        "BillingAccountId": account,
        "BillingPeriodStart": _time(bill.start),
        "BillingPeriodEnd": _time(bill.end),
        "InvoiceId": invoice,
        "InvoiceIssuerName": seller.name,
        "ProviderName": seller.name,
        "PublisherName": seller.name,
    }


def _lease_row(charge: LeaseCharge) -> Row:
    lease, price = charge.lease, charge.lease.price
    cost = _invoiced(charge.amount_usd, price.usd_per_unit)
    quantity, unit, unit_usd = priced_quantity(charge)
    seller = seller_of(lease.provider)
    words = f"{lease.offer}, {_plain(charge.node_hours.quantize(Decimal('0.001')))} h held"
    if lease.interrupted:
        words += ", taken back by the provider"
    return {
        **_costs(cost, price.invoice_currency, _invoiced(unit_usd, price.usd_per_unit), quantity, unit),
        **_resource(charge),
        "ChargeCategory": "Usage",
        "ChargeDescription": words,
        "ChargeFrequency": "Recurring" if price.tariff.billing in _RENEWED else "Usage-Based",
        "ChargePeriodStart": _time(charge.held_from),
        "ChargePeriodEnd": _time(charge.held_until),
        "ConsumedQuantity": _plain(charge.node_hours.quantize(_COST_PLACES)),
        "ConsumedUnit": "Hours",
        "PricingCategory": "Dynamic" if price.tariff.is_spot else "Standard",
        "ServiceCategory": "Compute",
        "ServiceName": seller.service,
        "ServiceSubcategory": seller.subcategory,
        "SkuId": _product(lease.offer),
        "SkuMeter": "Server time",
        "SkuPriceId": lease.offer,
        **_ours(lease.model, charge.amount_usd, price.usd_per_unit, price.rate_date),
    }


def _setup_row(charge: LeaseCharge) -> Row:
    lease, price = charge.lease, charge.lease.price
    cost = _invoiced(charge.setup_usd, price.usd_per_unit)
    seller = seller_of(lease.provider)
    return {
        **_costs(cost, price.invoice_currency, cost, Decimal(1), "Orders"),
        **_resource(charge),
        "ChargeCategory": "Purchase",
        "ChargeDescription": f"{lease.offer}, setup",
        "ChargeFrequency": "One-Time",
        "ChargePeriodStart": _time(charge.held_from),
        "ChargePeriodEnd": _time(charge.held_until),
        "PricingCategory": "Standard",
        "ServiceCategory": "Compute",
        "ServiceName": seller.service,
        "ServiceSubcategory": seller.subcategory,
        "SkuId": f"{_product(lease.offer)}/setup",
        "SkuMeter": "Setup",
        "SkuPriceId": f"{lease.offer}/setup",
        **_ours(lease.model, charge.setup_usd, price.usd_per_unit, price.rate_date),
    }


def _other_row(charge: OtherCharge) -> Row:
    """A purchase of one, or a credit: the ledger knows what it cost and not how much of what."""
    cost = charge.cost
    amount = _invoiced(charge.amount_usd, cost.usd_per_unit)
    category, subcategory = service_of(cost.what)
    is_credit = amount < 0
    quantity, unit_price = (None, None) if is_credit else (Decimal(1), amount)
    return {
        **_costs(amount, cost.invoice_currency, unit_price, quantity, "Charges"),
        "ChargeCategory": "Credit" if is_credit else "Purchase",
        "ChargeDescription": cost.what,
        "ChargeFrequency": "One-Time" if is_credit else "Recurring",
        "ChargePeriodStart": _time(charge.charged_from),
        "ChargePeriodEnd": _time(max(charge.charged_until, charge.charged_from + SECOND)),  # a period has a length
        "PricingCategory": "" if is_credit else "Standard",
        "ServiceCategory": category,
        "ServiceName": cost.what,
        "ServiceSubcategory": subcategory,
        "SkuId": "" if is_credit else f"{cost.provider}/{_slug(cost.what)}",
        "SkuMeter": "" if is_credit else cost.what,
        "SkuPriceId": "" if is_credit else f"{cost.provider}/{_slug(cost.what)}",
        "Tags": _json(cost.tags),
        **_ours(cost.model, charge.amount_usd, cost.usd_per_unit, cost.rate_date),
    }


def _allocated_row(bill: MonthBill, by: str, charge: Charge) -> Row:
    """What a model's cost is charged on to a team: a cost of 0 here, the amount in our own columns."""
    whose = charge.tag or "untagged"
    of = charge.model or "shared cost"
    return {
        **_costs(Decimal(0), "USD", None, None, ""),
        "ChargeCategory": "Adjustment",
        "ChargeDescription": f"{of} allocated to {by} {whose}",
        "ChargeFrequency": "Recurring",
        "ChargePeriodStart": _time(bill.start),
        "ChargePeriodEnd": _time(bill.end),
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Baseload chargeback",
        "ServiceSubcategory": "Generative AI",
        "Tags": _json(((by, charge.tag),) if charge.tag else ()),
        "x_Model": charge.model,
        "x_AllocatedTag": charge.tag,
        "x_AllocatedCostUsd": _plain(charge.allocated_usd),
        "x_AllocatedUsageUsd": _plain(charge.usage_usd),
        "x_AllocatedIdleUsd": _plain(charge.idle_usd),
        "x_AllocatedSharedUsd": _plain(charge.shared_usd),
    }


def priced_quantity(charge: LeaseCharge) -> tuple[Decimal, str, Decimal]:
    """What a lease's charge is reckoned by: quantity, unit, USD per unit; their product is the charge.

    Started hours at the hourly price, months where the monthly fee or cap applies, seconds as hours where they count.
    """
    tariff, amount = charge.lease.price.tariff, charge.amount_usd
    if tariff.billing in _RENEWED or amount == tariff.fee_usd_month:
        assert tariff.fee_usd_month is not None  # checked by Tariff
        return (amount / tariff.fee_usd_month).quantize(_COST_PLACES), "Months", tariff.fee_usd_month
    assert tariff.price_usd_hour is not None  # checked by Tariff
    return (amount / tariff.price_usd_hour).quantize(_COST_PLACES), "Hours", tariff.price_usd_hour


def _costs(cost: Decimal, currency: str, unit_price: Decimal | None, quantity: Decimal | None, unit: str) -> Row:
    text = _plain(cost)
    price = "" if unit_price is None else _plain(unit_price)
    return {
        "BilledCost": text,
        "EffectiveCost": text,
        "ListCost": text,
        "ContractedCost": text,
        "ListUnitPrice": price,
        "ContractedUnitPrice": price,
        "BillingCurrency": currency,
        "PricingCurrency": currency,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyEffectiveCost": text,
        "PricingCurrencyListUnitPrice": price,
        "PricingQuantity": "" if quantity is None else _plain(quantity),
        "PricingUnit": "" if quantity is None else unit,
    }


def _resource(charge: LeaseCharge) -> Row:
    lease = charge.lease
    zone = OfferId.of(lease.offer).zone or ""
    return {
        "AvailabilityZone": zone,
        "RegionId": lease.region or "",
        "RegionName": lease.region or "",
        "ResourceId": lease.id,
        "ResourceType": "Server",
        "Tags": _json(lease.tags),
    }


def _ours(model: str | None, amount_usd: Decimal, usd_per_unit: Decimal, rate_date: object) -> Row:
    return {
        "x_Model": model or "",
        "x_BilledCostUsd": _plain(amount_usd.quantize(_COST_PLACES)),
        "x_UsdPerUnit": _plain(usd_per_unit),
        "x_RateDate": "" if rate_date is None else str(rate_date),
    }


def _product(offer: str) -> str:
    """The offer without its market, term and zone: what is sold, at whatever price."""
    named = OfferId.of(offer)
    return f"{named.provider}/{named.product}"


def _invoiced(usd: Decimal, usd_per_unit: Decimal) -> Decimal:
    """An amount in the invoice's currency, to a millionth of a millionth."""
    return (usd / usd_per_unit).quantize(_COST_PLACES)


def _plain(number: Decimal) -> str:
    """A number as the specification wants it: no exponent, no plus, no trailing zeros."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(tags: Tags) -> str:
    return json.dumps(dict(tags), ensure_ascii=False) if tags else ""


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "other"
