"""What is asked for, as the loop believes it: missing, stale and lying measurements are never a zero."""

from dataclasses import replace

import pytest

from autoscaler.fleet import Demand, Pool
from autoscaler.loop import KeptModel
from autoscaler.loop.demand import Gauge, new_outlook
from autoscaler.serving.serving import ModelReading, NodeReading
from policies.billing import Billing
from policies.scaling import ScalingPolicy
from tests.autoscaler.loop.rig import CHAT, Rig, a_pool, at, offered, some_rates


def a_reading(at_s: float = 60.0, *, input_tok_s: float = 0.0, output_tok_s: float = 0.0, **rest) -> ModelReading:
    return ModelReading(measured_at=at(at_s), input_tok_s=input_tok_s, output_tok_s=output_tok_s, **rest)


def a_gauge(**rest) -> Gauge:
    """P 1000 and G 100 on the reference, twice the decode on the other."""
    return Gauge(model=KeptModel(rates={"aws/m": some_rates(100), "aws/l": some_rates(200)}, reference="aws/m", **rest))


def demand_of(rig: Rig) -> Demand:
    demand = rig.reports[-1].seen.demand[CHAT]
    assert demand is not None
    return demand


def test_work_is_input_less_cached_over_p_plus_output_over_g():
    demand = a_gauge(cache_hit_ratio=0.5).take(a_reading(input_tok_s=4000, output_tok_s=100), None)
    assert demand.work_nodes == pytest.approx(4000 * 0.5 / 1000 + 100 / 100)


def test_a_measured_cache_hit_ratio_counts_before_the_models_own():
    reading = a_reading(input_tok_s=4000, cache_hit_ratio=0.75)
    assert a_gauge(cache_hit_ratio=0.5).take(reading, None).work_nodes == pytest.approx(1.0)


def test_the_queue_is_work_in_node_seconds():
    reading = a_reading(output_tok_s=1, queue_input_tokens=2000, queue_output_tokens=300)
    assert a_gauge().take(reading, None).queue_node_s == pytest.approx(2000 / 1000 + 300 / 100)


@pytest.mark.parametrize(
    ("input_tok_s", "output_tok_s", "worth"),
    [(0.0, 100.0, 2.0), (1000.0, 0.0, 1.0), (1000.0, 100.0, 2 / 1.5)],
    ids=["all decode", "all prefill", "half the work each"],
)
def test_what_a_node_is_worth_depends_on_the_mix(input_tok_s, output_tok_s, worth):
    demand = a_gauge().take(a_reading(input_tok_s=input_tok_s, output_tok_s=output_tok_s), None)
    assert demand.speed == pytest.approx({"aws/m": 1.0, "aws/l": worth})


def test_at_no_demand_a_node_is_worth_what_it_was_at_the_last_mix():
    gauge = a_gauge()
    gauge.take(a_reading(60, output_tok_s=100), None)
    assert gauge.take(a_reading(120), None).speed["aws/l"] == pytest.approx(2.0)


def test_a_model_without_rates_of_its_reference_is_refused():
    with pytest.raises(ValueError, match="reference aws/x has no rates"):
        KeptModel(rates={"aws/m": some_rates()}, reference="aws/x")


def test_a_model_never_measured_is_none():
    rig = Rig()
    assert rig.tick().seen.demand == {CHAT: None}


def test_missing_metrics_keep_the_last_demand_with_its_own_time():
    rig = Rig()
    rig.run_to(30)
    rig.demand(100)
    rig.tick()
    rig.serving.models.clear()
    rig.tick(10)
    assert demand_of(rig).measured_at == at(30)
    assert demand_of(rig).work_nodes == pytest.approx(1.0)


def test_a_serving_side_that_is_down_is_a_problem_and_no_zero():
    rig = Rig()
    rig.demand(100)
    rig.tick()
    rig.serving.is_down = True
    report = rig.tick()
    assert demand_of(rig).work_nodes == pytest.approx(1.0)
    assert report.problems == ("serving: no answer",)


def test_a_measurement_older_than_the_last_is_not_taken():
    rig = Rig()
    rig.run_to(60)
    rig.demand(100)
    rig.tick()
    rig.demand(900, at_s=30)
    rig.tick()
    assert demand_of(rig).work_nodes == pytest.approx(1.0)


@pytest.mark.parametrize("tok_s", [-1.0, float("nan"), float("inf")])
def test_what_is_no_number_is_not_taken(tok_s):
    rig = Rig()
    rig.demand(100)
    rig.tick()
    rig.demand(tok_s)
    rig.tick()
    assert demand_of(rig).work_nodes == pytest.approx(1.0)


