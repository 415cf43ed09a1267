"""A door to a real Prometheus for whose time is fast: questions and samples are moved between the two clocks.

What is asked of a time is asked of the same moment of the wall's; samples of a moment ago are of a moment ago.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode
from urllib.request import Request, urlopen

from tests.rented.clock import FastTime

TIMES = ("time", "start", "end")


class PrometheusFront:
    """Listens on loopback while it is open."""

    def __init__(self, upstream: str, fast: FastTime) -> None:
        front = self
        self._upstream = upstream
        self._fast = fast
        self.is_broken = False

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                front.answer(self, path, query)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                front.answer(self, self.path, self.rfile.read(length).decode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, path: str, query: str) -> None:
        """Asks the real one, and answers in the other clock's time."""
        ahead_s = self._fast.ahead_s
        asked = [(key, f"{float(value) - ahead_s}" if key in TIMES else value) for key, value in parse_qsl(query)]
        status, body = (503, b"{}") if self.is_broken else self._ask(path, urlencode(asked))
        if status == 200 and path.startswith("/api/v1/query"):
            body = json.dumps(moved(json.loads(body), ahead_s)).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _ask(self, path: str, query: str) -> tuple[int, bytes]:
        url = f"{self._upstream}{path}"
        try:
            with urlopen(Request(url, data=query.encode() if query else None), timeout=20) as answer:
                return int(answer.status), answer.read()
        except HTTPError as error:
            return error.code, error.read()


def moved(document: Any, ahead_s: float) -> Any:
    """The answer with every sample's time moved."""
    data = document["data"]
    if data["resultType"] == "scalar":
        data["result"][0] += ahead_s
        return document
    for series in data["result"]:
        for sample in [series["value"]] if "value" in series else series["values"]:
            sample[0] += ahead_s
    return document
