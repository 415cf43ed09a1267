"""A project of Hetzner Cloud on the loopback interface, moved by a clock.

Held to the API's description in every request and answer. What it adds from the API's written documentation: names are
unique in a project, label values have a form, a server is made by actions and takes a while, a server that is being
deleted is listed as `deleting` and keeps its name until it is gone, a read-only token may only GET.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qs

from tests.autoscaler.providers.clock import START, Clock
from tests.contracts.loopback import Fault, Loopback, Request
from tests.contracts.openapi import contract

TOKEN = "planted-hcloud-token"
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
PRICES = {"cx33": ("0.0104", "6.49"), "ccx43": ("0.2000", "124.99")}
PLACES = ("fsn1", "nbg1")

Json = dict[str, Any]


@dataclass(slots=True)
class Kept:
    """One server of the project."""

    id: int
    name: str
    server_type: str
    location: str
    labels: dict[str, str]
    created: datetime
    user_data: str = ""
    networks: tuple[int, ...] = ()
    status: str | None = None
    """None: by the clock."""
    deleted_at: datetime | None = None
    has_ipv4: bool = True
    visible_at: datetime = START


@dataclass(slots=True)
class Project:
    """The double."""

    clock: Clock = field(default_factory=Clock)
    servers: dict[int, Kept] = field(default_factory=dict)
    ever: dict[int, Kept] = field(default_factory=dict)
    """Every server that was made."""
    private_prefix: str = "10.0.0."
    actions: dict[int, Json] = field(default_factory=dict)
    ends: dict[int, datetime] = field(default_factory=dict)
    """By action: when it ends."""
    stock: dict[tuple[str, str], bool] = field(
        default_factory=lambda: {(kind, place): True for kind in PRICES for place in PLACES}
    )
    limit: int = 100
    page: int = 50
    """Rows of a page at most."""
    is_readonly: bool = False
    fails_with: str | None = None
    """Code of the error that the next server's making ends with."""
    making_s: float = 4.0
    starting_s: float = 6.0
    deleting_s: float = 20.0
    late_s: float = 0.0
    """After this long a new server is in lists."""
    books: list[str] = field(default_factory=list)
    """What was made and deleted, in order."""
    http: Loopback = field(init=False)
    _number: int = 1000

    def __post_init__(self) -> None:
        self.http = Loopback(
            contract=contract("hetzner-cloud"),
            prefix="/v1",
            answer=self._answer,
            refused=lambda wrong: refusal(422, "invalid_input", wrong[0]),
            guard=self._guard,
        )

    def __enter__(self) -> Self:
        self.http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.__exit__()

    def fault(self, method: str, template: str, status: int | None, code: str = "", **rest: Any) -> None:
        """The next such request fails with a code, or has no answer (status None)."""
        answer = None if status is None else refusal(status, code)[1]
        self.http.faults.append(Fault(method=method, template=template, status=status, answer=answer, **rest))

    def add_foreign(self, *, name: str = "theirs", labels: dict[str, str] | None = None) -> Kept:
        """A running server that nobody ordered through us."""
        return self._add(
            name=name, server_type="cx33", location="fsn1", labels=labels or {"role": "web"}, status="running"
        )

    def _add(self, **rest: Any) -> Kept:
        self._number += 1
        server = Kept(
            id=self._number,
            created=self.clock.now,
            visible_at=self.clock.now + timedelta(seconds=self.late_s),
            **rest,
        )
        self.servers[server.id] = self.ever[server.id] = server
        self.books.append(f"made {server.name}")
        return server

    def _guard(self, request: Request) -> tuple[int, Json] | None:
        self._settle()
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return refusal(401, "unauthorized", "unable to authenticate")
        if self.is_readonly and request.method != "GET":
            return refusal(401, "token_readonly", "the token is only allowed to perform GET requests")
        return None

    def _settle(self) -> None:
        """Lets go of servers whose deletion is over."""
        for server in list(self.servers.values()):
            if server.deleted_at is not None and self.clock.now >= server.deleted_at + timedelta(
                seconds=self.deleting_s
            ):
                del self.servers[server.id]
                self.books.append(f"gone {server.name}")

    def _answer(self, request: Request) -> tuple[int, Json]:
        match request.method, request.template:
            case "GET", "/servers":
                return self._list(request)
            case "POST", "/servers":
                return self._create(json.loads(request.body))
            case "GET", "/servers/{id}":
                server = self._seen(request.values[0])
                return (200, {"server": self._row(server)}) if server else refusal(404, "not_found")
            case "DELETE", "/servers/{id}":
                return self._delete(request.values[0])
            case "GET", "/actions":
                ids = [int(one) for one in parse_qs(request.query)["id"]]
                return 200, {"actions": [self._action(one) for one in ids if one in self.actions]}
            case "GET", "/pricing":
                return 200, {"pricing": pricing()}
            case _:
                return self._of_catalog(request)

    def _of_catalog(self, request: Request) -> tuple[int, Json]:
        name = parse_qs(request.query).get("name", [None])[0]
        rows: dict[str, list[Json]] = {
            "locations": [location(place) for place in PLACES],
            "server_types": [self.server_type(one) for one in sorted(PRICES)],
            "images": [image()],
            "networks": [network()],
            "ssh_keys": [ssh_key()],
        }
        key = request.template.removeprefix("/")
        found = [row for row in rows[key] if name in (None, row["name"])]
        return 200, self._paged(key, found, request)

    def _paged(self, key: str, rows: list[Json], request: Request) -> Json:
        query = parse_qs(request.query)
        page = int(query.get("page", ["1"])[0])
        size = min(int(query.get("per_page", ["25"])[0]), self.page)
        last = max(1, -(-len(rows) // size))
        pagination = {
            "page": page,
            "per_page": size,
            "previous_page": page - 1 if page > 1 else None,
            "next_page": page + 1 if page < last else None,
            "last_page": last,
            "total_entries": len(rows),
        }
        return {key: rows[(page - 1) * size : page * size], "meta": {"pagination": pagination}}

    def _list(self, request: Request) -> tuple[int, Json]:
        query = parse_qs(request.query)
        name = query.get("name", [None])[0]
        seen = [one for one in self.servers.values() if name in (None, one.name) and self.clock.now >= one.visible_at]
        return 200, self._paged("servers", [self._row(one) for one in seen], request)

    def _seen(self, text: str) -> Kept | None:
        server = self.servers.get(int(text)) if text.isdigit() else None
        return server if server is not None and self.clock.now >= server.visible_at else None

    def _create(self, body: Json) -> tuple[int, Json]:
        name, kind, place = body["name"], body["server_type"], body.get("location", "fsn1")
        labels = body.get("labels", {})
        for label, value in labels.items():
            if not LABEL.fullmatch(value) or not LABEL.fullmatch(label):
                return refusal(422, "invalid_input", f"invalid label {label}={value}")
        if not HOST.fullmatch(name) or len(body.get("user_data", "").encode()) > 32768:
            return refusal(422, "invalid_input", "invalid name or user_data")
        if (kind, place) not in self.stock or body["image"] != "debian-12":
            return refusal(422, "invalid_input", "unsupported location for server type")
        if any(one.name == name for one in self.servers.values()):
            return refusal(409, "uniqueness_error", "server name is already used")
        if len(self.servers) >= self.limit:
            return refusal(403, "resource_limit_exceeded", "server limit exceeded")
        if not self.stock[kind, place]:
            return refusal(412, "resource_unavailable", "error during placement")
        server = self._add(
            name=name,
            server_type=kind,
            location=place,
            labels=labels,
            user_data=body.get("user_data", ""),
            networks=tuple(body.get("networks", ())),
        )
        making = self._act("create_server", server.id, self.making_s, self.fails_with)
        starting = self._act("start_server", server.id, self.starting_s)
        if self.fails_with is not None:
            server.status = "off"
        self.fails_with = None
        return 201, {
            "server": self._row(server),
            "action": making,
            "next_actions": [starting],
            "root_password": None,
        }

    def _delete(self, text: str) -> tuple[int, Json]:
        server = self._seen(text)
        if server is None:
            return refusal(404, "not_found", "server not found")
        if server.deleted_at is not None:
            return refusal(423, "locked", "server is locked")
        server.deleted_at = self.clock.now
        self.books.append(f"deleted {server.name}")
        return 200, {"action": self._act("delete_server", server.id, self.deleting_s)}

    def _act(self, command: str, server_id: int, seconds: float, error: str | None = None) -> Json:
        self._number += 1
        self.ends[self._number] = self.clock.now + timedelta(seconds=seconds)
        self.actions[self._number] = {
            "id": self._number,
            "command": command,
            "started": time(self.clock.now),
            "resources": [{"id": server_id, "type": "server"}],
            "error": None if error is None else {"code": error, "message": "it did not work"},
        }
        return self._action(self._number)

    def _action(self, number: int) -> Json:
        kept, ends = self.actions[number], self.ends[number]
        is_over = self.clock.now >= ends
        error = kept["error"] if is_over else None
        return {
            **kept,
            "status": "running" if not is_over else "success" if error is None else "error",
            "progress": 100 if is_over else 0,
            "finished": time(ends) if is_over else None,
            "error": error,
        }

    def _status(self, server: Kept) -> str:
        if server.deleted_at is not None:
            return "deleting"
        if server.status is not None:
            return server.status
        age_s = (self.clock.now - server.created).total_seconds()
        return "initializing" if age_s < self.making_s else "starting" if age_s < self.starting_s else "running"

    def _row(self, server: Kept) -> Json:
        return {
            "id": server.id,
            "name": server.name,
            "status": self._status(server),
            "created": time(server.created),
            "public_net": {
                "ipv4": {"ip": f"192.0.2.{server.id % 250}", "blocked": False, "dns_ptr": "x"}
                if server.has_ipv4
                else None,
                "ipv6": {"ip": "2001:db8::/64", "blocked": False, "dns_ptr": []},
                "floating_ips": [],
            },
            "private_net": [
                {
                    "network": one,
                    "ip": f"{self.private_prefix}{server.id % 250}",
                    "alias_ips": [],
                    "mac_address": "86:00:00:00:00:01",
                }
                for one in server.networks
            ],
            "server_type": self.server_type(server.server_type),
            "location": location(server.location),
            "datacenter": {
                "id": 1,
                "name": f"{server.location}-dc1",
                "description": "one",
                "location": location(server.location),
                "server_types": {"supported": [], "available": [], "available_for_migration": []},
            },
            "image": image(),
            "iso": None,
            "rescue_enabled": False,
            "locked": False,
            "backup_window": None,
            "outgoing_traffic": None,
            "ingoing_traffic": None,
            "included_traffic": 1,
            "protection": {"delete": False, "rebuild": False},
            "labels": server.labels,
            "primary_disk_size": 80,
        }

    def server_type(self, name: str) -> Json:
        places = [place for kind, place in self.stock if kind == name]
        return {
            "id": sorted(PRICES).index(name) + 1,
            "name": name,
            "description": name,
            "cores": 4,
            "memory": 8,
            "disk": 80,
            "deprecated": False,
            "prices": [price(name, place) for place in places],
            "storage_type": "local",
            "cpu_type": "shared",
            "architecture": "x86",
            "locations": [
                {
                    "id": number + 1,
                    "name": place,
                    "deprecation": None,
                    "recommended": True,
                    "available": self.stock[name, place],
                }
                for number, place in enumerate(places)
            ],
        }


def refusal(status: int, code: str, message: str = "no") -> tuple[int, Json]:
    """An error as the API says it."""
    return status, {"error": {"code": code, "message": message, "details": {}}}


def time(moment: datetime) -> str:
    return moment.isoformat()


def money(net: str) -> Json:
    return {"net": net, "gross": str(float(net) * 1.19)}


def price(name: str, place: str) -> Json:
    hourly, monthly = PRICES[name]
    return {
        "location": place,
        "price_hourly": money(hourly),
        "price_monthly": money(monthly),
        "included_traffic": 1,
        "price_per_tb_traffic": money("1.0"),
    }


def pricing() -> Json:
    return {
        "currency": "EUR",
        "vat_rate": "19.00",
        "primary_ips": [],
        "floating_ips": [],
        "floating_ip": {"price_monthly": money("1")},
        "image": {"price_per_gb_month": money("1")},
        "volume": {"price_per_gb_month": money("1")},
        "server_backup": {"percentage": "20"},
        "server_types": [
            {"id": number + 1, "name": name, "prices": [price(name, place) for place in PLACES]}
            for number, name in enumerate(sorted(PRICES))
        ],
        "load_balancer_types": [],
    }


def location(name: str) -> Json:
    return {
        "id": 1,
        "name": name,
        "description": name,
        "country": "DE",
        "city": name,
        "latitude": 50.4,
        "longitude": 12.3,
        "network_zone": "eu-central",
    }


def image() -> Json:
    return {
        "id": 1,
        "type": "system",
        "status": "available",
        "name": "debian-12",
        "description": "Debian 12",
        "image_size": None,
        "disk_size": 5,
        "created": time(START),
        "created_from": None,
        "bound_to": None,
        "os_flavor": "debian",
        "os_version": "12",
        "protection": {"delete": False},
        "deprecated": None,
        "deleted": None,
        "labels": {},
        "architecture": "x86",
    }


def network() -> Json:
    return {
        "id": 456,
        "name": "fleet",
        "ip_range": "10.0.0.0/16",
        "subnets": [],
        "routes": [],
        "servers": [],
        "protection": {"delete": False},
        "labels": {},
        "created": time(START),
        "expose_routes_to_vswitch": False,
    }


def ssh_key() -> Json:
    return {
        "id": 7,
        "name": "ops",
        "fingerprint": "b7:2f",
        "public_key": "ssh-ed25519 AAAA",
        "labels": {},
        "created": time(START),
    }
