"""leases.csv, prices.csv and costs.csv: what is paid, exactly, in the invoice's currency and in USD."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from planner.errors import InputError
from planner.exchange.costs import read_costs
from planner.exchange.leases import read_leases, read_prices
from planner.ledger import PriceInForce
from policies.billing import Billing, Tariff

HEAD = "id,offer,start,end,billing,price_usd_hour,fee_usd_month\n"
LISTED = PriceInForce(
    offer="hetzner/ax102",
    provider="hetzner",
    tariff=Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal(104)),
)


def listed(offer: str, ordered_on: date) -> PriceInForce | None:
    """A ledger that knows the price of one offer, from November on."""
    return LISTED if offer == "hetzner/ax102" and ordered_on >= date(2026, 11, 1) else None


def complaint(text: str) -> str:
    with pytest.raises(InputError) as error:
        read_leases(text, source="leases.csv", price_of=listed)
    return str(error.value)


def test_a_lease_has_the_price_of_its_row() -> None:
    text = HEAD + "i-1,aws/r7a.4xlarge,2026-11-01T00:00:00+01:00,2026-11-02T00:00:00Z,second,1.2170,\n"
    (lease,) = read_leases(text, source="leases.csv", price_of=listed).leases
    assert (lease.id, lease.provider, lease.is_base) == ("i-1", "aws", False)
    assert (lease.start, lease.end) == (datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))
    assert lease.price.tariff == Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("1.2170"))


def test_a_lease_without_a_price_gets_the_price_in_force_when_it_began() -> None:
    text = "id,offer,start,team,model\na,hetzner/ax102,2026-11-01T00:00:00Z,x,m\n"
    (lease,) = read_leases(text, source="leases.csv", price_of=listed, tags={"team": "team"}).leases
    assert (lease.price, lease.is_base, lease.end, lease.model) == (LISTED, True, None, "m")
    assert lease.tags == (("team", "x"),)


def test_a_lease_no_price_is_known_of_is_never_free() -> None:
    said = complaint("id,offer,start\na,hetzner/ax102,2026-10-31T23:59:59Z\n")
    assert said.startswith(
        "leases.csv, row 2: no price for hetzner/ax102, in the row, the ledger, the fleet or the cat"
    )


def test_euro_prices_are_converted_at_the_rate_of_the_row() -> None:
    text = (
        "offer,billing,fee_month,setup_fee,currency,usd_per_unit,rate_date,effective_from\n"
        "hetzner/ax102,month_prorated,104.00,39,EUR,1.15,2026-11-20,2026-02-01\n"
    )
    (price,) = read_prices(text, source="prices.csv")
    assert price.tariff.fee_usd_month == Decimal("119.60")
    assert price.setup_fee_usd == Decimal("44.85")
    assert (price.invoice_currency, price.usd_per_unit, price.rate_date) == ("EUR", Decimal("1.15"), date(2026, 11, 20))
    assert price.effective_from == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,ax102,2026-11-01T00:00:00Z,,,,", "no provider, and offer 'ax102' names none"),
        ("a,hetzner/,2026-11-01T00:00:00Z,,,,", "no provider, and offer 'hetzner/' names none"),
        ("a,aws/x,2026-11-01T00:00:00Z,,second,,", "price_usd_hour is missing; billing 'second' needs it"),
        ("a,aws/x,2026-11-01T00:00:00Z,,hourly,1,", "billing is 'hourly'; expected one of started_hour"),
        ("a,aws/x,2026-11-01T00:00:00Z,,,1,", "no billing beside a price"),
        ("a,aws/x,2026-11-01T00:00:00Z,,second,NaN,", "price_usd_hour is 'NaN'; expected an amount"),
        ("a,aws/x,2026-11-01T00:00:00Z,,second,-1,", "price_usd_hour is '-1'; expected an amount"),
        ("a,aws/x,2026-11-01T00:00:00Z,,second,0,", "price_usd_hour must be above 0, got 0"),
        ("a,aws/x,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,second,1,", "end must not be before start"),
        (",aws/x,2026-11-01T00:00:00Z,,second,1,", "no id; expected a name"),
        ("a,aws/x,2026-11-01,,second,1,", "start '2026-11-01' has no time zone"),
    ],
)
def test_a_bad_lease_is_named_by_its_row(row: str, said: str) -> None:
    text = complaint(HEAD + row + "\n")
    assert text.startswith("leases.csv, row 2: ")
    assert said in text


def test_an_id_stands_once() -> None:
    row = "a,aws/x,2026-11-01T00:00:00Z,,second,1,\n"
    assert complaint(HEAD + row + row) == "leases.csv, row 3: id 'a' appears twice; expected each lease once"


def test_other_costs_keep_the_invoices_currency() -> None:
    text = (
        "id,provider,what,start,end,amount,currency,usd_per_unit,rate_date,team\n"
        "t,ovh,egress,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,10.00,EUR,1.15,2026-11-20,x\n"
        "c,ovh,credit,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,-2.50,USD,,,\n"
    )
    egress, credit = read_costs(text, source="costs.csv", tags={"team": "team"}).costs
    assert (egress.amount_usd, egress.invoice_currency, egress.tags) == (Decimal("11.50"), "EUR", (("team", "x"),))
    assert (credit.amount_usd, credit.usd_per_unit) == (Decimal("-2.50"), 1)


def test_a_currency_without_a_rate_is_refused() -> None:
    text = "id,provider,what,start,end,amount,currency\nt,ovh,x,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,1,EUR\n"
    with pytest.raises(InputError, match=r"costs.csv, row 2: no usd_per_unit for EUR; expected USD for one EUR"):
        read_costs(text, source="costs.csv")
