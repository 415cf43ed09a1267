"""Node pools of OVH's managed Kubernetes as nodes: each node of ours is a pool of exactly one.

A pool says the same of all its nodes, so a pool of many could not carry a node's id, and a larger number written twice
would buy twice. A pool of one is named by its order, carries our tag in its template (which OVH puts on the Kubernetes
node), is made and deleted as a whole, and with least, most and wanted nodes all 1 leaves OVH's own autoscaling nothing
to decide. What is more than one node in it is listed as a machine of its own and can be ended alone.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from autoscaler.cluster import labels as of_cluster
from autoscaler.providers.ovh.api import Errand, OvhApi, Refused
from autoscaler.providers.ovh.asked import Asked, Orders
from autoscaler.providers.ovh.launching import Launching
from autoscaler.providers.ovh.names import Tag
from autoscaler.providers.ovh.pool_of_one import (
    BROKEN,
    KEY,
    ONE,
    WAITING,
    foreign,
    instances_of,
    is_astray,
    is_of,
    nodes_of,
    pool_name,
    pool_of,
    state_of,
    tag_of,
)
from autoscaler.providers.ovh.sold_out import SoldOut
from autoscaler.providers.provider import (
    CapacityUnavailable,
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Order,
    Permanent,
    Product,
    Temporary,
)
from planner.fleet.daemon import Taint

log = logging.getLogger(__name__)


class OvhNodePools:
    """A managed cluster's node pools: list, make, delete."""

    def __init__(
        self,
        *,
        api: OvhApi,
        fleet: str,
        cluster: str,
        region: str,
        products: Sequence[Product],
        clock: Callable[[], datetime],
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Taint] = (),
    ) -> None:
        """`labels`, `taints`: further ones of every node."""
        self._api = api
        self._fleet = fleet
        self._cluster = cluster
        self._region = region
        self._products = {product.pool: product for product in products}
        self._clock = clock
        self._labels = dict(labels or {})
        self._taints = tuple(taints)
        self._orders = Orders(clock=clock)
        self._sold_out = SoldOut(clock=clock)
        self._launching = Launching(
            api=api, orders=self._orders, sold_out=self._sold_out, rows=self._pools, find=self._find, make=self._make
        )
        self._astray: set[str] = set()
        """Pools that were said to be resized or scaled by others."""

    @property
    def name(self) -> str:
        """ovh."""
        return "ovh"

    def machines(self) -> Listing:
        """One machine per pool of ours, and the nodes of all others. Raises ProviderError."""
        errand = self._api.errand()
        as_of = self._clock()
        try:
            pools = self._pools(errand)
            nodes = self._nodes(errand)
        except Refused as refused:
            error = refused.sorted_without_node()
        else:
            machines = self._all(pools, nodes)
            self._say_astray(pools)
            self._orders.forget_ended({machine.id for machine in machines})
            self._sold_out.look(machine for machine in machines if machine.fleet == self._fleet)
            return Listing(provider=self.name, as_of=as_of, is_complete=True, machines=tuple(machines))
        raise error

    def launch(self, order: Order) -> Machine:
        """The order's pool of one: made now, or already there. Raises ProviderError."""
        return self._launching.launch(order)

    def terminate(self, machine_id: str) -> None:
        """Deletes a pool of ours, or what it holds beyond its one node. Raises ProviderError."""
        errand = self._api.errand()
        pool_id, _, node_id = machine_id.partition("/")
        try:
            pool = self._ours(errand, pool_id)
            if node_id:
                self._shrink(errand, pool, node_id)
            elif pool["status"] not in ("DELETING", "DELETED"):
                errand.send("DELETE", self._path(errand, "nodepool", pool_id))
        except Refused as refused:
            error = refused.sorted()
        else:
            self._orders.end(machine_id)
            return
        raise error

    def _path(self, errand: Errand, *parts: str) -> str:
        return errand.of_project("kube", self._cluster, *parts)

    def _nodes(self, errand: Errand) -> list[Any]:
        return list(errand.get(self._path(errand, "node")))

    def _pools(self, errand: Errand) -> list[Any]:
        return list(errand.get(self._path(errand, "nodepool")))

    def _find(self, errand: Errand, pools: list[Any], order: Order) -> Machine | None:
        """The machine of the order's pool. Raises Permanent where the key is another's."""
        found = pool_of(pools, order)
        return None if found is None else self._machine(found, self._nodes(errand))

    def _make(self, errand: Errand, pools: list[Any], asked: Asked) -> Machine:
        self._put_right(errand, pools)
        body = self._body(asked.order)
        self._check_stock(errand, body["flavorName"], pools)

        def read(pool: Any) -> Machine:
            if not isinstance(pool, dict) or tag_of(pool) is None:
                raise Temporary(f"ovh: the answer for node pool {body['name']} cannot be read; a list will tell")
            return self._machine(pool, [])

        path = self._path(errand, "nodepool")
        # A conflict may be that of its own name: then it was made, and a list shows it soon.
        return self._launching.ask(errand, asked, path, body, read, made_all_the_same=frozenset({409}))

    def _body(self, order: Order) -> dict[str, Any]:
        """The request; by the hour, always: `monthlyBilled` is not sent."""
        product = self._products.get(order.pool)
        if product is None:
            raise Permanent(f"ovh: there is no pool {order.pool}")
        tags = {of_cluster.NODE: order.node_id, of_cluster.FLEET: order.fleet, of_cluster.POOL: order.pool}
        tags[of_cluster.MODEL] = order.model
        body: dict[str, Any] = {
            "name": pool_name(order),
            "flavorName": product.name,
            **ONE,
            "template": {
                "metadata": {
                    "labels": {**self._labels, **{key: of_cluster.label_value(text) for key, text in tags.items()}},
                    "annotations": {**tags, KEY: order.key},
                    "finalizers": [],
                },
                "spec": {
                    "taints": [asdict(one) for one in self._taints],
                    "unschedulable": False,
                },
            },
        }
        if product.zone is not None and product.zone != self._region:
            body["availabilityZones"] = [product.zone]
        return body

    def _check_stock(self, errand: Errand, flavor: str, pools: Sequence[Any]) -> None:
        """Raises CapacityUnavailable where OVH has none of the flavor, or owes us some already."""
        rows = {row["name"]: row for row in errand.get(self._path(errand, "flavors"))}
        if flavor not in rows:
            raise Permanent(f"ovh: the cluster may have no nodes of flavor {flavor}")
        if rows[flavor]["state"] != "available":
            raise CapacityUnavailable(f"ovh: flavor {flavor}: out of stock")
        same = [pool for pool in pools if pool["flavor"] == flavor]
        if any(pool["status"] in WAITING for pool in same):
            raise CapacityUnavailable(f"ovh: flavor {flavor}: a pool waits for quota")
        if any(pool["sizeStatus"] == "UNDER_CAPACITY" for pool in same):
            for node in self._nodes(errand):
                if node["flavor"] == flavor and node["status"] in WAITING:
                    raise CapacityUnavailable(f"ovh: flavor {flavor}: a node waits ({node['status']})")

    def _ours(self, errand: Errand, pool_id: str) -> Any:
        """The pool. Raises Permanent where it is not one that this fleet made."""
        pool = errand.get(self._path(errand, "nodepool", pool_id))
        tag = tag_of(pool)
        if tag is None or tag.fleet != self._fleet:
            raise Permanent(f"ovh: node pool {pool_id} has not the tag of fleet {self._fleet}: it is left alone")
        return pool

    def _shrink(self, errand: Errand, pool: Any, node_id: str) -> None:
        """Leaves the pool its first node: one number, the same however often it is written."""
        extra = [node["id"] for node in nodes_of(pool, self._nodes(errand))[1:] if node["status"] != "DELETING"]
        if node_id not in extra:
            raise NodeNotFound(f"ovh: node pool {pool['id']} has no further node {node_id}")
        errand.send("PUT", self._path(errand, "nodepool", pool["id"]), {**ONE, "nodesToRemove": extra})

    def _put_right(self, errand: Errand, pools: Sequence[Any]) -> None:
        """Puts OVH's autoscaling off where somebody put it on. What nodes it added are ended one by one."""
        for pool in pools:
            if pool["autoscale"] and pool["desiredNodes"] > 0 and is_of(pool, self._fleet):
                body = {"autoscale": False, "minNodes": 1, "maxNodes": pool["desiredNodes"]}
                try:
                    errand.send("PUT", self._path(errand, "nodepool", pool["id"]), body)
                except Refused as refused:  # busy, or refused: one pool does not stop another, and a launch tries again
                    log.warning("%s", refused.sorted())

    def _say_astray(self, pools: Sequence[Any]) -> None:
        astray = {pool["id"] for pool in pools if is_astray(pool) and is_of(pool, self._fleet)}
        for pool_id in sorted(astray - self._astray):
            log.warning(
                "ovh: node pool %s is scaled by OVH or was resized by others; its further nodes are ended", pool_id
            )
        self._astray = astray

    def _all(self, pools: Sequence[Any], nodes: Sequence[Any]) -> list[Machine]:
        """The machines of all rows. Raises Temporary where one lacks what every row has."""
        try:
            return self._read(pools, nodes)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            said = type(error).__name__
        raise Temporary(f"ovh: a node pool in an answer cannot be read ({said})")

    def _read(self, pools: Sequence[Any], nodes: Sequence[Any]) -> list[Machine]:
        machines = []
        ours = {pool["id"] for pool in pools if tag_of(pool) is not None}
        for pool in pools:
            if pool["id"] in ours:
                machines.append(self._machine(pool, nodes))
                machines += [self._further(pool, node) for node in nodes_of(pool, nodes)[1:]]
        return machines + [foreign(node) for node in nodes if node["nodePoolId"] not in ours]

    def _machine(self, pool: Any, nodes: Sequence[Any]) -> Machine:
        """The machine that a pool of ours is."""
        tag = tag_of(pool)
        assert tag is not None  # checked by the caller
        first = next(iter(nodes_of(pool, nodes)), None)
        said = pool["status"] if first is None else first["status"]
        is_broken = said in BROKEN and pool["status"] not in ("DELETING", "DELETED")
        state, runs = self._state(pool, first), instances_of([] if first is None else [first])
        return self._row(pool["id"], tag, state, pool["createdAt"], is_broken=is_broken, instances=runs)

    def _further(self, pool: Any, node: Any) -> Machine:
        """A node beyond the one of its pool, with the same tag: bought by somebody else's hand."""
        tag = tag_of(pool)
        assert tag is not None  # checked by the caller
        machine_id = f"{pool['id']}/{node['id']}"
        state = MachineState.STOPPING if self._orders.is_ending(machine_id) else state_of(node)
        return self._row(machine_id, tag, state, node["createdAt"], instances=instances_of([node]))

    def _row(
        self,
        machine_id: str,
        tag: Tag,
        state: MachineState,
        created: str,
        *,
        instances: tuple[str, ...],
        is_broken: bool = False,
    ) -> Machine:
        return Machine(
            id=machine_id,
            node_id=tag.node_id,
            fleet=tag.fleet,
            pool=tag.pool,
            model=tag.model,
            state=state,
            created_at=datetime.fromisoformat(created),
            is_broken=is_broken,
            instances=instances,
        )

    def _state(self, pool: Any, node: Any | None) -> MachineState:
        if pool["status"] == "DELETED":
            return MachineState.GONE
        if pool["status"] == "DELETING" or self._orders.is_ending(pool["id"]):
            return MachineState.STOPPING
        # A pool whose only node goes gets another: the machine is the pool.
        return MachineState.PENDING if node is None or node["status"] == "DELETING" else state_of(node)
