"""Prometheus: instant and range queries over its HTTP API, answered with values.

Every failure is a MetricsError that names the URL without user, password or token: what cannot be read is never 0.
Redirects are not followed (a token would go with them) and no proxy of the environment is used. Samples that are NaN
or infinite are no measurements and are left out. An answer with warnings may lack series; they are handed on.
"""

import gc
import json
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from planner.errors import InputError, PlannerError
from planner.measure.series import Series

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

MAX_POINTS = 11_000
"""Points of one series in one range query; Prometheus refuses more."""
MAX_BYTES = 256 << 20
"""Of one answer; 1,000 nodes take about two million."""


class MetricsError(PlannerError):
    """Prometheus cannot be asked, or its answer cannot be read. Exit code 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query found; no series: nothing matched, which is not 0."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    """Why series may be missing, in Prometheus' words."""


class Prometheus:
    """One Prometheus, or anything that speaks its HTTP API. Close it, or use it in `with`."""

    def __init__(
        self,
        url: str,
        *,
        token: "SecretStr | None" = None,
        ca_file: str | None = None,
        timeout_s: float = 10.0,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        """`ca_file`: certificate authorities to trust instead of the system's. Raises InputError where it is none."""
        import httpx

        self.shown_url = without_user(url)
        self._timeout_s = timeout_s
        # Prometheus takes 0.15 s of a processor to find and write 12.7 MB of samples, and 1 s to compress them.
        headers = {"Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
            verify=_trusted(ca_file),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def instant(self, query: str, *, at: datetime) -> Answer:
        """What `query` says of one instant: samples of it, or of the span a range selector ends there with."""
        return self._ask("query", {"query": query, "time": f"{at.timestamp():.3f}"})

    def over(self, query: str, *, start: datetime, end: datetime, step: timedelta) -> Answer:
        """What `query` says at start, start + step, … up to end, both included; asked in parts where it is long."""
        found: dict[tuple[tuple[str, str], ...], tuple[list[float], list[float]]] = {}
        warnings: dict[str, None] = {}
        for first, last in _parts(start, end, step):
            answer = self._ask(
                "query_range",
                {
                    "query": query,
                    "start": f"{first.timestamp():.3f}",
                    "end": f"{last.timestamp():.3f}",
                    "step": f"{step.total_seconds():g}",
                },
            )
            warnings.update(dict.fromkeys(answer.warnings))
            for one in answer.series:
                times_s, values = found.setdefault(tuple(sorted(one.labels.items())), ([], []))
                times_s += one.times_s
                values += one.values
        series = tuple(
            Series(labels=dict(key), times_s=tuple(times_s), values=tuple(values))
            for key, (times_s, values) in found.items()
        )
        return Answer(series=series, warnings=tuple(warnings))

    def _ask(self, path: str, form: dict[str, str]) -> Answer:
        where = f"{self.shown_url}/api/v1/{path}"
        status, body = self._post(f"/api/v1/{path}", form | {"timeout": f"{self._timeout_s:g}s"}, where)
        with _uncollected():  # while it is read and not while it is waited for, when others of this process run
            try:
                document = json.loads(body)
            except ValueError:
                document = None
            del body  # of a thousand nodes it is megabytes, as is what it becomes
            return _answer(status, document, where)

    def _post(self, path: str, form: dict[str, str], where: str) -> tuple[int, bytes]:
        """Status and body of an answer that is whole within the time-out."""
        import httpx

        deadline_s = time.monotonic() + self._timeout_s
        body = bytearray()
        try:
            with self._client.stream("POST", path, data=form) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if time.monotonic() > deadline_s:
                        raise MetricsError(f"{where}: no whole answer within {self._timeout_s:g} s")
                    if len(body) > MAX_BYTES:
                        raise MetricsError(f"{where}: answered with more than {MAX_BYTES >> 20} MiB")
                return response.status_code, bytes(body)
        except httpx.TimeoutException:
            raise MetricsError(f"{where}: no answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MetricsError(f"{where}: no answer, {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """What the system said, as a part of a sentence: "connection refused" of "[Errno 111] Connection refused"."""
    said = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
    return said if said[:2].isupper() else said[0].lower() + said[1:]


def _answer(status: int, document: Any, where: str) -> Answer:
    """The values of a document, which is emptied on the way. Raises MetricsError."""
    if not isinstance(document, dict) or document.get("status") not in ("success", "error"):
        raise MetricsError(f"{where}: answered {status} with something else than Prometheus' JSON")
    if status != 200 or document["status"] == "error":
        said = " ".join(f"{document.get('errorType', '')}: {document.get('error', '')}".split())[:300]
        raise MetricsError(f"{where}: answered {status}, {said}")
    try:
        series = tuple(_read(document["data"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MetricsError(f"{where}: its answer cannot be read ({type(error).__name__}: {error})") from None
    return Answer(series=series, warnings=tuple(str(one) for one in document.get("warnings") or ()))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles while the block runs: there are none in JSON, and it takes longer than reading does."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def without_user(url: str) -> str:
    """The URL as it may be shown: no user, no password, no query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def selector(names: tuple[str, ...], matchers: str = "") -> str:
    """A selector of all the metrics named, with further label matchers, such as `job="vllm"`."""
    inside = f'__name__=~"{"|".join(names)}"'
    return "{" + ", ".join(part for part in (inside, matchers.strip().strip(",")) if part) + "}"


def _trusted(ca_file: str | None) -> "Any":
    import ssl

    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one
        said = error.strerror or str(error)
        raise InputError(f"[metrics] ca_file {ca_file}: {said}; expected certificates in PEM") from None


def _parts(start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Spans of at most MAX_POINTS steps that meet without sharing a step."""
    if step <= timedelta(0) or end < start:
        raise ValueError(f"expected start before end and a step above 0, got {start} to {end} by {step}")
    while start <= end:
        last = min(start + (MAX_POINTS - 1) * step, end)
        yield start, last
        start = last + step


def _read(data: dict[str, Any]) -> Iterator[Series]:
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        result = [{"metric": {}, "value": result}]
    elif kind not in ("vector", "matrix"):
        raise ValueError(f"resultType is {kind!r}")
    result.reverse()
    while result:
        one = result.pop()  # let go of as it is read: the samples are not held twice
        if not {"value", "values"} & one.keys():
            continue  # a native histogram: none of ours is one
        samples = one["values"] if kind == "matrix" else [one["value"]]
        if not samples:
            continue
        at, said = zip(*samples, strict=True)
        times_s, values = tuple(map(float, at)), tuple(map(float, said))
        kept = tuple(map(math.isfinite, values))
        if not all(kept):
            times_s, values = tuple(compress(times_s, kept)), tuple(compress(values, kept))
        if values:
            labels = {str(name): str(value) for name, value in one["metric"].items()}
            yield Series(labels=labels, times_s=times_s, values=values)
