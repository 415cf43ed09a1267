"""One request to an OpenAI-compatible endpoint: sent, streamed, timed. Needs aiohttp (the extra `bench`).

aiohttp, because its parser is in C: what a client adds to each token is time the server is not to blame for.
No redirects (a token would go with them), no proxy of the environment, no retries: a refusal is a result. Every
request has a connection of its own, for servers close kept ones without a word; its time counts from when it stands.
"""

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from planner.bench.events import DONE, EventDecoder, MalformedError, read_event
from planner.bench.seen import Served

if TYPE_CHECKING:
    import aiohttp
    from pydantic import SecretStr


class Api(StrEnum):
    """Which of the two endpoints is asked."""

    CHAT = "chat"
    COMPLETIONS = "completions"

    @property
    def path(self) -> str:
        """Below the endpoint's `/v1`."""
        return "/chat/completions" if self is Api.CHAT else "/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What is measured."""

    url: str
    """Up to and with `/v1`."""
    model: str
    api: Api = Api.CHAT
    token: "SecretStr | None" = None
    timeout_s: float = 600.0
    """Of a whole request."""
    stall_s: float = 60.0
    """Longest wait for the next bytes."""
    ignores_eos: bool = True
    """Asks for the whole length: `ignore_eos`, which vLLM and llama.cpp know and others may refuse."""


def session_for(endpoint: Endpoint) -> "aiohttp.ClientSession":
    """Connections to the endpoint, as many as there are requests in flight. To be closed by the caller."""
    import aiohttp

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_connected)
    headers = {"Content-Type": "application/json"}
    if endpoint.token is not None:
        headers["Authorization"] = f"Bearer {endpoint.token.get_secret_value()}"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=600, force_close=True),
        timeout=aiohttp.ClientTimeout(total=endpoint.timeout_s, sock_read=endpoint.stall_s, sock_connect=30),
        headers=headers,
        trust_env=False,
        trace_configs=[trace],
        read_bufsize=1 << 18,
    )


async def _connected(session: Any, context: Any, found: Any) -> None:
    """The connection of a request stands: its clock starts."""
    del session, found
    if isinstance(context.trace_request_ctx, Served):
        context.trace_request_ctx.sent_s = time.perf_counter()


async def send(session: "aiohttp.ClientSession", endpoint: Endpoint, prompt: str, output_tokens: int) -> Served:
    """Sends a prompt and reads the whole stream; a failure is told in the result, never raised."""
    import aiohttp

    body = json.dumps(_body(endpoint, prompt, output_tokens)).encode()
    served = Served(sent_s=time.perf_counter())
    try:
        url = endpoint.url + endpoint.api.path
        async with session.post(url, data=body, allow_redirects=False, trace_request_ctx=served) as answer:
            if answer.status != 200:
                served.error = f"HTTP {answer.status}"
            elif not answer.content_type.startswith("text/event-stream"):
                served.error = f"no event stream but {answer.content_type}"
            else:
                served.error = await _read(answer, served)
    except TimeoutError:  # aiohttp's timeouts are of this kind, and come before its other errors
        stalled = time.perf_counter() - served.sent_s < endpoint.timeout_s
        served.error = "stalled" if stalled else "timed out"
    except aiohttp.ClientPayloadError:
        served.error = "closed mid-stream"
    except aiohttp.ClientConnectorError:
        served.error = "no connection"
    except aiohttp.ServerDisconnectedError:
        served.error = "closed before an answer"
    except (aiohttp.ClientError, OSError) as error:
        served.error = f"connection failed ({type(error).__name__})"
    except MalformedError as error:
        served.error = f"malformed stream: {error}"
    served.ended_s = time.perf_counter()
    if served.error is None:
        served.error = _lacking(served)
    return served


async def _read(answer: "aiohttp.ClientResponse", served: Served) -> str | None:
    """Reads events to the end; an error the server tells in the stream is handed back."""
    decoder, is_done = EventDecoder(), False
    async for received in answer.content.iter_any():
        now = time.perf_counter()
        for data in decoder.feed(received):
            if data == DONE:
                is_done = True
                continue
            event = read_event(data)
            if event.error is not None:
                return "error in the stream"
            if event.has_text:
                served.text_s.append(now)
            served.usage = event.usage or served.usage
    return None if is_done else "closed mid-stream"


def _lacking(served: Served) -> str | None:
    if served.usage is None:
        return "no usage: the server does not count tokens"
    if not served.text_s:
        return "no text"
    return None


def _body(endpoint: Endpoint, prompt: str, output_tokens: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": endpoint.model,
        "max_tokens": output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.7,
    }
    if endpoint.ignores_eos:
        body["ignore_eos"] = True
    if endpoint.api is Api.CHAT:
        body["messages"] = [{"role": "user", "content": prompt}]
    else:
        body["prompt"] = prompt
    return body


async def models_of(session: "aiohttp.ClientSession", url: str) -> tuple[tuple[str, ...], str | None]:
    """Models the endpoint names, and the program it says it is. Raises ConnectionError with what went wrong."""
    import aiohttp

    try:
        async with session.get(f"{url}/models", allow_redirects=False) as answer:
            if answer.status != 200:
                raise ConnectionError(f"{url}/models: HTTP {answer.status}; expected an endpoint up to and with /v1")
            document = json.loads(await answer.read())
            names = tuple(str(one["id"]) for one in document["data"])
            return names, answer.headers.get("Server")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if isinstance(error, ConnectionError) and str(error).startswith(url):
            raise
        raise ConnectionError(
            f"{url}/models: {type(error).__name__}; expected an endpoint up to and with /v1"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectionError(f"{url}/models: expected an OpenAI list of models") from error
