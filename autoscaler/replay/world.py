"""World: traffic, serving and clouds of one replay, and the rules of its clock. Pure: values.

A world is everything a controller cannot change. The same world, seed and controller give the same bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from autoscaler.fleet import Action, FleetPlan, Snapshot
from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix, SimulatedPool
from planner.profile.curve import Curve
from planner.profile.model import Rates, Slo
from policies.scaling import ScalingPolicy

Floats = NDArray[np.float64]

Decider: TypeAlias = Callable[[Snapshot, FleetPlan | None, ScalingPolicy], tuple[Action, ...]]
"""A controller's decision: `autoscaler.decide.decide`, or a rival that may remember what it saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Single requests of one model, by arrival."""

    arrival_s: Floats
    input_tokens: Floats
    output_tokens: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is asked for: M models, T steps of equal length; where `requests` has a model, its steps are their sums."""

    start: datetime
    step_s: float
    models: tuple[str, ...]
    input_tok_s: Floats
    """(M, T), mean over the step."""
    output_tok_s: Floats
    is_gap: NDArray[np.bool_]
    """(T,) steps that were not measured: the traffic there is interpolated, and the replay says so."""
    requests: Mapping[str, Requests] = field(default_factory=dict)
    source: str = ""
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC:
            raise ValueError(f"start must be UTC, got {self.start}")
        shape = (len(self.models), self.steps)
        if self.input_tok_s.shape != shape or self.output_tok_s.shape != shape:
            raise ValueError(f"traffic must have the shape {shape}, got {self.input_tok_s.shape}")

    @property
    def steps(self) -> int:
        """How many there are."""
        return int(self.is_gap.shape[0])

    @property
    def duration_s(self) -> float:
        """Length, seconds."""
        return float(self.step_s * self.steps)

    @property
    def end(self) -> datetime:
        """The instant after the last step."""
        return self.start + timedelta(seconds=self.duration_s)

    def mean_tok_s(self, model: str) -> tuple[float, float]:
        """Mean input and output tok/s asked of a model."""
        row = self.models.index(model)
        return float(self.input_tok_s[row].mean()), float(self.output_tok_s[row].mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """How one model is served."""

    name: str
    rates: Mapping[str, Rates]
    """By pool and base offer that can serve it."""
    reference: str
    """The offer whose node is work 1.0."""
    cache_hit_ratio: float = 0.0
    """Share of input tokens a warm node finds in its prefix cache."""
    cache_warmup_s: float = 0.0
    """A new node's cache grows to that share over this long."""
    load_s: float = 0.0
    """Running node to model loaded."""
    patience_s: float = 0.0
    """A request that waited longer is lost; 0: what cannot be served at once is lost."""
    service_s: float = 0.0
    """A request's time on a node: how long a draining node has work in flight."""
    slo: Slo = field(default_factory=Slo)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """By offer: the measured curve its delay is read from; without one, only queueing is estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseNodes:
    """Base nodes of one offer for one model, on from start to end."""

    offer: str
    model: str
    count: int
    bill_usd: Decimal
    """For all of them over the whole replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One replay's world."""

    name: str
    traffic: Traffic
    models: Mapping[str, ServedModel]
    base: tuple[BaseNodes, ...] = ()
    pools: tuple[SimulatedPool, ...]
    group_max: Mapping[str, int] = field(default_factory=dict)
    tick_s: float = 30.0
    faults: FaultMix = NO_FAULTS
    seed: int = 0
    remarks: tuple[str, ...] = ()
    """What a reader of the result should know, such as which trace stands for which pool."""

    @property
    def ticks(self) -> int:
        """Ticks of the whole replay: one at the end of each interval."""
        return int(self.traffic.duration_s // self.tick_s)
