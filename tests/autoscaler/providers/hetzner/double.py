"""Hetzner Robot on the loopback interface: one account's servers, products and orders that are only tried.

Held to the (unofficial) description in every request and answer. Added from Hetzner's written documentation: an empty
account is a 404, three bad logins block whoever sent them, a product sold in several locations needs one.
"""

import base64
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs

from tests.contracts.loopback import Fault, Loopback, Request
from tests.contracts.openapi import contract

USER, PASSWORD = "#ws+planted-user", "planted-robot-password"

Json = dict[str, Any]


def a_server(number: int = 321, **rest: Any) -> Json:
    return {
        "server_ip": f"203.0.113.{number % 250}",
        "server_ipv6_net": "2001:db8:1::",
        "server_number": number,
        "server_name": f"base-{number}",
        "product": "AX102",
        "dc": "FSN1-DC8",
        "traffic": "unlimited",
        "status": "ready",
        "cancelled": False,
        "paid_until": "2026-12-14",
        "ip": [f"203.0.113.{number % 250}"],
        **rest,
    }


def a_product(name: str = "AX102", *, fee: str = "130.0000", setup: str = "269.0000", **rest: Any) -> Json:
    locations = rest.pop("location", ["FSN1", "HEL1"])
    return {
        "id": name,
        "name": f"Dedicated Server {name}",
        "description": ["AMD"],
        "traffic": "unlimited",
        "dist": ["Rescue system"],
        "lang": ["en"],
        "location": locations,
        "prices": [
            {
                "location": place,
                "price": {"net": fee, "gross": fee, "hourly_net": "0.2100", "hourly_gross": "0.2500"},
                "price_setup": {"net": setup, "gross": setup},
            }
            for place in locations
        ],
        "orderable_addons": [],
        **rest,
    }


def a_market_server(number: int = 2000, **rest: Any) -> Json:
    return {
        "id": number,
        "name": "SB64",
        "description": ["Ryzen"],
        "cpu": "AMD Ryzen 9 3900",
        "memory_size": 128,
        "price": "63.0000",
        "price_vat": "74.9700",
        "price_setup": "0.0000",
        "price_setup_vat": "0.0000",
        "price_hourly": "0.1010",
        "fixed_price": False,
        **rest,
    }


@dataclass(slots=True)
class Account:
    """The double."""

    servers: list[Json] = field(default_factory=list)
    products: list[Json] = field(default_factory=lambda: [a_product()])
    market: list[Json] = field(default_factory=lambda: [a_market_server()])
    currency: str = "EUR"
    earliest: str = "2026-12-01"
    """Earliest date of a cancellation."""
    refuses_orders: bool = False
    bad_logins: int = 0
    http: Loopback = field(init=False)

    def __post_init__(self) -> None:
        self.http = Loopback(
            contract=contract("hetzner-robot"),
            prefix="",
            answer=self._answer,
            refused=lambda wrong: refusal(400, "INVALID_INPUT", wrong[0], missing=None, invalid=None),
            guard=self._guard,
        )

    def __enter__(self) -> Self:
        self.http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.__exit__()

    def fault(self, method: str, template: str, status: int | None, code: str = "", **rest: Any) -> None:
        """The next such request fails with a code, or has no answer (status None)."""
        details = {name: rest.pop(name) for name in ("interval", "max_request", "missing", "invalid") if name in rest}
        answer = None if status is None else refusal(status, code, **details)[1]
        self.http.faults.append(Fault(method=method, template=template, status=status, answer=answer, **rest))

    @property
    def changes(self) -> list[Request]:
        """Requests that would have changed something: all but reads and orders that say they are a test."""
        return [
            one
            for one in self.http.requests
            if one.method != "GET" and parse_qs(one.body.decode()).get("test") != ["true"]
        ]

    def _guard(self, request: Request) -> tuple[int, Json] | None:
        said = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") == f"Basic {said}" and self.bad_logins < 3:
            return None
        self.bad_logins += 1
        return refusal(401, "UNAUTHORIZED")

    def _answer(self, request: Request) -> tuple[int, Any]:
        match request.method, request.template:
            case "GET", "/server":
                rows = [{"server": one} for one in self.servers]
                return (200, rows) if rows else refusal(404, "SERVER_NOT_FOUND", "No server found")
            case "GET", "/server/{server-number}/cancellation":
                return self._cancellation(int(request.values[0]))
            case "GET", "/order/server/product":
                rows = [{"product": one} for one in self.products]
                return (200, rows) if rows else refusal(404, "NOT_FOUND")
            case "GET", "/order/server_market/product":
                return 200, [{"product": one} for one in self.market]
            case "GET", "/order/currency":
                return 200, {"currency": self.currency}
            case "POST", "/order/server/transaction":
                return self._order({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
            case _:
                return refusal(404, "NOT_FOUND")

    def _cancellation(self, number: int) -> tuple[int, Any]:
        found = [one for one in self.servers if one["server_number"] == number]
        if not found:
            return refusal(404, "SERVER_NOT_FOUND")
        return 200, {
            "cancellation": {
                "server_ip": found[0]["server_ip"],
                "server_number": number,
                "server_name": found[0]["server_name"],
                "earliest_cancellation_date": self.earliest,
                "cancelled": found[0]["cancelled"],
                "reservation_possible": False,
                "reservation": False,
                "cancellation_date": "2026-12-31" if found[0]["cancelled"] else None,
                "cancellation_reason": None,
            }
        }

    def _order(self, fields: dict[str, str]) -> tuple[int, Any]:
        found = [one for one in self.products if one["id"] == fields["product_id"]]
        if not found:
            return refusal(404, "NOT_FOUND")
        if self.refuses_orders:
            return refusal(412, "PRECONDITION_FAILED", "The order can't be accepted")
        if fields.get("location") not in found[0]["location"]:
            return refusal(400, "INVALID_INPUT", "invalid input", missing=None, invalid=["location"])
        return 201, {
            "transaction": {
                "id": "B20261201-1-1",
                "date": "2026-12-01T00:00:00+01:00",
                "status": "in process",
                "server_number": None,
                "server_ip": None,
                "authorized_key": [],
                "host_key": [],
                "comment": "",
                "product": {
                    "id": found[0]["id"],
                    "name": found[0]["name"],
                    "description": ["AMD"],
                    "traffic": "unlimited",
                    "dist": "Rescue system",
                    "lang": "en",
                    "location": fields["location"],
                },
                "addons": [],
            }
        }


def refusal(status: int, code: str, message: str = "no", **details: Any) -> tuple[int, Json]:
    """An error as Robot says it."""
    return status, {"error": {"status": status, "code": code, "message": message, **details}}
