"""The export against the rules of the specification, version 1.2, written down here column by column."""

import csv
import json
import re
from datetime import datetime
from decimal import Decimal

import pytest

from planner.economics.services import service_of
from planner.exchange.focus import focus_csv, focus_rows
from planner.exchange.focus_terms import COLUMNS
from tests.planner.exchange.bills import RATE, some_bill, some_charges

Row = dict[str, str]

MANDATORY = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
]
NOT_NULL = [
    name for name in MANDATORY if name not in {"BillingAccountName", "ChargeClass", "PricingQuantity", "PricingUnit"}
]
NUMERIC = [name for name in COLUMNS if name.endswith(("Cost", "UnitPrice", "Quantity")) and not name.startswith("x_")]
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"", "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"", "Standard", "Dynamic", "Committed", "Other"},
    "BillingCurrency": {"USD", "EUR"},
}
SUBCATEGORIES = {
    "AI and Machine Learning": {"Generative AI"},
    "Compute": {"Virtual Machines", "Other (Compute)"},
    "Networking": {"Data Transfer", "Other (Networking)"},
    "Storage": {"Backup Storage", "Block Storage", "Object Storage", "Other (Storage)"},
    "Management and Governance": {"Observability", "Support"},
    "Other": {"Other (Other)"},
}
"""The part of the specification's table that we use."""
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    bill = some_bill()
    text = focus_csv(bill, charges=some_charges(bill))
    return list(csv.DictReader(text.splitlines()))


def test_focus_columns_come_first_in_order_then_ours(rows: list[Row]) -> None:
    header = list(rows[0])
    ours = [name for name in header if name.startswith("x_")]
    assert header == sorted(set(header) - set(ours)) + ours
    assert set(MANDATORY) <= set(header)
    assert all(re.fullmatch(r"(x_)?([A-Z][a-z]*)+", name) for name in header)


def test_what_must_not_be_null_is_not(rows: list[Row]) -> None:
    for row in rows:
        assert [name for name in (*NOT_NULL, "ChargeFrequency", "ServiceSubcategory") if not row[name].strip()] == []


def test_numbers_times_and_allowed_values(rows: list[Row]) -> None:
    for row in rows:
        assert [name for name in NUMERIC if row[name] and not NUMBER.fullmatch(row[name])] == []
        assert [name for name in row if name.endswith(("Start", "End")) and not TIME.fullmatch(row[name])] == []
        assert [name for name, values in ALLOWED.items() if row[name] not in values] == []
        assert row["ServiceSubcategory"] in SUBCATEGORIES[row["ServiceCategory"]]


def test_periods_lie_in_their_billing_period(rows: list[Row]) -> None:
    for row in rows:
        begin, end = (datetime.fromisoformat(row[f"ChargePeriod{edge}"]) for edge in ("Start", "End"))
        first, last = (datetime.fromisoformat(row[f"BillingPeriod{edge}"]) for edge in ("Start", "End"))
        assert first <= begin < end <= last


def test_usage_and_purchases_have_a_price_that_times_quantity_is_their_cost(rows: list[Row]) -> None:
    for row in rows:
        priced = ("PricingQuantity", "PricingUnit", "ListUnitPrice", "ContractedUnitPrice", "PricingCategory", "SkuId")
        if row["ChargeCategory"] in {"Usage", "Purchase"}:
            assert [name for name in (*priced, "SkuPriceId", "SkuMeter") if not row[name]] == []
            product = Decimal(row["PricingQuantity"]) * Decimal(row["ListUnitPrice"])
            assert float(product) == pytest.approx(float(row["ListCost"]), rel=1e-9, abs=1e-12)
            assert Decimal(row["ListUnitPrice"]) >= 0
        assert bool(row["PricingQuantity"]) == bool(row["PricingUnit"])
        assert bool(row["SkuId"]) == bool(row["SkuPriceId"]) == bool(row["SkuMeter"])


def test_consumed_quantity_is_of_usage_only(rows: list[Row]) -> None:
    for row in rows:
        assert bool(row["ConsumedQuantity"]) == bool(row["ConsumedUnit"]) == (row["ChargeCategory"] == "Usage")


def test_a_purchase_is_never_usage_based(rows: list[Row]) -> None:
    assert {row["ChargeFrequency"] for row in rows if row["ChargeCategory"] == "Purchase"} == {"One-Time", "Recurring"}


def test_names_go_with_their_ids(rows: list[Row]) -> None:
    for row in rows:
        assert bool(row["RegionId"]) == bool(row["RegionName"])
        assert bool(row["ResourceId"]) == bool(row["ResourceType"])
        assert row["ResourceName"] != row["ResourceId"] or not row["ResourceId"]
        assert not any(row[name] for name in row if name.startswith(("CommitmentDiscount", "SubAccount")))


