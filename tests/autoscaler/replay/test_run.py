"""replay(): the reference world to the minute, and the bill to the cent."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.fleet import Action, FleetPlan, Launch, Snapshot, Terminate
from autoscaler.providers.simulated.spec import FaultMix, Stock
from autoscaler.replay.result import Replayed
from autoscaler.replay.run import replay
from autoscaler.replay.truth import Truth
from autoscaler.replay.world import BaseNodes, Traffic, World
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.builders import START, a_model, a_pool, a_world, rates
from tests.autoscaler.replay.scripts import Counts

POLICY = ScalingPolicy()


def played(world: World, wanted: list[int], **arguments: Any) -> Replayed:
    decider = Counts(wanted, tick_s=world.tick_s)
    return replay(world, name="script", decider=decider, policy=POLICY, **arguments)


def reference_world(output_tok_s: list[float], base_nodes: int = 0) -> World:
    """Design §8: nodes of 200 tok/s at USD 0.20 by the second, six minutes of lead time, no patience."""
    return a_world(
        output_tok_s,
        models={
            "llm": a_model(
                rates={"cloud/small": rates(200), "metal/base": rates(300)},
                reference="cloud/small",
            )
        },
        base=(BaseNodes(offer="metal/base", model="llm", count=base_nodes, bill_usd=Decimal(base_nodes)),),
        pools=(
            a_pool(
                tariff=Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.20")),
                lead_times_s=(360.0,),
            ),
        ),
    )


def by_hand(output_tok_s: list[float], wanted: list[int], base_nodes: int) -> tuple[list[tuple[int, int]], float]:
    """The same world in a few lines: (first minute paid, minute after the last) per node, and unserved tokens.

    A node ordered at the end of minute t pays from t + 1 and serves from t + 7; ended at t, it does both through t.
    """
    nodes: list[tuple[int, int]] = []  # (first minute paid, first minute it serves)
    leases: list[tuple[int, int]] = []
    unserved = 0.0
    minutes = len(output_tok_s)
    for t, asked in enumerate(output_tok_s):
        serving = sum(1 for _, serves_from in nodes if serves_from <= t)
        unserved += 60 * max(0.0, asked - 300 * base_nodes - 200 * serving)
        count = wanted[min(t, len(wanted) - 1)]
        nodes += [(t + 1, t + 7)] * (count - len(nodes))
        while len(nodes) > count:
            loading = [node for node in nodes if node[1] > t + 1]
            newest = max(loading or nodes)
            nodes.remove(newest)
            leases.append((newest[0], t + 1))
    leases += [(start, minutes) for start, _ in nodes if start < minutes]
    return sorted(leases), unserved


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, 150.0, 200.0, 510.0, 777.7, 1900.0]), min_size=1, max_size=80),
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 12)), min_size=1, max_size=12),
    st.integers(0, 2),
)
def test_the_reference_world_comes_out_to_the_minute(
    asked: list[float], script: list[tuple[int, int]], base_nodes: int
) -> None:
    wanted = [count for count, times in script for _ in range(times)]
    leases, unserved = by_hand(asked, wanted, base_nodes)
    result = played(reference_world(asked, base_nodes), wanted)
    assert [(lease.start_min, lease.end_min) for lease in result.leases for _ in range(lease.count)] == leases
    assert result.unserved_ratio == pytest.approx(unserved / (60 * sum(asked)) if sum(asked) else 0)
    paid_min = sum(end - start for start, end in leases)
    assert result.burst_usd == pytest.approx(Decimal("0.20") * paid_min / 60)
    assert result.bill_usd == result.burst_usd + base_nodes


def test_one_node_for_one_hour() -> None:
    # Ordered at the end of minute 0, a minute of lead time, drained and ended at the end of minute 60.
    result = played(a_world([100.0] * 120), [1] * 60 + [0])
    (lease,) = result.leases
    assert (lease.start_min, lease.ready_min, lease.end_min) == (1, 2, 61)
    assert result.bill_usd == Decimal("0.36")
    assert lease.wasted_usd == Decimal("0.36") / 60  # the minute it booted
    assert result.unserved_ratio == pytest.approx(61 / 120)
    assert (result.launches, result.opposite_moves, result.ticks) == (1, 0, 120)
    assert list(result.hours.cost_usd) == pytest.approx([0.36 * 59 / 60, 0.36 / 60])
    assert list(result.hours.pools["cloud/small"]) == pytest.approx([59 / 60, 1 / 60])
    assert list(result.hours.coming_nodes) == pytest.approx([1 / 60, 0])
    assert list(result.hours.ready_nodes) == pytest.approx([58 / 60, 1 / 60])
    assert result.reasons == {"launch: script": 1, "drain: script": 1, "terminate: drained": 1, "script": 118}


def test_a_started_hour_is_paid_to_its_end_and_what_is_not_used_of_it_is_wasted() -> None:
    pool = a_pool(tariff=Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.60")))
    result = played(a_world([100.0] * 120, pools=(pool,)), [1] * 10 + [0])
    assert result.burst_usd == Decimal("0.60")
    assert result.wasted_paid_usd == Decimal("0.51")  # it served for 9 of 60 minutes


def test_a_lease_still_running_ends_with_the_replay() -> None:
    result = played(a_world([100.0] * 30), [1])
    (lease,) = result.leases
    assert (lease.end_min, lease.how_it_ended) == (30, "still running")
    assert result.burst_usd == Decimal("0.36") * 29 / 60
    assert (result.interruptions, result.launches) == (0, 1)


def test_a_node_ended_at_the_instant_of_its_order_is_a_lease_that_costs_nothing() -> None:
    """Ordered beside one that is sold out, and ended in the second round of the same tick."""
    sold_out = a_pool(key="cloud/none", stock=(Stock(start_s=0, end_s=3600, nodes=0),))

    def once(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        if snapshot.now != START + timedelta(minutes=1):
            return ()
        ends = [Terminate(node_id=node.id, reason="script") for node in snapshot.nodes]
        asks = [Launch(pool=key, model="llm", reason="script") for key in ("cloud/small", "cloud/none")]
        return tuple(ends or asks)

    model = a_model(rates={key: rates(100) for key in ("cloud/small", "cloud/none")})
    world = a_world([100.0] * 5, pools=(a_pool(), sold_out), models={"llm": model})
    result = replay(world, name="once", decider=once, policy=POLICY)
    assert [(lease.start_min, lease.end_min, lease.charge_usd) for lease in result.leases] == [(1, 1, 0)]
    assert list(result.hours.cost_usd) == [0]


def test_a_node_that_never_boots_has_failed_and_is_no_interruption() -> None:
    result = played(a_world([100.0] * 15, faults=FaultMix(name="dead", never_boots=1.0)), [1])
    (lease,) = result.leases
    assert (lease.how_it_ended, lease.ready_min, lease.wasted_usd) == ("still running", None, lease.charge_usd)
    ended = played(a_world([100.0] * 15, faults=FaultMix(name="dead", never_boots=1.0)), [1] * 10 + [0])
    assert [lease.how_it_ended for lease in ended.leases] == ["failed"]
    assert (ended.interruptions, ended.opposite_moves) == (0, 0)


def test_nodes_that_are_not_needed_are_wasted_newest_first() -> None:
    result = played(a_world([100.0] * 62), [1, 2])
    assert [lease.wasted_usd for lease in result.leases] == [
        Decimal("0.006"),
        pytest.approx(Decimal("0.36")),
    ]


def test_leases_alike_are_one_row_with_their_count() -> None:
    result = played(a_world([300.0] * 20), [3])
    (lease,) = result.leases
    assert (lease.count, result.launches) == (3, 3)
    assert lease.charge_usd == result.burst_usd


def test_egress_is_charged_by_the_output_tokens_a_pool_served() -> None:
    pool = a_pool(egress_usd_mtok=Decimal("0.5"), lead_times_s=(0.0,))
    result = played(a_world([100.0] * 101, pools=(pool,)), [1])
    assert result.egress_usd == pytest.approx(Decimal("0.3"))  # 100 minutes of 6,000 tokens
    assert result.bill_usd == result.burst_usd + result.egress_usd


def test_what_still_waits_at_the_end_was_not_served() -> None:
    world = a_world([0.0] * 9 + [100.0], models={"llm": a_model(patience_s=600.0)})
    assert played(world, [0]).unserved_ratio == 1


def test_what_still_waits_at_the_end_is_unserved_in_the_last_hour() -> None:
    hours = played(a_world([0.0, 100.0], step_s=3600.0, models={"llm": a_model(patience_s=60.0)}, pools=()), [0]).hours
    assert list(hours.unserved_tokens) == [0.0, 100.0 * 3600]


def test_a_node_taken_back_is_an_interruption_and_free_in_its_first_hour() -> None:
    spot = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.36"), is_spot=True)
    pool = a_pool(tariff=spot, is_spot=True, stock=(Stock(start_s=1200, end_s=9e9, nodes=0),))
    result = played(a_world([100.0] * 60, pools=(pool,)), [1])
    (lease,) = result.leases
    assert (lease.how_it_ended, lease.end_min, result.interruptions) == ("taken back", 20, 1)
    assert result.burst_usd == 0
    assert result.capacity_failures > 0
    assert list(result.hours.interruptions) == [1]


def test_a_price_that_moves_is_charged_as_it_moves() -> None:
    pool = a_pool(prices_usd_hour=((0.0, Decimal("0.36")), (1800.0, Decimal("0.72"))))
    result = played(a_world([100.0] * 60, pools=(pool,)), [1])
    assert result.burst_usd == Decimal("0.36") * 29 / 60 + Decimal("0.72") * 30 / 60


def test_a_controller_sees_prices_as_they_move() -> None:
    pool = a_pool(prices_usd_hour=((0.0, Decimal("0.36")), (1800.0, Decimal("0.72"))))
    seen: list[Decimal | None] = []

    def looks(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        seen.append(snapshot.pools[pool.key].tariff.price_usd_hour)
        return ()

    replay(a_world([100.0] * 60, pools=(pool,)), name="looks", decider=looks, policy=POLICY)
    assert seen == [Decimal("0.36")] * 29 + [Decimal("0.72")] * 31


class Watch:
    def __init__(self) -> None:
        self.events: list[str] = []

    def after(self, event: str, truth: Truth) -> None:
        self.events.append(event)
        if event == "tick":
            assert truth.snapshot is not None
            assert truth.snapshot.now == truth.timeline.now


def test_checks_look_after_every_event_with_the_truth() -> None:
    watch = Watch()
    played(a_world([100.0] * 5), [1], checks=watch)
    assert watch.events == ["start", "tick", "cloud-000001 runs", "tick", "tick", "tick", "tick"]


def test_progress_is_told_and_ends_with_all_ticks() -> None:
    told: list[tuple[int, int]] = []
    played(a_world([100.0] * 500), [0], on_progress=lambda done, total: told.append((done, total)))
    assert len(told) == 100
    assert told[-1] == (500, 500)


def test_a_crashed_controller_is_started_again_and_buys_nothing_twice() -> None:
    class Crashes:
        crashes = 0

        def after(self, event: str, truth: Truth) -> None:
            Crashes.crashes = truth.crashes

    world = a_world([300.0] * 200, faults=FaultMix(name="crash", crash=0.5), seed=3)
    result = played(world, [3], checks=Crashes())
    assert Crashes.crashes > 50
    assert result.launches == 3


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([0.0, 90.0, 400.0]), min_size=2, max_size=120),
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.sampled_from([Billing.SECOND, Billing.STARTED_HOUR]),
)
def test_the_bill_is_the_sum_of_its_parts(asked: list[float], wanted: list[int], billing: Billing) -> None:
    pool = a_pool(tariff=Tariff(billing=billing, price_usd_hour=Decimal("0.36")))
    base = (BaseNodes(offer="cloud/small", model="llm", count=1, bill_usd=Decimal("7.5")),)
    result = played(a_world(asked, pools=(pool,), base=base), wanted)
    assert result.bill_usd == Decimal("7.5") + sum((lease.charge_usd for lease in result.leases), Decimal(0))
    assert result.wasted_paid_usd <= result.burst_usd
    assert float(result.hours.cost_usd.sum()) == pytest.approx(float(result.bill_usd))
    assert result.hours.asked_tokens.sum() == pytest.approx(60 * sum(asked))
    assert not np.isnan(result.hours.cost_usd).any()
    assert result.delay.p99_s in (0.0, None)


def test_an_hour_in_which_nothing_was_served_has_no_delay() -> None:
    result = played(a_world([0.0] * 60 + [100.0] * 60), [0])
    assert np.isnan(result.hours.ttft_p95_s).all()


def test_models_are_served_and_counted_apart_and_their_hours_together() -> None:
    both = np.array([[100.0] * 90, [50.0] * 30 + [200.0] * 60])
    two = Traffic(
        start=START,
        step_s=60.0,
        models=("llm", "other"),
        input_tok_s=np.zeros_like(both),
        output_tok_s=both,
        is_gap=np.zeros(90, dtype=bool),
    )
    base = (
        BaseNodes(offer="cloud/small", model="llm", count=1, bill_usd=Decimal(1)),
        BaseNodes(offer="cloud/small", model="other", count=1, bill_usd=Decimal(1)),
    )
    models = {"llm": a_model(), "other": a_model(name="other", patience_s=600.0)}
    result = played(a_world([], traffic=two, models=models, base=base), [0])
    # The other model's wait grows by half a second per second from minute 30, to its patience at minute 50.
    lost, waiting = 40 * 60 * 100, 10 * 60 * 200
    assert result.unserved_ratio == pytest.approx((lost + waiting) / (60 * both.sum()))
    assert list(result.hours.work_nodes) == pytest.approx([1 + 1.25, 1 + 2])
    assert list(result.hours.ready_nodes) == [2, 2]
    assert result.hours.ttft_p95_s[1] == pytest.approx(600, rel=0.06)
    assert result.delay.p50_s == 0
