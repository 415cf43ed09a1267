"""OVH's API through its client: calls of one errand share a deadline, reads are repeated, clocks are compared again.

The client waits 180 s, repeats nothing, and compares its clock with OVH's once in its life; here it does otherwise.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote

from autoscaler.providers.ovh.errors import Answer, answer_of, sorted_error
from autoscaler.providers.ovh.keys import OvhKeys
from autoscaler.providers.provider import NodeNotFound, Permanent, ProviderError, Temporary

CLOCKS_COMPARED_EVERY_S = 3600.0
READS = 3
"""A read is asked this often at most, within the errand's time."""
PAUSE_S = 0.5
"""Before the second read; doubled before each further one."""
SHORTEST_S = 0.05
"""With less time left, nothing is asked any more."""


class Refused(Exception):  # noqa: N818 - says what happened; it never leaves this package
    """A call that failed, with what was answered."""

    def __init__(self, answer: Answer, doing: str) -> None:
        super().__init__(f"{doing}: {answer.message}")
        self.answer = answer
        self.doing = doing

    def sorted(self) -> ProviderError:
        """The error in the words of every provider."""
        return sorted_error(self.answer, self.doing)

    def sorted_without_node(self) -> ProviderError:
        """The same of a call that names no node: what was not found is the project or the cluster, for good."""
        error = self.sorted()
        return Permanent(str(error)) if isinstance(error, NodeNotFound) else error


class OvhApi:
    """One account and project of OVH."""

    def __init__(
        self,
        *,
        endpoint: str,
        keys: OvhKeys,
        project: str,
        call_timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`endpoint`: ovh-eu, ovh-ca, ovh-us, or a URL. `call_timeout_s`: of an errand, all its calls together."""
        self.project = project
        self._client = _client(endpoint, keys, call_timeout_s)
        self._call_timeout_s = call_timeout_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = Lock()
        self._compared_at: float | None = None

    def errand(self) -> "Errand":
        """A new errand, whose time begins now."""
        return Errand(api=self, ends_at=self._monotonic() + self._call_timeout_s)

    def read(self, path: str) -> Any:
        """What one read is answered, as an errand of its own. Raises ProviderError."""
        try:
            return self.errand().get(path)
        except Refused as refused:
            error = refused.sorted()
        raise error

    def left_s(self, ends_at: float) -> float:
        """How much time an errand has left."""
        return ends_at - self._monotonic()

    def wait(self, pause_s: float) -> None:
        """Lets time pass between two reads."""
        self._sleep(pause_s)

    def close(self) -> None:
        """Closes the connections."""
        self._client._session.close()

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None, ends_at: float, *, signed: bool) -> Any:
        """What one call is answered. Raises Refused; once more where only the clocks had drifted apart."""
        doing = f"ovh: {method} {path.partition('?')[0]}"
        try:
            return self._ask_once(method, path, body, ends_at, doing, signed=signed)
        except Refused as refused:
            if not refused.answer.is_out_of_time:
                raise
        self._compared_at = None
        return self._ask_once(method, path, body, ends_at, doing, signed=signed)

    def _ask_once(
        self, method: str, path: str, body: Mapping[str, Any] | None, ends_at: float, doing: str, *, signed: bool
    ) -> Any:
        from ovh.exceptions import APIError

        if not self._lock.acquire(timeout=max(0.0, self.left_s(ends_at))):
            raise Temporary(f"{doing}: another call takes all the time")
        try:
            if signed:
                self._compare_clocks(ends_at, doing)
            self._client._timeout = self._time_left(ends_at, doing)
            return self._client.call(method, path, None if body is None else dict(body), signed)
        except APIError as error:
            answer = answer_of(error)
        except (AttributeError, TypeError):  # the client takes every refusal for an object
            answer = Answer(status=None, message="an answer that cannot be read")
        finally:
            self._lock.release()
        raise Refused(answer, doing)  # outside of the handler: the client's error holds the request, with its token

    def _time_left(self, ends_at: float, doing: str) -> float:
        """How long the next request may take. Raises Temporary where nothing is to be asked any more.

        The client takes one timeout for all its requests. Name look-up is not covered by it: the resolver's own holds.
        """
        left_s = self.left_s(ends_at)
        if left_s < SHORTEST_S:
            raise Temporary(f"{doing}: no time left of {self._call_timeout_s:g} s")
        return left_s

    def _compare_clocks(self, ends_at: float, doing: str) -> None:
        """Has the client ask for OVH's time before it signs, where that was long ago. Raises Temporary."""
        from ovh.exceptions import APIError

        now = self._monotonic()
        if self._compared_at is not None and now - self._compared_at < CLOCKS_COMPARED_EVERY_S:
            return
        self._client._timeout = self._time_left(ends_at, doing)
        self._client._time_delta = None  # the client's own cache, for which it has no other door
        try:
            _ = self._client.time_delta  # asked for now: the request that follows has what time is left then
        except (APIError, TypeError) as error:
            said = answer_of(error)
        else:
            self._compared_at = now
            return
        raise Temporary(f"{doing}: nothing was asked, for OVH's clock cannot be read: {said.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Calls that share a deadline."""

    api: OvhApi
    ends_at: float

    def get(self, path: str, *, signed: bool = True) -> Any:
        """What a read is answered; asked again while it may go well and there is time. Raises Refused, Temporary."""
        pause_s = PAUSE_S
        for _ in range(READS - 1):
            try:
                return self.api.ask("GET", path, None, self.ends_at, signed=signed)
            except Refused as refused:
                if not refused.answer.is_worth_repeating or self.api.left_s(self.ends_at) <= 2 * pause_s:
                    raise
            self.api.wait(pause_s)
            pause_s *= 2
        return self.api.ask("GET", path, None, self.ends_at, signed=signed)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a change is answered; it is asked for once. Raises Refused, Temporary."""
        return self.api.ask(method, path, body, self.ends_at, signed=True)

    def of_project(self, *parts: str) -> str:
        """The path of something in the project."""
        return "/".join(["/cloud/project", quote(self.api.project, safe=""), *(quote(part, safe="") for part in parts)])


def _client(endpoint: str, keys: OvhKeys, call_timeout_s: float) -> Any:
    import ovh
    import ovh.client
    from ovh.exceptions import InvalidConfiguration, InvalidRegion

    if endpoint.startswith(("http://", "https://")):
        ovh.client.ENDPOINTS.setdefault(endpoint, endpoint)  # the client takes names of endpoints only
    try:
        return ovh.Client(
            endpoint=endpoint,
            application_key=keys.application_key.get_secret_value(),
            application_secret=keys.application_secret.get_secret_value(),
            consumer_key=keys.consumer_key.get_secret_value(),
            timeout=call_timeout_s,
        )
    except InvalidRegion:
        raise Permanent(f"ovh: endpoint {endpoint!r}: expected ovh-eu, ovh-ca, ovh-us or a URL") from None
    except InvalidConfiguration as error:
        raise Permanent(f"ovh: credentials: {error}") from None
