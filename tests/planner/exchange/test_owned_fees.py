"""Owned servers at the price of the day of their order: 100 from January, 200 from June, 150 in the catalog's files."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from planner.catalog.offer import Catalog, Offer, Role
from planner.exchange.owned_fees import with_fees
from planner.exchange.price_in_force import PricesInForce
from planner.fleet import Owned, default_fleet
from planner.ledger import PriceInForce
from policies.billing import Billing
from tests.planner.exchange.test_quotes import DEDICATED

AX102 = "hetzner/ax102"
BLOCK = Owned(offer=AX102, ordered_on=date(2026, 3, 1))


def listed(currency: str = "USD") -> Catalog:
    offer = replace(DEDICATED, fee_usd_month=Decimal(150), currency=currency)
    burst = Offer(
        id="ovh/b3-8",
        provider="ovh",
        product="b3-8",
        role=Role.BURST,
        region="GRA",
        billing=Billing.STARTED_HOUR,
        price_usd_hour=Decimal("0.05"),
        price_date=date(2025, 10, 1),
        source="shipped",
    )
    return Catalog(offers=(offer, burst), usd_per_eur=Decimal("1.25"), usd_per_eur_date=date(2026, 11, 20))


def recorded(fee: int, day: date | None, currency: str = "USD", rate: str = "1") -> PriceInForce:
    return PriceInForce(
        offer=AX102,
        provider="hetzner",
        tariff=replace(DEDICATED.tariff, fee_usd_month=Decimal(fee)),
        invoice_currency=currency,
        usd_per_unit=Decimal(rate),
        rate_date=None if currency == "USD" else date(2026, 1, 1),
        effective_from=day,
        source="list",
    )


PRICES = (recorded(100, date(2026, 1, 1)), recorded(200, date(2026, 6, 1)))


@pytest.mark.parametrize(
    ("ordered_on", "fee"),
    [
        (date(2026, 5, 31), 100),
        (date(2026, 6, 1), 200),
        (date(2026, 11, 1), 200),
        (date(2025, 12, 31), 150),  # before anything was recorded
    ],
)
def test_a_server_costs_what_was_asked_on_the_day_of_its_order(ordered_on: date, fee: int) -> None:
    (block,) = with_fees([replace(BLOCK, ordered_on=ordered_on)], PRICES, listed())
    assert (block.fee_usd_month, block.fee_eur_month) == (Decimal(fee), None)


@pytest.mark.parametrize(
    "block",
    [
        replace(BLOCK, fee_usd_month=Decimal(77)),  # says its own
        replace(BLOCK, fee_eur_month=Decimal(77)),
        replace(BLOCK, ordered_on=None),  # nobody knows the day
        replace(BLOCK, offer="hetzner/unknown"),
        replace(BLOCK, offer="ovh/b3-8"),  # has no fee; refused later, by name
    ],
)
def test_what_cannot_be_looked_up_stays_as_it_is(block: Owned) -> None:
    assert with_fees([block], PRICES, listed()) == (block,)


def test_a_fee_in_euros_stays_one() -> None:
    in_euros = recorded(120, date(2026, 1, 1), "EUR", "1.2")
    assert with_fees([BLOCK], [in_euros], listed())[0].fee_eur_month == Decimal(100)  # 120 at the rate it was kept at
    assert with_fees([BLOCK], [], listed("EUR"))[0].fee_eur_month == Decimal(120)  # 150 at the catalog's 1.25


def test_a_price_without_a_day_is_what_somebody_pays_and_no_list() -> None:
    assert with_fees([BLOCK], [recorded(5, None)], listed())[0].fee_usd_month == Decimal(150)


def prices(*recorded: PriceInForce, owned: tuple[Owned, ...] = ()) -> PricesInForce:
    return PricesInForce(recorded, replace(default_fleet(), owned=owned, source="fleet.toml"), listed())


def test_a_lease_pays_the_ledgers_price_of_the_day_of_its_order() -> None:
    found = prices(*PRICES)
    fees = [
        price.tariff.fee_usd_month
        for day in (date(2026, 5, 31), date(2026, 6, 1))
        if (price := found(AX102, day)) is not None
    ]
    assert (fees, found.remarks) == ([Decimal(100), Decimal(200)], ())


def test_before_the_first_recorded_price_it_pays_the_owned_blocks_fee_then_the_catalogs() -> None:
    early = date(2025, 5, 1)
    own = prices(*PRICES, owned=(replace(BLOCK, fee_eur_month=Decimal(80)),))
    price = own(AX102, early)
    assert price is not None
    assert (price.tariff.fee_usd_month, price.invoice_currency, price.usd_per_unit) == (
        Decimal(100),  # 80 EUR at 1.25
        "EUR",
        Decimal("1.25"),
    )
    assert own.remarks == ("hetzner/ax102: priced as in [[owned]] of fleet.toml",)
    neither = prices(*PRICES)
    price = neither(AX102, early)
    assert price is not None
    assert price.tariff.fee_usd_month == Decimal(150)
    assert "priced as in the catalog of 2025-10-01, not as invoiced" in neither.remarks[0]
    assert neither("hetzner/unknown", early) is None


def test_a_price_without_a_day_holds_for_every_order_and_an_added_one_wins_over_the_ledgers() -> None:
    found = prices(recorded(90, None), *PRICES)
    price = found(AX102, date(2025, 1, 1))
    assert price is not None
    assert price.tariff.fee_usd_month == Decimal(90)
    found.add([recorded(95, date(2026, 1, 1))])
    price = found(AX102, date(2026, 3, 1))
    assert price is not None
    assert price.tariff.fee_usd_month == Decimal(95)
