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
from tests.autoscaler.providers.live import LiveContract, OnADouble, Purse, clean_up


class LiveHetznerCloud(LiveContract):
    """What both have in common."""

    cloud: HetznerCloudProvider
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

    def end_foreign(self, machine_id: str) -> None:
        self.cloud.api.call("DELETE", f"/servers/{machine_id}", deadline_s=self.cloud.api.now_s() + 25)


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
        self.kind, self.place = what()
        yield from self.live(self._cloud, purse, time.sleep)

    def _cloud(self) -> Provider:
        self.cloud = HetznerCloudProvider(
            HetznerCloudSettings(location=self.place, endpoint_url=endpoint()),
            token=token(),
            fleet=self.fleet,
            products={POOL: Product(pool=POOL, name=self.kind)},
            user_data=lambda _: "#cloud-config\n",
            clock=lambda: datetime.now(UTC),
        )
        return self.cloud


class TestOnTheDouble(LiveHetznerCloud, OnADouble):
    project: Project

    @pytest.fixture
    def provider(self, project: Project) -> Iterator[Provider]:
        self.project, self.kind, self.place = project, "cx33", "fsn1"
        yield from self.live(self._cloud, Purse(usd_hour=Decimal("0.01")), project.clock.pass_s)
        assert self.held() == 0

    def _cloud(self) -> Provider:
        self.cloud = a_cloud(self.project, fleet=self.fleet)
        return self.cloud

    def held(self) -> int:
        return sum(one.deleted_at is None for one in self.project.servers.values())

    def test_what_cannot_be_ended_is_named(self, provider: Provider) -> None:
        machine = provider.launch(self.order("k1"))
        self.project.fault("DELETE", "/servers/{id}", 423, "locked", times=3)
        with pytest.raises(pytest.fail.Exception, match=f"by hand: {machine.id}"):
            clean_up(provider, self.fleet, self.sleep, tries=3)
