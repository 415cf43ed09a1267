"""Four clouds' price lists on loopback, as long as the real ones are, and the fleet that is told to read them.

Sizes are about those of the vendors' lists: 25 types of Hetzner Cloud in six locations, 40 dedicated servers in three,
OVH's public catalogue of some 8 MB, and of AWS 800 types on demand and a spot history of 200 types in six zones.
Prices are drawn; every product of the catalog is in its provider's list.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from planner.catalog.offer import Catalog
from tests.autoscaler.providers.aws.conftest import SECRET_KEY, Server
from tests.autoscaler.providers.aws.double import CLASSES, AwsDouble, double_of
from tests.autoscaler.providers.hetzner import double as robot
from tests.autoscaler.providers.hetzner_cloud import double as cloud
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import a_catalog, a_pricing, an_addon

CLOUD_TYPES = 25
LOCATIONS = ("fsn1", "nbg1", "hel1", "ash", "hil", "sin")
DEDICATED = 40
OVH_PLANS = 8000
AWS_TYPES = 800
SPOT_TYPES = 200
ZONES = tuple(f"us-east-1{letter}" for letter in "abcdef")
SPOT_DAYS = 40
EVERY_H = 16
"""Hours between changes of a spot price."""
FLEET = """
[catalog]
usd_per_eur = 1.16
usd_per_eur_date = 2026-11-20

[[model]]
name = "chat"
profile = "llama-7b-q4"
load_time_s = 60

[providers.aws]
region = "us-east-1"
image_id = "ami-0123456789abcdef0"
endpoint_url = "{aws}"
spot_advisor_url = "{aws}/spot-advisor-data.json"

[providers.ovh]
project = "0123456789abcdef0123456789abcdef"
region = "GRA11"
image = "Debian 12"
endpoint = "{ovh}"

[providers.hetzner_cloud]
location = "fsn1"
endpoint_url = "{cloud}"

[providers.hetzner]
endpoint_url = "{robot}"
"""


@dataclass(frozen=True, kw_only=True)
class PriceLists:
    """The four clouds while they are there."""

    fleet: str
    """Text of a fleet.toml that reads them."""
    credentials: dict[str, str]
    """Variables of the environment."""
    aws: AwsDouble


@contextmanager
def price_lists(catalog: Catalog, *, now: datetime | None = None) -> Iterator[PriceLists]:
    """The lists, with every product of the catalog in them."""
    products = {
        name: sorted({one.product for one in catalog if one.provider == name})
        for name in ("aws", "ovh", "hetzner-cloud", "hetzner")
    }
    chance = Random(20261127)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        kinds = [*products["hetzner-cloud"], *(f"cx{number}9" for number in range(1, CLOUD_TYPES))][:CLOUD_TYPES]
        patch.setattr(cloud, "PRICES", {kind: _hour_and_month(chance) for kind in kinds})
        patch.setattr(cloud, "PLACES", LOCATIONS)
        server = Server()
        stack.callback(server.close)
        aws = server.double = double_of(server.moto, patch)
        stack.callback(aws.mend)
        _priced(aws, products["aws"], now or datetime.now(UTC), chance)
        hetzner = stack.enter_context(cloud.Project())
        account = stack.enter_context(robot.Account(products=_dedicated(products["hetzner"], chance)))
        ovh = stack.enter_context(OvhDouble(now=lambda: datetime.now(UTC), catalog=_plans(products["ovh"], chance)))
        yield PriceLists(
            fleet=FLEET.format(aws=server.url, ovh=ovh.url, cloud=hetzner.http.url, robot=account.http.url),
            credentials={
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_EC2_METADATA_DISABLED": "true",
                "HCLOUD_TOKEN": cloud.TOKEN,
                "HETZNER_ROBOT_USER": robot.USER,
                "HETZNER_ROBOT_PASSWORD": robot.PASSWORD,
            },
            aws=aws,
        )
        wrong = [*account.http.violations, *account.changes, *hetzner.http.violations, *ovh.violations]
        assert not wrong, wrong[:3]


def _hour_and_month(chance: Random) -> tuple[str, str]:
    cents = chance.randrange(1, 90)
    return f"{cents / 100:.4f}", f"{cents * 6:.2f}"


def _priced(aws: AwsDouble, products: list[str], now: datetime, chance: Random) -> None:
    """On-demand prices, and a spot history that changes by a tenth up or down."""
    kinds = [*products, *(f"x{number}z.large" for number in range(AWS_TYPES))][:AWS_TYPES]
    aws.on_demand = {kind: Decimal(chance.randrange(1, 4000)).scaleb(-2) for kind in kinds}
    aws.advice = {kind: chance.choice(CLASSES) for kind in kinds}
    changes = SPOT_DAYS * 24 // EVERY_H
    for kind in kinds[:SPOT_TYPES]:
        for number, zone in enumerate(ZONES):
            first = now - timedelta(days=SPOT_DAYS, minutes=number)
            middle = aws.on_demand[kind] * Decimal("0.4")
            aws.prices[kind, zone] = [
                (first + timedelta(hours=EVERY_H * step), round(middle * chance.randrange(90, 111) / 100, 6))
                for step in range(changes)
            ]


def _dedicated(products: list[str], chance: Random) -> list[robot.Json]:
    names = [*products, *(f"ex{number}" for number in range(DEDICATED))][:DEDICATED]
    return [
        robot.a_product(name.upper(), fee=f"{chance.randrange(40, 400)}.0000", location=["FSN1", "HEL1", "NBG1"])
        for name in names
    ]


def _plans(products: list[str], chance: Random) -> robot.Json:
    """A price of each flavor by the hour, and of each plan by the month too."""
    names = [*products, *(f"p{number}-8" for number in range(OVH_PLANS))][:OVH_PLANS]
    plans = []
    for name in names:
        hour = chance.randrange(1_000_000, 900_000_000)
        plan = an_addon(f"{name}.consumption", hour)
        month = a_pricing(hour * 365, unit="month", capacities=["renew"], description="per month")
        plans.append({**plan, "pricings": [*plan["pricings"], month]})
    return a_catalog(*plans)
