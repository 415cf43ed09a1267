"""Whatever is written, the journal in a database says what the one in memory says; a crash leaves what came before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.journal import Found, Intent, IntentKind, Journal, LostLeadership, MemoryJournal, Result
from autoscaler.records import open_records
from autoscaler.records.journal import DatabaseJournal
from planner.store import journal as store
from tests.autoscaler.records.entries import NOON, NOVEMBER, a_base, an_end, an_intent, an_outcome, at

FLEETS = count(1)
KEPT = timedelta(days=365)
EPOCHS = [1, 1, 1, 1, 1, 1, 2, 3]
DECEMBER = NOVEMBER + timedelta(days=30)

nodes = st.sampled_from(["n1", "n2"])
moments = st.integers(0, 7_200_000).map(lambda ms: at(ms / 1000))
charges = st.dictionaries(st.sampled_from([NOVEMBER, DECEMBER]), st.decimals("0", "99", places=7), max_size=2)
intents = st.builds(
    lambda node, kind, moment, epoch: ("intend", an_intent("", node_id=node, kind=kind, at=moment, epoch=epoch), epoch),
    nodes,
    st.sampled_from(IntentKind),
    moments,
    st.sampled_from(EPOCHS),
)
outcomes = st.builds(
    lambda result, moment, epoch: ("settle", an_outcome("", result, at=moment), epoch),
    st.sampled_from(Result),
    moments,
    st.sampled_from(EPOCHS),
)
ends = st.builds(
    lambda node, moment, usd, epoch: ("ended", an_end(node, at=moment, charges_usd=tuple(sorted(usd.items()))), epoch),
    nodes,
    moments,
    charges,
    st.sampled_from(EPOCHS),
)
bases = st.builds(lambda node, moment: ("found", a_base(node, at=moment), 1), nodes, moments)
leads = st.builds(lambda epoch: ("lead", None, epoch), st.sampled_from(EPOCHS))
kinds = st.one_of(intents, intents, outcomes, outcomes, ends, bases, leads)
histories = st.lists(st.tuples(kinds, st.integers(0, 9)), min_size=4, max_size=16)


def written(journal: Journal, method: str, value: Any, epoch: int) -> type[Exception] | None:
    """Writes one entry; what it was refused with."""
    try:
        if method == "lead":
            journal.lead(epoch)
        elif method == "intend":
            journal.intend(value)
        else:
            getattr(journal, method)(value, epoch)
    except (LostLeadership, ValueError) as error:
        return type(error)
    return None


def keyed(history: Sequence[tuple[Any, int]], memory: MemoryJournal) -> Any:
    """The steps with keys: an intent's own, or now and then that of one that is open; an outcome's is of any before."""
    keys: list[str] = []
    for (method, value, epoch), draw in history:
        if method == "intend":
            open_keys = [one.key for one in memory.entries(at(1e9)) if isinstance(one, Intent)]
            key = open_keys[0] if draw == 0 and open_keys else f"k{len(keys)}"
            keys.append(key)
            yield method, replace(value, key=key), epoch
        elif method == "settle":
            yield method, replace(value, key=keys[draw % len(keys)] if keys else "k"), epoch
        elif method == "ended" and _is_base(value.node_id, memory):
            yield method, replace(value, machine_id=None, tariff=None), epoch  # as the loop buries a base node
        else:
            yield method, value, epoch


def _is_base(node_id: str, memory: MemoryJournal) -> bool:
    about = [one for one in memory.entries(at(1e9)) if getattr(one, "node_id", "") == node_id]
    return bool(about) and isinstance(about[0], Found)


def test_entries_charges_and_refusals_are_those_of_the_journal_in_memory(url: str) -> None:
    with open_records(url, fleet="none") as records:
        kept = records.journal._kept

        @settings(max_examples=100, deadline=None, database=None)
        @given(history=histories, since=moments)
        def as_in_memory(history: list[tuple[Any, int]], since: datetime) -> None:
            memory = MemoryJournal(kept_for=KEPT)
            journal = DatabaseJournal(kept, f"fleet-{next(FLEETS)}", price_of=lambda _: None, said=str)
            memory.lead(1)
            journal.lead(1)
            for step in keyed(history, memory):
                assert written(journal, *step) is written(memory, *step)
            assert journal.charged_usd(NOVEMBER) == memory.charged_usd(NOVEMBER)
            assert journal.charged_usd(DECEMBER) == memory.charged_usd(DECEMBER)
            assert journal.entries(since) == memory.entries(since)
            assert journal.entries(NOON - KEPT) == memory.entries(NOON - KEPT)

        as_in_memory()


def a_short_history() -> list[tuple[str, Any, int]]:
    drain = an_intent("n1/drain", kind=IntentKind.DRAIN, node_id="n1")
    return [
        ("intend", an_intent("n1"), 1),
        ("settle", an_outcome("n1"), 1),
        ("found", a_base(), 1),
        ("intend", drain, 1),
        ("settle", an_outcome("n1/drain"), 1),
        ("ended", an_end("n1"), 1),
        ("intend", an_intent("n2"), 1),
        ("settle", an_outcome("n2", Result.REFUSED), 1),
    ]


class Killed(BaseException):
    """The process ends here."""


def killing(at_statement: int) -> tuple[Callable[..., None], list[int]]:
    """What ends a process before a statement, of those that are counted."""
    seen = [0]

    def before(*_: Any) -> None:
        if seen[0] == at_statement:
            raise Killed
        seen[0] += 1

    return before, seen


def write_until_killed(url: str, fleet: str, at_statement: int) -> tuple[int, int]:
    """How many entries were written before the kill, and statements seen."""
    from sqlalchemy import event

    before, seen = killing(at_statement)
    done = 0
    with open_records(url, fleet=fleet) as records:
        records.journal.lead(1)
        engine = records.journal._kept._engine
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "commit", before)
        try:
            for step in a_short_history():
                assert written(records.journal, *step) is None
                done += 1
        except Killed:
            pass
    return done, seen[0]


def test_a_process_that_dies_between_any_two_statements_leaves_whole_entries_and_none_after(url: str) -> None:
    everything = [value for _, value, _ in a_short_history()]
    fleet = f"fleet-{next(FLEETS)}"
    done, statements = write_until_killed(url, fleet, -1)
    assert (done, statements > 30) == (8, True)
    for at_statement in range(statements):
        fleet = f"fleet-{next(FLEETS)}"
        done, _ = write_until_killed(url, fleet, at_statement)
        memory = MemoryJournal(kept_for=KEPT)
        for step in a_short_history()[:done]:
            assert written(memory, *step) is None
        with open_records(url, fleet=fleet) as records:
            assert list(records.journal.entries(NOON - KEPT)) == everything[:done]
            assert records.journal.entries(at(1e6)) == memory.entries(at(1e6))
            assert records.journal.charged_usd(NOVEMBER) == memory.charged_usd(NOVEMBER)
            for step in a_short_history()[done:]:
                assert written(records.journal, *step) is None
            assert list(records.journal.entries(NOON - KEPT)) == everything


def test_the_names_of_beginnings_are_those_of_the_journal() -> None:
    from autoscaler.journal import BEGINS_A_NODE

    assert frozenset(kind.value for kind in BEGINS_A_NODE) == store.BEGINNINGS


@pytest.mark.parametrize("number", [1, 7])
def test_every_entry_of_a_leader_has_the_next_number(url: str, number: int) -> None:
    with open_records(url, fleet="blue") as records:
        for one in range(number):
            records.journal.intend(an_intent(f"n{one}"))
        with records.journal._kept.reading() as connection:
            numbers = [row["number"] for _, row in store.entries(connection, "blue", NOON)]
    assert numbers == list(range(1, number + 1))
