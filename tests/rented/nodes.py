"""What machines do once they run: load the model, serve on their own address, join the cluster if there is one.

A thread looks at the clouds a few times a second: a machine that runs becomes a server of the simulated fleet after its
model's load time, and a Node with a kubelet where its start-up script says so; one that ended takes both with it.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from tests.rented.clouds import Clouds, Machine
from tests.servers.vllm_simulator import SimulatedFleet

if TYPE_CHECKING:
    from autoscaler.cluster.api import ClusterApi
    from tests.cluster.kubelet import Kubelet

EVERY_S = 0.1
READY_POD = "Ready"


@dataclass
class Nodes:
    """Machines' insides."""

    clouds: Clouds
    fleet: SimulatedFleet
    load_s: float
    """Of the model, on the fast clock."""
    cluster: "ClusterApi | None" = None
    kubelet: "Kubelet | None" = None
    scrape: Callable[[dict[str, dict[str, str]]], None] | None = None
    """Told the servers of the cluster and their labels."""
    served: dict[str, Machine] = field(default_factory=dict)
    """By machine, those that serve."""
    joined: dict[str, str] = field(default_factory=dict)
    """Machine -> name of its Node."""
    problems: list[str] = field(default_factory=list)
    _scraped: dict[str, dict[str, str]] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Nodes":
        self._thread = threading.Thread(target=self._work, name="nodes")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopped.wait(EVERY_S):
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - a thread's error is a test's failure, later
                self.problems.append(repr(error))

    def step(self) -> None:
        """Looks at the clouds once."""
        now = self.clouds.fast()
        machines = {one.id: one for one in self.clouds.machines()}
        for machine in machines.values():
            has_start_up = machine.user_data or machine.labels is not None
            if not machine.is_running(now) or not has_start_up:
                continue
            if self.cluster is not None and machine.id not in self.joined:
                self._join(machine)
            if machine.id not in self.served and now >= machine.runs_from + timedelta(seconds=self.load_s):
                self.fleet.add(machine.id, host=machine.address)
                self.served[machine.id] = machine
        for machine_id in list(self.served):
            if not machines[machine_id].is_running(now):
                self.fleet.remove(machine_id)
                del self.served[machine_id]
        if self.cluster is not None:
            self._leave(machines)
            self._scrape()
            self.fleet.routed = self._routed()

    # --- the cluster

    def _join(self, machine: Machine) -> None:
        """The Node that the machine's start-up script makes of it."""
        assert self.cluster is not None
        assert self.kubelet is not None
        name, labels = name_and_labels(machine)
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
            "spec": {"providerID": provider_id(machine)},
        }
        self.cluster.post("/api/v1/nodes", body)
        self.kubelet.pod_ips[name] = machine.address
        self.kubelet.alive.add(name)
        self.joined[machine.id] = name

    def _leave(self, machines: dict[str, Machine]) -> None:
        """A machine that is gone is heard of no more; its Node is for others to delete."""
        assert self.kubelet is not None
        for machine_id, name in self.joined.items():
            if machines[machine_id].ended_at is not None:
                self.kubelet.alive.discard(name)

    def _scrape(self) -> None:
        """Tells Prometheus of the servers in the cluster, as its own discovery would."""
        targets = {
            f"{machine.address}:{self.fleet.port}": {"node": self.joined[machine_id]}
            for machine_id, machine in self.served.items()
        }
        if targets != self._scraped and self.scrape is not None:
            self.scrape(targets)
            self._scraped = targets

    def _routed(self) -> set[str]:
        """Machines whose pod takes requests, as a Service would have it."""
        assert self.cluster is not None
        ready = set()
        for pod in self.cluster.get("/api/v1/pods", {"labelSelector": "app=llm"})["items"]:
            conditions = pod.get("status", {}).get("conditions") or ()
            is_ready = any(one["type"] == READY_POD and one["status"] == "True" for one in conditions)
            if is_ready and "deletionTimestamp" not in pod["metadata"]:
                ready.add(pod["spec"].get("nodeName"))
        return {machine_id for machine_id, name in self.joined.items() if name in ready}


def name_and_labels(machine: Machine) -> tuple[str, dict[str, str]]:
    """What its start-up script makes of it, or its node pool."""
    if machine.labels is not None:
        return f"pool-node-{machine.instance_id[:6]}", dict(machine.labels)
    config = k3s_config(machine.user_data)
    return config["node-name"], dict(one.partition("=")[::2] for one in config["node-label"])


def k3s_config(user_data: str) -> dict[str, Any]:
    """The agent's configuration in a cloud-config."""
    files = yaml.safe_load(user_data)["write_files"]
    (found,) = [one["content"] for one in files if one["path"] == "/etc/rancher/k3s/config.yaml"]
    config: dict[str, Any] = json.loads(found)
    return config


def provider_id(machine: Machine) -> str:
    """As the cloud's own controllers would say."""
    return {"aws": "aws:///us-east-1a/", "ovh": "openstack:///", "hetzner-cloud": "hcloud://"}[machine.provider] + (
        machine.instance_id or machine.id
    )
