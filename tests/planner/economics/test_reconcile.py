"""Invoices against a ledger of November 2026, one cause at a time; numbers that can be checked in the head."""

from datetime import date
from decimal import Decimal

import pytest

from planner.economics.bill import month_bill
from planner.economics.causes import VAT_RATES, Cause
from planner.economics.invoice import Invoice, InvoiceLine, LineKind
from planner.economics.reconcile import Difference, Reconciliation, reconcile
from policies.billing import Billing, Tariff
from tests.planner.economics.months import LATER, MONTHLY, NOVEMBER, after, lease, other, price

CAPPED = Tariff(billing=Billing.STARTED_HOUR_CAPPED, price_usd_hour=Decimal("0.10"), fee_usd_month=Decimal(60))
SPOT = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36"), is_spot=True)
RATES = {"USD": Decimal(1), "EUR": Decimal("1.25")}


def line(amount: str, resource: str = "node-1", description: str = "b3-64", **rest) -> InvoiceLine:
    given = {
        "row": 2,
        "kind": LineKind.SERVER,
        "resource": resource,
        "description": description,
        "amount": Decimal(amount),
        "currency": "USD",
        "start": after(0),
        "end": after(10),
        **rest,
    }
    for name in ("quantity", "unit_price"):
        if isinstance(given.get(name), str):
            given[name] = Decimal(given[name])
    return InvoiceLine(**given)


def held_against(lines, leases=(), others=(), *, tolerance="0.01", providers=("ovh",)) -> Reconciliation:
    invoice = Invoice(source="invoice.csv", form="generic", providers=(), lines=tuple(lines))
    bill = month_bill(NOVEMBER, leases, others, as_of=LATER)
    return reconcile(invoice, bill, providers=providers, usd_per=RATES, tolerance=Decimal(tolerance))


def only(found: Reconciliation) -> Difference:
    (one,) = found.differences
    return one


NODE = lease(0, 10, id="node-1")  # 10 h at 0.40
CAPPED_NODE = lease(0, 480, id="node-1", tariff=CAPPED)  # 48, below the cap of 60
FULL_NODE = lease(0, 720, id="node-1", tariff=CAPPED)  # at the cap of 60


def test_an_invoice_that_agrees_has_no_differences() -> None:
    found = held_against([line("4.00", quantity="10", unit="hours")], [NODE])
    assert found.is_reconciled
    assert (found.compared, found.invoice_total, found.ledger_total) == (1, {"USD": 4}, {"USD": 4})


@pytest.mark.parametrize(
    ("node", "lines", "cause", "words"),
    [
        pytest.param(NODE, [line("4.76")], Cause.VAT, "19 % above the ledger", id="VAT, nothing else known"),
        pytest.param(
            NODE, [line("4.84", quantity="10", unit="hours")], Cause.VAT, "21 % above the ledger", id="VAT, same hours"
        ),
        pytest.param(
            NODE,
            [line("4.80", quantity="12", unit="hours")],
            Cause.HOURS,
            "2 started hours more than the ledger's 10 at 0.40",
            id="20 % are 2 of 10 hours where the invoice counts 12",
        ),
        pytest.param(NODE, [line("4.40")], Cause.HOURS, "1 started hour more", id="an hour more, not counted"),
        pytest.param(
            NODE, [line("3.20", quantity="8", unit="hours")], Cause.HOURS, "2 started hours fewer", id="hours fewer"
        ),
        pytest.param(
            NODE,
            [line("4.50", quantity="10", unit="hours")],
            Cause.PRICE,
            "price is 0.45 per hour, the ledger's 0.40",
            id="implied price",
        ),
        pytest.param(NODE, [line("4.50", unit_price="0.45")], Cause.PRICE, "0.45 per hour", id="stated price"),
        pytest.param(
            NODE,
            [line("5.40", quantity="12", unit="hours")],
            Cause.PRICE,
            "the ledger's 0.40, and it counts 12.00 hours against 10.00",
            id="price and hours",
        ),
        pytest.param(
            FULL_NODE, [line("72.00")], Cause.CAP_NOT_APPLIED, "720 hours at 0.10 pass the monthly cap", id="no cap"
        ),
        pytest.param(
            CAPPED_NODE,
            [line("60.00")],
            Cause.CAP_APPLIED,
            "charges the whole month, 60.00; the ledger 48.00",
            id="cap",
        ),
        pytest.param(
            lease(0, 360, id="node-1", tariff=MONTHLY),
            [line("72.00", quantity="1", unit="months")],
            Cause.CAP_APPLIED,
            "charges the whole month, 72.00; the ledger 36.00",
            id="a month in place of a part",
        ),
        pytest.param(
            lease(0, 360, id="node-1", tariff=MONTHLY),
            [line("54.00", quantity="360", unit="hours")],
            Cause.PRICE,
            "the invoice charges 0.15 per hour; the ledger a part of 72.00 a month",
            id="by the hour in place of a part",
        ),
        pytest.param(
            lease(0, 720, id="node-1", tariff=MONTHLY),
            [line("80.00", quantity="1", unit="months")],
            Cause.PRICE,
            "price is 80.00 per month, the ledger's 72.00",
            id="monthly price",
        ),
        pytest.param(
            NODE,
            [line("4.00", quantity="10"), line("4.00", quantity="10", row=3)],
            Cause.DUPLICATE,
            "the same line stands 2 times",
            id="a line twice",
        ),
        pytest.param(
            NODE,
            [line("1.34", start=after(hour)) for hour in (0, 3, 6)],
            Cause.ROUNDING,
            "less than half a cent for each of 4 amounts",
            id="rounding",
        ),
        pytest.param(
            lease(0, 0.5, id="node-1", tariff=SPOT),
            [line("0.00")],
            Cause.SPOT_FREE,
            "the provider took it back; the ledger does not say so",
            id="spot free",
        ),
        pytest.param(
            lease(0, 0.5, id="node-1", tariff=SPOT, interrupted=True),
            [line("0.18")],
            Cause.SPOT_FREE,
            "which is free; it is invoiced all the same",
            id="spot not free",
        ),
        pytest.param(NODE, [line("4.137")], Cause.UNKNOWN, "no rule explains 0.137 USD", id="no rule"),
    ],
)
def test_each_cause_is_told_by_its_figures(node, lines, cause: Cause, words: str) -> None:
    found = only(held_against(lines, [node]))
    assert (found.cause, found.what) == (cause, "node-1")
    assert words in found.explanation


