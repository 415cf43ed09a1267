"""A daemon as a process over simulated clouds, on a clock that runs faster: `python -m …process FOLDER SCALE TIMEOUT`.

All but the clouds, the serving side and the clock is the real thing: database, plan file, lease, port, log, signals.
The folder steers it: `demand` holds the output tok/s asked for, and while there is a file `hang` a provider hangs,
which the file `hanging` tells. Where it holds a `kubeconfig`, the lease is kept in that cluster. TIMEOUT: seconds of
the machine's that a call is waited for.
"""

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock

from autoscaler.cluster.api import connect
from autoscaler.cluster.lease import ClusterLease
from autoscaler.daemon.clock import SystemClock
from autoscaler.daemon.plan.source import PlanFile
from autoscaler.daemon.plan.watch import PlanWatch
from autoscaler.daemon.serve import Voice, serve
from autoscaler.daemon.setup import Setup
from autoscaler.daemon.start.build import holder_of
from autoscaler.fleet import Node
from autoscaler.leadership import Leadership
from autoscaler.providers.provider import Listing, Machine, Order, Provider
from autoscaler.records import Records, open_records
from autoscaler.report.status_json import status_text
from autoscaler.serving.serving import ModelReading, Readings
from planner.fleet.daemon import AutoscaleSettings, ClusterSettings
from policies.scaling import ScalingPolicy
from tests.autoscaler.daemon.clocks import START
from tests.autoscaler.daemon.rig import World

FLEET = "blue"
NAMESPACE = "baseload"
"""Where the lease is: that of the shipped rights."""
LEASE_S = 600.0
"""Ten seconds of the machine's, at the scale of the tests; a call is waited for by the machine's own clock."""


class FastClock(SystemClock):
    """The machine's clock, so many times as fast, from START on."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale
        self._began_s = time.monotonic()

    def monotonic_s(self) -> float:
        return (time.monotonic() - self._began_s) * self._scale

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic_s())

    def sleep_until(self, monotonic_s: float) -> None:
        left_s = (monotonic_s - self.monotonic_s()) / self._scale
        self.wait_s(left_s)


class Living:
    """A simulated cloud that lives by the clock, and hangs while the folder says so."""

    def __init__(self, cloud: Provider, world: "LivingWorld") -> None:
        self._cloud = cloud
        self._world = world

    @property
    def name(self) -> str:
        return self._cloud.name

    def machines(self) -> Listing:
        self._world.hang_if_told()
        with self._world.lock:
            self._world.live()
            return self._cloud.machines()

    def launch(self, order: Order) -> Machine:
        with self._world.lock:
            self._world.live()
            return self._cloud.launch(order)

    def terminate(self, machine_id: str) -> None:
        with self._world.lock:
            self._world.live()
            self._cloud.terminate(machine_id)


class LivingWorld:
    """Clouds and serving side of one process."""

    def __init__(self, folder: Path, clock: FastClock) -> None:
        self.folder = folder
        self.clock = clock
        self.lock = RLock()
        self.world = World()
        self.providers = tuple(Living(cloud, self) for cloud in self.world.clouds.values())

    def live(self) -> None:
        self.world.clock.seconds = self.clock.monotonic_s()
        self.world.live()

    def hang_if_told(self) -> None:
        if (self.folder / "hang").exists():
            logging.getLogger("cloud").warning("it hangs")
        while (self.folder / "hang").exists():
            (self.folder / "hanging").touch()
            time.sleep(0.01)

    def read(self) -> Readings:
        with self.lock:
            self.live()
            asked = float((self.folder / "demand").read_text(encoding="utf-8"))
            model = ModelReading(measured_at=self.clock.now(), input_tok_s=0.0, output_tok_s=asked)
            return Readings(models={"m": model}, nodes=dict(self.world.serving.readings))

    def stop_routing(self, node_id: str) -> None:
        self.world.serving.stop_routing(node_id)

    def resume_routing(self, node_id: str) -> None:
        self.world.serving.resume_routing(node_id)

    def follow(self, nodes: Sequence[Node]) -> None:
        self.world.serving.follow(nodes)


def leadership_of(folder: Path, records: Records, holder: str, clock: FastClock, stack: ExitStack) -> Leadership:
    """The lease in the cluster of the folder's kubeconfig; without one, in the database."""
    kubeconfig = folder / "kubeconfig"
    if not kubeconfig.exists():
        return records.leadership(holder, lease_s=LEASE_S, checks_clock=False)
    cluster = connect(ClusterSettings(kubeconfig=str(kubeconfig)), folder=str(folder), timeout_s=10.0)
    stack.callback(cluster.close)
    return ClusterLease(
        cluster,
        namespace=NAMESPACE,
        name=f"baseload-{FLEET}",
        holder=holder,
        lease_s=LEASE_S,
        least_epoch=records.epoch,
        elapsed=clock.monotonic_s,
    )


def main(folder: Path, scale: float, call_timeout_s: float) -> None:
    """Runs until a signal ends it."""
    clock = FastClock(scale)
    world = LivingWorld(folder, clock)
    with ExitStack() as stack:
        records = stack.enter_context(open_records(str(folder / "ledger.sqlite"), fleet=FLEET))
        holder = holder_of({})
        setup = Setup(
            settings=AutoscaleSettings(
                fleet=FLEET, listen="127.0.0.1:0", call_timeout_s=call_timeout_s, lease_s=LEASE_S
            ),
            policy=ScalingPolicy(max_nodes=20),
            models=("m",),
            plan=PlanWatch(PlanFile(folder / "plan.json"), models=["m"]),
            providers=world.providers,
            serving=world,
            journal=lambda: records.journal,
            leadership=leadership_of(folder, records, holder, clock, stack),
            controls=records.controls,
            save=lambda status: records.save_status(status_text(status), status.at),
            holder=holder,
            version="0.0",
        )
        serve(setup, clock, Voice(stream=sys.stderr, render=status_text, form="json"))
    clock.close()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    except KeyboardInterrupt:
        sys.exit(130)
