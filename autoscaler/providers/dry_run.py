"""A provider that observes truly and acts not at all: what a dry run is handed instead of the real one. Pure."""

from dataclasses import dataclass

from autoscaler.providers.provider import Listing, Machine, NotDone, Order, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunProvider:
    """The lists of another provider, and no calls that change anything."""

    observed: Provider

    @property
    def name(self) -> str:
        """The observed one's."""
        return self.observed.name

    def machines(self) -> Listing:
        """What the observed provider lists."""
        return self.observed.machines()

    def launch(self, order: Order) -> Machine:
        """Never a machine: raises NotDone."""
        raise NotDone(f"dry run: would launch {order.node_id} in {order.pool}")

    def terminate(self, machine_id: str) -> None:
        """Raises NotDone."""
        raise NotDone(f"dry run: would end machine {machine_id}")
