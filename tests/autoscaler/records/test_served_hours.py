"""Tokens served, added up from rates: by the hour, each once, and nothing where nothing was measured."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from autoscaler.records import Records, open_records
from autoscaler.serving.serving import ModelReading
from planner.ledger import ServedHours
from planner.store import open_ledger
from tests.autoscaler.records.entries import NOON, at
from tests.planner.store.facts import an_origin, usage


def a_reading(moment: datetime, **changes: float | None) -> ModelReading:
    given: dict[str, float | None] = {"input_tok_s": 100.0, "output_tok_s": 10.0}
    return ModelReading(measured_at=moment, **(given | changes))  # type: ignore[arg-type]  # of known names


def minutes(records: Records, first: int, last: int, **changes: float | None) -> None:
    """A tick a minute after noon, from one to another, each with a reading; a new recorder for each."""
    for minute in range(first, last + 1):
        moment = NOON + timedelta(minutes=minute)
        records.served_hours(longest_s=120.0).record({"chat": a_reading(moment, **changes)}, moment)


def held(url: str, hours: int = 3) -> ServedHours:
    with open_ledger(url) as ledger:
        return ledger.served(NOON, NOON + timedelta(hours=hours))


def test_a_full_hour_is_usage_once_its_last_reading_has_come(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        minutes(records, 0, 61, cache_hit_ratio=0.25, unserved_ratio=0.1)
        assert len(held(url).hour) == 0
        minutes(records, 62, 63, cache_hit_ratio=0.25, unserved_ratio=0.1)
    found = held(url)
    # 3,600 s of 100 and 10 tok/s, a tenth of it not served
    assert (found.input_tokens.tolist(), found.output_tokens.tolist()) == ([324_000], [32_400])
    assert found.cached_input_tokens is not None
    assert found.unserved_tokens is not None
    assert (found.cached_input_tokens.tolist(), found.unserved_tokens.tolist()) == ([81_000], [39_600])
    assert found.gaps == {1, 2}


def test_a_reading_taken_in_twice_counts_once(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        for _ in range(2):
            minutes(records, 0, 63)
    assert held(url).output_tokens.tolist() == [36_000]


def test_what_lies_between_readings_far_apart_was_not_measured(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        minutes(records, 0, 20)
        minutes(records, 40, 63)
    # from 12:00 to 12:20, and from 12:38, two minutes before the next reading, to 13:00
    assert held(url).output_tokens.tolist() == [(20 + 22) * 600]


def test_an_hour_of_which_little_was_measured_is_unknown_not_small(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        minutes(records, 0, 29)
        minutes(records, 120, 183)
    found = held(url)
    assert (found.hour.tolist(), found.gaps) == ([2], {0, 1})


def test_what_one_reading_does_not_say_is_not_known_of_the_hour(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        minutes(records, 0, 30, unserved_ratio=0.0)
        minutes(records, 31, 63)
    found = held(url)
    assert (found.unserved_tokens, found.output_tokens.tolist()) == (None, [36_000])


def test_an_hour_whose_usage_was_imported_is_left_as_it_is(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_served(usage((0, "chat", "", 7, 7), hours=1, start=NOON), an_origin())
    with open_records(url, fleet="blue") as records:
        minutes(records, 0, 61)
        moment = NOON + timedelta(minutes=63)
        (problem,) = records.served_hours(longest_s=120.0).record({"chat": a_reading(moment)}, moment)
        assert "holds usage of 'chat' in the hour 2026-11-26T12:00Z already" in problem
        assert records.served_hours(longest_s=120.0).record({}, moment) == ()
    assert held(url).output_tokens.tolist() == [7]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("statement", range(0, 24, 2))
def test_a_daemon_killed_while_it_closes_an_hour_keeps_it_once(url: str, statement: int) -> None:
    from sqlalchemy import event

    def before(*_: object) -> None:
        nonlocal statement
        statement -= 1
        if statement == -1:
            raise Killed

    with open_records(url, fleet="blue") as records:
        minutes(records, 0, 61)
        event.listen(records._kept._engine, "before_cursor_execute", before)
        event.listen(records._kept._engine, "commit", before)
        with suppress(Killed):
            minutes(records, 63, 63)
    with open_records(url, fleet="blue") as records:
        minutes(records, 63, 64)
        assert records.served_hours(longest_s=120.0).record({}, at(7200.0)) == ()
    assert held(url).output_tokens.tolist() == [36_000]
