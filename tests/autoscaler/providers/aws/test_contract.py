import pytest

from tests.autoscaler.providers.aws.builders import JOIN_TOKEN, ON_DEMAND, SPOT, SPOT_A, a_provider, an_order
from tests.autoscaler.providers.aws.conftest import SECRET_KEY
from tests.autoscaler.providers.aws.double import BUYS
from tests.autoscaler.providers.contract import ProviderPages

ACTIONS = {"machines": ("DescribeInstances",), "launch": BUYS, "terminate": ("TerminateInstances",)}


class AwsContract(ProviderPages):
    pool: str
    page_size = 5
    unknown_ids = ("no-such-machine", "i-0123456789abcdef0")
    secrets = (SECRET_KEY, JOIN_TOKEN)

    @pytest.fixture
    def provider(self, server, double, session):
        self.double = double
        return a_provider(server, double, session, page_size=self.page_size)

    def order(self, key, node_id=None):
        return an_order(key, node_id=node_id, pool=self.pool)

    def wait(self, seconds):
        self.double.wait(seconds)

    def add_foreign(self):
        return self.double.add_foreign()

    def is_running(self, provider, foreign):
        return self.double.state_of(foreign) == "running"

    def break_next(self, fault, call="launch"):
        if fault == "out of stock":
            self.double.sell_out(*(("r7a.4xlarge", zone) for zone in self.double.subnets))
        elif fault == "quota":
            self.double.quota = self.double.life.held()
        else:
            self.double.break_(fault, *ACTIONS[call])

    def mend(self):
        self.double.mend()

    def appear_late(self, seconds):
        self.double.life.late_s = seconds


class TestOneZoneBySpotRunInstances(AwsContract):
    pool = SPOT_A


class TestAnyZoneBySpotFleet(AwsContract):
    pool = SPOT


class TestAnyZoneByOnDemandFleet(AwsContract):
    pool = ON_DEMAND
