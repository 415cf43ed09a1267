"""Facts written as CSV and read again are the same facts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planner.exchange.costs import read_costs
from planner.exchange.leases import read_leases, read_prices
from planner.exchange.own_csv import costs_csv, leases_csv, prices_csv, usage_csv
from planner.exchange.usage import read_usage
from planner.ledger import Lease, OtherCost, PriceInForce, ServedHours
from tests.planner.exchange.facts_drawn import NAMES, TAGS, some_leases, some_prices


@given(st.lists(some_leases(), min_size=1, max_size=4, unique_by=lambda lease: lease.id))
def test_leases(given_leases: list[Lease]) -> None:
    text = leases_csv(given_leases)
    assert read_leases(text, source="a", price_of=lambda _offer, _day: None).leases == tuple(given_leases)


@given(some_prices())
def test_prices(price: PriceInForce) -> None:
    assert read_prices(prices_csv([price]), source="a") == (price,)


@given(st.decimals("-99999", "99999", places=4), TAGS, st.none() | NAMES)
def test_other_costs(amount: Decimal, tags: tuple[tuple[str, str], ...], model: str | None) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    cost = OtherCost(
        id="t",
        provider="ovh",
        what="egress, beyond the free part",
        start=start,
        end=start + timedelta(days=30),
        amount_usd=amount,
        invoice_currency="EUR",
        usd_per_unit=Decimal("1.15"),
        rate_date=date(2026, 11, 20),
        model=model,
        tags=tags,
    )
    assert read_costs(costs_csv([cost]), source="a").costs == (cost,)


def test_usage_with_its_gaps_and_its_empty_hours() -> None:
    used = ServedHours(
        start=datetime(2026, 11, 1, tzinfo=UTC),
        hours=9,
        models=("m",),
        tags=((), (("team", "x"),)),
        hour=np.array([2, 2, 5], dtype=np.int32),
        model=np.zeros(3, dtype=np.int32),
        tag=np.array([0, 1, 1], dtype=np.int32),
        input_tokens=np.array([1, 2, 3], dtype=np.int64),
        output_tokens=np.array([4, 5, 6], dtype=np.int64),
        cached_input_tokens=np.array([0, 1, 2], dtype=np.int64),
        gaps=frozenset({0, 4, 8}),
    )
    again = read_usage(usage_csv(used), source="a").usage
    assert (again.start, again.hours) == (datetime(2026, 11, 1, 1, tzinfo=UTC), 7)  # unknown at either end is left out
    assert again.gaps == {3}
    measured = again.input_tokens > 0
    assert (again.hour[measured] + 1).tolist() == [2, 2, 5]
    assert [again.tags[tag] for tag in again.tag[measured]] == [(), (("team", "x"),), (("team", "x"),)]
    assert again.cached_input_tokens is not None
    assert again.cached_input_tokens[measured].tolist() == [0, 1, 2]
    assert again.unserved_tokens is None
