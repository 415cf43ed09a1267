"""A door to the API server: the official client's configuration, credentials and connections, and JSON as it is.

The client's models are left out: at a thousand nodes they take ten times as long to make as their JSON takes to read.
Every request has a time-out, of the whole of it; nothing is tried again here.
"""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from planner.errors import InputError, PlannerError
from planner.fleet.daemon import ClusterSettings

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration
    from urllib3.response import HTTPResponse

Json: TypeAlias = dict[str, Any]
CHUNK = 65536
MERGE = "application/strategic-merge-patch+json"
HTTP_ERROR = 400


class ClusterError(PlannerError):
    """The API server refused, or did not answer."""

    def __init__(self, message: str, *, status: int | None = None, reason: str = "", causes: tuple[str, ...] = ()):
        super().__init__(message)
        self.status = status
        """Of HTTP; None: no answer came, and what was asked may have happened all the same."""
        self.reason = reason
        """In one word, as Kubernetes says it: NotFound, Conflict, Expired."""
        self.causes = causes


class StreamBroke(ClusterError):  # noqa: N818 - what happened
    """A watch began and ended before its time: what changed meanwhile is not known."""


class ClusterApi:
    """What is asked of the API server."""

    def __init__(self, client: "ApiClient", *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self.calls = 0
        """Requests so far."""

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    @property
    def bearer(self) -> str:
        """The token that is sent, which is a secret; empty: none is."""
        sent = next(iter(self._client.configuration.api_key.values()), None) or ""  # under one name or another
        return str(sent).rpartition(" ")[2]

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Json:
        """The object or list at `path`. Raises ClusterError."""
        return self._json("GET", path, query=query)

    def post(self, path: str, body: Json) -> Json:
        """What was made. Raises ClusterError."""
        return self._json("POST", path, body=body)

    def put(self, path: str, body: Json) -> Json:
        """The object that took the place of the one before. Raises ClusterError."""
        return self._json("PUT", path, body=body)

    def patch(self, path: str, body: Json) -> Json:
        """The object with what was changed (strategic merge). Raises ClusterError."""
        return self._json("PATCH", path, body=body, content_type=MERGE)

    def delete(self, path: str, body: Json) -> Json:
        """What was deleted, or is being deleted. `body`: DeleteOptions. Raises ClusterError."""
        return self._json("DELETE", path, body=body)

    def watch(self, path: str, query: Mapping[str, str | int], *, quiet_s: float) -> Generator[Json, None, None]:
        """The events that are there, until none came for `quiet_s` or the time of a request is over; to be closed.

        Raises ClusterError where the watch cannot begin or its stream is broken.
        """
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        what = f"watch {path}"
        deadline = monotonic() + self._timeout_s
        response = self._open("GET", path, query={**query, "watch": "1"}, what=what)
        rest = b""
        try:
            connection = response.connection
            sock = getattr(connection, "sock", None)
            if sock is not None:
                sock.settimeout(quiet_s)
            for chunk in response.stream(CHUNK, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (_parsed(line, what) for line in lines if line.strip())
                if monotonic() > deadline:
                    break
        except ReadTimeoutError:
            pass  # quiet
        except (HTTPError, OSError) as error:
            raise StreamBroke(f"{what}: the stream broke: {_said(error)}") from None
        finally:
            response.close()

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        from urllib3.exceptions import HTTPError

        what = f"{method} {path}"
        deadline = monotonic() + self._timeout_s
        response = self._open(method, path, query=query, body=body, content_type=content_type, what=what)
        try:
            return _parsed(_whole(response, deadline, what), what)
        except (HTTPError, OSError) as error:
            raise ClusterError(f"{what}: the answer broke off: {_said(error)}") from None
        finally:
            response.close()

    def _open(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str | int] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> "HTTPResponse":
        """The answer, its body still to be read. Raises ClusterError where there is none, or it is a refusal."""
        from kubernetes.client import ApiException
        from kubernetes.config import ConfigException
        from urllib3.exceptions import HTTPError

        self.calls += 1
        headers = {"Accept": "application/json", "User-Agent": "baseload"}
        if body is not None:
            headers["Content-Type"] = content_type
        elif "watch" not in (query or {}):
            headers["Accept-Encoding"] = "gzip"
        try:
            method, url, headers, content, _ = self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = self._client.rest_client.request(
                method, url, headers=headers, body=content, _request_timeout=self._timeout_s
            )
        except ApiException as error:
            raise ClusterError(f"{what}: {error.reason}") from None
        except ConfigException as error:  # a token that is read anew, and is not there
            raise ClusterError(f"{what}: {error}") from None
        except (HTTPError, OSError) as error:
            raise ClusterError(f"{what}: {_said(error)}") from None
        response: HTTPResponse = answer.response
        if response.status >= HTTP_ERROR:
            raise _refusal(response, what, monotonic() + self._timeout_s)
        return response


def _whole(response: "HTTPResponse", deadline: float, what: str) -> bytes:
    parts = []
    for chunk in response.stream(CHUNK, decode_content=True):
        parts.append(chunk)
        if monotonic() > deadline:
            raise ClusterError(f"{what}: the answer took too long")
    return b"".join(parts)


def _parsed(text: bytes, what: str) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ClusterError(f"{what}: the answer is no JSON object: {text[:80]!r}")
    return value


def _refusal(response: "HTTPResponse", what: str, deadline: float) -> ClusterError:
    """The error an answer of 4xx or 5xx is."""
    from urllib3.exceptions import HTTPError

    try:
        text = _whole(response, deadline, what)
    except (HTTPError, OSError, ClusterError):
        text = b""
    finally:
        response.close()
    try:
        status = json.loads(text)
        causes = tuple(str(cause.get("reason", "")) for cause in (status.get("details") or {}).get("causes") or ())
        message, reason = str(status.get("message", "")), str(status.get("reason", ""))
    except (ValueError, AttributeError):
        message, reason, causes = text[:200].decode(errors="replace").strip(), "", ()
    return ClusterError(
        f"{what}: {response.status} {reason}: {message}", status=response.status, reason=reason, causes=causes
    )


def _said(error: BaseException) -> str:
    """One line of what went wrong, without the object addresses that urllib3 puts in."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} {error.filename or ''}".strip()
    text = str(error).split(": ", 1)[-1].splitlines() or [""]
    return f"{type(error).__name__}: {text[0]}"


def connect(settings: ClusterSettings, *, folder: str, timeout_s: float) -> ClusterApi:
    """A door to the cluster of `settings`. Raises InputError where it says nothing that can be used.

    `folder`: where a relative kubeconfig starts.
    """
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

    configuration = Configuration()
    try:
        if settings.kubeconfig is None:
            load_incluster_config(client_configuration=configuration)
        else:
            path = Path(folder) / Path(settings.kubeconfig).expanduser()
            load_kube_config(config_file=str(path), client_configuration=configuration)
    except ConfigException as error:
        where = settings.kubeconfig or "the service account of this pod (no kubeconfig is set)"
        raise InputError(f"[cluster] {where}: {error}; expected a kubeconfig, or to run in a pod") from None
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(f"[cluster] kubeconfig {settings.kubeconfig}: cannot be read: {error}") from None
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise InputError(f"[cluster] kubeconfig {settings.kubeconfig}: is no YAML: {error}") from None
        raise
    return api_of(configuration, timeout_s=timeout_s)


def api_of(configuration: "Configuration", *, timeout_s: float) -> ClusterApi:
    """A door with a configuration of the official client."""
    from kubernetes.client import ApiClient

    configuration.retries = False
    return ClusterApi(ApiClient(configuration), timeout_s=timeout_s)
