"""The contract on a real account: pytest --live aws tests/autoscaler/providers/aws/test_live.py

Credentials are found as boto3 finds them. BASELOAD_LIVE_REGION, _IMAGE, _ZONE, _SUBNET, _TYPE (t3.micro) and _USD_HOUR
say where and what is launched, and what an hour of it costs there. The same class runs on the double in every run of
the tests, so that it works on the day it is needed.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from autoscaler.providers.aws.provider import AwsProvider
from autoscaler.providers.provider import MachineState, NodeNotFound, Order, Product, Provider
from planner.fleet.daemon.aws import AwsSettings
from tests.autoscaler.providers.aws.builders import some_settings
from tests.autoscaler.providers.contract import states
from tests.autoscaler.providers.live import LiveContract, OnADouble, Purse

POOL = "aws/live"
UNLABELLED = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "baseload-live-foreign"}]}]


class LiveAws(LiveContract):
    """What both have in common."""

    unknown_ids = ("no-such-machine", "i-0123456789abcdef0")
    gone_s = 0.0  # EC2 shows what ended for an hour; nobody waits for that
    settings: AwsSettings
    ec2: Any

    def order(self, key: str, node_id: str | None = None) -> Order:
        name = f"{self.fleet}-{node_id or key}"
        return Order(key=f"{self.fleet}-{key}", node_id=name, fleet=self.fleet, pool=POOL, model="live")

    def made(self, settings: AwsSettings, kind: str, session: Any, clock: Callable[[], datetime]) -> AwsProvider:
        (zone,) = settings.subnets
        self.settings, self.kind = settings, kind
        self.ec2 = session.client("ec2", settings.region, endpoint_url=settings.endpoint_url)
        return AwsProvider(
            settings,
            fleet=self.fleet,
            products={POOL: Product(pool=POOL, name=kind, zone=zone)},
            user_data=lambda order: "#!/bin/sh\n",
            clock=clock,
            timeout_s=25.0,
            session=session,
        )

    def end_foreign(self, machine_id: str) -> None:
        self.ec2.terminate_instances(InstanceIds=[machine_id])

    def add_foreign(self) -> str:
        self.capped.purse.pay(f"{self.fleet}-foreign")
        made = self.ec2.run_instances(
            ImageId=self.settings.image_id,
            InstanceType=self.kind,
            MinCount=1,
            MaxCount=1,
            SubnetId=next(iter(self.settings.subnets.values())),
            TagSpecifications=UNLABELLED,
        )["Instances"][0]["InstanceId"]
        self.foreign.append(made)
        self.wait_until(lambda: self.is_running(self.capped, made), self.lead_s)
        return str(made)

    def is_running(self, provider: Provider, foreign: str) -> bool:
        found = self.ec2.describe_instances(InstanceIds=[foreign])["Reservations"][0]["Instances"][0]
        return bool(found["State"]["Name"] == "running")

    def test_a_terminated_machine_is_never_again_pending_or_running_and_leaves_the_lists(self, provider):
        """As the contract has it, but for the row of what ended."""
        machine = provider.launch(self.order("k1"))
        self.wait_until(lambda: states(provider, machine.id) == [MachineState.RUNNING], self.lead_s)
        provider.terminate(machine.id)
        self.wait_until(lambda: states(provider, machine.id) in ([], [MachineState.GONE]), self.lead_s)
        assert states(provider, machine.id) in ([], [MachineState.GONE])


def told(name: str, default: str | None = None) -> str:
    """What the environment says of the account."""
    found = os.environ.get(f"BASELOAD_LIVE_{name}", default)
    assert found, f"expected BASELOAD_LIVE_{name}: see docs/providers.md"
    return found


@pytest.fixture(scope="module")
def purse() -> Purse:
    """What the whole run may spend."""
    return Purse(usd_hour=Decimal(told("USD_HOUR")))


@pytest.mark.live("aws")
class TestOnARealAccount(LiveAws):
    @pytest.fixture(autouse=True)
    def no_real_account(self) -> None:
        """Here one is wanted: the fixture of this name, which hides it, is replaced."""

    @pytest.fixture
    def provider(self, purse: Purse) -> Iterator[Provider]:
        import boto3

        settings = AwsSettings(
            region=told("REGION"),
            image_id=told("IMAGE"),
            subnets={told("ZONE"): told("SUBNET")},
            endpoint_url=os.environ.get("BASELOAD_LIVE_ENDPOINT"),
        )
        kind = told("TYPE", "t3.micro")
        yield from self.live(
            lambda: self.made(settings, kind, boto3.Session(), lambda: datetime.now(UTC)), purse, time.sleep
        )


class TestOnTheDouble(LiveAws, OnADouble):
    @pytest.fixture
    def provider(self, server, double, session) -> Iterator[Provider]:
        self.double = double
        settings = some_settings(server, double, subnets={"us-east-1a": double.subnets["us-east-1a"]})
        purse = Purse(usd_hour=Decimal("0.01"), max_usd=Decimal(1))
        yield from self.live(lambda: self.made(settings, "t3.micro", session, double.clock), purse, double.wait)
        assert self.held() == 0

    def held(self) -> int:
        return int(self.double.life.held())

    def test_a_foreign_machine_counts_against_the_cap_and_is_ended_after(self, provider: Provider) -> None:
        foreign = self.add_foreign()
        assert self.capped.purse.spent_usd == Decimal("0.01")
        with pytest.raises(NodeNotFound):
            provider.terminate("i-0123456789abcdef0")
        assert self.double.state_of(foreign) == "running"
