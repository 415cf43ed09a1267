"""Leases follow from the journal: one per machine, running or ended, and none counted twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from autoscaler.journal import IntentKind, Result
from autoscaler.records import open_records
from planner.ledger import Lease, PriceInForce
from planner.store import open_ledger
from policies.billing import Billing, Tariff
from tests.autoscaler.records.entries import NOON, NOVEMBER, TARIFF, a_base, an_end, an_intent, an_outcome, at
from tests.planner.store.facts import DECEMBER, a_lease, an_origin

FEE = Tariff(billing=Billing.MONTH_PRORATED, fee_usd_month=Decimal("120.50"))


PRICES = {
    offer: PriceInForce(
        offer=offer,
        provider="hetzner",
        tariff=FEE,
        invoice_currency="EUR",
        usd_per_unit=Decimal("1.16"),
        rate_date=date(2026, 11, 1),
        source="[[owned]]",
    )
    for offer in ("hetzner/ax102", "hetzner/ex44")
}


def leases_of(url: str) -> tuple[Lease, ...]:
    with open_ledger(url) as ledger:
        return ledger.leases()


def test_a_machine_is_a_lease_from_the_moment_it_is_known_to_be_made(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent(pool="aws/m@us-east-1a"))
        assert leases_of(url) == ()
        records.journal.settle(an_outcome(billed_from=at(7.0)), 1)
        (lease,) = leases_of(url)
    assert (lease.id, lease.offer, lease.provider, lease.region) == (
        "i-blue-1",
        "aws/m@us-east-1a",
        "aws",
        "us-east-1a",
    )
    assert (lease.start, lease.end, lease.is_base, lease.model) == (at(7.0), None, False, "chat")
    assert lease.tags == (("fleet", "blue"), ("node", "blue-1"))
    assert lease.price.tariff == TARIFF


def test_once_it_is_gone_it_has_its_end_and_the_price_it_was_charged_by(url: str) -> None:
    cheaper = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.11"), is_spot=True)
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(), 1)
        records.journal.ended(an_end(tariff=cheaper, was_taken_back=True), 1)
    (lease,) = leases_of(url)
    assert (lease.start, lease.end, lease.interrupted, lease.price.tariff) == (NOON, at(3600.0), True, cheaper)


def test_what_made_nothing_is_no_lease(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(result=Result.NO_CAPACITY), 1)
    assert leases_of(url) == ()


def test_a_base_node_that_was_found_pays_the_price_in_force_in_its_currency(url: str) -> None:
    with open_records(url, fleet="blue", prices=PRICES) as records:
        records.journal.found(a_base(), 1)
        (running,) = leases_of(url)
        records.journal.ended(an_end("base-1", pool="hetzner/ax102", machine_id=None, tariff=None, charges_usd=()), 1)
    (ended,) = leases_of(url)
    assert (running.id, running.is_base, running.start, running.end) == ("4711", True, NOVEMBER, None)
    assert (running.price.tariff, running.price.invoice_currency) == (FEE, "EUR")
    assert (ended.id, ended.end, ended.price, ended.interrupted) == ("4711", at(3600.0), running.price, False)


def test_a_machine_that_was_imported_by_its_id_is_the_imported_lease(url: str) -> None:
    with open_records(url, fleet="blue", prices=PRICES) as records:
        records.journal.found(a_base(), 1)
    bought = a_lease("4711", start=NOVEMBER - timedelta(days=90))
    with open_ledger(url) as ledger:
        ledger.add_leases([bought], an_origin())
        assert ledger.leases() == (bought,)
        ledger.retract(1, why="wrong file", at=DECEMBER)
        assert [lease.price.tariff for lease in ledger.leases()] == [FEE]


def test_each_imported_base_lease_stands_for_one_base_node_of_its_offer(url: str) -> None:
    with open_records(url, fleet="blue", prices=PRICES) as records:
        for number in range(3):
            records.journal.found(a_base(f"base-{number}", machine_id=f"471{number}"), 1)
        records.journal.found(a_base("other", machine_id="99", pool="hetzner/ex44"), 1)
    past = a_lease("past", start=NOVEMBER - timedelta(days=90), end=NOVEMBER - timedelta(days=30))
    with open_ledger(url) as ledger:
        ledger.add_leases([a_lease("mine"), a_lease("mine too"), past], an_origin())
        assert sorted(lease.id for lease in ledger.leases(NOVEMBER, DECEMBER)) == ["4712", "99", "mine", "mine too"]


def test_a_machine_without_a_price_is_in_no_bill_and_is_named(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent("adopt/1", kind=IntentKind.ADOPT, tariff=None, node_id="n"))
        records.journal.settle(an_outcome("adopt/1", machine_id="i-1"), 1)
        records.journal.found(a_base(), 1)
    with open_ledger(url) as ledger:
        assert ledger.leases() == ()
        assert ledger.unpriced_machines(NOVEMBER, DECEMBER) == ("4711", "i-1")


def test_a_machine_buried_by_mistake_and_adopted_is_one_lease(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(), 1)
        records.journal.ended(an_end(at=at(600.0)), 1)
        records.journal.intend(an_intent("adopt/1", kind=IntentKind.ADOPT, node_id="blue-1", at=at(900.0)))
        records.journal.settle(an_outcome("adopt/1", machine_id="i-blue-1"), 1)
        (running,) = leases_of(url)
        records.journal.ended(an_end(at=at(1200.0)), 1)
    (ended,) = leases_of(url)
    assert (running.start, running.end) == (NOON, None)
    assert (ended.start, ended.end) == (NOON, at(1200.0))


def test_machines_of_two_providers_with_one_id_are_two_leases(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        for provider in ("aws", "ovh"):
            records.journal.intend(an_intent(provider, provider=provider, pool=f"{provider}/m"))
            records.journal.settle(an_outcome(provider, machine_id="1"), 1)
    assert {(lease.id, lease.provider) for lease in leases_of(url)} == {("1", "aws"), ("ovh/1", "ovh")}


@pytest.mark.parametrize(
    ("start_s", "end_s", "is_in"),
    [(0, 3600, True), (3599, 9000, True), (3600, 9000, False), (-60, 0, False), (-60, 1, True)],
    ids=["itself", "its last second", "after its end", "before its start", "its first second"],
)
def test_a_lease_is_read_by_the_span_it_ran_in(url: str, start_s: float, end_s: float, is_in: bool) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(), 1)
        records.journal.ended(an_end(), 1)
    with open_ledger(url) as ledger:
        assert len(ledger.leases(at(start_s), at(end_s))) == is_in


def test_months_are_counted_with_nodes_nobody_imported(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(), 1)
        records.journal.ended(an_end(at=DECEMBER + timedelta(hours=1)), 1)
    with open_ledger(url) as ledger:
        assert [(month.month, month.leases) for month in ledger.months()] == [("2026-11", 1), ("2026-12", 1)]
