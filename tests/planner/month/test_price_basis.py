"""What prices are made of in hours gone by, by the month of months.py: 100.00 USD, half of it for input."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from planner.economics.unit import unit_cost
from planner.errors import InputError
from planner.ledger import Lease, Origin
from planner.month.facts import reckon
from planner.month.gather import Setting, gather, gather_span
from planner.month.price_basis import month_basis, trailing_basis
from planner.publish.basis import PriceBasis
from planner.store import Ledger, open_ledger
from tests.planner.month.months import (
    BASE,
    END,
    POOL,
    START,
    base_lease,
    base_price,
    burst_leases,
    monitoring,
    pool_price,
    served,
    small_catalog,
    small_fleet,
    small_profile,
)

NOW = datetime(2026, 12, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETUP = Decimal(25) / 10
"""The fee of 25.00 over the ten months of the policy, a month."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as held:
        held.add_leases((base_lease(), *burst_leases()), origin("leases"))
        held.add_other_costs((monitoring(),), origin("costs"))
        held.add_served(served(frozenset({719})), origin("usage"))
        yield held


def origin(source: str) -> Origin:
    return Origin(source=source, sha256=source, added_at=START)


def setting() -> Setting:
    return Setting(fleet=small_fleet(), catalog=small_catalog(), profiles={"by-hand": small_profile()})


def trailing(ledger: Ledger, start: datetime, end: datetime) -> PriceBasis:
    months = gather_span(ledger, start, end, setting(), as_of=NOW)
    return trailing_basis([reckon(one) for one in months], start, end)


def usd_mtok(basis: PriceBasis) -> tuple[float, float]:
    (model,) = basis.models
    cost = unit_cost(model, model.cost_usd)
    assert cost.input is not None
    assert cost.output is not None
    return float(cost.input), float(cost.output)


def test_a_month_is_priced_by_its_bill(ledger: Ledger) -> None:
    facts = gather(ledger, "2026-11", setting(), as_of=NOW, with_earlier=False, with_plan=False)
    found = month_basis(reckon(facts))
    # 50.00 over 2,000 million in, 50.00 over 200 million out, less the hour that was not measured: 2 and 0.2
    assert usd_mtok(found) == pytest.approx((50 / 1998, 50 / 199.8))
    assert [(one.offer, int(one.node_hours), one.is_spot) for one in found.machines["m"]] == [
        (BASE, 720, False),
        (POOL, 80, False),
    ]
    assert [one.usd_hour for one in found.machines["m"]] == [Decimal("0.1"), Decimal("0.10")]
    assert found.span == "month 2026-11"


def test_a_machine_costs_what_was_paid_for_its_hours_not_what_the_last_lease_costs(tmp_path: Path) -> None:
    # two servers of one offer all November: 72.00 since March, 144.00 since the middle of October, so 0.15 an hour each
    later = base_lease(id="base-2", start=START - timedelta(days=14), price=base_price("144"))
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as held:
        held.add_leases((base_lease(), later), origin("leases"))
        held.add_served(served(), origin("usage"))
        facts = gather(held, "2026-11", setting(), as_of=NOW, with_earlier=False, with_plan=False)
        for found in (month_basis(reckon(facts)), trailing(held, END - timedelta(days=2), END)):
            (machine,) = found.machines["m"]
            assert machine.usd_hour == pytest.approx(Decimal("0.15"))


def test_hours_of_a_lease_outside_of_the_last_days_do_not_weigh(tmp_path: Path) -> None:
    # one hour at 0.10 and three at 0.30 are 0.25 an hour; of the last two, one is at each price
    leases = (
        Lease(
            id=price,
            offer=POOL,
            provider="ovh",
            start=START + start * HOUR,
            end=START + end * HOUR,
            model="m",
            price=pool_price(price),
        )
        for price, start, end in (("0.10", 3, 4), ("0.30", 0, 3))
    )
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as held:
        held.add_leases(tuple(leases), origin("leases"))
        held.add_served(served(), origin("usage"))
        for first, usd_hour in ((0, "0.25"), (2, "0.20")):
            (machine,) = trailing(held, START + first * HOUR, START + 4 * HOUR).machines["m"]
            assert machine.usd_hour == pytest.approx(Decimal(usd_hour))


def test_the_last_days_are_priced_by_their_own_hours(ledger: Ledger) -> None:
    # 24 November: 24 h x (0.1 for the server + 20 / 720 monitoring) and a day's part of the setup fee, over 0.4 nodes:
    # 24 x 0.2 node-hours, so 48 million in and 4.8 million out, half of the cost each
    found = trailing(ledger, END - timedelta(days=7), END - timedelta(days=6))
    cost = 24 * (0.1 + 20 / 720) + float(SETUP) / 30
    assert usd_mtok(found) == pytest.approx((cost / 2 / 48, cost / 2 / 4.8))
    (model,) = found.models
    assert model.utilization == pytest.approx(0.4)
    assert float(model.usage_usd or 0) == pytest.approx(24 * 0.1 * 0.4)
    assert found.span == "2026-11-24 00:00 to 2026-11-25 00:00 UTC"


def test_busier_hours_make_a_cheaper_token(ledger: Ledger) -> None:
    day = START + timedelta(days=3)
    busy = usd_mtok(trailing(ledger, day + 10 * HOUR, day + 14 * HOUR))  # two nodes, 0.9 of them busy
    calm = usd_mtok(trailing(ledger, day, day + 10 * HOUR))  # one, 0.4 of it busy
    assert busy[0] < calm[0] / 1.9


def test_hours_without_measurement_count_neither_way(ledger: Ledger) -> None:
    with_gap = trailing(ledger, END - 10 * HOUR, END)  # the last hour was not measured
    without = trailing(ledger, END - 10 * HOUR, END - HOUR)
    assert usd_mtok(with_gap) == pytest.approx(usd_mtok(without))
    assert with_gap.span.endswith("(9 of 10 hours measured)")
    assert "1 of 10 hours were not measured: neither cost nor tokens of them count" in with_gap.remarks


def test_days_of_two_months_add_up(ledger: Ledger) -> None:
    # October is held too, as the server ran; it was not measured
    found = trailing(ledger, START - timedelta(days=1), START + timedelta(days=1))
    assert usd_mtok(found) == pytest.approx(usd_mtok(trailing(ledger, START, START + timedelta(days=1))))
    assert found.span.endswith("(24 of 48 hours measured)")


def test_nothing_measured_has_no_price(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="2026-11-30 23:00 to 2026-12-01 00:00 UTC: no usage of it was measured"):
        trailing(ledger, END - HOUR, END)
    june = gather(ledger, "2026-06", setting(), as_of=NOW, with_earlier=False, with_plan=False)
    with pytest.raises(InputError, match="month 2026-06: no usage of it was measured"):
        month_basis(reckon(june))
