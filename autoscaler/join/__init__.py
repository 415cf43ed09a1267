"""How a machine becomes a node: the cloud-init user data of an order, with or without a cluster."""

from autoscaler.join.cluster import ClusterJoin
from autoscaler.join.plain import PlainStart

__all__ = ["ClusterJoin", "PlainStart"]
