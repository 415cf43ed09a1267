"""A month's bill with every kind of line: each billing rule, two currencies, setup, spot, other costs, a credit."""

from datetime import date
from decimal import Decimal

from planner.economics.bill import MonthBill, month_bill
from planner.economics.chargeback import chargeback
from planner.economics.charges import Chargeback
from planner.economics.fleet_hours import fleet_hours
from planner.ledger import Lease, tags_of
from policies.billing import Billing, Tariff
from tests.planner.economics.months import LATER, MONTHLY, NOVEMBER, RATES, lease, other, price, served

RATE = Decimal("1.1412")
IN_EUR = {"invoice_currency": "EUR", "usd_per_unit": RATE, "rate_date": date(2026, 11, 20)}
CAPPED = Tariff(
    billing=Billing.STARTED_HOUR_CAPPED,
    price_usd_hour=Decimal("0.10") * RATE,
    fee_usd_month=Decimal(60) * RATE,
)
"""0.10 EUR an hour, 60 EUR a month at most."""
SPOT = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36"), is_spot=True)


def some_leases() -> list[Lease]:
    cloud, month = "hetzner-cloud/ccx43", "hetzner-cloud/ccx43/month"
    return [
        lease(0, 10, region="GRA9"),
        lease(0, None, offer=month, price=price(month, CAPPED, **IN_EUR), is_base=True, region="fsn1"),
        lease(3, 50.5, offer=cloud, price=price(cloud, CAPPED, **IN_EUR), region="fsn1"),
        lease(
            96,
            None,
            offer="hetzner/ax102",
            tariff=MONTHLY,
            setup_fee_usd=Decimal(99),
            tags=tags_of({"team": "a", "note": 'says "x", ümlaut'}),
        ),
        lease(10, 10.5, offer="aws/r7a.4xlarge@us-east-1a/spot", tariff=SPOT, interrupted=True, region="us-east-1"),
        lease(10.123, 14.57, offer="aws/r7a.4xlarge/spot", tariff=SPOT, region="us-east-1", model=None),
    ]


def some_bill() -> MonthBill:
    costs = [
        other("12.34", what="Primary IPv4", provider="hetzner-cloud", invoice_currency="EUR", usd_per_unit=RATE),
        other("-5", 24, 24, what="goodwill credit", provider="aws"),
        other("100", what="egress", model="small"),
    ]
    return month_bill(NOVEMBER, some_leases(), costs, as_of=LATER)


def some_charges(bill: MonthBill) -> Chargeback:
    rows = [(0, "small", "a", 900_000, 180_000), (1, "small", "b", 9_000, 180_000), (1, "small", "", 9_000, 1_800)]
    traffic = served(rows)
    return chargeback(bill, fleet_hours(bill, traffic, RATES), traffic)
