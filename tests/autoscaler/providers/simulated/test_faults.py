"""What goes wrong in a simulated cloud, one fault at a time, and all at once."""

from collections import Counter
from dataclasses import fields, replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.providers.provider import MachineState, NodeNotFound, ProviderError, Temporary
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.spec import FaultMix, Stock
from autoscaler.providers.simulated.truth import MachineTruth
from policies.billing import MIN_BILLED_SECONDS
from tests.autoscaler.providers.simulated.clouds import a_cloud, a_pool, a_tariff, an_order, launched, run_to


def a_mix(**rates) -> FaultMix:
    return FaultMix(name="test", **rates)


def fails(call, *args) -> str:
    """The kind of error a call ends with, or "done"."""
    try:
        call(*args)
    except ProviderError as error:
        return type(error).__name__
    return "done"


def test_a_timeout_before_the_effect_makes_nothing_and_one_after_it_makes_the_machine():
    before, after = (a_cloud(faults=a_mix(**{name: 1.0})) for name in ("timeout_before", "timeout_after"))
    for cloud in (before, after):
        with pytest.raises(Temporary, match="timed out"):
            cloud.launch(an_order())
    assert (len(before.truth), len(after.truth)) == (0, 1)


def test_a_termination_that_timed_out_after_its_effect_has_ended_the_machine():
    cloud = a_cloud()
    machine = cloud.launch(an_order())
    cloud.fail_next("terminate", Temporary("timeout"), after=True)
    with pytest.raises(Temporary):
        cloud.terminate(machine.id)
    assert cloud.truth[0].ended_s == 0.0


def test_a_refusal_hidden_by_a_timeout_is_told_as_a_timeout():
    cloud = a_cloud(a_pool(quota=0), faults=a_mix(timeout_after=1.0))
    with pytest.raises(Temporary):
        cloud.launch(an_order())
    assert cloud.truth == []


@pytest.mark.parametrize("name", ["timeout_before", "server_error", "rate_limited", "timeout_after"])
def test_a_fault_of_one_in_five_calls_happens_in_about_one_of_five(name):
    cloud = a_cloud(faults=a_mix(**{name: 0.2}))
    said = Counter(fails(cloud.machines) for _ in range(2000))
    assert 340 <= said["Temporary"] <= 460
    assert said["done"] == 2000 - said["Temporary"]


def test_one_fault_switched_off_does_not_shift_the_others():
    def refused(**rates) -> list[int]:
        cloud = a_cloud(faults=a_mix(server_error=0.2, **rates))
        return [number for number in range(300) if "503" in said(cloud)]

    def said(cloud: SimulatedCloud) -> str:
        try:
            cloud.machines()
        except Temporary as error:
            return str(error)
        return ""

    alone = refused()
    assert set(refused(rate_limited=0.2)) == set(alone)
    assert set(refused(stale_list=0.5, partial_list=0.5)) == set(alone)


def test_lead_times_are_the_same_with_and_without_faults():
    pool = a_pool(lead_times_s=tuple(float(second) for second in range(30, 300)))

    def leads(mix: FaultMix) -> list[float]:
        cloud = a_cloud(pool, faults=mix)
        ran: list[float] = []
        cloud.on_running = lambda truth: ran.append(cloud._timeline.now_s)
        for number in range(20):
            while fails(cloud.launch, an_order(f"k{number}")) != "done":
                pass
        run_to(cloud, 400)
        return ran

    assert leads(a_mix()) == leads(a_mix(server_error=0.3, rate_limited=0.3, partial_list=0.5, breaks_per_hour=0.001))


