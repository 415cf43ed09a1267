"""All that fleet.toml tells the daemon, together."""

from dataclasses import dataclass, field

from planner.fleet.daemon.autoscale import AutoscaleSettings
from planner.fleet.daemon.aws import AwsSettings
from planner.fleet.daemon.cluster import ClusterSettings
from planner.fleet.daemon.hetzner import RobotSettings
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings
from planner.fleet.daemon.metrics import MetricsSettings
from planner.fleet.daemon.ovh import OvhSettings
from planner.fleet.daemon.router import RouterSettings
from planner.fleet.daemon.server import ServerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidersSettings:
    """The clouds that are configured; None: not used."""

    aws: AwsSettings | None = None
    ovh: OvhSettings | None = None
    hetzner_cloud: HetznerCloudSettings | None = None
    hetzner: RobotSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """The tables of fleet.toml that only the daemon reads. Paths in them start at `folder`."""

    autoscale: AutoscaleSettings = field(default_factory=AutoscaleSettings)
    metrics: MetricsSettings | None = None
    cluster: ClusterSettings | None = None
    """Kubernetes; None: a plain fleet, and `router` says who sends it requests."""
    router: RouterSettings | None = None
    server: ServerSettings = field(default_factory=ServerSettings)
    """What a node of a plain fleet runs."""
    providers: ProvidersSettings = field(default_factory=ProvidersSettings)
    folder: str = "."
    """The folder of the fleet file."""
