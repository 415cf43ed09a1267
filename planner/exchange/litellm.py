"""Reads LiteLLM's spend logs: the table LiteLLM_SpendLogs as CSV, JSON or JSON lines. Text in, ServedHours out. Pure.

Read of each request: `startTime` (UTC, as LiteLLM writes it, where no zone stands), `model_group` or `model`,
`prompt_tokens`, `completion_tokens`, `status`, `cache_hit`, in `metadata` the cached prompt tokens of `usage_object`,
and what is named as a tag: a column such as `team_id`, `metadata.KEY`, or `request_tags.KEY` for one written KEY:VALUE.
Never kept, not even as a tag: keys, users, addresses, sessions, messages and responses. Requests that failed, and those
LiteLLM answered from its own cache, kept no node busy: they are left out and counted in a remark. Column names as in
the proxy's schema.prisma of 2026.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from planner.demand.header import shown
from planner.errors import InputError
from planner.exchange.table import EARLIEST_YEAR, LATEST_YEAR, read_name, read_table, refuse_private
from planner.exchange.usage import UsageRead, UsageRows, hourly, read_tokens
from planner.ledger import tags_of

PRIVATE = (
    *("api_key", "user", "end_user", "requester_ip_address", "session_id", "cache_key"),
    *("messages", "response", "proxy_server_request"),
)
"""Columns that are never kept: keys, people, and what they wrote."""
READ = ("startTime", "model", "model_group", "prompt_tokens", "completion_tokens", "status", "cache_hit", "metadata")
REQUIRED = ("request_id", "startTime", "model", "prompt_tokens", "completion_tokens")
PUBLIC_METADATA = ("user_api_key_team_id", "user_api_key_team_alias", "user_api_key_org_id", "user_api_key_org_alias")
"""Of the keys of metadata that speak of an API key, those that name no person and no key."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRIVATE_METADATA = ("user_api_key", "requester_", "proxy_server_request", "headers", "error_information")

Record = Mapping[str, Any]


def read_spend_logs(
    text: str, *, source: str, tags: Mapping[str, str] | None = None, model_column: str | None = None
) -> UsageRead:
    """The usage of a spend log. `tags`: tag -> column, metadata.KEY or request_tags.KEY; other columns are not read."""
    tags = tags or {}
    for tag, column in tags.items():
        _refuse_private(tag, column)
    if model_column:
        refuse_private(f"--model-column {model_column}", model_column)
    read = _Reader(source, {tag: _picker(column) for tag, column in tags.items()}, model_column)
    records = _json_records if text.lstrip("\ufeff \r\n\t").startswith(("{", "[")) else _csv_records
    wanted = {column.partition(".")[0] for column in tags.values()} | ({model_column} if model_column else set())
    for where, record in records(text, source, tuple(sorted(wanted))):
        try:
            read.add(record)
        except ValueError as error:
            raise InputError(f"{source}, {where}: {error}") from None
    return read.usage()


class _Reader:
    """Adds requests up by hour, model and tags, so that a log of any length takes the room of its hours."""

    def __init__(self, source: str, tags: Mapping[str, Callable[[Record], str]], model_column: str | None) -> None:
        self.source = source
        self.tags = tags
        self.model_column = model_column
        self.rows = UsageRows(source=source)
        self.totals: dict[tuple[int, int], list[float]] = {}
        self.seen: set[str] = set()
        self.failed = 0
        self.from_cache = 0

    def add(self, record: Record) -> None:
        """Add one request."""
        name = _text(record, "request_id")
        if name in self.seen:
            raise ValueError(f"request_id {shown(name)} appears twice; expected each request once")
        if name:
            self.seen.add(name)
        seconds = (_time(_text(record, "startTime")) - _EPOCH) // timedelta(seconds=1)
        hour = seconds // 3600 * 3600
        if _text(record, "status").lower() == "failure":
            self.failed += 1
            return
        if _text(record, "cache_hit").lower() in ("true", "1"):
            self.from_cache += 1
            return
        model = _text(record, self.model_column) if self.model_column else ""
        model = model or _text(record, "model_group") or _text(record, "model")
        tags = {tag: _tag(pick(record), tag) for tag, pick in self.tags.items()}
        series = self.rows.number(read_name(model, "model"), tags_of(tags))
        tokens_in = read_tokens(_text(record, "prompt_tokens"), "prompt_tokens")
        total = self.totals.setdefault((hour, series), [0.0, 0.0, 0.0])
        total[0] += tokens_in
        total[1] += read_tokens(_text(record, "completion_tokens"), "completion_tokens")
        total[2] += min(_cached_tokens(record), tokens_in) if tokens_in else 0.0

    def usage(self) -> UsageRead:
        """What was added."""
        remarks = []
        for count, why in ((self.failed, "failed"), (self.from_cache, "were answered from LiteLLM's own cache")):
            if count:
                remarks.append(f"{self.source}: {count} requests {why} and are left out: no node served them")
        if not self.totals:
            raise InputError(f"{self.source}: no request that was served; expected rows of LiteLLM_SpendLogs")
        keys = np.array(list(self.totals), dtype=np.int64)
        counts = np.array(list(self.totals.values())).T
        self.rows.time_s.append(keys[:, 0])
        self.rows.code.append(keys[:, 1])
        self.rows.counts.append(np.vstack([counts, np.full((1, len(keys)), np.nan)]))
        self.rows.is_measured.append(np.ones(len(keys), dtype=np.bool_))
        found = hourly(self.rows)
        return UsageRead(usage=found.usage, remarks=(*remarks, *found.remarks))


