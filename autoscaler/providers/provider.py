"""Provider: what the loop needs of a cloud, in our words, and errors sorted by what to do next. Pure: values.

A provider never invents: a list that may be incomplete or old says so, and an error whose outcome is unknown says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from planner.errors import PlannerError


class MachineState(StrEnum):
    """What the provider says of a machine."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    """Its end was accepted; it may still bill."""
    GONE = "gone"
    """Ended, and still listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One node to launch."""

    key: str
    """Idempotency key, made from the intent: the same key never makes a second machine."""
    node_id: str
    """Name and tag of the machine."""
    fleet: str
    """Tag of our fleet."""
    pool: str
    model: str
    asked_at: datetime | None = field(default=None, compare=False)
    """When it was last asked for before, by this process or by one that ended; None: never. It may have happened then,
    and be in no list yet: a cloud that knows no idempotency keys waits before it asks again."""


UserData: TypeAlias = Callable[[Order], str]
"""The start-up script of an order's machine (cloud-init): how it joins and what it serves. It may hold a join token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What a node of a pool is, in its provider's words."""

    pool: str
    """Key of the pool, such as aws/r7a.4xlarge@us-east-1a/spot."""
    name: str
    """Such as r7a.4xlarge, b3-64, ccx43."""
    zone: str | None = None
    """None: wherever there is stock among the zones that are configured."""
    is_spot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine as its provider lists it."""

    id: str
    """The provider's own."""
    node_id: str | None
    """Our tag; None: not ours, never touched."""
    fleet: str | None
    pool: str
    model: str | None = None
    state: MachineState
    created_at: datetime
    """Billed from here."""
    is_base: bool = False
    taken_back_at: datetime | None = None
    """Notice: the provider takes it back then."""
    is_at_risk: bool = False
    """Rebalance advice."""
    is_broken: bool = False
    """Its provider says that it does not run and will not: it is to be ended before its launch timeout."""
    address: str | None = None
    """Where the node is reached by those who send it requests: a private address where it has one; None: not known."""
    instances: tuple[str, ...] | None = None
    """Of a pool of nodes: what runs in it now, by the ids that nodes of a cluster bear; None: it is one, by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The machines of one provider at one time."""

    provider: str
    as_of: datetime
    is_complete: bool
    """False: a page was missing; what is not listed may exist."""
    machines: tuple[Machine, ...]
    """A machine that changed while it was listed may be there twice, with its former row: the later state counts."""


class Provider(Protocol):
    """A cloud: list what is there, launch one, end one."""

    @property
    def name(self) -> str:
        """Such as aws."""
        ...

    def machines(self) -> Listing:
        """What has our fleet's tag, and others' perhaps; the caller filters by tag. Raises ProviderError."""
        ...

    def launch(self, order: Order) -> Machine:
        """The machine of the order: made now, or already there for the same key. Raises ProviderError."""
        ...

    def terminate(self, machine_id: str) -> None:
        """Asks for the machine's end; a list confirms it later. Raises ProviderError."""
        ...


class ProviderError(PlannerError):
    """A provider refused or failed."""


class CapacityUnavailable(ProviderError):  # noqa: N818 - what the caller does next is in the name
    """Sold out, or a quota is reached: try the next pool, remember this one."""


class Temporary(ProviderError):  # noqa: N818
    """Try again next tick, with the same key: it may have happened all the same."""


class NodeNotFound(ProviderError):  # noqa: N818
    """No such machine: when ending one, that is success once a complete list agrees."""


class Permanent(ProviderError):  # noqa: N818
    """Trying again changes nothing: credentials, a malformed request. Say it loudly, go on with the others."""


class NotDone(ProviderError):  # noqa: N818
    """Nothing was done, on purpose: this provider only observes (dry run)."""
