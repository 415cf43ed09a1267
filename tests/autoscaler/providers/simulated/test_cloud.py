from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.providers.provider import CapacityUnavailable, MachineState, Permanent, Temporary
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.spec import Stock
from autoscaler.providers.simulated.truth import MachineTruth
from policies.billing import Billing
from tests.autoscaler.providers.simulated.clouds import (
    START,
    a_cloud,
    a_pool,
    a_tariff,
    an_order,
    launched,
    run_to,
)


def states(cloud: SimulatedCloud) -> list[str]:
    return [machine.state.value for machine in cloud.machines().machines]


def test_a_node_ordered_at_second_s_runs_at_s_plus_360_exactly():
    cloud = a_cloud(a_pool(lead_times_s=(360.0,)))
    ran = []
    cloud.on_running = lambda truth: ran.append((truth.node_id, cloud._timeline.now_s))
    run_to(cloud, 60)
    cloud.launch(an_order("k1"))
    run_to(cloud, 419.999)
    assert (states(cloud), ran) == (["pending"], [])
    run_to(cloud, 420)
    assert (states(cloud), ran) == (["running"], [("node-k1", 420.0)])


def test_a_node_is_billed_from_its_order_to_the_instant_its_end_was_accepted():
    cloud = a_cloud(a_pool(tariff=a_tariff("0.20")))
    run_to(cloud, 60)
    machine = cloud.launch(an_order())
    run_to(cloud, 60 + 1800)
    cloud.terminate(machine.id)
    run_to(cloud, 10_000)  # it is listed as stopping and gone meanwhile
    (truth,) = cloud.truth
    assert (truth.created_s, truth.ended_s, truth.was_taken_back) == (60.0, 1860.0, False)
    assert cloud.charge_usd(truth) == Decimal("0.10")


def test_a_node_cancelled_while_it_boots_never_runs():
    cloud = a_cloud()
    ran: list[MachineTruth] = []
    cloud.on_running = ran.append
    machine = cloud.launch(an_order())
    run_to(cloud, 50)
    cloud.terminate(machine.id)
    run_to(cloud, 1000)
    assert ran == []
    assert cloud.truth[0].running_s is None


def test_accepted_deletion_is_not_deletion():
    cloud = a_cloud(stopping_s=20.0, listed_gone_s=300.0)
    gone = []
    cloud.on_gone = lambda truth: gone.append(cloud._timeline.now_s)
    machine = cloud.launch(an_order())
    run_to(cloud, 200)
    cloud.terminate(machine.id)
    seen = []
    for at_s in (200, 219.9, 220, 519.9, 520):
        run_to(cloud, at_s)
        seen.append(states(cloud))
    assert seen == [["stopping"], ["stopping"], ["gone"], ["gone"], []]
    assert gone == [200.0]  # it serves no more from the accepted call on


def test_a_list_is_kept_until_something_changes_and_its_time_is_always_now():
    cloud = a_cloud()
    launched(cloud, 2)
    first = cloud.machines()
    assert cloud.machines() is first
    run_to(cloud, 30)
    later = cloud.machines()
    assert later.machines is first.machines
    assert (later.as_of - START).total_seconds() == 30
    run_to(cloud, 100)
    assert states(cloud) == ["running", "running"]


def test_without_stock_a_launch_is_refused_and_the_next_pool_still_sells():
    sold_out = a_pool("aws/a/spot", stock=(Stock(start_s=0, end_s=100, nodes=0),))
    cloud = a_cloud(sold_out, a_pool("aws/b/spot"))
    with pytest.raises(CapacityUnavailable, match="no capacity for aws/a/spot"):
        cloud.launch(an_order("k1", pool="aws/a/spot"))
    cloud.launch(an_order("k2", pool="aws/b/spot"))
    assert cloud.refused == 1
    run_to(cloud, 100)
    cloud.launch(an_order("k1", pool="aws/a/spot"))  # a refused key was not used up
    assert [truth.key for truth in cloud.truth] == ["k2", "k1"]


def test_of_five_launches_at_once_only_the_two_in_stock_succeed():
    cloud = a_cloud(a_pool(stock=(Stock(start_s=0, end_s=100, nodes=2),)))
    made = 0
    for number in range(5):
        try:
            cloud.launch(an_order(f"k{number}"))
            made += 1
        except CapacityUnavailable:
            pass
    assert (made, len(cloud.truth), cloud.refused) == (2, 2, 3)


