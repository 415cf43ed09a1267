"""Api: one call to Hetzner Cloud, made once, bounded in time, its error sorted by what to do next.

It is made through the public `Client.request` of the `hcloud` library, not through its typed clients: those set one
timeout for all requests, so that a call made of several could take a multiple of it, and they fail on a server whose
public address has no id, which the API's description allows.

The library repeats failed requests by itself, POST too, five times and up to 60 s apart, and has no public way to turn
that off (2.27). What a failed launch or a full quota means is decided above, and a call has a deadline: `_client_once`
sets the library's own attribute, refuses a version that has none, and a test counts the requests.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from autoscaler.providers.provider import CapacityUnavailable, NodeNotFound, Permanent, ProviderError, Temporary

if TYPE_CHECKING:
    from hcloud import APIException, Client

ENDPOINT = "https://api.hetzner.cloud/v1"

NO_CAPACITY = frozenset({"resource_unavailable", "placement_error", "resource_limit_exceeded"})
"""Sold out (412), no room for it (422), a quota of the account (403)."""
REFUSED_FOR_GOOD = frozenset(
    {
        "json_error",
        "unauthorized",
        "token_readonly",
        "forbidden",
        "method_not_allowed",
        "deprecated_api_endpoint",
        "invalid_input",
        "unsupported_error",
        "protected",
    }
)
"""The request, or who makes it, must change first. Every other code may be better next time."""

Json = dict[str, Any]
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What reading an answer raises where it is not as described."""


class NameTaken(Permanent):
    """A server of that name is there already."""


class TokenIsReadOnly(Permanent):
    """The token may read and nothing else."""


class Api:
    """Calls to one project."""

    def __init__(
        self,
        *,
        token: SecretStr,
        endpoint_url: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monotonic`: seconds that only ever grow; deadlines are told in them."""
        self._token = token
        self._endpoint = endpoint_url or ENDPOINT
        self._monotonic = monotonic
        self._client: Client | None = None

    def now_s(self) -> float:
        """What deadlines are told in."""
        return self._monotonic()

    def left_s(self, deadline_s: float) -> float:
        """Seconds to the deadline; 0 where it is over."""
        return max(0.0, deadline_s - self._monotonic())

    def get(self, path: str, *, deadline_s: float, params: Mapping[str, Any] | None = None) -> Json:
        """What there is at the path."""
        return self.call("GET", path, deadline_s=deadline_s, params=params)

    def call(
        self,
        method: str,
        path: str,
        *,
        deadline_s: float,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
    ) -> Json:
        """The answer to one request, made once. Raises ProviderError."""
        try:
            import hcloud
        except ModuleNotFoundError as error:
            raise Permanent("hetzner-cloud: hcloud is not installed; install baseload[hetzner]") from error
        what = f"{method} {path}"
        left_s = self.left_s(deadline_s)
        if left_s <= 0:
            raise Temporary(f"hetzner-cloud: no time was left for {what}")
        client = self._client_once()
        try:
            return client.request(method, path, timeout=left_s, params=params, json=body)
        except hcloud.APIException as error:
            raise sorted_error(error, what) from error
        except OSError as error:  # what `requests` raises: no connection, no answer in time, no TLS
            raise Temporary(f"hetzner-cloud: {what}: {type(error).__name__}, no answer") from error
        except UNREADABLE as error:
            raise Temporary(f"hetzner-cloud: {what}: an answer that cannot be read") from error

    def _client_once(self) -> "Client":
        """The library's client, which makes every request once."""
        if self._client is None:
            import hcloud

            client = hcloud.Client(
                token=self._token.get_secret_value(), api_endpoint=self._endpoint, application_name="baseload"
            )
            inner = client._client
            if not isinstance(getattr(inner, "_retry_max_retries", None), int):
                raise Permanent(
                    f"hcloud {hcloud.__version__}: its repeats cannot be turned off; expected a version that has "
                    "`_retry_max_retries`, such as 2.27"
                )
            inner._retry_max_retries = 0
            self._client = client
        return self._client


def sorted_error(error: "APIException", what: str) -> ProviderError:
    """The error of an answer by what to do next."""
    said = f"hetzner-cloud: {what}: {error.message} ({error.code})"
    code = error.code
    if isinstance(code, int):  # an answer that is not the API's own: a gateway's
        kind = Temporary if code >= 500 or code in (408, 429) else Permanent
        return kind(said)
    if code in NO_CAPACITY:
        return CapacityUnavailable(said)
    if code == "not_found":
        return NodeNotFound(said)
    if code == "uniqueness_error":
        return NameTaken(said)
    if code == "token_readonly":
        return TokenIsReadOnly(said)
    return Permanent(said) if code in REFUSED_FOR_GOOD else Temporary(said)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raises Temporary where an answer that is read inside is not as described."""
    try:
        yield
    except UNREADABLE as error:
        raise Temporary(f"hetzner-cloud: {what}: an answer that cannot be read") from error


def pages(api: Api, path: str, key: str, *, deadline_s: float, per_page: int = 50) -> list[Json]:
    """Every row of a list. Raises ProviderError, and Temporary where the pages do not fit together."""
    rows: list[Json] = []
    page: int | None = 1
    while page is not None:
        answer = api.get(path, deadline_s=deadline_s, params={"page": page, "per_page": per_page})
        with readable(f"GET {path}"):
            rows += answer[key]
            page = next_page(answer, page)
    return rows


def next_page(answer: Json, page: int) -> int | None:
    """Number of the page after this one; None: it is the last. Raises Temporary where it would go back."""
    following = answer["meta"]["pagination"]["next_page"]
    if following is None:
        return None
    if not isinstance(following, int) or following <= page:
        raise Temporary(f"hetzner-cloud: page {page} is followed by {following!r}; expected a later page")
    return following
