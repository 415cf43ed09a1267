"""The fleet at one instant: nodes, their states and legal moves, and what `decide` sees and asks for. Pure: values.

Work and capacity are in *reference nodes*: work 1.0 is one node of the model's reference offer busy full time at the
measured input:output mix; a node of another pool is worth `speed` of them. Base nodes are watched, never ordered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from autoscaler.outlook import Outlook
from policies.billing import Tariff


class NodeState(StrEnum):
    """Where a node is in its life."""

    PLANNED = "planned"
    """Intended and journaled; the provider has not been called."""
    LAUNCHING = "launching"
    """Asked for; no machine seen yet."""
    BOOTING = "booting"
    """The machine exists and starts."""
    LOADING = "loading"
    """It runs and loads the model: coming capacity, neither load nor failure."""
    READY = "ready"
    """It serves."""
    DRAINING = "draining"
    """No new work; it finishes the old."""
    TERMINATING = "terminating"
    """Its end was asked for; it is not forgotten before the provider says it is gone."""
    GONE = "gone"
    """The provider says there is no such machine."""
    FAILED = "failed"
    """It did not become ready in time, or broke; to be ended."""


MOVES: Mapping[NodeState, frozenset[NodeState]] = MappingProxyType(
    {
        NodeState.PLANNED: frozenset({NodeState.LAUNCHING, NodeState.GONE, NodeState.FAILED}),
        NodeState.LAUNCHING: frozenset(
            {
                NodeState.BOOTING,
                NodeState.LOADING,
                NodeState.READY,
                NodeState.TERMINATING,
                NodeState.GONE,
                NodeState.FAILED,
            }
        ),
        NodeState.BOOTING: frozenset(
            {NodeState.LOADING, NodeState.READY, NodeState.TERMINATING, NodeState.GONE, NodeState.FAILED}
        ),
        NodeState.LOADING: frozenset({NodeState.READY, NodeState.TERMINATING, NodeState.GONE, NodeState.FAILED}),
        NodeState.READY: frozenset({NodeState.DRAINING, NodeState.TERMINATING, NodeState.GONE, NodeState.FAILED}),
        NodeState.DRAINING: frozenset({NodeState.READY, NodeState.TERMINATING, NodeState.GONE, NodeState.FAILED}),
        NodeState.FAILED: frozenset({NodeState.TERMINATING, NodeState.GONE}),
        NodeState.TERMINATING: frozenset({NodeState.GONE}),
        NodeState.GONE: frozenset(),
    }
)
"""State -> states it may move to. What is not here raises."""

COMING = frozenset({NodeState.PLANNED, NodeState.LAUNCHING, NodeState.BOOTING, NodeState.LOADING})
"""Capacity that was asked for and does not serve yet."""
ENDING = frozenset({NodeState.TERMINATING, NodeState.GONE, NodeState.FAILED})
"""Serves no more and will not again."""


class IllegalMove(ValueError):  # noqa: N818 - reads as a sentence where it is raised
    """A node was moved to a state its own does not lead to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of ours."""

    id: str
    """Made from the intent; the machine's name and tag."""
    pool: str
    """Key of the pool, as in the catalog: aws/r7a.4xlarge/spot. Of a base node, its offer."""
    model: str
    state: NodeState
    since: datetime
    """When it entered the state."""
    ordered_at: datetime
    """Its lease is billed from here."""
    is_base: bool = False
    machine_id: str | None = None
    """The provider's name for it; None until a machine was seen."""
    in_flight: int | None = None
    """Requests it is working on; None: not known."""
    taken_back_at: datetime | None = None
    """The provider gave notice that it takes the machine back then."""
    is_at_risk: bool = False
    """The provider advised to replace it early (rebalance advice)."""
    replaces: str | None = None
    """Id of the node it was launched to replace, as its intent says."""
    address: str | None = None
    """Where requests reach it; None: not known."""
    instances: tuple[str, ...] | None = None
    """What its Node in a cluster may say it is, where that is not `machine_id`; empty: nobody knows yet."""
    cluster_name: str | None = None
    """What its Node in a cluster is called; None: it has none, or nobody asked."""
    is_orphan: bool = False
    """Nobody intended it, and it is ended soon: it costs money, and may serve until then; nothing counts on it."""

    def __post_init__(self) -> None:
        if self.in_flight is not None and self.in_flight < 0:
            raise ValueError(f"node {self.id}: in_flight must be 0 or more, got {self.in_flight}")


