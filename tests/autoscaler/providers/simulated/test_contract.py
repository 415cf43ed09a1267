import pytest

from autoscaler.providers.provider import Provider
from tests.autoscaler.providers.contract import ProviderContract
from tests.autoscaler.providers.simulated.clouds import a_cloud, an_order, run_to


class TestSimulatedCloud(ProviderContract):
    @pytest.fixture
    def provider(self) -> Provider:
        self.cloud = a_cloud()
        return self.cloud

    def order(self, key, node_id=None):
        return an_order(key, node_id=node_id)

    def wait(self, seconds):
        run_to(self.cloud, self.cloud._timeline.now_s + seconds)

    def add_foreign(self):
        return self.cloud.add_foreign(pool="aws/m/spot").id
