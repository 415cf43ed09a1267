"""Probes of nodes: whether the model answers, and how many requests are in flight, asked of the servers themselves.

A node is ready once its health path answers 200 and `/v1/models` lists its model. Probes run side by side and all end
by one deadline: a node that hangs is one that does not answer, and holds nobody up.
"""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.serving.plain.router import Endpoint
from planner.measure.dialect import DIALECTS, first_of

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

AT_ONCE = 64
"""Probes at one time."""
MOST_BYTES = 8 << 20
"""Of one answer: a page of metrics has about a hundred thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one node answered."""

    is_ready: bool
    in_flight: int | None = None
    """None: it was not asked, or does not say."""
    why: str = ""
    """Why it is not ready."""


class _NoAnswer(Exception):  # noqa: N818 - what happened
    """A request that got no whole answer in time."""


@dataclass(slots=True, kw_only=True)
class Prober:
    """Asks nodes; close it in the end."""

    health_path: str = "/health"
    served_names: Mapping[str, str] = field(default_factory=dict)
    """Model -> its name at the servers, where that is another."""
    key: "SecretStr | None" = None
    timeout_s: float = 3.0
    """Of one node, all questions together."""
    _client: "httpx.Client | None" = None

    def probe(self, endpoints: Sequence[Endpoint], *, count: frozenset[str] = frozenset()) -> dict[str, Probe]:
        """By node, what it answered; of those in `count` the requests in flight as well.

        A node that could not be asked before the deadline, for there are so many, is not in it: nothing is known.
        """
        if not endpoints:
            return {}
        client = self._client = self._client or self._new_client()
        rounds = -(-len(endpoints) // AT_ONCE)
        pool = ThreadPoolExecutor(max_workers=min(AT_ONCE, len(endpoints)), thread_name_prefix="probe")
        try:
            asked = {pool.submit(self._ask, client, one, is_counted=one.node_id in count): one for one in endpoints}
            done, _ = wait(asked, timeout=self.timeout_s * min(rounds, 2) + 0.5)
            return {asked[one].node_id: one.result() for one in done}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Closes its connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _new_client(self) -> "httpx.Client":
        import httpx

        return httpx.Client(
            headers={} if self.key is None else {"Authorization": f"Bearer {self.key.get_secret_value()}"},
            timeout=self.timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=2 * AT_ONCE, max_keepalive_connections=0),
        )

    def _ask(self, client: "httpx.Client", endpoint: Endpoint, *, is_counted: bool) -> Probe:
        deadline_s = time.monotonic() + self.timeout_s
        base = f"http://{endpoint.host_port}"
        in_flight = None
        try:
            status, _ = _get(client, f"{base}{self.health_path}", deadline_s)
            if is_counted:
                in_flight = self._in_flight(client, base, deadline_s)
            if status != 200:
                return Probe(is_ready=False, in_flight=in_flight, why=f"{self.health_path} answers {status}")
            status, body = _get(client, f"{base}/v1/models", deadline_s)
        except _NoAnswer as error:
            return Probe(is_ready=False, in_flight=in_flight, why=str(error))
        wanted = self.served_names.get(endpoint.model, endpoint.model)
        listed = _listed(body) if status == 200 else None
        if listed is None:
            return Probe(is_ready=False, in_flight=in_flight, why=f"/v1/models answers {status} without a list")
        if wanted not in listed:
            has = ", ".join(sorted(listed)[:3]) or "no model"
            return Probe(is_ready=False, in_flight=in_flight, why=f"serves {has[:100]}; expected {wanted}")
        return Probe(is_ready=True, in_flight=in_flight)

    def _in_flight(self, client: "httpx.Client", base: str, deadline_s: float) -> int | None:
        """Requests the server has, by its page of metrics, else by llama.cpp's list of slots; None: it says neither."""
        try:
            status, body = _get(client, f"{base}/metrics", deadline_s)
            if status == 200 and (found := in_flight_on(body.decode(errors="replace"))) is not None:
                return found
            status, body = _get(client, f"{base}/slots", deadline_s)
            return _busy_slots(body) if status == 200 else None
        except _NoAnswer:
            return None


def in_flight_on(page: str) -> int | None:
    """Requests running and waiting, by a page of metrics in any engine's names; None: it names neither."""
    values: dict[str, float] = {}
    for line in page.splitlines():
        if line.startswith("#") or not line:
            continue
        name = line.partition("{")[0].partition(" ")[0]
        try:
            value = float(line.rpartition("}")[2].split()[0] if "}" in line else line.split()[1])
        except (IndexError, ValueError):
            continue
        values[name] = values.get(name, 0.0) + value
    for dialect in DIALECTS.values():
        running = first_of(dialect.running, values)
        if running is not None and not dialect.is_gateway:
            waiting = first_of(dialect.waiting, values)
            total = values[running] + (0.0 if waiting is None else values[waiting])
            return round(total) if 0 <= total < float("inf") else None
    return None


def _get(client: "httpx.Client", url: str, deadline_s: float) -> tuple[int, bytes]:
    """Status and body, whole and by the deadline. Raises _NoAnswer."""
    import httpx

    left_s = deadline_s - time.monotonic()
    path = "/" + url.split("/", 3)[3]
    if left_s <= 0:
        raise _NoAnswer(f"{path} was not asked in time")
    body = bytearray()
    try:
        with client.stream("GET", url, timeout=left_s) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > deadline_s or len(body) > MOST_BYTES:
                    raise _NoAnswer(f"{path} does not come to an end")
            return response.status_code, bytes(body)
    except httpx.TimeoutException:
        raise _NoAnswer(f"{path} does not answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _NoAnswer(f"{path}: {type(error).__name__}") from None


def _listed(body: bytes) -> set[str] | None:
    try:
        return {str(one["id"]) for one in json.loads(body)["data"]}
    except (ValueError, KeyError, TypeError):
        return None


def _busy_slots(body: bytes) -> int | None:
    try:
        return sum(bool(slot["is_processing"]) for slot in json.loads(body))
    except (ValueError, KeyError, TypeError):
        return None
