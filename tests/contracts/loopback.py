"""A double on the loopback interface: an HTTP server that holds itself and its callers to an API's description."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.contracts.openapi import Contract

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    template: str
    """The path as described, with its braces."""
    values: tuple[str, ...]
    """What stands in the braces."""
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next requests of a kind instead of, or after, what they ask for."""

    method: str
    template: str
    status: int | None = None
    """None: the connection is closed without an answer."""
    answer: Json = None
    is_after: bool = False
    """What was asked for happens, and the caller does not hear of it."""
    times: int = 1
    skip: int = 0
    """Requests of the kind that pass before."""


@dataclass(slots=True, kw_only=True)
class Loopback:
    """Serves `answer` on a free port of 127.0.0.1 while it is entered."""

    contract: Contract
    prefix: str
    """What every path begins with, such as /v1."""
    answer: Callable[[Request], tuple[int, Json]]
    refused: Callable[[list[str]], tuple[int, Json]]
    """What a request that is not as described is answered."""
    guard: Callable[[Request], tuple[int, Json] | None] = lambda _: None
    """What a request is answered before anything else is looked at, such as to a wrong token."""
    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """What was not as described, of requests and answers."""
    faults: list[Fault] = field(default_factory=list)
    _server: ThreadingHTTPServer = field(init=False)
    _thread: threading.Thread = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __enter__(self) -> Self:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10
            wbufsize = -1  # head and body in one packet: apart, each answer would wait 40 ms for an acknowledgement

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                double._serve(self)

            def do_POST(self) -> None:
                double._serve(self)

            def do_DELETE(self) -> None:
                double._serve(self)

            def do_PUT(self) -> None:
                double._serve(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens, with the prefix."""
        return f"http://127.0.0.1:{self._server.server_port}{self.prefix}"

    def sent(self, method: str, template: str) -> list[Request]:
        """The requests of one kind, in order."""
        return [one for one in self.requests if (one.method, one.template) == (method, template)]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        path, _, query = handler.path.partition("?")
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            found = self._take(handler.command, path, query, dict(handler.headers.items()), body)
        if found is None:
            handler.close_connection = True
            return
        status, answer = found
        data = b"" if answer is None else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _take(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Json] | None:
        """The answer to a request; None: there is none."""
        path = path.removeprefix(self.prefix)
        route = self.contract.route(method, path)
        if route is None:
            self.violations.append(f"{method} {path} is not described")
            self.requests.append(
                Request(method=method, path=path, template="", values=(), query=query, headers=headers, body=body)
            )
            return 404, None
        template, values = route
        request = Request(
            method=method, path=path, template=template, values=values, query=query, headers=headers, body=body
        )
        self.requests.append(request)
        guarded = self.guard(request)
        if guarded is not None:
            return self._checked(request, guarded)
        content_type = headers.get("Content-Type", "")
        wrong = self.contract.of_request(method, template, query=query, content_type=content_type, body=body)
        if wrong:
            self.violations += [f"{method} {path}: {one}" for one in wrong]
            return self._checked(request, self.refused(wrong))
        fault = self._fault(method, template)
        if fault is not None and not fault.is_after:
            return None if fault.status is None else self._checked(request, (fault.status, fault.answer))
        found = self._checked(request, self.answer(request))
        if fault is None:
            return found
        return None if fault.status is None else self._checked(request, (fault.status, fault.answer))

    def _fault(self, method: str, template: str) -> Fault | None:
        for fault in self.faults:
            if (fault.method, fault.template) != (method, template):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            if fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _checked(self, request: Request, found: tuple[int, Json]) -> tuple[int, Json]:
        status, answer = found
        wrong = self.contract.of_answer(request.method, request.template, status, answer)
        self.violations += [f"answer {status} to {request.method} {request.path}: {one}" for one in wrong]
        return found