def test_tags_are_a_flat_json_object(rows: list[Row]) -> None:
    tags = [json.loads(row["Tags"]) for row in rows if row["Tags"]]
    assert {"team": "a", "note": 'says "x", ümlaut'} in tags
    assert all(isinstance(value, str) for one in tags for value in one.values())


def test_billed_cost_sums_to_the_bill_in_each_currency() -> None:
    bill = some_bill()
    for charges in (None, some_charges(bill)):
        billed: dict[str, Decimal] = {}
        for row in focus_rows(bill, charges=charges):
            billed[row["BillingCurrency"]] = billed.get(row["BillingCurrency"], Decimal(0)) + Decimal(row["BilledCost"])
        # 60 at the cap, 48 started hours at 0.10, and the address
        assert round(billed["EUR"], 6) == round(Decimal(60) + Decimal("4.80") + Decimal("12.34") / RATE, 6)
        assert round(billed["USD"] + billed["EUR"] * RATE, 9) == round(bill.bill_usd, 9)


def test_allocated_rows_cost_nothing_and_sum_to_what_is_allocated(rows: list[Row]) -> None:
    charges = some_charges(some_bill())
    allocated = [row for row in rows if row["ChargeCategory"] == "Adjustment"]
    assert {row["BilledCost"] for row in allocated} == {"0"}
    assert [row["x_AllocatedTag"] for row in allocated] == ["", "a", "b"]
    total = sum(Decimal(row["x_AllocatedCostUsd"]) for row in allocated)
    assert total == charges.bill_usd - charges.unallocated_usd


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("ovh/b3-64-0", ("10", "Hours", "0.4", "4", "USD", "Usage-Based")),
        ("hetzner-cloud/ccx43/month-0", ("1", "Months", "60", "60", "EUR", "Usage-Based")),
        ("hetzner-cloud/ccx43-3", ("48", "Hours", "0.1", "4.8", "EUR", "Usage-Based")),
        # 624 of 720 hours
        ("hetzner/ax102-96", ("0.866666666667", "Months", "72", "62.4", "USD", "Recurring")),
        ("aws/r7a.4xlarge@us-east-1a/spot-10", ("0", "Hours", "0.36", "0", "USD", "Usage-Based")),
    ],
)
def test_each_rule_shows_what_it_counts(rows: list[Row], resource: str, expected: tuple[str, ...]) -> None:
    row = next(row for row in rows if row["ResourceId"] == resource)
    shown = (
        "PricingQuantity",
        "PricingUnit",
        "ContractedUnitPrice",
        "BilledCost",
        "BillingCurrency",
        "ChargeFrequency",
    )
    assert tuple(row[name] for name in shown) == expected


def test_a_setup_fee_is_a_purchase_of_its_own(rows: list[Row]) -> None:
    (row,) = [row for row in rows if row["SkuMeter"] == "Setup"]
    assert (row["ChargeCategory"], row["ChargeFrequency"], row["BilledCost"]) == ("Purchase", "One-Time", "99")


def test_a_credit_is_negative_and_has_no_price(rows: list[Row]) -> None:
    (row,) = [row for row in rows if row["ChargeCategory"] == "Credit"]
    assert (row["BilledCost"], row["PricingQuantity"], row["ListUnitPrice"]) == ("-5", "", "")


def test_spot_is_dynamic_and_names_its_zone(rows: list[Row]) -> None:
    row = next(row for row in rows if row["ResourceId"].endswith("us-east-1a/spot-10"))
    assert (row["PricingCategory"], row["AvailabilityZone"], row["SkuId"]) == (
        "Dynamic",
        "us-east-1a",
        "aws/r7a.4xlarge",
    )
    assert "taken back by the provider" in row["ChargeDescription"]


def test_accounts_and_invoices_are_those_given() -> None:
    rows = list(focus_rows(some_bill(), accounts={"aws": "1234-5678"}, invoices={"ovh": "FR99"}))
    assert {row["BillingAccountId"] for row in rows} == {"1234-5678", "ovh", "hetzner", "hetzner-cloud"}
    assert {row["InvoiceId"] for row in rows if row["ProviderName"] == "OVHcloud"} == {"FR99"}
    assert {row["InvoiceId"] for row in rows if row["ProviderName"] == "Hetzner"} == {""}


@pytest.mark.parametrize(
    ("what", "category"),
    [
        ("egress", "Networking"),
        ("Primary IPv4", "Networking"),
        ("primary IP", "Networking"),
        ("Volume 100 GB", "Storage"),
        ("monitoring", "Management and Governance"),
        ("VIP lunch", "Other"),
    ],
)
def test_other_costs_are_sorted_by_their_words(what: str, category: str) -> None:
    assert service_of(what)[0] == category
