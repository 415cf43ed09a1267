"""The serving side in Kubernetes: nodes that joined, pods that serve, drains through disruption budgets."""

from autoscaler.serving.kubernetes.discover import Served, served_by
from autoscaler.serving.kubernetes.serving import KubernetesServing

__all__ = ["KubernetesServing", "Served", "served_by"]
