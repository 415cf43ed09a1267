"""Invoices as providers export them: columns of the real formats, figures made up."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from planner.economics.bill import month_bill
from planner.economics.invoice import InvoiceLine, LineKind
from planner.economics.reconcile import reconcile
from planner.errors import InputError
from planner.exchange.focus import focus_csv
from planner.exchange.invoice import read_invoice
from planner.exchange.invoice_words import kind_by_words, locale_of
from tests.planner.economics.months import LATER, NOVEMBER
from tests.planner.exchange.bills import RATE, some_bill, some_charges, some_leases

HETZNER_HEAD = "grouping,product,description,reference,quantity,from,until,condition,unit,external id,price,total\n"
HETZNER = (
    HETZNER_HEAD
    + '"Project",CCX43 Cloud Server,"web-1",,"1.0000",2026-11-01,2026-11-30,,Months,"4711",,"€ 1,060.0000"\n'
    + '"Project",CCX43 Cloud Server,"web-2",,"47.0000",2026-11-03,2026-11-05,,Hours,"4712","€ 0.1000","€ 4.7000"\n'
    + '"Project",Primary IPv4,,,"1.0000",2026-11-01,2026-11-30,,Months,"99",,"€ 0.5000"\n'
    + '"Robot",AX102,Setup,"#12",1.0000,2026-11-04,2026-11-04,,,,,"€ 99.0000"\n'
)
GERMAN = (
    HETZNER_HEAD
    + '"Projekt",CCX43 Cloud Server,"web-1",,"1,0000",01.11.2026,30.11.2026,,Monate,"4711",,"1.060,0000 €"\n'
    + '"Projekt",CCX43 Cloud Server,"web-2",,"47,0000",03.11.2026,05.11.2026,,Stunden,"4712","0,1000 €","4,7000 €"\n'
    + '"Projekt",Primary IPv4,,,"1,0000",01.11.2026,30.11.2026,,Monate,"99",,"0,5000 €"\n'
    + '"Robot",AX102,Einrichtung,"#12","1,0000",04.11.2026,04.11.2026,,,,,"99,0000 €"\n'
)


def read(text: str) -> tuple[InvoiceLine, ...]:
    return read_invoice(text, source="invoice.csv").lines


def at(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


def test_an_invoice_of_hetzner_in_dollars() -> None:
    assert {line.currency for line in read(HETZNER.replace("€", "$"))} == {"USD"}


@pytest.mark.parametrize("text", [HETZNER, GERMAN], ids=["English", "German"])
def test_hetzner_in_either_language(text: str) -> None:
    month, hours, address, setup = read(text)
    assert (month.resource, month.amount, month.currency) == ("4711", Decimal("1060.0000"), "EUR")
    assert (month.quantity, month.unit, month.start) == (1, "months", at(1))
    assert month.end == datetime(2026, 12, 1, tzinfo=UTC)
    assert (hours.quantity, hours.unit, hours.unit_price) == (47, "hours", Decimal("0.1000"))
    assert [one.kind for one in (month, hours, address, setup)] == [
        LineKind.SERVER, LineKind.SERVER, LineKind.OTHER, LineKind.SETUP,
    ]  # fmt: skip
    assert setup.resource == "#12"
    assert read_invoice(text, source="x").providers == ("hetzner", "hetzner-cloud")


def test_generic_columns() -> None:
    text = (
        "resource,description,start,end,quantity,unit,unit_price,amount,currency\n"
        "node-1,b3-64,2026-11-01,2026-11-01T10:00:00Z,10,h,0.40,4.00,EUR\n"
        ",goodwill credit,,,,,,-5,\n"
    )
    node, credit = read(text)
    assert (node.start, node.end, node.unit, node.quantity) == (at(1), at(1).replace(hour=10), "hours", 10)
    assert (credit.kind, credit.amount, credit.currency, credit.start) == (LineKind.CREDIT, -5, "USD", None)


AWS_NAMES = {
    "lineItem/LineItemType": "line_item_line_item_type",
    "lineItem/UsageStartDate": "line_item_usage_start_date",
    "lineItem/UsageEndDate": "line_item_usage_end_date",
    "lineItem/UsageType": "line_item_usage_type",
    "lineItem/ResourceId": "line_item_resource_id",
    "lineItem/UsageAmount": "line_item_usage_amount",
    "lineItem/UnblendedRate": "line_item_unblended_rate",
    "lineItem/UnblendedCost": "line_item_unblended_cost",
    "lineItem/CurrencyCode": "line_item_currency_code",
    "lineItem/LineItemDescription": "line_item_line_item_description",
    "lineItem/BlendedCost": "line_item_blended_cost",
}
AWS = (
    ",".join(AWS_NAMES)
    + "\n"
    + "Usage,2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,EU-BoxUsage:r7a,i-1,1.0,0.4,0.4,USD,per hour r7a,9\n"
    + "Usage,2026-11-01T01:00:00Z,2026-11-01T02:00:00Z,EU-BoxUsage:r7a,i-1,0.5,0.4,0.2,USD,per hour r7a,9\n"
    + "Usage,2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,EU-DataTransfer-Out-Bytes,i-1,1E-3,0.09,9E-5,USD,transfer,9\n"
    + "Tax,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,,,,,0.11,USD,Tax for product,9\n"
)


@pytest.mark.parametrize("is_new", [False, True], ids=["legacy", "2.0"])
def test_aws_adds_up_the_hours_of_a_machine(is_new: bool) -> None:
    head, _, body = AWS.partition("\n")
    text = f"{','.join(AWS_NAMES[name] for name in head.split(','))}\n{body}" if is_new else AWS
    time, transfer, tax = read(text)
    assert (time.kind, time.amount, time.quantity, time.lines) == (LineKind.SERVER, Decimal("0.6"), Decimal("1.5"), 2)
    assert (time.start, time.end) == (at(1), at(1).replace(hour=2))
    assert (transfer.kind, transfer.amount) == (LineKind.OTHER, Decimal("0.00009"))
    assert tax.kind is LineKind.TAX


def test_ovh_bill_details() -> None:
    details = [
        {
            "billDetailId": "1",
            "description": "b3-64 - hourly consumption",
            "domain": "abc.project",
            "periodStart": "2026-11-01",
            "periodEnd": "2026-12-01",
            "quantity": "10",
            "totalPrice": {"currencyCode": "EUR", "text": "4.00 €", "value": 4.0},
            "unitPrice": {"currencyCode": "EUR", "value": 0.4},
        },
        {
            "billDetailId": "2",
            "description": "Additional volume",
            "domain": "abc.project",
            "periodStart": None,
            "periodEnd": None,
            "quantity": "1",
            "totalPrice": {"currencyCode": "EUR", "value": 1},
        },
    ]
    node, volume = read(json.dumps(details))
    assert (node.amount, node.unit_price, node.quantity, node.currency) == (Decimal("4.0"), Decimal("0.4"), 10, "EUR")
    assert (volume.kind, volume.start) == (LineKind.OTHER, None)


def test_our_own_focus_export_agrees_with_the_ledger_it_was_made_from() -> None:
    bill = some_bill()
    invoice = read_invoice(focus_csv(bill, charges=some_charges(bill)), source="focus.csv")
    providers = tuple({lease.provider for lease in some_leases()})
    found = reconcile(invoice, bill, providers=providers, usd_per={"USD": Decimal(1), "EUR": RATE})
    assert found.differences == ()
    assert found.compared == 6 + 1 + 3  # leases, a setup fee, other costs
    missing = month_bill(NOVEMBER, some_leases()[1:], as_of=LATER)
    assert not reconcile(invoice, missing, providers=providers, usd_per={"USD": Decimal(1), "EUR": RATE}).is_reconciled


def _ovh_total(value: str) -> str:
    total = {"value": value, "currencyCode": "EUR"}
    return json.dumps([{"description": "x", "domain": "d", "quantity": "1", "totalPrice": total}])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "its columns are of no invoice format known"),
        ("a,b\n1,2\n", "its columns are of no invoice format known; expected description,amount, or an export of"),
        ("description,amount\n", "there is a header and no row"),
        ("description,amount\nx,four\n", "invoice.csv, row 2: amount is 'four'"),
        ("description,amount,curency\nx,4,EUR\n", "row 1: unknown column 'curency'; did you mean 'currency'?"),
        ("description,amount,currency\nx,4,euro\n", "row 2: currency is 'euro'; expected three capital letters"),
        ("description,amount,kind\nx,4,car\n", "row 2: kind is 'car'; expected one of server, setup"),
        ("description,amount,start\nx,4,yesterday\n", "row 2: time is 'yesterday'; expected ISO-8601"),
        ("description,amount\nx,4,5\n", "row 2: 3 columns; expected 2"),
        ('description,amount\n"x,4\n', "not readable as CSV"),
        (HETZNER.replace("€ 4.7000", "€ four"), "row 3: total is '€ four'; expected an amount such as"),
        (HETZNER.replace("2026-11-03", "3 Nov"), "row 3: from is '3 Nov'; expected a date such as"),
        (HETZNER.replace("4.7000", "9" * 20), "row 3: total is '€ 99999999999999999999'; expected an amount such as"),
        (_ovh_total("1e999999"), "entry 1: totalPrice is '1e999999'; expected a number"),
        ("[1]", "expected a JSON list of bill details"),
        ("[{", "not readable as JSON"),
        ('[{"description": "x"}]', "entry 1: key 'totalPrice' is missing"),
        (
            '[{"description": "x", "domain": "d", "quantity": "1", "totalPrice": 4}]',
            "entry 1: ",
        ),
    ],
)
def test_what_cannot_be_read_is_named(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        read(text)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("CCX43 Cloud Server", LineKind.SERVER),
        ("AX102 Einrichtung", LineKind.SETUP),
        ("Primary IPv4", LineKind.OTHER),
        ("Volume 100 GB", LineKind.OTHER),
        ("19 % MwSt.", LineKind.TAX),
        ("AX102, 104.00 incl. VAT", LineKind.SERVER),
        ("Gutschrift", LineKind.CREDIT),
    ],
)
def test_words_tell_the_kind_of_a_line(words: str, kind: LineKind) -> None:
    assert kind_by_words(words) is kind


@pytest.mark.parametrize(
    ("amounts", "is_german"),
    [
        (["€ 4.9900"], False),
        (["", "4,9900 €"], True),
        (["-€ 4.99"], False),
        (["1.234,50"], True),
        (["1,234.50"], False),
        ([], False),
    ],
)
def test_the_place_of_the_currency_tells_the_language(amounts: list[str], is_german: bool) -> None:
    assert locale_of(amounts).is_german is is_german
