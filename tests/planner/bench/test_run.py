"""A benchmark against a double: what is sent, what is counted, and every way a server can fail."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr

from planner.bench.client import Api, Endpoint
from planner.bench.host import Host
from planner.bench.lengths import FixedLengths
from planner.bench.result import Bench
from planner.bench.run import BenchError, Wanted, measure
from planner.bench.seen import Load
from planner.errors import InputError
from tests.servers.openai_double import FRAME_TOKENS, OpenAiDouble, Trouble, openai_double

NOW = datetime(2026, 11, 26, tzinfo=UTC)
QUIET = Host(name="2 × test", busy_ratio=0.0)


TWO = (Load(users=2),)


def measured(
    double: OpenAiDouble,
    *,
    loads: Sequence[Load] = TWO,
    window_s: float = 0.15,
    warm_up_s: float = 0.05,
    lengths: tuple[int, int] = (40, 8),
    repeats: int = 1,
    **endpoint: Any,
) -> Bench:
    given: dict[str, Any] = {"url": double.url, "model": "", "timeout_s": 5.0, "stall_s": 1.0} | endpoint
    wanted = Wanted(
        workloads=[FixedLengths(input_tokens=lengths[0], output_tokens=lengths[1])],
        loads=loads,
        repeats=repeats,
        warm_up_s=warm_up_s,
        window_s=window_s,
        seed=0,
        shared_prefix_tokens=0,
        machine=None,
    )
    return measure(Endpoint(**given), wanted, host=QUIET, now=NOW, report=lambda _what, _share: None)


def test_prompts_have_the_length_asked_for_and_the_answers_theirs() -> None:
    with openai_double(OpenAiDouble(token_s=0.002)) as double:
        found = measured(double)
    figures = found.workloads[0].steps[0].repeats[0]
    assert found.model == "chat"
    assert found.server == "double"
    assert figures.errors == {}
    assert figures.prompt_tokens == 40
    sent = double.requests[2:]
    assert {len(one["messages"][0]["content"].split()) for one in sent} == {40 - FRAME_TOKENS}
    assert all(one["stream"] and one["stream_options"] == {"include_usage": True} for one in sent)
    assert all(one["ignore_eos"] for one in sent)
    assert len({one["messages"][0]["content"][:20] for one in sent}) == len(sent)  # no prefix is shared


def test_a_pace_of_4_ms_a_token_is_measured_as_such() -> None:
    with openai_double(OpenAiDouble(token_s=0.004)) as double:
        found = measured(double, lengths=(20, 25), window_s=0.5)
    figures = found.workloads[0].steps[0].repeats[0]
    assert figures.tpot is not None
    assert 4 <= figures.tpot.p50_ms < 16  # the server's own sleep is the least; a busy machine adds to it
    assert figures.concurrency == pytest.approx(2, abs=0.3)
    assert figures.output_tok_s <= 2 / 0.004


def test_requests_come_at_a_rate_however_long_answers_take() -> None:
    with openai_double(OpenAiDouble(token_s=0.02)) as double:
        found = measured(double, loads=(Load(requests_per_s=60.0),), lengths=(20, 10), window_s=0.5)
    figures = found.workloads[0].steps[0].repeats[0]
    assert figures.concurrency > 4  # 60 a second of 0.2 s each: twelve on average
    assert len(double.requests) - 2 == pytest.approx(33, abs=20)


def test_a_window_in_which_nobody_came_is_no_failure() -> None:
    with openai_double() as double:
        found = measured(double, loads=(Load(requests_per_s=0.01),), window_s=0.05, warm_up_s=0.0)
    figures = found.workloads[0].steps[0].repeats[0]
    assert (figures.requests, figures.output_tok_s, figures.ttft) == (0, 0.0, None)


def test_plain_completions_and_answers_that_may_end_early() -> None:
    with openai_double() as double:
        measured(double, api=Api.COMPLETIONS, ignores_eos=False)
    assert {"prompt", "max_tokens"} <= set(double.requests[-1])
    assert "ignore_eos" not in double.requests[-1]


def test_a_token_goes_with_every_request() -> None:
    with openai_double() as double:
        measured(double, token=SecretStr("tkn"))
    assert {one["authorization"] for one in double.headers} == {"Bearer tkn"}


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble.BUSY, "HTTP 429"),
        (Trouble.BROKEN, "HTTP 500"),
        (Trouble.STALLED, "stalled"),
        (Trouble.CLOSED, "closed mid-stream"),
        (Trouble.MALFORMED, "malformed stream: data that is not JSON: '{not json'"),
        (Trouble.UNCOUNTED, "no usage: the server does not count tokens"),
        (Trouble.ERROR, "error in the stream"),
        (Trouble.PLAIN, "no event stream but application/json"),
    ],
)
def test_a_failure_is_counted_by_what_it_was_and_others_go_on(trouble: Trouble, said: str) -> None:
    with openai_double(OpenAiDouble(token_s=0.001, trouble=trouble, troubled=1)) as double:
        found = measured(double, warm_up_s=0.0, window_s=0.4)
    figures = found.workloads[0].steps[0].repeats[0]
    assert figures.errors == {said: 1}
    assert figures.requests > 1


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.UNCOUNTED])
def test_a_server_that_answers_nothing_ends_the_run_with_the_reason(trouble: Trouble) -> None:
    with openai_double(OpenAiDouble(token_s=0.001, trouble=trouble)) as double, pytest.raises(BenchError) as caught:
        measured(double)
    assert "no request was answered" in str(caught.value)
    assert ("HTTP 429" if trouble is Trouble.BUSY else "no usage") in str(caught.value)


def test_no_server_and_a_model_it_does_not_have_are_said() -> None:
    with openai_double(OpenAiDouble(models=("one", "other"))) as double:
        with pytest.raises(InputError, match="serves one, other; expected --served-model"):
            measured(double)
        with pytest.raises(InputError, match=r"--served-model third: .* serves one, other"):
            measured(double, model="third")
        assert measured(double, model="other").model == "other"
    with pytest.raises(BenchError, match="/models: ClientConnectorError; expected an endpoint up to and with /v1"):
        measured(double)


def test_the_same_seed_asks_the_same_of_each_load_and_repeats_ask_anew() -> None:
    def prompts(**more: Any) -> list[str]:
        with openai_double(OpenAiDouble(token_s=0.001)) as double:
            measured(double, loads=(Load(users=1),), **more)
        return [one["messages"][0]["content"] for one in double.requests]

    first, second = prompts(window_s=0.3), prompts(window_s=0.3)
    short = min(len(first), len(second))
    assert short > 4
    assert first[:short] == second[:short]
    twice = prompts(repeats=2)
    assert all(one != other for one, other in pairwise(twice))
