"""What a managed Kubernetes cluster of OVH holds, driven by a clock: node pools and nodes, in the schema's words."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.autoscaler.providers.ovh.cloud import FLAVORS, PROJECT, REGION, Refusal, stamp

CLUSTER = "c1a2b3c4-0000-4000-8000-000000000001"
TEMPLATE = {
    "metadata": {"labels": {}, "annotations": {}, "finalizers": []},
    "spec": {"taints": [], "unschedulable": False},
}


@dataclass
class Node:
    id: str
    created_at: datetime
    ready_at: datetime
    gone_at: datetime | None = None
    status: str | None = None
    """Other than what its age says."""
    instance_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """What its Node in the cluster says it is."""


@dataclass
class NodePool:
    id: str
    body: dict[str, Any]
    created_at: datetime
    visible_at: datetime
    nodes: list[Node] = field(default_factory=list)
    end_asked_at: datetime | None = None
    gone_at: datetime | None = None
    status: str | None = None


@dataclass
class OvhKube:
    now: Callable[[], datetime]
    install_s: float = 200.0
    delete_s: float = 120.0
    late_s: float = 0.0
    """Pools made from now on are in no list, and found by no id, for that long."""
    waits: str | None = None
    """Nodes made from now on wait with that status."""
    sold_out: set[str] = field(default_factory=set)
    pools: dict[str, NodePool] = field(default_factory=dict)
    """All that ever were, by id: the books."""

    def answers(self) -> dict[tuple[str, str], Any]:
        """By method and path below the cluster: what answers ids of the path, query and body."""
        return {
            ("GET", ""): lambda ids, query, body: self.cluster(),
            ("GET", "/flavors"): lambda ids, query, body: self.flavors(),
            ("GET", "/node"): lambda ids, query, body: [
                self.node_row(pool, node) for pool in self.seen() for node in pool.nodes if self.is_there(node)
            ],
            ("GET", "/nodepool"): lambda ids, query, body: [self.row(pool) for pool in self.seen()],
            ("POST", "/nodepool"): lambda ids, query, body: self.row(self.make(body)),
            ("GET", "/nodepool/{nodePoolId}"): lambda ids, query, body: self.row(self.find(ids[1])),
            ("PUT", "/nodepool/{nodePoolId}"): lambda ids, query, body: self.change(self.find(ids[1]), body),
            ("DELETE", "/nodepool/{nodePoolId}"): lambda ids, query, body: self.end(self.find(ids[1])),
        }

    def is_there(self, one: Node | NodePool) -> bool:
        return one.gone_at is None or self.now() < one.gone_at

    def seen(self) -> list[NodePool]:
        return [pool for pool in self.pools.values() if self.is_there(pool) and self.now() >= pool.visible_at]

    def find(self, pool_id: str) -> NodePool:
        found = next((pool for pool in self.seen() if pool.id == pool_id), None)
        if found is None:
            raise Refusal(404, "Node pool not found", **{"class": "Client::NotFound"})
        return found

    def make(self, body: dict[str, Any]) -> NodePool:
        """A new pool. Names are those of Kubernetes objects: one cluster has each of them once."""
        if any(self.is_there(pool) and pool.body["name"] == body["name"] for pool in self.pools.values()):
            raise Refusal(409, "A node pool of this name exists", **{"class": "Client::Conflict"})
        if body["flavorName"] not in FLAVORS:
            raise Refusal(400, "Invalid flavor", **{"class": "Client::BadRequest"})
        now = self.now().replace(microsecond=0)
        made = NodePool(
            id=str(uuid.uuid4()),
            body={"minNodes": 0, "maxNodes": 100, "desiredNodes": 1, "autoscale": False, "template": TEMPLATE, **body},
            created_at=now,
            visible_at=now + timedelta(seconds=self.late_s),
        )
        self._check_sizes(made.body)
        self.pools[made.id] = made
        self.fill(made)
        return made

    def fill(self, pool: NodePool) -> None:
        """As many nodes as are wanted."""
        now = self.now()
        while len([node for node in pool.nodes if self.is_there(node)]) < pool.body["desiredNodes"]:
            ready_at = now + timedelta(seconds=self.install_s)
            pool.nodes.append(Node(id=str(uuid.uuid4()), created_at=now, ready_at=ready_at, status=self.waits))

    def change(self, pool: NodePool, body: dict[str, Any]) -> None:
        removed = body.get("nodesToRemove", [])
        pool.body |= {key: value for key, value in body.items() if key != "nodesToRemove"}
        self._check_sizes(pool.body)
        for node in pool.nodes:
            if node.id in removed:
                node.status, node.gone_at = "DELETING", self.now() + timedelta(seconds=self.delete_s)
        self.fill(pool)

    def end(self, pool: NodePool) -> None:
        if pool.end_asked_at is None:
            pool.end_asked_at = self.now()
            pool.gone_at = self.now() + timedelta(seconds=self.delete_s)
            for node in pool.nodes:
                node.status, node.gone_at = "DELETING", pool.gone_at

    @staticmethod
    def _check_sizes(body: dict[str, Any]) -> None:
        if not body["minNodes"] <= body["desiredNodes"] <= body["maxNodes"]:
            raise Refusal(400, "desiredNodes is not between minNodes and maxNodes", **{"class": "Client::BadRequest"})

    def node_status(self, node: Node) -> str:
        return node.status or ("READY" if self.now() >= node.ready_at else "INSTALLING")

    def node_row(self, pool: NodePool, node: Node) -> dict[str, Any]:
        return {
            "id": node.id,
            "name": f"{pool.body['name']}-node-{node.id[:6]}",
            "nodePoolId": pool.id,
            "projectId": PROJECT,
            "flavor": pool.body["flavorName"],
            "instanceId": None
            if node.status in ("FLAVOR_OUT_OF_STOCK_ERROR", "USER_QUOTA_ERROR")
            else node.instance_id,
            "status": self.node_status(node),
            "isUpToDate": True,
            "version": "1.33",
            "createdAt": stamp(node.created_at),
            "updatedAt": stamp(node.created_at),
            "deployedAt": None,
            "deletedAt": None,
        }

    def row(self, pool: NodePool) -> dict[str, Any]:
        nodes = [node for node in pool.nodes if self.is_there(node)]
        ready = len([node for node in nodes if self.node_status(node) == "READY"])
        wanted = pool.body["desiredNodes"]
        waiting = "READY" if ready == wanted else "UPSCALING" if ready < wanted else "DOWNSCALING"
        status = "DELETING" if pool.end_asked_at is not None else pool.status or waiting
        size = "CAPACITY_OK" if ready == wanted else "UNDER_CAPACITY" if ready < wanted else "OVER_CAPACITY"
        return {
            "id": pool.id,
            "projectId": PROJECT,
            "name": pool.body["name"],
            "flavor": pool.body["flavorName"],
            "status": status,
            "sizeStatus": size,
            "autoscale": pool.body["autoscale"],
            "monthlyBilled": False,
            "antiAffinity": False,
            "desiredNodes": wanted,
            "minNodes": pool.body["minNodes"],
            "maxNodes": pool.body["maxNodes"],
            "currentNodes": len(nodes),
            "availableNodes": ready,
            "upToDateNodes": len(nodes),
            "availabilityZones": pool.body.get("availabilityZones"),
            "attachFloatingIps": None,
            "autoscaling": {
                "scaleDownUtilizationThreshold": 0.5,
                "scaleDownUnneededTimeSeconds": 600,
                "scaleDownUnreadyTimeSeconds": 1200,
            },
            "template": pool.body["template"],
            "createdAt": stamp(pool.created_at),
            "updatedAt": stamp(pool.created_at),
        }

    def flavors(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "category": name[0],
                "state": "unavailable" if name in self.sold_out else "available",
                "vCPUs": vcpus,
                "ram": ram,
                "gpus": 1 if name.startswith("t") else 0,
            }
            for name, (vcpus, ram) in FLAVORS.items()
        ]

    def cluster(self) -> dict[str, Any]:
        return {
            "id": CLUSTER,
            "name": "burst",
            "region": REGION,
            "status": "READY",
            "version": "1.33",
            "nextUpgradeVersions": None,
            "controlPlaneIsUpToDate": True,
            "isUpToDate": True,
            "auditLogsSubscribed": False,
            "kubeProxyMode": "iptables",
            "updatePolicy": "ALWAYS_UPDATE",
            "plan": "free",
            "url": "c1.gra.example",
            "nodesUrl": "nodes.example",
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "customization": None,
            "ipAllocationPolicy": None,
            "loadBalancersSubnetId": None,
            "nodesSubnetId": None,
            "privateNetworkConfiguration": None,
            "privateNetworkId": None,
        }
