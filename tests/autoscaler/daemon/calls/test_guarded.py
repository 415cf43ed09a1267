"""Calls that end in time, are made by the leader alone and tell no secrets."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from autoscaler.daemon.calls.budget import Budget
from autoscaler.daemon.calls.guarded import GuardedProvider, GuardedServing, begin_all
from autoscaler.daemon.calls.lane import Lane
from autoscaler.daemon.calls.reign import NotLeading
from autoscaler.providers.provider import (
    CapacityUnavailable,
    NodeNotFound,
    NotDone,
    Order,
    Permanent,
    ProviderError,
    Temporary,
)
from autoscaler.serving.serving import RoutingNotDone, ServingError
from tests.autoscaler.daemon.clocks import START, SetClock
from tests.autoscaler.daemon.hanging import Hanging, HangingServing

SHORT_S = 0.02
"""Real time: a call that hangs is given up after it."""
LONG_S = 30.0
"""Real time, never waited for: the call returns at once."""
SECRET = "hunter-2-hunter-2"
ORDER = Order(key="k1", node_id="k1", fleet="blue", pool="aws/m", model="chat")


def clean(text: str) -> str:
    return text.replace(SECRET, "***")


def leads(needs_s: float) -> None:
    del needs_s


def guarded(cloud: Hanging, timeout_s: float = SHORT_S, hold: Callable[[float], None] = leads) -> GuardedProvider:
    clock = SetClock()
    return GuardedProvider(
        provider=cloud,
        lane=Lane(cloud.name, clock.monotonic_s),
        budget=Budget(clock.monotonic_s, timeout_s),
        hold=hold,
        clean=clean,
    )


def guarded_serving(side: HangingServing, timeout_s: float = SHORT_S) -> GuardedServing:
    clock = SetClock()
    return GuardedServing(
        serving=side,
        lane=Lane("serving", clock.monotonic_s),
        budget=Budget(clock.monotonic_s, timeout_s),
        hold=leads,
        clean=clean,
    )


def wait_for(*threads_of: str) -> None:
    """Until the threads of these lanes have ended."""
    for thread in threading.enumerate():
        if any(thread.name.startswith(f"{name}: ") for name in threads_of):
            thread.join(LONG_S)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    cloud = Hanging()
    yield cloud
    cloud.gate.set()
    wait_for(cloud.name)


def test_a_list_that_hangs_is_temporary_and_the_next_question_is_answered_at_once(hanging: Hanging) -> None:
    provider = guarded(hanging)
    with pytest.raises(Temporary, match="no answer to its list within 0 s"):
        provider.machines()
    patient = guarded(hanging, LONG_S)
    patient.lane, patient._call, patient._was_cut_off = provider.lane, provider._call, True
    with pytest.raises(Temporary, match="still waiting for its list"):
        patient.machines()  # with 30 s to wait, had it been a new call
    assert hanging.calls == ["list"]


def test_never_two_calls_at_once_to_one_provider(hanging: Hanging) -> None:
    provider = guarded(hanging)
    for _ in range(3):
        provider.begin_list()
        with pytest.raises(Temporary):
            provider.machines()
        with pytest.raises(Temporary, match="still waiting for its list"):
            provider.launch(ORDER)
        with pytest.raises(Temporary, match="still waiting for its list"):
            provider.terminate("i-1")
    assert hanging.calls == ["list"]
    assert hanging.most_running == 1


def test_one_that_hangs_does_not_keep_the_others_waiting(hanging: Hanging) -> None:
    swift = Hanging(name="ovh")
    swift.gate.set()
    stuck, other = guarded(hanging), guarded(swift, LONG_S)
    side = HangingServing()
    side.gate.set()
    begin_all([stuck, other], guarded_serving(side, LONG_S))
    assert other.machines().provider == "ovh"
    with pytest.raises(Temporary):
        stuck.machines()
    wait_for("ovh", "serving")
    assert side.calls == ["read"]


def test_a_list_that_came_late_is_used_where_the_next_is_late_too(hanging: Hanging) -> None:
    hanging.as_of = START + timedelta(seconds=7)
    provider = guarded(hanging)
    with pytest.raises(Temporary):
        provider.machines()
    hanging.gate.set()
    wait_for("aws")
    hanging.gate = threading.Event()  # and the next one hangs again
    provider.begin_list()
    assert provider.machines().as_of == START + timedelta(seconds=7)
    with pytest.raises(Temporary):
        provider.machines()  # it is given once: how old it is only its reader knows
    hanging.gate.set()


def test_a_launch_that_was_cut_off_is_asked_again_with_its_key(hanging: Hanging) -> None:
    provider = guarded(hanging)
    with pytest.raises(Temporary, match="no answer to the launch of k1"):
        provider.launch(ORDER)
    hanging.gate.set()
    wait_for("aws")
    patient = guarded(hanging, LONG_S)
    assert patient.launch(ORDER).node_id == "k1"
    assert hanging.calls == ["launch k1", "launch k1"]


def test_without_the_lease_nothing_is_called(hanging: Hanging) -> None:
    def lost(needs_s: float) -> None:
        raise NotLeading(f"not done, {needs_s:.0f} s are needed")

    hanging.gate.set()
    provider = guarded(hanging, LONG_S, lost)
    with pytest.raises(Temporary, match="not done, 30 s are needed"):
        provider.launch(ORDER)
    with pytest.raises(Temporary, match="not done"):
        provider.terminate("i-1")
    assert hanging.calls == []
    assert provider.machines().machines == ()  # looking is free


def test_without_the_lease_the_serving_side_is_read_and_not_changed() -> None:
    def lost(needs_s: float) -> None:
        raise NotLeading(f"not done, {needs_s:.0f} s are needed")

    side = HangingServing()
    side.gate.set()
    serving = guarded_serving(side, LONG_S)
    serving.hold = lost
    changes: list[Callable[[], None]] = [
        lambda: serving.stop_routing("n1"),
        lambda: serving.resume_routing("n1"),
        lambda: serving.follow(()),
    ]
    for change in changes:
        with pytest.raises(ServingError, match="not done, 30 s are needed"):
            change()
    serving.read()
    assert side.calls == ["read"]


def test_once_the_time_of_the_tick_is_used_up_nothing_is_called(hanging: Hanging) -> None:
    hanging.gate.set()
    provider = guarded(hanging, LONG_S)
    provider.budget.begin(0.5)  # less than the least a call is begun with
    with pytest.raises(Temporary, match="the time of this tick is used up"):
        provider.launch(ORDER)
    assert hanging.calls == []


def test_a_call_gets_no_longer_than_the_tick_has_left() -> None:
    clock = SetClock()
    budget = Budget(clock.monotonic_s, 25.0)
    budget.begin(40.0)
    assert budget.for_call_s() == 25.0
    clock.seconds = 30.0
    assert budget.for_call_s() == 10.0
    clock.seconds = 39.5
    assert budget.for_call_s() == 0.0


SORTS = {
    "capacity": (CapacityUnavailable, CapacityUnavailable),
    "gone": (NodeNotFound, NodeNotFound),
    "permanent": (Permanent, Permanent),
    "dry run": (NotDone, NotDone),
    "temporary": (Temporary, Temporary),
    "of no sort": (ProviderError, Temporary),
    "a bug": (KeyError, Temporary),
    "the network": (OSError, Temporary),
}


@pytest.mark.parametrize(("raised", "seen"), list(SORTS.values()), ids=list(SORTS))
def test_every_error_keeps_its_sort_and_loses_its_secrets(
    hanging: Hanging, raised: type[Exception], seen: type[Exception]
) -> None:
    hanging.error = raised(f"token {SECRET} is not valid")
    hanging.gate.set()
    provider = guarded(hanging, LONG_S)
    for call in (provider.machines, lambda: provider.launch(ORDER), lambda: provider.terminate("i-1")):
        with pytest.raises(seen) as caught:
            call()
        assert SECRET not in str(caught.value)
        assert "***" in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_serving_side_that_hangs_is_a_serving_error_and_no_second_call() -> None:
    side = HangingServing()
    serving = guarded_serving(side)
    serving.begin_read()
    with pytest.raises(ServingError, match="no answer to its readings"):
        serving.read()
    with pytest.raises(ServingError, match="still waiting for its readings"):
        serving.stop_routing("n1")
    assert side.calls == ["read"]
    side.gate.set()
    wait_for("serving")


@pytest.mark.parametrize("raised", [ServingError, RoutingNotDone, ValueError], ids=str)
def test_errors_of_the_serving_side_are_clean(raised: type[Exception]) -> None:
    side = HangingServing(error=raised(SECRET))
    side.gate.set()
    serving = guarded_serving(side, LONG_S)
    expected = RoutingNotDone if raised is RoutingNotDone else ServingError
    for call in (serving.read, lambda: serving.stop_routing("n1"), lambda: serving.follow(())):
        with pytest.raises(expected) as caught:
            call()
        assert SECRET not in str(caught.value)
    wait_for("serving")
