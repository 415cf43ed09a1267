"""Leases by level: when a node is kept, when it is launched again, and what it is charged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planner.optimize.leases import LeaseFormer, Span
from policies.billing import Billing, Tariff, charge_usd

START = datetime(2026, 11, 1, tzinfo=UTC)
BY_HOUR = Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.40"))
BY_SECOND = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("3.60"))


def formed(counts: list[int], tariff: Tariff = BY_HOUR, lead_time_s: int = 300) -> list[Span]:
    return LeaseFormer(tariff, start=START, lead_time_s=lead_time_s).form(np.array(counts))


def hours(span: Span) -> tuple[float, float, int]:
    first, last = (span.start - START) / timedelta(hours=1), (span.end - START) / timedelta(hours=1)
    return first, last, span.count


def test_a_lease_starts_one_lead_time_before_its_first_hour() -> None:
    (lease,) = formed([0, 1, 0])
    assert lease.start == START + timedelta(minutes=55)
    assert lease.end == START + timedelta(hours=2)
    assert lease.charge_usd == Decimal("0.80")  # 65 minutes are two started hours


def test_the_kth_node_is_on_in_every_hour_that_asks_for_k() -> None:
    leases = formed([1, 3, 3, 1], lead_time_s=0)
    assert sorted(hours(lease) for lease in leases) == [(0, 4, 1), (1, 3, 2)]


def test_a_gap_is_bridged_when_keeping_costs_no_more_than_launching_again() -> None:
    # Kept over one idle hour: 3 h 5 min = 4 started hours, 1.60. Launched again: twice 65 min = twice 0.80.
    assert [hours(lease) for lease in formed([1, 0, 1])] == [(-1 / 12, 3, 1)]


def test_a_gap_is_left_open_when_launching_again_is_cheaper() -> None:
    # Kept over two idle hours: 4 h 5 min = 5 started hours, 2.00. Launched again: 1.60.
    assert len(formed([1, 0, 0, 1])) == 2


def test_by_the_second_a_gap_is_bridged_only_while_it_is_shorter_than_the_lead_time() -> None:
    assert len(formed([1, 0, 1], BY_SECOND, lead_time_s=3000)) == 2
    assert len(formed([1, 0, 1], BY_SECOND, lead_time_s=3600)) == 1


def test_expected_interruptions_count_against_keeping_a_node() -> None:
    former = LeaseFormer(BY_HOUR, start=START, lead_time_s=300, interruption_usd_hour=Decimal("0.01"))
    assert len(former.form(np.array([1, 0, 1]))) == 2


def test_no_nodes_make_no_leases() -> None:
    assert formed([0, 0]) == []
    assert formed([]) == []


@given(counts=st.lists(st.integers(0, 4), max_size=40), lead=st.sampled_from([0, 60, 300, 3600, 5400]))
def test_leases_hold_every_node_asked_for_and_are_charged_by_the_rule(counts: list[int], lead: int) -> None:
    for tariff in (BY_HOUR, BY_SECOND):
        leases = formed(counts, tariff, lead)
        for hour, count in enumerate(counts):
            begin = START + timedelta(hours=hour)
            held = sum(
                s.count for s in leases if s.start <= begin - timedelta(seconds=lead) or s.start <= begin < s.end
            )
            on = sum(s.count for s in leases if s.start <= begin and s.end >= begin + timedelta(hours=1))
            assert count <= on <= held
        for span in leases:
            assert span.charge_usd == charge_usd(tariff, span.start, span.end)
