"""Server-sent events of an OpenAI-compatible stream: bytes in, the data of each whole event out. Pure.

Of the format (WHATWG HTML, section 9.2) what such servers send: `data` lines, comments, any of the three line ends;
other fields are passed over. A stream that ends inside an event loses it, which the format wants.
"""

import json
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"
"""Data of the last event."""
MOST_BYTES = 1 << 20
"""Of one event. A server that sends no line end must not fill the memory of the client that measures it."""


class MalformedError(ValueError):
    """What came is no event of such a stream."""


class EventDecoder:
    """Collects bytes and hands out events. Raises MalformedError where an event is too long or not UTF-8."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, received: bytes) -> list[str]:
        """Data of the events that these bytes complete."""
        held = self._rest + received
        if b"\r" in held:
            # A lone return at the end may be the first half of a line end that is still to come.
            kept, held = (held[-1:], held[:-1]) if held.endswith(b"\r") else (b"", held)
            held = held.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + kept
        *lines, self._rest = held.split(b"\n")
        if len(self._rest) > MOST_BYTES:
            raise MalformedError(f"more than {MOST_BYTES} bytes without a line end")
        events = []
        for line in lines:
            if not line:
                if self._data:
                    events.append("\n".join(self._data))
                    self._data = []
            elif line.startswith(b"data:"):
                self._data.append(_text(line[5:].removeprefix(b" ")))
        return events


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("bytes that are not UTF-8") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the server counted of a request."""

    prompt_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    """Prompt tokens read from the prefix cache; None: the server does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream, as far as it matters here."""

    has_text: bool = False
    """Whether it carries some of the answer, reasoning included."""
    usage: Usage | None = None
    error: str | None = None


def read_event(data: str) -> Event:
    """The event whose data this is; chat and plain completions alike. Raises MalformedError."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise MalformedError(f"data that is not JSON: {data[:60]!r}") from error
    if not isinstance(document, dict):
        raise MalformedError(f"data that is no object: {data[:60]!r}")
    if document.get("error"):
        return Event(error=_error(document["error"]))
    choices = document.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedError(f"choices that are no list of objects: {data[:60]!r}")
    return Event(has_text=any(_has_text(choice) for choice in choices), usage=_usage(document.get("usage")))


def _has_text(choice: dict[str, Any]) -> bool:
    if choice.get("text"):
        return True
    delta = choice.get("delta")
    return isinstance(delta, dict) and any(delta.get(key) for key in ("content", "reasoning_content", "reasoning"))


def _usage(found: Any) -> Usage | None:
    if not isinstance(found, dict):
        return None
    prompt, output = _count(found.get("prompt_tokens")), _count(found.get("completion_tokens"))
    if prompt is None or output is None:
        return None
    details = found.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(prompt_tokens=prompt, output_tokens=output, cached_tokens=cached)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _error(found: Any) -> str:
    said = found.get("message") if isinstance(found, dict) else found
    return str(said)[:120]
