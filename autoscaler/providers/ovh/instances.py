"""Public Cloud instances of OVH as nodes.

OVH knows neither tags nor idempotency keys: the name of an instance is its tag (`names`), and what was asked for is
remembered until the list must show it (`asked`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from autoscaler.providers.ovh.api import Errand, OvhApi, Refused
from autoscaler.providers.ovh.asked import Asked, Orders
from autoscaler.providers.ovh.launching import Launching
from autoscaler.providers.ovh.names import Tag, name_of, tag_of
from autoscaler.providers.ovh.products import Names
from autoscaler.providers.ovh.sold_out import SoldOut
from autoscaler.providers.provider import (
    Listing,
    Machine,
    MachineState,
    Order,
    Permanent,
    Product,
    Temporary,
    UserData,
)

PENDING = frozenset({"BUILD", "BUILDING", "REBUILD"})
ENDING = frozenset({"DELETING", "SOFT_DELETED"})
GONE = frozenset({"DELETED"})
BROKEN = "ERROR"
"""It bills all the same."""


class OvhInstances:
    """A project's instances: list, make, end."""

    def __init__(
        self,
        *,
        api: OvhApi,
        fleet: str,
        region: str,
        image: str,
        products: Sequence[Product],
        user_data: UserData,
        clock: Callable[[], datetime],
        networks: Sequence[str] = (),
        ssh_key: str | None = None,
    ) -> None:
        """`networks`: ids; none: the public network alone. `ssh_key`: name of a key for people."""
        self._api = api
        self._fleet = fleet
        self._region = region
        self._image = image
        self._products = {product.pool: product for product in products}
        self._user_data = user_data
        self._clock = clock
        self._networks = tuple(networks)
        self._ssh_key = ssh_key
        self._names: dict[str, Names] = {}
        """By region."""
        self._orders = Orders(clock=clock)
        self._sold_out = SoldOut(clock=clock)
        self._launching = Launching(
            api=api, orders=self._orders, sold_out=self._sold_out, rows=self._rows, find=self._find, make=self._make
        )
        self._listed: dict[str, Machine] = {}
        """Ours, as the last list showed them."""

    @property
    def name(self) -> str:
        """ovh."""
        return "ovh"

    def machines(self) -> Listing:
        """The project's instances in all its regions. Raises ProviderError.

        One of ours that ran and is no longer listed, though nobody ended it, is asked for by its id: what is gone is
        forgotten, what is there is added.
        """
        errand = self._api.errand()
        as_of = self._clock()
        try:
            machines = [self._machine(row) for row in self._rows(errand)]
            machines += self._missed(errand, {machine.id for machine in machines})
        except Refused as refused:
            error = refused.sorted_without_node()
        else:
            self._listed = {machine.id: machine for machine in machines if machine.fleet == self._fleet}
            self._orders.forget_ended(set(self._listed))
            self._sold_out.look(self._listed.values())
            return Listing(provider=self.name, as_of=as_of, is_complete=True, machines=tuple(machines))
        raise error

    def launch(self, order: Order) -> Machine:
        """The order's instance: made now, or already there. Raises ProviderError."""
        return self._launching.launch(order)

    def terminate(self, machine_id: str) -> None:
        """Deletes one of our instances. Raises ProviderError."""
        errand = self._api.errand()
        path = errand.of_project("instance", machine_id)
        try:
            row = errand.get(path)
            self._check_ours(row)
            if row["status"] not in ENDING | GONE:
                self._delete(errand, path, machine_id)
        except Refused as refused:
            error = refused.sorted()
        else:
            self._orders.end(machine_id)
            return
        raise error

    def _rows(self, errand: Errand) -> list[Any]:
        return list(errand.get(errand.of_project("instance")))

    def _find(self, errand: Errand, rows: list[Any], order: Order) -> Machine | None:
        """The listed instance of the order; of several the oldest. Raises Permanent where the key is another's."""
        del errand
        found = []
        for row in rows:
            tag = tag_of(row["name"])
            if tag is None or tag.fleet != order.fleet or tag.key != order.key:
                continue
            if not tag.is_of(order):
                raise Permanent(f"ovh: key {order.key} is that of {tag.node_id} in {tag.pool}")
            found.append(self._machine(row))
        return min(found, key=lambda machine: (machine.created_at, machine.id), default=None)

    def _make(self, errand: Errand, rows: list[Any], asked: Asked) -> Machine:
        del rows
        body = self._body(errand, asked.order)
        try:
            return self._launching.ask(errand, asked, errand.of_project("instance"), body, self._machine)
        except Refused as refused:
            if not refused.answer.may_have_happened:
                for names in self._names.values():
                    names.forget()  # an id may have changed, stock surely has
            raise

    def _body(self, errand: Errand, order: Order) -> dict[str, Any]:
        """The request; by the hour, always: `monthlyBilling` is not sent."""
        product = self._products.get(order.pool)
        if product is None:
            raise Permanent(f"ovh: there is no pool {order.pool}")
        region = product.zone or self._region
        names = self._names.setdefault(region, Names(region=region, clock=self._clock))
        try:
            name = name_of(order)
        except ValueError as error:
            raise Permanent(f"ovh: {error}") from None
        body: dict[str, Any] = {
            "name": name,
            "region": region,
            "flavorId": names.flavor_id(errand, product.name),
            "imageId": names.image_id(errand, self._image),
            "userData": self._user_data(order),
        }
        if self._networks:
            body["networks"] = [{"networkId": network} for network in self._networks]
        if self._ssh_key is not None:
            body["sshKeyId"] = names.ssh_key_id(errand, self._ssh_key)
        return body

    def _check_ours(self, row: Any) -> None:
        """Raises Permanent where the instance is not one that this fleet made."""
        tag = tag_of(row["name"])
        if tag is None or tag.fleet != self._fleet:
            raise Permanent(f"ovh: instance {row['id']} has not the tag of fleet {self._fleet}: it is left alone")
        if tag.is_base:
            raise Permanent(f"ovh: instance {row['id']} is a base node: it is watched, never ended")

    def _delete(self, errand: Errand, path: str, machine_id: str) -> None:
        try:
            errand.send("DELETE", path)
        except Refused as refused:
            if not (refused.answer.status == 409 and self._orders.is_ended(machine_id)):  # on its way already
                raise

    def _machine(self, row: Any) -> Machine:
        """The machine of a row. Raises Temporary where it lacks what every row has."""
        try:
            return self._read(row)
        except (KeyError, TypeError, ValueError) as error:
            said = type(error).__name__
        raise Temporary(f"ovh: an instance in an answer cannot be read ({said})")

    def _read(self, row: Any) -> Machine:
        tag = tag_of(row["name"])
        return Machine(
            id=row["id"],
            node_id=None if tag is None else tag.node_id,
            fleet=None if tag is None else tag.fleet,
            pool=_pool(row, tag),
            model=None if tag is None else tag.model,
            state=self._state(row),
            is_broken=row["status"] == BROKEN,
            created_at=datetime.fromisoformat(row["created"]),
            is_base=tag is not None and tag.is_base,
            address=address_of(row.get("ipAddresses") or ()),
        )

    def _state(self, row: Any) -> MachineState:
        status = row["status"]
        if status in GONE:
            return MachineState.GONE
        if status in ENDING or self._orders.is_ending(row["id"]):
            return MachineState.STOPPING
        # All else bills, ERROR and SHUTOFF too.
        return MachineState.PENDING if status in PENDING else MachineState.RUNNING

    def _missed(self, errand: Errand, listed: set[str]) -> list[Machine]:
        """Those of ours that the list lacks and that are there all the same. Raises Refused."""
        missed: list[Machine] = []
        for machine_id, known in self._listed.items():
            is_expected = known.state is MachineState.RUNNING and not self._orders.is_ended(machine_id)
            if machine_id not in listed and is_expected:
                try:
                    missed.append(self._machine(errand.get(errand.of_project("instance", machine_id))))
                except Refused as refused:
                    if refused.answer.status != 404:
                        raise
        return missed


def address_of(addresses: Sequence[Any]) -> str | None:
    """Where the instance is reached: its private address, else its public one; IPv4 before IPv6; None: it has none."""
    ranked = sorted(addresses, key=lambda one: (one["type"] != "private", one["version"] != 4))
    return ranked[0]["ip"] if ranked else None


def _pool(row: Any, tag: Tag | None) -> str:
    """The pool of an instance; one that is not ours is counted by its flavor."""
    if tag is not None:
        return tag.pool
    plan = str(row.get("planCode") or "").partition(".")[0]
    return f"ovh/{plan or row['flavorId']}"
