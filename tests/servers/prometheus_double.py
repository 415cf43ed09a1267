"""A loopback double of Prometheus' HTTP API: it checks what is asked, and answers what a test put in.

Documents have the shapes of the real API; tests/autoscaler/serving/test_real_metrics.py asks a real one.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Document = dict[str, Any]


@dataclass(kw_only=True)
class Asked:
    """One request."""

    path: str
    form: dict[str, str]
    authorization: str | None
    accept_encoding: str | None = None


@dataclass(kw_only=True)
class PrometheusDouble:
    """What it was asked, and what it answers."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Document] = lambda _: matrix()
    status: int = 200
    body: bytes | None = None
    """Instead of a document."""
    headers: dict[str, str] = field(default_factory=dict)
    hangs_s: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]], warnings: tuple[str, ...] = ()) -> Document:
    """The document of a range vector: labels, and (time, value as text) of each sample."""
    result = [{"metric": labels, "values": [[at, value] for at, value in points]} for labels, points in series]
    return _success("matrix", result, warnings)


def vector(*samples: tuple[dict[str, str], float, str], warnings: tuple[str, ...] = ()) -> Document:
    """The document of an instant vector: labels, time and value as text of each sample."""
    return _success("vector", [{"metric": labels, "value": [at, value]} for labels, at, value in samples], warnings)


def error(kind: str, message: str) -> Document:
    """The document of a query that failed."""
    return {"status": "error", "errorType": kind, "error": message}


def _success(kind: str, result: list[Any], warnings: tuple[str, ...]) -> Document:
    document: Document = {"status": "success", "data": {"resultType": kind, "result": result}}
    return document | ({"warnings": list(warnings)} if warnings else {})


@contextmanager
def prometheus_double() -> Iterator[PrometheusDouble]:
    """The double, listening on a port of its own while the block runs."""
    double = PrometheusDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text, strict_parsing=True).items()}
            asked = Asked(
                path=self.path,
                form=form,
                authorization=self.headers.get("Authorization"),
                accept_encoding=self.headers.get("Accept-Encoding"),
            )
            double.asked.append(asked)
            if double.hangs_s:
                double.released.wait(double.hangs_s)
            problem = _refusal(asked, self.headers.get("Content-Type"))
            if problem:
                self._send(400, json.dumps(error("bad_data", problem)).encode())
            elif double.body is not None:
                self._send(double.status, double.body)
            else:
                self._send(double.status, json.dumps(double.answer(asked)).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | double.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield double
    finally:
        double.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _refusal(asked: Asked, content_type: str | None) -> str:
    """Why the real API would refuse the request; empty: it would not."""
    fields = {"/api/v1/query": {"query", "time"}, "/api/v1/query_range": {"query", "start", "end", "step"}}
    if asked.path not in fields:
        return f"no such path: {asked.path}"
    if content_type != "application/x-www-form-urlencoded":
        return f"content type is {content_type}"
    if set(asked.form) != fields[asked.path] | {"timeout"}:
        return f"fields are {sorted(asked.form)}"
    for name in fields[asked.path] - {"query"}:
        try:
            float(asked.form[name])
        except ValueError:
            return f"{name} is no number"
    if asked.path == "/api/v1/query_range":
        start, end, step = (float(asked.form[name]) for name in ("start", "end", "step"))
        if (end - start) / step > 11_000:
            return "exceeded maximum resolution of 11,000 points per timeseries"
    return ""
