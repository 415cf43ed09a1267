"""What every provider must do, whatever cloud it speaks to: suites that each provider's tests inherit.

- ProviderContract: what can be seen in any account, a real one too (`--live`).
- ProviderFaults: the same and what goes wrong, against a double of the cloud that can be told to fail.
- ProviderPages: lists that come in pages, for clouds that have them; inherited beside ProviderFaults.

A subclass says how to make the provider, an order, time pass, a machine of somebody else, and how to break things.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import pytest

from autoscaler.providers.provider import (
    CapacityUnavailable,
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Order,
    Permanent,
    Provider,
    ProviderError,
    Temporary,
)

ENDED = (MachineState.STOPPING, MachineState.GONE)

Fault = Literal[
    "timeout before",  # the call breaks off and nothing happened
    "timeout after",  # the call breaks off and it happened
    "server error",  # 5xx, and nothing happened
    "rate limit",  # too many requests, and nothing happened
    "out of stock",
    "quota",  # the account may hold no more
    "auth",  # credentials are refused
    "broken page",  # the first page of the list is answered, a later one is not
]
Call = Literal["machines", "launch", "terminate"]
NOTHING_HAPPENED: tuple[Fault, ...] = ("timeout before", "server error", "rate limit")
CALLS: tuple[Call, ...] = ("machines", "launch", "terminate")


class ProviderContract:
    """Inherit as `class TestX(ProviderContract)`."""

    @pytest.fixture
    def provider(self) -> Provider:
        raise NotImplementedError

    def order(self, key: str, node_id: str | None = None) -> Order:
        """An order of a pool with stock."""
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        """Lets that long pass at the provider."""
        raise NotImplementedError

    def add_foreign(self) -> str:
        """Puts a machine without our tag into the account and returns its id."""
        raise NotImplementedError

    def is_running(self, provider: Provider, foreign: str) -> bool:
        """Whether a machine of others runs; asked of the cloud where the provider lists only what is ours."""
        return states(provider, foreign) == [MachineState.RUNNING]

    def wait_until(self, is_so: Callable[[], bool], within_s: float) -> None:
        """Lets time pass until it is so, or `within_s` at the most; where clocks are arguments, all of it at once."""
        self.wait(within_s)

    lead_s = 600.0
    """An ordered machine runs after this long at the latest."""
    gone_s = 7200.0
    """An ended machine has left the lists after this long at the latest."""
    unknown_ids: tuple[str, ...] = ("no-such-machine",)
    """Ids that no machine has; one that looks like the cloud's own among them."""

    def test_a_launched_machine_is_listed_with_its_tags(self, provider):
        order = self.order("k1")
        machine = provider.launch(order)
        (listed,) = rows(provider.machines(), machine.id)
        assert (listed.node_id, listed.fleet, listed.pool, listed.model) == (
            order.node_id,
            order.fleet,
            order.pool,
            order.model,
        )
        assert listed.state in (MachineState.PENDING, MachineState.RUNNING)
        assert listed.created_at.tzinfo is not None

    def test_a_launched_machine_runs_within_its_lead_time(self, provider):
        machine = provider.launch(self.order("k1"))
        self.wait_until(lambda: states(provider, machine.id) == [MachineState.RUNNING], self.lead_s)
        assert states(provider, machine.id) == [MachineState.RUNNING]

    def test_the_same_key_never_makes_a_second_machine(self, provider):
        first = provider.launch(self.order("k1"))
        again = provider.launch(self.order("k1"))
        assert again.id == first.id
        assert [one.id for one in ours(provider, self.order("k1"))] == [first.id]

    def test_another_key_makes_another_machine(self, provider):
        assert provider.launch(self.order("k1", "n1")).id != provider.launch(self.order("k2", "n2")).id

    def test_a_key_with_another_order_is_refused_for_good(self, provider):
        provider.launch(self.order("k1", "n1"))
        with pytest.raises(Permanent):
            provider.launch(self.order("k1", "n2"))

    def test_the_key_of_an_ended_machine_makes_no_new_one(self, provider):
        machine = provider.launch(self.order("k1"))
        provider.terminate(machine.id)
        assert provider.launch(self.order("k1")).id == machine.id
        assert [state in ENDED for state in states(provider, machine.id)] == [True]

    def test_a_terminated_machine_is_never_again_pending_or_running_and_leaves_the_lists(self, provider):
        machine = provider.launch(self.order("k1"))
        self.wait_until(lambda: states(provider, machine.id) == [MachineState.RUNNING], self.lead_s)
        provider.terminate(machine.id)
        assert all(state in ENDED for state in states(provider, machine.id))
        self.wait_until(lambda: not states(provider, machine.id), self.gone_s)
        assert states(provider, machine.id) == []

    def test_ending_twice_is_no_error_while_the_machine_is_listed(self, provider):
        machine = provider.launch(self.order("k1"))
        provider.terminate(machine.id)
        provider.terminate(machine.id)
        assert all(state in ENDED for state in states(provider, machine.id))

    def test_ending_what_does_not_exist_says_so(self, provider):
        for unknown in self.unknown_ids:
            with pytest.raises(NodeNotFound):
                provider.terminate(unknown)

    def test_a_machine_of_others_is_never_listed_as_ours_and_is_left_alone(self, provider):
        foreign = self.add_foreign()
        ours = provider.launch(self.order("k1"))
        provider.terminate(ours.id)
        self.wait_until(lambda: not states(provider, ours.id), self.gone_s)
        assert all(one.fleet != self.order("k1").fleet for one in rows(provider.machines(), foreign))
        assert self.is_running(provider, foreign)

    def test_the_end_of_a_machine_of_others_is_refused_for_good(self, provider):
        foreign = self.add_foreign()
        with pytest.raises(Permanent):
            provider.terminate(foreign)
        assert self.is_running(provider, foreign)

    def test_a_list_says_its_provider_and_that_it_is_whole(self, provider):
        listing = provider.machines()
        assert listing.provider == provider.name
        assert listing.is_complete
        assert listing.as_of.tzinfo is not None


