"""AWS: spot prices by type and zone, and where a type is sold at all. Reads only.

The history of a spot price opens with the record before its window: that is the price in force when it begins.
On-demand prices are not asked for here: they change seldom, and the catalog has them with their date.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from planner.catalog.aws_zones import is_zone_of
from planner.catalog.sources.quote import Quote
from planner.catalog.sources.source import PoolAsked, PoolNow, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from boto3 import Session
    from botocore.config import Config
    from mypy_boto3_ec2 import EC2Client

PRODUCT = "Linux/UNIX"
KEPT_DAYS = 90
"""Of spot prices, by EC2 (DescribeSpotPriceHistory)."""
SPOT_SOURCE = "EC2 DescribeSpotPriceHistory"
SOURCE = f"{SPOT_SOURCE} and DescribeInstanceTypeOfferings"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotPrice:
    """The price of a type in a zone from one time on."""

    product: str
    zone: str
    since: datetime
    usd_hour: Decimal


class AwsPrices:
    """What one region says."""

    def __init__(
        self,
        *,
        region: str,
        zones: Sequence[str],
        clock: Callable[[], datetime],
        endpoint_url: str | None = None,
        timeout_s: float = 25.0,
        session: Session | None = None,
        client: Callable[[], EC2Client] | None = None,
    ) -> None:
        """`zones`: those with a subnet, for pools without one; none: every zone of the region.

        `client`: gives a client that is made already, in place of one with credentials as boto3 or `session` has them.
        """
        self._region = region
        self._zones = frozenset(zones)
        self._clock = clock
        self._endpoint_url = endpoint_url
        self._timeout_s = timeout_s
        self._session = session
        self._given = client
        self._client: EC2Client | None = None

    def now(self, pools: Sequence[PoolAsked]) -> tuple[PoolNow, ...]:
        """The spot price in force of each spot pool, and of every pool, where it is not sold.

        A pool without a zone has the price of the dearest of its zones: which of them it starts in is not known.
        A type that is sold in a zone may be out of stock there; that it can be had is never said.
        """
        as_of = self._clock()
        sold = self.offered({pool.product for pool in pools})
        records = self.history({pool.product for pool in pools if pool.is_spot}, start=as_of, end=as_of)
        prices = in_force(records, as_of)
        found = []
        for pool in pools:
            zones = self._zones_of(pool, sold.get(pool.product, frozenset()))
            known = [prices[pool.product, zone] for zone in sorted(zones) if (pool.product, zone) in prices]
            found.append(
                PoolNow(
                    pool=pool.pool,
                    price_usd_hour=max(known, default=None) if pool.is_spot else None,
                    is_available=None if zones else False,
                    as_of=as_of,
                    source=SOURCE,
                )
            )
        return tuple(found)

    def quotes(self, pools: Sequence[PoolAsked]) -> tuple[Quote, ...]:
        """A quote of each spot pool that has a price now; of a type and its zones, the dearest. Raises SourceError."""
        return tuple(
            Quote(
                offer=one.pool,
                currency="USD",
                price_hour=one.price_usd_hour,
                is_available=one.is_available,
                as_of=one.as_of,
                source=f"{SPOT_SOURCE}, {self._region}",
            )
            for one in self.now([pool for pool in pools if pool.is_spot])
            if one.price_usd_hour is not None
        )

    def history(self, products: set[str], *, start: datetime, end: datetime) -> tuple[SpotPrice, ...]:
        """Spot prices of the types in [start, end], oldest first, with those in force at the start. At most 90 days.

        Raises SourceError.
        """
        if not products:
            return ()
        found = []
        with asked("DescribeSpotPriceHistory"):
            pages = self._ec2.get_paginator("describe_spot_price_history").paginate(
                InstanceTypes=sorted(products),  # type: ignore[arg-type]  # the stubs list the types of their day
                ProductDescriptions=[PRODUCT],
                StartTime=start,
                EndTime=end,
            )
            for page in pages:
                for row in page["SpotPriceHistory"]:
                    try:
                        price = Decimal(row["SpotPrice"])
                    except InvalidOperation as error:
                        raise SourceError(f"aws: DescribeSpotPriceHistory: {row['SpotPrice']!r} is no price") from error
                    if price > 0:
                        found.append(
                            SpotPrice(
                                product=row["InstanceType"],
                                zone=row["AvailabilityZone"],
                                since=row["Timestamp"],
                                usd_hour=price,
                            )
                        )
        return tuple(sorted(found, key=lambda one: (one.since, one.product, one.zone)))

    def offered(self, products: set[str]) -> dict[str, frozenset[str]]:
        """The zones that each type is sold in; a type that is sold nowhere in the region is not there.

        Raises SourceError.
        """
        if not products:
            return {}
        found: dict[str, set[str]] = {}
        with asked("DescribeInstanceTypeOfferings"):
            pages = self._ec2.get_paginator("describe_instance_type_offerings").paginate(
                LocationType="availability-zone",
                Filters=[{"Name": "instance-type", "Values": sorted(products)}],
            )
            for page in pages:
                for row in page["InstanceTypeOfferings"]:
                    found.setdefault(row["InstanceType"], set()).add(row["Location"])
        return {product: frozenset(zones) for product, zones in found.items()}

    def _zones_of(self, pool: PoolAsked, sold: frozenset[str]) -> frozenset[str]:
        """Where the pool's nodes may start and its type is sold."""
        if pool.zone is not None:
            return sold & {pool.zone}
        return sold & (self._zones or frozenset(zone for zone in sold if is_zone_of(self._region, zone)))

    @property
    def _ec2(self) -> EC2Client:
        if self._given is not None:
            return self._given()
        if self._client is None:
            session = self._session or quick_session()
            config = client_config(self._timeout_s)
            self._client = session.client("ec2", self._region, endpoint_url=self._endpoint_url, config=config)
        return self._client


@contextmanager
def asked(action: str) -> Iterator[None]:
    """Whatever AWS or its client library says went wrong with the action, as a SourceError."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise SourceError(f"aws: {action}: {said.get('Code')}: {said.get('Message')}") from error
    except (BotoCoreError, ResponseParserError, KeyError) as error:
        raise SourceError(f"aws: {action}: {type(error).__name__}, no answer that can be read") from error


def quick_session() -> Session:
    """A session that reads the times of answers ten times as fast as the client library does, which takes any form.

    A month's history of spot prices has thousands of them; what is not as EC2 writes it is left to the library.
    """
    import boto3
    from botocore.session import get_session
    from botocore.utils import parse_timestamp

    def read(text: Any) -> datetime:
        if isinstance(text, str):
            try:
                found = datetime.fromisoformat(text)
            except ValueError:
                pass
            else:
                if found.tzinfo is not None:
                    return found
        read_by_library: datetime = parse_timestamp(text)
        return read_by_library

    session = get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read)
    return boto3.Session(botocore_session=session)


def client_config(timeout_s: float) -> Config:
    """Two tries, which together take no longer than the time given."""
    from botocore.config import Config

    return Config(
        retries={"total_max_attempts": 2, "mode": "standard"},
        connect_timeout=timeout_s / 10,
        read_timeout=timeout_s / 4,
    )


def in_force(records: Sequence[SpotPrice], at: datetime) -> dict[tuple[str, str], Decimal]:
    """USD per hour by (type, zone) at that time, from records that are oldest first."""
    return {(one.product, one.zone): one.usd_hour for one in records if one.since <= at}
