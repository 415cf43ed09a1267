"""The serving side that [cluster] and [metrics] of fleet.toml describe."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from autoscaler.cluster.api import ClusterApi
from autoscaler.serving.kubernetes.serving import KubernetesServing
from autoscaler.serving.metrics import metrics_reader
from planner.errors import InputError
from planner.fleet.daemon import DaemonSettings

if TYPE_CHECKING:
    from pydantic import SecretStr


def kubernetes_serving(
    settings: DaemonSettings,
    models: Sequence[str],
    *,
    api: ClusterApi,
    clock: Callable[[], datetime],
    drain_timeout_s: float,
    prometheus_token: "SecretStr | None" = None,
) -> KubernetesServing:
    """The serving side of a fleet in a cluster; `drain_timeout_s`: of its scaling policy. Raises InputError."""
    if settings.cluster is None:
        raise InputError("[cluster] is missing; expected it, or [router], to say who sends requests to the nodes")
    if settings.metrics is None:
        raise InputError("[metrics] is missing; expected the Prometheus that scrapes the model servers of the cluster")
    reader = metrics_reader(settings.metrics, models, token=prometheus_token, folder=settings.folder)
    return KubernetesServing(
        api,
        fleet=settings.autoscale.fleet,
        models=models,
        metering=reader.read,
        clock=clock,
        drain_timeout_s=drain_timeout_s,
        model_label=settings.cluster.model_label,
    )