class ProviderFaults(ProviderContract):
    """What goes wrong, against a double that can be told to fail. Inherit as `class TestX(ProviderFaults)`."""

    secrets: tuple[str, ...] = ()
    """What no error may say: credentials, and what the start-up script holds."""
    asks_again_s: float = 0.0
    """Where the cloud knows no idempotency keys: a launch without an answer is asked for again after this long."""

    def break_next(self, fault: Fault, call: Call = "launch") -> None:
        """The provider's next `call` meets the fault, also where its client tries again within the call.

        Of a launch it is the request that makes the machine that fails, of a list any of its requests.
        """
        raise NotImplementedError

    def mend(self) -> None:
        """Nothing is broken from now on; for doubles that fail until they are told otherwise."""

    def appear_late(self, seconds: float) -> None:
        """Machines made from now on are in no list for up to that long."""
        raise NotImplementedError

    @pytest.mark.parametrize("fault", NOTHING_HAPPENED)
    def test_a_launch_that_failed_without_effect_may_be_tried_again_with_its_key(self, provider, fault):
        self.break_next(fault)
        with pytest.raises(Temporary):
            provider.launch(self.order("k1"))
        self.mend()
        assert ours(provider, self.order("k1")) == []
        self.wait(self.asks_again_s)
        machine = provider.launch(self.order("k1"))
        assert [one.id for one in ours(provider, self.order("k1"))] == [machine.id]

    def test_a_timeout_after_the_machine_was_made_and_the_same_key_gives_that_machine(self, provider):
        self.break_next("timeout after")
        with pytest.raises(Temporary):
            provider.launch(self.order("k1"))
        self.mend()
        (made,) = ours(provider, self.order("k1"))
        assert provider.launch(self.order("k1")).id == made.id
        assert [one.id for one in ours(provider, self.order("k1"))] == [made.id]

    @pytest.mark.parametrize("fault", ["out of stock", "quota"])
    def test_what_cannot_be_had_is_said_as_such_and_costs_nothing(self, provider, fault):
        self.break_next(fault)
        with pytest.raises(CapacityUnavailable):
            provider.launch(self.order("k1", "n1"))
        self.mend()
        assert ours(provider, self.order("k1")) == []
        machine = provider.launch(self.order("k2", "n2"))
        assert [one.id for one in ours(provider, self.order("k2"))] == [machine.id]

    @pytest.mark.parametrize("call", CALLS)
    def test_refused_credentials_are_for_good_and_said_of_every_call(self, provider, call):
        machine = provider.launch(self.order("k1", "n1"))
        self.break_next("auth", call)
        with pytest.raises(Permanent):
            self.do(provider, call, machine)
        self.mend()
        assert [state in ENDED for state in states(provider, machine.id)] == [False]

    @pytest.mark.parametrize("fault", NOTHING_HAPPENED)
    def test_a_list_that_fails_is_no_empty_list(self, provider, fault):
        machine = provider.launch(self.order("k1"))
        self.break_next(fault, "machines")
        with pytest.raises(Temporary):
            provider.machines()
        self.mend()
        assert len(states(provider, machine.id)) == 1

    @pytest.mark.parametrize("fault", NOTHING_HAPPENED)
    def test_an_end_that_failed_without_effect_may_be_asked_for_again(self, provider, fault):
        machine = provider.launch(self.order("k1"))
        self.break_next(fault, "terminate")
        with pytest.raises(Temporary):
            provider.terminate(machine.id)
        self.mend()
        assert [state in ENDED for state in states(provider, machine.id)] == [False]
        provider.terminate(machine.id)
        assert all(state in ENDED for state in states(provider, machine.id))

    def test_an_end_whose_answer_was_lost_may_be_asked_for_again(self, provider):
        machine = provider.launch(self.order("k1"))
        self.break_next("timeout after", "terminate")
        with pytest.raises(Temporary):
            provider.terminate(machine.id)
        self.mend()
        assert all(state in ENDED for state in states(provider, machine.id))
        with suppress(NodeNotFound):
            provider.terminate(machine.id)
        assert all(state in ENDED for state in states(provider, machine.id))

    def test_a_machine_that_appears_late_is_bought_once(self, provider):
        self.appear_late(60.0)
        machine = provider.launch(self.order("k1"))
        with suppress(Temporary):
            assert provider.launch(self.order("k1")).id == machine.id
        self.wait(self.lead_s)
        assert [one.id for one in ours(provider, self.order("k1"))] == [machine.id]

    def test_a_machine_that_appears_late_can_be_ended_once_it_appeared(self, provider):
        self.appear_late(60.0)
        machine = provider.launch(self.order("k1"))
        with suppress(NodeNotFound, Temporary):
            provider.terminate(machine.id)
        self.wait(self.lead_s)
        with suppress(NodeNotFound):
            provider.terminate(machine.id)
        self.wait(self.lead_s)
        assert all(state in ENDED for state in states(provider, machine.id))

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("fault", ["timeout before", "server error", "rate limit", "auth"])
    def test_no_error_says_a_secret(self, provider, call, fault):
        machine = provider.launch(self.order("k1", "n1"))
        self.break_next(fault, call)
        with pytest.raises(ProviderError) as raised:
            self.do(provider, call, machine)
        self.mend()
        text = "\n".join(chain(raised.value))
        assert provider.name in str(raised.value)
        assert [secret for secret in self.secrets if secret in text] == []

    def do(self, provider: Provider, call: Call, machine: Machine) -> None:
        """One call: a list, a launch of another order, or the end of the machine."""
        if call == "machines":
            provider.machines()
        elif call == "launch":
            provider.launch(self.order("another", "another"))
        else:
            provider.terminate(machine.id)


