"""What fleet.toml tells the daemon: [autoscale], [metrics], [cluster], [router], [server], providers. No secrets.

A secret is never in the file: a key that ends in `_file` names a file that holds one, else the environment does
(`autoscaler.settings`).
"""

from planner.fleet.daemon.autoscale import AutoscaleSettings
from planner.fleet.daemon.aws import AwsSettings
from planner.fleet.daemon.cluster import ClusterSettings, Taint
from planner.fleet.daemon.daemon import DaemonSettings, ProvidersSettings
from planner.fleet.daemon.hetzner import RobotSettings
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings
from planner.fleet.daemon.metrics import MetricsSettings
from planner.fleet.daemon.ovh import OvhSettings
from planner.fleet.daemon.router import RouterSettings
from planner.fleet.daemon.server import ServerSettings

__all__ = [
    "AutoscaleSettings",
    "AwsSettings",
    "ClusterSettings",
    "DaemonSettings",
    "HetznerCloudSettings",
    "MetricsSettings",
    "OvhSettings",
    "ProvidersSettings",
    "RobotSettings",
    "RouterSettings",
    "ServerSettings",
    "Taint",
]
