"""An OpenAI-compatible endpoint that answers as told: at once, at a pace, or in one of the ways such servers fail.

Spoken on bare asyncio streams, so that it takes little of the processor a client is measured on. A word of a prompt is
a token, and a chat's frame is three. `python -m tests.servers.openai_double PORT [TOKEN_S]` serves until it is killed.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FRAME_TOKENS = 3
HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: double\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n"
)


class Trouble(StrEnum):
    """How an answer fails."""

    NONE = ""
    BUSY = "429"
    BROKEN = "500"
    STALLED = "stalls after its first token"
    CLOSED = "closes after its first token"
    MALFORMED = "sends an event that is not JSON"
    UNCOUNTED = "sends no usage"
    ERROR = "tells an error in the stream"
    PLAIN = "answers with one JSON, no stream"


@dataclass(slots=True, kw_only=True)
class OpenAiDouble:
    """The endpoint: what it is told, what it was asked."""

    models: tuple[str, ...] = ("chat",)
    token_s: float = 0.0
    """Between two tokens of an answer; 0: all at once."""
    trouble: Trouble = Trouble.NONE
    troubled: int | None = None
    """Requests that fail, from the third on (the first two are a client's probes); None: all."""
    cached_tokens: int | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    pace_s: list[float] = field(default_factory=list)
    """Time per token of each answer, as the server saw it: `GET /v1/pace` has the mean."""
    port: int = 0

    @property
    def url(self) -> str:
        """Up to and with /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if first.startswith("GET /v1/models"):
                document = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
                writer.write(_plain("200 OK", document))
            elif first.startswith("GET /v1/pace"):
                writer.write(_plain("200 OK", {"pace_s": sum(self.pace_s) / len(self.pace_s)}))
                self.pace_s.clear()
            else:
                self.headers.append(headers)
                await self._answer(json.loads(body), is_chat="/chat/" in first, writer=writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, asked: dict[str, Any], *, is_chat: bool, writer: asyncio.StreamWriter) -> None:
        self.requests.append(asked)
        number = len(self.requests)
        fails = number > 2 and (self.troubled is None or number <= 2 + self.troubled)
        trouble = self.trouble if fails else Trouble.NONE
        text = asked["messages"][0]["content"] if is_chat else asked["prompt"]
        prompt_tokens = len(text.split()) + (FRAME_TOKENS if is_chat else 0)
        if trouble in (Trouble.BUSY, Trouble.BROKEN):
            writer.write(_plain(f"{trouble} Trouble", {"error": {"message": "not now"}}))
            return
        if trouble is Trouble.PLAIN:
            writer.write(_plain("200 OK", {"choices": []}))
            return
        if not asked.get("stream"):
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": asked["max_tokens"]}
            usage["total_tokens"] = sum(usage.values())
            message = {"role": "assistant", "content": "w " * asked["max_tokens"]}
            choices = [{"index": 0, "message": message, "finish_reason": "length"}]
            head = {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"]}
            writer.write(_plain("200 OK", {**head, "choices": choices, "usage": usage}))
            return
        writer.write(HEAD)
        event = _chunk({"choices": [{"index": 0, "delta": {"content": "w "}} if is_chat else {"text": "w "}]})
        if trouble is Trouble.NONE and not self.token_s:
            writer.write(event * asked["max_tokens"])
        elif not await self._token_by_token(event, asked["max_tokens"], trouble, writer):
            return
        counted: dict[str, Any] = {"prompt_tokens": prompt_tokens, "completion_tokens": asked["max_tokens"]}
        if self.cached_tokens is not None:
            counted["prompt_tokens_details"] = {"cached_tokens": self.cached_tokens}
        if trouble is not Trouble.UNCOUNTED:
            writer.write(_chunk({"choices": [], "usage": counted}))
        writer.write(_data(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async def _token_by_token(self, event: bytes, tokens: int, trouble: Trouble, writer: asyncio.StreamWriter) -> bool:
        """Whether the answer came to its end."""
        begun = time.perf_counter()
        for number in range(tokens):
            writer.write(event)
            await writer.drain()
            if number and number == tokens - 1:
                self.pace_s.append((time.perf_counter() - begun) / number)
            if number == 0 and trouble is Trouble.STALLED:
                await asyncio.sleep(3600)
            if number == 0 and trouble is Trouble.CLOSED:
                return False
            if number == 0 and trouble is Trouble.MALFORMED:
                writer.write(_data(b"data: {not json\n\n"))
            if number == 0 and trouble is Trouble.ERROR:
                writer.write(_chunk({"error": {"message": "out of memory", "code": 500}}))
            await asyncio.sleep(self.token_s)
        return True


def _plain(status: str, document: Any) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status}\r\nServer: double\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


def _chunk(document: Any) -> bytes:
    return _data(b"data: " + json.dumps(document).encode() + b"\n\n")


def _data(raw: bytes) -> bytes:
    return f"{len(raw):x}\r\n".encode() + raw + b"\r\n"


@contextmanager
def openai_double(double: OpenAiDouble | None = None) -> Iterator[OpenAiDouble]:
    """The double, while it serves in a thread of its own."""
    double = double or OpenAiDouble()
    loop, started = asyncio.new_event_loop(), threading.Event()

    async def main() -> None:
        server = await asyncio.start_server(double.serve, "127.0.0.1", 0)
        double.port = server.sockets[0].getsockname()[1]
        started.set()
        async with server:
            await stop.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield double
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def _serve_forever(port: int, token_s: float) -> None:
    server = await asyncio.start_server(OpenAiDouble(token_s=token_s).serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve_forever(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
