"""A loopback server that speaks OVH's API: checks signatures, bodies held against its schema, faults on request.

It answers as OVH does where python-ovh is particular: void is the JSON null, errors carry a class or an errorCode.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, RLock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.autoscaler.providers.ovh.cloud import PROJECT, OvhCloud, Refusal
from tests.autoscaler.providers.ovh.kube import CLUSTER, OvhKube
from tests.autoscaler.providers.ovh.schema import Operation, Schema

APPLICATION_KEY = "application-key-0001"
APPLICATION_SECRET = "application-secret-0001"
CONSUMER_KEY = "consumer-key-0001"
START = datetime(2026, 12, 1, tzinfo=UTC)
OF_PROJECT = "/cloud/project/{serviceName}"
OF_CLUSTER = "/kube/{kubeId}"
OUT_OF_TIME_S = 60
"""A signature of another time is refused. OVH does not publish how far it may be off."""
EVERYTHING = tuple({"method": method, "path": "/*"} for method in ("GET", "POST", "PUT", "DELETE"))
ANSWERS: dict[str, tuple[int, Any]] = {
    "server error": (500, {"message": "Internal server error", "class": "Server::InternalServerError"}),
    "rate limit": (429, {"message": "Too many requests", "class": "Client::TooManyRequests"}),
    "out of stock": (400, {"message": "Flavor is out of stock in this region", "class": "Client::BadRequest"}),
    "quota": (403, {"message": "Instances quota exceeded for this project", "class": "Client::Forbidden"}),
    "auth": (403, {"message": "This credential is not valid", "errorCode": "INVALID_CREDENTIAL"}),
    "odd refusal": (502, ["no", "object"]),
    "odd list": (200, [{}]),
    "busy": (409, {"message": "Node pool is not ready", "class": "Client::Conflict"}),
}


@dataclass
class Clock:
    """A clock that a test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class OvhDouble:
    """OVH's API at `url`; use it in a with statement."""

    now: Callable[[], datetime]
    skew_s: int = 0
    """How far OVH's clock is ahead of ours."""
    rules: tuple[dict[str, str], ...] = EVERYTHING
    """What the consumer key may call."""
    schema: Schema = field(default_factory=Schema)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Method and path, as in the schema, of every signed call."""
    paths: list[tuple[str, str]] = field(default_factory=list)
    """The same, with their ids."""
    bodies: list[tuple[str, str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """Requests and responses that the schema does not allow."""
    broken: dict[tuple[str, str], str] = field(default_factory=dict)
    """Method and end of the path in the schema -> fault, until it is mended."""
    time_asked: int = 0
    catalog: dict[str, Any] | None = None
    """The public price list."""
    credential_status: str = "validated"
    expiration: str | None = None

    def __post_init__(self) -> None:
        self.cloud = OvhCloud(now=self.now)
        self.kube = OvhKube(now=self.now)
        self._lock = RLock()
        self._closed = Event()
        double = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                double._serve(self)

        for method in ("GET", "POST", "PUT", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/1.0"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def time(self) -> int:
        return int(self.now().timestamp()) + self.skew_s

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        raw = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        with self._lock:
            answer = self._answer(request, raw)
        if answer is None:
            request.close_connection = True
            return
        if answer == "hang":
            self._closed.wait(30)
            return
        status, body = answer
        data = json.dumps(body).encode()
        with suppress(BrokenPipeError, ConnectionResetError):
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("X-Ovh-QueryID", "EU.ext-1.0123")
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)

    def _answer(self, request: BaseHTTPRequestHandler, raw: str) -> Any:
        """Status and body; None: the connection breaks off; hang: no answer."""
        target = urlsplit(request.path)
        path = target.path.removeprefix("/1.0")
        operation = self.schema.find(request.command, path)
        if operation is None:
            self.violations.append(f"{request.command} {path}: the schema has no such call")
            return 404, {"message": "Got an invalid (or empty) URL", "class": "Client::NotFound"}
        try:
            if operation.is_signed:
                self._check_signature(request, raw)
                self._check_granted(request.command, path)
                self.calls.append((operation.method, operation.path))
                self.paths.append((operation.method, path))
            fault = self._fault(operation)
            if fault in ("timeout before", "hang"):
                return None if fault == "timeout before" else "hang"
            if fault in ANSWERS:
                return ANSWERS[fault]
            query = dict(parse_qsl(target.query))
            body = self._checked_body(operation, query, raw)
            self.bodies.append((operation.method, operation.path, body))
            answer = self._do(operation, path, query, body)
        except Refusal as refusal:
            return refusal.status, refusal.body
        wrong = self.schema.faults(answer, operation.response, operation.response)
        self.violations += wrong
        if fault == "odd after":
            return 200, {}
        return None if fault == "timeout after" else (200, answer)

    def _check_signature(self, request: BaseHTTPRequestHandler, raw: str) -> None:
        headers = request.headers
        stamp = headers.get("X-Ovh-Timestamp", "0")
        url = f"http://{headers['Host']}{request.path}"
        signed = "+".join([APPLICATION_SECRET, CONSUMER_KEY, request.command, url, raw, stamp])
        signature = "$1$" + hashlib.sha1(signed.encode()).hexdigest()
        if headers.get("X-Ovh-Application") != APPLICATION_KEY:
            raise Refusal(403, "This application key is invalid", errorCode="INVALID_KEY")
        if headers.get("X-Ovh-Consumer") != CONSUMER_KEY:
            raise Refusal(403, "This credential does not exist", errorCode="INVALID_CREDENTIAL")
        if headers.get("X-Ovh-Signature") != signature or abs(int(stamp) - self.time()) > OUT_OF_TIME_S:
            raise Refusal(400, "Invalid signature", errorCode="INVALID_SIGNATURE")

    def _check_granted(self, method: str, path: str) -> None:
        if not any(rule["method"] == method and _covers(rule["path"], path) for rule in self.rules):
            raise Refusal(403, "This call has not been granted", errorCode="NOT_GRANTED_CALL")

    def _fault(self, operation: Operation) -> str:
        for (method, ending), fault in self.broken.items():
            is_meant = operation.method == method and operation.path.endswith(ending)
            if is_meant and (operation.is_signed or fault != "auth"):
                return fault
        return ""

    def _checked_body(self, operation: Operation, query: dict[str, str], raw: str) -> Any:
        wrong = [f"{operation.path}: no query parameter {key}" for key in query if key not in operation.query]
        body = json.loads(raw) if raw else None
        if operation.body is not None:
            wrong += self.schema.faults(body, operation.body, operation.body)
        elif body is not None:
            wrong.append(f"{operation.method} {operation.path}: takes no body")
        if wrong:
            self.violations += wrong
            raise Refusal(400, "; ".join(wrong), **{"class": "Client::BadRequest"})
        return body

    def _do(self, operation: Operation, path: str, query: dict[str, str], body: Any) -> Any:
        parts = path.split("/")
        if parts[1:3] == ["auth", "time"]:
            self.time_asked += 1
            return self.time()
        if parts[1] == "auth":
            return self._credential()
        if parts[1] == "order":
            return self.catalog
        if parts[3] != PROJECT:
            raise Refusal(404, "This service does not exist", **{"class": "Client::NotFound"})
        named = zip(operation.path.split("/")[4:], parts[4:], strict=True)
        return self._do_in_project(operation, [part for name, part in named if name.startswith("{")], query, body)

    def _do_in_project(self, operation: Operation, ids: list[str], query: dict[str, str], body: Any) -> Any:
        below = operation.path.removeprefix(OF_PROJECT)
        if not below.startswith(OF_CLUSTER):
            return self.cloud.answers()[operation.method, below](ids, query, body)
        if ids[0] != CLUSTER:
            raise Refusal(404, "Cluster not found", **{"class": "Client::NotFound"})
        return self.kube.answers()[operation.method, below.removeprefix(OF_CLUSTER)](ids, query, body)

    def _credential(self) -> dict[str, Any]:
        return {
            "credentialId": 1,
            "applicationId": 2,
            "creation": "2026-01-01T00:00:00Z",
            "expiration": self.expiration,
            "lastUse": None,
            "ovhSupport": False,
            "allowedIPs": None,
            "status": self.credential_status,
            "rules": list(self.rules),
        }


def _covers(rule: str, path: str) -> bool:
    """Whether a rule of a credential allows a path; `*` stands for anything."""
    head, *tail = rule.split("*", 1)
    return path == rule if not tail else path.startswith(head) and path.endswith(tail[0])
