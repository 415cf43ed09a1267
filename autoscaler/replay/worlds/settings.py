"""WorldFile: what a world file says. Values and their checks; file.py reads it, making.py means it.

A world file says which pools of the catalog a controller can launch from, how scarce and how slow they are, which base
nodes stand beside them, and what goes wrong.
"""

from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import ClassVar, Literal

from autoscaler.providers.simulated.mixes import MIXES
from autoscaler.replay.worlds.shipped import availability_traces, lead_times
from planner.catalog.nearest import nearest
from policies.billing import Billing, Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWalk:
    """How a spot price moves around its mean: a mean-reverting walk of its logarithm, bounded."""

    spread_ratio: float = 0.12
    """Standard deviation over a long time, of the price's logarithm."""
    revert_h: float = 48.0
    """Hours after which a third (1/e) of a deviation is left."""
    step_h: float = 1.0
    """A price stays for so long."""
    min_ratio: float = 0.7
    """Never below this share of the mean."""
    max_ratio: float = 1.5
    """Never above this multiple of the mean."""

    def __post_init__(self) -> None:
        if not 0 <= self.spread_ratio <= 1:
            raise ValueError(f"spread_ratio must be in [0, 1], got {self.spread_ratio:g}")
        if self.revert_h <= 0 or self.step_h <= 0:
            raise ValueError(f"revert_h and step_h must be above 0, got {self.revert_h:g} and {self.step_h:g}")
        if not 0 < self.min_ratio <= 1 <= self.max_ratio:
            raise ValueError(f"expected min_ratio <= 1 <= max_ratio, got {self.min_ratio:g} and {self.max_ratio:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBlock:
    """Pools of the catalog by a selector, or one pool written out; and how their cloud behaves."""

    offers: str | None = None
    """Selector of burst offers of the fleet's catalog, such as aws.spot or ovh/b3-*."""
    most: int = 1
    """Pools of the selector that the world has: for each model those that alone would follow its traffic cheapest."""
    is_optional: bool = False
    """Where the fleet can rent none of them, or none serves its models, the world does without and says so."""
    offer: str | None = None
    """Or a pool of one's own, provider/product; it needs a price and a rate."""
    price_usd_hour: Decimal | None = None
    billing: Billing = Billing.SECOND
    fee_usd_month: Decimal | None = None
    """Monthly cap of the hourly price."""
    decode_tok_s: float | None = None
    """Output tok/s a node sustains doing only decode."""
    prefill_tok_s: float | None = None
    """Input tok/s a node sustains doing only prefill; without it the output rate."""
    is_spot: bool = False
    lead_times: str | None = None
    """Provider whose measured starts are drawn from: aws, ovh or hetzner-cloud."""
    lead_s: tuple[float, ...] = ()
    """Or order to running node, seconds; several are drawn from. Without both: what the catalog says."""
    quota: int | None = None
    """Nodes of one pool that the account may hold."""
    availability: tuple[str, ...] = ()
    """Spot availability traces that stand for the pools, the first for the cheapest, then round again."""
    availability_from_h: float = 0.0
    """The replay begins so far into the trace."""
    available_nodes: tuple[int, int] | None = None
    """Nodes that can be held while the trace says available, drawn between the two for each spell; none: no limit."""
    notice_s: float | None = None
    """Warning before a node is taken back; none: there is none."""
    rebalance_s: float | None = None
    """Rebalance advice so long before."""
    price_walk: PriceWalk | None = None
    """How the price moves; none: it stays."""

    def __post_init__(self) -> None:
        if (self.offers is None) == (self.offer is None):
            raise ValueError("expected either offers, a selector, or offer, a pool written out")
        if self.most < 1:
            raise ValueError(f"most must be 1 or more, got {self.most}")
        self._check_own()
        self._check_cloud()

    def _check_own(self) -> None:
        """A pool written out is whole; one of the catalog keeps the catalog's price and rates."""
        own = ("price_usd_hour", "fee_usd_month", "decode_tok_s", "prefill_tok_s")
        if self.offer is None:
            given = [name for name in own if getattr(self, name) is not None]
            if given:
                raise ValueError(f"{given[0]} goes with offer, a pool written out; offers keep what the catalog says")
            return
        if "/" not in self.offer:
            raise ValueError(f"offer must be provider/product, got {self.offer!r}")
        if self.decode_tok_s is None or self.price_usd_hour is None:
            raise ValueError(f"offer {self.offer} needs price_usd_hour and decode_tok_s")
        for name in ("decode_tok_s", "prefill_tok_s"):
            rate = getattr(self, name)
            if rate is not None and rate <= 0:
                raise ValueError(f"{name} must be above 0, got {rate:g}")
        self.tariff  # noqa: B018  the tariff checks its prices

    def _check_cloud(self) -> None:
        for name in ("notice_s", "rebalance_s", "availability_from_h", "quota"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must be 0 or more, got {value:g}")
        if self.lead_s and self.lead_times is not None:
            raise ValueError("lead_s and lead_times are both given; expected one")
        if any(second < 0 for second in self.lead_s):
            raise ValueError(f"lead_s must be 0 or more, got {min(self.lead_s):g}")
        if self.lead_times is not None and self.lead_times not in lead_times():
            raise ValueError(f"lead_times is {self.lead_times!r}; expected one of {', '.join(lead_times())}")
        for name in self.availability:
            if name not in availability_traces():
                near = nearest(name, availability_traces()) or list(availability_traces())
                raise ValueError(f"availability: no trace {name!r}; nearest: {near[0]}")
        if self.available_nodes is not None:
            low, high = self.available_nodes
            if not self.availability:
                raise ValueError("available_nodes goes with availability; expected both")
            if not 1 <= low <= high:
                raise ValueError(f"available_nodes must be two rising numbers from 1 on, got {low} and {high}")

    @property
    def tariff(self) -> Tariff:
        """What a pool written out is charged by."""
        return Tariff(
            billing=self.billing,
            price_usd_hour=self.price_usd_hour,
            fee_usd_month=self.fee_usd_month,
            is_spot=self.is_spot,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseBlock:
    """Base nodes that stand in the world from start to end."""

    offer: str
    """Of the catalog, or of one's own with decode_tok_s and fee_usd_month."""
    model: str | None = None
    """None: the only one."""
    count: int | None = None
    demand_quantile: float | None = None
    """Or as many as this quantile of the output tok/s would keep busy, rounded down."""
    decode_tok_s: float | None = None
    prefill_tok_s: float | None = None
    fee_usd_month: Decimal | None = None
    """Without it the catalog's."""
    month_h: float | None = None
    """Hours over which the fee is spread; none: those of each calendar month."""

    def __post_init__(self) -> None:
        if (self.count is None) == (self.demand_quantile is None):
            raise ValueError("expected either count or demand_quantile")
        if self.count is not None and self.count < 0:
            raise ValueError(f"count must be 0 or more, got {self.count}")
        if self.demand_quantile is not None:
            if not 0 <= self.demand_quantile <= 1:
                raise ValueError(f"demand_quantile must be in [0, 1], got {self.demand_quantile:g}")
            if self.decode_tok_s is None:
                raise ValueError("demand_quantile needs decode_tok_s")
        if self.decode_tok_s is not None and self.fee_usd_month is None:
            raise ValueError(f"offer {self.offer} is written out; it needs fee_usd_month too")
        for name in ("decode_tok_s", "prefill_tok_s", "fee_usd_month", "month_h"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be above 0, got {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingBlock:
    """How models are served beside what the fleet says of them."""

    load_s: float | None = None
    """Running node to model loaded; none: the model's load_time_s."""
    patience_s: float = 10.0
    """A request that waited longer is lost; 0: what cannot be served at once is lost."""
    service_s: float = 20.0
    """A request's time on a node: how long a draining node has work in flight."""
    cache_warmup_s: float = 600.0
    """A new node's prefix cache grows to the model's hit ratio over this long."""

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and value < 0:
                raise ValueError(f"{one.name} must be 0 or more, got {value:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldFile:
    """A world file as written."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    about: str = ""
    """One line for the reader of the result."""
    tick_s: float = 30.0
    faults: str = "none"
    """Mix of faults: none, normal or storm; --faults wins over it."""
    base_from: Literal["plan", "none"] = "none"
    """plan: the base nodes the planner would rent for this traffic, beside those written out."""
    serving: ServingBlock = ServingBlock()
    group_max: dict[str, int] = field(default_factory=dict)
    """Nodes all pools of a count group may have together, base nodes included; wins over the catalog's."""
    pool: tuple[PoolBlock, ...] = ()
    base: tuple[BaseBlock, ...] = ()
    name: str = ""
    """What the result calls it; the file's name without it."""

    def __post_init__(self) -> None:
        if self.tick_s <= 0:
            raise ValueError(f"tick_s must be above 0, got {self.tick_s:g}")
        if self.faults not in MIXES:
            raise ValueError(f"faults is {self.faults!r}; expected one of {', '.join(MIXES)}")
        for group, most in self.group_max.items():
            if most < 0:
                raise ValueError(f"group_max.{group} must be 0 or more, got {most}")
