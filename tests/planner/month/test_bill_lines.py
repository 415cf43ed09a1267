"""Lines of a bill sum to it, each in its invoice's currency."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.economics.bill import month_bill
from planner.ledger import Lease
from planner.month.bill_lines import bill_lines
from tests.planner.month.months import START, base_lease, base_price, burst_leases, monitoring, small_facts


@st.composite
def leases(draw: st.DrawFn) -> tuple[Lease, ...]:
    """A few servers by the month, at some rates, from some day on, of some model."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        rate = draw(st.sampled_from(["1.25", "1.16"]))
        price = replace(
            base_price(str(draw(st.decimals(1, 500, places=2)))),
            usd_per_unit=Decimal(rate),
            rate_date=draw(st.sampled_from([date(2026, 10, 30), None])),
        )
        model = draw(st.sampled_from(["m", "n", None]))
        start = START + timedelta(days=draw(st.integers(-40, 29)))
        found.append(base_lease(id=f"b{number}", price=price, model=model, start=start))
    return tuple(found)


@settings(max_examples=60)
@given(rented=leases(), burst=st.integers(0, 20), other=st.decimals(-50, 50, places=2))
def test_lines_sum_to_the_bill_and_back_to_the_invoice(rented: tuple[Lease, ...], burst: int, other: Decimal) -> None:
    facts = small_facts(leases=(*rented, *burst_leases()[:burst]), others=(monitoring(str(other)),))
    bill = month_bill(facts.start, facts.leases, facts.others, as_of=facts.as_of)
    lines = bill_lines(bill)
    assert sum(line.amount_usd for line in lines) == bill.bill_usd
    for line in lines:
        assert abs(line.amount_invoice * line.usd_per_unit - line.amount_usd) < Decimal("1e-18")
    keys = [(line.what, line.role, line.model, line.usd_per_unit, line.rate_date) for line in lines]
    assert len(keys) == len(set(keys))
    assert sum(line.nodes for line in lines if line.role in ("base", "burst")) == len(bill.leases)


def test_a_setup_fee_is_a_line_of_its_own_in_the_month_of_the_order() -> None:
    bill = month_bill(START, (base_lease(start=START), base_lease(id="old")), as_of=START + timedelta(days=40))
    setup = [line for line in bill_lines(bill) if line.role == "setup"]
    assert [(line.nodes, line.amount_usd, line.amount_invoice) for line in setup] == [(1, 25, 20)]
