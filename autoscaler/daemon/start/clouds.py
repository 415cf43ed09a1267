"""Clouds: what fleet.toml configures of each provider, made: the provider, its source of prices, and its check.

A client library is imported where its provider is configured, and nowhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from autoscaler.providers.check import Finding
from autoscaler.providers.provider import Product, Provider, UserData
from autoscaler.settings import Secrets
from planner.catalog.offer_id import OfferId
from planner.catalog.sources.source import Source
from planner.fleet.daemon import (
    AwsSettings,
    DaemonSettings,
    HetznerCloudSettings,
    OvhSettings,
    ProvidersSettings,
    RobotSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One provider that is configured."""

    name: str
    """As pools begin: aws, ovh, hetzner-cloud, hetzner."""
    provider: Provider
    source: Source | None
    """None: its prices are those of the plan."""
    check: Callable[[], tuple[Finding, ...]]
    """Read-only calls that tell whether the settings hold. Raises PlannerError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What clouds are made with."""

    fleet: str
    products: Mapping[str, Product]
    """By pool: all that may be launched now or after another plan."""
    planned: Mapping[str, Product]
    """By pool: those of the plan in force."""
    user_data: UserData
    secrets: Secrets
    clock: Callable[[], datetime]
    call_timeout_s: float
    usd_per_eur: Decimal | None
    models: tuple[str, ...]
    base_offers: frozenset[str]
    """Of the catalog."""
    ordered_on: Mapping[str, date]
    """By base offer, as [[owned]] says."""
    settings: DaemonSettings

    def of(self, name: str, products: Mapping[str, Product]) -> dict[str, Product]:
        """The products of one provider."""
        return {pool: product for pool, product in products.items() if OfferId.of(pool).provider == name}


def clouds_of(made: Made) -> tuple[Cloud, ...]:
    """The clouds of [providers.*], in this order. Raises InputError where a setting or secret is missing."""
    found: list[Cloud] = []
    providers = made.settings.providers
    if providers.aws is not None:
        found.append(_aws(providers.aws, made))
    if providers.ovh is not None:
        found.append(_ovh(providers.ovh, made))
    if providers.hetzner_cloud is not None:
        found.append(_hetzner_cloud(providers.hetzner_cloud, made))
    if providers.hetzner is not None:
        found.append(_robot(providers.hetzner, made))
    return tuple(found)


def quota_of(providers: ProvidersSettings) -> dict[str, int]:
    """By pool: nodes the accounts may hold, as the settings say."""
    quota: dict[str, int] = {}
    for one in (providers.aws, providers.ovh, providers.hetzner_cloud):
        if one is not None:
            quota |= one.quota
    return quota


def names_of(providers: ProvidersSettings) -> tuple[str, ...]:
    """Names of the clouds that are configured, as pools begin."""
    known = {
        "aws": providers.aws,
        "ovh": providers.ovh,
        "hetzner-cloud": providers.hetzner_cloud,
        "hetzner": providers.hetzner,
    }
    return tuple(name for name, settings in known.items() if settings is not None)


def _aws(settings: AwsSettings, made: Made) -> Cloud:
    from autoscaler.providers.aws.check import check_aws
    from autoscaler.providers.aws.provider import AwsProvider
    from planner.catalog.sources.aws import AwsPrices

    for variable in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        made.secrets.find(variable, None, key=variable)  # boto3 reads them itself; they are to be hidden all the same
    provider = AwsProvider(
        settings,
        fleet=made.fleet,
        products=made.of("aws", made.products),
        user_data=made.user_data,
        clock=made.clock,
        timeout_s=made.call_timeout_s,
    )
    planned = made.of("aws", made.planned)
    return Cloud(
        name="aws",
        provider=provider,
        source=AwsPrices(
            region=settings.region,
            zones=tuple(settings.subnets),
            clock=made.clock,
            client=provider.prices_client,
        ),
        check=lambda: check_aws(settings, planned, fleet=made.fleet, timeout_s=made.call_timeout_s),
    )


def _ovh(settings: OvhSettings, made: Made) -> Cloud:
    from autoscaler.providers.ovh.check import check_ovh
    from autoscaler.providers.ovh.keys import VARIABLES, OvhKeys
    from autoscaler.providers.ovh.make import ovh_api, ovh_provider
    from planner.catalog.sources.ovh import OvhPrices

    keys = OvhKeys(**made.secrets.named(VARIABLES, settings.secret_file, key="[providers.ovh] secret_file"))
    api = ovh_api(settings, keys, call_timeout_s=made.call_timeout_s)
    cluster = made.settings.cluster
    provider = ovh_provider(
        settings,
        api,
        fleet=made.fleet,
        products=tuple(made.of("ovh", made.products).values()),
        user_data=made.user_data,
        clock=made.clock,
        labels={} if cluster is None else cluster.labels,
        taints=() if cluster is None else cluster.taints,
    )
    planned = tuple(made.of("ovh", made.planned).values())
    return Cloud(
        name="ovh",
        provider=provider,
        source=OvhPrices(
            read=lambda path: api.errand().get(path),
            project=settings.project,
            region=settings.region,
            subsidiary=settings.subsidiary,
            usd_per_eur=made.usd_per_eur,
            clock=made.clock,
            endpoint=settings.endpoint,
            timeout_s=made.call_timeout_s,
        ),
        check=lambda: check_ovh(api, settings, planned, now=made.clock()),
    )


