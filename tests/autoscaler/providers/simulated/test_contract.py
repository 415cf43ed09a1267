from typing import TYPE_CHECKING

import pytest

from autoscaler.providers.provider import CapacityUnavailable, Permanent, Provider, ProviderError, Temporary
from tests.autoscaler.providers.contract import Call, Fault, ProviderFaults
from tests.autoscaler.providers.simulated.clouds import a_cloud, an_order, run_to

if TYPE_CHECKING:
    from autoscaler.providers.simulated.cloud import SimulatedCloud

KINDS: dict[str, type[ProviderError]] = {
    "out of stock": CapacityUnavailable,
    "quota": CapacityUnavailable,
    "auth": Permanent,
}
"""What a fault is raised as; all others: Temporary."""


class TestSimulatedCloud(ProviderFaults):
    cloud: "SimulatedCloud"

    @pytest.fixture
    def provider(self) -> Provider:
        self.cloud = a_cloud(guards_foreign=True)
        return self.cloud

    def order(self, key, node_id=None):
        return an_order(key, node_id=node_id)

    def wait(self, seconds):
        run_to(self.cloud, self.cloud._timeline.now_s + seconds)

    def add_foreign(self):
        return self.cloud.add_foreign(pool="aws/m/spot").id

    def break_next(self, fault: Fault, call: Call = "launch") -> None:
        error = KINDS.get(fault, Temporary)(f"{self.cloud.name}: {fault}")
        self.cloud.fail_next(call, error, after=fault == "timeout after")

    def appear_late(self, seconds):
        self.cloud._lists._visible_most_s = seconds
