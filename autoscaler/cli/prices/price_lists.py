"""Price lists: what each provider's list needs to be read, and the reading of it. Client libraries are imported lazily.

OVH's list is public; Hetzner Cloud's, Robot's and AWS' are read with the credentials the daemon has. A provider without
them is passed over and said, or refused where it was asked for by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from autoscaler.settings import Secrets
from planner.catalog.offer import Catalog, Offer
from planner.catalog.sources.quote import Quote
from planner.fleet import Fleet
from planner.ledger import InterruptionClass, SpotPrice

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from pydantic import SecretStr

    from autoscaler.providers.ovh.keys import OvhKeys
    from planner.fleet.daemon import OvhSettings

ROBOT = ("HETZNER_ROBOT_USER", "HETZNER_ROBOT_PASSWORD")
LOCATION = "fsn1"
"""Of Hetzner Cloud, where no location is configured."""
TIMEOUT_S = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """One provider's list."""

    provider: str
    offers: tuple[Offer, ...]
    """Of the catalog, that it may have."""
    read: Callable[[], tuple[Quote, ...]] | None
    """Raises SourceError. None: what is needed to ask is missing."""
    missing: str = ""
    """What that is, and what was expected."""
    advise: Callable[[], tuple[InterruptionClass, ...]] | None = None
    """How often its spot offers are taken back; raises SourceError. None: it does not say."""
    recall: Callable[[], tuple[SpotPrice, ...]] | None = None
    """How its spot prices changed before now; raises SourceError. None: it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """With what providers are asked."""

    fleet: Fleet
    secrets: Secrets
    clock: Callable[[], datetime]


def price_lists(catalog: Catalog, asking: Asking) -> tuple[PriceList, ...]:
    """The list of every provider of the catalog that has one, in the order of their names."""
    found = []
    for provider, made in sorted(LISTS.items()):
        offers = tuple(offer for offer in catalog if offer.provider == provider)
        if offers:
            found.append(made(offers, asking))
    return tuple(found)


def _aws(offers: tuple[Offer, ...], asking: Asking) -> PriceList:
    try:
        import boto3
    except ModuleNotFoundError:
        return PriceList(
            provider="aws", offers=offers, read=None, missing="boto3 is not installed; install baseload[aws]"
        )
    from planner.catalog.sources.aws import AwsPrices
    from planner.catalog.sources.aws_pricing import AwsOnDemandPrices
    from planner.catalog.sources.source import PoolAsked
    from planner.catalog.sources.spot_advisor import URL

    settings = asking.fleet.daemon.providers.aws
    for variable in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        asking.secrets.find(variable, None, key=variable)  # boto3 reads them itself; they are to be hidden all the same
    if boto3.Session().get_credentials() is None:
        missing = "no credentials; expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or another way boto3 knows"
        return PriceList(provider="aws", offers=offers, read=None, missing=missing)
    endpoint = None if settings is None else settings.endpoint_url
    clients = _Clients(endpoint)

    def read() -> tuple[Quote, ...]:
        found: list[Quote] = []
        for region in sorted({offer.region for offer in offers}):
            here = [offer for offer in offers if offer.region == region]
            zones = tuple(settings.subnets) if settings is not None and settings.region == region else ()
            spot = AwsPrices(region=region, zones=zones, clock=asking.clock, client=partial(clients.ec2, region))
            pools = [
                PoolAsked(pool=one.id, product=one.product, zone=one.zone, is_spot=True) for one in here if one.is_spot
            ]
            found += spot.quotes(pools) if pools else ()
            listed = AwsOnDemandPrices(region=region, clock=asking.clock, endpoint_url=endpoint, timeout_s=TIMEOUT_S)
            found += listed.quotes({one.id: one.product for one in here if not one.is_spot})
        return tuple(found)

    def advise() -> tuple[InterruptionClass, ...]:
        return _advice(offers, asking, URL if settings is None else settings.spot_advisor_url or URL)

    def recall() -> tuple[SpotPrice, ...]:
        return _history(offers, asking, clients)

    if not any(offer.is_spot for offer in offers):
        return PriceList(provider="aws", offers=offers, read=read)
    return PriceList(provider="aws", offers=offers, read=read, advise=advise, recall=recall)


class _Clients:
    """One client of EC2 for each region, for every thread: reading the description of EC2 takes longer than a call."""

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._lock = Lock()
        self._made: dict[str, EC2Client] = {}

    def ec2(self, region: str) -> "EC2Client":
        """The region's client; whoever comes first makes it."""
        from planner.catalog.sources.aws import client_config, quick_session

        with self._lock:
            if region not in self._made:
                self._made[region] = quick_session().client(
                    "ec2", region, endpoint_url=self._endpoint, config=client_config(TIMEOUT_S)
                )
            return self._made[region]


def _history(offers: tuple[Offer, ...], asking: Asking, clients: _Clients) -> tuple[SpotPrice, ...]:
    """Every change of the spot offers' prices in all zones, of the fleet's days or as long as AWS keeps them."""
    from planner.catalog.sources.aws import KEPT_DAYS, AwsPrices

    end = asking.clock()
    start = end - timedelta(days=min(asking.fleet.catalog.spot_days, KEPT_DAYS))
    found: list[SpotPrice] = []
    for region in sorted({offer.region for offer in offers if offer.is_spot}):
        products = {offer.product for offer in offers if offer.is_spot and offer.region == region}
        prices = AwsPrices(region=region, zones=(), clock=asking.clock, client=partial(clients.ec2, region))
        found += [
            SpotPrice(
                provider="aws",
                product=one.product,
                zone=one.zone,
                since=one.since.astimezone(UTC),
                usd_hour=one.usd_hour,
            )
            for one in prices.history(products, start=start, end=end)
        ]
    return tuple(found)


