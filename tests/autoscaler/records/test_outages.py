"""A database that is locked, read-only, full, gone, stopped or silent: an error in time, and well again afterwards."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import make_url

from autoscaler.leadership import LeadershipError
from autoscaler.records import Records, open_records
from planner.errors import InputError, StoreError
from tests import postgres
from tests.autoscaler.records.entries import NOON, an_intent, an_outcome

LOCKING = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[None]:
    other = subprocess.Popen(
        [sys.executable, "-c", LOCKING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "held\n"
        yield
    finally:
        other.communicate(timeout=30)


def test_a_file_that_another_process_keeps_locked_is_an_error_within_the_wait(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with open_records(str(path), fleet="blue", wait_s=0.3) as records:
        records.journal.intend(an_intent())
        leader = records.leadership("one", lease_s=60.0)
        with locked_by_another_process(path):
            began = monotonic()
            with pytest.raises(StoreError, match=r"l\.sqlite: is kept busy by another process"):
                records.journal.settle(an_outcome(), 1)
            with pytest.raises(LeadershipError, match="who leads is not known"):
                leader.lead(NOON)
            assert monotonic() - began < 20
            assert records.journal.entries(NOON) == (an_intent(),)  # who reads does not wait
        records.journal.settle(an_outcome(), 1)


def intend_for_ever(records: Records) -> None:
    for number in count(2):
        records.journal.intend(an_intent(f"blue-{number}", reason="x" * 1500))


def test_a_full_disk_is_an_error_and_what_was_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with open_records(str(path), fleet="blue") as records:
        records.journal.intend(an_intent())
        with records.journal._kept.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="full"):
            intend_for_ever(records)
        written = records.journal.entries(NOON)
        assert written[0] == an_intent()
        with records.journal._kept.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        records.journal.intend(an_intent("later"))
        assert records.journal.entries(NOON) == (*written, an_intent("later"))


def test_a_file_that_becomes_read_only_is_an_error_not_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with open_records(str(path), fleet="blue") as records:
        with records.journal._kept.reading() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")  # as root writes past any mode of a file
        with pytest.raises(StoreError, match=r"l\.sqlite: may not be written"):
            records.journal.intend(an_intent())


@pytest.mark.parametrize("happens", ["deleted", "exchanged"])
def test_a_file_that_is_deleted_or_exchanged_is_an_error_and_none_is_made_in_its_place(
    tmp_path: Path, happens: str
) -> None:
    path = tmp_path / "l.sqlite"
    with open_records(str(path), fleet="blue") as records:
        records.journal.intend(an_intent())
    shutil.copy(path, tmp_path / "kept.sqlite")
    with open_records(str(path), fleet="blue") as records:
        records.journal.lead(1)
        path.unlink()
        if happens == "exchanged":
            shutil.copy(tmp_path / "kept.sqlite", path)
        with pytest.raises(StoreError, match="deleted or exchanged"):
            records.journal.intend(an_intent("blue-2"))
        if happens == "deleted":
            with pytest.raises(StoreError, match="cannot be opened"):
                records.journal.intend(an_intent("blue-2"))
            assert not path.exists()
            (tmp_path / "kept.sqlite").rename(path)
        assert records.journal.entries(NOON) == (an_intent(),)
        records.journal.intend(an_intent("blue-3"))


def test_a_file_that_is_deleted_while_it_is_written_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with open_records(str(path), fleet="blue") as records:
        records.journal.lead(1)
        with pytest.raises(StoreError, match="deleted or exchanged"), records.journal._kept.writing():
            path.unlink()


def test_a_database_that_is_no_ledger_is_bad_input_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "songs.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    with pytest.raises(InputError, match="is a database of something else"), open_records(str(path), fleet="blue"):
        pass


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """A PostgreSQL of this test's own, to be stopped and started."""
    with postgres.running() as server:
        yield server


