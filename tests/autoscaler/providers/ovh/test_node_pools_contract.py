import pytest

from autoscaler.providers.ovh.asked import SETTLING
from autoscaler.providers.provider import Provider
from tests.autoscaler.providers.contract import ProviderFaults
from tests.autoscaler.providers.ovh.projects import SECRETS, an_order, some_node_pools

CALLS = {"machines": ("GET", "/nodepool"), "launch": ("POST", "/nodepool"), "terminate": ("DELETE", "/{nodePoolId}")}


class TestOvhNodePools(ProviderFaults):
    secrets = SECRETS
    unknown_ids = ("no-such-pool", "0d9f0d9c-3a2e-4b8c-9d8e-1f2a3b4c5d6e", "no-such-pool/no-such-node")
    asks_again_s = SETTLING.total_seconds()

    @pytest.fixture
    def provider(self, double, clock, api) -> Provider:
        self.double, self.clock = double, clock
        return some_node_pools(api, double)

    def order(self, key, node_id=None):
        return an_order(key, node_id)

    def wait(self, seconds):
        self.clock.wait(seconds)

    def add_foreign(self):
        pool = self.double.kube.make({"name": "somebody-elses", "flavorName": "b3-8"})
        pool.nodes[0].ready_at = self.clock()
        return f"{pool.id}/{pool.nodes[0].id}"

    def break_next(self, fault, call="launch"):
        self.double.broken[CALLS[call]] = fault

    def mend(self):
        self.double.broken.clear()

    def appear_late(self, seconds):
        self.double.kube.late_s = seconds
