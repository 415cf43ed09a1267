"""The contract on a real project: pytest --live ovh tests/autoscaler/providers/ovh/test_live.py

Needs OVH_APPLICATION_KEY, OVH_APPLICATION_SECRET and OVH_CONSUMER_KEY with the rights of infra/ovh/instances.json, and
BASELOAD_LIVE_PROJECT, of a project that holds nothing else. BASELOAD_LIVE_FLAVOR (b3-8), BASELOAD_LIVE_REGION (GRA11)
and BASELOAD_LIVE_IMAGE (Debian 12) say what is launched, OVH_ENDPOINT (ovh-eu) where. The same class runs on the double
in every run of the tests, so that it works on the day it is needed.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from autoscaler.providers.ovh.api import OvhApi
from autoscaler.providers.ovh.instances import OvhInstances
from autoscaler.providers.ovh.keys import VARIABLES
from autoscaler.providers.provider import MachineState, Order, Product, Provider
from planner.catalog.read import shipped_fx
from planner.catalog.sources.ovh import OvhPrices
from planner.catalog.sources.source import PoolAsked
from tests.autoscaler.providers.contract import states
from tests.autoscaler.providers.live import LiveContract, OnADouble, Purse, clean_up
from tests.autoscaler.providers.ovh.double import Clock, OvhDouble
from tests.autoscaler.providers.ovh.projects import POOL, an_order, some_instances, some_keys


class LiveOvh(LiveContract):
    """What both have in common."""

    api: OvhApi
    cloud: OvhInstances
    unknown_ids = ("no-such-machine", "0d9f0d9c-3a2e-4b8c-9d8e-1f2a3b4c5d6e")

    def order(self, key: str, node_id: str | None = None) -> Order:
        return an_order(f"{self.fleet}-{key}", node_id, fleet=self.fleet)

    def add_foreign(self) -> str:
        self.capped.purse.pay(f"{self.fleet}-foreign")
        errand = self.api.errand()
        body = {**self.cloud._body(errand, self.order("foreign")), "name": "somebody-elses"}
        machine_id = str(errand.send("POST", errand.of_project("instance"), body)["id"])
        self.foreign.append(machine_id)
        self.wait_until(lambda: states(self.cloud, machine_id) == [MachineState.RUNNING], self.lead_s)
        return machine_id

    def end_foreign(self, machine_id: str) -> None:
        errand = self.api.errand()
        errand.send("DELETE", errand.of_project("instance", machine_id))


def asked(variable: str, otherwise: str | None = None) -> str:
    found = os.environ.get(variable, otherwise)
    assert found, f"expected {variable}, of a project that holds nothing else"
    return found


def an_account() -> OvhApi:
    """The real one."""
    keys = some_keys(**{field: asked(variable) for field, variable in VARIABLES.items()})
    return OvhApi(
        endpoint=asked("OVH_ENDPOINT", "ovh-eu"), keys=keys, project=asked("BASELOAD_LIVE_PROJECT"), call_timeout_s=25.0
    )


def what() -> tuple[str, str]:
    """Flavor and region that are launched."""
    return asked("BASELOAD_LIVE_FLAVOR", "b3-8"), asked("BASELOAD_LIVE_REGION", "GRA11")


@pytest.fixture(scope="module")
def purse() -> Purse:
    """What the whole run may spend, at today's price."""
    flavor, region = what()
    api = an_account()
    prices = OvhPrices(
        read=api.read,
        project=api.project,
        region=region,
        subsidiary="FR",
        usd_per_eur=shipped_fx().usd_per_eur,
        clock=lambda: datetime.now(UTC),
        endpoint=asked("OVH_ENDPOINT", "ovh-eu"),
    )
    (found,) = prices.now([PoolAsked(pool=POOL, product=flavor)])
    api.close()
    assert found.price_usd_hour is not None, f"{flavor} in {region} has no price"
    return Purse(usd_hour=found.price_usd_hour)


@pytest.mark.live("ovh")
class TestOnARealProject(LiveOvh):
    @pytest.fixture
    def provider(self, purse: Purse) -> Iterator[Provider]:
        self.api = an_account()
        yield from self.live(self._cloud, purse, time.sleep)
        self.api.close()

    def _cloud(self) -> Provider:
        flavor, region = what()
        self.cloud = OvhInstances(
            api=self.api,
            fleet=self.fleet,
            region=region,
            image=asked("BASELOAD_LIVE_IMAGE", "Debian 12"),
            products=(Product(pool=POOL, name=flavor),),
            user_data=lambda _: "#cloud-config\n",
            clock=lambda: datetime.now(UTC),
        )
        return self.cloud


class TestOnTheDouble(LiveOvh, OnADouble):
    @pytest.fixture
    def provider(self, double: OvhDouble, clock: Clock, api: OvhApi) -> Iterator[Provider]:
        self.double, self.api = double, api
        yield from self.live(self._cloud, Purse(usd_hour=Decimal("0.01")), clock.wait)
        assert self.held() == 0

    def _cloud(self) -> Provider:
        self.cloud = some_instances(self.api, self.double, fleet=self.fleet)
        return self.cloud

    def held(self) -> int:
        return sum(one.end_asked_at is None for one in self.double.cloud.instances.values())

    def test_what_cannot_be_ended_is_named(self, provider: Provider) -> None:
        machine = provider.launch(self.order("k1"))
        self.double.broken[("DELETE", "/{instanceId}")] = "server error"
        with pytest.raises(pytest.fail.Exception, match=f"by hand: {machine.id}"):
            clean_up(provider, self.fleet, self.sleep, tries=3)
        self.double.broken.clear()


def test_the_real_account_takes_all_three_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(AssertionError, match="OVH_APPLICATION_KEY"):
        an_account()
