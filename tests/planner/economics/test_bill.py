from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from planner.economics.bill import month_bill, other_charge
from policies.billing import Billing, Tariff, month_span
from tests.planner.economics.months import DECEMBER, LATER, MONTHLY, NOVEMBER, after, lease, other


def test_a_month_holds_what_touches_it() -> None:
    leases = [lease(0, 10), lease(-20, -10), lease(719.5, 721), lease(730, 740)]
    bill = month_bill(NOVEMBER, leases, as_of=LATER)
    # 10 h, and the hour that begins at 23:30; the one that begins on 1 December at 0:30 is December's
    assert [one.amount_usd for one in bill.leases] == [Decimal("4.00"), Decimal("0.40")]
    assert bill.leases[1].node_hours == Decimal("0.5")
    assert month_bill(DECEMBER, leases, as_of=LATER).bill_usd == Decimal("0.40") + Decimal("4.00")


def test_a_running_lease_is_charged_up_to_when_it_is_looked_at() -> None:
    running = lease(0, None, tariff=MONTHLY)
    assert month_bill(NOVEMBER, [running], as_of=after(240)).bill_usd == 24
    assert month_bill(NOVEMBER, [running], as_of=DECEMBER).bill_usd == 72
    assert month_bill(NOVEMBER, [running], as_of=LATER).bill_usd == 72
    ends_later = replace(running, end=after(700))
    assert month_bill(NOVEMBER, [ends_later], as_of=after(240)).bill_usd == 24


def test_a_lease_that_has_not_begun_is_in_no_bill() -> None:
    assert month_bill(NOVEMBER, [lease(100, None)], as_of=after(50)).leases == ()


def test_the_setup_fee_falls_in_the_month_the_lease_starts() -> None:
    new = lease(700, 800, setup_fee_usd=Decimal(99))
    november, december = (month_bill(month, [new], as_of=LATER) for month in (NOVEMBER, DECEMBER))
    assert (november.setup_usd, december.setup_usd) == (99, 0)
    assert november.bill_usd == 99 + 20 * Decimal("0.40")


def test_spot_is_free_only_once_it_was_taken_back() -> None:
    spot = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("3.60"), is_spot=True)
    taken = lease(0, 0.5, tariff=spot, interrupted=True)
    assert month_bill(NOVEMBER, [taken], as_of=LATER).bill_usd == 0
    assert month_bill(NOVEMBER, [taken], as_of=after(0.25)).bill_usd == Decimal("0.90")


def test_an_other_cost_falls_on_months_by_time() -> None:
    half = other("10.00", 708, 732)  # the last 12 h of November and the first 12 of December
    assert month_bill(NOVEMBER, [], [half], as_of=LATER).bill_usd == 5
    assert month_bill(DECEMBER, [], [half], as_of=LATER).bill_usd == 5
    moment = other("3.00", 720, 720)
    assert month_bill(NOVEMBER, [], [moment], as_of=LATER).others == ()
    assert month_bill(DECEMBER, [], [moment], as_of=LATER).bill_usd == 3


@given(
    start=st.integers(-2000, 2000),
    hours=st.integers(0, 3000),
    cents=st.integers(-10_000, 10_000),
    seconds=st.integers(0, 3599),
)
def test_the_months_of_an_other_cost_sum_to_it(start: int, hours: int, cents: int, seconds: int) -> None:
    cost = other(str(Decimal(cents) / 100), start, start + hours)
    cost = replace(cost, end=cost.end + timedelta(seconds=seconds))
    total, (first, following) = Decimal(0), month_span(cost.start)
    while first <= cost.end:
        part = other_charge(cost, first, following)
        total += part.amount_usd if part else 0
        first, following = month_span(following)
    assert total == cost.amount_usd
