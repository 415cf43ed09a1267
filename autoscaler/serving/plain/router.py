"""Router: who sends requests to the nodes of a plain fleet, in our words. Pure: values and the protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoscaler.fleet import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One node that may be sent requests for its model."""

    node_id: str
    model: str
    pool: str
    host_port: str
    """Such as 10.0.0.7:8000 or [fd00::7]:8000."""

    @property
    def url(self) -> str:
        """Where its OpenAI interface begins."""
        return f"http://{self.host_port}/v1"


def host_port_of(address: str, port: int) -> str:
    """An address with a port: its own where it has one, else `port`; IPv6 in brackets."""
    if address.startswith("["):
        return address if "]:" in address else f"{address}:{port}"
    if address.count(":") > 1:
        return f"[{address}]:{port}"
    return address if ":" in address else f"{address}:{port}"


def endpoint_of(node: Node, port: int) -> Endpoint | None:
    """The endpoint of a node; None: its address is not known."""
    if node.address is None:
        return None
    return Endpoint(node_id=node.id, model=node.model, pool=node.pool, host_port=host_port_of(node.address, port))


class Router(Protocol):
    """A list of endpoints that requests are sent to. Entries that are not of our fleet are never touched."""

    def keep(self, endpoints: Sequence[Endpoint], *, also: frozenset[str] = frozenset()) -> None:
        """Makes our part of the list these, and of the nodes in `also` what it has; done again, it changes nothing.

        Raises ServingError.
        """
        ...

    def add(self, endpoint: Endpoint) -> None:
        """Adds one, at once. Raises ServingError."""
        ...

    def remove(self, node_id: str) -> None:
        """Takes a node out, at once; done where it is not in. Raises ServingError."""
        ...

    def close(self) -> None:
        """Lets go of connections."""
        ...