def busy_rig() -> Rig:
    rig = Rig()
    rig.demand(100)
    rig.tick(4)
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=True, in_flight=5)
    return rig


def test_a_zero_that_requests_in_flight_contradict_is_not_believed():
    rig = busy_rig()
    rig.demand(0.0)
    rig.tick()
    assert demand_of(rig).measured_at == at(0)
    assert demand_of(rig).work_nodes == pytest.approx(1.0)


def test_requests_in_flight_on_a_node_that_no_list_has_shown_yet_contradict_a_zero_too():
    rig = Rig(wanted=0)
    rig.serving.readings["base-1"] = NodeReading(is_ready=True, in_flight=5)
    rig.demand(0.0)
    rig.tick()
    assert rig.reports[-1].seen.demand[CHAT] is None


def test_the_zero_guard_does_not_latch_the_peak():
    """Busy, then idle: once nothing is in flight, nothing is asked for."""
    rig = busy_rig()
    rig.demand(0.0)
    rig.tick()
    rig.serving.readings[rig.node().id] = NodeReading(is_ready=True, in_flight=0)
    rig.demand(0.0)
    rig.tick()
    assert demand_of(rig).work_nodes == 0
    rig.demand(100.0)
    rig.tick()
    assert demand_of(rig).work_nodes == pytest.approx(1.0)


def test_the_outlook_looks_one_lead_time_and_one_tick_ahead():
    rig = Rig(a_pool(lead_s=360.0), tick_s=60.0)
    for _ in range(3):
        rig.run_to(rig.timeline.now_s + 30)
        rig.demand(100)
        rig.tick()
    outlook = demand_of(rig).outlook
    assert outlook is not None
    assert outlook.horizons_s[-1] == 360 + 60


def test_the_lead_time_is_the_middle_one_of_the_pools_that_serve_the_model():
    pools = {pool.key: offered(pool) for pool in (a_pool("a/1", lead_s=60), a_pool("a/2", lead_s=90))}
    pools["a/3"] = replace(pools["a/1"], key="a/3", lead_time_s={CHAT: 3600.0})
    pools["a/4"] = replace(pools["a/1"], key="a/4", lead_time_s={"other": 7200.0})
    maker = new_outlook(CHAT, pools, ScalingPolicy(), 30.0)
    assert maker is not None
    maker.observe(0.0, 1.0)
    outlook = maker.outlook()
    assert outlook is not None
    assert outlook.horizons_s[-1] == 90 + 30
    assert new_outlook("nobody's", pools, ScalingPolicy(), 30.0) is None


def test_where_nodes_stay_to_the_end_of_a_paid_hour_less_is_wanted_beside_them():
    by_second = offered(a_pool("a/1", lead_s=60))
    by_hour = replace(by_second, tariff=replace(by_second.tariff, billing=Billing.STARTED_HOUR))

    def wanted(pool: Pool) -> float:
        maker = new_outlook(CHAT, {pool.key: pool}, ScalingPolicy(), 30.0)
        assert maker is not None
        maker.observe(0.0, 10.0)
        outlook = maker.outlook()
        assert outlook is not None
        return outlook.wanted_work[-1]

    assert 10 < wanted(by_hour) < wanted(by_second)


def test_what_was_wanted_within_the_policys_hold_is_kept():
    pool = offered(a_pool("a/1", lead_s=60))

    def kept_after_ten_minutes(hold_s: float) -> float:
        """Of twenty nodes' work for an hour that is ten since."""
        maker = new_outlook(CHAT, {pool.key: pool}, ScalingPolicy(hold_s=hold_s), 30.0)
        assert maker is not None
        for tick in range(140):
            maker.observe(30.0 * tick, 20.0 if tick < 120 else 10.0)
        outlook = maker.outlook()
        assert outlook is not None
        return outlook.keep_work

    assert kept_after_ten_minutes(120) < 15
    assert kept_after_ten_minutes(900) > 20


def test_a_controller_made_anew_goes_on_with_the_outlook_it_is_handed():
    rig = Rig()
    for _ in range(5):
        rig.demand(100 + rig.timeline.now_s)
        rig.tick()
    before = demand_of(rig).outlook
    rig.controller = rig.started(outlooks=rig.controller.outlooks)
    rig.run_to(rig.timeline.now_s)
    rig.tick()  # the same measurement again: it is not taken in twice
    assert demand_of(rig).outlook == before