def _hetzner_cloud(settings: HetznerCloudSettings, made: Made) -> Cloud:
    from autoscaler.providers.hetzner_cloud.check import check_hetzner_cloud
    from autoscaler.providers.hetzner_cloud.provider import NAME, HetznerCloudProvider
    from planner.catalog.sources.hetzner_cloud import HetznerCloudPrices

    token = made.secrets.need("HCLOUD_TOKEN", settings.token_file, key="[providers.hetzner_cloud] token_file")
    provider = HetznerCloudProvider(
        settings,
        token=token,
        fleet=made.fleet,
        products=made.of(NAME, made.products),
        user_data=made.user_data,
        clock=made.clock,
        timeout_s=made.call_timeout_s,
    )
    planned = made.of(NAME, made.planned)
    return Cloud(
        name=NAME,
        provider=provider,
        source=HetznerCloudPrices(
            token=token,
            location=settings.location,
            usd_per_eur=made.usd_per_eur,
            clock=made.clock,
            endpoint_url=settings.endpoint_url,
            timeout_s=made.call_timeout_s,
        ),
        check=lambda: check_hetzner_cloud(provider.api, settings, planned, timeout_s=made.call_timeout_s),
    )


def _robot(settings: RobotSettings, made: Made) -> Cloud:
    """Dedicated servers; their fees are the plan's, so no live price is asked for."""
    from autoscaler.providers.hetzner.check import check_hetzner
    from autoscaler.providers.hetzner.provider import NAME, HetznerProvider
    from planner.catalog.sources.robot import Robot
    from planner.errors import InputError

    variables = ("HETZNER_ROBOT_USER", "HETZNER_ROBOT_PASSWORD")
    login = made.secrets.pair(variables, settings.secret_file, key="[providers.hetzner] secret_file")
    if login is None:
        raise InputError(f"{' and '.join(variables)} are not set; expected them, or [providers.hetzner] secret_file")
    robot = Robot(user=login[0], password=login[1], endpoint_url=settings.endpoint_url, timeout_s=made.call_timeout_s)
    provider = HetznerProvider(settings, robot=robot, fleet=made.fleet, clock=made.clock, ordered_on=made.ordered_on)
    return Cloud(
        name=NAME,
        provider=provider,
        source=None,
        check=lambda: check_hetzner(provider, settings, models=made.models, offers=made.base_offers),
    )


def kept_files(settings: DaemonSettings) -> tuple[tuple[str, Path], ...]:
    """Key and path of every file that the daemon keeps for others."""
    router, folder = settings.router, Path(settings.folder)
    if router is None or settings.cluster is not None:
        return ()
    named = (("[router] endpoints_file", router.endpoints_file), ("[router] targets_file", router.targets_file))
    return tuple((key, folder / Path(name).expanduser()) for key, name in named if name is not None)


def readable_files(settings: DaemonSettings) -> tuple[tuple[str, Path], ...]:
    """Key and path of every file the tables name that must be there to be read."""
    providers, folder = settings.providers, Path(settings.folder)
    named: list[tuple[str, str | None]] = []
    if settings.metrics is not None:
        named += [
            ("[metrics] token_file", settings.metrics.token_file),
            ("[metrics] ca_file", settings.metrics.ca_file),
        ]
    if settings.cluster is not None:
        named += [
            ("[cluster] kubeconfig", settings.cluster.kubeconfig),
            ("[cluster] token_file", settings.cluster.token_file),
        ]
    if settings.router is not None:
        named += [
            ("[router] key_file", settings.router.key_file),
            ("[router] node_key_file", settings.router.node_key_file),
        ]
    if providers.ovh is not None:
        named.append(("[providers.ovh] secret_file", providers.ovh.secret_file))
    if providers.hetzner_cloud is not None:
        named.append(("[providers.hetzner_cloud] token_file", providers.hetzner_cloud.token_file))
    if providers.hetzner is not None:
        named.append(("[providers.hetzner] secret_file", providers.hetzner.secret_file))
    return tuple((key, folder / Path(name).expanduser()) for key, name in named if name is not None)
