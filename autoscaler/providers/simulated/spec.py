"""How a simulated cloud behaves: what its pools sell, when, at which price, and what goes wrong. Pure: values.

Seconds count from the start of the timeline. Everything that is not written here is drawn from a `random.Random`.
"""

from dataclasses import dataclass
from decimal import Decimal

from policies.billing import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How many nodes of a pool we can hold in [start_s, end_s); fewer than we hold: the rest is taken back."""

    start_s: float
    end_s: float
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPool:
    """One pool of a simulated cloud."""

    key: str
    provider: str
    zone: str | None = None
    tariff: Tariff
    """The list price; `prices_usd_hour` moves it."""
    is_spot: bool = False
    interruption_usd_hour: Decimal = Decimal(0)
    egress_usd_mtok: Decimal = Decimal(0)
    lead_times_s: tuple[float, ...]
    """Samples of order to running node; a launch draws one. The model's load time comes on top."""
    prices_usd_hour: tuple[tuple[float, Decimal], ...] = ()
    """(from second, price): what an hour costs from then on, for running nodes too; empty: the tariff's."""
    stock: tuple[Stock, ...] = ()
    """By time, not overlapping; outside of them there is no limit but the quota."""
    quota: int | None = None
    """Nodes the account may hold; what is beyond is refused as no capacity."""
    count_group: str | None = None
    notice_s: float | None = None
    """Warning before a node is taken back; None: there is none."""
    rebalance_s: float | None = None
    """Rebalance advice so long before; None: there is none."""

    def __post_init__(self) -> None:
        if not self.lead_times_s or min(self.lead_times_s) < 0:
            raise ValueError(f"pool {self.key}: lead_times_s must be samples of 0 or more, got {self.lead_times_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultMix:
    """What goes wrong with calls, lists, events and metrics; a probability per call unless it says otherwise."""

    name: str
    timeout_before: float = 0.0
    """The call breaks off and nothing happened."""
    timeout_after: float = 0.0
    """The call breaks off and it happened."""
    server_error: float = 0.0
    """5xx; nothing happened."""
    rate_limited: float = 0.0
    """429; nothing happened."""
    stale_list: float = 0.0
    """The list is one from up to `stale_most_s` ago, and says so by its time."""
    stale_most_s: float = 120.0
    partial_list: float = 0.0
    """A page is missing, and the list says so."""
    visible_after_most_s: float = 0.0
    """Eventual consistency: a new machine is in no list for up to this long, an ended one is listed as long."""
    extra_no_capacity: float = 0.0
    """A launch is refused although there is stock."""
    never_boots: float = 0.0
    """A machine that never becomes ready; it bills."""
    breaks_per_hour: float = 0.0
    """A ready node stops serving; its machine runs on and bills."""
    notice_missing: float = 0.0
    """A node is taken back without the notice there should be."""
    notice_late: float = 0.0
    """The notice comes with a tenth of its time left."""
    duplicate_event: float = 0.0
    """A change is told twice, the second time out of order."""
    metrics_vanish_per_day: float = 0.0
    """Times a day that the serving side answers nothing, for up to `metrics_gone_most_s`."""
    metrics_stale_per_day: float = 0.0
    """Times a day that it repeats its last answer with its old time."""
    metrics_zero_per_day: float = 0.0
    """Times a day that it lies: 0 demand, with a time that is fresh, while nodes report requests in flight."""
    metrics_gone_most_s: float = 1200.0
    outage_per_day: float = 0.0
    """Times a day that every call to one provider fails, for up to `outage_most_s`."""
    outage_most_s: float = 1800.0
    crash: float = 0.0
    """Per tick: the loop dies between two of its steps and is started again from the journal and the clouds."""


NO_FAULTS = FaultMix(name="none")