def test_quota_and_group_are_limits_of_what_is_held_not_of_what_was_made():
    one = a_pool("aws/a", count_group="g", quota=2)
    two = a_pool("aws/b", count_group="g")
    cloud = a_cloud(one, two, group_max={"g": 3})
    launched(cloud, 2, pool="aws/a")
    with pytest.raises(CapacityUnavailable, match="quota of 2 nodes of aws/a is reached"):
        cloud.launch(an_order("x", pool="aws/a"))
    cloud.launch(an_order("y", pool="aws/b"))
    with pytest.raises(CapacityUnavailable, match="limit of 3 nodes of g is reached"):
        cloud.launch(an_order("z", pool="aws/b"))
    cloud.terminate(cloud.truth[0].id)
    cloud.launch(an_order("z", pool="aws/b"))
    assert len(cloud.held("aws/b")) == 2


def test_where_stock_falls_below_what_is_held_the_rest_is_advised_warned_and_taken_back():
    pool = a_pool(stock=(Stock(start_s=1000, end_s=2000, nodes=1),), notice_s=120.0, rebalance_s=600.0)
    cloud = a_cloud(pool)
    gone = []
    cloud.on_gone = lambda truth: gone.append((truth.id, cloud._timeline.now_s))
    launched(cloud, 3)

    def told() -> tuple[int, int]:
        machines = cloud.machines().machines
        return sum(m.is_at_risk for m in machines), sum(m.taken_back_at is not None for m in machines)

    seen = []
    for at_s in (399, 400, 879, 880):
        run_to(cloud, at_s)
        seen.append(told())
    assert seen == [(0, 0), (2, 0), (2, 0), (2, 2)]
    warned = {m.id for m in cloud.machines().machines if m.taken_back_at is not None}
    assert {m.taken_back_at for m in cloud.machines().machines} == {None, cloud._timeline.moment(1000)}
    run_to(cloud, 1000)
    assert {one for one, _ in gone} == warned
    assert {at_s for _, at_s in gone} == {1000.0}
    assert [truth.was_taken_back for truth in cloud.truth].count(True) == 2
    assert len(cloud.held(pool.key)) == 1


def test_who_gave_up_nodes_before_the_fall_is_not_asked_for_more():
    cloud = a_cloud(a_pool(stock=(Stock(start_s=1000, end_s=2000, nodes=1),)))
    machines = launched(cloud, 3)
    run_to(cloud, 500)
    for machine in machines[:2]:
        cloud.terminate(machine.id)
    run_to(cloud, 3000)
    assert [truth.was_taken_back for truth in cloud.truth] == [False, False, False]


def test_a_cloud_that_takes_nodes_back_sells_none_from_its_notice_on():
    cloud = a_cloud(a_pool(stock=(Stock(start_s=1000, end_s=2000, nodes=0),), notice_s=120.0))
    run_to(cloud, 879)
    cloud.launch(an_order("k1"))
    run_to(cloud, 880)
    with pytest.raises(CapacityUnavailable):
        cloud.launch(an_order("k2"))
    run_to(cloud, 2000)
    cloud.launch(an_order("k2"))
    assert [truth.was_taken_back for truth in cloud.truth] == [True, False]


def test_aws_spot_taken_back_within_its_first_hour_is_free_and_after_it_is_not():
    spot = a_pool(
        tariff=replace(a_tariff("0.36"), is_spot=True),
        stock=(Stock(start_s=3600, end_s=3700, nodes=0), Stock(start_s=9000, end_s=9100, nodes=0)),
    )
    cloud = a_cloud(spot)
    run_to(cloud, 1)
    cloud.launch(an_order("k1"))
    run_to(cloud, 3700)
    cloud.launch(an_order("k2"))
    run_to(cloud, 10_000)
    assert [truth.was_taken_back for truth in cloud.truth] == [True, True]
    assert [cloud.charge_usd(truth) for truth in cloud.truth] == [0, Decimal("0.53")]  # 5,300 s at 1e-4 a second


