from collections import Counter

from tests.autoscaler.replay.rivals.bench import POOL, SPOT, a_pool, bench

# A replica is worth 0.8 work; a tick of 60 s is three decisions of 20 s.


def test_from_zero_it_scales_at_once():
    assert bench("skyserve").counts([4.0]) == [5]


def test_upscale_waits_for_300_s_of_more():
    assert bench("skyserve").counts([4.0] + [8.0] * 5) == [5, 5, 5, 5, 5, 10]


def test_a_dip_to_the_target_starts_the_wait_anew():
    assert bench("skyserve").counts([4.0] + [8.0] * 4 + [4.0] + [8.0] * 5) == [5] * 10 + [10]


def test_downscale_waits_for_1200_s_of_less():
    assert bench("skyserve").counts([4.0] + [1.6] * 20) == [5] * 20 + [2]


def test_decisions_are_counted_by_time():
    assert bench("skyserve", tick_s=20.0).counts([4.0] * 4 + [8.0] * 15)[-2:] == [5, 10]


def test_spot_with_one_more_is_covered_by_on_demand_until_it_is_ready():
    pools = {SPOT: a_pool(SPOT, "0.05", is_spot=True), POOL: a_pool()}
    fleet = bench("skyserve", pools=pools)
    fleet.tick(4.0)
    assert Counter(node.pool for node in fleet.nodes) == {SPOT: 6, POOL: 5}
    fleet.tick(4.0)
    assert Counter(node.pool for node in fleet.nodes) == {SPOT: 6}


def test_a_lost_spot_node_within_the_surplus_is_covered_too():
    pools = {SPOT: a_pool(SPOT, "0.05", is_spot=True), POOL: a_pool()}
    fleet = bench("skyserve", pools=pools, lead_ticks=2)
    for _ in range(4):
        fleet.tick(4.0)
    fleet.nodes = fleet.nodes[1:]
    fleet.tick(4.0)
    assert Counter(node.pool for node in fleet.nodes) == {SPOT: 6, POOL: 1}


def test_spot_is_spread_over_its_pools():
    pools = {f"{SPOT}{zone}": a_pool(f"{SPOT}{zone}", "0.05", is_spot=True) for zone in "abc"} | {POOL: a_pool()}
    fleet = bench("skyserve", pools=pools)
    fleet.tick(4.0)
    assert Counter(node.pool for node in fleet.nodes)[f"{SPOT}a"] == 2
