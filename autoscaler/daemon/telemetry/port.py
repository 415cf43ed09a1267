"""Port: /metrics, /healthz, /readyz and /status over HTTP, read-only, beside the loop.

Each reader has a thread and little time; beyond so many at once they are turned away. Nothing here touches the loop:
what is shown was made by it before.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, socket
from typing import Any

from planner.errors import InputError
from planner.fleet.daemon.autoscale import host_and_port

PATIENCE_S = 10.0
"""A reader that says or takes nothing for this long is hung up on."""
MOST_READERS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a path answers."""

    code: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Answer]]
"""By path."""


class Port:
    """A server of pages, in threads of its own."""

    def __init__(self, listen: str, pages: Pages, *, on_dropped: Callable[[], None] = lambda: None) -> None:
        """`listen`: address and port; port 0 takes a free one. Raises InputError where it cannot be had."""
        host, port = address_of(listen)
        try:
            self._server = _Server(host, port, pages, on_dropped)
        except OSError as error:
            raise InputError(
                f"[autoscale] listen {listen}: {error.strerror or error}; expected a free address of this machine"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="port", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, with the port it got."""
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes) else str(host)
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"

    def close(self) -> None:
        """Stops listening; readers that are there are let go."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of 127.0.0.1:9464 or [::1]:9464. Raises InputError."""
    try:
        return host_and_port(listen)
    except ValueError:
        raise InputError(f"{listen!r}: expected an address and a port, such as 127.0.0.1:9464") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, host: str, port: int, pages: Pages, on_dropped: Callable[[], None]) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.pages = pages
        self._on_dropped = on_dropped
        self._seats = threading.BoundedSemaphore(MOST_READERS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Gives the reader a thread, where there is a seat."""
        if not self._seats.acquire(blocking=False):
            self._on_dropped()
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Answers, and frees the seat."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._seats.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A reader that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    protocol_version = "HTTP/1.0"  # one answer, and the line is closed
    server_version = "baseload"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        """Answers a page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answers what a page would."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            known = ", ".join(self.server.pages)
            answer = Answer(code=404, content_type="text/plain; charset=utf-8", body=f"pages: {known}\n".encode())
        else:
            answer = page()
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name http.server calls
        """Readers are not logged."""
