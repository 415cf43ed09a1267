"""Sides: the serving side, the cluster and the start-up script that fleet.toml describes, made."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from autoscaler.providers.provider import Order, Permanent, UserData
from autoscaler.serving.serving import Serving
from autoscaler.settings import Secrets
from planner.errors import InputError
from planner.fleet.daemon import DaemonSettings
from policies.scaling import ScalingPolicy

if TYPE_CHECKING:
    from pydantic import SecretStr

    from autoscaler.cluster.api import ClusterApi
    from autoscaler.serving.metrics import MetricsReader

CLUSTER_TIMEOUT_S = 10.0
"""Of one request to the API server; a read of the serving side takes several."""


def cluster_of(settings: DaemonSettings) -> "ClusterApi | None":
    """A door to the cluster; None: there is none. Raises InputError."""
    if settings.cluster is None:
        return None
    from autoscaler.cluster.api import connect

    timeout_s = min(CLUSTER_TIMEOUT_S, settings.autoscale.call_timeout_s)
    return connect(settings.cluster, folder=settings.folder, timeout_s=timeout_s)


def metrics_of(settings: DaemonSettings, models: tuple[str, ...], secrets: Secrets) -> "MetricsReader | None":
    """Who reads [metrics], to be closed; None: there are none. Raises InputError where the token cannot be read."""
    if settings.metrics is None:
        return None
    from autoscaler.serving.metrics import metrics_reader

    token = secrets.find("BASELOAD_PROMETHEUS_TOKEN", settings.metrics.token_file, key="[metrics] token_file")
    return metrics_reader(settings.metrics, models, token=token, folder=settings.folder)


@contextmanager
def serving_of(
    settings: DaemonSettings,
    models: tuple[str, ...],
    *,
    policy: ScalingPolicy,
    secrets: Secrets,
    cluster: "ClusterApi | None",
    metrics: "MetricsReader | None",
    clock: Callable[[], datetime],
) -> Iterator[Serving]:
    """The serving side of [cluster], else of [router]. Raises InputError where a setting or secret is missing."""
    if cluster is not None:
        yield _in_cluster(settings, models, policy=policy, cluster=cluster, metrics=metrics, clock=clock)
        return
    from autoscaler.serving.plain.make import plain_serving

    router = settings.router
    if router is None:
        raise InputError("[cluster] and [router] are missing; expected one of them, to say who serves")
    plain = plain_serving(
        settings,
        models,
        clock=clock,
        metrics=metrics,
        master_key=secrets.find("LITELLM_MASTER_KEY", router.key_file, key="[router] key_file"),
        node_key=secrets.find("BASELOAD_NODE_KEY", router.node_key_file, key="[router] node_key_file"),
    )
    with closing(plain):
        yield plain


def _in_cluster(
    settings: DaemonSettings,
    models: tuple[str, ...],
    *,
    policy: ScalingPolicy,
    cluster: "ClusterApi",
    metrics: "MetricsReader | None",
    clock: Callable[[], datetime],
) -> Serving:
    from autoscaler.serving.kubernetes import KubernetesServing

    if metrics is None:
        raise InputError("[metrics] is missing; expected the Prometheus that scrapes the model servers")
    assert settings.cluster is not None  # there is a door to it
    return KubernetesServing(
        cluster,
        fleet=settings.autoscale.fleet,
        models=models,
        metering=metrics.read,
        clock=clock,
        drain_timeout_s=policy.drain_timeout_s,
        model_label=settings.cluster.model_label,
    )


def user_data_of(settings: DaemonSettings, secrets: Secrets) -> UserData:
    """The start-up script of a node: it joins [cluster], else runs what [server] says. Raises InputError."""
    cluster, providers = settings.cluster, settings.providers
    is_scripted = (
        providers.aws is not None
        or providers.hetzner_cloud is not None
        or (providers.ovh is not None and providers.ovh.backend == "instances")
    )
    if not is_scripted:
        return _no_script
    from autoscaler.join import ClusterJoin, PlainStart

    if cluster is None:
        return PlainStart(settings.server)

    def token() -> "SecretStr":
        return secrets.need("BASELOAD_JOIN_TOKEN", cluster.token_file, key="[cluster] token_file")

    token()  # a missing one is told now, not at the first launch
    return ClusterJoin(cluster, token=token)


def _no_script(order: Order) -> str:
    raise Permanent(f"{order.pool}: no provider that takes a start-up script is configured")
