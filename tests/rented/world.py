"""A rented world: three clouds, machines that serve a model, a real Prometheus, and the daemon as a process of its own.

Everything is on loopback, under one fast clock. `World` is used by the journey of the daemon, by what kills it between
any two steps, by the long run, and by the demo.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tests.autoscaler.providers.aws.conftest import SECRET_KEY
from tests.autoscaler.providers.aws.double import REGION
from tests.autoscaler.providers.hetzner_cloud.double import TOKEN
from tests.autoscaler.providers.ovh.cloud import IMAGE, PROJECT
from tests.autoscaler.providers.ovh.cloud import REGION as OVH_REGION
from tests.autoscaler.providers.ovh.double import APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY
from tests.rented.clock import FastTime
from tests.rented.clouds import KIND, SPOT_USD_HOUR, ZONE, Clouds, Machine, rented_clouds
from tests.rented.nodes import Nodes
from tests.rented.prometheus_front import PrometheusFront
from tests.servers.process import free_port
from tests.servers.real_prometheus import RealPrometheus, real_prometheus
from tests.servers.vllm_simulator import SimulatedFleet

if TYPE_CHECKING:
    from tests.cluster.control_plane import Cluster
    from tests.cluster.kubelet import Kubelet

ROOT = Path(__file__).parents[2]
PATIENCE = 3.0
"""How many times slower a busy machine may be than a quiet one."""
START = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
MODEL = "chat"
FLEET = "rented"
JOIN_TOKEN = "K10planted-join-token::server:0123456789"
PREFILL_TOK_S, DECODE_TOK_S = 4000.0, 500.0
"""Of every node: 0.3 s of work for a request of 400 input and 100 output tokens."""
PRICES = {
    "aws/r7a.4xlarge": Decimal("2.40"),
    "aws/r7a.4xlarge/spot": SPOT_USD_HOUR,
    "ovh/b3-8": Decimal("0.24"),
    "hetzner-cloud/cx33": Decimal("0.18"),
}
"""USD per hour, net."""
PLANTED = (SECRET_KEY, TOKEN, APPLICATION_SECRET, CONSUMER_KEY, JOIN_TOKEN)
"""Secrets that may be in no output."""
CATALOG = """\
provider = "rented"
price_date = 2026-10-01
currency = "USD"
net_of_vat = true
source = "the rented world of the tests"

[group_max]
hetzner-account = {hetzner_max}

[defaults]
role = "burst"
region = "loopback"
vcpu = 16
memory_gib = 64
lead_time_s = 60

[[offer]]
provider = "aws"
product = "r7a.4xlarge"
billing = "second"
price_usd_hour = {on_demand}

[[offer]]
provider = "aws"
product = "r7a.4xlarge"
is_spot = true
interruptions_per_hour = 0.02
billing = "second"
price_usd_hour = {spot}
max_count = {spot_max}

[[offer]]
provider = "ovh"
product = "b3-8"
billing = "started_hour"
price_usd_hour = {ovh}
max_count = 4

[[offer]]
provider = "hetzner-cloud"
product = "cx33"
billing = "started_hour"
price_usd_hour = {hetzner}
count_group = "hetzner-account"
"""
PROFILE = """\
name = "rented-chat"
source = "the rented world of the tests"
date = 2026-10-01
basis = "measured"
"""
MACHINE = """
[[machine]]
server = "{server}"
prefill_tok_s = {prefill}
decode_tok_s = {decode}
concurrency = 16
"""
FLEET_TOML = """\
[[model]]
name = "chat"
profile = "rented-chat"
load_time_s = {load_s}

[catalog]
shipped = false
files = ["catalog.toml"]

[profiles]
files = ["profile.toml"]

[policy]
target_utilization = 0.75

[policy.scaling]
max_nodes = {max_nodes}
max_usd_hour = {max_usd_hour}
launch_timeout_s = 1200.0
drain_timeout_s = 300.0
cooldown_s = {cooldown_s}
renewal_margin_s = 480.0
hold_s = 120.0
is_predictive = false
min_nodes = {{ chat = 1 }}
{scaling}
[database]
url = "{database}"

[autoscale]
fleet = "rented"
interval_s = 120.0
plan = "plan.json"
listen = "127.0.0.1:{port}"
call_timeout_s = {call_timeout_s}
lease_s = {lease_s}
leadership = "{leadership}"

[metrics]
prometheus_url = "{prometheus}"
engine = "vllm"
window_s = 300.0
timeout_s = 10.0

[providers.aws]
region = "us-east-1"
image_id = "{image_id}"
subnets = {{ us-east-1a = "{subnet}" }}
queue_url = "{queue_url}"
endpoint_url = "{aws}"

[providers.ovh]
project = "{project}"
region = "{ovh_region}"
image = "{image}"
endpoint = "{ovh}"
networks = ["net"]
{ovh_backend}
[providers.hetzner_cloud]
location = "fsn1"
endpoint_url = "{hetzner}"
networks = [456]
"""
IN_CLUSTER = """
[cluster]
kubeconfig = "{kubeconfig}"
server_url = "{server_url}"
token_file = "join-token"
"""
WITHOUT_CLUSTER = """
[router]
kind = "file"
endpoints_file = "endpoints.json"
targets_file = "{targets}"
port = {node_port}

