"""Makes what speaks to OVH of the settings in fleet.toml."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from autoscaler.providers.ovh.api import OvhApi
from autoscaler.providers.ovh.instances import OvhInstances
from autoscaler.providers.ovh.keys import OvhKeys
from autoscaler.providers.ovh.node_pools import OvhNodePools
from autoscaler.providers.provider import Product, Provider, UserData
from planner.fleet.daemon import OvhSettings, Taint


def ovh_api(settings: OvhSettings, keys: OvhKeys, *, call_timeout_s: float) -> OvhApi:
    """The API of the settings' project. Raises Permanent where the endpoint is none."""
    return OvhApi(endpoint=settings.endpoint, keys=keys, project=settings.project, call_timeout_s=call_timeout_s)


def ovh_provider(
    settings: OvhSettings,
    api: OvhApi,
    *,
    fleet: str,
    products: Sequence[Product],
    user_data: UserData,
    clock: Callable[[], datetime],
    labels: Mapping[str, str] | None = None,
    taints: Sequence[str] = (),
) -> Provider:
    """The settings' backend. `user_data` is for instances; `labels` and `taints` of [cluster] for node pools."""
    if settings.backend == "node-pools":
        assert settings.cluster is not None  # the settings say so
        return OvhNodePools(
            api=api,
            fleet=fleet,
            cluster=settings.cluster,
            region=settings.region,
            products=products,
            clock=clock,
            labels=labels,
            taints=[Taint.of(text) for text in taints],
        )
    assert settings.image is not None  # the settings say so
    return OvhInstances(
        api=api,
        fleet=fleet,
        region=settings.region,
        image=settings.image,
        products=products,
        user_data=user_data,
        clock=clock,
        networks=settings.networks,
        ssh_key=settings.ssh_key,
    )