@pytest.mark.parametrize("rate", VAT_RATES)
def test_every_known_rate_of_vat_is_recognized(rate: Decimal) -> None:
    big = lease(0, 697, id="node-1")  # 278.80: no rate of VAT is a whole number of its hours
    gross = (Decimal("278.80") * (1 + rate)).quantize(Decimal("0.01"))
    assert only(held_against([line(str(gross), quantity="697", unit="hours")], [big])).cause is Cause.VAT


def test_a_price_in_another_currency_shows_the_rate_the_invoice_implies() -> None:
    found = only(held_against([line("3.00", currency="EUR", quantity="10", unit="hours")], [NODE]))
    assert found.cause is Cause.EXCHANGE
    assert "converted at 1.2500 USD/EUR, the invoice implies 1.3333" in found.explanation
    assert (found.ledger, found.currency) == (Decimal("3.20"), "EUR")


def test_the_rate_reads_the_same_way_round_for_a_price_in_euros() -> None:
    euro = price("ovh/b3-64", invoice_currency="EUR", usd_per_unit=Decimal("1.25"), rate_date=date(2026, 11, 1))
    found = only(held_against([line("4.40", quantity="10")], [lease(0, 10, id="node-1", price=euro)]))
    # 4.00 USD are 3.20 EUR; 4.40 USD for them are 1.375
    assert "price is in EUR: converted at 1.2500 USD/EUR, the invoice implies 1.3750" in found.explanation


def test_a_price_agreed_in_the_invoices_currency_needs_no_rate() -> None:
    euro = price("ovh/b3-64", invoice_currency="EUR", usd_per_unit=Decimal("1.6"), rate_date=date(2026, 11, 1))
    assert held_against([line("2.50", currency="EUR")], [lease(0, 10, id="node-1", price=euro)]).is_reconciled


def test_other_hours_are_not_taken_for_another_rate() -> None:
    found = only(held_against([line("3.84", currency="EUR", quantity="12", unit="hours")], [NODE]))
    assert found.cause is Cause.HOURS  # 12 h at 0.32 EUR


@pytest.mark.parametrize(
    ("line_", "words"),
    [
        (line("9.00", resource="stranger", description="cx33"), "a machine the ledger does not know"),
        (line("0.60", resource="", description="Primary IPv4", kind=LineKind.OTHER), "import it as a cost"),
        (line("-5.00", resource="", description="goodwill", kind=LineKind.CREDIT), "a credit the ledger does not know"),
    ],
)
def test_what_the_ledger_does_not_know_is_said_by_kind(line_: InvoiceLine, words: str) -> None:
    found = only(held_against([line("4.00"), line_], [NODE]))
    assert (found.cause, found.ledger) == (Cause.MISSING_IN_LEDGER, None)
    assert words in found.explanation


def test_what_is_not_invoiced_is_said() -> None:
    found = only(held_against([line("4.00")], [NODE, lease(0, 5, id="node-2", offer="ovh/c3-8")]))
    assert (found.cause, found.what, found.ledger, found.invoice) == (
        Cause.MISSING_IN_INVOICE, "node-2", Decimal("2.00"), None,
    )  # fmt: skip


def test_spot_that_was_free_needs_no_line() -> None:
    free = lease(0, 0.5, id="node-2", tariff=SPOT, interrupted=True)
    assert held_against([line("4.00")], [NODE, free]).is_reconciled
    untold = lease(0, 0.5, id="node-2", tariff=SPOT)
    assert only(held_against([line("4.00")], [NODE, untold])).cause is Cause.SPOT_FREE


