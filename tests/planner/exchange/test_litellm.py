"""LiteLLM's spend logs: tokens by hour, model and named tags; nothing of a key, a person or what was written."""

import csv
import json
from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest

from planner.errors import InputError
from planner.exchange.litellm import PRIVATE, read_spend_logs
from planner.exchange.usage import UsageRead

COLUMNS = (
    *("request_id", "call_type", "api_key", "spend", "total_tokens", "prompt_tokens", "completion_tokens", "startTime"),
    *("endTime", "request_duration_ms", "completionStartTime", "model", "model_id", "model_group"),
    *("custom_llm_provider", "api_base", "user", "metadata", "cache_hit", "cache_key", "request_tags", "team_id"),
    *("organization_id", "end_user", "requester_ip_address", "messages", "response", "session_id", "status"),
    *("mcp_namespaced_tool_name", "agent_id", "proxy_server_request"),
)
"""Of LiteLLM_SpendLogs, in the table's order."""


def a_request(number: int, **changes: Any) -> dict[str, Any]:
    """A chat request of team x, as LiteLLM logs it."""
    metadata: dict[str, Any] = {"user_api_key_user_id": "ann", "user_api_key_team_id": "x", "feature": "search"}
    metadata |= {"usage_object": {"prompt_tokens_details": {"cached_tokens": 40}}}
    given: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    given |= {"request_id": f"chatcmpl-{number}", "call_type": "acompletion", "api_key": "88dc28d0f030c55ed4ab77ed8faf"}
    given |= {"prompt_tokens": 100, "completion_tokens": 20, "startTime": "2026-11-01 00:30:00.123", "user": "ann"}
    given |= {
        "model": "openai/llama",
        "model_group": "llama",
        "cache_hit": "False",
        "status": "success",
        "team_id": "x",
    }
    given |= {
        "metadata": metadata,
        "request_tags": ["app:chat", "beta"],
        "messages": [{"content": "my secret\nquestion"}],
    }
    return given | changes


