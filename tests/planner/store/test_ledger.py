"""What a ledger promises, held against both databases: the same facts in give the same facts out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.ledger import BatchKind, Lease, PublishedPrice, SpotFacts, SpotPrice
from planner.store import Ledger, open_ledger
from planner.store.address import read_url
from planner.store.check import check
from policies.billing import Billing, Tariff
from tests.planner.exchange.facts_drawn import some_leases
from tests.planner.store.facts import (
    DECEMBER,
    NOVEMBER,
    a_class,
    a_cost,
    a_lease,
    a_price,
    a_published_price,
    a_spot_price,
    an_euro_cost,
    an_origin,
    day,
    rows_of,
    usage,
)


def test_leases_come_back_as_they_went_in(url: str) -> None:
    spot = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.08215000"), is_spot=True)
    price = a_price(
        "aws/r7a.4xlarge/spot",
        tariff=spot,
        setup_fee_usd=Decimal("1E+2"),
        invoice_currency="EUR",
        usd_per_unit=Decimal("1.158600000001"),
        rate_date=date(2026, 11, 20),
        effective_from=date(2026, 10, 1),
    )
    leases = (
        a_lease("a", tags=(("product", "über"), ("team", 'x "y"'))),
        a_lease(
            "i-0f",
            offer="aws/r7a.4xlarge/spot",
            provider="aws",
            start=NOVEMBER + timedelta(hours=1, microseconds=1),
            end=NOVEMBER + timedelta(hours=2),
            is_base=False,
            model="chat",
            region="us-east-1",
            interrupted=True,
            price=price,
        ),
    )
    with open_ledger(url, create=True) as ledger:
        batch = ledger.add_leases(leases, an_origin())
    with open_ledger(url) as ledger:
        assert ledger.leases() == leases
        assert (batch.id, batch.kind, batch.rows, batch.start, batch.end) == (1, BatchKind.LEASES, 2, NOVEMBER, None)
        assert ledger.batches() == (batch,)


def test_leases_of_a_span_are_those_that_overlap_it(url: str) -> None:
    leases = [
        a_lease("before", start=day(1), end=day(2)),
        a_lease("into", start=day(1), end=day(3)),
        a_lease("instant", start=day(2), end=day(2)),
        a_lease("running", start=day(2)),
        a_lease("last", start=day(3) - timedelta(microseconds=1), end=day(9)),
        a_lease("after", start=day(3), end=day(4)),
    ]
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases(leases, an_origin())
        assert [lease.id for lease in ledger.leases(day(2), day(3))] == ["into", "instant", "running", "last"]


def test_the_newest_version_of_a_lease_holds_until_it_is_retracted(url: str) -> None:
    running, ended = a_lease("a"), a_lease("a", end=day(5))
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([running], an_origin("first"))
        with pytest.raises(InputError, match=r"second: lease 'a' .* from batch 1 \(first\); --add"):
            ledger.add_leases([ended], an_origin("second"))
        ledger.add_leases([ended], an_origin("second"), newer=True)
        assert ledger.leases() == (ended,)
        ledger.retract(2, why="wrong file", at=DECEMBER)
        assert ledger.leases() == (running,)


def test_what_is_held_already_is_not_added_twice(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease("a")], an_origin("october"))
        batch = ledger.add_leases([a_lease("a"), a_lease("b")], an_origin("november"))
        assert batch.rows == 1
        assert [lease.id for lease in ledger.leases()] == ["a", "b"]


def test_the_same_text_is_refused_until_its_batch_is_retracted(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin("usage.csv"))
        with pytest.raises(InputError, match=r"in the ledger already, as batch 1 .*retract 1"):
            ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin("usage.csv"), adds=True)
        ledger.retract(1, why="again", at=DECEMBER)
        assert ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin("usage.csv")).id == 2


def test_usage_comes_back_by_hour_model_and_tags(url: str) -> None:
    rows = [(0, "m", "x", 100, 50), (0, "m", "", 7, 8), (0, "n", "x", 1, 2), (23, "m", "x", 10**15, 0)]
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage(*rows, gaps=frozenset({5})), an_origin())
    with open_ledger(url) as ledger:
        served = ledger.served(NOVEMBER, day(3))
    assert rows_of(served) == [
        (0, "m", (), 7, 8),
        (0, "m", (("team", "x"),), 100, 50),
        (0, "n", (("team", "x"),), 1, 2),
        (23, "m", (("team", "x"),), 10**15, 0),
    ]
    assert (served.start, served.hours) == (NOVEMBER, 48)
    assert served.gaps == {5, *range(24, 48)}
    assert served.cached_input_tokens is None


def test_rows_of_one_hour_model_and_tags_add_up(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 1, 2), (0, "m", "x", 10, 20)), an_origin())
        assert rows_of(ledger.served(NOVEMBER, day(2))) == [(0, "m", (("team", "x"),), 11, 22)]


def test_usage_held_already_is_refused_by_hour_and_batch(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 1, 1), (3, "m", "x", 1, 1)), an_origin("a.csv"))
        with pytest.raises(
            InputError, match=r"b.csv: .* 'm' team=x in the hour 2026-11-01T03:00Z .* batch 1 \(a.csv\); --add"
        ):
            ledger.add_served(usage((3, "m", "x", 5, 5)), an_origin("b.csv"))
        ledger.add_served(usage((3, "m", "y", 5, 5)), an_origin("b.csv"))
        ledger.add_served(usage((3, "m", "x", 6, 6)), an_origin("c.csv"), adds=True)
        served = ledger.served(NOVEMBER, day(2))
    assert served.input_tokens.sum() == 1 + 1 + 5 + 6


def test_a_gap_of_one_batch_is_filled_by_another(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 1, 1), gaps=frozenset({3, 4})), an_origin("a.csv"))
        late = usage((0, "m", "x", 9, 9), hours=1, start=NOVEMBER + timedelta(hours=3))
        ledger.add_served(late, an_origin("b.csv"))
        assert ledger.served(NOVEMBER, day(2)).gaps == {4}
        ledger.retract(2, why="wrong", at=DECEMBER)
        assert ledger.served(NOVEMBER, day(2)).gaps == {3, 4}


def test_cached_and_unserved_are_unknown_unless_every_row_records_them(url: str) -> None:
    counts = np.array([3, 4], dtype=np.int64)
    recorded = usage((0, "m", "x", 5, 5), (1, "m", "x", 5, 5), cached_input_tokens=counts, unserved_tokens=counts)
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(recorded, an_origin("a.csv"))
        served = ledger.served(NOVEMBER, day(2))
        assert served.cached_input_tokens is not None
        assert served.cached_input_tokens.tolist() == [3, 4]
        ledger.add_served(usage((2, "m", "x", 5, 5)), an_origin("b.csv"))
        assert ledger.served(NOVEMBER, day(2)).unserved_tokens is None
        assert ledger.served(NOVEMBER, NOVEMBER + timedelta(hours=2)).unserved_tokens is not None


def test_tokens_are_summed_over_a_span_without_what_is_retracted(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 10**15, 1), (1, "n", "", 2, 3), (24, "m", "x", 4, 4)), an_origin("a.csv"))
        ledger.add_served(usage((2, "m", "x", 7, 7)), an_origin("b.csv"))
        ledger.retract(2, why="wrong", at=DECEMBER)
        assert ledger.tokens_served(NOVEMBER, day(2)) == 10**15 + 1 + 2 + 3
        assert ledger.tokens_served(day(3), day(4)) is None


def test_other_costs_come_back_as_they_went_in(url: str) -> None:
    costs = (an_euro_cost("a"), a_cost("b", amount_usd=Decimal("-0.10"), tags=(("team", "x"),), model="m"))
    with open_ledger(url, create=True) as ledger:
        ledger.add_other_costs(costs, an_origin())
        assert ledger.other_costs(NOVEMBER, DECEMBER) == costs
        assert ledger.other_costs(DECEMBER, None) == ()
        with pytest.raises(InputError, match="cost 'a' is in the ledger with other figures"):
            ledger.add_other_costs([replace(costs[0], amount_usd=Decimal(1))], an_origin("later"))


def test_the_newest_price_of_an_offer_and_date_holds(url: str) -> None:
    old, new = a_price(fee="100"), a_price(fee="104", effective_from=date(2026, 10, 1))
    with open_ledger(url, create=True) as ledger:
        ledger.add_prices([new, old], an_origin("a"))
        ledger.add_prices([replace(old, source="corrected")], an_origin("b"))
        assert ledger.prices() == (replace(old, source="corrected"), new)


def test_of_one_offer_and_day_the_newest_class_holds_and_a_retracted_one_never_was(url: str) -> None:
    earlier = a_class(said_on=date(2026, 11, 1), interruption_range="<5%")
    with open_ledger(url, create=True) as ledger:
        ledger.add_prices(
            [],
            an_origin("a"),
            spot=SpotFacts(
                interruptions=(
                    a_class(),
                    a_class("aws/b/spot"),
                )
            ),
        )
        ledger.add_prices([], an_origin("b"), spot=SpotFacts(interruptions=(earlier,)))
        other = SpotFacts(interruptions=(a_class(interruption_range=">20%"),))
        wrong = ledger.add_prices([], an_origin("c"), spot=other)
        assert [one.interruption_range for one in ledger.interruptions()] == ["5-10%", "<5%", ">20%"]
        ledger.retract(wrong.id, why="another region's", at=DECEMBER)
        assert ledger.interruptions() == (a_class("aws/b/spot"), earlier, a_class())


def test_a_change_of_a_spot_price_is_kept_once_and_comes_again_once_its_batch_was_taken_back(url: str) -> None:
    def at(hour: int, cents: int, zone: str = "us-east-1a") -> SpotPrice:
        return a_spot_price(since=NOVEMBER + timedelta(hours=hour), usd_hour=Decimal(cents) / 100, zone=zone)

    first, second, third, elsewhere = at(0, 30), at(5, 40), at(9, 50), at(5, 40, "us-east-1b")
    with open_ledger(url, create=True) as ledger:
        ledger.add_prices([], an_origin("a"), spot=SpotFacts(prices=(first, second)))
        later = ledger.add_prices([], an_origin("b"), spot=SpotFacts(prices=(second, third, elsewhere, third)))
        assert ledger.spot_prices("aws", NOVEMBER - timedelta(days=1)) == (first, second, elsewhere, third)
        assert ledger.spot_prices("aws", NOVEMBER + timedelta(hours=6)) == (second, elsewhere, third)
        assert ledger.spot_prices("gcp", NOVEMBER) == ()
        ledger.retract(later.id, why="another account's", at=DECEMBER)
        assert ledger.spot_prices("aws", NOVEMBER) == (first, second)
        ledger.add_prices([], an_origin("c"), spot=SpotFacts(prices=(second, third)))
        assert ledger.spot_prices("aws", NOVEMBER) == (first, second, third)
        rows = check(read_url(url, source="test")).rows
        assert rows["ledger_spot_price"] == 5  # two, two that were taken back, one


def test_the_plan_of_a_month_is_the_last_saved_before_it_began(url: str) -> None:
    def saved(moment: datetime, text: str, start: datetime = NOVEMBER, end: datetime = DECEMBER) -> None:
        ledger.add_plan(text, an_origin(text, added_at=moment), start=start, end=end, forecast=f"of {text}")

    with open_ledger(url, create=True) as ledger:
        assert ledger.plan_of_month("2026-11") == (None, ())
        saved(day(1) - timedelta(days=9), "half", end=day(16))
        plan, remarks = ledger.plan_of_month("2026-11")
        assert plan is not None
        assert plan.document == "half"
        assert "no recorded plan covers all of 2026-11" in remarks[0]
        saved(day(9), "late")
        plan, remarks = ledger.plan_of_month("2026-11")
        assert plan is not None
        assert plan.document == "late"
        assert len(ledger.plans(NOVEMBER, DECEMBER)) == 2
        assert not ledger.plans(DECEMBER, DECEMBER + timedelta(days=31))  # they end where it begins
        assert not ledger.plans(NOVEMBER - timedelta(days=31), NOVEMBER)
        assert "no plan was saved before 2026-11 began; the one saved 2026-11-09 is used" in remarks[0]
        saved(day(1) - timedelta(days=3), "first")
        saved(day(1) - timedelta(days=2), "second", end=DECEMBER + timedelta(days=300))
        plan, remarks = ledger.plan_of_month("2026-11")
        assert plan is not None
        assert (plan.document, plan.forecast, remarks) == ("second", "of second", ())


def add_both(ledger: Ledger) -> None:
    """Usage that is right, then leases that are not."""
    with ledger.together():
        ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin("a"))
        ledger.add_leases([a_lease("a"), a_lease("a")], an_origin("b"))


def test_what_is_added_together_is_added_whole_or_not_at_all(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        with pytest.raises(InputError, match="appears twice"):
            add_both(ledger)
        ledger.add_leases([a_lease("a")], an_origin("c"))
        assert [batch.origin.source for batch in ledger.batches()] == ["c"]


def test_a_retraction_needs_a_batch_a_reason_and_happens_once(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease("a")], an_origin())
        with pytest.raises(InputError, match="batch 7: the ledger has no such batch"):
            ledger.retract(7, why="x", at=DECEMBER)
        with pytest.raises(InputError, match="a retraction needs its reason"):
            ledger.retract(1, why=" ", at=DECEMBER)
        batch = ledger.retract(1, why="test", at=DECEMBER)
        assert (batch.retracted_at, batch.why_retracted) == (DECEMBER, "test")
        with pytest.raises(InputError, match="was retracted already, at 2026-12-01 00:00Z"):
            ledger.retract(1, why="x", at=DECEMBER)
        assert ledger.leases() == ()


def test_months_say_how_much_is_held_of_each(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease("a")], an_origin("a"))
        ledger.add_served(usage((0, "m", "x", 1, 1), (1, "m", "y", 1, 1), hours=48), an_origin("b"))
        (month,) = ledger.months()
    assert (month.month, month.leases, month.usage_rows, month.hours) == ("2026-11", 1, 2, 720)
    assert month.gap_hours == 720 - 48


def test_months_in_which_a_lease_merely_ran_are_named_too(url: str) -> None:
    july, june = NOVEMBER.replace(month=7), NOVEMBER.replace(month=6)
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases(
            [a_lease("a", start=july), a_lease("b", start=june, end=june + timedelta(hours=1))], an_origin()
        )
        ledger.add_other_costs([a_cost()], an_origin("c"))
        assert [one.month for one in ledger.months()] == [f"2026-{month:02d}" for month in range(6, 12)]
        assert [one.leases for one in ledger.months()] == [1, 1, 1, 1, 1, 1]


def test_a_lease_is_counted_in_the_months_it_touches_and_no_others(url: str) -> None:
    june, july, august = (NOVEMBER.replace(month=month) for month in (6, 7, 8))
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases(
            [
                a_lease("ends as July begins", start=june, end=july),
                a_lease("ends an hour later", start=june, end=july + timedelta(hours=1)),
                a_lease("a moment of July", start=july, end=july),
                a_lease("runs on", start=august),
            ],
            an_origin(),
        )
        held = {one.month: one.leases for one in ledger.months()}
    assert held == {"2026-06": 2, "2026-07": 2, "2026-08": 1}


def test_times_are_utc_whatever_the_zone_of_the_session(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease("a")], an_origin())
        (lease,) = ledger.leases()
    assert lease.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert lease.start.utcoffset() == timedelta(0)


def test_half_an_hour_is_no_span_of_usage(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "m", "x", 1, 1)), an_origin())
        with pytest.raises(ValueError, match="expected a full hour in UTC"):
            ledger.served(NOVEMBER + timedelta(minutes=30), DECEMBER)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leases=st.lists(some_leases(), min_size=1, max_size=3, unique_by=lambda lease: lease.id))
def test_any_lease_comes_back_equal(url: str, leases: list[Lease]) -> None:
    with open_ledger(url, create=True) as ledger:
        origin = an_origin(f"{len(ledger.batches())}")  # hypothesis may try an example again
        ledger.add_leases(leases, origin, newer=True)
        held = {lease.id: lease for lease in ledger.leases()}
    assert [held[lease.id] for lease in leases] == leases


def test_a_published_price_holds_until_the_next_of_its_name_at_the_same_gateway(url: str) -> None:
    def at(day: int, cents: int, **more: str) -> PublishedPrice:
        return a_published_price(
            effective_at=NOVEMBER + timedelta(days=day), input_usd_token=Decimal(cents).scaleb(-8), **more
        )

    first, second, third = at(-40, 1), at(-10, 2), at(10, 3)
    elsewhere, later = at(5, 4, gateway="http://b"), at(30, 5)
    with open_ledger(url, create=True) as ledger:
        ledger.add_published([second, third, later], an_origin("a"))
        ledger.add_published([first, elsewhere], an_origin("b"))
        wrong = ledger.add_published([at(12, 9)], an_origin("c"))
        ledger.retract(wrong.id, why="never told", at=DECEMBER)
        assert ledger.published(NOVEMBER, DECEMBER) == (elsewhere, second, third)
        assert ledger.published(NOVEMBER - timedelta(days=60), NOVEMBER) == (first, second)
        assert ledger.published(NOVEMBER - timedelta(days=90), NOVEMBER - timedelta(days=60)) == ()
        assert [one.kind for one in ledger.batches()] == [BatchKind.PUBLISHED] * 3


def test_an_announced_price_is_not_charged_until_it_is_told(url: str) -> None:
    def told(day: int, **more: Any) -> PublishedPrice:
        return a_published_price(effective_at=NOVEMBER + timedelta(days=day), **more)

    first = told(2, announced_at=NOVEMBER)
    moved = told(2, announced_at=NOVEMBER + timedelta(days=1), input_usd_token=Decimal("0.000004"))
    later = told(9, announced_at=NOVEMBER)
    with open_ledger(url, create=True) as ledger:
        ledger.add_published([later, first], an_origin("a"))
        ledger.add_published([moved], an_origin("b"))
        assert ledger.published(NOVEMBER, DECEMBER) == ()
        assert ledger.announced() == (moved, later)  # the newest word of a moment
        ledger.add_published([told(1, why="first price")], an_origin("c"))  # before either: both are still to come
        assert ledger.announced() == (moved, later)
        ledger.add_published([told(2)], an_origin("d"))
        assert ledger.announced() == (later,)
        assert ledger.published(NOVEMBER, DECEMBER) == (told(1, why="first price"), told(2))
        assert ledger.all_published() == (later, first, moved, told(1, why="first price"), told(2))