def test_a_setup_fee_may_have_a_line_or_stand_within_the_machines() -> None:
    new = lease(0, 10, id="node-1", setup_fee_usd=Decimal(99))
    setup = line("99.00", description="b3-64 setup", kind=LineKind.SETUP)
    assert held_against([line("4.00"), setup], [new]).is_reconciled
    assert held_against([line("103.00")], [new]).is_reconciled
    assert only(held_against([line("4.00")], [new])).cause is Cause.SETUP
    assert only(held_against([line("4.00"), setup], [NODE])).cause is Cause.SETUP
    dearer = line("119.00", description="b3-64 setup", kind=LineKind.SETUP)
    assert "is not the ledger's" in only(held_against([line("4.00"), dearer], [new])).explanation


def test_an_id_within_the_words_of_a_line_is_found() -> None:
    assert held_against([line("4.00", resource="", description="Server #node-1 (b3-64)")], [NODE]).is_reconciled
    assert held_against([line("4.00", resource="NODE-1")], [NODE]).is_reconciled


def test_lines_without_ids_are_compared_by_product() -> None:
    nodes = [lease(0, 10, id=f"uuid-{i}") for i in range(3)] + [lease(0, 10, id="uuid-c", offer="ovh/c3-8")]
    lines = [line("12.00", resource="project", description="b3-64 consumption"), line("4.00", "project", "c3-8", row=3)]
    assert held_against(lines, nodes).is_reconciled
    found = only(held_against([line("16.00", resource="project", description="b3-64"), lines[1]], nodes))
    assert (found.what, found.offer, found.ledger) == ("3 x b3-64", "ovh/b3-64", Decimal("12.00"))
    assert only(held_against([line("4.00", "project", "b3-640"), *lines], nodes)).what == "project"


def test_other_costs_are_compared_by_kind_of_service() -> None:
    costs = [other("7.00", what="egress"), other("0.60", what="primary IPv4")]
    lines = [
        line("4.00"),
        line("7.00", resource="node-1", description="Data transfer out", kind=LineKind.OTHER),
        line("0.60", resource="ip-1", description="Primary IPv4", kind=LineKind.OTHER),
    ]
    assert held_against(lines, [NODE], costs).is_reconciled
    found = only(held_against(lines[:2], [NODE], costs))
    assert (found.cause, found.what) == (Cause.MISSING_IN_INVOICE, "primary IPv4")


def test_more_of_the_same_is_counted() -> None:
    nodes = [lease(0, 10, id=f"uuid-{i}") for i in range(3)]
    found = only(held_against([line("16.00", resource="project", description="b3-64")], nodes))
    assert (found.cause, found.explanation) == (
        Cause.COUNT, "the invoice is for 4 at 4.00, the ledger for 3",
    )  # fmt: skip
    address = line("1.20", resource="", description="Primary IPv4", kind=LineKind.OTHER)
    found = only(held_against([line("4.00"), address], [NODE], [other("0.60", what="primary IPv4")]))
    assert found.explanation == "the invoice is for 2 at 0.60, the ledger for 1"


def test_tax_lines_are_left_out() -> None:
    found = held_against([line("4.00"), line("0.76", "", "19 % VAT", kind=LineKind.TAX)], [NODE])
    assert found.is_reconciled
    assert (found.invoice_total, found.tax_total) == ({"USD": 4}, {"USD": Decimal("0.76")})


def test_other_providers_of_the_month_are_left_out() -> None:
    assert held_against(
        [line("4.00")], [NODE, lease(0, 9, id="x", offer="aws/r7a")], [other(provider="aws")]
    ).is_reconciled


def test_the_tolerance_is_in_the_invoices_currency() -> None:
    assert held_against([line("4.50", quantity="10", unit="hours")], [NODE], tolerance="0.50").is_reconciled
    assert not held_against([line("4.51", quantity="10", unit="hours")], [NODE], tolerance="0.50").is_reconciled


def test_the_largest_difference_comes_first_and_sums_are_exact() -> None:
    nodes = [lease(0, 10, id=f"node-{i}") for i in range(3)]
    lines = [line("4.40", "node-0"), line("9.99", "node-1"), line("4.00", "node-2")]
    found = held_against(lines, nodes)
    assert [one.what for one in found.differences] == ["node-1", "node-0"]
    total = found.invoice_total["USD"] - found.ledger_total["USD"]
    assert sum(one.difference for one in found.differences) == total == Decimal("6.39")


def test_lines_of_another_month_and_a_ledger_without_the_provider_are_remarked() -> None:
    found = held_against([line("4.00", start=after(-48))], [NODE])
    assert "1 lines begin outside of 2026-11 (rows 2)" in found.remarks[0]
    assert "the ledger holds nothing of hetzner in 2026-11" in held_against([], [NODE], providers=("hetzner",)).remarks