def test_a_stale_list_says_its_time_and_shows_what_was_there_then():
    cloud = a_cloud(faults=a_mix(stale_list=1.0, stale_most_s=100.0))
    for number in range(10):
        run_to(cloud, number * 50.0)
        cloud.launch(an_order(f"k{number}"))
    ages = set()
    for _ in range(100):
        listing = cloud.machines()
        age_s = cloud._timeline.now_s - (listing.as_of - cloud._timeline.start).total_seconds()
        assert 0 <= age_s <= 100
        assert len(listing.machines) == 10 - -(-age_s // 50)
        ages.add(round(age_s))
    assert len(ages) > 30


def test_a_partial_list_lacks_a_page_and_says_so():
    cloud = a_cloud(faults=a_mix(partial_list=1.0))
    launched(cloud, 5)
    sizes = set()
    for _ in range(50):
        listing = cloud.machines()
        assert not listing.is_complete
        sizes.add(len(listing.machines))
    assert sizes == {2, 3}


def test_a_new_machine_is_invisible_for_a_while_and_cannot_be_ended_meanwhile():
    cloud = a_cloud(faults=a_mix(visible_after_most_s=60.0))
    machine = cloud.launch(an_order())
    assert cloud.machines().machines == ()
    with pytest.raises(NodeNotFound):
        cloud.terminate(machine.id)
    assert cloud.truth[0].is_held
    assert cloud.launch(an_order()).id == machine.id  # its key is known at once
    run_to(cloud, 60)
    assert [one.id for one in cloud.machines().machines] == [machine.id]


def test_an_ended_machine_is_listed_as_running_for_a_while_and_never_comes_back_after_that():
    cloud = a_cloud(faults=a_mix(visible_after_most_s=60.0), stopping_s=20.0, listed_gone_s=300.0)
    machine = cloud.launch(an_order())
    run_to(cloud, 200)
    cloud.terminate(machine.id)
    seen = []
    for second in range(200, 600, 2):
        run_to(cloud, second)
        seen.append(next((one.state.value for one in cloud.machines().machines), "absent"))
    assert seen[0] == "running"
    assert [state for n, state in enumerate(seen) if n == 0 or state != seen[n - 1]] in (
        ["running", "stopping", "gone", "absent"],
        ["running", "gone", "absent"],
    )


def test_a_machine_that_never_boots_stays_pending_and_bills():
    cloud = a_cloud(a_pool(tariff=a_tariff("0.36")), faults=a_mix(never_boots=1.0))
    cloud.launch(an_order())
    run_to(cloud, 3600)
    assert [one.state for one in cloud.machines().machines] == [MachineState.PENDING]
    assert cloud.bill_usd() == Decimal("0.36")


def test_a_node_that_breaks_stops_serving_and_its_machine_runs_on_and_bills():
    cloud = a_cloud(a_pool(tariff=a_tariff("0.36")), faults=a_mix(breaks_per_hour=4.0))
    broken: list[MachineTruth] = []
    cloud.on_break = broken.append
    launched(cloud, 20)
    run_to(cloud, 7200)
    assert len(broken) == 20  # e^-8 of them would hold two hours
    assert {one.state for one in cloud.machines().machines} == {MachineState.RUNNING}
    assert cloud.bill_usd() == 20 * Decimal("0.72")


def test_a_node_that_was_ended_before_it_would_have_broken_does_not_break():
    cloud = a_cloud(faults=a_mix(breaks_per_hour=4.0))
    broken: list[MachineTruth] = []
    cloud.on_break = broken.append
    for machine in launched(cloud, 20):
        cloud.terminate(machine.id)
    run_to(cloud, 7200)
    assert broken == []


def test_a_missing_notice_never_comes_and_a_late_one_leaves_a_tenth_of_the_time():
    pool = a_pool(stock=(Stock(start_s=1000, end_s=2000, nodes=0),), notice_s=120.0)

    def told_at(mix: FaultMix) -> list[float]:
        cloud = a_cloud(pool, faults=mix)
        launched(cloud, 1)
        found = []
        for second in range(860, 1000):
            run_to(cloud, second)
            if cloud.machines().machines[0].taken_back_at is not None:
                found.append(cloud._timeline.now_s)
        run_to(cloud, 1000)
        assert cloud.truth[0].was_taken_back
        return found[:1]

    assert told_at(a_mix()) == [880.0]
    assert told_at(a_mix(notice_late=1.0)) == [988.0]
    assert told_at(a_mix(notice_missing=1.0)) == []


def test_capacity_is_refused_now_and_then_although_there_is_stock():
    cloud = a_cloud(faults=a_mix(extra_no_capacity=0.5))
    said = Counter(fails(cloud.launch, an_order(f"k{number}")) for number in range(200))
    assert set(said) == {"done", "CapacityUnavailable"}
    assert 70 <= said["done"] == len(cloud.truth) <= 130
    assert cloud.refused == said["CapacityUnavailable"]


def test_a_change_told_twice_lists_the_machine_twice_with_its_former_row_before_or_after():
    cloud = a_cloud(faults=a_mix(duplicate_event=1.0))
    launched(cloud, 20)
    run_to(cloud, 100)
    listed = cloud.machines().machines
    assert Counter(one.state.value for one in listed) == {"pending": 20, "running": 20}
    first = {one.id: one.state.value for one in reversed(listed)}
    assert set(first.values()) == {"pending", "running"}  # out of order for some of them
    run_to(cloud, 160)
    assert Counter(one.state.value for one in cloud.machines().machines) == {"running": 20}


def test_in_an_outage_every_call_to_the_provider_fails_and_after_it_none():
    cloud = a_cloud(faults=a_mix(outage_per_day=24.0, outage_most_s=1200.0))
    outcomes = []
    for minute in range(24 * 60):
        run_to(cloud, minute * 60.0)
        kinds = {fails(cloud.machines), fails(cloud.launch, an_order("k1")), fails(cloud.terminate, "none")}
        outcomes.append("out" if kinds == {"Temporary"} else "on" if kinds == {"done", "NodeNotFound"} else "mixed")
    assert "mixed" not in outcomes
    assert 100 <= outcomes.count("out") <= 400  # about 24 x 10 minutes, fewer because one waits for the other's end
    assert len(cloud.truth) == 1


# --- all at once

RATES = ("timeout_before", "timeout_after", "server_error", "rate_limited", "stale_list", "partial_list")
MORE = ("extra_no_capacity", "never_boots", "notice_missing", "notice_late", "duplicate_event")
probability = st.sampled_from([0.0, 0.0, 0.05, 0.3, 0.7])
mixes = st.builds(
    FaultMix,
    name=st.just("drawn"),
    **dict.fromkeys((*RATES, *MORE), probability),
    visible_after_most_s=st.sampled_from([0.0, 45.0]),
    breaks_per_hour=st.sampled_from([0.0, 3.0]),
    outage_per_day=st.sampled_from([0.0, 30.0]),
)
STOCK = (
    Stock(start_s=900, end_s=1500, nodes=3),
    Stock(start_s=1500, end_s=2100, nodes=0),
    Stock(start_s=2100, end_s=3000, nodes=6),
    Stock(start_s=3000, end_s=3300, nodes=2),
)
PRICES = ((700.0, Decimal("0.5")), (1850.0, Decimal("0.2")), (2999.5, Decimal("0.9")))


def a_storm(mix: FaultMix, seed: int) -> tuple[SimulatedCloud, list[str]]:
    """A cloud after an hour of orders, repeats and ends by a careless caller, and all that it said."""
    tariff = replace(a_tariff("0.3"), is_spot=True)
    pool = a_pool(
        tariff=tariff, stock=STOCK, prices_usd_hour=PRICES, notice_s=120.0, rebalance_s=300.0, quota=8,
        lead_times_s=(31.0, 45.0, 90.0),
    )  # fmt: skip
    cloud = a_cloud(pool, seed=seed, faults=mix)
    caller, log = Random(seed + 1), []
    for tick in range(120):
        run_to(cloud, tick * 30.0)
        log.append(fails(cloud.launch, an_order(f"k{caller.randrange(30)}")))
        if caller.random() < 0.2 and cloud.truth:
            log.append(fails(cloud.terminate, caller.choice(cloud.truth).id))
        try:
            log.append(repr(cloud.machines()))
        except ProviderError as error:
            log.append(str(error))
    return cloud, log


@given(mix=mixes, seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_a_key_never_makes_two_machines_and_no_limit_is_passed_under_any_faults(mix, seed):
    cloud, _ = a_storm(mix, seed)
    keys = [truth.key for truth in cloud.truth]
    assert len(keys) == len(set(keys))
    for moment in range(0, 3600, 10):
        held = sum(truth.created_s <= moment < (truth.ended_s or 1e9) for truth in cloud.truth)
        stock = next((window.nodes for window in STOCK if window.start_s <= moment < window.end_s), 8)
        assert held <= min(stock, 8)


@given(mix=mixes, seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_the_bill_is_the_sum_of_the_charges_second_by_second(mix, seed):
    cloud, _ = a_storm(mix, seed)

    def price(second: float) -> Decimal:
        return [usd for at_s, usd in ((0.0, Decimal("0.3")), *PRICES) if at_s <= second][-1]

    expected = Decimal(0)
    for truth in cloud.truth:
        held_s = (cloud._timeline.now_s if truth.ended_s is None else truth.ended_s) - truth.created_s
        if held_s == 0 or (truth.was_taken_back and held_s < 3600):
            continue
        halves = range(2 * int(max(MIN_BILLED_SECONDS, held_s)))  # prices change at half seconds
        expected += sum((price(truth.created_s + half / 2) / 7200 for half in halves), Decimal(0))
    assert float(cloud.bill_usd()) == pytest.approx(float(expected), abs=1e-9)


@given(mix=mixes, seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_the_same_seed_gives_the_same_bytes(mix, seed):
    one, said = a_storm(mix, seed)
    other, again = a_storm(mix, seed)
    assert said == again
    assert repr(one.truth) == repr(other.truth)


@given(mix=mixes, seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_lists_that_say_they_are_whole_show_every_machine_but_those_too_new(mix, seed):
    cloud, _ = a_storm(mix, seed)
    for _ in range(20):
        try:
            listing = cloud.machines()
        except Temporary:
            continue
        as_of_s = (listing.as_of - cloud._timeline.start).total_seconds()
        shown = {machine.id for machine in listing.machines}
        oldest_hidden_s = as_of_s - mix.visible_after_most_s
        due = {one.id for one in cloud.truth if one.is_held and one.created_s <= oldest_hidden_s}
        assert not listing.is_complete or due <= shown


def test_every_fault_of_a_cloud_is_known_here():
    elsewhere = {"name", "crash", "stale_most_s", "outage_most_s"}  # a label, the loop's own, and sizes of spells
    metrics = {one.name for one in fields(FaultMix) if one.name.startswith("metrics_")}  # the serving side's
    known = {*RATES, *MORE, "visible_after_most_s", "breaks_per_hour", "outage_per_day"}
    assert {one.name for one in fields(FaultMix)} == known | elsewhere | metrics


def test_without_faults_calls_fail_only_for_reasons_of_stock():
    cloud, said = a_storm(a_mix(), 0)
    assert len(cloud.truth) > 15
    assert sum(truth.was_taken_back for truth in cloud.truth) > 5
    assert {one for one in said if not one.startswith("Listing")} == {"done", "CapacityUnavailable", "NodeNotFound"}
