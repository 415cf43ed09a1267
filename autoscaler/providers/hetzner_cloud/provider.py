"""HetznerCloudProvider: list, launch and end servers of one project.

A key makes one server because its name is made from the key and names are unique in a project. Once a server is
deleted its name is free again: a key that this process has seen makes no other server, and after a restart it is the
journal that does not ask for a settled launch again.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from autoscaler.providers.hetzner_cloud.api import UNREADABLE, Api, Json, NameTaken, next_page, readable
from autoscaler.providers.hetzner_cloud.labels import labels_of, order_of, server_name
from autoscaler.providers.hetzner_cloud.machine import machine_of
from autoscaler.providers.hetzner_cloud.making import NAME, Making
from autoscaler.providers.provider import (
    Listing,
    Machine,
    MachineState,
    NodeNotFound,
    Order,
    Permanent,
    Product,
    Temporary,
    UserData,
)
from planner.fleet.daemon.hetzner_cloud import HetznerCloudSettings

__all__ = ["NAME", "HetznerCloudProvider"]

log = logging.getLogger(__name__)

PAGE = 50
"""Rows of a page; the most the API gives."""
USER_DATA_BYTES = 32 * 1024
"""Most that the API takes."""
SETTLING = timedelta(seconds=300)
"""A server made just now may not be found for a while."""
REMEMBERED = 4096
"""Keys a process remembers; the oldest are forgotten first."""


class HetznerCloudProvider:
    """The servers of one project."""

    name = NAME

    def __init__(
        self,
        settings: HetznerCloudSettings,
        *,
        token: SecretStr,
        fleet: str,
        products: Mapping[str, Product],
        user_data: UserData,
        clock: Callable[[], datetime],
        timeout_s: float = 25.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`products`: by pool; `timeout_s`: what one call may take in all.

        `sleep` and `monotonic` are how an action is waited for, `clock` dates the lists.
        """
        self._settings = settings
        self._fleet = fleet
        self._products = products
        self._user_data = user_data
        self._clock = clock
        self._timeout_s = timeout_s
        self.api = Api(token=token, endpoint_url=settings.endpoint_url, monotonic=monotonic)
        self._made: dict[str, Machine] = {}
        """By key: what this process knows of the server it made or ended."""
        self._making = Making(self.api, clock=clock, sleep=sleep)

    def machines(self) -> Listing:
        """Every server of the project. Raises ProviderError where not even the first page can be had."""
        deadline_s = self._deadline_s()
        self._making.look_after(deadline_s)
        as_of = self._clock()
        found: dict[str, Machine] = {}
        is_complete, page = True, 1
        totals: set[int | None] = set()
        while True:
            try:
                answer = self.api.get("/servers", deadline_s=deadline_s, params={"page": page, "per_page": PAGE})
                with readable("GET /servers"):
                    rows, following = answer["servers"], next_page(answer, page)
                    totals.add(answer["meta"]["pagination"]["total_entries"])
            except Temporary as error:
                if page == 1:
                    raise
                log.warning("provider=%s event=list-broken page=%d reason=%s", NAME, page, error)
                is_complete = False
                break
            is_complete &= _take_in(found, rows)
            if following is None:
                break
            page = following
        if totals - {None, len(found)}:  # servers came or went between two pages, and a row may have slipped through
            is_complete = False
        if is_complete:
            self._making.forget_all_but(found)
        machines = tuple(
            replace(one, is_broken=True) if self._making.is_broken(one.id) else one for one in found.values()
        )
        return Listing(provider=NAME, as_of=as_of, is_complete=is_complete, machines=machines)

    def launch(self, order: Order) -> Machine:
        """The server of the order, made now or there already; running, or still being made at the deadline."""
        deadline_s = self._deadline_s()
        known = self._made.get(order.key)
        if known is not None:
            return self._known(order, known, deadline_s)
        self._making.check_rested(order)
        try:
            answer = self.api.call("POST", "/servers", deadline_s=deadline_s, body=self._body(order))
        except NameTaken:
            return self._found(order, deadline_s)
        except NodeNotFound as error:  # an image, a network or a key that is not there
            raise Permanent(str(error)) from error
        with readable("POST /servers"):
            machine = machine_of(answer["server"])
            actions = [answer["action"], *answer["next_actions"]]
        self._making.wait(order, machine.id, actions, deadline_s)
        return self._remember(order.key, machine)

    def terminate(self, machine_id: str) -> None:
        """Deletes the server, unless it is not ours."""
        deadline_s = self._deadline_s()
        if not (machine_id.isascii() and machine_id.isdigit()):
            raise NodeNotFound(f"{NAME}: server {machine_id}: expected a number")
        server = self._server(machine_id, deadline_s)
        with readable(f"GET /servers/{machine_id}"):
            machine, order = machine_of(server), order_of(server["labels"])
        if order is None or order.fleet != self._fleet:
            whose = "nobody's fleet" if order is None else f"the fleet {order.fleet}"
            raise Permanent(f"{NAME}: server {machine_id} is of {whose}, not of {self._fleet}: it is not ended")
        if machine.state is not MachineState.STOPPING:
            self.api.call("DELETE", f"/servers/{machine_id}", deadline_s=deadline_s)
        self._remember(order.key, replace(machine, state=MachineState.STOPPING))

    def _deadline_s(self) -> float:
        return self.api.now_s() + self._timeout_s

    def _server(self, machine_id: str, deadline_s: float) -> Json:
        server: Json = self.api.get(f"/servers/{machine_id}", deadline_s=deadline_s).get("server") or {}
        return server

    def _body(self, order: Order) -> Json:
        product = self._products.get(order.pool)
        if product is None:
            raise Permanent(f"{NAME}: {order.pool}: expected one of {', '.join(sorted(self._products)) or 'no pool'}")
        user_data = self._user_data(order)
        size = len(user_data.encode())
        if size > USER_DATA_BYTES:
            raise Permanent(f"{NAME}: the start-up script has {size} bytes; expected {USER_DATA_BYTES} at most")
        body: dict[str, Any] = {
            "name": server_name(order.key),
            "server_type": product.name,
            "image": self._settings.image,
            "location": product.zone or self._settings.location,
            "labels": labels_of(order),
            "user_data": user_data,
        }
        if self._settings.networks:
            body["networks"] = list(self._settings.networks)
        if self._settings.ssh_keys:
            body["ssh_keys"] = list(self._settings.ssh_keys)
        return body

    def _known(self, order: Order, known: Machine, deadline_s: float) -> Machine:
        """What became of the server that this process knows of the key: never another one."""
        if (known.node_id, known.fleet, known.pool, known.model) != (
            order.node_id,
            order.fleet,
            order.pool,
            order.model,
        ):
            raise Permanent(f"{NAME}: key {order.key} is that of another order, server {known.id}")
        try:
            server = self._server(known.id, deadline_s)
            with readable(f"GET /servers/{known.id}"):
                return self._remember(order.key, machine_of(server))
        except NodeNotFound:
            if known.state is MachineState.PENDING and self._clock() < known.created_at + SETTLING:
                return known  # made just now, and not found yet
            return replace(known, state=MachineState.GONE)

    def _found(self, order: Order, deadline_s: float) -> Machine:
        """The server that has the name of the order's key."""
        name = server_name(order.key)
        answer = self.api.get("/servers", deadline_s=deadline_s, params={"name": name})
        with readable("GET /servers"):
            rows = answer["servers"]
            if not rows:
                raise Temporary(f"{NAME}: a server {name} is there already, and in no list yet")
            machine, theirs = machine_of(rows[0]), order_of(rows[0]["labels"])
        if theirs != order:
            raise Permanent(f"{NAME}: server {machine.id} has the name {name}, and is not of this order")
        if self._making.is_given_up(machine.id):
            self._making.give_up(machine.id, deadline_s)
            raise Temporary(f"{NAME}: server {machine.id}, whose making failed, is being deleted")
        return self._remember(order.key, machine)

    def _remember(self, key: str, machine: Machine) -> Machine:
        self._made.pop(key, None)
        self._made[key] = machine
        while len(self._made) > REMEMBERED:
            del self._made[next(iter(self._made))]
        return machine


def _take_in(found: dict[str, Machine], rows: list[Json]) -> bool:
    """Adds the rows of a page, and says whether each could be read; a row listed twice counts with its later state."""
    is_whole = True
    for row in rows:
        try:
            machine = machine_of(row)
        except UNREADABLE as error:
            log.warning("provider=%s event=row-unreadable reason=%s: %s", NAME, type(error).__name__, error)
            is_whole = False
            continue
        found[machine.id] = machine
    return is_whole
