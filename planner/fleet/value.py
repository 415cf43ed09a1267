"""Fleet: what a fleet.toml says, as written (FleetFile) and as meant (Fleet). Values and their checks."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from planner.errors import InputError
from planner.fleet.daemon import (
    AutoscaleSettings,
    ClusterSettings,
    DaemonSettings,
    MetricsSettings,
    ProvidersSettings,
    RouterSettings,
    ServerSettings,
)
from planner.fleet.publish import PublishSettings
from planner.profile.model import Model
from policies.planning import PlanningPolicy
from policies.pricing import DEFAULT_PRICING, PricingPolicy
from policies.scaling import ScalingPolicy

PRESETS = ("bootstrapped", "funded", "enterprise")
DEFAULT_SOURCE = "default fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Servers already rented by the month, at the price in force for them; their setup fee is paid."""

    offer: str
    """Id of the offer in the catalog, such as hetzner/ax102."""
    count: int = 1
    ordered_on: date | None = None
    fee_usd_month: Decimal | None = None
    """Price in force of one server; without it, the catalog's."""
    fee_eur_month: Decimal | None = None
    """The same in EUR, converted at the catalog's rate; give one of the two."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be 1 or more, got {self.count}")
        if self.fee_usd_month is not None and self.fee_eur_month is not None:
            raise ValueError("fee_usd_month and fee_eur_month are both given; expected one")
        for name in ("fee_usd_month", "fee_eur_month"):
            fee = getattr(self, name)
            if fee is not None and fee <= 0:
                raise ValueError(f"{name} must be above 0, got {fee}")

    def fee_in_force_usd(self, usd_per_eur: Decimal | None) -> Decimal | None:
        """Monthly fee of one server in USD, or None where the fleet names none (then the catalog's is meant)."""
        if self.fee_eur_month is None:
            return self.fee_usd_month
        if usd_per_eur is None:
            raise InputError(f"owned {self.offer}: fee_eur_month needs a rate; expected usd_per_eur in [catalog]")
        return self.fee_eur_month * usd_per_eur


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSettings:
    """Which offers the fleet may rent."""

    shipped: bool | tuple[str, ...] = True
    """The catalogs that come with Baseload: all of them, none, or those of the named providers."""
    files: tuple[str, ...] = ()
    """Catalog files of one's own, relative to the fleet file; as read, relative to the working folder."""
    only: tuple[str, ...] = ()
    """Providers or offers to keep; empty: all."""
    without: tuple[str, ...] = ()
    """Providers or offers to leave out."""
    group_max: dict[str, int] = field(default_factory=dict)
    """Nodes that all offers of a count group may have together."""
    usd_per_eur: Decimal | None = None
    """USD for one EUR, instead of the shipped rate."""
    usd_per_eur_date: date | None = None
    prices: Literal["files", "ledger"] = "files"
    """files: those of the catalogs. ledger: where the ledger has newer ones (`baseload catalog refresh`), those."""
    max_price_age_days: int = 90
    """An older price is marked wherever it is used."""
    max_spot_age_days: int = 7
    """The same of spot, which moves by the day."""
    spot_days: int = 30
    """Days before a refresh whose mean a spot price is."""

    def __post_init__(self) -> None:
        if not 1 <= self.spot_days <= 366:
            raise ValueError(f"spot_days must be between 1 and 366, got {self.spot_days}")
        if (self.usd_per_eur is None) != (self.usd_per_eur_date is None):
            raise ValueError("usd_per_eur and usd_per_eur_date belong together; expected both or neither")
        if self.usd_per_eur is not None and self.usd_per_eur <= 0:
            raise ValueError(f"usd_per_eur must be above 0, got {self.usd_per_eur}")
        for group, most in self.group_max.items():
            if most < 0:
                raise ValueError(f"group_max.{group} must be 0 or more, got {most}")
        for name in ("max_price_age_days", "max_spot_age_days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.shipped is False and not self.files:
            raise ValueError("shipped is false and files is empty; expected some catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSettings:
    """Throughput profiles beside the shipped ones."""

    files: tuple[str, ...] = ()
    """Profile files of one's own, relative to the fleet file; as read, relative to the working folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where the ledger is, unless BASELOAD_DATABASE_URL says so; without either, in the user's data folder."""

    url: str | None = None
    """A path (relative to the fleet file), or postgresql://HOST/DATABASE without a password: a fleet file is shared."""
    url_file: str | None = None
    """A file that holds the URL, which may then have a password; relative to the fleet file."""

    def __post_init__(self) -> None:
        if self.url is not None and self.url_file is not None:
            raise ValueError("url and url_file are both given; expected one")
        if self.url is not None and _has_password(self.url):
            raise ValueError(
                "url holds a password; expected it in BASELOAD_DATABASE_URL, in the file url_file names or in ~/.pgpass"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """How `baseload report` speaks, unless its options say otherwise."""

    title: str = "Capacity report"
    """What stands above the month."""
    by: str = "team"
    """The tag of usage that is charged by, such as team, product or cost_center."""
    tz: str = "UTC"
    """Time zone of hours of the day, such as Europe/Berlin; months and bills stay UTC."""
    currency: Literal["USD", "EUR"] = "USD"
    """What amounts are shown in; JSON stays in USD."""

    def __post_init__(self) -> None:
        for name in ("title", "by", "tz"):
            value = getattr(self, name)
            if not value.strip() or not value.isprintable():
                raise ValueError(f"{name} must be a printable text, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTable(PlanningPolicy):
    """The planning policy as written: a preset, and what differs from it."""

    preset: Literal["bootstrapped", "funded", "enterprise"] | None = None
    """Start from this shipped policy; the other keys here differ from it."""
    pricing: PricingPolicy | None = None
    """What to charge (`baseload price`); the keys left out are the preset's, or the default's."""
    scaling: ScalingPolicy | None = None
    """What the autoscaler keeps to; target, shares and unserved ratio left out are those of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFile:
    """fleet.toml as written."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    model: tuple[Model, ...]
    owned: tuple[Owned, ...] = ()
    catalog: CatalogSettings = CatalogSettings()
    policy: PolicyTable = PolicyTable()
    profiles: ProfileSettings = ProfileSettings()
    database: DatabaseSettings = DatabaseSettings()
    report: ReportSettings = ReportSettings()
    autoscale: AutoscaleSettings = field(default_factory=AutoscaleSettings)
    metrics: MetricsSettings | None = None
    cluster: ClusterSettings | None = None
    router: RouterSettings | None = None
    publish: PublishSettings = field(default_factory=PublishSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    providers: ProvidersSettings = field(default_factory=ProvidersSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What is served, what is owned already, what may be rented, and what a plan must respect."""

    models: tuple[Model, ...]
    owned: tuple[Owned, ...] = ()
    catalog: CatalogSettings = CatalogSettings()
    policy: PlanningPolicy = field(default_factory=PlanningPolicy)
    pricing: PricingPolicy = DEFAULT_PRICING
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    policy_offers: tuple[str, ...] = ()
    """Offers that a policy named by --policy keeps to; not in force where the fleet's own [catalog] only is."""
    profile_files: tuple[str, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    """As read, the path of `url_file` is relative to the working folder."""
    report: ReportSettings = ReportSettings()
    publish: PublishSettings = field(default_factory=PublishSettings)
    """As read, its paths are relative to the working folder."""
    daemon: DaemonSettings = field(default_factory=DaemonSettings)
    source: str = DEFAULT_SOURCE
    """The file it was read from."""
    policy_source: str = DEFAULT_SOURCE
    """Where the policy comes from, for the plan's provenance."""

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("no model; expected at least one [[model]]")
        names = [model.name for model in self.models]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"model {name!r} appears twice; expected each name once")

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the models, in the order of the file."""
        return tuple(model.name for model in self.models)


def _has_password(url: str) -> bool:
    """Whether a URL names one, before the host or among its parameters; what cannot be read is taken to."""
    try:
        parts = urlsplit(url)
        return bool(parts.password) or "password=" in parts.query.lower()
    except ValueError:
        return True
