"""A serving side that is read truly and changed not at all: what a dry run is handed instead of the real one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.fleet import Node
from autoscaler.serving.serving import Readings, RoutingNotDone, Serving, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunServing:
    """The readings of another serving side, and no calls that change anything."""

    observed: Serving

    def read(self) -> Readings:
        """What the observed side says."""
        return self.observed.read()

    def stop_routing(self, node_id: str) -> None:
        """Raises RoutingNotDone."""
        raise RoutingNotDone(f"dry run: would send {node_id} no new work")

    def resume_routing(self, node_id: str) -> None:
        """Raises RoutingNotDone."""
        raise RoutingNotDone(f"dry run: would send {node_id} work again")

    def follow(self, nodes: Sequence[Node]) -> None:
        """Nothing but which nodes there are, told to a side that knows no other way to find them."""
        self.know(nodes)

    def know(self, nodes: Sequence[Node]) -> None:
        """Tells the observed side, if it finds no nodes by itself."""
        if isinstance(self.observed, Told):
            self.observed.know(nodes)