def as_csv(*requests: Mapping[str, Any]) -> str:
    """As `COPY ... CSV HEADER` writes it: JSON columns as text, which may hold line ends."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for request in requests:
        writer.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in request.items()})
    return out.getvalue()


def as_lines(*requests: Mapping[str, Any]) -> str:
    return "".join(json.dumps(request) + "\n" for request in requests)


def as_list(*requests: Mapping[str, Any]) -> str:
    return json.dumps(list(requests), indent=1)


def as_answer(*requests: Mapping[str, Any]) -> str:
    return json.dumps({"data": list(requests), "total": len(requests)})


def rows_of(found: UsageRead) -> list[tuple[int, str, dict[str, str], int, int]]:
    used = found.usage
    columns = zip(used.hour, used.model, used.tag, used.input_tokens, used.output_tokens, strict=True)
    return [(int(h), used.models[m], dict(used.tags[t]), int(i), int(o)) for h, m, t, i, o in columns]


@pytest.mark.parametrize("write", [as_csv, as_lines, as_list, as_answer])
def test_every_form_of_the_log_gives_the_same_usage(write: Any) -> None:
    text = write(a_request(1), a_request(2), a_request(3, team_id="y", startTime="2026-11-01T02:00:00+01:00"))
    found = read_spend_logs(text, source="logs", tags={"team": "team_id"})
    assert rows_of(found) == [(0, "llama", {"team": "x"}, 200, 40), (1, "llama", {"team": "y"}, 100, 20)]
    assert found.usage.cached_input_tokens is not None
    assert found.usage.cached_input_tokens.tolist() == [80, 40]


def test_without_named_tags_nothing_but_hours_and_models_is_kept() -> None:
    found = read_spend_logs(as_csv(a_request(1)), source="logs")
    assert rows_of(found) == [(0, "llama", {}, 100, 20)]


def test_tags_come_from_columns_metadata_and_request_tags() -> None:
    tags = {"team": "metadata.user_api_key_team_id", "feature": "metadata.feature", "app": "request_tags.app"}
    for text in (as_csv(a_request(1)), as_lines(a_request(1))):
        (row,) = rows_of(read_spend_logs(text, source="logs", tags=tags))
        assert row[2] == {"team": "x", "feature": "search", "app": "chat"}


def test_the_columns_of_the_log_that_name_a_key_a_person_or_what_was_written() -> None:
    named = {"api_key", "user", "end_user", "requester_ip_address", "session_id", "cache_key", "messages", "response"}
    assert set(PRIVATE) == named | {"proxy_server_request"}


def test_no_more_is_cached_than_came_in() -> None:
    found = read_spend_logs(as_csv(a_request(1, prompt_tokens=30)), source="logs")
    assert found.usage.cached_input_tokens is not None
    assert found.usage.cached_input_tokens.tolist() == [30]


@pytest.mark.parametrize(
    "column",
    [
        *PRIVATE,
        "request_id",
        "metadata",
        "metadata.end_user",
        "request_tags.user",
        "metadata.prompt",
        "metadata.user_api_key_user_id",
        "metadata.user_api_key_alias",
    ],
)
def test_keys_people_and_what_they_wrote_are_never_a_tag(column: str) -> None:
    with pytest.raises(InputError, match="names a key, a person or what was written, which is never kept"):
        read_spend_logs(as_csv(a_request(1)), source="logs", tags={"who": column})


def test_keys_people_and_what_they_wrote_are_never_a_models_name() -> None:
    with pytest.raises(InputError, match="--model-column user: names a key, a person"):
        read_spend_logs(as_csv(a_request(1)), source="logs", model_column="user")


def test_what_no_node_served_is_left_out_and_said() -> None:
    text = as_csv(a_request(1), a_request(2, status="failure"), a_request(3, cache_hit="True"))
    found = read_spend_logs(text, source="logs")
    assert rows_of(found) == [(0, "llama", {}, 100, 20)]
    assert found.remarks == (
        "logs: 1 requests failed and are left out: no node served them",
        "logs: 1 requests were answered from LiteLLM's own cache and are left out: no node served them",
    )


def test_cached_tokens_are_unknown_where_one_request_does_not_say() -> None:
    text = as_csv(a_request(1), a_request(2, metadata={}))
    assert read_spend_logs(text, source="logs").usage.cached_input_tokens is None


def test_a_request_without_group_counts_for_its_model_or_the_column_named() -> None:
    text = as_csv(a_request(1, model_group=""))
    assert read_spend_logs(text, source="logs").usage.models == ("openai/llama",)
    text = as_csv(a_request(1, model_id="gpu-7"))
    assert read_spend_logs(text, source="logs", model_column="model_id").usage.models == ("gpu-7",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt_tokens": -1}, "prompt_tokens is '-1'; expected a whole number"),
        ({"completion_tokens": "NaN"}, "completion_tokens is 'NaN'"),
        ({"startTime": "yesterday"}, "startTime is 'yesterday'; expected ISO-8601"),
        ({"startTime": "1970-01-01 00:00:00"}, "expected a year from 2015 to 2100"),
        ({"model": "", "model_group": ""}, "no model; expected a name"),
        ({"request_id": "chatcmpl-1"}, "request_id 'chatcmpl-1' appears twice; expected each request once"),
    ],
)
def test_a_bad_request_is_named_by_its_row(changes: dict[str, Any], said: str) -> None:
    for text, where in (
        (as_csv(a_request(1), a_request(2, **changes)), "row 3"),
        (as_lines(a_request(1), a_request(2, **changes)), "row 2"),
    ):
        with pytest.raises(InputError) as error:
            read_spend_logs(text, source="logs")
        assert str(error.value).startswith(f"logs, {where}: ")
        assert said in str(error.value)


def test_what_is_no_log_is_refused() -> None:
    for text, said in (
        ("{]", "not readable as JSON"),
        ("[]", "no request that was served"),
        ("[1]", "expected an object"),
    ):
        with pytest.raises(InputError, match=said):
            read_spend_logs(text, source="logs")