class ProviderPages(ProviderFaults):
    """Lists that come in pages. Inherit as `class TestX(ProviderPages)`."""

    page_size: int
    """Machines on one page at the most."""

    def fill(self, provider: Provider) -> set[str]:
        """Launches more machines than fit on two pages and returns their ids."""
        return {provider.launch(self.order(f"p{number}", f"p{number}")).id for number in range(2 * self.page_size + 1)}

    def test_a_list_of_several_pages_is_whole(self, provider):
        made = self.fill(provider)
        listing = provider.machines()
        assert listing.is_complete
        assert {machine.id for machine in listing.machines} == made
        assert len(listing.machines) == 2 * self.page_size + 1

    def test_a_list_that_lacks_a_page_says_so(self, provider):
        made = self.fill(provider)
        self.break_next("broken page", "machines")
        listing = provider.machines()
        self.mend()
        assert not listing.is_complete
        assert {machine.id for machine in listing.machines} < made
        assert len(listing.machines) >= self.page_size
        assert provider.machines().is_complete


def rows(listing: Listing, machine_id: str) -> list[Machine]:
    """The rows of one machine."""
    return [machine for machine in listing.machines if machine.id == machine_id]


def states(provider: Provider, machine_id: str) -> list[MachineState]:
    """What a list says of one machine; empty: it is not there."""
    return [machine.state for machine in rows(provider.machines(), machine_id)]


def ours(provider: Provider, order: Order) -> list[Machine]:
    """What a list shows of the order's fleet."""
    return [machine for machine in provider.machines().machines if machine.fleet == order.fleet]


def chain(error: BaseException | None) -> list[str]:
    """What an error says, and those it came from."""
    said = []
    while error is not None:
        said.append(f"{error!r} {error}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return said