[server]
command = {{ chat = "exec vllm serve chat" }}
"""


@dataclass
class World:
    """What a test looks at and moves."""

    folder: Path
    fast: FastTime
    clouds: Clouds
    traffic: SimulatedFleet
    nodes: Nodes
    prometheus: RealPrometheus
    front: PrometheusFront
    queue_url: str
    port: int
    spawned: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What the daemon finds: its secrets, and the fast clock."""
        return environment_of(self.fast.told_by)

    # --- the daemon

    def command(self, *words: str, code: int = 0) -> str:
        """What `baseload words` says on stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.rented.daemon_process", *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def start(self, *more: str, **environment: str) -> "subprocess.Popen[bytes]":
        """The daemon as a process; its log goes to daemon.log."""
        with (self.folder / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.rented.daemon_process", "autoscale", "run", "-c", str(self.fleet), *more],
                cwd=ROOT,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.spawned.append(process)
        return process

    def stop(self) -> None:
        """Ends every daemon, for sure."""
        for process in self.spawned:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.spawned:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def fleet(self) -> Path:
        return self.folder / "fleet.toml"

    @property
    def log(self) -> str:
        """What every daemon of this world has said."""
        path = self.folder / "daemon.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def status(self) -> dict[str, Any]:
        """What the daemon tells of the fleet."""
        found: dict[str, Any] = json.loads(self.command("autoscale", "status", "-c", str(self.fleet), "--json"))
        return found

    def kill(self) -> None:
        """Ends the last daemon between two of its instructions."""
        process = self.spawned.pop()
        process.kill()
        process.wait()

    def story(self) -> str:
        """What the daemon did and says of itself, for a failure."""
        told = [line for line in self.log.splitlines() if " event=tick " not in line]
        status = self.command("autoscale", "status", "-c", str(self.fleet))
        return "\n".join([*told[-40:], status, *self.nodes.problems[-5:]])

    # --- what happens to it

    def warn(self, machine: Machine) -> None:
        """EC2 says that it takes the instance back in two minutes."""
        warn(self.clouds, self.queue_url, machine.id)

    def queue(self) -> Any:
        """SQS, as the account's owner."""
        return queue_of(self.clouds)

    def running(self) -> list[Machine]:
        """Machines whose end nobody asked for."""
        return [one for one in self.clouds.machines() if one.ended_at is None]

    def bill_usd(self) -> Decimal:
        """What the clouds' own books say is owed until now."""
        now = self.fast()
        return sum((one.charge_usd(PRICES, now) for one in self.clouds.machines()), Decimal(0))

    def books(self) -> list[str]:
        """The clouds' own books, a line for each machine, as people would read them."""
        now = self.fast()
        return [
            f"{one.provider} {one.product}{' spot' if one.is_spot else ''} {one.id}: {one.made_at:%H:%M:%S} to "
            f"{one.ended_at or now:%H:%M:%S}, {one.charge_usd(PRICES, now):.4f} USD"
            for one in self.clouds.machines()
        ]

    def until(self, holds: Any, within_s: float, what: str) -> None:
        """Waits, on the wall's clock; `within_s` is for a machine that has little else to do."""
        import time

        deadline = time.monotonic() + PATIENCE * within_s
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}\n{self.story()}")
            for process in self.spawned[-1:]:
                assert process.poll() in (None, 0, -signal.SIGKILL), self.log[-6000:]
            time.sleep(0.1)


def environment_of(also: dict[str, str]) -> dict[str, str]:
    """What a daemon of the world finds: its secrets, what the machine has, and `also`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "OVH_", "HCLOUD_"))}
    return (
        kept
        | also
        | {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HCLOUD_TOKEN": TOKEN,
            "OVH_APPLICATION_KEY": APPLICATION_KEY,
            "OVH_APPLICATION_SECRET": APPLICATION_SECRET,
            "OVH_CONSUMER_KEY": CONSUMER_KEY,
            "NO_COLOR": "1",
        }
    )


def queue_of(clouds: Clouds) -> Any:
    """SQS, as the account's owner."""
    session = boto3.Session("AKIAIOSFODNN7EXAMPLE", SECRET_KEY, region_name=REGION)
    return session.client("sqs", endpoint_url=clouds.aws_url)


def warn(clouds: Clouds, queue_url: str, machine_id: str) -> None:
    """EC2 says, twice, that it takes the instance back in two minutes: at least once, says SQS."""
    body = {
        "version": "0",
        "id": f"warning-{machine_id}",
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "source": "aws.ec2",
        "account": "123456789012",
        "time": f"{clouds.fast():%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:ec2:{ZONE}:instance/{machine_id}"],
        "detail": {"instance-id": machine_id, "instance-action": "terminate"},
    }
    queue = queue_of(clouds)
    for _ in range(2):
        queue.send_message(QueueUrl=queue_url, MessageBody=json.dumps(body))