def _csv_records(text: str, source: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, Record]]:
    optional = tuple(dict.fromkeys(name for name in (*READ, *wanted) if name not in REQUIRED))
    columns, chunks = read_table(text, source=source, required=REQUIRED, optional=optional, exact=True)
    for name in wanted:
        if name not in columns.position:
            raise InputError(f"{source}: no column {shown(name)}; expected one of the log's columns")
    at = tuple(columns.position.items())
    for rows, lines in chunks:
        for row, line in zip(rows, lines, strict=True):
            yield f"row {line}", {name: row[index] for name, index in at}


def _json_records(text: str, source: str, _wanted: tuple[str, ...]) -> Iterator[tuple[str, Record]]:
    """Objects of a JSON list, of {"data": [...]} as the proxy's API answers, or one a line."""
    text = text.lstrip("\ufeff \r\n\t")
    try:
        if _is_lines(text):
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    yield f"row {number}", _object(json.loads(line), source, f"row {number}")
            return
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: not readable as JSON ({error}); expected a spend log") from None
    if isinstance(document, dict):
        document = document.get("data", [document])
    for number, record in enumerate(document if isinstance(document, list) else [document], start=1):
        yield f"request {number}", _object(record, source, f"request {number}")


def _is_lines(text: str) -> bool:
    """Whether the first line is an object of its own, and no answer that holds a list of them."""
    try:
        first = json.loads(text.partition("\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "data" not in first


def _object(record: Any, source: str, where: str) -> Record:
    if not isinstance(record, dict):
        raise InputError(f"{source}, {where}: expected an object, a row of LiteLLM_SpendLogs")
    return record


def _text(record: Record, name: str) -> str:
    """A field as text; what is no single value is empty."""
    value = record.get(name)
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _tag(value: str, name: str) -> str:
    return read_name(value, name) if value.strip() else ""


def _time(text: str) -> datetime:
    """When a request began; without a zone it is UTC, as the proxy writes it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"startTime is {shown(text)}; expected ISO-8601 such as 2026-11-01 00:00:00") from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError(f"startTime is {shown(text)}; expected a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _cached_tokens(record: Record) -> float:
    """Prompt tokens found in the server's prefix cache, NaN where the log does not say."""
    usage = _inner(record, "metadata").get("usage_object")
    if not isinstance(usage, dict):
        return float("nan")
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return float(cached) if isinstance(cached, int) and cached >= 0 else float("nan")


def _inner(record: Record, name: str) -> Record:
    """A JSON column, as text in CSV or as an object in JSON; what cannot be read is empty."""
    value = record.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.startswith("{") else {}
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _picker(column: str) -> Callable[[Record], str]:
    """What reads a tag of a record: a column, metadata.KEY, or request_tags.KEY of a tag written KEY:VALUE."""
    name, dot, key = column.partition(".")
    if not dot:
        return lambda record: _text(record, column)
    if name == "metadata":
        return lambda record: _text(_inner(record, "metadata"), key)
    return lambda record: _request_tag(record, key)


def _request_tag(record: Record, key: str) -> str:
    tags = record.get("request_tags")
    if isinstance(tags, str):
        try:
            tags = json.loads(tags) if tags.startswith("[") else []
        except (ValueError, RecursionError):
            return ""
    named = (str(tag).partition(":") for tag in tags or ())
    return next((value for name, colon, value in named if colon and name.strip() == key), "")


def _refuse_private(tag: str, column: str) -> None:
    name, dot, key = column.partition(".")
    is_private = name in PRIVATE or name == "request_id"
    if name == "metadata":
        is_private = not key or (key not in PUBLIC_METADATA and key.startswith(_PRIVATE_METADATA))
    if is_private:
        raise InputError(f"--tag {tag}={column}: names a key, a person or what was written, which is never kept")
    refuse_private(f"--tag {tag}={column}", key)
    if dot and name not in ("metadata", "request_tags"):
        raise InputError(f"--tag {tag}={column}: expected a column, metadata.KEY or request_tags.KEY")
    if name == "request_tags" and not key:
        raise InputError(f"--tag {tag}={column}: expected request_tags.KEY, for tags written KEY:VALUE")
