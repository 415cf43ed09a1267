"""The schema: made from nothing, held equal to the tables, guarded, and refused where a newer version made it."""

import gzip
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, text

from planner.errors import InputError, StoreError
from planner.store import journal, open_ledger, operate, tables, write
from planner.store.address import read_url
from planner.store.backup import backup, restore
from planner.store.check import check, upgrade_database
from planner.store.engine import engine_of, reading, writing
from planner.store.operate import ControlRecord
from planner.store.schema import HEAD, REVISIONS, VERSION_TABLE, upgrade
from tests.planner.store.facts import (
    DECEMBER,
    NOVEMBER,
    a_cost,
    a_lease,
    a_price,
    a_published_price,
    an_origin,
    spot_facts,
    usage,
)


def test_the_revisions_known_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(Path(tables.__file__).parent / "migrations"))
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS


def test_the_migrations_make_the_tables_this_version_reads(url: str) -> None:
    upgrade_database(read_url(url, source="test"))
    with reading(engine_of(read_url(url, source="test"))) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_revision_is_brought_up_to_date(url: str, revision: str) -> None:
    place = read_url(url, source="test")
    with writing(engine_of(place)) as connection:
        upgrade(connection, revision)
    assert upgrade_database(place) == (revision, HEAD)
    with open_ledger(url) as ledger:
        assert ledger.batches() == ()


def set_revision(url: str, revision: str) -> None:
    with writing(engine_of(read_url(url, source="test"))) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))


def test_a_newer_schema_is_refused_by_name_and_left_as_it_is(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin())
    set_revision(url, "9999")
    for create in (False, True):
        with (
            pytest.raises(InputError, match=r"revision 9999, made by a newer baseload; .*upgrade baseload"),
            open_ledger(url, create=create),
        ):
            pass
    with pytest.raises(InputError, match="revision 9999"):
        upgrade_database(read_url(url, source="test"))


def test_an_older_schema_asks_for_its_upgrade(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade_database(read_url(url, source="test"))
    set_revision(url, "0000")
    monkeypatch.setattr("planner.store.schema.REVISIONS", ("0000", *REVISIONS))
    said = rf"has revision 0000, this version needs {REVISIONS[-1]}; .*`baseload db upgrade`"
    with pytest.raises(InputError, match=said), open_ledger(url, create=True):
        pass


def stop_after_upgrade(place: URL) -> None:
    with writing(engine_of(place)) as connection:
        upgrade(connection)
        raise RuntimeError("stop")


def test_a_failed_migration_leaves_nothing(url: str) -> None:
    place = read_url(url, source="test")
    with pytest.raises(RuntimeError, match="stop"):
        stop_after_upgrade(place)
    with pytest.raises(InputError, match="no ledger there"), open_ledger(url):
        pass


def test_facts_cannot_be_changed_or_deleted(url: str) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin("a"))
        ledger.add_served(usage((0, "m", "x", 1, 1), gaps=frozenset({3})), an_origin("b"))
        ledger.add_other_costs([a_cost()], an_origin("c"))
        ledger.add_prices([a_price()], an_origin("d"), spot=spot_facts())
        ledger.add_published([a_published_price()], an_origin("f"))
        ledger.add_plan("{}", an_origin("e"), start=NOVEMBER, end=DECEMBER)
        ledger.retract(1, why="test", at=DECEMBER)
    write_as_a_daemon(url)
    for table in (table for table in tables.metadata.sorted_tables if table.name not in tables.CHANGING):
        column = table.columns[0].name
        for statement in (f"UPDATE {table.name} SET {column} = {column}", f"DELETE FROM {table.name}"):
            with pytest.raises(StoreError, match=f"{table.name} is append-only: {statement[:6]} is refused"):
                run(url, statement)


