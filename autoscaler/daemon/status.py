"""Status: all that an operator asks of a running daemon, as one value. Pure: values; `known` makes them.

The daemon makes it after each tick, shows it on its port and keeps it in the database; nothing in it is computed again
by who shows it. Unknown is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from autoscaler.fleet import Controls

Role = Literal["leads", "stands by", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Who acts."""

    role: Role
    """Of the daemon that tells: unknown where it cannot find out who leads."""
    holder: str
    """Its name."""
    epoch: int | None = None
    lease_ends_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStatus:
    """The plan in force."""

    sha256: str
    start: datetime
    end: datetime
    written_at: datetime
    since: datetime
    """When it came into force."""
    next_start: datetime | None = None
    """First hour of a plan that waits for it."""
    problem: str = ""
    """Why the file as it is now is not in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One model: what is asked of it, what serves it, what it is held to. Work in reference nodes."""

    model: str
    reference: str
    work_nodes: float | None
    queue_node_s: float | None
    measured_at: datetime | None
    ready: int
    """Nodes that serve, base included."""
    base_ready: int
    coming: int
    draining: int
    failed: int
    ready_work: float
    """Ready capacity."""
    utilization: float | None
    """Work over ready capacity; None: no work was measured, or nothing is ready."""
    target: float
    low: float
    high: float
    blind: str = ""
    """Why its demand is not known; empty: it is."""
    blind_s: float = 0.0
    """For how long; of one never measured, since this daemon leads."""
    floor: int = 0
    ceiling: int | None = None
    planned: int | None = None
    """Burst nodes the plan has on now."""
    unserved_ratio: float | None = None
    """Share of tokens refused or given up, as last measured."""
    is_unmet: bool = False
    """Whether more is wanted than may be ordered now; the holds say why."""
    next_pool: str | None = None
    """Where one more node would be ordered now; None: nowhere."""
    next_usd_hour: Decimal | None = None
    """Its price, as billed."""
    next_usd_mtok: float | None = None
    """Of its tokens at the measured mix and the target utilization; None: no mix was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """Nodes of one pool or base offer for one model, and the pool's price."""

    pool: str
    model: str
    is_base: bool
    nodes: Mapping[str, int]
    """By state."""
    price_usd_hour: Decimal | None = None
    failures: int = 0
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedStatus:
    """What one node of an offer is rated at for a model, by the profile."""

    pool: str
    model: str
    basis: str
    """measured, or estimated."""
    prefill_tok_s: float
    decode_tok_s: float
    requests: float | None
    """In flight at the rated point; None: the profile does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlace:
    """Which node is of which offer and serves which model."""

    node_id: str
    pool: str
    model: str
    is_base: bool
    cluster_name: str | None = None
    """What its Node in a cluster is called; None: it has none, or nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """A pool that is left alone for a while."""

    pool: str
    failures: int
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Burst money against its caps, USD net of VAT."""

    usd_hour: Decimal | None
    """Prices of the nodes that are there; None: a price is not known."""
    month_usd: Decimal | None
    """Charged so far this calendar month (UTC), running leases included."""
    committed_usd: Decimal | None
    """Charged this month even if every end were asked for now, floors to the month's end: what the cap is held to."""
    nodes: int
    """Burst nodes not gone."""
    max_usd_hour: Decimal | None = None
    max_usd_month: Decimal | None = None
    max_nodes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseStatus:
    """One burst node as a lease."""

    node_id: str
    pool: str
    model: str
    state: str
    ordered_at: datetime
    renews_at: datetime | None
    """Paid until then; None: billed by the second, or no price is known."""
    price_usd_hour: Decimal | None
    in_flight: int | None
    taken_back_at: datetime | None = None
    machine_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that was decided, and what came of it."""

    at: datetime
    action: str
    """launch, drain, undrain, terminate."""
    node_id: str | None
    pool: str | None
    model: str | None
    reason: str
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStatus:
    """Why nothing is changed for a model now."""

    model: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMove:
    """What the plan changes in one of the hours to come."""

    at: datetime
    model: str
    pool: str
    before: int
    after: int
    is_launchable: bool = True
    """Whether the pool can be launched here; where it cannot, what it is to carry is launched elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """One provider as it was last seen."""

    name: str
    is_reachable: bool
    listed_at: datetime | None
    """Of its last list."""
    prices_at: datetime | None = None
    """Oldest of its prices that are read live; None: none is."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon at the end of one tick, or at a look of one that stands by."""

    fleet: str
    version: str
    at: datetime
    interval_s: float
    tick_s: float | None
    """How long the tick took; None: there was none."""
    is_dry_run: bool
    lead: Lead
    plan: PlanStatus | None
    controls: Controls
    models: tuple[ModelStatus, ...] = ()
    pools: tuple[PoolStatus, ...] = ()
    rated: tuple[RatedStatus, ...] = ()
    """Of every offer that could serve a model here."""
    places: tuple[NodePlace, ...] = ()
    """Of every node that is there, base included."""
    back_offs: tuple[BackOff, ...] = ()
    spend: Spend | None = None
    leases: tuple[LeaseStatus, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """The last ones, newest first."""
    holds: tuple[HoldStatus, ...] = ()
    orphans: tuple[str, ...] = ()
    """Nodes with our tag that nobody intended."""
    moves: tuple[PlannedMove, ...] = ()
    providers: tuple[ProviderStatus, ...] = ()
    problems: tuple[str, ...] = ()