def test_a_postgresql_that_is_stopped_and_started_again_is_an_error_and_then_well(own_server: postgres.Server) -> None:
    with open_records(own_server.url, fleet="blue") as records:
        records.journal.intend(an_intent())
        own_server.stop()
        with pytest.raises(StoreError):
            records.journal.settle(an_outcome(), 1)
        with pytest.raises(LeadershipError):
            records.leadership("one", lease_s=60.0).lead(NOON)
        own_server.start()
        records.journal.settle(an_outcome(), 1)
        assert records.journal.entries(NOON) == (an_intent(), an_outcome())


def test_a_connection_that_broke_between_two_entries_is_made_anew_unnoticed(own_server: postgres.Server) -> None:
    with open_records(own_server.url, fleet="blue") as records:
        records.journal.intend(an_intent())
        own_server.stop()
        own_server.start()
        records.journal.settle(an_outcome(), 1)


def write_over_a_restart(records: Records, server: postgres.Server) -> None:
    with records.journal._kept.writing() as connection:
        connection.exec_driver_sql("INSERT INTO ledger_status VALUES ('blue', now(), '{}')")
        server.stop()
        server.start()
        connection.exec_driver_sql("SELECT 1")


def test_a_connection_that_breaks_in_the_middle_of_an_entry_leaves_nothing_of_it(own_server: postgres.Server) -> None:
    with open_records(own_server.url, fleet="blue") as records:
        records.journal.lead(1)
        with pytest.raises(StoreError):
            write_over_a_restart(records, own_server)
        assert records.status() is None


def test_a_server_that_says_nothing_any_more_is_hung_up_on(own_server: postgres.Server) -> None:
    with open_records(own_server.url, fleet="blue", wait_s=0.5) as records:
        records.journal.lead(1)
        own_server.signal(signal.SIGSTOP)
        try:
            began = monotonic()
            with pytest.raises(StoreError):
                records.journal.intend(an_intent())
            assert monotonic() - began < 20
        finally:
            own_server.signal(signal.SIGCONT)
        records.journal.intend(an_intent("blue-2"))


def test_a_lock_of_another_session_is_an_error_within_the_wait(postgres_url: str) -> None:
    with (
        open_records(postgres_url, fleet="blue", wait_s=1.0) as records,
        open_records(postgres_url, fleet="blue") as other,
    ):
        records.journal.lead(1)
        with other.journal._kept.writing() as connection:
            connection.exec_driver_sql("SELECT 1 FROM ledger_leader FOR UPDATE")
            with pytest.raises(StoreError, match="is kept busy by another process"):
                records.journal.intend(an_intent())
        records.journal.intend(an_intent())


def test_a_statement_that_takes_too_long_is_an_error(postgres_url: str) -> None:
    with (
        open_records(postgres_url, fleet="blue", wait_s=1.0) as records,
        pytest.raises(StoreError, match="timeout"),
        records.journal._kept.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_sleep(30)")


def test_no_password_is_in_what_is_said(own_server: postgres.Server) -> None:
    url = make_url(own_server.url).set(password="hunter-two-2")
    with open_records(url.set(drivername="postgresql+psycopg"), fleet="blue", wait_s=2.0) as records:
        assert "hunter" not in records.address
        own_server.stop()
        with pytest.raises(StoreError) as caught:
            records.journal.intend(an_intent())
        assert "hunter" not in str(caught.value)
        own_server.start()


def test_one_connection_serves_for_days(url: str) -> None:
    import psutil

    me = psutil.Process()
    with open_records(url, fleet="blue") as records:
        leader = records.leadership("one", lease_s=60.0, checks_clock=False)
        leader.lead(NOON)
        records.journal.intend(an_intent())
        before = me.num_fds(), len(me.net_connections()), me.num_threads()
        for _ in range(200):
            leader.lead(NOON)
            records.save_status("{}", NOON)
            records.journal.entries(NOON)
            records.controls()
        assert (me.num_fds(), len(me.net_connections()), me.num_threads()) == before
