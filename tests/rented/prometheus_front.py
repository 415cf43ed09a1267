"""A door to a real Prometheus for those whose time is fast: questions and samples are told in the other clock.

Times are moved, and what lasts so many seconds, as the ranges of a query do, lasts as much less on the wall. Counters
of servers that work as fast then rise as they would.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode
from urllib.request import Request, urlopen

from tests.rented.clock import FastTime

TIMES = ("time", "start", "end")
LASTS = re.compile(r"(?<=[\[:])([0-9.]+)(ms|s|m|h)(?=[\]:])")
MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


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
        asked = dict(parse_qsl(query))
        question = asked.get("query", "")
        for key, value in asked.items():
            if key in TIMES:
                asked[key] = f"{self._fast.on_wall(float(value)):.3f}"
            elif key == "query":
                asked[key] = LASTS.sub(self._shorter, value)
            elif key == "step":
                asked[key] = f"{float(value) / self._fast.scale}"
        status, body = (503, b"{}") if self.is_broken else self._ask(path, urlencode(asked))
        if status == 200 and path.startswith("/api/v1/query"):
            body = json.dumps(self._moved(json.loads(body), is_time="timestamp(" in question)).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _shorter(self, found: re.Match[str]) -> str:
        """A duration, at least a millisecond long."""
        return f"{max(1, round(float(found[1]) * MS[found[2]] / self._fast.scale))}ms"

    def _moved(self, document: Any, *, is_time: bool) -> Any:
        """The answer with every sample's time moved, and its value where that is a time."""
        data = document["data"]
        samples = [data["result"]] if data["resultType"] in ("scalar", "string") else []
        for series in data["result"] if not samples else ():
            samples += [series["value"]] if "value" in series else series["values"]
        for sample in samples:
            sample[0] = self._fast.of_wall(sample[0])
            if is_time:
                sample[1] = f"{self._fast.of_wall(float(sample[1]))}"
        return document

    def _ask(self, path: str, query: str) -> tuple[int, bytes]:
        url = f"{self._upstream}{path}"
        try:
            with urlopen(Request(url, data=query.encode() if query else None), timeout=20) as answer:
                return int(answer.status), answer.read()
        except HTTPError as error:
            return error.code, error.read()
