"""The contract on a real project: pytest --live hetzner-cloud tests/autoscaler/providers/hetzner_cloud/test_live.py

Needs HCLOUD_TOKEN, of a project that holds nothing else. BASELOAD_LIVE_TYPE (cx23) and BASELOAD_LIVE_LOCATION (fsn1)
say what is launched, HCLOUD_ENDPOINT where. The same class runs on the double in every run of the tests, so that it
works on the day it is needed.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from autoscaler.providers.hetzner_cloud.provider import HetznerCloudProvider
from autoscaler.providers.provider import MachineState, Order, Product, Provider
from planner.catalog.read import shipped_fx
from planner.catalog.sources.hetzner_cloud import HetznerCloudPrices
from planner.catalog.sources.source import PoolAsked
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings
from tests.autoscaler.providers.contract import states
from tests.autoscaler.providers.hetzner_cloud.clouds import POOL, a_cloud, an_order
from tests.autoscaler.providers.hetzner_cloud.double import Project
from tests.autoscaler.providers.live import Capped, LiveContract, Purse, a_fleet, clean_up


class LiveHetznerCloud(LiveContract):
    """What both have in common."""

    cloud: HetznerCloudProvider
    capped: Capped
    kind: str
    place: str
    unknown_ids = ("no-such-machine", "9007199254740991")

    def order(self, key: str, node_id: str | None = None) -> Order:
        return an_order(f"{self.fleet}-{key}", node_id, fleet=self.fleet)

    def add_foreign(self) -> str:
        name = f"{self.fleet}-foreign"
        self.capped.purse.pay(name)
        body = {"name": name, "server_type": self.kind, "image": "debian-12", "location": self.place}
        deadline_s = self.cloud.api.now_s() + 25
        server = self.cloud.api.call("POST", "/servers", deadline_s=deadline_s, body=body)["server"]
        self.foreign.append(str(server["id"]))
        self.wait_until(lambda: states(self.cloud, str(server["id"])) == [MachineState.RUNNING], self.lead_s)
        return str(server["id"])

    def begin(self, cloud: HetznerCloudProvider, purse: Purse, kind: str, place: str) -> None:
        self.cloud, self.kind, self.place = cloud, kind, place
        self.capped = Capped(cloud, purse)
        self.foreign: list[str] = []

    def end(self) -> None:
        for server in self.foreign:
            self.cloud.api.call("DELETE", f"/servers/{server}", deadline_s=self.cloud.api.now_s() + 25)
        clean_up(self.cloud, self.fleet, self.sleep)


def what() -> tuple[str, str]:
    """Server type and location that are launched."""
    return os.environ.get("BASELOAD_LIVE_TYPE", "cx23"), os.environ.get("BASELOAD_LIVE_LOCATION", "fsn1")


def token() -> SecretStr:
    """The real project's."""
    found = os.environ.get("HCLOUD_TOKEN", "")
    assert found, "expected HCLOUD_TOKEN of a project that holds nothing else"
    return SecretStr(found)


def endpoint() -> str | None:
    """Another API than Hetzner's."""
    return os.environ.get("HCLOUD_ENDPOINT")


@pytest.fixture(scope="module")
def purse() -> Purse:
    """What the whole run may spend, at today's price."""
    kind, place = what()
    prices = HetznerCloudPrices(
        token=token(),
        location=place,
        usd_per_eur=shipped_fx().usd_per_eur,
        clock=lambda: datetime.now(UTC),
        endpoint_url=endpoint(),
    )
    (found,) = prices.now([PoolAsked(pool=POOL, product=kind)])
    assert found.price_usd_hour is not None, f"{kind} in {place} has no price"
    return Purse(usd_hour=found.price_usd_hour)


@pytest.mark.live("hetzner-cloud")
class TestOnARealProject(LiveHetznerCloud):
    @pytest.fixture
    def provider(self, purse: Purse) -> Iterator[Provider]:
        self.fleet, self.sleep = a_fleet(), time.sleep
        kind, place = what()
        cloud = HetznerCloudProvider(
            HetznerCloudSettings(location=place, endpoint_url=endpoint()),
            token=token(),
            fleet=self.fleet,
            products={POOL: Product(pool=POOL, name=kind)},
            user_data=lambda _: "#cloud-config\n",
            clock=lambda: datetime.now(UTC),
        )
        self.begin(cloud, purse, kind, place)
        yield self.capped
        self.end()


class TestOnTheDouble(LiveHetznerCloud):
    project: Project

    @pytest.fixture
    def provider(self, project: Project) -> Iterator[Provider]:
        self.project = project
        self.fleet, self.sleep = a_fleet(), project.clock.pass_s
        self.begin(a_cloud(project, fleet=self.fleet), Purse(usd_hour=Decimal("0.01")), "cx33", "fsn1")
        yield self.capped
        self.end()
        left = [one for one in project.servers.values() if one.deleted_at is None]
        assert left == []

    def test_beyond_the_cap_nothing_is_ordered(self, provider: Provider) -> None:
        self.capped.purse.max_usd = Decimal("0.02")
        for key in ("k1", "k2", "k1"):
            provider.launch(self.order(key, key))
        with pytest.raises(pytest.fail.Exception, match=r"cap of 0\.02 USD"):
            provider.launch(self.order("k3", "k3"))
        assert len(self.project.servers) == 2

    def test_what_cannot_be_ended_is_named(self, provider: Provider) -> None:
        machine = provider.launch(self.order("k1"))
        self.project.fault("DELETE", "/servers/{id}", 423, "locked", times=3)
        with pytest.raises(pytest.fail.Exception, match=f"by hand: {machine.id}"):
            clean_up(provider, self.fleet, self.sleep, tries=3)