@pytest.mark.parametrize(
    ("tariff", "usd"),
    [
        pytest.param(a_tariff("0.36"), "0.3604", id="by the second: 3,603.6 s are 3,604 begun"),
        pytest.param(a_tariff("0.36", billing=Billing.STARTED_HOUR), "0.72", id="OVH: the second hour has begun"),
        pytest.param(
            a_tariff("0.36", billing=Billing.STARTED_HOUR_CAPPED, fee_usd_month=Decimal("0.50")),
            "0.50",
            id="Hetzner: never above the cap of the month",
        ),
    ],
)
def test_each_cloud_charges_by_its_own_rule(tariff, usd):
    cloud = a_cloud(a_pool(tariff=tariff))
    machine = cloud.launch(an_order())
    run_to(cloud, 3603.6)
    cloud.terminate(machine.id)
    assert cloud.charge_usd(cloud.truth[0]) == Decimal(usd)


def test_it_can_be_told_to_fail_next_time_before_or_after_the_effect():
    cloud = a_cloud()
    cloud.fail_next("launch", Temporary("503"))
    with pytest.raises(Temporary, match="503"):
        cloud.launch(an_order("k1"))
    assert cloud.truth == []
    cloud.fail_next("launch", Temporary("timeout"), after=True)
    with pytest.raises(Temporary, match="timeout"):
        cloud.launch(an_order("k1"))
    assert len(cloud.truth) == 1
    assert cloud.launch(an_order("k1")).id == cloud.truth[0].id
    cloud.fail_next("machines", Temporary("504"), times=2)
    for _ in range(2):
        with pytest.raises(Temporary):
            cloud.machines()
    assert len(cloud.machines().machines) == 1
    assert [(call.name, call.about) for call in cloud.calls] == [("launch", "k1")] * 3


def test_a_base_node_runs_from_the_start_and_counts_neither_as_stock_nor_as_burst():
    cloud = a_cloud(a_pool(quota=1))
    ran: list[MachineTruth] = []
    cloud.on_running = ran.append
    base = cloud.add_base(node_id="base-1", offer="aws/m/spot", model="chat")
    run_to(cloud, 0)
    cloud.launch(an_order())
    assert ran == [base]
    assert [(m.is_base, m.state) for m in cloud.machines().machines] == [
        (True, MachineState.RUNNING),
        (False, MachineState.PENDING),
    ]


def test_an_unknown_pool_is_refused_for_good_and_a_pool_of_another_cloud_is_no_pool_of_it():
    with pytest.raises(Permanent, match="no such pool aws/x"):
        a_cloud().launch(an_order(pool="aws/x"))
    with pytest.raises(ValueError, match="pool ovh/b is of ovh; expected one of aws"):
        a_cloud(a_pool(), a_pool("ovh/b"))


windows = st.lists(st.tuples(st.integers(10, 400), st.integers(0, 400), st.integers(0, 5)), min_size=1, max_size=8)


@given(windows=windows, notice_s=st.sampled_from([0.0, 60.0, 300.0]), seed=st.integers(0, 100))
def test_without_faults_every_node_that_is_taken_back_was_told_a_whole_notice_before(windows, notice_s, seed):
    stock, at_s = [], notice_s
    for length_s, gap_s, nodes in windows:
        stock.append(Stock(start_s=at_s + gap_s, end_s=at_s + gap_s + length_s, nodes=nodes))
        at_s += gap_s + length_s
    cloud = a_cloud(a_pool(stock=tuple(stock), notice_s=notice_s, quota=6), seed=seed)
    told: dict[str, float] = {}
    for number in range(int(at_s / 7) + 2):
        run_to(cloud, number * 7.0)
        for machine in cloud.machines().machines:
            if machine.taken_back_at is not None:
                told.setdefault(machine.id, (machine.taken_back_at - START).total_seconds())
        with suppress(CapacityUnavailable):
            cloud.launch(an_order(f"k{number}"))
        for window in stock:
            if window.start_s <= cloud._timeline.now_s < window.end_s:
                assert len(cloud.held("aws/m/spot")) <= window.nodes
    taken = {truth.id: truth for truth in cloud.truth if truth.was_taken_back}
    assert all(truth.ended_s == truth.doomed_s for truth in taken.values())
    if notice_s >= 7:  # seen by one of the looks between notice and end
        assert {name: truth.ended_s for name, truth in taken.items()} == {name: told.get(name) for name in taken}
    assert all(truth.ended_s - truth.created_s >= notice_s for truth in taken.values() if truth.ended_s is not None)