def interruptions(sqs: Any) -> str:
    """The URL of a queue as infra/aws/baseload.yaml makes it."""
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 120})
    made = sqs.create_queue(QueueName="interruptions", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "30"})
    return str(made["QueueUrl"])


@contextmanager
def rented_world(
    folder: Path,
    *,
    scale: float = 60.0,
    load_s: float = 60.0,
    cluster: "Cluster | None" = None,
    kubelet: "Kubelet | None" = None,
    kubeconfig: Path | None = None,
    start: datetime = START,
    **numbers: Any,
) -> Iterator[World]:
    """The world while the block runs; with a cluster its nodes join it, without one a file of endpoints is kept."""
    fast = FastTime.beginning(start, scale=scale)
    with ExitStack() as stack:
        clouds = stack.enter_context(rented_clouds(fast))
        port = free_port()
        prometheus = stack.enter_context(real_prometheus(job="vllm", also={"baseload": f"127.0.0.1:{port}"}))
        front = PrometheusFront(prometheus.url, fast)
        stack.callback(front.close)
        traffic = stack.enter_context(
            SimulatedFleet(model=MODEL, prefill_tok_s=PREFILL_TOK_S, decode_tok_s=DECODE_TOK_S)
        )
        traffic.arrivals_per_s = 2.0
        stack.enter_context(traffic.running(scale=scale))
        nodes = Nodes(clouds=clouds, fleet=traffic, load_s=load_s)
        if cluster is not None:
            nodes.cluster, nodes.kubelet, nodes.scrape = cluster.api(), kubelet, prometheus.scrape
            stack.callback(nodes.cluster.close)
        stack.enter_context(nodes)
        world = World(
            folder=folder,
            fast=fast,
            clouds=clouds,
            traffic=traffic,
            nodes=nodes,
            prometheus=prometheus,
            front=front,
            queue_url="",
            port=port,
        )
        world.queue_url = interruptions(world.queue())
        _write(world, load_s=load_s, cluster=cluster, kubeconfig=kubeconfig, **numbers)
        stack.callback(world.stop)
        yield world


def _write(world: World, *, load_s: float, cluster: "Cluster | None", kubeconfig: Path | None, **numbers: Any) -> None:
    """fleet.toml, catalog, profile, forecast, and the plan made of them."""
    if cluster is None:
        side = WITHOUT_CLUSTER.format(targets=world.prometheus.targets, node_port=world.traffic.port)
    else:
        side = IN_CLUSTER.format(kubeconfig=kubeconfig, server_url=cluster.url)
    write_files(
        world.folder,
        world.clouds,
        side=side,
        port=world.port,
        prometheus=world.front.url,
        queue_url=world.queue_url,
        load_s=load_s,
        **numbers,
    )
    world.command(*plan_words(world.folder))
    assert {KIND} == {name.split("/")[1] for name in PRICES if name.startswith("aws")}


def write_files(folder: Path, clouds: Clouds, *, side: str, **numbers: Any) -> None:
    """fleet.toml, catalog, profile and forecast; `side`: the tables of the serving side."""
    known = {"max_nodes": 12, "max_usd_hour": 12.0, "spot_max": 1, "hetzner_max": 2, "leadership": "database"}
    known |= {"database": "ledger.sqlite", "cooldown_s": 120.0, "scaling": "", "ovh_backend": "", "start": START}
    asked: dict[str, Any] = known | {"call_timeout_s": 25.0, "lease_s": 600.0} | numbers
    by_name = {name.replace("/", "_").replace(".", "_").replace("-", "_"): price for name, price in PRICES.items()}
    (folder / "catalog.toml").write_text(
        CATALOG.format(
            on_demand=by_name["aws_r7a_4xlarge"],
            spot=by_name["aws_r7a_4xlarge_spot"],
            ovh=by_name["ovh_b3_8"],
            hetzner=by_name["hetzner_cloud_cx33"],
            spot_max=asked["spot_max"],
            hetzner_max=asked["hetzner_max"],
        )
    )
    servers = ("aws/r7a.4xlarge", "ovh/b3-8", "hetzner-cloud/cx33")
    rates = {"prefill": PREFILL_TOK_S, "decode": DECODE_TOK_S}
    (folder / "profile.toml").write_text(PROFILE + "".join(MACHINE.format(server=one, **rates) for one in servers))
    (folder / "join-token").write_text(JOIN_TOKEN)
    text = FLEET_TOML.format(
        **asked,
        image_id=clouds.aws.image_id,
        subnet=clouds.aws.subnets[ZONE],
        aws=clouds.aws_url,
        project=PROJECT,
        ovh_region=OVH_REGION,
        image=IMAGE,
        ovh=clouds.ovh.url,
        hetzner=clouds.hetzner.http.url,
    )
    (folder / "fleet.toml").write_text(text + side)
    rows = [f"{asked['start'] + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},800,200" for hour in range(24)]
    (folder / "forecast.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows, ""]))


def plan_words(folder: Path) -> list[str]:
    """The command that makes the plan of the folder."""
    forecast, plan = str(folder / "forecast.csv"), str(folder / "plan.json")
    return ["plan", "-q", "-c", str(folder / "fleet.toml"), "-f", forecast, "-o", plan]
