"""Serving: what the loop needs of the side that serves tokens, in our words. Pure: values and the protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from autoscaler.fleet import Node
from planner.errors import PlannerError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReading:
    """What one model was asked for lately, measured at the input."""

    measured_at: datetime
    """End of the span it is the mean of."""
    input_tok_s: float
    """Arrivals, cached ones included."""
    output_tok_s: float
    """Output tokens of the arrivals, as expected or as measured on completion of their kind."""
    queue_input_tokens: float = 0.0
    queue_output_tokens: float = 0.0
    """What waits and has not begun."""
    cache_hit_ratio: float | None = None
    """Share of input tokens found in the prefix cache; None: not measured, the model's own figure."""
    unserved_ratio: float | None = None
    """Share of the span's tokens that was refused or gave up waiting; None: not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReading:
    """What one node says of itself."""

    is_ready: bool
    """The model is loaded and it takes requests, or would if they were routed to it."""
    in_flight: int | None = None
    """Requests it works on; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the serving side says at one time. A model or node that is missing was not measured: it is not at 0."""

    models: Mapping[str, ModelReading]
    nodes: Mapping[str, NodeReading]
    """By node id, those that joined."""
    cluster_names: Mapping[str, str] = field(default_factory=dict)
    """By node id, what its Node in a cluster is called; empty: there is no cluster."""
    remarks: tuple[str, ...] = ()
    """What is missing and why, a line each: a tick reports it as a problem."""


class ServingError(PlannerError):
    """The serving side or its metrics failed; nothing is known this tick."""


class Serving(Protocol):
    """The serving side: read, stop sending work to a node, send it again."""

    def read(self) -> Readings:
        """Demand and nodes now. Raises ServingError."""
        ...

    def stop_routing(self, node_id: str) -> None:
        """The node gets no new work and finishes the old. Raises ServingError."""
        ...

    def resume_routing(self, node_id: str) -> None:
        """The node gets work again. Raises ServingError."""
        ...

    def follow(self, nodes: Sequence[Node]) -> None:
        """Brings the serving side up to date with the fleet: what takes several ticks, or follows from a node's state.

        A node that is there is made known to who routes; a drain that was begun goes on; what is known of a node that
        is not in `nodes` any more is removed, if it is ours. Called once at the end of a tick, not while paused; done
        again, it changes nothing. Raises ServingError.
        """
        ...


@runtime_checkable
class Told(Protocol):
    """A serving side that finds no nodes by itself: it reads those it was told of."""

    def know(self, nodes: Sequence[Node]) -> None:
        """Takes in which nodes there are, and changes nothing outside."""
        ...


class RoutingNotDone(ServingError):  # noqa: N818 - what happened
    """Nothing was done, on purpose: this serving side is only observed (dry run)."""