def write_as_a_daemon(url: str) -> None:
    """A row in every table a daemon writes."""
    price = dict.fromkeys(tables.PRICE_COLUMNS)
    entry = {"epoch": 1, "at": NOVEMBER, "node_id": "n", "pool": "p", "model": "m", "provider": "p"} | price
    with writing(engine_of(read_url(url, source="test"))) as connection:
        launch = {**entry, "key": "k", "kind": "launch", "reason": "", "replaces": None, "is_spot_pool": False}
        journal.add_intent(connection, "blue", launch)
        made = {"epoch": 1, "key": "k", "at": NOVEMBER, "result": "done", "failures": 0, "detail": ""}
        journal.add_outcome(connection, "blue", made, made_nothing=False)
        end = {**entry, "machine_id": None, "was_taken_back": False, "billed_from": NOVEMBER}
        del end["provider"]
        journal.add_end(connection, "blue", end, [(NOVEMBER, Decimal("1.25"))])
        journal.add_found(connection, "blue", {**entry, "node_id": "b", "machine_id": "1", "ordered_at": NOVEMBER})
        asked = ControlRecord(at=NOVEMBER, by="ann", why="", is_paused=True, is_scale_in_paused=False)
        operate.add_control(connection, "blue", asked)
        operate.save_status(connection, "blue", "{}", NOVEMBER)
        meter = {"fleet": "blue", "model": "m", "hour": 1, "read_at": NOVEMBER, "measured_s": 2.5}
        connection.execute(tables.meter.insert(), meter | {"input_tokens": 1.5, "output_tokens": 0.25})


def rows_of_all_tables(url: str) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine_of(read_url(url, source="test"))) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key.columns))]
            for table in tables.metadata.sorted_tables
        }


def test_an_upgrade_keeps_what_the_ledger_holds(url: str) -> None:
    place = read_url(url, source="test")
    with writing(engine_of(place)) as connection:
        upgrade(connection, "0001")
        write.add_leases(connection, [a_lease()], an_origin("a"), newer=False)
    upgrade_database(place)
    with open_ledger(url) as ledger:
        assert ledger.leases() == (a_lease(),)


def test_what_a_daemon_wrote_is_backed_up_restored_and_found_in_order(url: str, tmp_path: Path) -> None:
    with open_ledger(url, create=True) as ledger:
        ledger.make()
    write_as_a_daemon(url)
    data, _ = backup(read_url(url, source="test"))
    copy = str(tmp_path / "copy.sqlite")
    restore(read_url(copy, source="test"), gzip.decompress(data), source="backup")
    assert rows_of_all_tables(copy) == rows_of_all_tables(url)
    assert all(rows_of_all_tables(copy)[name] for name in ("ledger_intent", "ledger_leader", "ledger_meter"))
    assert check(read_url(copy, source="test")).is_ok
    with pytest.raises(InputError, match="holds a ledger already"):
        restore(read_url(copy, source="test"), gzip.decompress(data), source="backup")


def run(url: str, statement: str) -> None:
    """Runs a statement past the store."""
    with writing(engine_of(read_url(url, source="test"))) as connection:
        connection.exec_driver_sql(statement)


def test_postgresql_refuses_truncate_too(postgres_url: str) -> None:
    upgrade_database(read_url(postgres_url, source="test"))
    with pytest.raises(StoreError, match="is append-only: TRUNCATE is refused"):
        run(postgres_url, "TRUNCATE ledger_lease")


def test_sqlite_refuses_a_replacing_insert(tmp_path: Path) -> None:
    url = str(tmp_path / "l.sqlite")
    with open_ledger(url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin())
    with pytest.raises(StoreError, match="is append-only"):
        run(url, "INSERT OR REPLACE INTO ledger_batch SELECT * FROM ledger_batch")


def test_a_database_of_something_else_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    said = r"other.sqlite: is a database of something else \(table songs\)"
    before = path.read_bytes()
    with pytest.raises(InputError, match=said), open_ledger(str(path), create=True):
        pass
    assert path.read_bytes() == before  # nor is its journal ours to choose
    path.write_text("no database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(InputError, match="is not a SQLite database"), open_ledger(str(path), create=True):
        pass


def test_tables_of_others_in_a_shared_database_are_let_be(postgres_url: str) -> None:
    with writing(engine_of(read_url(postgres_url, source="test"))) as connection:
        connection.exec_driver_sql("CREATE TABLE songs (name TEXT)")
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
    with open_ledger(postgres_url, create=True) as ledger:
        ledger.add_leases([a_lease()], an_origin())
        assert ledger.leases() == (a_lease(),)


def test_a_sqlite_ledger_writes_ahead_and_keeps_its_references(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.sqlite")
    upgrade_database(read_url(url, source="test"))
    connection = sqlite3.connect(url)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        run(url, "INSERT INTO ledger_gap (batch_id, hour) VALUES (77, 1)")
