"""SimulatedServing: what nodes carry, what waits and is lost, and what can be seen of it."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.providers.simulated.spec import FaultMix
from autoscaler.replay.serving.metrics import FaultyMetrics
from autoscaler.replay.serving.servers import Servers
from autoscaler.replay.world import Requests
from autoscaler.serving.serving import ServingError
from planner.profile.model import Basis, Rates
from tests.autoscaler.replay.builders import a_machine, a_model, a_world, rates, serving_of, traffic, until


def test_a_base_node_serves_from_the_start() -> None:
    serving, timeline = serving_of(a_world([150.0] * 10))
    serving.running(a_machine(is_base=True))
    until(timeline, 60)
    reading = serving.read().models["llm"]
    assert (reading.output_tok_s, reading.unserved_ratio) == (150, pytest.approx(1 / 3))
    assert serving.models["llm"].served_tokens == pytest.approx(6000)


def test_a_machine_that_runs_loads_the_model_before_it_serves() -> None:
    serving, timeline = serving_of(a_world([100.0] * 10, models={"llm": a_model(load_s=90.0)}))
    serving.running(a_machine())
    until(timeline, 89)
    assert serving.read().nodes == {}
    until(timeline, 120)
    assert serving.read().nodes["n1"].is_ready
    assert serving.models["llm"].served_tokens == pytest.approx(3000)


def test_a_machine_that_is_gone_before_the_model_is_loaded_never_serves() -> None:
    serving, timeline = serving_of(a_world([100.0] * 10, models={"llm": a_model(load_s=90.0)}))
    machine = a_machine()
    serving.running(machine)
    machine.ended_s = 50.0
    serving.gone(machine)
    until(timeline, 120)
    assert serving.read().nodes == {}


def test_a_faster_node_is_worth_more_reference_nodes_at_each_mix() -> None:
    # cloud/big reads prompts four times as fast and writes twice as fast as the reference of 100 tok/s.
    big = Rates(prefill_tok_s=400, decode_tok_s=200, basis=Basis.MEASURED)
    model = a_model(rates={"cloud/small": rates(100), "cloud/big": big})
    serving, timeline = serving_of(
        a_world([], models={"llm": model}, traffic=traffic([100.0, 0.0], [0.0, 100.0]), pools=())
    )
    serving.running(a_machine(pool="cloud/big"))
    until(timeline, 60)
    serving.advance()
    assert serving.models["llm"].servers.capacity == 2
    until(timeline, 120)
    serving.advance()
    assert serving.models["llm"].servers.capacity == 4


def test_a_node_that_is_not_routed_to_gets_no_work_until_it_is_again() -> None:
    serving, timeline = serving_of(a_world([100.0] * 10))
    serving.running(a_machine())
    until(timeline, 60)
    serving.stop_routing("n1")
    until(timeline, 120)
    assert serving.read().nodes["n1"].is_ready
    assert serving.models["llm"].served_tokens == pytest.approx(6000)
    serving.resume_routing("n1")
    until(timeline, 180)
    serving.read()
    assert serving.models["llm"].served_tokens == pytest.approx(12000)


def test_routing_stopped_before_a_node_joins_keeps_work_from_it() -> None:
    serving, timeline = serving_of(a_world([100.0] * 10))
    serving.stop_routing("n1")
    serving.running(a_machine())
    until(timeline, 60)
    serving.advance()
    assert serving.models["llm"].served_tokens == 0


def test_a_drained_node_finishes_its_requests_in_their_service_time() -> None:
    model = a_model(rates={"cloud/small": rates(100, concurrency=8)}, service_s=40.0)
    serving, timeline = serving_of(a_world([50.0] * 10, models={"llm": model}))
    serving.running(a_machine())
    serving.running(a_machine("n2"))
    until(timeline, 60)
    assert serving.read().nodes["n1"].in_flight == 2  # a quarter of 8: two nodes carry 50 of 200 tok/s
    serving.stop_routing("n1")
    for at_s, in_flight in ((70, 6), (90, 2), (100, 0)):
        until(timeline, at_s)
        assert serving.read().nodes["n1"].in_flight == in_flight


def test_a_node_taken_back_loses_what_it_has_in_flight() -> None:
    serving, timeline = serving_of(a_world([50.0] * 10, models={"llm": a_model(service_s=20.0)}))
    machine = a_machine()
    serving.running(machine)
    until(timeline, 60)
    machine.ended_s = 60.0
    serving.gone(machine)
    one = serving.models["llm"]
    assert (one.served_tokens, one.lost_tokens) == pytest.approx((2000, 1000))


def test_a_node_drained_long_enough_loses_nothing() -> None:
    serving, timeline = serving_of(a_world([50.0] * 10, models={"llm": a_model(service_s=20.0)}))
    machine = a_machine()
    serving.running(machine)
    serving.running(a_machine("n2"))
    until(timeline, 60)
    serving.stop_routing("n1")
    until(timeline, 80)
    serving.gone(machine)
    assert serving.models["llm"].lost_tokens == 0


def test_a_broken_node_says_so_and_serves_nothing() -> None:
    serving, timeline = serving_of(a_world([100.0] * 10))
    machine = a_machine()
    serving.running(machine)
    until(timeline, 60)
    serving.broke(machine)
    until(timeline, 120)
    assert not serving.read().nodes["n1"].is_ready
    assert serving.models["llm"].served_tokens == pytest.approx(6000)


def test_a_new_nodes_cache_warms_up_and_the_fleets_hit_ratio_falls_after_a_scale_out() -> None:
    # Prompts only, half of which a warm node finds in its cache: 200 tok/s of them are work 1.
    model = a_model(cache_hit_ratio=0.5, cache_warmup_s=100.0)
    world = a_world([], models={"llm": model}, traffic=traffic([0.0] * 10, [300.0] * 10), pools=())
    serving, timeline = serving_of(world)
    serving.running(a_machine("base", is_base=True))
    until(timeline, 60)
    assert serving.read().models["llm"].cache_hit_ratio == 0.5
    serving.running(a_machine())
    reading = serving.models["llm"].servers
    assert reading.capacity == pytest.approx(1 + 0.5 / 0.975)  # its cache holds a twentieth of what it will
    assert reading.hit_ratio() == pytest.approx((0.5 + 0.025 * 0.5 / 0.975) / reading.capacity)
    until(timeline, 160)
    serving.advance()
    assert (reading.capacity, reading.hit_ratio()) == (2, 0.5)


def test_the_queue_is_read_in_tokens_and_served_when_capacity_comes() -> None:
    model = a_model(patience_s=300.0)
    serving, timeline = serving_of(a_world([100.0, 0.0, 0.0], models={"llm": model}))
    until(timeline, 60)
    assert serving.read().models["llm"].queue_output_tokens == 6000
    serving.running(a_machine())
    until(timeline, 120)
    assert serving.read().models["llm"].queue_output_tokens == 0
    serving.finish()
    assert serving.tally.delays.percentile_s(0.5) == pytest.approx(60, rel=0.06)


def test_single_requests_are_served_one_after_the_other() -> None:
    requests = Requests(
        arrival_s=np.array([0.0, 1.0]), input_tokens=np.array([0.0, 0.0]), output_tokens=np.array([1000.0, 500.0])
    )
    world = a_world([], models={"llm": a_model(patience_s=60.0)}, traffic=traffic([25.0], requests=requests), pools=())
    serving, timeline = serving_of(world)
    serving.running(a_machine(is_base=True))
    until(timeline, 60)
    assert serving.read().models["llm"].output_tok_s == 25
    serving.finish()
    assert serving.models["llm"].served_tokens == 1500
    assert serving.tally.delays.percentile_s(0.99) == pytest.approx(9, rel=0.06)


def test_a_node_is_needed_while_the_fleet_without_it_would_not_suffice() -> None:
    serving, timeline = serving_of(a_world([150.0, 50.0, 150.0]))
    machines = [a_machine(f"n{index}") for index in range(3)]
    for machine in machines:
        serving.running(machine)
    until(timeline, 180)
    serving.finish()
    assert [serving.services[f"n{index}"].needed_s for index in range(3)] == [180, 120, 0]


def test_readings_are_means_since_the_reading_before_and_the_same_at_one_instant() -> None:
    serving, timeline = serving_of(a_world([100.0, 200.0]))
    serving.running(a_machine())
    until(timeline, 30)
    serving.read()
    until(timeline, 90)
    reading = serving.read().models["llm"]
    assert reading.output_tok_s == 150
    assert serving.read().models["llm"] is reading


def faulty(**faults: float) -> FaultMix:
    return FaultMix(name="one", **faults)


def test_metrics_that_vanish_raise_and_come_back() -> None:
    world = a_world([100.0] * 600)
    serving, timeline = serving_of(world)
    metrics = FaultyMetrics(serving, faulty(metrics_vanish_per_day=100), timeline, Random(1))
    seen: set[float | None] = set()
    for at_s in range(60, 36000, 60):
        until(timeline, at_s)
        try:
            seen.add(metrics.read().models["llm"].output_tok_s)
        except ServingError:
            seen.add(None)
    assert seen == {100, None}


def test_stale_metrics_keep_their_old_time() -> None:
    serving, timeline = serving_of(a_world([100.0] * 600))
    metrics = FaultyMetrics(serving, faulty(metrics_stale_per_day=100), timeline, Random(1))
    ages = []
    for at_s in range(60, 36000, 60):
        until(timeline, at_s)
        ages.append((timeline.now - metrics.read().models["llm"].measured_at).total_seconds())
    assert min(ages) == 0
    assert 60 < max(ages) <= 1260


def test_metrics_that_lie_say_zero_now_while_nodes_are_busy() -> None:
    world = a_world([100.0] * 600, models={"llm": a_model(service_s=10.0)})
    serving, timeline = serving_of(world)
    serving.running(a_machine(is_base=True))
    metrics = FaultyMetrics(serving, faulty(metrics_zero_per_day=100), timeline, Random(1))
    lies = 0
    for at_s in range(60, 36000, 60):
        until(timeline, at_s)
        readings = metrics.read()
        assert readings.models["llm"].measured_at == timeline.now
        assert readings.nodes["n1"].in_flight == 1
        lies += readings.models["llm"].output_tok_s == 0
    assert 0 < lies < 500


@given(
    st.lists(st.sampled_from([0.0, 40.0, 90.0, 130.0, 400.0]), min_size=1, max_size=90),
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from("+-sr")), max_size=12),
    st.sampled_from([0.0, 20.0, 300.0]),
    st.sampled_from([0.0, 30.0]),
)
def test_served_unserved_and_waiting_tokens_are_those_asked_for(
    asked: list[float], happenings: list[tuple[int, str]], patience_s: float, service_s: float
) -> None:
    model = a_model(patience_s=patience_s, service_s=service_s)
    serving, timeline = serving_of(a_world(asked, models={"llm": model}))
    here: list[str] = []
    for number, (minute, what) in enumerate(sorted(happenings)):
        until(timeline, min(60.0 * minute + number, 60.0 * len(asked)))
        if what == "+":
            here.append(f"n{number}")
            serving.running(a_machine(here[-1]))
        elif here and what == "-":
            serving.gone(a_machine(here.pop()))
        elif here:
            (serving.stop_routing if what == "s" else serving.resume_routing)(here[-1])
    until(timeline, 60.0 * len(asked))
    serving.finish()
    one, tally = serving.models["llm"], serving.tally
    waiting = sum(one.waiting()[:2])
    assert one.served_tokens + one.lost_tokens + waiting == pytest.approx(60 * sum(asked), abs=1e-3)
    assert sum(tally.unserved_tokens) == pytest.approx(one.lost_tokens, abs=1e-6)
    assert sum(tally.asked_tokens) == pytest.approx(60 * sum(asked))
    assert all(service.needed_s >= 0 for service in serving.services.values())


@given(
    st.lists(st.sampled_from([0.0, 40.0, 90.0, 130.0, 400.0]), min_size=1, max_size=60),
    st.sampled_from([0.0, 20.0, 300.0]),
    st.sampled_from([1.0, 60.0, 3600.0]),
)
def test_more_patience_never_leaves_more_unserved(asked: list[float], patience_s: float, more_s: float) -> None:
    lost = []
    for patience in (patience_s, patience_s + more_s):
        world = a_world(asked, models={"llm": a_model(patience_s=patience)})
        serving, timeline = serving_of(replace(world, name=str(patience)))
        serving.running(a_machine(is_base=True))
        until(timeline, 60.0 * len(asked))
        serving.finish()
        lost.append(serving.models["llm"].lost_tokens)
    assert lost[1] <= lost[0] + 1e-6


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("+-srbw")), max_size=60))
def test_those_that_serve_are_the_routed_and_whole_ones_in_the_order_they_joined(moves: list[tuple[int, str]]) -> None:
    servers = Servers(model=a_model(cache_hit_ratio=0.5, cache_warmup_s=100.0))
    for at_s, (number, what) in enumerate(moves):
        node = servers.nodes.get(f"n{number}")
        if node is None:
            if what == "+":
                servers.join(f"n{number}", "cloud/small", at_s, is_base=False, is_routed=number != 5)
        elif what == "-":
            servers.leave(node, at_s)
        elif what == "b":
            servers.break_down(node, at_s)
        elif what == "w":
            servers.warm(node, number)
        elif what == "s" and node.is_routed:
            servers.stop(node, at_s, 100.0)
        elif what == "r" and not node.is_routed:
            servers.resume(node, at_s)
    assert servers.serving == [node for node in servers.nodes.values() if node.is_serving]
    assert sum(group.count for group in servers.active) == len(servers.serving)
    assert all(group.count == sum(one.group is group for one in servers.serving) for group in servers.active)
