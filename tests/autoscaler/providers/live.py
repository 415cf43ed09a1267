"""The contract on a real account: what keeps it cheap, and what leaves nothing behind.

Each test has a fleet of its own, so that it sees its own machines alone. Every order counts as a started hour before it
is sent, and beyond the cap none is sent. After each test everything of its fleet is ended, and the test fails, naming
the machines, where that cannot be seen to have happened.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from autoscaler.providers.provider import (
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Order,
    Provider,
    ProviderError,
    Temporary,
)
from tests.autoscaler.providers.contract import ProviderContract

MAX_USD = Decimal(os.environ.get("BASELOAD_LIVE_MAX_USD", "1"))
"""Most that one run may spend on one provider."""
ALIVE = (MachineState.PENDING, MachineState.RUNNING)
POLL_S = 5.0


@dataclass(slots=True)
class Purse:
    """What a run has spent at most."""

    usd_hour: Decimal
    max_usd: Decimal = MAX_USD
    spent_usd: Decimal = Decimal(0)
    keys: set[str] = field(default_factory=set)

    def pay(self, key: str) -> None:
        """Counts a started hour for a key it has not seen; ends the test where that is more than the cap."""
        if key in self.keys:
            return
        if self.spent_usd + self.usd_hour > self.max_usd:
            pytest.fail(f"the cap of {self.max_usd} USD is reached (BASELOAD_LIVE_MAX_USD)")
        self.keys.add(key)
        self.spent_usd += self.usd_hour


@dataclass(slots=True)
class Capped:
    """A provider whose launches are paid from a purse."""

    inner: Provider
    purse: Purse

    @property
    def name(self) -> str:
        return self.inner.name

    def machines(self) -> Listing:
        return self.inner.machines()

    def launch(self, order: Order) -> Machine:
        self.purse.pay(order.key)
        return self.inner.launch(order)

    def terminate(self, machine_id: str) -> None:
        self.inner.terminate(machine_id)


def a_fleet() -> str:
    """The name of a fleet that nobody has."""
    return f"live-{secrets.token_hex(4)}"


def clean_up(provider: Provider, fleet: str, sleep: Callable[[float], None], *, tries: int = 60) -> None:
    """Ends everything of the fleet, and fails where a complete list still shows some of it alive."""
    alive: list[str] = []
    for _ in range(tries):
        try:
            listing = provider.machines()
            alive = [one.id for one in listing.machines if one.fleet == fleet and one.state in ALIVE]
            if not alive and listing.is_complete:
                return
            for machine_id in alive:
                _end(provider, machine_id)
        except Temporary:
            pass
        sleep(POLL_S)
    pytest.fail(f"{provider.name}: left behind, please end by hand: {', '.join(alive) or f'what has the tag {fleet}'}")


def _end(provider: Provider, machine_id: str) -> None:
    try:
        provider.terminate(machine_id)
    except (NodeNotFound, Temporary):
        pass
    except ProviderError as error:
        pytest.fail(f"{provider.name}: {machine_id} is left behind, please end it by hand: {error}")


class LiveContract(ProviderContract):
    """Inherit beside what makes the provider; each test has a fleet of its own."""

    lead_s = 300.0
    gone_s = 600.0
    fleet: str
    sleep: Callable[[float], None]
    capped: Capped
    foreign: list[str]
    """Machines that were made without our tag."""

    def live(self, make: Callable[[], Provider], purse: Purse, sleep: Callable[[float], None]) -> Iterator[Provider]:
        """The provider of a new fleet, for a fixture; afterwards all that was made is ended."""
        self.fleet, self.sleep, self.foreign = a_fleet(), sleep, []
        self.capped = Capped(make(), purse)
        yield self.capped
        for machine_id in self.foreign:
            self.end_foreign(machine_id)
        clean_up(self.capped, self.fleet, self.sleep)

    def end_foreign(self, machine_id: str) -> None:
        """Ends a machine without our tag, past the provider."""
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        self.sleep(seconds)

    def wait_until(self, is_so: Callable[[], bool], within_s: float) -> None:
        waited_s = 0.0
        while not is_so() and waited_s < within_s:
            self.sleep(POLL_S)
            waited_s += POLL_S


class OnADouble(LiveContract):
    """The same on a double, where it must hold that nothing is ordered beyond the cap."""

    def held(self) -> int:
        """Machines that bill."""
        raise NotImplementedError

    def test_beyond_the_cap_nothing_is_ordered(self, provider: Provider) -> None:
        self.capped.purse.max_usd = Decimal("0.02")
        for key in ("k1", "k2", "k1"):
            provider.launch(self.order(key, key))
        with pytest.raises(pytest.fail.Exception, match=r"cap of 0\.02 USD"):
            provider.launch(self.order("k3", "k3"))
        assert self.held() == 2
