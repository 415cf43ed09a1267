"""The journal in a database keeps what it is told, in order, for its leader alone."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from autoscaler.fleet import Controls
from autoscaler.journal import IntentKind, LostLeadership, Result
from autoscaler.records import open_records
from planner.errors import InputError
from planner.store import open_ledger
from tests.autoscaler.records.entries import NOON, NOVEMBER, a_base, an_end, an_intent, an_outcome, at

AGES_AGO = NOON - timedelta(days=400)
LATER = at(86_400.0)


def test_what_was_written_is_read_by_the_next_process_in_its_order(url: str) -> None:
    launch, made, base, drain = (
        an_intent(replaces="blue-0", is_spot=True),
        an_outcome(),
        a_base(),
        an_intent("blue-1/drain/1", kind=IntentKind.DRAIN, node_id="blue-1", provider="", tariff=None),
    )
    with open_records(url, fleet="blue") as records:
        records.journal.intend(launch)
        records.journal.settle(made, 1)
        records.journal.found(base, 1)
        records.journal.intend(drain)
    with open_records(url, fleet="blue") as records:
        assert records.journal.entries(LATER) == (launch, made, base, drain)


def test_of_a_node_that_is_gone_entries_are_read_as_far_back_as_asked(url: str) -> None:
    end = an_end()
    with open_records(url, fleet="blue") as records:
        journal = records.journal
        journal.intend(an_intent())
        journal.settle(an_outcome(), 1)
        journal.ended(end, 1)
        assert journal.entries(LATER) == ()
        assert journal.entries(at(1800.0)) == (end,)
        assert journal.entries(AGES_AGO) == (an_intent(), an_outcome(), end)
        assert journal.charged_usd(NOVEMBER) == Decimal("0.36")


def test_a_launch_that_made_nothing_is_past(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(result=Result.NO_CAPACITY, failures=1), 1)
        assert records.journal.entries(LATER) == ()
        with pytest.raises(ValueError, match="no intent blue-1 is open"):
            records.journal.settle(an_outcome(), 1)


def test_a_key_is_used_once_ever(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(result=Result.WITHDRAWN), 1)
        with pytest.raises(ValueError, match="intent blue-1 is written already"):
            records.journal.intend(an_intent())


def test_of_a_leader_that_was_followed_nothing_is_written(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        journal = records.journal
        journal.intend(an_intent())
        journal.lead(2)
        with pytest.raises(LostLeadership, match="epoch 2 leads, this one is 1"):
            journal.lead(1)
        with pytest.raises(LostLeadership):
            journal.intend(an_intent("blue-2"))
        with pytest.raises(LostLeadership):
            journal.settle(an_outcome(), 1)
        with pytest.raises(LostLeadership):
            journal.ended(an_end(), 1)
        with pytest.raises(LostLeadership):
            journal.found(a_base(), 1)
        assert journal.entries(AGES_AGO) == (an_intent(),)
        assert journal.charged_usd(NOVEMBER) == 0
        journal.settle(an_outcome(), 2)


def test_fleets_of_one_database_know_nothing_of_each_other(url: str) -> None:
    with open_records(url, fleet="blue") as blue, open_records(url, fleet="red") as red:
        blue.journal.intend(an_intent(epoch=5))
        red.journal.intend(an_intent(epoch=1))
        red.set_controls(Controls(is_paused=True), at=NOON, by="ann")
        assert blue.journal.entries(AGES_AGO) == (an_intent(epoch=5),)
        assert not blue.controls().is_paused


def test_what_a_provider_says_is_written_whatever_it_is(url: str) -> None:
    nasty = "nul \x00, half a character \ud800, " + "x" * 5000
    with open_records(url, fleet="blue", hide=lambda text: text.replace("nul", "***")) as records:
        records.journal.intend(an_intent(reason=nasty))
        (decision,) = records.decisions(5)
    assert decision.intent.reason.startswith("*** \ufffd, half a character ?, xxx")
    assert len(decision.intent.reason) == 2000


def test_the_last_decisions_come_with_the_last_that_is_known_of_them(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        for number in range(4):
            records.journal.intend(an_intent(f"blue-{number}"))
        records.journal.settle(an_outcome("blue-2"), 1)
        records.journal.settle(an_outcome("blue-2", Result.READY), 1)
        said = [(one.intent.key, one.outcome and one.outcome.result) for one in records.decisions(3)]
    assert said == [("blue-3", None), ("blue-2", Result.READY), ("blue-1", None)]


def test_controls_hold_until_others_are_asked_and_stay_on_record(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        assert records.controls() == Controls()
        asked = Controls(is_scale_in_paused=True, min_nodes={"chat": 2}, max_nodes={"chat": 9})
        records.set_controls(Controls(is_paused=True), at=NOON, by="ann", why="a change of the network")
        records.set_controls(asked, at=at(60.0), by="ben")
        assert records.controls() == asked
        history = records.control_history(9)
    assert [(one.at, one.by, one.why) for one in history] == [
        (at(60.0), "ben", ""),
        (NOON, "ann", "a change of the network"),
    ]


def test_one_status_is_kept(url: str) -> None:
    with open_records(url, fleet="blue") as records:
        assert records.status() is None
        records.save_status("{}", NOON)
        records.save_status('{"nodes": 2}', at(60.0))
        assert records.status() == ('{"nodes": 2}', at(60.0))


def test_an_older_ledger_is_not_written_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.make()
    monkeypatch.setattr("planner.store.schema.HEAD", "9999")
    with pytest.raises(InputError, match="this version needs 9999"), open_records(url, fleet="blue"):
        pass


def test_the_queries_of_the_page_run(url: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "journal.md").read_text()
    block = page.split("```sql\n")[1].split("```")[0]
    with open_records(url, fleet="blue") as records:
        records.journal.intend(an_intent())
        records.journal.settle(an_outcome(), 1)
        with records.journal._kept.reading() as connection:
            found = [connection.execute(text(one), {"node": "blue-1"}).all() for one in block.split(";") if one.strip()]
    assert [len(rows) for rows in found] == [2, 0, 1, 0]
