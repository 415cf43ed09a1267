"""What every provider must do, whatever cloud it speaks to: a suite that each provider's tests inherit.

A subclass says how to make the provider, an order, time pass, and a machine of somebody else in the account.
"""

import pytest

from autoscaler.providers.provider import (
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Order,
    Permanent,
    Provider,
)

ENDED = (MachineState.STOPPING, MachineState.GONE)


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

    lead_s = 600.0
    """An ordered machine runs after this long at the latest."""
    gone_s = 7200.0
    """An ended machine has left the lists after this long at the latest."""

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
        self.wait(self.lead_s)
        assert [one.state for one in rows(provider.machines(), machine.id)] == [MachineState.RUNNING]

    def test_the_same_key_never_makes_a_second_machine(self, provider):
        first = provider.launch(self.order("k1"))
        again = provider.launch(self.order("k1"))
        assert again.id == first.id
        assert len(provider.machines().machines) == 1

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
        assert [one.state in ENDED for one in rows(provider.machines(), machine.id)] == [True]

    def test_a_terminated_machine_is_never_again_pending_or_running_and_leaves_the_lists(self, provider):
        machine = provider.launch(self.order("k1"))
        self.wait(self.lead_s)
        provider.terminate(machine.id)
        assert all(one.state in ENDED for one in rows(provider.machines(), machine.id))
        self.wait(self.gone_s)
        assert rows(provider.machines(), machine.id) == []

    def test_ending_twice_is_no_error_while_the_machine_is_listed(self, provider):
        machine = provider.launch(self.order("k1"))
        provider.terminate(machine.id)
        provider.terminate(machine.id)
        assert all(one.state in ENDED for one in rows(provider.machines(), machine.id))

    def test_ending_what_does_not_exist_says_so(self, provider):
        with pytest.raises(NodeNotFound):
            provider.terminate("no-such-machine")

    def test_a_machine_of_others_is_listed_without_our_tag_and_left_alone(self, provider):
        foreign = self.add_foreign()
        ours = provider.launch(self.order("k1"))
        provider.terminate(ours.id)
        self.wait(self.gone_s)
        (listed,) = rows(provider.machines(), foreign)
        assert listed.node_id is None
        assert listed.state is MachineState.RUNNING

    def test_a_list_says_its_provider_and_that_it_is_whole(self, provider):
        listing = provider.machines()
        assert listing.provider == provider.name
        assert listing.is_complete
        assert listing.as_of.tzinfo is not None


def rows(listing: Listing, machine_id: str) -> list[Machine]:
    """The rows of one machine."""
    return [machine for machine in listing.machines if machine.id == machine_id]