def _advice(offers: tuple[Offer, ...], asking: Asking, url: str) -> tuple[InterruptionClass, ...]:
    """The advisor's class of each spot offer whose type it knows in its region."""
    from planner.catalog.sources.spot_advisor import SOURCE, fetch, read_advice

    text, today = fetch(url, timeout_s=TIMEOUT_S), asking.clock().date()
    spot = [offer for offer in offers if offer.is_spot]
    advice = {region: read_advice(text, region) for region in sorted({offer.region for offer in spot})}
    return tuple(
        InterruptionClass(offer=offer.id, interruption_range=said.interruption_range, said_on=today, source=SOURCE)
        for offer in spot
        if (said := advice[offer.region].get(offer.product)) is not None
    )


def _ovh(offers: tuple[Offer, ...], asking: Asking) -> PriceList:
    from autoscaler.providers.ovh.keys import VARIABLES, OvhKeys
    from planner.catalog.sources.ovh import OvhPrices

    settings = asking.fleet.daemon.providers.ovh
    is_american = settings is None and {offer.region for offer in offers} == {"US"}

    def read() -> tuple[Quote, ...]:
        keys = None
        if settings is not None:
            given = {name: asking.secrets.find(variable, None, key=variable) for name, variable in VARIABLES.items()}
            if settings.secret_file is not None or all(given.values()):
                key = "[providers.ovh] secret_file"
                keys = OvhKeys(**asking.secrets.named(VARIABLES, settings.secret_file, key=key))
        prices = OvhPrices(
            read=None if settings is None or keys is None else _ovh_reader(settings, keys),
            project="" if settings is None else settings.project,
            region="" if settings is None else settings.region,
            subsidiary="US" if is_american else "FR" if settings is None else settings.subsidiary,
            usd_per_eur=None,
            clock=asking.clock,
            endpoint="ovh-us" if is_american else "ovh-eu" if settings is None else settings.endpoint,
            timeout_s=TIMEOUT_S,
        )
        return prices.quotes({offer.id: offer.product for offer in offers})

    return PriceList(provider="ovh", offers=offers, read=read)


def _ovh_reader(settings: "OvhSettings", keys: "OvhKeys") -> Callable[[str], object]:
    from autoscaler.providers.ovh.make import ovh_api

    api = ovh_api(settings, keys, call_timeout_s=TIMEOUT_S)
    return lambda path: api.errand().get(path)


def _hetzner_cloud(offers: tuple[Offer, ...], asking: Asking) -> PriceList:
    from planner.catalog.sources.hetzner_cloud import HetznerCloudPrices

    settings = asking.fleet.daemon.providers.hetzner_cloud
    file = None if settings is None else settings.token_file
    token = asking.secrets.find("HCLOUD_TOKEN", file, key="[providers.hetzner_cloud] token_file")
    if token is None:
        missing = "HCLOUD_TOKEN is not set; expected it, or a file named by [providers.hetzner_cloud] token_file"
        return PriceList(provider="hetzner-cloud", offers=offers, read=None, missing=missing)
    known: SecretStr = token

    def read() -> tuple[Quote, ...]:
        prices = HetznerCloudPrices(
            token=known,
            location=LOCATION if settings is None else settings.location,
            usd_per_eur=None,
            clock=asking.clock,
            endpoint_url=None if settings is None else settings.endpoint_url,
            timeout_s=TIMEOUT_S,
        )
        return prices.quotes({offer.id: offer.product for offer in offers})

    return PriceList(provider="hetzner-cloud", offers=offers, read=read)


def _robot(offers: tuple[Offer, ...], asking: Asking) -> PriceList:
    from planner.catalog.sources.hetzner import quotes
    from planner.catalog.sources.robot import Robot
    from planner.fleet.daemon import RobotSettings

    settings = asking.fleet.daemon.providers.hetzner or RobotSettings()
    login = asking.secrets.pair(ROBOT, settings.secret_file, key="[providers.hetzner] secret_file")
    if login is None:
        missing = (
            f"{' and '.join(ROBOT)} are not set; expected them, or a file named by [providers.hetzner] secret_file"
        )
        return PriceList(provider="hetzner", offers=offers, read=None, missing=missing)
    user, password = login

    def read() -> tuple[Quote, ...]:
        robot = Robot(user=user, password=password, endpoint_url=settings.endpoint_url, timeout_s=TIMEOUT_S)
        return quotes(robot, {offer.id: offer.product for offer in offers}, location=None, as_of=asking.clock())

    return PriceList(provider="hetzner", offers=offers, read=read)


LISTS: dict[str, Callable[[tuple[Offer, ...], Asking], PriceList]] = {
    "aws": _aws,
    "hetzner": _robot,
    "hetzner-cloud": _hetzner_cloud,
    "ovh": _ovh,
}


def named(lists: Sequence[PriceList], wanted: Sequence[str]) -> tuple[tuple[PriceList, ...], tuple[str, ...]]:
    """The lists to read, and a remark for each that cannot be. Raises InputError where one of `wanted` cannot be."""
    from planner.errors import InputError

    known = {one.provider: one for one in lists}
    for name in wanted:
        if name not in known:
            raise InputError(
                f"--provider {name}: no price list of the fleet's catalog; expected one of {', '.join(known)}"
            )
        if known[name].read is None:
            raise InputError(f"--provider {name}: {known[name].missing}")
    chosen = [known[name] for name in dict.fromkeys(wanted)] if wanted else list(lists)
    remarks = tuple(f"{one.provider}: not asked: {one.missing}" for one in chosen if one.read is None)
    return tuple(one for one in chosen if one.read is not None), remarks
