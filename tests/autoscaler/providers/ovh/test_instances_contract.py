import pytest

from autoscaler.providers.ovh.asked import SETTLING
from autoscaler.providers.provider import Provider
from tests.autoscaler.providers.contract import ProviderFaults
from tests.autoscaler.providers.ovh.projects import SECRETS, an_order, some_instances

CALLS = {"machines": ("GET", "/instance"), "launch": ("POST", "/instance"), "terminate": ("DELETE", "/{instanceId}")}


class TestOvhInstances(ProviderFaults):
    secrets = SECRETS
    unknown_ids = ("no-such-machine", "0d9f0d9c-3a2e-4b8c-9d8e-1f2a3b4c5d6e")
    asks_again_s = SETTLING.total_seconds()

    @pytest.fixture
    def provider(self, double, clock, api) -> Provider:
        self.double, self.clock = double, clock
        return some_instances(api, double)

    def order(self, key, node_id=None):
        return an_order(key, node_id)

    def wait(self, seconds):
        self.clock.wait(seconds)

    def add_foreign(self):
        return self.double.cloud.add("somebody-elses").id

    def break_next(self, fault, call="launch"):
        self.double.broken[CALLS[call]] = fault

    def mend(self):
        self.double.broken.clear()

    def appear_late(self, seconds):
        self.double.cloud.late_s = seconds