def moved(node: Node, state: NodeState, at: datetime) -> Node:
    """The node in another state since `at`; the same node where it is in it already. Raises IllegalMove."""
    if state is node.state:
        return node
    if state not in MOVES[node.state]:
        raise IllegalMove(f"node {node.id} is {node.state.value}, which does not lead to {state.value}")
    return replace(node, state=state, since=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What can be launched: an offer of one provider, with what is known of it now."""

    key: str
    provider: str
    zone: str | None = None
    tariff: Tariff
    """The price in force now; spot prices move."""
    is_spot: bool = False
    interruption_usd_hour: Decimal = Decimal(0)
    """Expected cost of being taken back, per node-hour; in no invoice."""
    egress_usd_mtok: Decimal = Decimal(0)
    """Per million output tokens."""
    lead_time_s: Mapping[str, float]
    """By model it can serve: order to ready with the model loaded, as expected."""
    max_count: int | None = None
    """Nodes the provider allows (quota); None: no limit known."""
    count_group: str | None = None
    """Pools of one group share `Snapshot.group_max`."""
    failures: int = 0
    """Launches refused in a row for lack of capacity, the last ones."""
    retry_at: datetime | None = None
    """Backing off until then; None: may be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one model is asked for, measured at the input."""

    measured_at: datetime
    work_nodes: float
    """Arrivals, in reference nodes busy full time."""
    queue_node_s: float = 0.0
    """Work that waits, in reference node-seconds."""
    input_tok_s: float = 0.0
    output_tok_s: float = 0.0
    speed: Mapping[str, float]
    """By pool and base offer: reference nodes one of its nodes is worth at this mix."""
    outlook: Outlook | None = None
    """What is to come within the lead time; None: too little was measured."""

    def __post_init__(self) -> None:
        if not 0 <= self.work_nodes < float("inf"):
            raise ValueError(f"work_nodes must be 0 or more, got {self.work_nodes}")
        if not 0 <= self.queue_node_s < float("inf"):
            raise ValueError(f"queue_node_s must be 0 or more, got {self.queue_node_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What an operator asks of a running controller."""

    is_paused: bool = False
    """Observe and act not at all."""
    is_scale_in_paused: bool = False
    """Add where needed, end nothing."""
    min_nodes: Mapping[str, int] = field(default_factory=dict)
    """By model: a manual floor of burst nodes; beside the policy's, the higher counts."""
    max_nodes: Mapping[str, int] = field(default_factory=dict)
    """By model: a manual ceiling of burst nodes; beside the policy's, the lower counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recently:
    """What the journal remembers of a model's last moves."""

    launched_at: datetime | None = None
    """Last launch that was intended."""
    last_on_spot_failure_at: datetime | None = None
    """Last time a spot pool had no capacity or took a node back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The world at one instant: all that `decide` knows."""

    now: datetime
    nodes: tuple[Node, ...]
    """Every node of ours not yet gone, base included; those that were intended but not seen too."""
    demand: Mapping[str, Demand | None]
    """By model; None: nothing was ever measured. A stale measurement keeps its own time."""
    pools: Mapping[str, Pool]
    group_max: Mapping[str, int] = field(default_factory=dict)
    base_speed: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By model and base offer, where no demand tells the mix: reference nodes one of its nodes is worth."""
    unreachable: frozenset[str] = frozenset()
    """Providers whose list is missing, stale or partial: what is not listed there may still exist."""
    controls: Controls = Controls()
    recently: Mapping[str, Recently] = field(default_factory=dict)
    """By model."""
    spent_month_usd: Decimal = Decimal(0)
    """Charged this calendar month (UTC) by leases that have ended."""

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError(f"now must be aware UTC, got {self.now}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHour:
    """What the plan wants for one model in one hour."""

    work_nodes: float
    """Work of the hour's forecast, in reference nodes."""
    burst: Mapping[str, int]
    """Nodes by pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """The saved plan as `decide` reads it: by model, by the hour's start (aware UTC)."""

    hours: Mapping[str, Mapping[datetime, PlannedHour]]

    def at(self, model: str, moment: datetime) -> PlannedHour | None:
        """What is planned for the hour that holds `moment`; None: the plan does not say."""
        return self.hours.get(model, {}).get(moment.replace(minute=0, second=0, microsecond=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Order one node of a pool for a model."""

    pool: str
    model: str
    reason: str
    replaces: str | None = None
    """Id of the node it is to replace, where one is being taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Send the node no new work."""

    node_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undrain:
    """Let a draining node serve again."""

    node_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """End the node's lease."""

    node_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Change nothing (for one model, or at all), and why."""

    reason: str
    model: str | None = None


Action: TypeAlias = Launch | Drain | Undrain | Terminate | Hold
