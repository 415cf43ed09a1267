"""Who serves which share of an hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.dispatch import Rented, served_shares, work_nodes
from planner.profile.model import Basis, Rates


def rented(
    offer: str, nodes: int, work: float, *, is_base: bool = False, egress: float = 0.0, rate: float = 0.0
) -> Rented:
    return Rented(
        offer=offer, is_base=is_base, nodes=nodes, work_nodes=work, egress_usd_mtok=egress, rate_usd_hour=rate
    )


def test_work_is_prefill_of_what_is_not_cached_and_decode() -> None:
    rates = Rates(prefill_tok_s=1000, decode_tok_s=100, basis=Basis.MEASURED)
    assert work_nodes(2000, 50, 0.5, rates) == pytest.approx(1.0 + 0.5)


def test_base_fills_to_the_target_before_burst() -> None:
    pools = [rented("burst", 5, 2.0), rented("base", 1, 1.0, is_base=True)]
    assert served_shares(pools, target_utilization=0.75) == pytest.approx({"base": 0.75, "burst": 0.25})


def test_of_two_pools_the_one_with_cheaper_egress_fills_first() -> None:
    pools = [rented("dear", 1, 1.0, egress=0.2, rate=0.1), rented("cheap", 1, 2.0, egress=0.1, rate=0.9)]
    assert served_shares(pools, target_utilization=1.0) == pytest.approx({"cheap": 0.5, "dear": 0.5})


def test_what_is_unserved_is_served_by_nobody() -> None:
    shares = served_shares([rented("burst", 9, 1.0)], target_utilization=1.0, unserved_ratio=0.4)
    assert shares == pytest.approx({"burst": 0.6})


def test_nodes_that_do_not_suffice_are_not_stretched() -> None:
    assert served_shares([rented("burst", 1, 4.0)], target_utilization=0.8) == pytest.approx({"burst": 0.2})


@given(
    pools=st.lists(st.tuples(st.integers(0, 20), st.floats(0.01, 100), st.floats(0, 1), st.booleans()), max_size=6),
    target=st.floats(0.05, 1),
    unserved=st.floats(0, 1),
)
def test_shares_never_pass_demand_or_capacity(
    pools: list[tuple[int, float, float, bool]], target: float, unserved: float
) -> None:
    given_pools = [
        rented(str(index), nodes, work, is_base=base, egress=egress)
        for index, (nodes, work, egress, base) in enumerate(pools)
    ]
    shares = served_shares(given_pools, target_utilization=target, unserved_ratio=unserved)
    room = sum(target * nodes / work for nodes, work, _, _ in pools)
    assert sum(shares.values()) == pytest.approx(min(room, 1 - unserved), abs=1e-9)
    for pool in given_pools:
        assert 0 <= shares[pool.offer] <= target * pool.nodes / pool.work_nodes + 1e-9
