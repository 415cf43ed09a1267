"""Three clouds on loopback under one fast clock: AWS, OVHcloud and Hetzner Cloud, their machines, and their own books.

The books are what the doubles remember of orders and ends, charged here by hand: a started hour is paid whole, a second
of AWS by itself with a minute at least, and spot that AWS takes back within its first hour is free.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.autoscaler.providers.aws.conftest import Server
from tests.autoscaler.providers.aws.double import AwsDouble, double_of, tags_of
from tests.autoscaler.providers.hetzner_cloud.double import Project
from tests.autoscaler.providers.ovh.double import OvhDouble
from tests.autoscaler.providers.ovh.projects import a_catalog, an_addon
from tests.rented.clock import FastTime

HOUR_S = 3600
ZONE = "us-east-1a"
KIND = "r7a.4xlarge"
SPOT_USD_HOUR = Decimal("0.20")


class FastAws(AwsDouble):
    """The account of AWS, whose time passes by itself."""

    fast: FastTime | None = None

    @property
    def now(self) -> datetime:
        """The clock's; what the double sets is what it begins with."""
        return super().__getattribute__("_set") if self.fast is None else self.fast()

    @now.setter
    def now(self, at: datetime) -> None:
        self._set = at


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine of ours that some cloud has, as it really is."""

    provider: str
    id: str
    product: str
    is_spot: bool
    address: str
    user_data: str
    made_at: datetime
    runs_from: datetime
    ended_at: datetime | None
    """Its end was accepted, or it was taken back."""
    was_taken_back: bool
    instance_id: str = ""
    """What its Node in a cluster says it is."""
    labels: Mapping[str, str] | None = None
    """Of a node that joins its cluster by itself; None: its user data says how it joins."""

    @property
    def offer(self) -> str:
        """Its id in the catalog."""
        return f"{self.provider}/{self.product}{'/spot' if self.is_spot else ''}"

    def is_running(self, now: datetime) -> bool:
        return self.runs_from <= now and (self.ended_at is None or now < self.ended_at)

    def until(self, moment: datetime) -> "Machine":
        """The same, had it ended then at the latest."""
        return self if self.ended_at is not None and self.ended_at < moment else replace(self, ended_at=moment)

    def charge_usd(self, prices: dict[str, Decimal], now: datetime) -> Decimal:
        """What its cloud charges until now."""
        used = (self.ended_at or now) - self.made_at
        price = prices[self.offer]
        if self.provider != "aws":
            return math.ceil(used / timedelta(hours=1)) * price
        if self.was_taken_back and used < timedelta(hours=1):
            return Decimal(0)
        return max(Decimal(60), Decimal(str(used.total_seconds()))) * price / HOUR_S


class Clouds:
    """The three doubles."""

    def __init__(self, fast: FastTime, aws: AwsDouble, aws_url: str, ovh: OvhDouble, hetzner: Project) -> None:
        self.fast = fast
        self.aws = aws
        self.aws_url = aws_url
        self.ovh = ovh
        self.hetzner = hetzner
        self.foreign: set[str] = set()
        """Machines of somebody else in the same accounts."""
        self._taken_back: dict[str, datetime] = {}

    def machines(self) -> list[Machine]:
        """Every machine that was ever made for us, oldest first."""
        found = [one for one in (*self._of_aws(), *self._of_ovh(), *self._of_hetzner()) if one.id not in self.foreign]
        return sorted(found, key=lambda one: (one.made_at, one.id))

    def add_foreign(self) -> None:
        """Somebody else starts a machine in each account."""
        hetzner = self.hetzner.add_foreign()
        pool = self.ovh.kube.make({"name": "theirs", "flavorName": "b3-8"})
        self.foreign |= {self.aws.add_foreign(), self.ovh.cloud.add("theirs").id, str(hetzner.id), pool.id}

    def has(self, machine: Machine) -> bool:
        """Whether its cloud has it yet, ended or not."""
        if machine.provider == "hetzner-cloud":
            return int(machine.id) in self.hetzner.servers
        if machine.provider == "aws":
            return machine.ended_at is None or self.fast() < machine.ended_at
        cloud, kube = self.ovh.cloud, self.ovh.kube
        if machine.id in kube.pools:
            return kube.is_there(kube.pools[machine.id])
        return cloud.is_there(cloud.instances[machine.id])

    def touched(self) -> set[str]:
        """Machines of somebody else whose end was asked for."""
        ended = {one.id for one in (*self._of_ovh(), *self._of_hetzner()) if one.ended_at is not None}
        return self.foreign & (ended | {str(one) for one in self.aws.life.ever if self.aws.life.is_ended(one)})

    def take_back(self, machine_id: str) -> None:
        """AWS takes a spot instance back now; `warn` said so before."""
        with self.aws._lock:
            self._taken_back[machine_id] = self.fast()
            (one,) = [one for one in self.aws.life.instances() if one.id == machine_id]
            one.terminate()
            self.aws.life.go_to(self.fast())

    def _of_aws(self) -> Iterator[Machine]:
        with self.aws._lock:
            self.aws.life.go_to(self.fast())
            born, ended = dict(self.aws.life._born), dict(self.aws.life._ended)
            for one in list(self.aws.life.ever.values()):
                tags = tags_of(one)
                if "owner" in tags or one.id not in born:
                    continue
                yield Machine(
                    provider="aws",
                    id=str(one.id),
                    product=str(one.instance_type),
                    is_spot=one.lifecycle == "spot",
                    address=str(one.private_ip),
                    user_data=one.user_data.decode() if one.user_data else "",
                    made_at=born[one.id],
                    runs_from=born[one.id] + timedelta(seconds=30),
                    ended_at=ended.get(one.id),
                    was_taken_back=one.id in self._taken_back,
                )

    def _of_ovh(self) -> Iterator[Machine]:
        cloud = self.ovh.cloud
        names = {one["id"]: name for name, one in cloud.flavors.items()}
        for number, one in enumerate(list(cloud.instances.values()), 1):
            yield Machine(
                provider="ovh",
                id=one.id,
                product=names[one.body["flavorId"]],
                is_spot=False,
                address=f"{cloud.private_prefix}{number}",
                user_data=one.body.get("userData") or "",
                made_at=one.created_at,
                runs_from=one.active_at,
                ended_at=one.end_asked_at,
                was_taken_back=False,
            )
        for number, pool in enumerate(list(self.ovh.kube.pools.values()), 101):
            (node,) = pool.nodes
            yield Machine(
                provider="ovh",
                id=pool.id,
                product=pool.body["flavorName"],
                is_spot=False,
                address=f"{cloud.private_prefix}{number}",
                user_data="",
                made_at=pool.created_at,
                runs_from=node.ready_at,
                ended_at=pool.end_asked_at,
                was_taken_back=False,
                instance_id=node.instance_id,
                labels=pool.body["template"]["metadata"]["labels"],
            )

    def _of_hetzner(self) -> Iterator[Machine]:
        for one in list(self.hetzner.ever.values()):
            yield Machine(
                provider="hetzner-cloud",
                id=str(one.id),
                product=one.server_type,
                is_spot=False,
                address=f"{self.hetzner.private_prefix}{one.id % 250}",
                user_data=one.user_data,
                made_at=one.created,
                runs_from=one.created + timedelta(seconds=self.hetzner.starting_s),
                ended_at=one.deleted_at,
                was_taken_back=False,
            )


@contextmanager
def rented_clouds(fast: FastTime) -> Iterator[Clouds]:
    """The three clouds while the block runs, each on a net of its own within 127.0.0.0/8."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        server = Server()
        stack.callback(server.close)
        aws = double_of(server.moto, patch, FastAws)
        assert isinstance(aws, FastAws)
        aws.fast = fast
        server.double = aws
        stack.callback(aws.mend)
        aws.move_subnets("127.4")
        aws.prices[KIND, ZONE] = [(fast() - timedelta(days=1), SPOT_USD_HOUR)]
        ovh = stack.enter_context(OvhDouble(now=fast))
        ovh.catalog = a_catalog(an_addon("b3-8.consumption", 24_000_000), currency="USD")
        ovh.cloud.private_prefix = "127.3.0."
        hetzner = stack.enter_context(Project(clock=fast))  # type: ignore[arg-type]
        hetzner.private_prefix = "127.2.0."
        yield Clouds(fast, aws, server.url, ovh, hetzner)
