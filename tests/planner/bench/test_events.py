"""Events: the same whatever the pieces they come in; what an event says; what is no event."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.bench.events import DONE, MOST_BYTES, Event, EventDecoder, MalformedError, Usage, read_event

STREAM = b': hello\n\ndata: {"a":1}\n\nevent: x\ndata: one\ndata:two\n\r\ndata: \xc3\xa9\r\n\r\ndata: [DONE]\r\r'
EVENTS = ['{"a":1}', "one\ntwo", "é", DONE]


@given(cuts=st.sets(st.integers(1, len(STREAM) - 1)))
def test_however_a_stream_is_cut_its_events_are_the_same(cuts: set[int]) -> None:
    decoder, found = EventDecoder(), list[str]()
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        found += decoder.feed(STREAM[start:end])
    assert found + decoder.feed(b"\n") == EVENTS


def test_an_event_that_is_cut_off_is_not_handed_out() -> None:
    assert EventDecoder().feed(b"data: one\n\ndata: two\n") == ["one"]


def test_bytes_without_end_are_refused() -> None:
    with pytest.raises(MalformedError, match="without a line end"):
        EventDecoder().feed(b"x" * (MOST_BYTES + 1))
    with pytest.raises(MalformedError, match="UTF-8"):
        EventDecoder().feed(b"data: \xff\n\n")


def event(**document: object) -> Event:
    return read_event(json.dumps(document))


def test_text_is_told_from_frames_in_chat_reasoning_and_completions() -> None:
    assert event(choices=[{"delta": {"content": "a"}}]).has_text
    assert event(choices=[{"delta": {"reasoning_content": "a"}}]).has_text
    assert event(choices=[{"delta": {"reasoning": "a"}}]).has_text
    assert event(choices=[{"text": "a"}]).has_text
    assert not event(choices=[{"delta": {"role": "assistant", "content": None}}]).has_text
    assert not event(choices=[{"delta": {}, "finish_reason": "length"}]).has_text
    assert not event(choices=[]).has_text


def test_usage_is_read_whole_or_not_at_all() -> None:
    assert event(usage={"prompt_tokens": 7, "completion_tokens": 0}).usage == Usage(prompt_tokens=7, output_tokens=0)
    cached = {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 5}}
    assert event(usage=cached).usage == Usage(prompt_tokens=7, output_tokens=2, cached_tokens=5)
    for broken in (None, {}, {"prompt_tokens": 7}, {"prompt_tokens": -1, "completion_tokens": 2}, [1]):
        assert event(usage=broken).usage is None


def test_an_error_in_the_stream_is_an_error() -> None:
    assert event(error={"message": "out of memory"}).error == "out of memory"
    assert event(error="out of memory").error == "out of memory"


@pytest.mark.parametrize("data", ["", "{", "[1]", "3", '{"choices": {"a": 1}}', '{"choices": [3]}'])
def test_what_is_no_event_is_malformed(data: str) -> None:
    with pytest.raises(MalformedError):
        read_event(data)
